package codec

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

var errUnread = errors.New("the first sample must not be read")

// unread fails a test in which the entry suffices and the sample is fetched all the same.
func unread() ([]byte, error) { return nil, errUnread }

func TestVideoFormat(t *testing.T) {
	colr := box4("colr", "6e636c78 0009 0010 0009 80")
	full := hvcC(true, vpsHEVC, spsHEVC, ppsHEVC)
	for _, c := range []struct {
		name  string
		entry []byte
		kind  string
		codec string
		want  media.VideoFormat
	}{
		{"H.264: size, shape and colour of the SPS", visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail))), "avc1", "avc1.64001e",
			media.VideoFormat{Width: 636, Height: 358, PixelAspect: media.Ratio{Num: 716, Den: 954}, NALLength: 4, Primaries: 1, Transfer: 1, Matrix: 1}},
		{"pasp and colr override", visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), box4("pasp", "00000008 00000006"), colr), "avc1", "avc1.64001e",
			media.VideoFormat{Width: 636, Height: 358, PixelAspect: media.Ratio{Num: 4, Den: 3}, NALLength: 4, Primaries: 9, Transfer: 16, Matrix: 9, FullRange: true}},
		{"an unspecified colr overrides nothing", visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), box4("colr", "6e636c63 0002 0002 0002")), "avc1", "avc1.64001e",
			media.VideoFormat{Width: 636, Height: 358, PixelAspect: media.Ratio{Num: 716, Den: 954}, NALLength: 4, Primaries: 1, Transfer: 1, Matrix: 1}},
		{"HEVC", visual("hvc1", 0, appendBox(nil, "hvcC", full)), "hvc1", "hvc1.2.4.L63.90",
			media.VideoFormat{Width: 636, Height: 358, PixelAspect: media.Ratio{Num: 1, Den: 1}, NALLength: 4, Primaries: 9, Transfer: 16, Matrix: 9}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(c.entry, unread)
			require.NoError(t, err)
			c.want.PixelAspect = reduce(c.want.PixelAspect)
			require.Equal(t, c.want, *s.Video)
			require.Equal(t, c.kind, s.Codec.FourCC)
			require.Equal(t, c.codec, s.Codec.String)
			require.Equal(t, c.kind, string(s.Codec.Entry[4:8]))
			require.Equal(t, media.Video, s.Kind)
			again, err := FromEntry(s.Codec.Entry, unread)
			require.NoError(t, err)
			require.Equal(t, s, again, "an entry that was made ISO is read as itself")
		})
	}
}

func TestA12CompressorName(t *testing.T) {
	s, err := FromEntry(visual("avc1", 255, appendBox(nil, "avcC", avcC(highTail))), unread)
	require.NoError(t, err)
	require.Equal(t, append([]byte{31}, "the name of a compressor, long "...), s.Codec.Entry[50:82])
}

func TestA13Tails(t *testing.T) {
	t.Run("the high profile tail is kept to the byte", func(t *testing.T) {
		for _, tail := range []string{"", highTail, "fdf8f801000568deadbeef", "ff"} {
			conf := avcC(tail)
			s, err := FromEntry(visual("avc1", 0, appendBox(nil, "avcC", conf)), unread)
			require.NoError(t, err)
			require.Equal(t, conf, s.Codec.Config)
			require.True(t, bytes.Contains(s.Codec.Entry, conf))
		}
	})
	t.Run("junk after the boxes is dropped", func(t *testing.T) {
		clean, err := FromEntry(visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail))), unread)
		require.NoError(t, err)
		for _, junk := range []string{"00", "00000000", "00000000 00000000", "00000007 61766343", "ffffffff 01020304 00"} {
			s, err := FromEntry(visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), unhex(junk)), unread)
			require.NoError(t, err)
			require.Equal(t, clean, s)
		}
	})
	t.Run("what has a meaning in ISO is kept, what has not is dropped", func(t *testing.T) {
		s, err := FromEntry(visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), box4("fiel", "0100"), box4("colr", "6e636c63 0001 0001 0001"),
			box4("btrt", "00000000 00030000 00020000"), box4("clli", "03e80190"), box4("gama", "00023333"), box4("pasp", "00000001 00000001")), unread)
		require.NoError(t, err)
		var kinds []string
		for _, b := range boxes(s.Codec.Entry[videoHeader:]) {
			kinds = append(kinds, b.kind)
		}
		require.Equal(t, []string{"avcC", "colr", "btrt", "clli", "pasp"}, kinds)
		require.True(t, bytes.Contains(s.Codec.Entry, box4("colr", "6e636c78 0001 0001 0001 00")), "nclc became nclx")
	})
}

func TestA14MissingConfiguration(t *testing.T) {
	t.Run("H.264 with sets in band", func(t *testing.T) {
		for _, entry := range [][]byte{visual("avc1", 0), visual("avc1", 0, box4("avcC", "0164001effe000"))} {
			s, err := FromEntry(entry, sample(prefixed(unhex("09f0"), spsH264, ppsH264, unhex("6588"))))
			require.NoError(t, err)
			require.Equal(t, avcC(highTail), s.Codec.Config)
			require.Equal(t, "avc1.64001e", s.Codec.String)
			require.Equal(t, 636, s.Video.Width)
		}
	})
	t.Run("HEVC with sets in band", func(t *testing.T) {
		s, err := FromEntry(visual("hvc1", 0), sample(prefixed(vpsHEVC, spsHEVC, ppsHEVC, unhex("2601af"))))
		require.NoError(t, err)
		require.Equal(t, hvcC(true, vpsHEVC, spsHEVC, ppsHEVC), s.Codec.Config)
		require.Equal(t, "hvc1.2.4.L63.90", s.Codec.String)
	})
	t.Run("none anywhere", func(t *testing.T) {
		for _, kind := range []string{"avc1", "hvc1", "av01", "vp09"} {
			for _, first := range []func() ([]byte, error){nil, sample(nil), sample(prefixed(unhex("6588"))), sample([]byte{0, 0, 0, 9, 1})} {
				_, err := FromEntry(visual(kind, 0), first)
				require.ErrorIs(t, err, media.ErrFormat, kind)
				require.NotErrorIs(t, err, media.ErrUnsupported)
			}
		}
	})
	t.Run("the sample cannot be read", func(t *testing.T) {
		_, err := FromEntry(visual("avc1", 0), unread)
		require.ErrorIs(t, err, errUnread)
	})
}

func TestE6EntryType(t *testing.T) {
	inBand := prefixed(vpsHEVC, spsHEVC, ppsHEVC, unhex("2601af"))
	slices := prefixed(unhex("2601af"))
	for _, c := range []struct {
		name     string
		kind     string
		complete bool
		sample   func() ([]byte, error)
		want     string
	}{
		{"hvc1 stays", "hvc1", true, unread, "hvc1"},
		{"hvc1 that claims less stays", "hvc1", false, unread, "hvc1"},
		{"hev1 without sets in band", "hev1", false, sample(slices), "hvc1"},
		{"hev1 with sets in band", "hev1", false, sample(inBand), "hev1"},
		{"hev1 with sets in band that claims otherwise", "hev1", true, sample(inBand), "hev1"},
		{"hev1, sample unknown", "hev1", false, nil, "hev1"},
		{"hev1 that says it is closed, sample unknown", "hev1", true, nil, "hvc1"},
		{"hev1, sample is no units", "hev1", false, sample([]byte{1}), "hev1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(visual(c.kind, 0, appendBox(nil, "hvcC", hvcC(c.complete, vpsHEVC, spsHEVC, ppsHEVC))), c.sample)
			require.NoError(t, err)
			require.Equal(t, c.want, s.Codec.FourCC)
			require.Equal(t, c.want+".2.4.L63.90", s.Codec.String)
			require.Equal(t, hvcC(c.want == "hvc1", vpsHEVC, spsHEVC, ppsHEVC), s.Codec.Config)
		})
	}
	t.Run("avc3", func(t *testing.T) {
		entry := visual("avc3", 0, appendBox(nil, "avcC", avcC(highTail)))
		s, err := FromEntry(entry, sample(prefixed(unhex("6588"))))
		require.NoError(t, err)
		require.Equal(t, "avc1.64001e", s.Codec.String)
		s, err = FromEntry(entry, sample(prefixed(spsH264, ppsH264, unhex("6588"))))
		require.NoError(t, err)
		require.Equal(t, "avc3.64001e", s.Codec.String)
		s, err = FromEntry(visual("avc3", 0, box4("avcC", "0164001effe000")), sample(prefixed(spsH264, ppsH264, unhex("6588"))))
		require.NoError(t, err)
		require.Equal(t, "avc3.64001e", s.Codec.String)
		require.Equal(t, avcC(highTail), s.Codec.Config, "the sets of the first sample, for those that start there")
	})
}

// TestE7ArrayCompleteness: an hvc1 entry says that its sets are all there are, whatever the source's box said.
func TestE7ArrayCompleteness(t *testing.T) {
	sei := unhex("4e0105ff")
	s, err := FromEntry(visual("hvc1", 0, appendBox(nil, "hvcC", hvcC(false, ppsHEVC, sei, spsHEVC, vpsHEVC))), unread)
	require.NoError(t, err)
	want := hvcC(true, vpsHEVC, spsHEVC, ppsHEVC, sei)
	at := bytes.Index(want, append([]byte{0xA7, 0, 1, 0, 4}, sei...))
	want[at] &= 0x7F // of SEI nothing is claimed
	require.Equal(t, want, s.Codec.Config)
	sets, err := ParameterSets(&s.Codec)
	require.NoError(t, err)
	require.Equal(t, [][]byte{vpsHEVC, spsHEVC, ppsHEVC}, sets)
}

// TestE14StringFromSPS: the three bytes of the set decide, not those that a muxer copied wrongly into avcC.
func TestE14StringFromSPS(t *testing.T) {
	conf := avcC(highTail)
	conf[1], conf[2], conf[3] = 0x42, 0xC0, 0x0D
	s, err := FromEntry(visual("avc1", 0, appendBox(nil, "avcC", conf)), unread)
	require.NoError(t, err)
	require.Equal(t, "avc1.64001e", s.Codec.String)
}

func TestHEVCString(t *testing.T) {
	for want, head := range map[string]string{
		".1.6.L93.b0":          "01 01 60000000 B00000000000 5D",
		".2.4.L153.b0":         "01 02 20000000 B00000000000 99",
		".4.10.H120.9c.8":      "01 24 08000000 9C0800000000 78",
		".A1.6.L30":            "01 41 60000000 000000000000 1E",
		".C3.0.H186.0.0.0.0.1": "01 E3 00000000 000000000100 BA",
	} {
		require.Equal(t, want, hevcString(unhex(head)))
	}
}

func TestE9DolbyVision(t *testing.T) {
	hvc := appendBox(nil, "hvcC", hvcC(true, vpsHEVC, spsHEVC, ppsHEVC))
	dv := func(kind string, profile, level, compatible byte) []byte {
		p := make([]byte, 24)
		p[0], p[2], p[3], p[4] = 1, profile<<1|level>>5, level<<3|5, compatible<<4
		return appendBox(nil, kind, p)
	}
	hlg := box4("colr", "6e636c78 0009 0012 0009 00")
	for _, c := range []struct {
		name, kind           string
		children             [][]byte
		codec, extra, fourCC string
	}{
		{"5 has no other reading", "dvh1", [][]byte{hvc, dv("dvcC", 5, 6, 0)}, "dvh1.05.06", "", "dvh1"},
		{"8.1 beside HDR10", "hvc1", [][]byte{hvc, dv("dvvC", 8, 7, 1)}, "hvc1.2.4.L63.90", "dvh1.08.07/db1p", "hvc1"},
		{"8.1 in an entry of its own", "dvh1", [][]byte{hvc, dv("dvvC", 8, 7, 1)}, "hvc1.2.4.L63.90", "dvh1.08.07/db1p", "hvc1"},
		{"8.2", "hvc1", [][]byte{hvc, dv("dvvC", 8, 1, 2)}, "hvc1.2.4.L63.90", "dvh1.08.01/db2g", "hvc1"},
		{"8.4", "hvc1", [][]byte{hvc, dv("dvvC", 8, 9, 4), hlg}, "hvc1.2.4.L63.90", "dvh1.08.09/db4h", "hvc1"},
		{"8.4, transfer 14", "hvc1", [][]byte{hvc, dv("dvvC", 8, 9, 4), box4("colr", "6e636c78 0009 000e 0009 00")}, "hvc1.2.4.L63.90", "dvh1.08.09/db4g", "hvc1"},
		{"7 has a second layer", "hvc1", [][]byte{hvc, dv("dvcC", 7, 6, 6)}, "hvc1.2.4.L63.90", "", "hvc1"},
		{"10.1", "dav1", [][]byte{box4("av1C", "81050C00"), dv("dvvC", 10, 4, 1)}, "av01.0.05M.08", "dav1.10.04/db1p", "av01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(visual(c.kind, 0, c.children...), nil)
			require.NoError(t, err)
			require.Equal(t, c.codec, s.Codec.String)
			require.Equal(t, c.extra, s.Codec.Supplemental)
			require.Equal(t, c.fourCC, s.Codec.FourCC)
			require.Equal(t, c.fourCC, string(s.Codec.Entry[4:8]))
			_, kept := find(boxes(s.Codec.Entry[videoHeader:]), "dvcC", "dvvC")
			require.True(t, kept)
		})
	}
	_, err := FromEntry(visual("dvh1", 0, hvc), nil)
	require.ErrorIs(t, err, media.ErrFormat)
}

func TestE11AV1String(t *testing.T) {
	bt709 := media.VideoFormat{Primaries: 1, Transfer: 1, Matrix: 1}
	unknown := media.VideoFormat{Primaries: 2, Transfer: 2, Matrix: 2}
	pq := media.VideoFormat{Primaries: 9, Transfer: 16, Matrix: 9}
	full := media.VideoFormat{Primaries: 1, Transfer: 1, Matrix: 1, FullRange: true}
	for _, c := range []struct {
		conf string
		v    media.VideoFormat
		want string
	}{
		{"81 00 0C 00", unknown, "av01.0.00M.08"},
		{"81 05 0C 00", bt709, "av01.0.05M.08"},
		{"81 0D CC 00", pq, "av01.0.13H.10.0.110.09.16.09.0"},
		{"81 0D 4D 00", unknown, "av01.0.13M.10.0.111.02.02.02.0"},
		{"81 08 0C 00", full, "av01.0.08M.08.0.110.01.01.01.1"},
		{"81 28 00 00", bt709, "av01.1.08M.08.0.000.01.01.01.0"},
		{"81 48 68 00", bt709, "av01.2.08M.12.0.100.01.01.01.0"},
		{"81 08 1C 00", bt709, "av01.0.08M.08.1.110.01.01.01.0"},
	} {
		require.Equal(t, c.want, av1String(unhex(c.conf), &c.v))
	}
}

// av1Sequence is an OBU of a plain sequence header: 720 x 404, Main 3.1, 10 bits, BT.2020 and PQ.
func av1Sequence() []byte {
	p := pack(field{0, 3}, field{0, 2}, field{0, 2}, field{0, 5}, field{0, 12}, field{5, 5}, // profile to level
		field{9, 4}, field{8, 4}, field{719, 10}, field{403, 9}, field{0, 1}, field{0, 3}, // size, frame ids, blocks
		field{0, 4}, field{1, 1}, field{0, 2}, field{1, 1}, field{1, 1}, field{6, 3}, field{0, 3}, // tools
		field{1, 1}, field{0, 1}, field{1, 1}, field{9, 8}, field{16, 8}, field{9, 8}, field{0, 1}, field{1, 2}, field{0, 2})
	return append([]byte{0x0A, byte(len(p))}, p...)
}

func TestAV1WithoutConfiguration(t *testing.T) {
	obu := av1Sequence()
	s, err := FromEntry(visual("av01", 0), sample(append([]byte{0x12, 0x00}, append(obu, 0x32, 1, 0)...)))
	require.NoError(t, err)
	require.Equal(t, append(unhex("81 05 4D 00"), obu...), s.Codec.Config)
	require.Equal(t, "av01.0.05M.10.0.111.09.16.09.0", s.Codec.String)
	require.Equal(t, [2]int{720, 404}, [2]int{s.Video.Width, s.Video.Height})
	require.Equal(t, "PQ", s.Video.Range())

	again, err := FromEntry(s.Codec.Entry, unread)
	require.NoError(t, err)
	require.Equal(t, s, again)
}

func TestE13VP9Level(t *testing.T) {
	for _, c := range []struct{ name, vpcC, want string }{
		{"level 0, which decoders refuse, is taken from the size", "01000000 00 00 82 02 02 02 0000", "vp09.00.21.08"},
		{"a level stays", "01000000 00 1E 82 01 01 01 0000", "vp09.00.30.08"},
		{"profile 2, HLG", "01000000 02 1F A2 09 12 09 0000", "vp09.02.31.10.01.09.18.09.00"},
		{"4:4:4", "01000000 01 14 86 02 02 02 0000", "vp09.01.20.08.03.02.02.02.00"},
		{"full range", "01000000 00 14 83 01 01 01 0000", "vp09.00.20.08.01.01.01.01.01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(visual("vp09", 0, box4("vpcC", c.vpcC)), unread)
			require.NoError(t, err)
			require.Equal(t, c.want, s.Codec.String)
			require.Zero(t, s.Video.NALLength)
		})
	}
	key := pack(field{2, 2}, field{0, 2}, field{0, 1}, field{0, 1}, field{1, 2}, field{0x498342, 24}, field{2, 3}, field{0, 1}, field{1279, 16}, field{719, 16}, field{0, 8})
	s, err := FromEntry(visual("vp09", 0), sample(key))
	require.NoError(t, err)
	require.Equal(t, "vp09.00.31.08", s.Codec.String)
	require.Equal(t, unhex("01000000 00 1F 82 01 01 01 0000"), s.Codec.Config)
	require.Equal(t, 1280, s.Video.Width)
}

func TestBadConfiguration(t *testing.T) {
	for name, entry := range map[string][]byte{
		"short entry":           visual("avc1", 0)[:60],
		"empty":                 nil,
		"avcC version":          visual("avc1", 0, box4("avcC", "0264001effe10000")),
		"NAL length of 3":       visual("avc1", 0, box4("avcC", "0164001efee00000")),
		"SPS past the end":      visual("avc1", 0, box4("avcC", "0164001effe1ffff67")),
		"SPS is none":           visual("avc1", 0, box4("avcC", "0164001effe1 0004 68010203 01 0002 6801")),
		"SPS is cut":            visual("avc1", 0, box4("avcC", "0164001effe1 0004 6764001e 01 0002 6801")),
		"hvcC short":            visual("hvc1", 0, box4("hvcC", "0101")),
		"hvcC array":            visual("hvc1", 0, appendBox(nil, "hvcC", append(hvcC(true)[:22], 9))),
		"av1C version":          visual("av01", 0, box4("av1C", "82050C00")),
		"vpcC of version 0":     visual("vp09", 0, box4("vpcC", "00000000 0000820202020000")),
		"encrypted, no name":    visual("encv", 0, appendBox(nil, "avcC", avcC(highTail))),
		"a thousand parameters": visual("hvc1", 0, appendBox(nil, "hvcC", append(hvcC(true)[:22], 1, 0x20, 0xFF, 0xFF, 0, 0))),
	} {
		_, err := FromEntry(entry, nil)
		require.ErrorIs(t, err, media.ErrFormat, name)
		require.NotErrorIs(t, err, media.ErrUnsupported, name)
	}
}

func TestEncrypted(t *testing.T) {
	sinf := appendBox(nil, "sinf", box4("frma", "61766331"), box4("schm", "00000000 63656e63 00010000"))
	s, err := FromEntry(visual("encv", 0, appendBox(nil, "avcC", avcC(highTail)), sinf), unread)
	require.NoError(t, err)
	require.True(t, s.Encrypted)
	require.Equal(t, "avc1.64001e", s.Codec.String)
	require.Equal(t, "avc1", string(s.Codec.Entry[4:8]))
	require.False(t, bytes.Contains(s.Codec.Entry, []byte("sinf")))

	sinf = appendBox(nil, "sinf", box4("frma", "61632d34"))
	_, err = FromEntry(audioV0("enca", 48000, 2, sinf), unread)
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "AC-4")
}
