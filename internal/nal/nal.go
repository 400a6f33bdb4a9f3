// Package nal reads and writes network abstraction layer units of H.264 (ISO/IEC 14496-10) and HEVC (ISO/IEC 23008-2):
// the length-prefixed form of MP4 (14496-15), the start-code form of Annex B, and sequence parameter sets.
//
//	for p := sample; len(p) > 0; {
//		unit, rest, err := nal.Next(p, 4)
//		...
//		p = rest
//	}
//
// Nothing here allocates by what a header claims; units are slices of their input.
package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Types of H.264 NAL units (14496-10, table 7-1).
const (
	H264Slice = 1
	H264IDR   = 5
	H264SEI   = 6
	H264SPS   = 7
	H264PPS   = 8
	H264AUD   = 9

	h264PartitionA = 2
	h264PartitionB = 3
	h264PartitionC = 4
)

// Types of HEVC NAL units (23008-2, table 7-1). 0 to 31 are slices, of which 16 to 23 are random access points.
const (
	HEVCRASLN   = 8
	HEVCRASLR   = 9
	HEVCBLA     = 16
	HEVCIDR     = 19
	HEVCIDRNLP  = 20
	HEVCCRA     = 21
	HEVCVPS     = 32
	HEVCSPS     = 33
	HEVCPPS     = 34
	HEVCAUD     = 35
	HEVCSEI     = 39
	HEVCSuffix  = 40 // suffix SEI
	hevcLastIRA = 23
)

// Access unit delimiters, without start code, that allow any slice type.
var (
	h264AUD = [...]byte{0x09, 0xF0}
	hevcAUD = [...]byte{0x46, 0x01, 0x50}
)

// AUD is the access unit delimiter of a coding, without start code: 09 F0 or 46 01 50; nil for codings without NAL
// units. The caller must not change it.
func AUD(c media.Coding) []byte {
	switch c {
	case media.H264:
		return h264AUD[:]
	case media.HEVC:
		return hevcAUD[:]
	}
	return nil
}

// Type is the type of a unit in its coding; 0xFF for an empty unit, which is of no type.
func Type(c media.Coding, unit []byte) uint8 {
	switch {
	case len(unit) == 0:
		return 0xFF
	case c == media.HEVC:
		return unit[0] >> 1 & 0x3F
	}
	return unit[0] & 0x1F
}

// IsAUD reports whether a type is that of an access unit delimiter.
func IsAUD(c media.Coding, t uint8) bool {
	return c == media.H264 && t == H264AUD || c == media.HEVC && t == HEVCAUD
}

// IsParameterSet reports whether a type is that of a VPS, SPS or PPS.
func IsParameterSet(c media.Coding, t uint8) bool {
	return c == media.H264 && (t == H264SPS || t == H264PPS) || c == media.HEVC && t >= HEVCVPS && t <= HEVCPPS
}

// IsSlice reports whether a type carries coded picture data.
func IsSlice(c media.Coding, t uint8) bool {
	return c == media.H264 && t >= H264Slice && t <= H264IDR || c == media.HEVC && t < 32
}

// IsRandomAccess reports whether decoding can start at a picture of the type: IDR, and for HEVC also CRA and BLA.
func IsRandomAccess(c media.Coding, t uint8) bool {
	return c == media.H264 && t == H264IDR || c == media.HEVC && t >= HEVCBLA && t <= hevcLastIRA
}

// Next splits the first unit off a sample in which each unit follows its length (14496-15, 4.3.2): lengthSize is 1, 2 or
// 4 bytes. A unit may be empty. The error matches media.ErrFormat.
func Next(p []byte, lengthSize int) (unit, rest []byte, err error) {
	if len(p) < lengthSize {
		return nil, nil, fmt.Errorf("%d bytes after the last NAL unit: %w", len(p), media.ErrFormat)
	}
	var n uint32
	switch lengthSize {
	case 4:
		n = uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])
	case 2:
		n = uint32(p[0])<<8 | uint32(p[1])
	case 1:
		n = uint32(p[0])
	default:
		return nil, nil, fmt.Errorf("NAL unit length field of %d bytes: %w", lengthSize, media.ErrFormat)
	}
	p = p[lengthSize:]
	if uint64(n) > uint64(len(p)) {
		return nil, nil, fmt.Errorf("NAL unit of %d bytes with %d left in the sample: %w", n, len(p), media.ErrFormat)
	}
	return p[:n:n], p[n:], nil
}

// BaseLayer reports whether a unit belongs to the layer that a decoder of one layer decodes: in HEVC nuh_layer_id is 0; in
// H.264 other layers and views have types of their own. An empty unit belongs to none.
func BaseLayer(c media.Coding, unit []byte) bool {
	if c == media.HEVC {
		return len(unit) >= 2 && unit[0]&1 == 0 && unit[1]&0xF8 == 0
	}
	return len(unit) > 0
}
