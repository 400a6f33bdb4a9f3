package speketest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"strings"
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

func TestVersions(t *testing.T) {
	server := start(t, &speketest.Handler{Versions: []string{speketest.V20}})
	_, err := (&speke.Client{URL: server.URL, Version: speke.V21}).Keys(t.Context(), request("c", drm.Shared(), drm.CENC))
	require.ErrorContains(t, err, "Unsupported SPEKE version")
	checkKeys(t, &speke.Client{URL: server.URL, Version: speke.V20}, request("c", drm.Shared(), drm.CENC), "2.0")
}
