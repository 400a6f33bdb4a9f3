package codec

import (
	"encoding/hex"
	"strings"

	"github.com/mezzomedia/mezzo/internal/bits"
)

// unhex reads hex with spaces.
func unhex(s string) []byte {
	p, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return p
}

// visual builds a VisualSampleEntry of 640 x 360 with a compressor name of the given length byte.
func visual(kind string, nameLength byte, children ...[]byte) []byte {
	head := make([]byte, 78)
	head[7] = 1
	be.PutUint16(head[24:], 640)
	be.PutUint16(head[26:], 360)
	head[42] = nameLength
	copy(head[43:], "the name of a compressor, long ")
	return appendBox(nil, kind, append([][]byte{head}, children...)...)
}

// audioV0, audioV1 and audioV2 build sound descriptions of the three versions.
func audioV0(kind string, rate, channels int, children ...[]byte) []byte {
	head := make([]byte, 28)
	head[7] = 1
	be.PutUint16(head[16:], uint16(channels))
	head[19] = 16
	be.PutUint32(head[24:], uint32(rate)<<16)
	return appendBox(nil, kind, append([][]byte{head}, children...)...)
}

func audioV1(kind string, rate, channels int, children ...[]byte) []byte {
	p := audioV0(kind, rate, channels, unhex("00000400 00000000 00000000 00000002"))
	be.PutUint16(p[16:], 1)
	return appendBox(nil, kind, append([][]byte{p[8:]}, children...)...)
}

func audioV2(kind string, rate float64bits, channels int, children ...[]byte) []byte {
	p := audioV0(kind, 1, 3, unhex("00000048"))
	p = be.AppendUint64(p, uint64(rate))
	p = be.AppendUint32(p, uint32(channels))
	p = append(p, unhex("7F000000 00000000 00000000 00000000 00000400")...)
	be.PutUint16(p[16:], 2)
	return appendBox(nil, kind, append([][]byte{p[8:]}, children...)...)
}

type float64bits uint64

const rate48000 float64bits = 0x40E7700000000000

func box4(kind, payload string) []byte { return appendBox(nil, kind, unhex(payload)) }

// esdsOf builds an esds whose descriptor lengths take n bytes each.
func esdsOf(objectType byte, asc string, n int) []byte {
	desc := func(tag byte, body []byte) []byte {
		out := []byte{tag}
		for i := n - 1; i > 0; i-- {
			out = append(out, 0x80|byte(len(body)>>(7*i)))
		}
		return append(append(out, byte(len(body)&0x7F)), body...)
	}
	config := append([]byte{objectType, 0x15, 0, 0, 0}, unhex("00020000 0001F400")...)
	if asc != "" {
		config = append(config, desc(tagDecoderInfo, unhex(asc))...)
	}
	es := append([]byte{0, 1, 0}, desc(tagDecoderConfig, config)...)
	return appendBox(nil, "esds", make([]byte, 4), desc(tagES, append(es, desc(tagSLConfig, []byte{2})...)))
}

// Parameter sets of testsrc at 636x358: H.264 High 3.0, BT.709, display 4:3; HEVC Main 10, BT.2020 and PQ.
var (
	spsH264 = unhex("6764001eacd940a02fee6ffc05980775a808080a000003000200000300641e2c5b2c")
	ppsH264 = unhex("68ebe3cb22c0")
	vpsHEVC = unhex("40010c01ffff02200000030090000003000003003f959809")
	spsHEVC = unhex("42010102200000030090000003000003003fa005020169dd365959a4932bc05a848804820000030002000003003210")
	ppsHEVC = unhex("4401c172b46240")
)

const highTail = "fdf8f800"

func avcC(tail string) []byte {
	p := []byte{1, spsH264[1], spsH264[2], spsH264[3], 0xFF, 0xE1, 0, byte(len(spsH264))}
	p = append(append(p, spsH264...), 1, 0, byte(len(ppsH264)))
	return append(append(p, ppsH264...), unhex(tail)...)
}

func hvcC(complete bool, sets ...[]byte) []byte {
	p := append(unhex("01 02 20000000 900000000000 3F F000 FC FD FA FA 0000 0F"), byte(len(sets)))
	for _, u := range sets {
		p = append(p, u[0]>>1&0x3F|byte(bit(complete))<<7, 0, 1, 0, byte(len(u)))
		p = append(p, u...)
	}
	return p
}

// prefixed makes a sample of units with lengths of four bytes.
func prefixed(units ...[]byte) (p []byte) {
	for _, u := range units {
		p = append(be.AppendUint32(p, uint32(len(u))), u...)
	}
	return p
}

// sample returns a reader of the first sync sample.
func sample(p []byte) func() ([]byte, error) { return func() ([]byte, error) { return p, nil } }

// field is a value of n bits.
type field struct {
	v uint32
	n int
}

func pack(fields ...field) []byte {
	var w bits.Writer
	for _, f := range fields {
		w.U(f.v, f.n)
	}
	return w.Bytes()
}

func hexOf(p []byte) string { return hex.EncodeToString(p) }

func upper(p []byte) string { return strings.ToUpper(hexOf(p)) }
