package cpix_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

func TestSealOpen(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)

	d := full(t)
	d.Delivery = []cpix.DeliveryData{{ID: "packager", Certificate: der}}
	require.NoError(t, d.Seal(rand.Reader))
	require.True(t, d.Keys[0].Value.IsZero())
	got, err := cpix.Parse(d.Append(nil))
	require.NoError(t, err)
	require.Equal(t, d, got)
	require.NoError(t, got.Open(key, certificate))
	require.True(t, got.Keys[0].Value.Equal(full(t).Keys[0].Value))

	// The MAC key as the examples of SPEKE have it.
	text := string(d.Append(nil))
	text = strings.Replace(text, "<pskc:MACKey>", "<cpix:Key><pskc:EncryptedValue>", 1)
	text = strings.Replace(text, "</pskc:MACKey>", "</pskc:EncryptedValue><pskc:ValueMAC>AAAA</pskc:ValueMAC></cpix:Key>", 1)
	require.Contains(t, text, "<cpix:Key>")
	got, err = cpix.Parse([]byte(text))
	require.NoError(t, err)
	require.NoError(t, got.Open(key, certificate))

	for name, change := range map[string]func(d *cpix.Document){
		"no delivery data":        func(d *cpix.Document) { d.Delivery = nil },
		"another certificate":     func(d *cpix.Document) { d.Delivery[0].Certificate = []byte{1} },
		"no document key":         func(d *cpix.Document) { d.Delivery[0].DocumentKey = nil },
		"no MAC key":              func(d *cpix.Document) { d.Delivery[0].MACKey = nil },
		"document key not for us": func(d *cpix.Document) { d.Delivery[0].DocumentKey = make([]byte, 256) },
		"keys exchanged":          func(d *cpix.Document) { r := &d.Delivery[0]; r.DocumentKey, r.MACKey = r.MACKey, r.DocumentKey },
		"value in clear":          func(d *cpix.Document) { d.Keys[0].Sealed = nil },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := cpix.Parse(d.Append(nil))
			require.NoError(t, err)
			change(d)
			err = d.Open(key, certificate)
			require.True(t, isOneOf(err, drm.ErrRefused, drm.ErrKeyLength), "%v", err)
		})
	}
	d.Delivery[0].Certificate = []byte("no certificate")
	require.ErrorIs(t, d.Seal(rand.Reader), drm.ErrFormat)
}
