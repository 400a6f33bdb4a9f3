package codec

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// hevcConfig is an hvcC box (14496-15, 8.3.3.1.2) taken apart.
type hevcConfig struct {
	head       []byte // the 22 bytes before numOfArrays
	sets       paramSets
	other      []hevcArray // SEI and what else there is, kept as it is
	lengthSize int
	closed     bool // array_completeness of all parameter sets
}

type hevcArray struct {
	head  byte
	units [][]byte
}

func parseHVCC(p []byte) (*hevcConfig, error) {
	if len(p) < 23 {
		return nil, fmt.Errorf("%d bytes, 23 are its fields (14496-15, 8.3.3.1): %w", len(p), media.ErrFormat)
	}
	c := &hevcConfig{head: bytes.Clone(p[:22]), lengthSize: int(p[21]&3) + 1, closed: true}
	if c.lengthSize == 3 {
		return nil, fmt.Errorf("lengthSizeMinusOne is 2, it may be 0, 1 or 3 (14496-15, 8.3.3.1.2): %w", media.ErrFormat)
	}
	c.head[0] = 1 // 0 is met in early files, with the same layout
	n, p := int(p[22]), p[23:]
	for range n {
		if len(p) < 3 {
			return nil, fmt.Errorf("an array reaches past the end: %w", media.ErrFormat)
		}
		a, count := hevcArray{head: p[0]}, int(be.Uint16(p[1:]))
		p = p[3:]
		for range count {
			unit, rest, ok := sized(p)
			if !ok {
				return nil, fmt.Errorf("a parameter set reaches past the end: %w", media.ErrFormat)
			}
			if len(unit) > 0 {
				a.units = append(a.units, unit)
			}
			p = rest
		}
		c.take(a)
	}
	return c, nil
}

func (c *hevcConfig) take(a hevcArray) {
	switch a.head & 0x3F {
	case nal.HEVCVPS:
		c.sets.vps = append(c.sets.vps, a.units...)
	case nal.HEVCSPS:
		c.sets.sps = append(c.sets.sps, a.units...)
	case nal.HEVCPPS:
		c.sets.pps = append(c.sets.pps, a.units...)
	default:
		if len(a.units) > 0 {
			c.other = append(c.other, a)
		}
		return
	}
	c.closed = c.closed && a.head&0x80 != 0
}

// bytes writes the configuration; complete is the array_completeness of the parameter sets.
func (c *hevcConfig) bytes(complete bool) []byte {
	arrays := make([]hevcArray, 0, 3+len(c.other))
	for i, units := range [][][]byte{c.sets.vps, c.sets.sps, c.sets.pps} {
		a := hevcArray{byte(nal.HEVCVPS + i), units}
		if complete {
			a.head |= 0x80
		}
		if len(units) > 0 {
			arrays = append(arrays, a)
		}
	}
	arrays = append(arrays, c.other...)
	out := append(bytes.Clone(c.head), byte(len(arrays)))
	for _, a := range arrays {
		out = be.AppendUint16(append(out, a.head), uint16(len(a.units)))
		for _, u := range a.units {
			out = append(be.AppendUint16(out, uint16(len(u))), u...)
		}
	}
	return out
}

// newHEVCHead makes the fixed part from an SPS.
func newHEVCHead(sps *nal.SPS, lengthSize int) []byte {
	h := append([]byte{1}, sps.ProfileTierLevel...)
	h = append(h, 0xF0, 0, 0xFC, 0xFC|sps.ChromaFormat, 0xF8|(sps.BitDepthLuma-8), 0xF8|(sps.BitDepthChroma-8), 0, 0)
	last := sps.TemporalLayers<<3 | byte(lengthSize-1)
	if sps.TemporalNested {
		last |= 4
	}
	return append(h, last)
}

// hevc reads the configuration of HEVC. In hvc1 all parameter sets are in the entry and array_completeness is 1
// (14496-15, 8.3.3.1.3); FromEntry says when hev1 becomes hvc1.
func (e *entryReader) hevc(s *Stream, children []box) (picture, error) {
	s.Codec.Coding, s.Codec.FourCC = media.HEVC, "hvc1"
	if e.kind == "hev1" || e.kind == "dvhe" {
		s.Codec.FourCC = "hev1"
	}
	conf := &hevcConfig{lengthSize: 4}
	b, has := find(children, "hvcC")
	if has {
		var err error
		if conf, err = parseHVCC(b.payload); err != nil {
			return picture{}, malformed(e.kind+"/hvcC", "%w", err)
		}
	}
	s.Video.NALLength = conf.lengthSize
	own := conf.sets.complete(media.HEVC)
	var found paramSets
	whole := false
	if !own || s.Codec.FourCC == "hev1" {
		sample, err := e.sample()
		if err != nil {
			return picture{}, err
		}
		found, whole = inBand(media.HEVC, sample, conf.lengthSize)
	}
	if !own {
		conf.sets = found
	}
	if !conf.sets.complete(media.HEVC) {
		return picture{}, malformed(e.kind+"/hvcC", "no VPS, SPS and PPS, neither here nor in the first sync sample: "+
			"the file cannot be decoded (14496-15, 8.3.3.1): %w", media.ErrFormat)
	}
	sps, err := nal.ParseSPS(media.HEVC, conf.sets.sps[0])
	if err != nil {
		return picture{}, malformed(e.kind+"/hvcC", "%w", err)
	}
	if !has {
		conf.head = newHEVCHead(sps, conf.lengthSize)
	}
	if own && len(found.all()) == 0 && (whole || conf.closed) {
		s.Codec.FourCC = "hvc1"
	}
	s.Codec.Config = conf.bytes(s.Codec.FourCC == "hvc1")
	s.Codec.String = s.Codec.FourCC + hevcString(conf.head)
	return picture{sps.Width, sps.Height, sps.PixelAspect, sps.Color}, nil
}

// hevcString is the codecs string after the sample entry type (14496-15, E.3), from the head of an hvcC: profile space
// and number, compatibility flags in reverse order of bits, tier and level, constraint bytes without trailing zeros.
func hevcString(head []byte) string {
	var b strings.Builder
	b.WriteByte('.')
	if space := head[1] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	tier := "L"
	if head[1]&0x20 != 0 {
		tier = "H"
	}
	fmt.Fprintf(&b, "%d.%x.%s%d", head[1]&0x1F, bits.Reverse32(be.Uint32(head[2:])), tier, head[12])
	for _, c := range bytes.TrimRight(head[6:12], "\x00") {
		fmt.Fprintf(&b, ".%x", c)
	}
	return b.String()
}
