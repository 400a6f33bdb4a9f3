package nal_test

import (
	"bytes"
	mathbits "math/bits"
	"runtime"
	"testing"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// spsCases are sets that x264 and x265 wrote for a test picture; what they say is what ffprobe said of the files, and for
// the shape of pixels what the encoder was told.
var spsCases = []struct {
	name          string
	coding        media.Coding
	unit          string
	width, height int
	chroma, depth uint8
	aspect        media.Ratio
	color         nal.Color
}{
	{"baseline", media.H264, "6742c01ed900a02ff97011000003000100000300320f162e48", 640, 360, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"cropped, square, BT.709", media.H264, "6764001eacd940a02fee6c05a808080a000003000200000300641e2c5b2c", 636, 358, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 1, Transfer: 1, Matrix: 1, FullRange: false}},
	{"interlaced, 16:11, full range", media.H264, "6764001eacd940b424d82370502024000003000400000300c87c50a658", 720, 576, 1, 8, media.Ratio{Num: 16, Den: 11}, nal.Color{Primaries: 5, Transfer: 2, Matrix: 2, FullRange: true}},
	{"interlaced and cropped, SAR written out", media.H264, "6764001eacd940b47bd7ff801280108800000300080000030190f8a14cb0", 718, 480, 1, 8, media.Ratio{Num: 37, Den: 33}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"4:2:2, 10 bits, HRD", media.H264, "677a000db6cd941519e222f01100000300010000030032602001e840007a13930c01e28532c0", 322, 182, 2, 10, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"4:4:4", media.H264, "67f4000d919b282a33c7c5e022000003000200000300641e28532c", 322, 182, 3, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"RGB", media.H264, "67f4000d919b282a33c7c5e02dc080801000000300100000030320f1429960", 322, 182, 3, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 0, FullRange: true}},
	{"scaling lists", media.H264, "6764000dacd941519e226c0440000003004000000c83c50a6580", 322, 182, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"scaling lists, 4:4:4", media.H264, "67f4000d919b282a33c7c5e022000003000200000300641e28532c", 322, 182, 3, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"monochrome", media.H264, "6764000df365054678f8bc05b2000003000200000300641e28532c", 322, 182, 0, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: true}},
	{"Main", media.HEVC, "42010101600000030090000003000003003fa00502016965959a4932bc05a02000000300200000030321", 640, 360, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"Main 10, PQ", media.HEVC, "42010102200000030090000003000003003fa005020169dd365959a4932bc05a848804820000030002000003003210", 636, 358, 1, 10, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 9, Transfer: 16, Matrix: 9, FullRange: false}},
	{"HLG, full range, SAR", media.HEVC, "42010102200000030090000003000003003fa005020169d5365998a924caf046e122412080000003008000000c84", 638, 358, 1, 10, media.Ratio{Num: 16, Den: 11}, nal.Color{Primaries: 9, Transfer: 18, Matrix: 9, FullRange: true}},
	{"4:2:2, 12 bits, HRD", media.HEVC, "420101040800000300990800000300003cb00a480b9c965296566924caf0168080000003008000000cb0064b2f000f420003d099", 322, 182, 2, 12, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"monochrome", media.HEVC, "4201010408000003009fc800000300003cc029202e73de5959a4932bc05b020000030002000003003210", 322, 182, 0, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: true}},
	{"temporal layers", media.HEVC, "42010201600000030090000003000003003f0000a005020169659598acd24995e02d010000030001000003001908", 640, 360, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"scaling lists", media.HEVC, "42010101600000030090000003000003003fa00502016965959a49395e02d0100000030010000003019080", 640, 360, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"interlaced", media.HEVC, "42010101600000030040000003000003003fa00502016965959a4932bc05a1a000000300200000030321", 640, 360, 1, 8, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
	{"all intra, rext", media.HEVC, "42010104080000030099a800000300003fa00502016914a5ba924caf016808000003000800000300c840", 640, 360, 1, 12, media.Ratio{Num: 1, Den: 1}, nal.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: false}},
}

func TestParseSPS(t *testing.T) {
	for _, c := range spsCases {
		t.Run(string(c.coding)+" "+c.name, func(t *testing.T) {
			s, err := nal.ParseSPS(c.coding, unhex(c.unit))
			require.NoError(t, err)
			require.Equal(t, [2]int{c.width, c.height}, [2]int{s.Width, s.Height})
			require.Equal(t, [3]uint8{c.chroma, c.depth, c.depth}, [3]uint8{s.ChromaFormat, s.BitDepthLuma, s.BitDepthChroma})
			require.Equal(t, c.aspect, s.PixelAspect)
			require.Equal(t, c.color, s.Color)
		})
	}
}

// TestParseSPSAsMP4FF compares with a parser that shares nothing with ours.
func TestParseSPSAsMP4FF(t *testing.T) {
	for _, c := range spsCases {
		t.Run(string(c.coding)+" "+c.name, func(t *testing.T) {
			s, err := nal.ParseSPS(c.coding, unhex(c.unit))
			require.NoError(t, err)
			if c.coding == media.H264 {
				p, err := avc.ParseSPSNALUnit(unhex(c.unit), true)
				require.NoError(t, err)
				require.Equal(t, [3]uint8{byte(p.Profile), byte(p.ProfileCompatibility), byte(p.Level)}, [3]uint8{s.Profile, s.Constraints, s.Level})
				require.Equal(t, [2]int{int(p.Width), int(p.Height)}, [2]int{s.Width, s.Height})
				require.Equal(t, byte(p.ChromaFormatIDC), s.ChromaFormat)
				require.Equal(t, media.Ratio{Num: uint32(p.VUI.SampleAspectRatioWidth), Den: uint32(p.VUI.SampleAspectRatioHeight)}, s.PixelAspect)
				return
			}
			p, err := hevc.ParseSPSNALUnit(unhex(c.unit))
			require.NoError(t, err)
			width, height := p.ImageSize()
			require.Equal(t, [2]int{int(width), int(height)}, [2]int{s.Width, s.Height})
			require.Equal(t, p.ChromaFormatIDC, s.ChromaFormat)
			require.Equal(t, p.ProfileTierLevel.GeneralLevelIDC, s.ProfileTierLevel[11])
			require.Equal(t, p.MaxSubLayersMinus1+1, s.TemporalLayers)
			require.Equal(t, p.TemporalIDNestingFlag, s.TemporalNested)
			require.Equal(t, media.Ratio{Num: uint32(p.VUI.SampleAspectRatioWidth), Den: uint32(p.VUI.SampleAspectRatioHeight)}, s.PixelAspect)
		})
	}
}

// allocated is what f allocates, bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestA23TinySetsAllocateLittle: counts that no rule allows, of the kind that made other parsers ask for gigabytes.
func TestA23TinySetsAllocateLittle(t *testing.T) {
	const most = 1<<32 - 2 // of an Exp-Golomb code
	h264 := func(codes ...uint32) []byte { return golomb(unhex("6742001e"), codes) }
	hevcTo := func(codes ...uint32) []byte { return golomb(unhex("420101"+"600000009000000000003f"), codes) }
	for name, c := range map[string]struct {
		coding media.Coding
		unit   []byte
	}{
		"a cycle of 2^32-2 frames":   {media.H264, h264(0, 0, 1, 1, 0, 0, most)},
		"a picture order of type 3":  {media.H264, h264(0, 0, 3)},
		"frame numbers of 2^32 bits": {media.H264, h264(0, most)},
		"a set number of 2^32-2":     {media.H264, h264(most)},
		"2^32 macroblocks a row":     {media.H264, h264(0, 0, 2, 0, 0, most, most, 0, 0, 0, 0, 0)},
		"2^32-2 pixels a row":        {media.HEVC, hevcTo(0, 1, most, most, 0, 0, 0, 0, 0, 0, 0)},
		"chroma format 2^32-2":       {media.HEVC, hevcTo(0, most)},
		"2^32-2 bits a sample":       {media.HEVC, hevcTo(0, 1, 16, 16, 0, most, most)},
		"zeros":                      {media.H264, append([]byte{0x67}, make([]byte, 40)...)},
		"zeros in HEVC":              {media.HEVC, append(unhex("4201"), make([]byte, 40)...)},
		"ones in HEVC":               {media.HEVC, append(unhex("4201"), bytes.Repeat([]byte{0xFF}, 40)...)},
		"a header and nothing":       {media.HEVC, unhex("4201")},
		"a byte":                     {media.H264, []byte{0x67}},
		"nothing":                    {media.H264, nil},
		"a megabyte":                 {media.H264, append(unhex("6742001e"), make([]byte, 1<<20)...)},
		"a picture parameter set":    {media.H264, unhex("68ebe3cb22c0")},
		"a set of another coding":    {media.AV1, unhex("6742001e")},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			require.Less(t, allocated(func() { _, err = nal.ParseSPS(c.coding, c.unit) }), uint64(16<<10))
			require.ErrorIs(t, err, media.ErrFormat)
		})
	}
}

// TestCutSets cuts every set at every byte: an error or, within the usability information, what came before it.
func TestCutSets(t *testing.T) {
	for _, c := range spsCases {
		unit := unhex(c.unit)
		for n := range unit {
			s, err := nal.ParseSPS(c.coding, unit[:n])
			if err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
			} else {
				require.Equal(t, [2]int{c.width, c.height}, [2]int{s.Width, s.Height})
			}
		}
	}
}

// golomb appends Exp-Golomb codes; 0 also is a flag that is set.
func golomb(head []byte, codes []uint32) []byte {
	var w bits.Writer
	for _, c := range codes {
		n := mathbits.Len64(uint64(c) + 1)
		w.U(0, n-1)
		w.U(c+1, n)
	}
	return append(head, nal.Escape(nil, w.Bytes())...)
}

func FuzzSPS(f *testing.F) {
	for _, c := range spsCases {
		f.Add(unhex(c.unit), c.coding == media.HEVC)
	}
	f.Fuzz(func(t *testing.T, unit []byte, isHEVC bool) {
		coding := media.H264
		if isHEVC {
			coding = media.HEVC
		}
		var s *nal.SPS
		var err error
		require.Less(t, allocated(func() { s, err = nal.ParseSPS(coding, unit) }), uint64(4*len(unit)+64<<10))
		if err != nil {
			require.ErrorIs(t, err, media.ErrFormat)
			return
		}
		require.True(t, s.Width > 0 && s.Height > 0 && s.Width <= 1<<16 && s.Height <= 1<<16)
	})
}
