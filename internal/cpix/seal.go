package cpix

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/mezzomedia/mezzo/drm"
)

const (
	algAES  = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	algOAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	algHMAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"
)

const (
	documentKeySize = 32
	macKeySize      = 64
)

// Seal encrypts the values of all keys under a new document key, and that for each certificate in Delivery, whose other
// members it fills. Random bytes come from random: crypto/rand.Reader. The values are no longer there afterwards.
func (d *Document) Seal(random io.Reader) error {
	keys := make([]byte, documentKeySize+macKeySize)
	if _, err := io.ReadFull(random, keys); err != nil {
		return err
	}
	document, mac := keys[:documentKeySize], keys[documentKeySize:]
	for i := range d.Delivery {
		r := &d.Delivery[i]
		public, err := publicKey(r.Certificate)
		if err != nil {
			return err
		}
		if r.DocumentKey, err = rsa.EncryptOAEP(sha1.New(), random, public, document, nil); err != nil {
			return fmt.Errorf("encrypting the document key: %w", err)
		}
		if r.MACKey, err = rsa.EncryptOAEP(sha1.New(), random, public, mac, nil); err != nil {
			return fmt.Errorf("encrypting the MAC key: %w", err)
		}
	}
	for i := range d.Keys {
		k := &d.Keys[i]
		v, ok := k.Value.Reveal()
		if !ok {
			continue
		}
		var iv [16]byte
		if _, err := io.ReadFull(random, iv[:]); err != nil {
			return err
		}
		k.Sealed, k.Value = sealValue(document, mac, iv, v), drm.Secret{}
	}
	return nil
}

// publicKey is that of an RSA certificate.
func publicKey(der []byte) (*rsa.PublicKey, error) {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("DeliveryData without an X.509 certificate: %w", drm.ErrFormat)
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("DeliveryData with a certificate that is not of RSA: %w", drm.ErrFormat)
	}
	return public, nil
}

func sealValue(document, mac []byte, iv, value [16]byte) *Sealed {
	out := append(append([]byte{}, iv[:]...), value[:]...)
	out = append(out, bytes.Repeat([]byte{16}, 16)...) // PKCS #7
	block, _ := aes.NewCipher(document)                // its length is right
	cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(out[16:], out[16:])
	return &Sealed{Cipher: out, MAC: sum(mac, out)}
}

func sum(key, data []byte) []byte {
	h := hmac.New(sha512.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// Open decrypts all keys that are sealed. The document key is that for the certificate, to which key belongs: an RSA key,
// or what does its decryption elsewhere. Where the answer does not repeat the certificate, the only DeliveryData counts.
// A key that stands in clear beside sealed ones is an error. Errors match drm.ErrRefused or drm.ErrKeyLength.
func (d *Document) Open(key crypto.Decrypter, certificate *x509.Certificate) error {
	document, mac, err := d.documentKeys(key, certificate)
	if err != nil {
		return err
	}
	for i := range d.Keys {
		k := &d.Keys[i]
		if k.Sealed == nil {
			return fmt.Errorf("key %s is not encrypted as asked: %w", k.KID, drm.ErrRefused)
		}
		if k.Value, err = k.Sealed.open(document, mac); err != nil {
			return fmt.Errorf("key %s: %w", k.KID, err)
		}
		k.Sealed = nil
	}
	return nil
}

func (d *Document) documentKeys(key crypto.Decrypter, certificate *x509.Certificate) (document, mac []byte, err error) {
	var r *DeliveryData
	for i := range d.Delivery {
		if c := d.Delivery[i].Certificate; certificate != nil && bytes.Equal(c, certificate.Raw) || len(c) == 0 && len(d.Delivery) == 1 {
			r = &d.Delivery[i]
		}
	}
	switch {
	case r == nil || r.DocumentKey == nil:
		return nil, nil, fmt.Errorf("no DeliveryData with a document key for the certificate: %w", drm.ErrRefused)
	case r.MACKey == nil:
		return nil, nil, fmt.Errorf("DeliveryData has no MAC key: %w", drm.ErrRefused)
	}
	open := func(what string, data []byte, size int) []byte {
		plain, e := key.Decrypt(nil, data, &rsa.OAEPOptions{Hash: crypto.SHA1})
		if err == nil && e != nil {
			err = fmt.Errorf("the %s key cannot be decrypted with the private key: %w", what, drm.ErrRefused)
		} else if err == nil && len(plain) != size {
			err = fmt.Errorf("the %s key has %d bytes, not %d: %w", what, len(plain), size, drm.ErrKeyLength)
		}
		return plain
	}
	document, mac = open("document", r.DocumentKey, documentKeySize), open("MAC", r.MACKey, macKeySize)
	return document, mac, err
}

// open checks the MAC, then decrypts.
func (s *Sealed) open(document, mac []byte) (drm.Secret, error) {
	if !hmac.Equal(sum(mac, s.Cipher), s.MAC) {
		return drm.Secret{}, fmt.Errorf("ValueMAC does not match: %w", drm.ErrRefused)
	}
	if len(s.Cipher) != 48 {
		return drm.Secret{}, fmt.Errorf("CipherValue has %d bytes, not the 48 of a 16-byte key: %w", len(s.Cipher), drm.ErrKeyLength)
	}
	plain := make([]byte, 32)
	block, _ := aes.NewCipher(document) // its length is right
	cipher.NewCBCDecrypter(block, s.Cipher[:16]).CryptBlocks(plain, s.Cipher[16:])
	if subtle.ConstantTimeCompare(plain[16:], bytes.Repeat([]byte{16}, 16)) == 0 {
		return drm.Secret{}, fmt.Errorf("padding is wrong: %w", drm.ErrKeyLength)
	}
	return drm.NewSecret(plain[:16])
}
