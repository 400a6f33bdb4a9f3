package speketest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// filler makes the answer out of the request: what was asked with an empty element gets its value.
type filler struct {
	ctx     context.Context
	doc     *cpix.Document
	keys    drm.KeyFinder
	signals drm.Signaller
	v1      bool
}

func (f *filler) fill() error {
	for i := range f.doc.Keys {
		k := &f.doc.Keys[i]
		key, err := f.keys.Key(f.ctx, k.KID)
		switch {
		case errors.Is(err, drm.ErrNoKey):
			return errors.New("unknown KID " + k.KID.String())
		case err != nil:
			return errors.New("no key for KID " + k.KID.String())
		}
		k.Value = key.Value
		if k.ExplicitIV == nil {
			k.ExplicitIV = key.IV
		}
	}
	for i := range f.doc.Systems {
		if err := f.system(&f.doc.Systems[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) system(s *cpix.DRMSystem) error {
	k := f.doc.Key(s.KID)
	if s.System == drm.FairPlay && k.ExplicitIV == nil {
		iv := (&drm.Key{ID: k.KID}).ConstantIV() // players get it from the licence, packagers from here
		k.ExplicitIV = iv[:]
	}
	signal, err := f.signal(s.System, &drm.Key{ID: k.KID, Value: k.Value, IV: k.ExplicitIV}, k.Scheme)
	if err != nil {
		return errors.New("ContentKey@commonEncryptionScheme non compatible with DRMSystem " + string(s.System))
	}
	set := func(p *[]byte, value string) {
		if *p != nil {
			*p = []byte(value)
		}
	}
	set(&s.PSSH, string(signal.PSSH))
	set(&s.ContentProtectionData, signal.DASH)
	set(&s.Smooth, string(signal.Smooth))
	set(&s.ProtectionHeader, string(signal.Smooth))
	set(&s.HLSMedia, tag("#EXT-X-KEY:", signal.HLS))
	session := signal.Session
	if session == "" {
		session = signal.HLS
	}
	set(&s.HLSMaster, tag("#EXT-X-SESSION-KEY:", session))
	set(&s.URIExtXKey, attribute(signal.HLS, "URI"))
	set(&s.KeyFormat, attribute(signal.HLS, "KEYFORMAT"))
	set(&s.KeyFormatVersions, attribute(signal.HLS, "KEYFORMATVERSIONS"))
	if s.System == drm.FairPlay { // AWS's suite wants neither back
		s.PSSH, s.ContentProtectionData = nil, nil
	}
	return nil
}

// signal is what a system is told. Those that drm.Signaller does not know get a box with the key id for data.
func (f *filler) signal(system drm.SystemID, k *drm.Key, scheme string) (drm.Signal, error) {
	switch system {
	case drm.Widevine, drm.PlayReady, drm.FairPlay, drm.ClearKey, drm.Identity, drm.IdentitySPEKE1:
	default:
		box := drm.PSSH{System: system, Data: k.ID[:]}
		pssh := box.Append(nil)
		text := base64.StdEncoding.EncodeToString(pssh)
		s := drm.Signal{PSSH: pssh, DASH: `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">` + text + "</cenc:pssh>"}
		if method := schemeOf(scheme, system).Method(); method != "" {
			s.HLS = "METHOD=" + method + `,URI="data:text/plain;base64,` + text + `",KEYFORMAT="urn:uuid:` + string(system) + `",KEYFORMATVERSIONS="1"`
		}
		return s, nil
	}
	req := drm.Request{Scheme: f.schemeFor(system, scheme), Systems: []drm.SystemID{system}}
	signals, err := f.signals.Signals(&req, k)
	if err != nil {
		return drm.Signal{}, err
	}
	return signals[0], nil
}

// schemeFor is the scheme; SPEKE 1 names none, so there it is the one that the system is used with.
func (f *filler) schemeFor(system drm.SystemID, scheme string) drm.Scheme {
	switch {
	case scheme != "" || !f.v1:
		return schemeOf(scheme, system)
	case system == drm.FairPlay:
		return drm.SampleAES
	case system == drm.Identity || system == drm.IdentitySPEKE1:
		return drm.AES128
	}
	return drm.CENC
}

// seal encrypts the keys if the request brought a certificate.
func (f *filler) seal(fault Fault) error {
	if len(f.doc.Delivery) == 0 || fault.Kind == ClearKeys {
		return nil
	}
	if f.doc.Seal(rand.Reader) != nil {
		return errors.New("unusable X509Certificate in DeliveryData")
	}
	if fault.Kind == WrongMAC {
		for i := range f.doc.Keys {
			f.doc.Keys[i].Sealed.MAC[0] ^= 1
		}
	}
	return nil
}

// tag is a line of a playlist; empty without attributes.
func tag(name, attributes string) string {
	if attributes == "" {
		return ""
	}
	return name + attributes
}

// attribute is the value of a quoted attribute.
func attribute(list, name string) string {
	_, rest, ok := strings.Cut(","+list, ","+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
