package speke_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// A server that replaces a key id has to do so within boxes, headers and tags too: players ask for what those name.
func TestNamesOfAnotherKey(t *testing.T) {
	other := drm.KeyID{0x22, 15: 0x22}
	text := func(old drm.KeyID, system drm.SystemID) string { // what names it in the element
		box := drm.PSSH{System: system, Data: (&drm.WidevineData{KeyIDs: []drm.KeyID{old}, Scheme: drm.CBCS}).Append(nil)}
		return base64.StdEncoding.EncodeToString(box.Append(nil))
	}
	object := func(t *testing.T, k *drm.Key, scheme drm.Scheme) []byte {
		h, err := drm.NewPlayReadyHeader(scheme, k)
		require.NoError(t, err)
		pro, err := h.Object()
		require.NoError(t, err)
		return pro
	}
	each := func(d *cpix.Document, id drm.SystemID, change func(y *cpix.DRMSystem)) {
		for i := range d.Systems {
			if d.Systems[i].System == id && d.Systems[i].KID == d.Keys[0].KID {
				change(&d.Systems[i])
			}
		}
	}
	for name, v := range map[string]struct {
		change func(t *testing.T, d *cpix.Document)
		scheme drm.Scheme
		says   string
	}{
		"everything": {func(_ *testing.T, d *cpix.Document) { replaceKeyID(d, other) }, drm.CBCS, "pssh box is for another key"},
		"Widevine, in the tags alone": {func(_ *testing.T, d *cpix.Document) {
			each(d, drm.Widevine, func(y *cpix.DRMSystem) {
				for _, line := range []*[]byte{&y.HLSMedia, &y.HLSMaster} {
					*line = bytes.ReplaceAll(*line, []byte(text(y.KID, drm.Widevine)), []byte(text(other, drm.Widevine)))
				}
			})
		}, drm.CBCS, "pssh box is for another key"},
		"KEYID": {func(_ *testing.T, d *cpix.Document) {
			each(d, drm.Widevine, func(y *cpix.DRMSystem) {
				y.HLSMedia = append(y.HLSMedia, ",KEYID=0x"+other.Hex()...)
				y.HLSMaster = append(y.HLSMaster, ",KEYID=0x"+other.Hex()...)
			})
		}, drm.CBCS, "KEYID"},
		"the list of a box": {func(_ *testing.T, d *cpix.Document) {
			each(d, drm.Widevine, func(y *cpix.DRMSystem) {
				box := drm.PSSH{System: drm.Widevine, KeyIDs: []drm.KeyID{other}}
				y.PSSH, y.ContentProtectionData = box.Append(nil), []byte("<a/>")
			})
		}, drm.CBCS, "pssh box is for another key"},
		"PlayReady, the header for Smooth": {func(t *testing.T, d *cpix.Document) {
			each(d, drm.PlayReady, func(y *cpix.DRMSystem) { y.Smooth = object(t, &drm.Key{ID: other}, drm.CBCS) })
		}, drm.CBCS, "PlayReady header is for another key"},
		"PlayReady, mspr:pro alone": {func(t *testing.T, d *cpix.Document) {
			each(d, drm.PlayReady, func(y *cpix.DRMSystem) {
				pro := object(t, &drm.Key{ID: drm.KeyID(y.KID.GUID())}, drm.CBCS) // the other byte order
				y.ContentProtectionData = []byte("<mspr:pro>" + base64.StdEncoding.EncodeToString(pro) + "</mspr:pro>")
			})
		}, drm.CBCS, "byte order"},
		"PlayReady, the checksum of another key": {func(t *testing.T, d *cpix.Document) {
			each(d, drm.PlayReady, func(y *cpix.DRMSystem) {
				y.Smooth = object(t, &drm.Key{ID: y.KID, Value: key(t, other)}, drm.CENC)
			})
		}, drm.CENC, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change = func(d *cpix.Document) { v.change(t, d) }
			req := request()
			if req.Scheme = v.scheme; v.scheme == drm.CENC {
				req.Systems = req.Systems[:2] // FairPlay knows cbcs only
			}
			c := s.client("")
			c.Smooth = true
			_, err := c.Keys(t.Context(), req)
			require.ErrorIs(t, err, drm.ErrRefused)
			require.Contains(t, err.Error(), v.says)
			c.Lenient = true
			_, err = c.Keys(t.Context(), req)
			require.NoError(t, err)
		})
	}
}

// What names no key, or several of which this is one, is taken.
func TestNamesTaken(t *testing.T) {
	for name, change := range map[string]func(y *cpix.DRMSystem){
		"Widevine with a content id only": func(y *cpix.DRMSystem) {
			box := drm.PSSH{System: drm.Widevine, Data: (&drm.WidevineData{ContentID: []byte("demo")}).Append(nil)}
			y.PSSH, y.ContentProtectionData = box.Append(nil), []byte("<a/>")
		},
		"Widevine with all keys": func(y *cpix.DRMSystem) {
			box := drm.PSSH{System: drm.Widevine, Data: (&drm.WidevineData{KeyIDs: []drm.KeyID{{1}, y.KID, {2}}}).Append(nil)}
			y.PSSH, y.ContentProtectionData = box.Append(nil), []byte("<a/>")
		},
		"data that nobody can read": func(y *cpix.DRMSystem) {
			box := drm.PSSH{System: drm.Widevine, Data: []byte("\xFF\xFF")}
			y.PSSH, y.ContentProtectionData = box.Append(nil), []byte("<a/>")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change = func(d *cpix.Document) {
				for i := range d.Systems {
					if d.Systems[i].System == drm.Widevine {
						change(&d.Systems[i])
					}
				}
			}
			_, err := s.client("").Keys(t.Context(), request())
			require.NoError(t, err)
		})
	}
}

// What a server tells goes into every playlist and initialization segment: it cannot be as long as an answer may be.
func TestSignalsAreShort(t *testing.T) {
	long := strings.Repeat("A", 70<<10)
	for name, change := range map[string]func(y *cpix.DRMSystem){
		"box": func(y *cpix.DRMSystem) {
			box := drm.PSSH{System: y.System, Data: []byte(long)}
			y.PSSH, y.ContentProtectionData = box.Append(nil), []byte("<a/>")
		},
		"children":  func(y *cpix.DRMSystem) { y.ContentProtectionData = []byte("<a>" + long + "</a>") },
		"tag":       func(y *cpix.DRMSystem) { y.HLSMedia = append(y.HLSMedia, ",X-A="+long...) },
		"ALLOWED":   func(y *cpix.DRMSystem) { y.AllowedCPC = long },
		"Smooth":    func(y *cpix.DRMSystem) { y.Smooth = []byte(long) },
		"strength":  func(y *cpix.DRMSystem) { y.Robustness = long },
		"the value": func(y *cpix.DRMSystem) { y.ContentProtectionData = []byte(`<ContentProtection value="` + long + `"/>`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change = func(d *cpix.Document) {
				for i := range d.Systems {
					if d.Systems[i].System == drm.PlayReady {
						change(&d.Systems[i])
					}
				}
			}
			c := s.client(speke.V21)
			c.Smooth, c.Lenient = true, true
			_, err := c.Keys(t.Context(), request())
			require.ErrorIs(t, err, drm.ErrRefused)
			require.Less(t, len(err.Error()), 1000)
		})
	}
}
