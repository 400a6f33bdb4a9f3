package speke_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

func TestKeys(t *testing.T) {
	shared, one := request(), drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{}}}}
	shared.Contract = drm.Shared()
	single := request()
	single.Contract = one
	rotating := request()
	rotating.Period = drm.PeriodAt(95*time.Second, 30*time.Second, time.Unix(1_700_000_000, 0))
	vod := rotating
	vod.Period.Epoch = time.Time{}
	cenc := request()
	cenc.Scheme, cenc.Systems = drm.CENC, []drm.SystemID{drm.Widevine, drm.PlayReady, drm.ClearKey}
	aes := shared
	aes.Scheme, aes.Systems = drm.AES128, []drm.SystemID{drm.Identity}

	for _, tt := range []struct {
		name   string
		client speke.Client
		req    drm.Request
	}{
		{"1.0", speke.Client{Version: speke.V1}, shared},
		{"1.0, key server in HLS", speke.Client{Version: speke.V1}, aes},
		{"1.0, rotating", speke.Client{Version: speke.V1}, drm.Request{ContentID: "x", Scheme: drm.CBCS, Systems: single.Systems, Contract: one, Period: rotating.Period}},
		{"2.0", speke.Client{}, request()},
		{"2.0, shared", speke.Client{}, shared},
		{"2.0, cenc", speke.Client{Smooth: true}, cenc},
		{"2.0, AES-128", speke.Client{}, aes},
		{"2.0, rotating", speke.Client{}, rotating},
		{"2.1", speke.Client{Version: speke.V21}, request()},
		{"2.1, rotating by time", speke.Client{Version: speke.V21, Timing: speke.StartEndOnly}, rotating},
		{"2.1, rotating by index and time", speke.Client{Version: speke.V21, Timing: speke.IndexWithStartEnd}, rotating},
		{"2.1, rotating by offset", speke.Client{Version: speke.V21, Timing: speke.IndexWithStartEnd}, vod},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			c := tt.client
			c.URL = s.URL
			set, err := c.Keys(t.Context(), tt.req)
			require.NoError(t, err)
			require.Len(t, set.Keys, len(tt.req.Contract))
			for i, k := range set.Keys {
				require.Equal(t, tt.req.Contract[i].Label, k.Label)
				require.Equal(t, tt.req.KeyID(k.Label), k.Key.ID)
				require.True(t, k.Key.Value.Equal(key(t, k.Key.ID)))
				checkSignals(t, &tt.req, &k)
			}
		})
	}
}

func checkSignals(t *testing.T, req *drm.Request, k *drm.TrackKey) {
	require.Len(t, k.Signals, len(req.Systems))
	for i, s := range k.Signals {
		require.Equal(t, req.Systems[i], s.System)
		require.True(t, strings.HasPrefix(s.HLS, "METHOD="+req.Scheme.Method()+","), s.HLS)
		require.Empty(t, s.Session)
		if s.System == drm.FairPlay || s.System == drm.Identity {
			require.Nil(t, s.PSSH)
			require.Empty(t, s.DASH)
			continue
		}
		boxes, err := drm.ParsePSSH(s.PSSH)
		require.NoError(t, err)
		require.Equal(t, s.System, boxes[0].System)
		require.NoError(t, xml.Unmarshal([]byte("<x>"+s.DASH+"</x>"), &struct{}{}))
	}
}

// Requests are what the specification says.
func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version speke.Version
		header  string
		check   func(t *testing.T, d *cpix.Document)
	}{
		{"1.0", speke.V1, "", func(t *testing.T, d *cpix.Document) {
			require.Equal(t, "demo/clip", d.ID)
			require.Empty(t, d.ContentID+d.Version+d.Keys[0].Scheme)
			require.Empty(t, d.Rules)
			require.NotNil(t, d.System(d.Keys[0].KID, drm.IdentitySPEKE1).URIExtXKey)
		}},
		{"2.0", speke.V20, "2.0", func(t *testing.T, d *cpix.Document) {
			require.Equal(t, "demo/clip", d.ContentID)
			require.Equal(t, "2.3", d.Version)
			require.Empty(t, d.ID)
			require.Equal(t, "cbc1", d.Keys[0].Scheme)
			require.NotNil(t, d.System(d.Keys[0].KID, drm.Identity).HLSMaster)
			require.Equal(t, "ALL", d.Rules[0].Track)
		}},
		{"2.1", speke.V21, "2.1", func(t *testing.T, d *cpix.Document) { require.Equal(t, "2.4", d.Version) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			c := s.client(tt.version)
			c.Header = http.Header{"X-Tenant": {"mezzo"}}
			_, err := c.Keys(t.Context(), drm.Request{ContentID: "demo/clip", Scheme: drm.AES128, Systems: []drm.SystemID{drm.Identity}, Contract: drm.Shared()})
			require.NoError(t, err)
			r := s.asked.Load()
			require.Equal(t, http.MethodPost, r.Method)
			require.Equal(t, "application/xml", r.Header.Get("Content-Type"))
			require.Equal(t, tt.header, r.Header.Get("X-Speke-Version"))
			require.Equal(t, "mezzo", r.Header.Get("X-Tenant"))
			d, err := cpix.Parse(*s.sent.Load())
			require.NoError(t, err)
			tt.check(t, d)
		})
	}
}

// What cannot be right is never sent.
func TestNotSent(t *testing.T) {
	s := newServer(t)
	s.handle = func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }
	for name, tt := range map[string]struct {
		client speke.Client
		req    func(r *drm.Request)
	}{
		"not http":           {speke.Client{URL: "ftp://secret@127.0.0.1/"}, func(*drm.Request) {}},
		"control characters": {speke.Client{}, func(r *drm.Request) { r.ContentID = "a\x00b" }},
		"no UTF-8":           {speke.Client{}, func(r *drm.Request) { r.ContentID = "a\xFF" }},
		"label, no UTF-8":    {speke.Client{}, func(r *drm.Request) { r.Contract[1].Label = "a\xFF" }},
		"region missing": {speke.Client{Auth: speke.SigV4("", speke.Static(speke.NewCredentials("AKID", "secret", "")))},
			func(*drm.Request) {}},
		"no content id":       {speke.Client{}, func(r *drm.Request) { r.ContentID = "" }},
		"no systems":          {speke.Client{}, func(r *drm.Request) { r.Systems = nil }},
		"no contract":         {speke.Client{}, func(r *drm.Request) { r.Contract = nil }},
		"malformed contract":  {speke.Client{}, func(r *drm.Request) { r.Contract = append(r.Contract, r.Contract[0]) }},
		"a system twice":      {speke.Client{}, func(r *drm.Request) { r.Systems = append(r.Systems, drm.Widevine) }},
		"FairPlay with cenc":  {speke.Client{}, func(r *drm.Request) { r.Scheme = drm.CENC }},
		"equal ids":           {speke.Client{}, func(r *drm.Request) { r.KeyIDs = map[string]drm.KeyID{"HD2": {1}, "UHD": {1}} }},
		"several keys in 1.0": {speke.Client{Version: speke.V1}, func(*drm.Request) {}},
		"no such version":     {speke.Client{Version: "3"}, func(*drm.Request) {}},
		"no such timing":      {speke.Client{Timing: "NOW"}, func(*drm.Request) {}},
		"times in 2.0":        {speke.Client{Timing: speke.StartEndOnly}, func(*drm.Request) {}},
		"no URL":              {speke.Client{URL: "/relative?secret=1"}, func(*drm.Request) {}},
		"certificate, no key": {speke.Client{Certificate: certificate(t, 2048, time.Hour).certificate}, func(*drm.Request) {}},
		"other private key":   {withKeys(certificate(t, 2048, time.Hour), certificate(t, 2048, time.Hour)), func(*drm.Request) {}},
		"expired certificate": {withKeys(certificate(t, 2048, -time.Hour), nil), func(*drm.Request) {}},
		"short RSA key":       {withKeys(certificate(t, 1024, time.Hour), nil), func(*drm.Request) {}},
	} {
		t.Run(name, func(t *testing.T) {
			req := request()
			tt.req(&req)
			c := tt.client
			if c.URL == "" {
				c.URL = s.URL
			}
			_, err := c.Keys(t.Context(), req)
			require.ErrorIs(t, err, drm.ErrRefused)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

// replaceKeyID gives the first key another id, in all elements.
func replaceKeyID(d *cpix.Document, other drm.KeyID) {
	old := d.Keys[0].KID
	d.Keys[0].KID = other
	for i := range d.Systems {
		if d.Systems[i].KID == old {
			d.Systems[i].KID = other
		}
	}
	for i := range d.Rules {
		if d.Rules[i].KID == old {
			d.Rules[i].KID = other
		}
	}
}

// A key id that the server replaces everywhere is taken over.
func TestKeyIDReplaced(t *testing.T) {
	for _, v := range []speke.Version{speke.V1, speke.V20, speke.V21} {
		t.Run(string(v), func(t *testing.T) {
			s := newServer(t)
			other := drm.KeyID{0x22, 15: 0x22}
			s.before = func(d *cpix.Document) { replaceKeyID(d, other) }
			req := request()
			if v == speke.V1 {
				req.Contract = drm.Shared()
			}
			set, err := s.client(v).Keys(t.Context(), req)
			require.NoError(t, err)
			require.Equal(t, other, set.Keys[0].Key.ID)
			sent := drm.Key{ID: req.KeyID(req.Contract[0].Label)}
			iv := sent.ConstantIV()
			require.Equal(t, iv[:], set.Keys[0].Key.IV, "the IV that was sent stays")
		})
	}
}

func TestContextEnds(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client("").Keys(ctx, request())
	require.ErrorIs(t, err, drm.ErrUnavailable)
	require.ErrorIs(t, err, context.Canceled)
}
