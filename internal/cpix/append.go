package cpix

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// Append appends the document as XML, with elements and attributes as SPEKE's documentation has them and in the order of
// the CPIX schema. Of a key that has a Value and is Sealed, the sealed form is written.
func (d *Document) Append(dst []byte) []byte {
	w := writer{b: append(dst, `<?xml version="1.0" encoding="UTF-8"?>`...)}
	w.open("cpix:CPIX")
	w.attr("id", d.ID)
	w.attr("contentId", d.ContentID)
	w.attr("version", d.Version)
	w.attr("xmlns:cpix", nsCPIX)
	w.attr("xmlns:pskc", nsPSKC)
	if len(d.Delivery) > 0 {
		w.attr("xmlns:ds", nsSig)
		w.attr("xmlns:enc", nsEnc)
	}
	if d.Version == "" {
		w.attr("xmlns:speke", nsSPEKE)
	}
	list(&w, "cpix:DeliveryDataList", d.Delivery, w.delivery)
	list(&w, "cpix:ContentKeyList", d.Keys, w.contentKey)
	list(&w, "cpix:DRMSystemList", d.Systems, w.system)
	list(&w, "cpix:ContentKeyPeriodList", d.Periods, w.period)
	list(&w, "cpix:ContentKeyUsageRuleList", d.Rules, w.rule)
	w.close()
	return append(w.b, '\n')
}

// writer writes elements, one a line, indented. An element without content is closed at once.
type writer struct {
	b     []byte
	names []string
	begun bool // the start tag of the last name is not closed yet
}

func (w *writer) open(name string) {
	w.seal()
	w.b = append(w.b, '\n')
	w.b = append(w.b, bytes.Repeat([]byte("  "), len(w.names))...)
	w.b = append(append(w.b, '<'), name...)
	w.names, w.begun = append(w.names, name), true
}

func (w *writer) seal() {
	if w.begun {
		w.b, w.begun = append(w.b, '>'), false
	}
}

func (w *writer) close() { w.end(true) }

// end closes the last element; on a line of its own where it has children.
func (w *writer) end(children bool) {
	name := w.names[len(w.names)-1]
	w.names = w.names[:len(w.names)-1]
	if w.begun {
		w.b, w.begun = append(w.b, "/>"...), false
		return
	}
	if children {
		w.b = append(w.b, '\n')
		w.b = append(w.b, bytes.Repeat([]byte("  "), len(w.names))...)
	}
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

// attr writes an attribute that has a value.
func (w *writer) attr(name, value string) {
	if value == "" {
		return
	}
	w.b = append(append(append(w.b, ' '), name...), `="`...)
	var text bytes.Buffer
	_ = xml.EscapeText(&text, []byte(value)) // a Buffer takes all
	w.b = append(append(w.b, text.Bytes()...), '"')
}

func (w *writer) number(name string, n int) {
	if n != 0 {
		w.attr(name, strconv.Itoa(n))
	}
}

// leaf writes an element with base64; nil: none.
func (w *writer) leaf(name string, data []byte, attrs ...string) {
	if data == nil {
		return
	}
	w.open(name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.attr(attrs[i], attrs[i+1])
	}
	if len(data) > 0 {
		w.seal()
		w.b = base64.StdEncoding.AppendEncode(w.b, data)
	}
	w.end(false)
}

// list writes an element with one child for each item; none without items.
func list[T any](w *writer, name string, items []T, item func(*T)) {
	if len(items) == 0 {
		return
	}
	w.open(name)
	for i := range items {
		item(&items[i])
	}
	w.close()
}

func (w *writer) contentKey(k *ContentKey) {
	w.open("cpix:ContentKey")
	w.attr("kid", k.KID.String())
	w.attr("explicitIV", base64.StdEncoding.EncodeToString(k.ExplicitIV))
	w.attr("commonEncryptionScheme", k.Scheme)
	if k.HLSLevel != "" || k.HDCP != nil {
		w.open("cpix:HDCPData")
		w.attr("HLSHDCPLevel", k.HLSLevel)
		w.leaf("cpix:HDCPOutputProtectionData", k.HDCP)
		w.close()
	}
	if v, ok := k.Value.Reveal(); k.Sealed != nil || ok {
		w.open("cpix:Data")
		w.open("pskc:Secret")
		if k.Sealed != nil {
			w.encrypted("pskc:EncryptedValue", algAES, k.Sealed.Cipher)
			w.leaf("pskc:ValueMAC", k.Sealed.MAC)
		} else {
			w.leaf("pskc:PlainValue", v[:])
		}
		w.close()
		w.close()
	}
	w.close()
}

func (w *writer) encrypted(name, algorithm string, data []byte) {
	w.open(name)
	w.open("enc:EncryptionMethod")
	w.attr("Algorithm", algorithm)
	w.close()
	w.open("enc:CipherData")
	w.leaf("enc:CipherValue", data)
	w.close()
	w.close()
}

func (w *writer) delivery(r *DeliveryData) {
	w.open("cpix:DeliveryData")
	w.attr("id", r.ID)
	w.open("cpix:DeliveryKey")
	w.open("ds:X509Data")
	w.leaf("ds:X509Certificate", r.Certificate)
	w.close()
	w.close()
	if r.DocumentKey != nil {
		w.open("cpix:DocumentKey")
		w.attr("Algorithm", algAES)
		w.open("cpix:Data")
		w.open("pskc:Secret")
		w.encrypted("pskc:EncryptedValue", algOAEP, r.DocumentKey)
		w.close()
		w.close()
		w.close()
	}
	if r.MACKey != nil {
		w.open("cpix:MACMethod")
		w.attr("Algorithm", algHMAC)
		w.encrypted("pskc:MACKey", algOAEP, r.MACKey)
		w.close()
	}
	w.close()
}

func (w *writer) system(y *DRMSystem) {
	w.open("cpix:DRMSystem")
	w.attr("kid", y.KID.String())
	w.attr("systemId", string(y.System))
	w.attr("name", y.Name)
	w.attr("HLSAllowedCPC", y.AllowedCPC)
	w.leaf("cpix:PSSH", y.PSSH)
	w.leaf("cpix:ContentProtectionData", y.ContentProtectionData, "robustness", y.Robustness)
	w.leaf("cpix:URIExtXKey", y.URIExtXKey)
	w.leaf("cpix:HLSSignalingData", y.HLSMedia, "playlist", "media")
	w.leaf("cpix:HLSSignalingData", y.HLSMaster, "playlist", "master")
	w.leaf("cpix:SmoothStreamingProtectionHeaderData", y.Smooth)
	w.leaf("speke:KeyFormat", y.KeyFormat)
	w.leaf("speke:KeyFormatVersions", y.KeyFormatVersions)
	w.leaf("speke:ProtectionHeader", y.ProtectionHeader)
	w.close()
}

func (w *writer) period(p *Period) {
	w.open("cpix:ContentKeyPeriod")
	w.attr("id", p.ID)
	if p.Index != nil {
		w.attr("index", strconv.FormatUint(*p.Index, 10))
	}
	for i, t := range []time.Time{p.Start, p.End} {
		if !t.IsZero() {
			w.attr([]string{"start", "end"}[i], formatTime(t))
		}
	}
	for i, d := range []*time.Duration{p.StartOffset, p.EndOffset} {
		if d != nil {
			w.attr([]string{"startOffset", "endOffset"}[i], formatDuration(*d))
		}
	}
	w.close()
}

func (w *writer) rule(r *UsageRule) {
	w.open("cpix:ContentKeyUsageRule")
	w.attr("kid", r.KID.String())
	w.attr("intendedTrackType", r.Track)
	for _, id := range r.Periods {
		w.open("cpix:KeyPeriodFilter")
		w.attr("periodId", id)
		w.close()
	}
	for i := range r.Video {
		w.video(&r.Video[i])
	}
	for _, f := range r.Audio {
		w.open("cpix:AudioFilter")
		w.number("minChannels", f.MinChannels)
		w.number("maxChannels", f.MaxChannels)
		w.close()
	}
	w.close()
}

func (w *writer) video(f *drm.VideoFilter) {
	w.open("cpix:VideoFilter")
	w.number("minPixels", f.MinPixels)
	w.number("maxPixels", f.MaxPixels)
	if f.HDR != nil {
		w.attr("hdr", strconv.FormatBool(*f.HDR))
	}
	w.number("minFps", f.MinFPS)
	w.number("maxFps", f.MaxFPS)
	w.close()
}
