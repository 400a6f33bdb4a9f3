package codec

import (
	"fmt"
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Stream is what a sample entry says of a track.
type Stream struct {
	Kind  media.Kind
	Codec media.Codec
	Video *media.VideoFormat // nil unless Kind is Video
	Audio *media.AudioFormat // nil unless Kind is Audio
	// Encrypted says that samples are ciphertext (encv, enca). Codec is that of the clear form.
	Encrypted bool
	// FrameSize is the number of audio samples in an access unit, at Audio.SampleRate; 0: unknown or varying.
	FrameSize int
}

// maxEntry is more than any sample entry needs: parameter sets and metadata blocks are a few kilobytes.
const maxEntry = 1 << 20

// FromEntry reads one box of stsd. first returns the bytes of the track's first sync sample, for entries that do not
// suffice; it may be nil, and is called at most once. Errors match media.ErrUnsupported for codecs out of scope and
// media.ErrFormat for entries that break a rule; box paths are relative to stsd.
//
// The Stream's entry type may differ from the file's where that makes it playable and stays true: QuickTime types become
// ISO ones; hev1 and avc3 become hvc1 and avc1, which Apple's players demand, if the configuration holds all kinds of
// parameter sets and the first sync sample holds none (14496-15, 8.4.1.1, forbids them in hvc1 samples, and an encoder
// that repeats them does so at each sync sample); Dolby Vision with a base layer that other decoders understand becomes
// that base layer, with the enhancement in Supplemental.
func FromEntry(entry []byte, first func() ([]byte, error)) (*Stream, error) {
	if len(entry) < 16 {
		return nil, malformed("", "sample entry of %d bytes (14496-12, 8.5.2)", len(entry))
	}
	e := &entryReader{
		kind:   string(entry[4:8]),
		entry:  entry[:min(uint64(len(entry)), max(16, uint64(be.Uint32(entry))))],
		sample: once(first),
	}
	if len(e.entry) > maxEntry {
		return nil, malformed(printable(e.kind), "sample entry of %d bytes, at most %d are read", len(e.entry), maxEntry)
	}
	switch e.kind {
	case "encv", "enca":
		return e.encrypted()
	}
	return e.read()
}

// entryReader holds one sample entry while it is read.
type entryReader struct {
	kind   string
	entry  []byte
	sample func() ([]byte, error) // never nil; at most one read
}

func (e *entryReader) read() (*Stream, error) {
	switch e.kind {
	case "avc1", "avc2", "avc3", "avc4", "dva1", "dvav", "hvc1", "hev1", "dvh1", "dvhe", "av01", "dav1", "vp09":
		return e.video()
	case "mp4a", "ac-3", "ec-3", "sac3", "Opus", "fLaC", ".mp3", "ms\x00\x55", "MS\x00\x55":
		return e.audio()
	}
	return nil, e.refuse()
}

// encrypted reads the entry as the one it was before encryption (14496-12, 8.12).
func (e *entryReader) encrypted() (*Stream, error) {
	size := videoHeader
	outer := e.kind
	if outer == "enca" {
		size = e.audioHeader()
	}
	if len(e.entry) < size {
		return nil, malformed(outer, "sample entry of %d bytes, %d are its fields (14496-12, 8.5.2)", len(e.entry), size)
	}
	sinf, _ := find(boxes(e.entry[size:]), "sinf")
	frma, ok := find(boxes(sinf.payload), "frma")
	if !ok || len(frma.payload) < 4 {
		return nil, malformed(outer+"/sinf/frma", "an encrypted entry must name its original format (14496-12, 8.12.2)")
	}
	inner := *e
	inner.kind = string(frma.payload[:4])
	inner.sample = once(nil) // ciphertext tells nothing
	s, err := inner.read()
	if err != nil {
		return nil, fmt.Errorf("encrypted %s: %w", printable(inner.kind), err)
	}
	s.Encrypted = true
	return s, nil
}

// named are the codecs that are met often enough to be refused with a word of advice.
var named = map[string][2]string{
	"alac": {"ALAC", "encode as FLAC or AAC"},
	"dtsc": {"DTS", ""}, "dtsh": {"DTS-HD", ""}, "dtsl": {"DTS-HD", ""}, "dtse": {"DTS Express", ""}, "dtsx": {"DTS:X", ""},
	"ac-4": {"AC-4", ""}, "mhm1": {"MPEG-H 3D audio", ""}, "mha1": {"MPEG-H 3D audio", ""}, "mlpa": {"TrueHD", ""},
	"lpcm": {"PCM", ""}, "sowt": {"PCM", ""}, "twos": {"PCM", ""}, "in24": {"PCM", ""}, "in32": {"PCM", ""}, "fl32": {"PCM", ""},
	"fl64": {"PCM", ""}, "raw ": {"PCM", ""}, "ipcm": {"PCM", ""}, "fpcm": {"PCM", ""}, "NONE": {"PCM", ""},
	"ulaw": {"G.711", ""}, "alaw": {"G.711", ""}, "samr": {"AMR", ""}, "sawb": {"AMR-WB", ""}, "spex": {"Speex", ""},
	"XiVs": {"Vorbis", "encode as Opus or AAC"}, "msVo": {"Vorbis", "encode as Opus or AAC"},
	"XiTh": {"Theora", "encode as H.264"}, "theo": {"Theora", "encode as H.264"}, "iamf": {"IAMF", ""}, "jpeg": {"JPEG", ""}, "mjpa": {"Motion JPEG", ""}, "mjp2": {"JPEG 2000", ""},
	"png ": {"PNG", ""}, "vvc1": {"VVC", ""}, "vvi1": {"VVC", ""}, "vp08": {"VP8", "encode as VP9"}, "s263": {"H.263", ""},
	"apcn": {"ProRes", ""}, "apch": {"ProRes", ""}, "apcs": {"ProRes", ""}, "apco": {"ProRes", ""}, "ap4h": {"ProRes", ""},
	"ap4x": {"ProRes", ""}, "tmcd": {"timecode", ""}, "c608": {"CEA-608", ""}, "c708": {"CEA-708", ""},
}

// mpeg4Visuals are the object types of mp4v (14496-1, table 5).
var mpeg4Visuals = map[uint8]string{0x20: "MPEG-4 Visual", 0x60: "MPEG-2 video", 0x61: "MPEG-2 video", 0x62: "MPEG-2 video",
	0x63: "MPEG-2 video", 0x64: "MPEG-2 video", 0x65: "MPEG-2 video", 0x6A: "MPEG-1 video", 0x6C: "JPEG", 0x6D: "PNG"}

func (e *entryReader) refuse() error {
	if e.kind == "mp4v" && len(e.entry) > videoHeader {
		if b, ok := find(boxes(e.entry[videoHeader:]), "esds"); ok {
			d, _ := parseESDS(b.payload)
			return unsupported(fmt.Sprintf("%s (mp4v.%x)", mpeg4Visuals[d.objectType], d.objectType), "encode as H.264")
		}
	}
	if n, ok := named[e.kind]; ok {
		return unsupported(n[0]+" ("+printable(e.kind)+")", n[1])
	}
	return unsupported(printable(e.kind), "")
}

// printable is a box type for people: what is no letter is written as \x.
func printable(kind string) string {
	q := fmt.Sprintf("%q", kind)
	return strings.TrimSpace(q[1 : len(q)-1])
}

// once calls f at most once; nil gives no bytes.
func once(f func() ([]byte, error)) func() ([]byte, error) {
	var p []byte
	var err error
	return func() ([]byte, error) {
		if f != nil {
			p, err = f()
			f = nil
			if err != nil {
				err = fmt.Errorf("first sync sample: %w", err)
			}
		}
		return p, err
	}
}
