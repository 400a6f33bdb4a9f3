package speke_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

type identity struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// certificate makes one for RSA that is good for a time from now, or was.
func certificate(t testing.TB, bits int, valid time.Duration) *identity {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "packager"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &identity{c, key}
}

// withKeys is a client that asks for encrypted keys; other, if given, has the private key.
func withKeys(own, other *identity) speke.Client {
	if other == nil {
		other = own
	}
	return speke.Client{Certificate: own.certificate, PrivateKey: other.key}
}

func TestEncryptedKeys(t *testing.T) {
	own := certificate(t, 2048, time.Hour)
	for name, tt := range map[string]struct {
		change func(d *cpix.Document)
		text   func(b []byte) []byte
		err    error
	}{
		"as asked": {},
		"in clear": {func(d *cpix.Document) { d.Delivery = nil }, nil, drm.ErrRefused},
		"one in clear": {nil, func(b []byte) []byte {
			d, err := cpix.Parse(b)
			require.NoError(t, err)
			d.Keys[1].Sealed, d.Keys[1].Value = nil, key(t, d.Keys[1].KID)
			return d.Append(nil)
		}, drm.ErrRefused},
		"for another": {func(d *cpix.Document) { d.Delivery[0].Certificate = certificate(t, 2048, time.Hour).certificate.Raw }, nil, drm.ErrRefused},
		"changed on the way": {nil, func(b []byte) []byte {
			d, err := cpix.Parse(b)
			require.NoError(t, err)
			d.Keys[0].Sealed.Cipher[40] ^= 1
			return d.Append(nil)
		}, drm.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change, s.text = tt.change, tt.text
			c := withKeys(own, nil)
			c.URL = s.URL
			set, err := c.Keys(t.Context(), request())
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			for _, k := range set.Keys {
				require.True(t, k.Key.Value.Equal(key(t, k.Key.ID)))
			}
		})
	}
	// Encrypted keys that nobody asked for cannot be read.
	s := newServer(t)
	s.change = func(d *cpix.Document) { d.Delivery = []cpix.DeliveryData{{Certificate: own.certificate.Raw}} }
	_, err := s.client("").Keys(t.Context(), request())
	require.ErrorIs(t, err, drm.ErrRefused)
}
