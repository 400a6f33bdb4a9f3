package drm

import (
	"crypto/aes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// PlayReadyHeader is what a PlayReady object says of keys (PlayReady Header Specification).
type PlayReadyHeader struct {
	// Version is 4.0, 4.1, 4.2 or 4.3; empty: the lowest that can say the rest, since a client refuses what is newer than
	// itself. 4.0 and 4.1 take one key.
	Version string
	Keys    []PlayReadyKey
	// LicenseURL is LA_URL and LicenseUIURL is LUI_URL, not escaped; empty: left out.
	LicenseURL, LicenseUIURL string
	// OnDemand says that keys come with the media (DECRYPTORSETUP, from 4.1), as they do when they rotate in band.
	OnDemand bool
}

// PlayReadyKey is a key as a header names it.
type PlayReadyKey struct {
	ID        KeyID
	Algorithm string // AESCTR, AESCBC (from 4.3); what is read may have others, or none
	Checksum  []byte // 8 bytes, of AESCTR only; nil: left out
}

const (
	aesCTR = "AESCTR"
	aesCBC = "AESCBC"
)

// NewPlayReadyHeader is the header for keys under a scheme: 4.0 for one key with cenc, 4.2 for several, 4.3 with cbcs.
// Checksums are written for cenc where the keys are known. The error matches ErrIncompatible.
func NewPlayReadyHeader(s Scheme, keys ...*Key) (*PlayReadyHeader, error) {
	h := &PlayReadyHeader{}
	for _, k := range keys {
		p := PlayReadyKey{ID: k.ID}
		switch s {
		case CENC:
			p.Algorithm, p.Checksum = aesCTR, PlayReadyChecksum(k)
		case CBCS:
			p.Algorithm = aesCBC
		default:
			return nil, fmt.Errorf("PlayReady with %s: %w", s, ErrIncompatible)
		}
		h.Keys = append(h.Keys, p)
	}
	h.Version = h.version()
	return h, nil
}

// PlayReadyChecksum is the checksum of a key with AES-CTR: the first 8 bytes of its id encrypted with it; nil where the key
// is not known.
func PlayReadyChecksum(k *Key) []byte {
	secret, ok := k.Value.Reveal()
	if !ok {
		return nil
	}
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil
	}
	sum := k.ID.GUID()
	block.Encrypt(sum[:], sum[:])
	return sum[:8]
}

// Verify says whether a header that lists the key could be for it: a checksum that differs means another key, or a key id
// in another byte order. Keys that are not listed, and those without a checksum, pass. The error matches ErrRefused.
func (h *PlayReadyHeader) Verify(k *Key) error {
	want := PlayReadyChecksum(k)
	for i := range h.Keys {
		p := &h.Keys[i]
		if p.ID == k.ID && want != nil && p.Checksum != nil && p.Algorithm != aesCBC && !slices.Equal(p.Checksum, want) {
			return fmt.Errorf("PlayReady checksum of %s is not that of its key: wrong key, or key id in another byte order: %w", k, ErrRefused)
		}
	}
	return nil
}

// version is Version or its default.
func (h *PlayReadyHeader) version() string {
	switch {
	case h.Version != "":
		return h.Version
	case slices.ContainsFunc(h.Keys, func(k PlayReadyKey) bool { return k.Algorithm != aesCTR }):
		return "4.3"
	case len(h.Keys) == 1 && !h.OnDemand:
		return "4.0"
	}
	return "4.2"
}

// check says what the version cannot say.
func (h *PlayReadyHeader) check(version string) error {
	single := version == "4.0" || version == "4.1"
	switch {
	case version != "4.0" && version != "4.1" && version != "4.2" && version != "4.3":
		return fmt.Errorf("PlayReady header version %q: %w", version, ErrIncompatible)
	case single && len(h.Keys) > 1 || version == "4.0" && len(h.Keys) != 1:
		return fmt.Errorf("PlayReady header %s with %d keys: %w", version, len(h.Keys), ErrIncompatible)
	case version == "4.0" && h.OnDemand:
		return fmt.Errorf("PlayReady header 4.0 has no DECRYPTORSETUP: %w", ErrIncompatible)
	case !plain(h.LicenseURL) || !plain(h.LicenseUIURL):
		return fmt.Errorf("PlayReady header with LA_URL %q, LUI_URL %q: %w", h.LicenseURL, h.LicenseUIURL, ErrFormat)
	}
	for i := range h.Keys {
		switch k := &h.Keys[i]; {
		case k.Algorithm != h.Keys[0].Algorithm:
			return fmt.Errorf("PlayReady header with %q and %q: %w", h.Keys[0].Algorithm, k.Algorithm, ErrIncompatible)
		case k.Algorithm != aesCTR && k.Algorithm != aesCBC, k.Algorithm == aesCBC && version != "4.3":
			return fmt.Errorf("PlayReady header %s with ALGID %q: %w", version, k.Algorithm, ErrIncompatible)
		case k.Checksum != nil && (len(k.Checksum) != 8 || k.Algorithm == aesCBC):
			return fmt.Errorf("PlayReady %s with a checksum of %d bytes: %w", k.Algorithm, len(k.Checksum), ErrIncompatible)
		}
	}
	return nil
}

// XML is the header as canonical XML: attributes in the order of the alphabet, each element with an end tag. Errors
// match ErrIncompatible or, where a URL cannot be written, ErrFormat.
func (h *PlayReadyHeader) XML() (string, error) {
	version := h.version()
	if err := h.check(version); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="` + version + `.0.0"><DATA>`)
	switch {
	case version == "4.0":
		k := &h.Keys[0]
		b.WriteString("<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>" + k.Algorithm + "</ALGID></PROTECTINFO><KID>" + k.guid() + "</KID>")
		if k.Checksum != nil {
			b.WriteString("<CHECKSUM>" + base64.StdEncoding.EncodeToString(k.Checksum) + "</CHECKSUM>")
		}
	case len(h.Keys) > 0:
		open, end := "<PROTECTINFO>", "</PROTECTINFO>"
		if version != "4.1" {
			open, end = "<PROTECTINFO><KIDS>", "</KIDS></PROTECTINFO>"
		}
		b.WriteString(open)
		for i := range h.Keys {
			h.Keys[i].write(&b)
		}
		b.WriteString(end)
	}
	for _, e := range []struct{ name, text string }{{"LA_URL", h.LicenseURL}, {"LUI_URL", h.LicenseUIURL}} {
		if e.text != "" {
			b.WriteString("<" + e.name + ">" + escapeXML(e.text) + "</" + e.name + ">")
		}
	}
	if h.OnDemand {
		b.WriteString("<DECRYPTORSETUP>ONDEMAND</DECRYPTORSETUP>")
	}
	b.WriteString("</DATA></WRMHEADER>")
	return b.String(), nil
}

func (k *PlayReadyKey) write(b *strings.Builder) {
	b.WriteString(`<KID ALGID="` + k.Algorithm + `"`)
	if k.Checksum != nil {
		b.WriteString(` CHECKSUM="` + base64.StdEncoding.EncodeToString(k.Checksum) + `"`)
	}
	b.WriteString(` VALUE="` + k.guid() + `"></KID>`)
}

func (k *PlayReadyKey) guid() string {
	guid := k.ID.GUID()
	return base64.StdEncoding.EncodeToString(guid[:])
}

// escapeXML escapes text as canonical XML does.
func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// plain reports whether s can stand in XML and in a playlist: UTF-8 without control characters.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xFFFE || r == 0xFFFF })
}

// maxPlayReady is the longest PlayReady object, bytes.
const maxPlayReady = 15 << 10

// Object is the PlayReady object (PRO) that holds the header: data of a pssh, mspr:pro, and what HLS and Smooth carry. Errors
// as in XML.
func (h *PlayReadyHeader) Object() ([]byte, error) {
	text, err := h.XML()
	if err != nil {
		return nil, err
	}
	units := utf16.Encode([]rune(text))
	if 10+2*len(units) > maxPlayReady {
		return nil, fmt.Errorf("PlayReady object of %d bytes, at most %d are allowed: %w", 10+2*len(units), maxPlayReady, ErrIncompatible)
	}
	b := make([]byte, 0, 10+2*len(units))
	b = binary.LittleEndian.AppendUint32(b, uint32(cap(b)))
	b = append(b, 1, 0, 1, 0) // one record, of type 1: header
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(units)))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b, nil
}

// ParsePlayReady reads the header of a PlayReady object. The error matches ErrFormat.
func ParsePlayReady(pro []byte) (*PlayReadyHeader, error) {
	if len(pro) < 6 || uint64(binary.LittleEndian.Uint32(pro)) != uint64(len(pro)) {
		return nil, fmt.Errorf("PlayReady object of %d bytes says another length: %w", len(pro), ErrFormat)
	}
	records, b := binary.LittleEndian.Uint16(pro[4:]), pro[6:]
	for range records {
		if len(b) < 4 {
			break
		}
		kind, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if b = b[4:]; n > len(b) {
			return nil, fmt.Errorf("PlayReady record of %d bytes where %d are: %w", n, len(b), ErrFormat)
		}
		if kind == 1 {
			return parseWRM(b[:n])
		}
		b = b[n:]
	}
	return nil, fmt.Errorf("PlayReady object without a header: %w", ErrFormat)
}

// wrmHeader is WRMHEADER in all its versions.
type wrmHeader struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader WRMHEADER"`
	Version string   `xml:"version,attr"`
	Data    struct {
		ProtectInfo struct {
			Algorithm string   `xml:"ALGID"`
			Key       []wrmKey `xml:"KID"`
			Keys      []wrmKey `xml:"KIDS>KID"`
		} `xml:"PROTECTINFO"`
		KID      string `xml:"KID"`
		Checksum string `xml:"CHECKSUM"`
		LA       string `xml:"LA_URL"`
		LUI      string `xml:"LUI_URL"`
		Setup    string `xml:"DECRYPTORSETUP"`
	} `xml:"DATA"`
}

type wrmKey struct {
	Algorithm string `xml:"ALGID,attr"`
	Checksum  string `xml:"CHECKSUM,attr"`
	Value     string `xml:"VALUE,attr"`
}

// parseWRM reads the XML, UTF-16 little endian, with or without a byte order mark.
func parseWRM(b []byte) (*PlayReadyHeader, error) {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	text := strings.TrimRight(strings.TrimPrefix(string(utf16.Decode(units)), "\uFEFF"), "\x00")
	if len(b)%2 != 0 || strings.Contains(text, "<!") {
		return nil, fmt.Errorf("PlayReady header is not UTF-16, or has a document type: %w", ErrFormat)
	}
	var w wrmHeader
	if err := xml.Unmarshal([]byte(text), &w); err != nil {
		return nil, fmt.Errorf("PlayReady header: %w: %w", err, ErrFormat)
	}
	d := &w.Data
	h := &PlayReadyHeader{Version: strings.TrimSuffix(w.Version, ".0.0"), LicenseURL: d.LA, LicenseUIURL: d.LUI, OnDemand: d.Setup == "ONDEMAND"}
	keys := append(d.ProtectInfo.Key, d.ProtectInfo.Keys...)
	if d.KID != "" {
		keys = append(keys, wrmKey{d.ProtectInfo.Algorithm, d.Checksum, d.KID})
	}
	for _, k := range keys {
		guid, err := base64.StdEncoding.DecodeString(strings.TrimSpace(k.Value))
		if err != nil || len(guid) != 16 {
			return nil, fmt.Errorf("PlayReady key id %.40q: %w", k.Value, ErrFormat)
		}
		p := PlayReadyKey{ID: KeyID(KeyID(guid).GUID()), Algorithm: k.Algorithm} // its own inverse
		if k.Checksum != "" {
			if p.Checksum, err = base64.StdEncoding.DecodeString(strings.TrimSpace(k.Checksum)); err != nil {
				return nil, fmt.Errorf("PlayReady checksum of key %s: %w", p.ID, ErrFormat)
			}
		}
		h.Keys = append(h.Keys, p)
	}
	return h, nil
}
