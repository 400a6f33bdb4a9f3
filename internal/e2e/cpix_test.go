package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
	"github.com/mezzomedia/mezzo/internal/cpix"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// wiretap keeps the last request and answer.
type wiretap struct{ request, answer []byte }

func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	if w.request, err = io.ReadAll(body); err != nil {
		return nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if w.answer, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(w.answer))
	return resp, nil
}

// packagerKey makes an RSA key and a certificate for it.
func packagerKey(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return key, certificate
}

// Documents of SPEKE 2.0 are valid by the schema of CPIX 2.3, but for a request with a certificate: the schema wants the
// document key in it already. Without the corpus there is no schema.
func TestCPIXSchema(t *testing.T) {
	dir := harness.Corpus(t)
	if dir == "" {
		return
	}
	schema := filepath.Join(dir, "cpix", "axinom-cpix", "Resources", "Schema", "cpix.xsd")
	server := speketest.New(nil)
	defer server.Close()
	key, certificate := packagerKey(t)
	for _, preset := range [][2]string{{"SHARED", "SHARED"}, {"PRESET_VIDEO_1", "PRESET_AUDIO_1"}, {"PRESET_VIDEO_8", "PRESET_AUDIO_3"}} {
		contract, err := drm.Preset(preset[0], preset[1])
		require.NoError(t, err)
		for name, tt := range map[string]struct {
			scheme  drm.Scheme
			systems []drm.SystemID
			sealed  bool
		}{
			"cenc":           {drm.CENC, []drm.SystemID{drm.Widevine, drm.PlayReady, drm.ClearKey}, false},
			"cbcs":           {drm.CBCS, []drm.SystemID{drm.Widevine, drm.PlayReady, drm.FairPlay}, false},
			"AES-128":        {drm.AES128, []drm.SystemID{drm.Identity}, false},
			"encrypted keys": {drm.CBCS, []drm.SystemID{drm.Widevine}, true},
		} {
			t.Run(preset[0]+", "+name, func(t *testing.T) {
				tap := &wiretap{}
				client := &speke.Client{URL: server.URL, HTTP: &http.Client{Transport: tap}, Smooth: true}
				if tt.sealed {
					client.Certificate, client.PrivateKey = certificate, key
				}
				_, err := client.Keys(t.Context(), drm.Request{
					ContentID: "demo/clip", Scheme: tt.scheme, Systems: tt.systems, Contract: contract,
					Period: drm.PeriodAt(time.Minute, 10*time.Second, time.Time{}),
				})
				require.NoError(t, err)
				if !tt.sealed {
					validate(t, schema, tap.request)
				}
				validate(t, schema, tap.answer)
			})
		}
	}
}

func validate(t *testing.T, schema string, doc []byte) {
	file := filepath.Join(t.TempDir(), "cpix.xml")
	require.NoError(t, os.WriteFile(file, doc, 0o600))
	harness.Run(t, "xmllint", "--noout", "--nonet", "--schema", schema, file)
}

// The client asks as the requests of AWS's verification suite do.
func TestCPIXRequests(t *testing.T) {
	dir := harness.Corpus(t)
	if dir == "" {
		return
	}
	suite := filepath.Join(dir, "cpix", "speke", "spekev2_verification_testsuite", "spekev2_requests", "general")
	server := speketest.New(nil)
	defer server.Close()
	for name, contract := range map[string]drm.Contract{
		"1_generic_spekev2_dash_widevine_preset_video_1_audio_1_no_rotation.xml": {
			{Label: "VIDEO", Video: []drm.VideoFilter{{}}}, {Label: "AUDIO", Audio: []drm.AudioFilter{{}}},
		},
		"2_speke_v1_style_implementation.xml": drm.Shared(),
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(suite, name))
			require.NoError(t, err)
			want, err := cpix.Parse(text)
			require.NoError(t, err)
			req := drm.Request{ContentID: want.ContentID, Scheme: drm.CENC, Systems: []drm.SystemID{drm.Widevine}, Contract: contract, KeyIDs: map[string]drm.KeyID{}}
			for _, r := range want.Rules {
				req.KeyIDs[r.Track] = r.KID
			}
			if len(want.Periods) > 0 {
				req.Period = drm.Period{Rotates: true, Index: *want.Periods[0].Index}
			}
			tap := &wiretap{}
			_, err = (&speke.Client{URL: server.URL, HTTP: &http.Client{Transport: tap}}).Keys(t.Context(), req)
			require.NoError(t, err)
			got, err := cpix.Parse(tap.request)
			require.NoError(t, err)
			for i := range got.Periods { // its id is anybody's choice
				from, to := got.Periods[i].ID, want.Periods[i].ID
				got, err = cpix.Parse(bytes.ReplaceAll(tap.request, []byte(from), []byte(to)))
				require.NoError(t, err)
			}
			require.Equal(t, string(want.Append(nil)), string(got.Append(nil)))
		})
	}
}

// Documents that other libraries test themselves with are read.
func TestCPIXOfPeers(t *testing.T) {
	dir := harness.Corpus(t)
	if dir == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "cpix", "*cpix*", "*.xml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	keys := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		d, err := cpix.Parse(text)
		require.NoError(t, err, file)
		for _, k := range d.Keys {
			require.False(t, k.Value.IsZero())
			keys++
		}
		for _, y := range d.Systems {
			if len(y.PSSH) > 0 {
				boxes, err := drm.ParsePSSH(y.PSSH)
				require.NoError(t, err)
				require.Equal(t, y.System, boxes[0].System)
			}
		}
	}
	require.Positive(t, keys)
}

// openssl takes an encrypted content key apart with the private key alone.
func TestCPIXByOpenSSL(t *testing.T) {
	key, certificate := packagerKey(t)
	value, err := drm.NewSecret([]byte("0123456789abcdef"))
	require.NoError(t, err)
	d := &cpix.Document{
		Delivery: []cpix.DeliveryData{{ID: "packager", Certificate: certificate.Raw}},
		Keys:     []cpix.ContentKey{{KID: drm.KeyID{1}, Value: value}},
	}
	require.NoError(t, d.Seal(rand.Reader))
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		return name
	}
	private := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	unwrap := func(data []byte) string {
		return hex.EncodeToString(harness.Run(t, "openssl", "pkeyutl", "-decrypt", "-inkey", private,
			"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-in", write("wrapped", data)))
	}
	document, mac := unwrap(d.Delivery[0].DocumentKey), unwrap(d.Delivery[0].MACKey)
	require.Len(t, document, 64)
	require.Len(t, mac, 128)
	s := d.Keys[0].Sealed
	plain := harness.Run(t, "openssl", "enc", "-d", "-aes-256-cbc", "-K", document, "-iv", hex.EncodeToString(s.Cipher[:16]), "-in", write("cipher", s.Cipher[16:]))
	require.Equal(t, "0123456789abcdef", string(plain))
	sum := harness.Run(t, "openssl", "dgst", "-sha512", "-mac", "HMAC", "-macopt", "hexkey:"+mac, "-r", write("value", s.Cipher))
	require.True(t, strings.HasPrefix(string(sum), hex.EncodeToString(s.MAC)), "%s", sum)
}
