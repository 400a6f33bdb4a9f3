package codec

import (
	"slices"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// videoHeader is the size of a VisualSampleEntry before its boxes (14496-12, 12.1.3), box header included.
const videoHeader = 86

// picture is what a bitstream says of its pictures; zero or unspecified where it does not.
type picture struct {
	width, height int
	aspect        media.Ratio
	color         nal.Color
}

// video reads a VisualSampleEntry, ISO or QuickTime: their fields lie alike.
func (e *entryReader) video() (*Stream, error) {
	if len(e.entry) < videoHeader {
		return nil, malformed(e.kind, "sample entry of %d bytes, %d are its fields (14496-12, 12.1.3)", len(e.entry), videoHeader)
	}
	children := boxes(e.entry[videoHeader:])
	s := &Stream{Kind: media.Video, Video: &media.VideoFormat{}}
	var pic picture
	var err error
	switch e.kind {
	case "avc1", "avc2", "avc3", "avc4", "dva1", "dvav":
		pic, err = e.avc(s, children)
	case "hvc1", "hev1", "dvh1", "dvhe":
		pic, err = e.hevc(s, children)
	case "av01", "dav1":
		pic, err = e.av1(s, children)
	default:
		pic, err = e.vp9(s, children)
	}
	if err != nil {
		return nil, err
	}
	e.describe(s.Video, children, pic)
	if err := e.dolbyVision(s, children); err != nil {
		return nil, err
	}
	if s.Codec.String == "" {
		s.Codec.String = videoString(s)
	}
	s.Codec.Entry = e.videoEntry(s, children)
	return s, nil
}

// describe fills what manifests say. For size the bitstream decides, for shape and colour of pixels the container
// (14496-12, 12.1.4 and 12.1.5: pasp and colr override).
func (e *entryReader) describe(v *media.VideoFormat, children []box, pic picture) {
	v.Width, v.Height = pic.width, pic.height
	if v.Width == 0 || v.Height == 0 {
		v.Width, v.Height = int(be.Uint16(e.entry[32:])), int(be.Uint16(e.entry[34:]))
	}
	v.PixelAspect = pic.aspect
	if b, ok := find(children, "pasp"); ok && len(b.payload) >= 8 {
		if p := (media.Ratio{Num: be.Uint32(b.payload), Den: be.Uint32(b.payload[4:])}); p.Num > 0 && p.Den > 0 {
			v.PixelAspect = p
		}
	}
	v.PixelAspect = reduce(v.PixelAspect)
	c := pic.color
	if n, ranged, ok := nclx(children); ok {
		// a container that says "unspecified" does not contradict the bitstream
		c.Primaries, c.Transfer, c.Matrix = prefer(n.Primaries, c.Primaries), prefer(n.Transfer, c.Transfer), prefer(n.Matrix, c.Matrix)
		if ranged {
			c.FullRange = n.FullRange
		}
	}
	v.Primaries, v.Transfer, v.Matrix, v.FullRange = c.Primaries, c.Transfer, c.Matrix, c.FullRange
}

func prefer(container, bitstream uint8) uint8 {
	if container == 2 {
		return bitstream
	}
	return container
}

func reduce(r media.Ratio) media.Ratio {
	a, b := r.Num, r.Den
	for b != 0 {
		a, b = b, a%b
	}
	if a == 0 {
		return media.Ratio{}
	}
	return media.Ratio{Num: r.Num / a, Den: r.Den / a}
}

// nclx returns the colour of a colr box of type nclx, or QuickTime's nclc, which says nothing of range: ranged is false.
func nclx(children []box) (c nal.Color, ranged, ok bool) {
	for _, b := range children {
		if b.kind != "colr" || len(b.payload) < 10 {
			continue
		}
		if t := string(b.payload[:4]); t != "nclx" && t != "nclc" {
			continue
		}
		p := b.payload[4:]
		c = nal.Color{Primaries: uint8(be.Uint16(p)), Transfer: uint8(be.Uint16(p[2:])), Matrix: uint8(be.Uint16(p[4:]))}
		ranged = string(b.payload[:4]) == "nclx" && len(p) > 6
		c.FullRange = ranged && p[6]&0x80 != 0
		return c, ranged, true
	}
	return nal.Color{}, false, false
}

// kept are the boxes that an ISO entry goes on to have, each once.
var kept = []string{"clap", "btrt", "clli", "mdcv", "SmDm", "CoLL", "amve", "cclv", "ccst", "dvcC", "dvvC", "dvwC", "hvcE", "avcE",
	"lhvC", "vexu", "hfov"}

// videoEntry writes the entry in ISO form. QuickTime's vendor, quality and colour table fields become zero, as ISO
// reserves them.
func (e *entryReader) videoEntry(s *Stream, children []box) []byte {
	v := s.Video
	head := make([]byte, 78)
	head[7] = 1 // data_reference_index
	be.PutUint16(head[24:], uint16(min(v.Width, 0xFFFF)))
	be.PutUint16(head[26:], uint16(min(v.Height, 0xFFFF)))
	head[29], head[33] = 0x48, 0x48 // 72 dpi, 16.16
	head[41] = 1                    // frame_count
	name := e.entry[50:82]
	n := min(int(name[0]), 31) // longer ones are met: the field has 31 bytes
	head[42] = byte(n)
	copy(head[43:], name[1:1+n])
	head[75] = 0x18
	head[76], head[77] = 0xFF, 0xFF

	body := appendBox(head, configBox[s.Codec.Coding], s.Codec.Config)
	var done []string
	for _, b := range children {
		switch {
		case slices.Contains(done, b.kind):
		case b.kind == "colr":
			var ok bool
			if body, ok = appendColr(body, b, v.FullRange); !ok {
				continue
			}
		case b.kind == "pasp":
			if v.PixelAspect == (media.Ratio{}) || len(b.payload) < 8 {
				continue
			}
			body = appendBox(body, "pasp", be.AppendUint32(be.AppendUint32(nil, v.PixelAspect.Num), v.PixelAspect.Den))
		case slices.Contains(kept, b.kind):
			body = appendBox(body, b.kind, b.payload) // as long as it is, whatever it said
		default:
			continue
		}
		done = append(done, b.kind)
	}
	return appendBox(nil, s.Codec.FourCC, body)
}

// appendColr appends colour as nclx (14496-12, 12.1.5), or an ICC profile as it is.
func appendColr(dst []byte, b box, fullRange bool) ([]byte, bool) {
	if c, _, ok := nclx([]box{b}); ok {
		p := append([]byte("nclx"), 0, c.Primaries, 0, c.Transfer, 0, c.Matrix, 0)
		if fullRange {
			p[10] = 0x80
		}
		return appendBox(dst, "colr", p), true
	}
	if len(b.payload) > 4 && (string(b.payload[:4]) == "prof" || string(b.payload[:4]) == "rICC") {
		return appendBox(dst, "colr", b.payload), true
	}
	return dst, false
}

// configBox is the box that carries Codec.Config of each video coding.
var configBox = map[media.Coding]string{media.H264: "avcC", media.HEVC: "hvcC", media.AV1: "av1C", media.VP9: "vpcC"}
