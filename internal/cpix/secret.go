package cpix

import (
	"encoding/xml"

	"github.com/mezzomedia/mezzo/drm"
)

// value is what a PSKC secret holds (RFC 6030): plain or encrypted.
type value struct{ plain, cipher, mac []byte }

// data reads cpix:Data: a pskc:Secret.
func (s *scanner) data() (v value, err error) {
	seen := once{}
	err = s.children(func(e xml.StartElement) (bool, error) {
		if e.Name != (xml.Name{Space: nsPSKC, Local: "Secret"}) {
			return false, nil
		}
		if !seen.first("Secret") {
			return false, s.fail("it stands twice")
		}
		return true, s.secret(&v)
	})
	return v, err
}

// secret reads the children of a pskc:Secret.
func (s *scanner) secret(v *value) error {
	return s.children(func(e xml.StartElement) (known bool, err error) {
		var p *[]byte
		switch e.Name {
		case xml.Name{Space: nsPSKC, Local: "PlainValue"}:
			p = &v.plain
		case xml.Name{Space: nsPSKC, Local: "ValueMAC"}:
			p = &v.mac
		case xml.Name{Space: nsPSKC, Local: "EncryptedValue"}:
			if v.cipher != nil {
				return false, s.fail("a value stands twice")
			}
			return true, s.encrypted(&v.cipher)
		default:
			return false, nil
		}
		if *p != nil {
			return false, s.fail("a value stands twice")
		}
		*p, err = s.base64()
		return true, err
	})
}

// encrypted reads the children of an element of type xenc:EncryptedDataType: CipherData with CipherValue.
func (s *scanner) encrypted(into *[]byte) error {
	return s.children(func(e xml.StartElement) (bool, error) {
		if e.Name != (xml.Name{Space: nsEnc, Local: "CipherData"}) {
			return false, nil // EncryptionMethod: there is one choice only
		}
		return true, s.leaves(nsEnc, map[string]*[]byte{"CipherValue": into})
	})
}

// setValue gives a content key what its Data holds.
func (s *scanner) setValue(k *ContentKey, v value) (err error) {
	switch {
	case v.plain != nil && v.cipher != nil:
		return s.fail("key %s is plain and encrypted", k.KID)
	case len(v.plain) > 0:
		if k.Value, err = drm.NewSecret(v.plain); err != nil {
			return s.wrap(drm.ErrKeyLength, "key %s has %d bytes, not 16", k.KID, len(v.plain))
		}
	case v.cipher != nil:
		k.Sealed = &Sealed{Cipher: v.cipher, MAC: v.mac}
	}
	return nil
}

// leaves reads the children of one namespace that are base64 into where the map says; others are skipped.
func (s *scanner) leaves(space string, into map[string]*[]byte) error {
	return s.children(func(e xml.StartElement) (known bool, err error) {
		p, ok := into[e.Name.Local]
		if !ok || e.Name.Space != space {
			return false, nil
		}
		if *p != nil {
			return false, s.fail("it stands twice")
		}
		*p, err = s.base64()
		return true, err
	})
}

func (s *scanner) delivery(d *Document, e xml.StartElement) error {
	r := DeliveryData{ID: attr(e, "id")}
	seen := once{}
	err := s.children(func(e xml.StartElement) (bool, error) {
		if e.Name.Space != nsCPIX {
			return false, nil
		}
		var read func() error
		switch e.Name.Local {
		case "DeliveryKey":
			read = func() error { return s.certificate(&r.Certificate) }
		case "DocumentKey":
			read = func() error {
				return s.children(func(e xml.StartElement) (bool, error) {
					if e.Name != (xml.Name{Space: nsCPIX, Local: "Data"}) {
						return false, nil
					}
					v, err := s.data()
					r.DocumentKey = v.cipher
					return true, err
				})
			}
		case "MACMethod":
			read = func() error { return s.macKey(&r.MACKey) }
		default:
			return false, nil
		}
		if !seen.first(e.Name.Local) {
			return false, s.fail("it stands twice")
		}
		return true, read()
	})
	d.Delivery = append(d.Delivery, r)
	return err
}

// certificate reads the children of DeliveryKey: X509Data with X509Certificate, the first of a chain.
func (s *scanner) certificate(into *[]byte) error {
	return s.children(func(e xml.StartElement) (bool, error) {
		if e.Name != (xml.Name{Space: nsSig, Local: "X509Data"}) {
			return false, nil
		}
		return true, s.children(func(e xml.StartElement) (known bool, err error) {
			if e.Name != (xml.Name{Space: nsSig, Local: "X509Certificate"}) || *into != nil {
				return false, nil
			}
			*into, err = s.base64()
			return true, err
		})
	})
}

// macKey reads the children of MACMethod: by the schema pskc:MACKey is the encrypted data; by the examples of SPEKE
// cpix:Key holds it as pskc:EncryptedValue.
func (s *scanner) macKey(into *[]byte) error {
	return s.children(func(e xml.StartElement) (bool, error) {
		if *into != nil {
			return false, nil
		}
		switch e.Name {
		case xml.Name{Space: nsPSKC, Local: "MACKey"}:
			return true, s.encrypted(into)
		case xml.Name{Space: nsCPIX, Local: "Key"}:
			var v value
			err := s.secret(&v)
			*into = v.cipher
			return true, err
		}
		return false, nil
	})
}
