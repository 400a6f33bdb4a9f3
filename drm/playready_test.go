package drm_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// object wraps any text as PlayReady objects do.
func object(text string) []byte {
	units := utf16.Encode([]rune(text))
	b := binary.LittleEndian.AppendUint32(nil, uint32(10+2*len(units)))
	b = append(b, 1, 0, 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(units)))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// Published by Microsoft in the header specification, with attributes of its own.
const microsoft = `<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.0.0.0"><DATA><PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID></PROTECTINFO><KID>q5HgCTj40kGeNVhTH9Gexw==</KID><CHECKSUM>w+OZVr8vzrQ=</CHECKSUM><LA_URL>https://profficialsite.keydelivery.mediaservices.windows.net/PlayReady/</LA_URL><CUSTOMATTRIBUTES><IIS_DRM_VERSION>8.0.1705.19</IIS_DRM_VERSION></CUSTOMATTRIBUTES></DATA></WRMHEADER>`

func TestParsePlayReady(t *testing.T) {
	pro := object(microsoft)
	require.Len(t, pro, 860)
	require.Equal(t, "7e61e47a3463ed48a5efcdd53837d9927a874bb1b95ad44e9c33dcea7fd47d2d", sum(pro))
	h, err := drm.ParsePlayReady(pro)
	require.NoError(t, err)
	kid := id(t, "09e091ab-f838-41d2-9e35-58531fd19ec7")
	require.Equal(t, &drm.PlayReadyHeader{
		Version: "4.0", LicenseURL: "https://profficialsite.keydelivery.mediaservices.windows.net/PlayReady/",
		Keys: []drm.PlayReadyKey{{ID: kid, Algorithm: "AESCTR", Checksum: unbase64(t, "w+OZVr8vzrQ=")}},
	}, h)

	right := key(t, kid.String(), "9cb061164b7013eaefcc7d6d18424c2c")
	require.NoError(t, h.Verify(right))
	wrong := key(t, kid.String(), "9cb061164b7013eaefcc7d6d18424c2d")
	require.ErrorIs(t, h.Verify(wrong), drm.ErrRefused)
	other, _ := known(t)
	require.NoError(t, h.Verify(other), "not listed")
	require.NoError(t, h.Verify(&drm.Key{ID: kid}), "key unknown")
}

// What others write and Microsoft's clients read: a byte order mark, an empty licence store, spaces, unknown elements.
func TestParsePlayReadyLenient(t *testing.T) {
	text := "\uFEFF" + ` <WRMHEADER version="4.3.0.0" xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader">
		<DATA><NEW/><PROTECTINFO LICENSEREQUESTED="true"><KIDS><KID VALUE="BAMCAQYFCAcJCqq7zN3u/w=="/></KIDS></PROTECTINFO><LA_URL>https://example.com/?a=1&amp;b=2</LA_URL></DATA></WRMHEADER>`
	header := object(text)
	pro := binary.LittleEndian.AppendUint32(nil, uint32(len(header)+8))
	pro = append(pro, 2, 0, 3, 0, 4, 0, 9, 9, 9, 9)
	pro = append(pro, header[6:]...)
	h, err := drm.ParsePlayReady(pro)
	require.NoError(t, err)
	require.Equal(t, &drm.PlayReadyHeader{Version: "4.3", LicenseURL: "https://example.com/?a=1&b=2", Keys: []drm.PlayReadyKey{{ID: id(t, keyA)}}}, h)
}

func TestParsePlayReadyRefuses(t *testing.T) {
	good := object(microsoft)
	change := func(at int, v byte) []byte {
		b := append([]byte{}, good...)
		b[at] = v
		return b
	}
	for name, pro := range map[string][]byte{
		"nothing":        nil,
		"length":         change(0, 1),
		"no record":      change(4, 0),
		"no header":      change(6, 3),
		"record length":  change(9, 0xFF),
		"odd length":     change(8, good[8]-1),
		"not XML":        object("header"),
		"another root":   object("<HEADER></HEADER>"),
		"namespace":      object(`<WRMHEADER version="4.0.0.0"><DATA></DATA></WRMHEADER>`),
		"document type":  object(`<!DOCTYPE a [<!ENTITY b "c">]>` + microsoft),
		"key id":         object(`<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.0.0.0"><DATA><KID>AAAA</KID></DATA></WRMHEADER>`),
		"checksum":       object(`<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.0.0.0"><DATA><KID>q5HgCTj40kGeNVhTH9Gexw==</KID><CHECKSUM>?</CHECKSUM></DATA></WRMHEADER>`),
		"records follow": append(good[:len(good):len(good)], 0),
	} {
		_, err := drm.ParsePlayReady(pro)
		require.ErrorIs(t, err, drm.ErrFormat, name)
	}
}

func TestPlayReadyRefuses(t *testing.T) {
	a, b := drm.PlayReadyKey{ID: drm.KeyID{1}, Algorithm: "AESCTR"}, drm.PlayReadyKey{ID: drm.KeyID{2}, Algorithm: "AESCBC"}
	sum := drm.PlayReadyKey{ID: drm.KeyID{2}, Algorithm: "AESCBC", Checksum: make([]byte, 8)}
	many := make([]drm.PlayReadyKey, 400)
	for i := range many {
		many[i] = a
	}
	for name, h := range map[string]drm.PlayReadyHeader{
		"version":       {Version: "5.0", Keys: []drm.PlayReadyKey{a}},
		"4.0, two":      {Version: "4.0", Keys: []drm.PlayReadyKey{a, a}},
		"4.0, none":     {Version: "4.0"},
		"4.1, two":      {Version: "4.1", Keys: []drm.PlayReadyKey{a, a}},
		"4.0 on demand": {Version: "4.0", Keys: []drm.PlayReadyKey{a}, OnDemand: true},
		"4.2, AESCBC":   {Version: "4.2", Keys: []drm.PlayReadyKey{b}},
		"both":          {Keys: []drm.PlayReadyKey{a, b}},
		"checksum":      {Keys: []drm.PlayReadyKey{sum}},
		"COCKTAIL":      {Keys: []drm.PlayReadyKey{{Algorithm: "COCKTAIL"}}},
		"too long":      {Keys: many},
	} {
		_, err := h.Object()
		require.ErrorIs(t, err, drm.ErrIncompatible, name)
	}
	_, err := (&drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{a}, LicenseURL: "https://example.com/\x00"}).XML()
	require.ErrorIs(t, err, drm.ErrFormat)
	_, err = drm.NewPlayReadyHeader(drm.CENS, &drm.Key{})
	require.ErrorIs(t, err, drm.ErrIncompatible)
}

func TestNewPlayReadyHeader(t *testing.T) {
	a, b := known(t)
	for _, v := range []struct {
		scheme  drm.Scheme
		keys    []*drm.Key
		version string
		sum     string // sha256 of the object with the licence server of the vectors
	}{
		{drm.CENC, []*drm.Key{a}, "4.0", "a942cee329e3c4b53a9a3dc871fa9bf319690755557415bf26e6a97526c1b3da"},
		{drm.CENC, []*drm.Key{a, b}, "4.2", "f69c71d8ce03040c241213ca39573bcacc57e7ea8e2dfaa0996dd6754ce16054"},
		{drm.CBCS, []*drm.Key{a}, "4.3", "2c4f861da01677557494bfc15e180befcefeb8c124b67824a87361ab2b2f0aeb"},
		{drm.CENC, nil, "4.2", ""},
		{drm.CENC, []*drm.Key{{ID: a.ID}}, "4.0", ""},
	} {
		h, err := drm.NewPlayReadyHeader(v.scheme, v.keys...)
		require.NoError(t, err)
		require.Equal(t, v.version, h.Version)
		h.LicenseURL = laURL
		pro, err := h.Object()
		require.NoError(t, err)
		if v.sum != "" {
			require.Equal(t, v.sum, sum(pro))
		}
		for _, k := range v.keys {
			require.NoError(t, h.Verify(k))
		}
	}
	h := drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{{ID: a.ID, Algorithm: "AESCTR"}}, LicenseURL: "https://example.com/?a=1&b=<2>", LicenseUIURL: "https://example.com/é"}
	text, err := h.XML()
	require.NoError(t, err)
	require.Contains(t, text, "<LA_URL>https://example.com/?a=1&amp;b=&lt;2&gt;</LA_URL><LUI_URL>https://example.com/é</LUI_URL>")
	pro, err := h.Object()
	require.NoError(t, err)
	back, err := drm.ParsePlayReady(pro)
	require.NoError(t, err)
	require.Equal(t, h.LicenseURL, back.LicenseURL)
	require.Equal(t, h.LicenseUIURL, back.LicenseUIURL)
}

func FuzzParsePlayReady(f *testing.F) {
	f.Add(object(microsoft))
	f.Add([]byte{14, 0, 0, 0, 2, 0, 2, 0, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) { readAgain(t, b) })
}

// The same, by its text.
func FuzzPlayReadyHeader(f *testing.F) {
	f.Add(microsoft)
	f.Add(`<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.3.0.0"><DATA><PROTECTINFO><KIDS><KID ALGID="AESCBC" VALUE="BAMCAQYFCAcJCqq7zN3u/w=="></KID></KIDS></PROTECTINFO><DECRYPTORSETUP>ONDEMAND</DECRYPTORSETUP></DATA></WRMHEADER>`)
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 1<<14 {
			readAgain(t, object(s))
		}
	})
}

// readAgain wants that what is read and can be written is read as the same.
func readAgain(t *testing.T, b []byte) {
	h, err := drm.ParsePlayReady(b)
	if err != nil {
		require.ErrorIs(t, err, drm.ErrFormat)
		return
	}
	pro, err := h.Object()
	if err != nil { // other algorithms, longer checksums
		return
	}
	again, err := drm.ParsePlayReady(pro)
	require.NoError(t, err)
	text, err := again.Object()
	require.NoError(t, err)
	require.Equal(t, pro, text)
}
