package speketest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

func start(t testing.TB, h *speketest.Handler) *speketest.Server {
	s := speketest.New(h)
	t.Cleanup(s.Close)
	return s
}

// request asks for what goes together under a scheme.
func request(content string, c drm.Contract, scheme drm.Scheme) drm.Request {
	return drm.Request{ContentID: content, Scheme: scheme, Contract: c, Systems: systemsOf(scheme)}
}

func systemsOf(scheme drm.Scheme) []drm.SystemID {
	switch scheme {
	case drm.CENC:
		return []drm.SystemID{drm.Widevine, drm.PlayReady, drm.Irdeto, drm.ClearKey, "12345678-1234-1234-1234-123456789abc"}
	case drm.CBCS, drm.SampleAES:
		return []drm.SystemID{drm.FairPlay}
	case drm.AES128:
		return []drm.SystemID{drm.Identity}
	}
	return nil
}

type preset struct{ video, audio string }

// presets are all pairs that go together.
func presets() []preset {
	var all []preset
	for v := range 9 {
		for a := range 4 {
			p := preset{fmt.Sprintf("PRESET-VIDEO-%d", v+1), fmt.Sprintf("PRESET-AUDIO-%d", a+1)}
			if v == 8 {
				p.video = "UNENCRYPTED"
			}
			if a == 3 {
				p.audio = "UNENCRYPTED"
			}
			if p.video != p.audio {
				all = append(all, p)
			}
		}
	}
	return append(all, preset{"SHARED", "SHARED"})
}

// Each preset in each version and scheme, with and without rotation, gives the keys that the ids stand for.
func TestPresets(t *testing.T) {
	server := start(t, nil)
	for _, p := range presets() {
		contract, err := drm.Preset(p.video, p.audio)
		require.NoError(t, err)
		for _, version := range []speke.Version{speke.V1, speke.V20, speke.V21} {
			if version == speke.V1 && len(contract) > 1 {
				continue
			}
			for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS, drm.AES128, drm.SampleAES} {
				client := &speke.Client{URL: server.URL, Version: version}
				for _, period := range []drm.Period{{}, drm.PeriodAt(time.Hour, time.Minute, time.Unix(0, 0))} {
					req := request("demo/clip", contract, scheme)
					req.Period = period
					name := fmt.Sprintf("%s %s %s %s %v", p.video, p.audio, version, scheme, period.Rotates)
					checkKeys(t, client, req, name)
				}
			}
		}
	}
}

// checkKeys asks, and compares with the master secret of the server.
func checkKeys(t *testing.T, client *speke.Client, req drm.Request, name string) {
	t.Helper()
	set, err := client.Keys(t.Context(), req)
	require.NoError(t, err, name)
	require.Len(t, set.Keys, len(req.Contract), name)
	for i, k := range set.Keys {
		require.Equal(t, req.Contract[i].Label, k.Label)
		require.Equal(t, req.KeyID(k.Label), k.Key.ID)
		want, err := speketest.Keys().Key(t.Context(), k.Key.ID)
		require.NoError(t, err)
		require.True(t, want.Value.Equal(k.Key.Value), name)
		require.Len(t, k.Signals, len(req.Systems))
		for j, s := range k.Signals {
			require.Equal(t, req.Systems[j], s.System)
			if s.System != drm.FairPlay && s.System != drm.Identity {
				require.NotEmpty(t, s.PSSH, name)
			}
		}
	}
}

// What a server that gives the same keys without a network would say of them is what comes over it.
func TestSignalsAsBySignaller(t *testing.T) {
	server := start(t, nil)
	local := speketest.Keys()
	local.Signals.KeyURL, local.Signals.ClearKeyURL = "https://keys.example.com/{kid}", "https://keys.example.com/clearkey"
	for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS, drm.AES128} {
		req := request("c", drm.Shared(), scheme)
		req.Systems = map[drm.Scheme][]drm.SystemID{
			drm.CENC:   {drm.Widevine, drm.PlayReady, drm.ClearKey},
			drm.CBCS:   {drm.Widevine, drm.PlayReady, drm.FairPlay, drm.ClearKey},
			drm.AES128: {drm.Identity},
		}[scheme]
		want, err := local.Keys(t.Context(), req)
		require.NoError(t, err)
		got, err := (&speke.Client{URL: server.URL, Version: speke.V21, Smooth: true}).Keys(t.Context(), req)
		require.NoError(t, err)
		for i, s := range got.Keys[0].Signals {
			w := want.Keys[0].Signals[i]
			require.Equal(t, w.PSSH, s.PSSH, w.System.Name())
			require.Equal(t, w.DASH, s.DASH, w.System.Name())
			require.Equal(t, w.Smooth, s.Smooth, w.System.Name())
			require.Equal(t, w.HLS, s.HLS, w.System.Name())
		}
	}
}

func TestAuth(t *testing.T) {
	const secret = "a secret that must not print"
	for _, a := range []struct {
		name        string
		server      speketest.Auth
		right, bad  speke.Auth
		user, leaks string
	}{
		{"basic", speketest.Basic("user", secret), speke.Basic("user", secret), speke.Basic("user", "x"), "user", secret},
		{"digest", speketest.Digest("user", secret), speke.Digest("user", secret), speke.Digest("user", "x"), "user", secret},
		{"header", speketest.Header("X-Api-Key", secret), speke.Header("X-Api-Key", secret), speke.Header("X-Api-Key", "x"), "X-Api-Key", secret},
		{"sigv4", speketest.SigV4("eu-west-1", "AKID", secret, "token"),
			speke.SigV4("eu-west-1", speke.Static(speke.NewCredentials("AKID", secret, "token"))),
			speke.SigV4("eu-west-1", speke.Static(speke.NewCredentials("AKID", "x", "token"))), "AKID", secret},
		{"sigv4, region", speketest.SigV4("us-east-1", "AKID", secret, ""),
			speke.SigV4("us-east-1", speke.Static(speke.NewCredentials("AKID", secret, ""))),
			speke.SigV4("eu-west-1", speke.Static(speke.NewCredentials("AKID", secret, ""))), "AKID", secret},
		{"none", speketest.Auth{}, nil, nil, "", "\x00"},
	} {
		t.Run(a.name, func(t *testing.T) {
			server := start(t, &speketest.Handler{Auth: a.server})
			for _, version := range []speke.Version{speke.V1, speke.V20, speke.V21} {
				for _, p := range []preset{{"SHARED", "SHARED"}, {"PRESET_VIDEO_8", "PRESET_AUDIO_3"}} {
					contract, err := drm.Preset(p.video, p.audio)
					require.NoError(t, err)
					if version == speke.V1 && len(contract) > 1 {
						continue
					}
					client := &speke.Client{URL: server.URL, Version: version, Auth: a.right}
					checkKeys(t, client, request("c", contract, drm.CENC), a.name)
					all := server.Requests()
					require.Equal(t, a.user, all[len(all)-1].User)
				}
			}
			if a.bad == nil {
				return
			}
			client := &speke.Client{URL: server.URL, Auth: a.bad}
			_, err := client.Keys(t.Context(), request("c", drm.Shared(), drm.CENC))
			require.ErrorIs(t, err, drm.ErrRefused)
			text := err.Error()
			for _, v := range []any{client, *client, server.Handler, a.server, struct{ a speketest.Auth }{a.server}, server.Requests()} {
				text += fmt.Sprintf("%v %+v %#v", v, v, v)
			}
			for _, s := range []string{a.leaks, hex.EncodeToString([]byte(a.leaks)), base64.StdEncoding.EncodeToString([]byte("user:" + a.leaks))} {
				require.NotContains(t, text, s)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	req := request("c", drm.Shared(), drm.CENC)
	mutual, err := speketest.NewTLS(nil, speketest.TLS{Mutual: true})
	require.NoError(t, err)
	t.Cleanup(mutual.Close)
	checkKeys(t, &speke.Client{URL: mutual.URL, HTTP: mutual.Client()}, req, "mutual")

	bare := mutual.Client().Transport.(*http.Transport).Clone()
	bare.TLSClientConfig.Certificates = nil
	_, err = (&speke.Client{URL: mutual.URL, HTTP: &http.Client{Transport: bare}}).Keys(t.Context(), req)
	require.ErrorIs(t, err, drm.ErrUnavailable, "no certificate")

	expired, err := speketest.NewTLS(nil, speketest.TLS{Expired: true})
	require.NoError(t, err)
	t.Cleanup(expired.Close)
	_, err = (&speke.Client{URL: expired.URL, HTTP: expired.Client()}).Keys(t.Context(), req)
	require.ErrorIs(t, err, drm.ErrUnavailable)
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, x509.Expired, invalid.Reason)

	_, err = (&speke.Client{URL: mutual.URL}).Keys(t.Context(), req)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

// certificate is one for content keys.
func certificate(t testing.TB) (*x509.Certificate, crypto.Decrypter) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "packager"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c, key
}

func TestContentKeyEncryption(t *testing.T) {
	server := start(t, nil)
	c, key := certificate(t)
	contract, err := drm.Preset("PRESET_VIDEO_2", "PRESET_AUDIO_1")
	require.NoError(t, err)
	for _, version := range []speke.Version{speke.V20, speke.V21} {
		client := &speke.Client{URL: server.URL, Version: version, Certificate: c, PrivateKey: key}
		checkKeys(t, client, request("c", contract, drm.CENC), string(version))
		for _, kind := range []speketest.Kind{speketest.ClearKeys, speketest.WrongMAC} {
			server.SetFaults(speketest.Fault{Kind: kind})
			_, err := client.Keys(t.Context(), request("c", contract, drm.CENC))
			require.ErrorIs(t, err, drm.ErrRefused, string(kind))
			server.SetFaults()
		}
	}
}

// Each fault: its error, within time and memory, and the next request is served.
func TestFaults(t *testing.T) {
	const timeout = 300 * time.Millisecond
	c, key := certificate(t)
	contract, err := drm.Preset("PRESET_VIDEO_2", "PRESET_AUDIO_1")
	require.NoError(t, err)
	want := map[speketest.Kind]error{
		speketest.Status: drm.ErrUnavailable, speketest.Hang: drm.ErrUnavailable, speketest.Drop: drm.ErrUnavailable,
		speketest.Truncated: drm.ErrUnavailable, speketest.Unfinished: drm.ErrFormat, speketest.Endless: drm.ErrFormat,
		speketest.Huge: drm.ErrFormat, speketest.Malformed: drm.ErrFormat, speketest.Entities: drm.ErrFormat, speketest.Deep: drm.ErrFormat,
		speketest.HTML: drm.ErrFormat, speketest.NoHeaders: drm.ErrRefused, speketest.Redirect: drm.ErrRefused,
		speketest.WrongVersion: drm.ErrRefused, speketest.OtherContent: drm.ErrRefused, speketest.WrongKeyID: drm.ErrRefused,
		speketest.ReplaceKeyIDs: nil, speketest.MissingKey: drm.ErrRefused, speketest.NoValue: drm.ErrRefused,
		speketest.ShortKey: drm.ErrKeyLength, speketest.DoubleKey: drm.ErrFormat, speketest.OtherScheme: drm.ErrRefused,
		speketest.MissingSystem: drm.ErrRefused, speketest.EmptyElement: drm.ErrRefused, speketest.WrongPSSH: drm.ErrRefused,
		speketest.WrongHLS: drm.ErrRefused, speketest.OtherContract: drm.ErrRefused, speketest.OtherPeriod: drm.ErrRefused,
		speketest.ClearKeys: drm.ErrRefused, speketest.WrongMAC: drm.ErrRefused,
	}
	server := start(t, nil)
	for _, version := range []speke.Version{speke.V20, speke.V21} {
		for _, kind := range speketest.Kinds() {
			t.Run(string(version)+" "+string(kind), func(t *testing.T) {
				require.Contains(t, want, kind)
				client := &speke.Client{URL: server.URL, Version: version, Timeout: timeout}
				if kind == speketest.ClearKeys || kind == speketest.WrongMAC {
					client.Certificate, client.PrivateKey = c, key
				}
				req := request("c", contract, drm.CENC)
				req.Period = drm.PeriodAt(0, time.Minute, time.Time{})
				server.SetFaults(speketest.Fault{Kind: kind, Times: 1})
				before, begun := allocated(), time.Now()
				set, err := client.Keys(t.Context(), req)
				require.Less(t, time.Since(begun), timeout+2*time.Second)
				require.Less(t, allocated()-before, uint64(64<<20), "bytes, of server and client")
				require.ErrorIs(t, err, want[kind])
				if want[kind] == nil {
					require.NotEqual(t, req.KeyID("AUDIO"), set.Keys[2].Key.ID)
					return
				}
				require.True(t, errors.Is(err, drm.ErrRefused) || errors.Is(err, drm.ErrUnavailable), "%v", err)
				require.Nil(t, set)
				leaksNothing(t, err, &req)
				if kind == speketest.Status {
					var answered *speke.Error
					require.ErrorAs(t, err, &answered)
					require.Equal(t, 500, answered.Status)
				}
				_, err = client.Keys(t.Context(), req)
				require.NoError(t, err, "the next request")
			})
		}
	}
}

// allocated is what the process has allocated so far, bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// leaksNothing looks for the keys of a request in an error.
func leaksNothing(t *testing.T, err error, req *drm.Request) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, r := range req.Contract {
		k, err := speketest.Keys().Key(t.Context(), req.KeyID(r.Label))
		require.NoError(t, err)
		v, _ := k.Value.Reveal()
		for _, form := range []string{string(v[:]), hex.EncodeToString(v[:]), base64.StdEncoding.EncodeToString(v[:])[:20], fmt.Sprint(v[:8])} {
			require.NotContains(t, text, strings.Trim(form, "[]"))
		}
	}
}

// SPEKE 1 has fewer rules; what it has is kept.
func TestFaultsV1(t *testing.T) {
	server := start(t, nil)
	for kind, want := range map[speketest.Kind]error{
		speketest.Drop: drm.ErrUnavailable, speketest.OtherContent: drm.ErrRefused, speketest.WrongKeyID: drm.ErrRefused,
		speketest.MissingSystem: drm.ErrRefused, speketest.ShortKey: drm.ErrKeyLength, speketest.NoValue: drm.ErrRefused,
		speketest.OtherContract: drm.ErrRefused, speketest.EmptyElement: drm.ErrRefused, speketest.ReplaceKeyIDs: nil,
	} {
		server.SetFaults(speketest.Fault{Kind: kind})
		req := request("c", drm.Shared(), drm.CENC)
		req.Period = drm.PeriodAt(0, time.Minute, time.Time{})
		_, err := (&speke.Client{URL: server.URL, Version: speke.V1}).Keys(t.Context(), req)
		require.ErrorIs(t, err, want, string(kind))
	}
}

func TestWhichRequestsFail(t *testing.T) {
	server := start(t, nil)
	client := &speke.Client{URL: server.URL}
	ask := func(content string) error {
		_, err := client.Keys(t.Context(), request(content, drm.Shared(), drm.CENC))
		return err
	}
	server.SetFaults(speketest.Fault{Kind: speketest.Status, Status: 429, RetryAfter: 7, Message: "secret detail", Content: "bad"}, speketest.Fault{Kind: speketest.Drop, Content: "flaky", Every: 3, Times: 2})
	err := ask("bad")
	var answered *speke.Error
	require.ErrorAs(t, err, &answered)
	require.Equal(t, 7*time.Second, answered.RetryAfter)
	require.NotContains(t, err.Error(), "secret detail")
	require.NoError(t, ask("good"))
	for i := 1; i <= 12; i++ {
		require.Equal(t, i == 3 || i == 6, ask("flaky") != nil, i)
	}
	server.SetFaults(speketest.Fault{Delay: 50 * time.Millisecond})
	begun := time.Now()
	require.NoError(t, ask("slow"))
	require.GreaterOrEqual(t, time.Since(begun), 50*time.Millisecond)
}

// 1,000 callers of one content make one request; those of others go on while one is down.
func TestCache(t *testing.T) {
	server := start(t, nil)
	server.SetFaults(speketest.Fault{Kind: speketest.Hang, Content: "down"}, speketest.Fault{Delay: 50 * time.Millisecond})
	cache := &drm.Cache{Provider: &speke.Client{URL: server.URL}, Timeout: time.Second, Attempts: 1}
	defer cache.Close()

	down, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() { _, _ = cache.Keys(down, request("down", drm.Shared(), drm.CENC)) })

	errs := make(chan error, 1000)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			set, err := cache.Keys(t.Context(), request("up", drm.Shared(), drm.CENC))
			if err == nil && len(set.Keys) != 1 {
				err = errors.New("no keys")
			}
			errs <- err
		})
	}
	wg.Wait()
	for range 1000 {
		require.NoError(t, <-errs)
	}
	n := 0
	for _, r := range server.Requests() {
		if r.Content == "up" {
			n++
		}
	}
	require.Equal(t, 1, n)
	cancel()
	waiting.Wait()
}

func TestHeartbeat(t *testing.T) {
	server := start(t, nil)
	for method, want := range map[string]int{"GET": 200, "PUT": 405} {
		r, err := http.NewRequest(method, strings.Replace(server.URL, "copyProtection", "heartbeat", 1), nil)
		require.NoError(t, err)
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	require.Empty(t, server.Requests())
}

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

// The messages of SPEKE 2.0, word for word.
func TestMessages(t *testing.T) {
	const good = `<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" contentId="c" version="2.3"><cpix:ContentKeyList>` +
		`<cpix:ContentKey kid="00000000-0000-0000-0000-000000000001" commonEncryptionScheme="cbcs"/>` +
		`<cpix:ContentKey kid="00000000-0000-0000-0000-000000000002" commonEncryptionScheme="cbcs"/></cpix:ContentKeyList><cpix:DRMSystemList>` +
		`<cpix:DRMSystem kid="00000000-0000-0000-0000-000000000001" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2"><cpix:PSSH/><cpix:HLSSignalingData playlist="media"/></cpix:DRMSystem>` +
		`<cpix:DRMSystem kid="00000000-0000-0000-0000-000000000002" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2"><cpix:HLSSignalingData playlist="media"/></cpix:DRMSystem>` +
		`</cpix:DRMSystemList><cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="p" index="7"/></cpix:ContentKeyPeriodList><cpix:ContentKeyUsageRuleList>` +
		`<cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000001" intendedTrackType="SD+HD1"><cpix:KeyPeriodFilter periodId="p"/><cpix:VideoFilter maxPixels="921600"/></cpix:ContentKeyUsageRule>` +
		`<cpix:ContentKeyUsageRule kid="00000000-0000-0000-0000-000000000002" intendedTrackType="AUDIO"><cpix:AudioFilter/></cpix:ContentKeyUsageRule>` +
		`</cpix:ContentKeyUsageRuleList></cpix:CPIX>`
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

func TestVersions(t *testing.T) {
	server := start(t, &speketest.Handler{Versions: []string{speketest.V20}})
	_, err := (&speke.Client{URL: server.URL, Version: speke.V21}).Keys(t.Context(), request("c", drm.Shared(), drm.CENC))
	require.ErrorContains(t, err, "Unsupported SPEKE version")
	checkKeys(t, &speke.Client{URL: server.URL, Version: speke.V20}, request("c", drm.Shared(), drm.CENC), "2.0")
}
