package codec

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// paramSets are the parameter sets of one stream by kind; H.264 has no vps.
type paramSets struct{ vps, sps, pps [][]byte }

func (p *paramSets) all() [][]byte {
	return append(append(append([][]byte(nil), p.vps...), p.sps...), p.pps...)
}

func (p *paramSets) complete(c media.Coding) bool {
	return len(p.sps) > 0 && len(p.pps) > 0 && (c != media.HEVC || len(p.vps) > 0)
}

// maxSets bounds how many sets of a kind are taken from a sample: PPS ids end at 255 (14496-10, 7.4.2.2).
const maxSets = 256

// add files a unit under its kind, each content once.
func (p *paramSets) add(c media.Coding, unit []byte) {
	list := &p.pps
	switch t := nal.Type(c, unit); {
	case c == media.H264 && t == nal.H264SPS, c == media.HEVC && t == nal.HEVCSPS:
		list = &p.sps
	case c == media.HEVC && t == nal.HEVCVPS:
		list = &p.vps
	}
	for _, have := range *list {
		if bytes.Equal(have, unit) {
			return
		}
	}
	if len(*list) < maxSets && len(unit) <= 0xFFFF {
		*list = append(*list, unit)
	}
}

// inBand are the parameter sets of a sample. ok says that the sample is made of whole units.
func inBand(c media.Coding, sample []byte, lengthSize int) (sets paramSets, ok bool) {
	for p := sample; len(p) > 0; {
		unit, rest, err := nal.Next(p, lengthSize)
		if err != nil {
			return sets, false
		}
		if nal.IsParameterSet(c, nal.Type(c, unit)) {
			sets.add(c, unit)
		}
		p = rest
	}
	return sets, len(sample) > 0
}

// avcConfig is an avcC box (14496-15, 5.3.3.1.2) taken apart.
type avcConfig struct {
	sets       paramSets
	lengthSize int
	tail       []byte // chroma format and so on, of high profiles
}

func parseAVCC(p []byte) (*avcConfig, error) {
	if len(p) < 7 || p[0] != 1 {
		return nil, fmt.Errorf("%d bytes that don't begin with version 1 (14496-15, 5.3.3.1): %w", len(p), media.ErrFormat)
	}
	c := &avcConfig{lengthSize: int(p[4]&3) + 1}
	if c.lengthSize == 3 {
		return nil, fmt.Errorf("lengthSizeMinusOne is 2, it may be 0, 1 or 3 (14496-15, 5.3.3.1.2): %w", media.ErrFormat)
	}
	n, p := int(p[5]&0x1F), p[6:]
	for kind := range 2 {
		for range n {
			unit, rest, ok := sized(p)
			if !ok {
				return nil, fmt.Errorf("a parameter set reaches past the end: %w", media.ErrFormat)
			}
			switch {
			case len(unit) == 0: // met in the field: a set without content says nothing
			case kind == 0:
				c.sets.sps = append(c.sets.sps, unit)
			default:
				c.sets.pps = append(c.sets.pps, unit)
			}
			p = rest
		}
		if kind == 0 {
			if len(p) == 0 {
				break // no count of PPS: none
			}
			n, p = int(p[0]), p[1:]
		}
	}
	c.tail = p
	return c, nil
}

// sized splits off bytes that follow their length of 16 bits.
func sized(p []byte) (unit, rest []byte, ok bool) {
	if len(p) < 2 {
		return nil, nil, false
	}
	n := int(be.Uint16(p))
	if p = p[2:]; n > len(p) {
		return nil, nil, false
	}
	return p[:n:n], p[n:], true
}

// appendAVCC writes an avcC for parameter sets that were found in band.
func appendAVCC(dst []byte, sets *paramSets, sps *nal.SPS, lengthSize int) []byte {
	nSPS, nPPS := min(len(sets.sps), 31), min(len(sets.pps), 255)
	dst = append(dst, 1, sps.Profile, sps.Constraints, sps.Level, 0xFC|byte(lengthSize-1), 0xE0|byte(nSPS))
	for _, u := range sets.sps[:nSPS] {
		dst = append(be.AppendUint16(dst, uint16(len(u))), u...)
	}
	dst = append(dst, byte(nPPS))
	for _, u := range sets.pps[:nPPS] {
		dst = append(be.AppendUint16(dst, uint16(len(u))), u...)
	}
	if nal.HighProfile(sps.Profile) {
		dst = append(dst, 0xFC|sps.ChromaFormat, 0xF8|(sps.BitDepthLuma-8), 0xF8|(sps.BitDepthChroma-8), 0)
	}
	return dst
}

// avc reads the configuration of H.264. Without one, or with one that holds no sets, those of the first sync sample
// are taken.
func (e *entryReader) avc(s *Stream, children []box) (picture, error) {
	s.Codec.Coding, s.Codec.FourCC = media.H264, e.kind
	switch e.kind {
	case "avc2", "dva1":
		s.Codec.FourCC = "avc1"
	case "avc4", "dvav":
		s.Codec.FourCC = "avc3"
	}
	conf := &avcConfig{lengthSize: 4}
	b, has := find(children, "avcC")
	if has {
		var err error
		if conf, err = parseAVCC(b.payload); err != nil {
			return picture{}, malformed(e.kind+"/avcC", "%w", err)
		}
	}
	s.Video.NALLength = conf.lengthSize
	own := conf.sets.complete(media.H264)
	var found paramSets
	whole := false
	if !own || s.Codec.FourCC == "avc3" {
		sample, err := e.sample()
		if err != nil {
			return picture{}, err
		}
		found, whole = inBand(media.H264, sample, conf.lengthSize)
	}
	if !own {
		conf.sets = found
	}
	if !conf.sets.complete(media.H264) {
		return picture{}, malformed(e.kind+"/avcC", "no parameter sets, neither here nor in the first sync sample: "+
			"the file cannot be decoded (14496-15, 5.3.3.1): %w", media.ErrFormat)
	}
	sps, err := nal.ParseSPS(media.H264, conf.sets.sps[0])
	if err != nil {
		return picture{}, malformed(e.kind+"/avcC", "%w", err)
	}
	s.Codec.Config = bytes.Clone(b.payload)
	switch {
	case !own:
		s.Codec.Config = appendAVCC(nil, &conf.sets, sps, conf.lengthSize)
	case whole && len(found.all()) == 0:
		s.Codec.FourCC = "avc1"
	}
	// 14496-15, E.3: the three bytes after the header of the SPS; avcC repeats them, and some writers get it wrong
	s.Codec.String = fmt.Sprintf("%s.%02x%02x%02x", s.Codec.FourCC, sps.Profile, sps.Constraints, sps.Level)
	return picture{sps.Width, sps.Height, sps.PixelAspect, sps.Color}, nil
}
