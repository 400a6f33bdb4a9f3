package timelines

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf16"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Keys says how a Timeline is protected. Its keys and signals are made up, exact and repeatable.
type Keys struct {
	Scheme   drm.Scheme
	Systems  []drm.SystemID
	Interval float64 // seconds that a key stays; 0: for ever
	Lead     float64 // seconds at the start that are clear
	IV       []byte
	First    uint64                          // Key.Period of the first key
	Label    func(r *media.Rendition) string // of the key; empty: clear. nil: one key for all
	Change   func(*manifest.Key)             // whatever else
}

// Key is manifest.Options.Key of the Timeline: equal pointers are equal keys. A key lasts for whole segments of the first
// rendition, whatever rendition is asked for.
func (k Keys) Key() func(p *media.Period, rendition string, number uint64) *manifest.Key {
	made := map[string]*manifest.Key{}
	return func(p *media.Period, rendition string, number uint64) *manifest.Key {
		r, ok := p.Rendition(rendition)
		if !ok {
			return nil
		}
		label := "ALL"
		if k.Label != nil {
			label = k.Label(r)
		}
		lead := &p.Renditions[0]
		s, ok := media.ByNumber(lead.Segments, number)
		if !ok {
			s = lead.Segments.At(lead.Segments.Len() - 1)
		}
		at := float64(s.Start) / float64(lead.Track.Timescale)
		if label == "" || at < k.Lead {
			return nil
		}
		n := k.First
		if k.Interval > 0 {
			n = uint64(at/k.Interval) + 1
		}
		name := fmt.Sprintf("%s %d", label, n)
		if made[name] == nil {
			made[name] = k.make(name, n)
		}
		return made[name]
	}
}

func (k Keys) make(name string, period uint64) *manifest.Key {
	sum := sha256.Sum256([]byte("key of " + name))
	out := &manifest.Key{Period: period, Scheme: k.Scheme, ID: drm.KeyID(sum[:16]), IV: k.IV}
	for _, id := range k.Systems {
		out.Signals = append(out.Signals, Signal(id, k.Scheme, out.ID))
	}
	if k.Change != nil {
		k.Change(out)
	}
	return out
}

// Signal is what a key server may say of a key for a system.
func Signal(system drm.SystemID, scheme drm.Scheme, kid drm.KeyID) drm.Signal {
	s := drm.Signal{System: system}
	hls := func(uri, format string) {
		if m := scheme.Method(); m != "" {
			s.HLS = fmt.Sprintf(`METHOD=%s,URI="%s",KEYFORMAT="%s",KEYFORMATVERSIONS="1"`, m, uri, format)
		}
	}
	const cenc = `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">%s</cenc:pssh>`
	switch system {
	case drm.Widevine:
		s.PSSH = pssh(system, nil, append([]byte{0x12, 0x10}, kid[:]...))
		s.DASH = fmt.Sprintf(cenc, base64.StdEncoding.EncodeToString(s.PSSH))
		hls("data:text/plain;base64,"+base64.StdEncoding.EncodeToString(s.PSSH), "urn:uuid:"+string(system))
	case drm.PlayReady:
		pro := playReady(kid)
		s.PSSH = pssh(system, nil, pro)
		s.DASH = fmt.Sprintf(cenc+`<mspr:pro xmlns:mspr="urn:microsoft:playready">%s</mspr:pro>`,
			base64.StdEncoding.EncodeToString(s.PSSH), base64.StdEncoding.EncodeToString(pro))
		s.DASHValue = "MSPR 2.0"
		hls("data:text/plain;charset=UTF-16;base64,"+base64.StdEncoding.EncodeToString(pro), "com.microsoft.playready")
	case drm.FairPlay:
		hls("skd://"+kid.String(), "com.apple.streamingkeydelivery")
	case drm.ClearKey:
		s.PSSH = pssh(system, &kid, nil)
		s.DASH = `<dashif:Laurl xmlns:dashif="https://dashif.org/CPS">/drm/clearkey</dashif:Laurl>`
		hls("data:text/plain;base64,"+base64.StdEncoding.EncodeToString(s.PSSH), "org.w3.clearkey")
	case drm.Identity:
		if m := scheme.Method(); m != "" {
			s.HLS = fmt.Sprintf(`METHOD=%s,URI="/drm/key/%s"`, m, kid.Hex())
		}
	default:
		s.PSSH = pssh(system, nil, kid[:])
	}
	return s
}

// pssh is a box of version 1 where a key id is given, else 0 (23001-7, 8.1).
func pssh(system drm.SystemID, kid *drm.KeyID, data []byte) []byte {
	id := system.Bytes()
	b := append([]byte("\x00\x00\x00\x00pssh\x00\x00\x00\x00"), id[:]...)
	if kid != nil {
		b[8] = 1
		b = append(binary.BigEndian.AppendUint32(b, 1), kid[:]...)
	}
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// playReady is a PlayReady object with a header of version 4.3.
func playReady(kid drm.KeyID) []byte {
	guid := kid.GUID()
	header := `<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.3.0.0"><DATA><PROTECTINFO><KIDS><KID VALUE="` +
		base64.StdEncoding.EncodeToString(guid[:]) + `"></KID></KIDS></PROTECTINFO></DATA></WRMHEADER>`
	var text bytes.Buffer
	for _, u := range utf16.Encode([]rune(header)) {
		text.Write(binary.LittleEndian.AppendUint16(nil, u))
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(10+text.Len()))
	b = binary.LittleEndian.AppendUint16(append(b, 1, 0, 1, 0), uint16(text.Len()))
	return append(b, text.Bytes()...)
}
