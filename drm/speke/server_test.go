package speke_test

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// server answers as a key server should, but for what its members change.
type server struct {
	*httptest.Server
	before func(d *cpix.Document)       // the question, before it is answered
	change func(d *cpix.Document)       // the answer, before it is encrypted
	text   func(b []byte) []byte        // the answer as text
	header func(h http.Header)          // of the answer
	handle http.HandlerFunc             // in place of all
	asked  atomic.Pointer[http.Request] // the last request
	sent   atomic.Pointer[[]byte]       // its body
}

// key is the value that the server has for an id.
func key(t testing.TB, id drm.KeyID) drm.Secret {
	sum := sha256.Sum256(id[:])
	v, err := drm.NewSecret(sum[:16])
	require.NoError(t, err)
	return v
}

func newServer(t testing.TB) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.handle != nil {
			_, _ = io.Copy(io.Discard, r.Body) // so that the server hears of a client that leaves
			s.handle(w, r)
			return
		}
		s.answer(t, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) answer(t testing.TB, w http.ResponseWriter, r *http.Request) {
	s.asked.Store(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	s.sent.Store(&body)
	d, err := cpix.Parse(body)
	if err != nil {
		t.Errorf("request: %v", err)
		return
	}
	if s.before != nil {
		s.before(d)
	}
	fill(t, d)
	if s.change != nil {
		s.change(d)
	}
	if d.Delivery != nil {
		if err := d.Seal(rand.Reader); err != nil {
			t.Error(err)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/xml; charset=UTF-8")
	h.Set("X-Speke-Version", r.Header.Get("X-Speke-Version"))
	h.Set("X-Speke-User-Agent", "keys of a test")
	if s.header != nil {
		s.header(h)
	}
	out := d.Append(nil)
	if s.text != nil {
		out = s.text(out)
	}
	_, _ = w.Write(out)
}

// fill answers a request: every element that is there and empty gets what drm signals.
func fill(t testing.TB, d *cpix.Document) {
	signaller := drm.Signaller{PlayReadyURL: "https://example.com/playready", KeyURL: "https://example.com/{kid}", ClearKeyURL: "/clearkey"}
	for i := range d.Keys {
		d.Keys[i].Value = key(t, d.Keys[i].KID)
	}
	for i := range d.Systems {
		y := &d.Systems[i]
		k := d.Key(y.KID)
		scheme := drm.Scheme(k.Scheme)
		if y.System == drm.Identity || y.System == drm.IdentitySPEKE1 {
			scheme = drm.AES128
		}
		if d.Version == "" && scheme == "" {
			scheme = drm.CBCS
		}
		signals, err := signaller.Signals(&drm.Request{Scheme: scheme, Systems: []drm.SystemID{y.System}}, &drm.Key{ID: k.KID, Value: k.Value})
		if err != nil {
			t.Error(err)
			return
		}
		s := signals[0]
		for _, e := range []struct {
			into  *[]byte
			value string
		}{
			{&y.PSSH, string(s.PSSH)}, {&y.ContentProtectionData, s.DASH}, {&y.HLSMedia, "#EXT-X-KEY:" + s.HLS}, {&y.HLSMaster, "#EXT-X-SESSION-KEY:" + s.HLS},
			{&y.Smooth, string(s.Smooth)}, {&y.ProtectionHeader, string(s.Smooth)},
			{&y.URIExtXKey, "https://example.com/" + y.KID.Hex()}, {&y.KeyFormat, map[bool]string{true: "com.apple.streamingkeydelivery", false: "identity"}[y.System == drm.FairPlay]}, {&y.KeyFormatVersions, "1"},
		} {
			if *e.into != nil {
				*e.into = []byte(e.value)
			}
		}
	}
}

func request() drm.Request {
	return drm.Request{
		ContentID: "demo/clip", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.Widevine, drm.PlayReady, drm.FairPlay},
		Contract: drm.Contract{
			{Label: "SD+HD1", Video: []drm.VideoFilter{{MaxPixels: 589824}, {MinPixels: 589825, MaxPixels: 921600}}},
			{Label: "HD2", Video: []drm.VideoFilter{{MinPixels: 921601, MaxPixels: 2073600}}},
			{Label: "UHD", Video: []drm.VideoFilter{{MinPixels: 2073601}}},
			{Label: "AUDIO", Audio: []drm.AudioFilter{{}}},
		},
	}
}

// client asks the server; the versions are those of a table.
func (s *server) client(v speke.Version) *speke.Client {
	return &speke.Client{URL: s.URL + "/speke/copyProtection", Version: v}
}
