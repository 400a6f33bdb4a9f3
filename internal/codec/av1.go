package codec

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// av1Header is what is needed of a sequence_header_obu (AV1 specification, 5.5).
type av1Header struct {
	profile, level, tier       uint8
	highDepth, twelveBit, mono bool
	subX, subY                 bool
	chromaPosition             uint8
	width, height              int
	color                      nal.Color
	reduced                    bool // reduced_still_picture_header
	decoderModel, displayDelay bool
	delayBits                  int
}

// sequenceHeader returns the first sequence header OBU of p, with its own header, and its payload.
func sequenceHeader(p []byte) (obu, payload []byte) {
	for len(p) > 0 {
		head, at := p[0], 1
		if head&4 != 0 {
			at = 2 // extension
		}
		n, size := uint64(len(p)), 0
		if at > len(p) {
			return nil, nil
		}
		if head&2 != 0 { // obu_has_size_field
			n, size = leb128(p[at:])
			if size == 0 {
				return nil, nil
			}
			at += size
			n += uint64(at)
		}
		if n > uint64(len(p)) || n < uint64(at) {
			return nil, nil
		}
		if head>>3&0xF == 1 {
			return p[:n:n], p[at:n:n]
		}
		p = p[n:]
	}
	return nil, nil
}

// leb128 returns the value and its length; length 0: none that fits 32 bits.
func leb128(p []byte) (v uint64, size int) {
	for i := 0; i < 8 && i < len(p); i++ {
		v |= uint64(p[i]&0x7F) << (7 * i)
		if p[i]&0x80 == 0 {
			if v > 1<<32-1 {
				return 0, 0
			}
			return v, i + 1
		}
	}
	return 0, 0
}

func parseAV1Header(p []byte) (*av1Header, error) {
	r := bits.NewReader(p)
	h := &av1Header{profile: uint8(r.U(3))}
	r.Skip(1) // still_picture
	if h.reduced = r.Flag(); h.reduced {
		h.level = uint8(r.U(5))
	} else {
		h.operatingPoints(r)
	}
	w, hh := int(r.U(4))+1, int(r.U(4))+1
	h.width, h.height = int(r.U(w))+1, int(r.U(hh))+1
	h.tools(r)
	h.colorConfig(r)
	if r.Over() || h.profile > 2 {
		return nil, fmt.Errorf("sequence header of %d bytes, profile %d (AV1, 5.5.1): %w", len(p), h.profile, media.ErrFormat)
	}
	return h, nil
}

func (h *av1Header) operatingPoints(r *bits.Reader) {
	if r.Flag() { // timing_info_present_flag
		r.Skip(64)
		if r.Flag() { // equal_picture_interval
			r.UE() // uvlc() is coded alike
		}
		if h.decoderModel = r.Flag(); h.decoderModel {
			h.delayBits = int(r.U(5)) + 1
			r.Skip(32 + 5 + 5)
		}
	}
	h.displayDelay = r.Flag()
	for i := range int(r.U(5)) + 1 {
		r.Skip(12)
		level, tier := uint8(r.U(5)), uint8(0)
		if level > 7 {
			tier = uint8(r.U(1))
		}
		if i == 0 {
			h.level, h.tier = level, tier
		}
		if h.decoderModel && r.Flag() {
			r.Skip(2*h.delayBits + 1)
		}
		if h.displayDelay && r.Flag() {
			r.Skip(4)
		}
	}
}

// tools passes over the coding tools between the size and the colour.
func (h *av1Header) tools(r *bits.Reader) {
	if !h.reduced && r.Flag() { // frame_id_numbers_present_flag
		r.Skip(7)
	}
	r.Skip(3) // superblock size, filter intra, intra edge filter
	if !h.reduced {
		r.Skip(4)
		orderHint := r.Flag()
		if orderHint {
			r.Skip(2)
		}
		if choose := r.Flag(); choose || r.Flag() { // seq_choose_screen_content_tools, else seq_force_screen_content_tools
			if !r.Flag() { // seq_choose_integer_mv
				r.Skip(1)
			}
		}
		if orderHint {
			r.Skip(3)
		}
	}
	r.Skip(3) // superres, cdef, restoration
}

// colorConfig follows AV1, 5.5.2.
func (h *av1Header) colorConfig(r *bits.Reader) {
	h.highDepth = r.Flag()
	h.twelveBit = h.profile == 2 && h.highDepth && r.Flag()
	h.mono = h.profile != 1 && r.Flag()
	h.color = nal.Color{Primaries: 2, Transfer: 2, Matrix: 2}
	if r.Flag() {
		h.color.Primaries, h.color.Transfer, h.color.Matrix = uint8(r.U(8)), uint8(r.U(8)), uint8(r.U(8))
	}
	c := &h.color
	switch {
	case h.mono:
		c.FullRange, h.subX, h.subY = r.Flag(), true, true
		return
	case c.Primaries == 1 && c.Transfer == 13 && c.Matrix == 0: // sRGB
		c.FullRange = true
		return
	}
	c.FullRange = r.Flag()
	switch {
	case h.profile == 0:
		h.subX, h.subY = true, true
	case h.profile == 2 && h.twelveBit:
		h.subX = r.Flag()
		h.subY = h.subX && r.Flag()
	case h.profile == 2:
		h.subX = true
	}
	if h.subX && h.subY {
		h.chromaPosition = uint8(r.U(2))
	}
}

// av1 reads av1C (AV1 in ISOBMFF, 2.3), or makes it of the sequence header in the first sync sample.
func (e *entryReader) av1(s *Stream, children []box) (picture, error) {
	s.Codec.Coding, s.Codec.FourCC = media.AV1, "av01"
	conf, obu, payload := []byte(nil), []byte(nil), []byte(nil)
	if b, ok := find(children, "av1C"); ok {
		if len(b.payload) < 4 || b.payload[0] != 0x81 {
			return picture{}, malformed(e.kind+"/av1C", "%d bytes that don't begin with version 1 (AV1 in ISOBMFF, 2.3.3): %w", len(b.payload), media.ErrFormat)
		}
		conf = bytes.Clone(b.payload)
		obu, payload = sequenceHeader(conf[4:])
	}
	if obu == nil {
		sample, err := e.sample()
		if err != nil {
			return picture{}, err
		}
		obu, payload = sequenceHeader(sample)
	}
	var h *av1Header
	if obu != nil {
		var err error
		if h, err = parseAV1Header(payload); err != nil && conf == nil {
			return picture{}, malformed(e.kind, "%w", err)
		}
	}
	if h == nil && conf == nil {
		return picture{}, malformed(e.kind+"/av1C", "missing, and no sequence header in the first sync sample (AV1 in ISOBMFF, 2.3): %w", media.ErrFormat)
	}
	if conf == nil {
		conf = append(h.config(), obu...)
	}
	if h == nil {
		h = &av1Header{color: nal.Color{Primaries: 2, Transfer: 2, Matrix: 2}}
	}
	s.Codec.Config = conf
	return picture{width: h.width, height: h.height, color: h.color}, nil
}

// config is the fixed part of av1C.
func (h *av1Header) config() []byte {
	var w bits.Writer
	w.U(0x81, 8)
	w.U(uint32(h.profile), 3)
	w.U(uint32(h.level), 5)
	w.U(uint32(h.tier), 1)
	for _, f := range []bool{h.highDepth, h.twelveBit, h.mono, h.subX, h.subY} {
		w.U(bit(f), 1)
	}
	w.U(uint32(h.chromaPosition), 2)
	w.U(0, 8) // no initial presentation delay
	return w.Bytes()
}

func bit(f bool) uint32 {
	if f {
		return 1
	}
	return 0
}

// av1String is the codecs string (AV1 in ISOBMFF, 5). The optional tail is written where it says something that the
// defaults, BT.709 and 4:2:0, do not.
func av1String(conf []byte, v *media.VideoFormat) string {
	tier := "M"
	if conf[2]&0x80 != 0 {
		tier = "H"
	}
	depth := 8
	if conf[2]&0x40 != 0 {
		depth = 10
		if conf[2]&0x20 != 0 {
			depth = 12
		}
	}
	s := fmt.Sprintf("av01.%d.%02d%s.%02d", conf[1]>>5, conf[1]&0x1F, tier, depth)
	mono, subX, subY, position := conf[2]>>4&1, conf[2]>>3&1, conf[2]>>2&1, conf[2]&3
	if subX&subY == 0 {
		position = 0
	}
	if mono == 0 && subX == 1 && subY == 1 && position == 0 && defaultColor(v) {
		return s
	}
	return s + fmt.Sprintf(".%d.%d%d%d.%02d.%02d.%02d.%d", mono, subX, subY, position, v.Primaries, v.Transfer, v.Matrix, bit(v.FullRange))
}

// defaultColor reports whether colour need not be said: BT.709 or unspecified, limited range.
func defaultColor(v *media.VideoFormat) bool {
	plain := func(c uint8) bool { return c <= 2 }
	return plain(v.Primaries) && plain(v.Transfer) && plain(v.Matrix) && !v.FullRange && v.Matrix != 0
}
