package cpix

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// A value computed apart: document key 00 to 1f, MAC key 00 to 3f, IV f0 to ff.
func TestSealedVector(t *testing.T) {
	count := func(from, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(from + i)
		}
		return b
	}
	key := [16]byte{0x19, 0x47, 0xf5, 0xeb, 0xa3, 0xd0, 0x6f, 0x1f, 0xac, 0x80, 0x10, 0x03, 0x8f, 0x20, 0x4c, 0xbf}
	s := sealValue(count(0, 32), count(0, 64), [16]byte(count(0xF0, 16)), key)
	require.Equal(t, "8PHy8/T19vf4+fr7/P3+/yXNg2VHw+mCN50Clj9Dsre1NLC5VJL7WpxV4noL27Ly", base64.StdEncoding.EncodeToString(s.Cipher))
	require.Equal(t, "d9vl7m/e5gQG425J7Oj17jgIzvkhcLgMV9eaJRMlCpbZSX1cPFiyohtvLFjFAhWXVqnXaaS+V+oEL7SZF4a/oA==", base64.StdEncoding.EncodeToString(s.MAC))

	v, err := s.open(count(0, 32), count(0, 64))
	require.NoError(t, err)
	got, _ := v.Reveal()
	require.Equal(t, key, got)

	// The MAC is looked at first; then length and padding.
	for name, tt := range map[string]struct {
		cipher []byte
		mac    []byte // nil: the right one
		err    error
	}{
		"no MAC":     {s.Cipher, []byte{}, drm.ErrRefused},
		"short MAC":  {s.Cipher, s.MAC[:32], drm.ErrRefused},
		"wrong MAC":  {s.Cipher, count(0, 64), drm.ErrRefused},
		"short":      {s.Cipher[:47], nil, drm.ErrKeyLength},
		"32 bytes":   {s.Cipher[:32], nil, drm.ErrKeyLength},
		"empty":      {nil, nil, drm.ErrKeyLength},
		"no padding": {append(count(0, 47), 1), nil, drm.ErrKeyLength},
	} {
		t.Run(name, func(t *testing.T) {
			mac := tt.mac
			if mac == nil {
				mac = sum(count(0, 64), tt.cipher)
			}
			_, err := (&Sealed{Cipher: tt.cipher, MAC: mac}).open(count(0, 32), count(0, 64))
			require.ErrorIs(t, err, tt.err)
		})
	}
}
