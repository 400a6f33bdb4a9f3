package speketest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

// post sends a document as it is, with a version header if there is one.
func post(t testing.TB, url, version, body string) (int, http.Header, string) {
	r, err := http.NewRequest("POST", url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/xml")
	if version != "" {
		r.Header.Set("X-Speke-Version", version)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(text))
}

// goodRequest asks for two keys for FairPlay.
func goodRequest() string {
	return `<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" contentId="c" version="2.3"><cpix:ContentKeyList>` +
		`<cpix:ContentKey kid="00000000-0000-0000-0000-000000000001" commonEncryptionScheme="cbcs"/>` +
		`<cpix:ContentKey kid="00000000-0000-0000-0000-000000000002" commonEncryptionScheme="cbcs"/></cpix:ContentKeyList><cpix:DRMSystemList>` +
		`<cpix:DRMSystem kid="00000000-0000-0000-0000-000000000001" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2"><cpix:PSSH/><cpix:HLSSignalingData playlist="media"/></cpix:DRMSystem>` +
		`<cpix:DRMSystem kid="00000000-0000-0000-0000-000000000002" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2"><cpix:HLSSignalingData playlist="media"/></cpix:DRMSystem>` +
		`</cpix:DRMSystemList><cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="p" index="7"/></cpix:ContentKeyPeriodList><cpix:ContentKeyUsageRuleList>` +
		`<cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000001" intendedTrackType="SD+HD1"><cpix:KeyPeriodFilter periodId="p"/><cpix:VideoFilter maxPixels="921600"/></cpix:ContentKeyUsageRule>` +
		`<cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000002" intendedTrackType="AUDIO"><cpix:AudioFilter/></cpix:ContentKeyUsageRule>` +
		`</cpix:ContentKeyUsageRuleList></cpix:CPIX>`
}

// The messages of SPEKE 2.0, word for word.
func TestMessages(t *testing.T) {
	good := goodRequest()
	const kid1 = "00000000-0000-0000-0000-000000000001"
	server := start(t, &speketest.Handler{Accept: func(c drm.Contract) bool { return c[0].Label != "VIDEO" }})
	for _, c := range []struct{ name, version, old, new, want string }{
		{"good", "2.0", "", "", ""},
		{"no content id", "2.0", ` contentId="c"`, "", "Missing CPIX@contentId"},
		{"no version", "2.0", ` version="2.3"`, "", "Missing CPIX@version"},
		{"version 4.0", "2.0", `"2.3"`, `"4.0"`, "Unsupported CPIX@version"},
		{"version of 2.1", "2.0", `"2.3"`, `"2.4"`, "Unsupported CPIX@version"},
		{"header of 2.1", "2.1", "", "", "Unsupported CPIX@version"},
		{"no header", "", "", "", "Unsupported SPEKE version"},
		{"header of 1", "1.0", "", "", "Missing CPIX@id"},
		{"header of 3", "3.0", "", "", "Unsupported SPEKE version"},
		{"no scheme", "2.0", ` commonEncryptionScheme="cbcs"`, "", "Missing ContentKey@commonEncryptionScheme for KID " + kid1},
		{"two schemes", "2.0", `commonEncryptionScheme="cbcs"`, `commonEncryptionScheme="cenc"`, "Non compliant ContentKey@commonEncryptionScheme combination"},
		{"FairPlay with cenc", "2.0", `cbcs`, "*cenc", "ContentKey@commonEncryptionScheme non compatible with DRMSystem 94ce86fb-07ff-4f43-adb8-93d2fa968ca2"},
		{"ALL and others", "2.0", `"AUDIO"`, `"ALL"`, "Malformed encryption contract"},
		{"no filter", "2.0", `<cpix:AudioFilter/>`, "", "Malformed encryption contract"},
		{"three parts, two filters", "2.0", `intendedTrackType="AUDIO"><cpix:AudioFilter/>`, `intendedTrackType="A+B+C"><cpix:AudioFilter/><cpix:AudioFilter/>`, "Malformed encryption contract"},
		{"label twice", "2.0", `"AUDIO"`, `"SD+HD1"`, "Malformed encryption contract"},
		{"no label", "2.0", ` intendedTrackType="AUDIO"`, "", "Malformed encryption contract"},
		{"other period", "2.0", `periodId="p"`, `periodId="q"`, "Malformed encryption contract"},
		{"key without rule", "2.0", `ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000002"`, `ContentKeyUsageRule kid="` + kid1 + `"`, "Malformed encryption contract"},
		{"rule without key", "2.0", `ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000002"`, `ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000003"`, "Malformed encryption contract"},
		{"no rules", "2.0", "ContentKeyUsageRuleList", "*X", "Missing CPIX encryption contract"},
		{"not supported", "2.0", `"SD+HD1"`, `"VIDEO"`, "Requested CPIX encryption contract not supported"},
		{"no keys", "2.0", "ContentKeyList", "*X", "Missing ContentKey"},
		{"no systems", "2.0", "DRMSystemList", "*X", "Missing DRMSystem"},
		{"no XML", "2.0", "</cpix:CPIX>", "", "Malformed CPIX document"},
	} {
		n, repl := 1, c.new
		if strings.HasPrefix(repl, "*") {
			n, repl = -1, repl[1:]
		}
		body := strings.Replace(good, c.old, repl, n)
		if c.old == "" {
			body = good
		}
		status, header, text := post(t, server.URL, c.version, body)
		if c.want != "" {
			require.Equal(t, 422, status, c.name)
			require.Equal(t, c.want, text, c.name)
			continue
		}
		require.Equal(t, 200, status, "%s: %s", c.name, text)
		require.Equal(t, "application/xml; charset=utf-8", header.Get("Content-Type"))
		require.Equal(t, "2.0", header.Get("X-Speke-Version"))
		require.NotEmpty(t, header.Get("X-Speke-User-Agent"))
		require.Contains(t, text, `id="p" index="7"`)
		require.NotContains(t, text, "PSSH", "of FairPlay")
		_, _, again := post(t, server.URL, c.version, body)
		require.Equal(t, text, again, "equal requests, equal answers")
	}
	all := server.Requests()
	require.Equal(t, []string{"SD+HD1", "AUDIO"}, all[0].Labels)
	require.Equal(t, []string{"p"}, all[0].Periods)
	require.Equal(t, "c", all[0].Content)
	require.True(t, bytes.Equal([]byte(good), all[0].Body))
	require.Equal(t, 422, all[len(all)-1].Status)
}

// Whatever comes, the server answers with keys or a refusal, and never panics; what faults make of it too.
func FuzzServe(f *testing.F) {
	f.Add("2.0", goodRequest(), uint8(0))
	f.Add("", `<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" id="c"/>`, uint8(20))
	kinds := speketest.Kinds()
	f.Fuzz(func(t *testing.T, version, body string, fault uint8) {
		h := &speketest.Handler{}
		switch kind := kinds[int(fault)%len(kinds)]; kind {
		case speketest.Hang, speketest.Drop, speketest.Truncated, speketest.Endless, speketest.Huge:
		default:
			h.SetFaults(speketest.Fault{Kind: kind})
		}
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("X-Speke-Version", version)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Contains(t, []int{200, 307, 422, 500}, w.Code)
	})
}
