package speke_test

import (
	"encoding/base64"
	"encoding/xml"
	"io"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"net/http"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
)

// tree is a document as a list of its paths, each with its attributes: order and white space are left out.
func tree(t testing.TB, doc string) []string {
	d := xml.NewDecoder(strings.NewReader(doc))
	var path, all []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			sort.Strings(all)
			return all
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			var attrs []string
			for _, a := range e.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "explicitIV" {
					attrs = append(attrs, a.Name.Local+"="+a.Value)
				}
			}
			slices.Sort(attrs)
			path = append(path, "{"+e.Name.Space+"}"+e.Name.Local+"["+strings.Join(attrs, " ")+"]")
			all = append(all, strings.Join(path, "/"))
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

const sampleKID = "98ee5596-cd3e-a20d-163a-e382420c6eff"

// exchange asks a server that answers with a fixed document, and returns the request and what became of the answer.
func exchange(t *testing.T, c speke.Client, req drm.Request, answer string) (string, *drm.KeySet) {
	s := newServer(t)
	var sent string
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Speke-Version", r.Header.Get("X-Speke-Version"))
		w.Header().Set("X-Speke-User-Agent", "sample")
		_, _ = io.WriteString(w, answer)
	})
	c.URL = s.URL
	set, err := c.Keys(t.Context(), req)
	require.NoError(t, err)
	return sent, set
}

// SPEKE 1: the four systems of the documentation's examples.
func TestDocumentedV1(t *testing.T) {
	t.Run("VOD", func(t *testing.T) { documentedV1(t, drm.Period{}, "") })
	const id = "keyPeriod_594107dc-c529-8f86-943a-7aaeec092b41"
	t.Run("live", func(t *testing.T) {
		documentedV1(t, drm.PeriodAt(7*time.Second, 5*time.Second, time.Unix(0, 0)), `<cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="`+id+`" index="1" /></cpix:ContentKeyPeriodList>`+
			`<cpix:ContentKeyUsageRuleList><cpix:ContentKeyUsageRule kid="`+sampleKID+`"><cpix:KeyPeriodFilter periodId="`+id+`" /></cpix:ContentKeyUsageRule></cpix:ContentKeyUsageRuleList>`)
	})
}

// documentedV1 sends and reads the example, with what follows the systems.
func documentedV1(t *testing.T, period drm.Period, rest string) {
	kid, err := drm.ParseKeyID(sampleKID)
	require.NoError(t, err)
	const namespaces = ` xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:speke="urn:aws:amazon:com:speke"`
	system := func(id, content string) string {
		return `<cpix:DRMSystem kid="` + sampleKID + `" systemId="` + id + `">` + content + `</cpix:DRMSystem>`
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const hls = `<cpix:URIExtXKey/><speke:KeyFormat/><speke:KeyFormatVersions/>`
	question := `<cpix:CPIX id="abc123"` + namespaces + `><cpix:ContentKeyList><cpix:ContentKey kid="` + sampleKID + `" explicitIV="OFj2IjCsPJFfMAxmQxLGPw=="/></cpix:ContentKeyList><cpix:DRMSystemList>` +
		system("81376844-f976-481e-a84e-cc25d39b0b33", hls) + system("94ce86fb-07ff-4f43-adb8-93d2fa968ca2", hls) +
		system("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", `<cpix:PSSH/>`) +
		system("9a04f079-9840-4286-ab92-e65be0885f95", `<speke:ProtectionHeader/><cpix:PSSH/>`) + `</cpix:DRMSystemList>` + rest + `</cpix:CPIX>`

	const widevine = "AAAAanBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAEoIARIQeSIcblaNbb7Dji6sAtKZzRoNd2lkZXZpbmVfdGVzdCIfa2V5LWlkOmVTSWNibGFOYmI3RGppNnNBdEtaelE9PSoCU0QyAA=="
	value, err := drm.NewSecret([]byte("0123456789abcdef"))
	require.NoError(t, err)
	signals, err := (&drm.Signaller{}).Signals(&drm.Request{Scheme: drm.CENC, Systems: []drm.SystemID{drm.PlayReady}}, &drm.Key{ID: kid, Value: value})
	require.NoError(t, err)
	tags := func(uri, format string) string {
		return "<cpix:URIExtXKey>" + b64(uri) + "</cpix:URIExtXKey><speke:KeyFormat>" + b64(format) + "</speke:KeyFormat><speke:KeyFormatVersions>MQ==</speke:KeyFormatVersions>"
	}
	answer := `<cpix:CPIX` + namespaces + ` id="abc123"><cpix:ContentKeyList><cpix:ContentKey explicitIV="OFj2IjCsPJFfMAxmQxLGPw==" kid="` + sampleKID + `">
		<cpix:Data><pskc:Secret><pskc:PlainValue>5dGAgwGuUYu4dHeHtNlxJw==</pskc:PlainValue></pskc:Secret></cpix:Data></cpix:ContentKey></cpix:ContentKeyList><cpix:DRMSystemList>
		<!-- HLS AES-128 (systemId is implementation specific) -->` +
		system("81376844-f976-481e-a84e-cc25d39b0b33", tags("https://example.com/client/abc123", "identity")) +
		system("94ce86fb-07ff-4f43-adb8-93d2fa968ca2", tags("skd://abc123", "com.apple.streamingkeydelivery")) +
		system("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "<cpix:PSSH>"+widevine+"</cpix:PSSH>") +
		system("9a04f079-9840-4286-ab92-e65be0885f95", "<speke:ProtectionHeader>"+b64(string(signals[0].Smooth))+"</speke:ProtectionHeader><cpix:PSSH>"+b64(string(signals[0].PSSH))+"</cpix:PSSH>") +
		`</cpix:DRMSystemList>` + rest + `</cpix:CPIX>`

	sent, set := exchange(t, speke.Client{Version: speke.V1}, drm.Request{
		ContentID: "abc123", Scheme: drm.CBCS, Contract: drm.Shared(), KeyIDs: map[string]drm.KeyID{"ALL": kid}, Period: period,
		Systems: []drm.SystemID{drm.Identity, drm.FairPlay, drm.Widevine, drm.PlayReady},
	}, answer)
	require.Equal(t, tree(t, question), tree(t, sent))

	k := set.Keys[0]
	key, _ := k.Key.Value.Reveal()
	require.Equal(t, "5dGAgwGuUYu4dHeHtNlxJw==", base64.StdEncoding.EncodeToString(key[:]))
	require.Equal(t, "OFj2IjCsPJFfMAxmQxLGPw==", base64.StdEncoding.EncodeToString(k.Key.IV))
	require.Equal(t, `METHOD=SAMPLE-AES,URI="https://example.com/client/abc123",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`, k.Signals[0].HLS)
	require.Equal(t, `METHOD=SAMPLE-AES,URI="skd://abc123",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"`, k.Signals[1].HLS)
	require.Equal(t, widevine, base64.StdEncoding.EncodeToString(k.Signals[2].PSSH))
	require.Equal(t, `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">`+widevine+`</cenc:pssh>`, k.Signals[2].DASH)
	require.Equal(t, `METHOD=SAMPLE-AES,URI="data:text/plain;base64,`+widevine+`",KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",KEYFORMATVERSIONS="1"`, k.Signals[2].HLS)
	require.Equal(t, signals[0].Smooth, k.Signals[3].Smooth)
	require.Equal(t, signals[0].DASH, k.Signals[3].DASH)
}

// SPEKE 2: the example of overriding the key identifier, with what the documentation leaves out filled in.
func TestDocumentedV2(t *testing.T) {
	kid := drm.KeyID([]byte(strings.Repeat("\x11", 16)))
	document := func(kid, value, media, master, children, pssh, period string) string {
		return `<cpix:CPIX contentId="abc123" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
	<cpix:ContentKeyList><cpix:ContentKey explicitIV="OFj2IjCsPJFfMAxmQxLGPw==" kid="` + kid + `" commonEncryptionScheme="cbcs">` + value + `</cpix:ContentKey></cpix:ContentKeyList>
	<cpix:DRMSystemList>
		<!-- Widevine -->
		<cpix:DRMSystem kid="` + kid + `" systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
			<cpix:HLSSignalingData playlist="media">` + media + `</cpix:HLSSignalingData>
			<cpix:HLSSignalingData playlist="master">` + master + `</cpix:HLSSignalingData>
			<cpix:ContentProtectionData>` + children + `</cpix:ContentProtectionData>
			<cpix:PSSH>` + pssh + `</cpix:PSSH>
		</cpix:DRMSystem>
	</cpix:DRMSystemList>
	<cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="` + period + `" index="1" /></cpix:ContentKeyPeriodList>
	<cpix:ContentKeyUsageRuleList>
		<cpix:ContentKeyUsageRule kid="` + kid + `" intendedTrackType="VIDEO"><cpix:KeyPeriodFilter periodId="` + period + `"/><cpix:VideoFilter /></cpix:ContentKeyUsageRule>
	</cpix:ContentKeyUsageRuleList>
</cpix:CPIX>`
	}
	req := drm.Request{
		ContentID: "abc123", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.Widevine}, KeyIDs: map[string]drm.KeyID{"VIDEO": kid},
		Contract: drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{}}}}, Period: drm.PeriodAt(7*time.Second, 5*time.Second, time.Time{}),
	}
	const (
		period = "keyPeriod_594107dc-c529-8f86-943a-7aaeec092b41"
		// For 01020304-0506-0708-090a-aabbccddeeff and cbcs.
		pssh     = "AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEAECAwQFBgcICQqqu8zd7v9I88aJmwY="
		children = "PGNlbmM6cHNzaCB4bWxuczpjZW5jPSJ1cm46bXBlZzpjZW5jOjIwMTMiPkFBQUFPSEJ6YzJnQUFBQUE3ZStMcVhuV1NzNmp5Q2ZjMVIwaDdRQUFBQmdTRUFFQ0F3UUZCZ2NJQ1FxcXU4emQ3djlJODhhSm13WT08L2NlbmM6cHNzaD4="
		media    = "I0VYVC1YLUtFWTpNRVRIT0Q9U0FNUExFLUFFUyxVUkk9ImRhdGE6dGV4dC9wbGFpbjtiYXNlNjQsQUFBQU9IQnpjMmdBQUFBQTdlK0xxWG5XU3M2anlDZmMxUjBoN1FBQUFCZ1NFQUVDQXdRRkJnY0lDUXFxdTh6ZDd2OUk4OGFKbXdZPSIsS0VZRk9STUFUPSJ1cm46dXVpZDplZGVmOGJhOS03OWQ2LTRhY2UtYTNjOC0yN2RjZDUxZDIxZWQiLEtFWUZPUk1BVFZFUlNJT05TPSIxIg=="
	)
	tag, err := base64.StdEncoding.DecodeString(media)
	require.NoError(t, err)
	master := base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(tag), "#EXT-X-KEY", "#EXT-X-SESSION-KEY", 1)))
	const value = "<cpix:Data><pskc:Secret><pskc:PlainValue>GUf166PQbx+sgBADjyBMvw==</pskc:PlainValue></pskc:Secret></cpix:Data>"

	sent, set := exchange(t, speke.Client{}, req, document("01020304-0506-0708-090A-AABBCCDDEEFF", value, media, master, children, pssh, period))
	require.Equal(t, tree(t, document(kid.String(), "", "", "", "", "", period)), tree(t, sent))
	k := set.Keys[0]
	require.Equal(t, "01020304-0506-0708-090a-aabbccddeeff", k.Key.ID.String())
	require.Equal(t, "#EXT-X-KEY:"+k.Signals[0].HLS, string(tag))
	require.Empty(t, k.Signals[0].Session)
	require.Equal(t, pssh, base64.StdEncoding.EncodeToString(k.Signals[0].PSSH))
	require.Equal(t, `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">`+pssh+`</cenc:pssh>`, k.Signals[0].DASH)
}

// SPEKE 2.1: what it adds arrives.
func TestDocumentedV21(t *testing.T) {
	kid, err := drm.ParseKeyID(sampleKID)
	require.NoError(t, err)
	req := drm.Request{
		ContentID: "abc123", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.FairPlay}, KeyIDs: map[string]drm.KeyID{"ALL": kid},
		Contract: drm.Shared(), Period: drm.PeriodAt(6*time.Second, 6*time.Second, time.Date(2025, 12, 31, 23, 59, 54, 0, time.UTC)),
	}
	const period = "keyPeriod_594107dc-c529-8f86-943a-7aaeec092b41"
	document := func(value, attrs, hls string) string {
		return `<cpix:CPIX contentId="abc123" version="2.4" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
	<cpix:ContentKeyList><cpix:ContentKey kid="` + sampleKID + `" commonEncryptionScheme="cbcs">` + value + `</cpix:ContentKey></cpix:ContentKeyList>
	<cpix:DRMSystemList><cpix:DRMSystem kid="` + sampleKID + `" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2"` + attrs + `>` + hls + `</cpix:DRMSystem></cpix:DRMSystemList>
	<cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="` + period + `" index="1" start="2026-01-01T00:00:00Z" end="2026-01-01T00:00:06Z" /></cpix:ContentKeyPeriodList>
	<cpix:ContentKeyUsageRuleList><cpix:ContentKeyUsageRule kid="` + sampleKID + `" intendedTrackType="ALL"><cpix:KeyPeriodFilter periodId="` + period + `"/><cpix:AudioFilter /><cpix:VideoFilter /></cpix:ContentKeyUsageRule></cpix:ContentKeyUsageRuleList>
</cpix:CPIX>`
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const list = `METHOD=SAMPLE-AES,URI="skd://x",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"`
	answer := document(`<cpix:HDCPData HLSHDCPLevel="TYPE-1"><cpix:HDCPOutputProtectionData>PGEvPg==</cpix:HDCPOutputProtectionData></cpix:HDCPData>
		<cpix:Data><pskc:Secret><pskc:PlainValue>5dGAgwGuUYu4dHeHtNlxJw==</pskc:PlainValue></pskc:Secret></cpix:Data>`,
		` HLSAllowedCPC="AppleMain"`,
		`<cpix:HLSSignalingData playlist="media">`+b64("#EXT-X-KEY:"+list)+`</cpix:HLSSignalingData><cpix:HLSSignalingData playlist="master">`+b64("#EXT-X-SESSION-KEY:"+list)+`</cpix:HLSSignalingData>`+
			`<cpix:ContentProtectionData robustness="HW_SECURE_ALL">`+b64("<a/>")+`</cpix:ContentProtectionData>`)
	sent, set := exchange(t, speke.Client{Version: speke.V21, Timing: speke.IndexWithStartEnd}, req, answer)
	require.Equal(t, tree(t, document("", "", `<cpix:HLSSignalingData playlist="media"/><cpix:HLSSignalingData playlist="master"/>`)), tree(t, sent))
	s := set.Keys[0].Signals[0]
	require.Equal(t, drm.Signal{System: drm.FairPlay, HLS: list, HDCPLevel: "TYPE-1", AllowedCPC: "AppleMain", Robustness: "HW_SECURE_ALL", DASH: "<a></a>"}, s)
}
