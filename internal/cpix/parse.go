package cpix

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// DefaultLimit is the size of the largest document that [Parse] takes where nothing else is said, bytes.
const DefaultLimit = 1 << 20

const (
	nsCPIX  = "urn:dashif:org:cpix"
	nsPSKC  = "urn:ietf:params:xml:ns:keyprov:pskc"
	nsSPEKE = "urn:aws:amazon:com:speke"
	nsSig   = "http://www.w3.org/2000/09/xmldsig#"
	nsEnc   = "http://www.w3.org/2001/04/xmlenc#"
)

// Read reads no more than limit bytes of r, 0: DefaultLimit, and parses them. Errors of r are returned as they are; else
// see Parse.
func Read(r io.Reader, limit int64) (*Document, error) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("CPIX document of more than %d bytes: %w", limit, drm.ErrFormat)
	}
	return Parse(data)
}

// Parse reads a document. The error matches drm.ErrFormat, or drm.ErrKeyLength for a key or an IV of the wrong length; it
// quotes nothing of the document.
func Parse(data []byte) (*Document, error) {
	s := newScanner(data)
	d := &Document{}
	for {
		t, err := s.token()
		if err != nil {
			return nil, err
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue // white space; other text is no well-formed XML
		}
		if e.Name != (xml.Name{Space: nsCPIX, Local: "CPIX"}) {
			return nil, s.fail("the root is not CPIX of %s", nsCPIX)
		}
		s.path = append(s.path, "CPIX")
		d.Version, d.ID, d.ContentID = attr(e, "version"), attr(e, "id"), attr(e, "contentId")
		if err := s.document(d); err != nil {
			return nil, err
		}
		return d, s.end()
	}
}

// end says whether something follows the root.
func (s *scanner) end() error {
	s.path = s.path[:0]
	for {
		t, err := s.xml.Token()
		if err == io.EOF {
			return nil
		}
		_, text := t.(xml.CharData)
		_, comment := t.(xml.Comment)
		if err != nil || !text && !comment || text && strings.TrimSpace(string(t.(xml.CharData))) != "" {
			return s.fail("something follows the end of the document")
		}
	}
}

func (s *scanner) document(d *Document) error {
	seen := once{}
	return s.children(func(e xml.StartElement) (bool, error) {
		if e.Name.Space != nsCPIX {
			return false, nil
		}
		var item func(e xml.StartElement) error
		var name string
		switch e.Name.Local {
		case "DeliveryDataList":
			name, item = "DeliveryData", func(e xml.StartElement) error { return s.delivery(d, e) }
		case "ContentKeyList":
			name, item = "ContentKey", func(e xml.StartElement) error { return s.contentKey(d, e) }
		case "DRMSystemList":
			name, item = "DRMSystem", func(e xml.StartElement) error { return s.system(d, e) }
		case "ContentKeyPeriodList":
			name, item = "ContentKeyPeriod", func(e xml.StartElement) error { return s.period(d, e) }
		case "ContentKeyUsageRuleList":
			name, item = "ContentKeyUsageRule", func(e xml.StartElement) error { return s.rule(d, e) }
		default:
			return false, nil
		}
		if !seen.first(e.Name.Local) {
			return false, s.fail("it stands twice")
		}
		n := 0
		return true, s.children(func(e xml.StartElement) (bool, error) {
			if e.Name.Space != nsCPIX || e.Name.Local != name {
				return false, nil
			}
			s.path[len(s.path)-1] = fmt.Sprintf("%s[%d]", name, n+1)
			n++
			return true, item(e)
		})
	})
}

func (s *scanner) kid(e xml.StartElement) (drm.KeyID, error) {
	id, err := drm.ParseKeyID(attr(e, "kid"))
	if err != nil {
		return id, s.fail("@kid is no UUID")
	}
	return id, nil
}

func (s *scanner) contentKey(d *Document, e xml.StartElement) error {
	kid, err := s.kid(e)
	if err != nil {
		return err
	}
	if !s.ids.first("key " + kid.String()) {
		return s.fail("key %s stands twice", kid)
	}
	k := ContentKey{KID: kid, Scheme: attr(e, "commonEncryptionScheme")}
	if text := attr(e, "explicitIV"); text != "" {
		if k.ExplicitIV, err = s.decode([]byte(text)); err != nil {
			return err
		}
		if n := len(k.ExplicitIV); n != 8 && n != 16 {
			return s.wrap(drm.ErrKeyLength, "@explicitIV of key %s has %d bytes, not 8 or 16", kid, n)
		}
	}
	seen := once{}
	err = s.children(func(e xml.StartElement) (bool, error) {
		if e.Name.Space != nsCPIX || e.Name.Local != "Data" && e.Name.Local != "HDCPData" {
			return false, nil
		}
		if !seen.first(e.Name.Local) {
			return false, s.fail("it stands twice")
		}
		if e.Name.Local == "HDCPData" {
			k.HLSLevel = attr(e, "HLSHDCPLevel")
			return true, s.leaves(nsCPIX, map[string]*[]byte{"HDCPOutputProtectionData": &k.HDCP})
		}
		v, err := s.data()
		if err != nil {
			return false, err
		}
		return true, s.setValue(&k, v)
	})
	d.Keys = append(d.Keys, k)
	return err
}

func (s *scanner) system(d *Document, e xml.StartElement) error {
	kid, err := s.kid(e)
	if err != nil {
		return err
	}
	id, err := drm.ParseSystemID(attr(e, "systemId"))
	if err != nil {
		return s.fail("@systemId is no UUID")
	}
	if !s.ids.first("system " + kid.String() + " " + string(id)) {
		return s.fail("%s of key %s stands twice", id.Name(), kid)
	}
	y := DRMSystem{KID: kid, System: id, Name: attr(e, "name"), AllowedCPC: attr(e, "HLSAllowedCPC")}
	err = s.children(func(e xml.StartElement) (known bool, err error) {
		p := y.element(e)
		if p == nil {
			return false, nil
		}
		if *p != nil {
			return false, s.fail("it stands twice")
		}
		if e.Name.Local == "ContentProtectionData" {
			y.Robustness = attr(e, "robustness")
		}
		*p, err = s.base64()
		return true, err
	})
	d.Systems = append(d.Systems, y)
	return err
}

// element is where a child of DRMSystem belongs; nil: it is not known.
func (y *DRMSystem) element(e xml.StartElement) *[]byte {
	switch e.Name {
	case xml.Name{Space: nsCPIX, Local: "PSSH"}:
		return &y.PSSH
	case xml.Name{Space: nsCPIX, Local: "ContentProtectionData"}:
		return &y.ContentProtectionData
	case xml.Name{Space: nsCPIX, Local: "URIExtXKey"}:
		return &y.URIExtXKey
	case xml.Name{Space: nsCPIX, Local: "SmoothStreamingProtectionHeaderData"}:
		return &y.Smooth
	case xml.Name{Space: nsSPEKE, Local: "KeyFormat"}:
		return &y.KeyFormat
	case xml.Name{Space: nsSPEKE, Local: "KeyFormatVersions"}:
		return &y.KeyFormatVersions
	case xml.Name{Space: nsSPEKE, Local: "ProtectionHeader"}:
		return &y.ProtectionHeader
	case xml.Name{Space: nsCPIX, Local: "HLSSignalingData"}:
		switch attr(e, "playlist") {
		case "media", "": // without, it is that of both (CPIX 2.3)
			return &y.HLSMedia
		case "master", "multiVariant": // CPIX 2.4 has another name
			return &y.HLSMaster
		}
	}
	return nil
}

func (s *scanner) period(d *Document, e xml.StartElement) error {
	p := Period{ID: attr(e, "id")}
	if p.ID != "" && !s.ids.first("period "+p.ID) {
		return s.fail("@id is that of another period")
	}
	if text := attr(e, "index"); text != "" {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return s.fail("@index is no number")
		}
		p.Index = &n
	}
	var err error
	for _, a := range []struct {
		name string
		into *time.Time
	}{{"start", &p.Start}, {"end", &p.End}} {
		if text := attr(e, a.name); text != "" {
			if *a.into, err = parseTime(text); err != nil {
				return s.fail("@%s is no xs:dateTime", a.name)
			}
		}
	}
	for _, a := range []struct {
		name string
		into **time.Duration
	}{{"startOffset", &p.StartOffset}, {"endOffset", &p.EndOffset}} {
		if text := attr(e, a.name); text != "" {
			v, err := parseDuration(text)
			if err != nil {
				return s.fail("@%s is no xs:duration", a.name)
			}
			*a.into = &v
		}
	}
	d.Periods = append(d.Periods, p)
	return s.skip()
}

func (s *scanner) rule(d *Document, e xml.StartElement) error {
	kid, err := s.kid(e)
	if err != nil {
		return err
	}
	r := UsageRule{KID: kid, Track: attr(e, "intendedTrackType")}
	err = s.children(func(e xml.StartElement) (known bool, err error) {
		if e.Name.Space != nsCPIX {
			return false, nil
		}
		switch e.Name.Local {
		case "KeyPeriodFilter":
			r.Periods = append(r.Periods, attr(e, "periodId"))
		case "VideoFilter":
			var f drm.VideoFilter
			err = s.limits(e, map[string]*int{"minPixels": &f.MinPixels, "maxPixels": &f.MaxPixels, "minFps": &f.MinFPS, "maxFps": &f.MaxFPS})
			if text := attr(e, "hdr"); text != "" {
				hdr := text == "true" || text == "1"
				if !hdr && text != "false" && text != "0" {
					return false, s.fail("@hdr is no xs:boolean")
				}
				f.HDR = &hdr
			}
			r.Video = append(r.Video, f)
		case "AudioFilter":
			var f drm.AudioFilter
			err = s.limits(e, map[string]*int{"minChannels": &f.MinChannels, "maxChannels": &f.MaxChannels})
			r.Audio = append(r.Audio, f)
		}
		return false, err // its content is of no interest
	})
	d.Rules = append(d.Rules, r)
	return err
}

// limits reads attributes that are numbers.
func (s *scanner) limits(e xml.StartElement, into map[string]*int) error {
	for name, p := range into {
		text := attr(e, name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
		if err != nil {
			return s.fail("@%s is no number", name)
		}
		*p = int(n)
	}
	return nil
}
