package codec

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// vp9Header is what is needed of the uncompressed header of a key frame (VP9 bitstream, 6.2).
type vp9Header struct {
	profile, depth, subsampling uint8 // subsampling as in vpcC: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4
	width, height               int
	color                       nal.Color
}

func parseVP9Header(p []byte) (*vp9Header, bool) {
	r := bits.NewReader(p)
	if r.U(2) != 2 { // frame_marker
		return nil, false
	}
	h := &vp9Header{depth: 8, subsampling: 1}
	h.profile = uint8(r.U(1) | r.U(1)<<1)
	if h.profile == 3 {
		r.Skip(1)
	}
	if shown := r.Flag(); shown || r.Flag() { // show_existing_frame, or a frame that is no key frame
		return nil, false
	}
	r.Skip(2)
	if r.U(24) != 0x498342 {
		return nil, false
	}
	if h.profile >= 2 {
		h.depth = 10 + 2*uint8(r.U(1))
	}
	space := r.U(3)
	h.color = vp9Color(space, h.depth)
	odd := h.profile&1 == 1
	switch {
	case space == 7: // sRGB
		h.color.FullRange, h.subsampling = true, 3
		if odd {
			r.Skip(1)
		}
	default:
		h.color.FullRange = r.Flag()
		if odd {
			x, y := r.Flag(), r.Flag()
			r.Skip(1)
			switch {
			case !x && !y:
				h.subsampling = 3
			case x && !y:
				h.subsampling = 2
			}
		}
	}
	h.width, h.height = int(r.U(16))+1, int(r.U(16))+1
	return h, !r.Over()
}

// vp9Color is color_space (VP9 bitstream, 7.2.2) in the numbers of 23091-2.
func vp9Color(space uint32, depth uint8) nal.Color {
	switch space {
	case 1, 3: // BT.601, SMPTE 170M
		return nal.Color{Primaries: 6, Transfer: 6, Matrix: 6}
	case 2:
		return nal.Color{Primaries: 1, Transfer: 1, Matrix: 1}
	case 4:
		return nal.Color{Primaries: 7, Transfer: 7, Matrix: 7}
	case 5:
		if depth == 12 {
			return nal.Color{Primaries: 9, Transfer: 15, Matrix: 9}
		}
		return nal.Color{Primaries: 9, Transfer: 14, Matrix: 9}
	case 7:
		return nal.Color{Primaries: 1, Transfer: 13, Matrix: 0}
	}
	return nal.Color{Primaries: 2, Transfer: 2, Matrix: 2}
}

// vp9Levels are the largest luma pictures of levels (VP9 levels, table 1); the levels between differ in rate alone.
var vp9Levels = []struct {
	size  int
	level uint8
}{{36864, 10}, {73728, 11}, {122880, 20}, {245760, 21}, {552960, 30}, {983040, 31}, {2228224, 40}, {8912896, 50}, {35651584, 60}}

// vp9Level is the least level whose pictures are as large. It is right up to 30 frames a second or so, which is what can
// be told from an entry.
func vp9Level(width, height int) uint8 {
	for _, l := range vp9Levels {
		if width*height <= l.size {
			return l.level
		}
	}
	return 62
}

// vp9 reads vpcC (VP codec ISO media file format binding, version 1). What is missing, and a level of 0, which no
// decoder accepts, is taken from the first key frame and the picture size.
func (e *entryReader) vp9(s *Stream, children []box) (picture, error) {
	s.Codec.Coding, s.Codec.FourCC = media.VP9, "vp09"
	b, has := find(children, "vpcC")
	// 4 of full box header, 8 of fields; version 0 packs them otherwise
	if has = has && len(b.payload) >= 12 && b.payload[0] == 1; has {
		conf := bytes.Clone(b.payload)
		v := conf[4:]
		if v[1] == 0 {
			v[1] = vp9Level(int(be.Uint16(e.entry[32:])), int(be.Uint16(e.entry[34:])))
		}
		s.Codec.Config = conf
		return picture{color: nal.Color{Primaries: v[3], Transfer: v[4], Matrix: v[5], FullRange: v[2]&1 == 1}}, nil
	}
	sample, err := e.sample()
	if err != nil {
		return picture{}, err
	}
	h, ok := parseVP9Header(sample)
	if !ok {
		return picture{}, malformed(e.kind+"/vpcC", "missing or of another version than 1, and the first sync sample is no key frame (VP9 in ISOBMFF): %w", media.ErrFormat)
	}
	c := h.color
	s.Codec.Config = []byte{1, 0, 0, 0, h.profile, vp9Level(h.width, h.height),
		h.depth<<4 | h.subsampling<<1 | byte(bit(c.FullRange)), c.Primaries, c.Transfer, c.Matrix, 0, 0}
	return picture{width: h.width, height: h.height, color: c}, nil
}

// vp9String is the codecs string. The optional tail is written where it says something that the defaults, BT.709 and
// 4:2:0, do not.
func vp9String(conf []byte, v *media.VideoFormat) string {
	p := conf[4:]
	depth, subsampling := p[2]>>4, p[2]>>1&7
	s := fmt.Sprintf("vp09.%02d.%02d.%02d", p[0], p[1], depth)
	if subsampling <= 1 && defaultColor(v) {
		return s
	}
	return s + fmt.Sprintf(".%02d.%02d.%02d.%02d.%02d", subsampling, v.Primaries, v.Transfer, v.Matrix, bit(v.FullRange))
}

func videoString(s *Stream) string {
	if s.Codec.Coding == media.AV1 {
		return av1String(s.Codec.Config, s.Video)
	}
	return vp9String(s.Codec.Config, s.Video)
}
