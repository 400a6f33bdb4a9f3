package nal_test

import (
	"errors"
	"fmt"
	mathbits "math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// unitOf makes a unit: its header in hex, then fields, each ue(v) as a number, u(n) as value/n, or a run of them as
// repetitions*field.
func unitOf(head, fields string) []byte {
	var w bits.Writer
	for _, f := range strings.Fields(fields) {
		n := 1
		if count, rest, ok := strings.Cut(f, "*"); ok {
			_, _ = fmt.Sscan(count, &n)
			f = rest
		}
		for range n {
			var v uint32
			if value, width, ok := strings.Cut(f, "/"); ok {
				var bits int
				_, _ = fmt.Sscan(value, &v)
				_, _ = fmt.Sscan(width, &bits)
				w.U(v, bits)
				continue
			}
			_, _ = fmt.Sscan(f, &v)
			size := mathbits.Len64(uint64(v) + 1)
			w.U(0, size-1)
			w.U(v+1, size)
		}
	}
	return append(unhex(head), nal.Escape(nil, w.Bytes())...)
}

// Sets of 320 x 176, of which the cases below change fields.
const (
	h264Base = "66/8 0/8 30/8 0 0 0 0 4 0/1 19 10 1/1 1/1 0/1 0/1 1/1"                    // poc type 0
	h264Poc1 = "66/8 0/8 30/8 0 0 1 0/1 0 0 0 4 0/1 19 10 0/1 0/1 1/1 0/1 0/1 1/1"        // poc type 1, fields
	h264RGB  = "244/8 0/8 30/8 0 3 1/1 0 0 0/1 0/1 0 0 0 4 0/1 19 10 1/1 1/1 0/1 0/1 1/1" // separate colour planes
	h264PPS  = "0 0 0/1 0/1 0 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1"

	hevcPTL  = "0/4 0/3 1/1 1/8 96/8 0/32 0/32 0/8 93/8"
	hevcBase = hevcPTL + " 0 1 320 176 0/1 0 0 4 1/1 4 3 0 0 3 0 3 0 0 0/1 0/1 1/1 0/1"
	hevcTail = "1/1 0/1 0/1 0/1 1/1" // temporal MVP, no VUI, no extension
	hevcPPS  = "0 0 0/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0 0/1 0/1 1/1"
)

// Screen content: one reference set, of the picture before, a palette, pictures that refer to themselves, and offsets of the
// colour transform; motion vectors whole by slice.
const (
	hevcScreen = "0/4 0/3 1/1 9/8 96/8 0/32 0/32 0/8 93/8 0 1 320 176 0/1 0 0 4 1/1 4 3 0 0 3 0 3 0 0 0/1 0/1 1/1 0/1 " +
		"1 1 0 0 1/1 0/1 1/1 0/1 " + // reference set; temporal MVP
		"1/1 0/1 0/1 0/1 1/1 1 1 0/1 0/1 0/1 1/1 1 1 1 1 1/1 1/32 2/32 0/1 1/1 " + // VUI
		"1/1 0/1 0/1 0/8 0/15 1/1 0 0 5 6 0/1 1/1 0/3 0 0 0 15 15 " + // HRD, restrictions
		"1/1 1/1 1/1 0/1 1/1 0/4 9*0/1 0/1 1/1 1/1 3 4 1/1 1 6*7/8 2/2 0/1 1/1"
	hevcScreenPPS = "0 0 0/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 1/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0 0/1 " +
		"1/1 0/1 1/1 0/1 1/1 0/4 1/1 3/6 1 4/6 1/1 4*2 0/1 1/1 4*3 0/1 1/1 1/1 1/1 0 0 0 0/1 1/1"
)

// TestSliceHeaderSizes: headers with what no encoder at hand writes, by hand. The size is that of the fields in want, so
// each case states the header as the standard lists it.
func TestSliceHeaderSizes(t *testing.T) {
	for _, c := range []struct {
		name     string
		coding   media.Coding
		sps, pps string
		head     string
		header   string
	}{
		{"I slice", media.H264, h264Base, h264PPS, "65", "0 7 0 0/4 0 0/4 0/1 0/1 0"},
		{"P slice, references modified", media.H264, h264Base, h264PPS, "61",
			"0 5 0 3/4 6/4 1/1 3 1/1 0 4 2 1 1 9 3 1/1 1 4 2 3 3 1 1 4 5 6 2 5 0 0"},
		{"B slice, weights", media.H264, h264Base, "0 0 0/1 0/1 0 1 2 1/1 1/2 0 0 0 1/1 0/1 1/1 1/1", "01",
			"0 6 0 3/4 6/4 2 1/1 0/1 0/1 0/1 5 5 1/1 7 8 1/1 1 2 3 4 0/1 0/1 0/1 1/1 9 8 7 6 1/1 2 2 0/1 0/1 0/1 0 2 4 4"},
		{"CABAC, deblocking off", media.H264, h264Base, "0 0 1/1 0/1 0 0 0 0/1 0/2 0 0 0 1/1 0/1 0/1 1/1", "41", "0 0 0 3/4 6/4 0/1 0/1 0/1 2 5 1"},
		{"field of a picture, order type 1", media.H264, h264Poc1, h264PPS, "41", "0 7 0 3/4 1/1 1/1 5 0/1 0"},
		{"frame, order type 1, bottom offset", media.H264, h264Poc1, "0 0 0/1 1/1 0 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1", "41", "0 7 0 3/4 0/1 5 6 0/1 0"},
		{"separate colour planes", media.H264, h264RGB, "0 0 0/1 0/1 0 0 0 1/1 0/2 0 0 0 0/1 0/1 0/1 1/1", "41", "0 5 0 2/2 3/4 6/4 0/1 0/1 3 1/1 4 4 0/1 0"},
		{"slice groups that grow", media.H264, h264Base, "0 0 0/1 0/1 1 3 0/1 9 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1", "41", "0 7 0 3/4 6/4 0/1 0 0/5"},
		{"slice groups listed", media.H264, h264Base, "0 0 0/1 0/1 2 6 2 1/2 0/2 2/2 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1", "41", "0 7 0 3/4 6/4 0/1 0"},
		{"SP slice", media.H264, h264Base, h264PPS, "41", "0 3 0 3/4 6/4 0/1 0/1 0/1 0 1/1 3"},
		{"emulation prevention", media.H264, h264Base, h264PPS, "41", "0 5 0 0/4 0/4 1/1 0 1/1 0 1048575 2 524287 3 0/1 0"},
		{"data partition A", media.H264, h264Base, h264PPS, "42", "0 7 0 3/4 6/4 0/1 0"},

		{"IDR", media.HEVC, hevcBase + " 0 0/1 " + hevcTail, hevcPPS, "2601", "1/1 0/1 0 2 1/1 1/1 0 1/1"},
		{"second slice of a picture", media.HEVC, hevcBase + " 0 0/1 " + hevcTail, hevcPPS, "2601", "0/1 0/1 0 3/4 2 1/1 1/1 0 1/1"},
		{"dependent segment, entry points", media.HEVC, hevcBase + " 0 0/1 " + hevcTail,
			"0 0 1/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 0/1 1/1 0/1 0/1 0/1 0/1 0 0/1 0/1 1/1", "0201",
			"0/1 0 1/1 7/4 2 7 9/8 9/8 1/1"},
		{"extra bits, output flag, extension", media.HEVC, hevcBase + " 0 0/1 " + hevcTail,
			"0 0 0/1 1/1 3/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0 1/1 0/1 1/1", "2601",
			"1/1 0/1 0 5/3 2 1/1 1/1 1/1 0 2 255/8 255/8 1/1"},
		{"predicted reference set", media.HEVC, // sets {-1, -2}, and from it by -1: {-2, -3, -1}
			hevcBase + " 2 2 0 0 1/1 0 1/1 1/1 1/1 0 1/1 1/1 1/1 0/1 " + hevcTail,
			"0 0 0/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 1/1 0 0/1 0/1 1/1", "0201",
			"1/1 0 1 9/8 1/1 1/1 1/1 1/1 1/1 1/1 1 1/1 2/2 0/2 1 4 0 1/1"},
		{"a set in the slice, long-term pictures", media.HEVC, hevcBase + " 1 1 0 0 1/1 1/1 2 3/8 1/1 5/8 0/1 " + hevcTail,
			"0 0 0/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 0/1 1/1 0 0/1 0/1 1/1", "0201",
			"1/1 0 1 9/8 0/1 1/1 0 0/1 0 1/1 0/1 1/1 1 1 0/1 0/1 7/8 1/1 1/1 3 1/1 1/1 1/1 1/1 0 0/1 0 0 1/1"},
		{"screen content, IDR that refers to itself", media.HEVC, hevcScreen, hevcScreenPPS, "2601",
			"1/1 0/1 0 1 1/1 1/1 1/1 0 0 0 0 1/1 0 1 1 1 1/1"},
		{"screen content, weights of all but itself", media.HEVC, hevcScreen, hevcScreenPPS, "0201",
			"1/1 0 1 9/8 1/1 0/1 1/1 1/1 1/1 1 0 0 1/1 1/1 4 5 6 7 8 9 0 0/1 0 1 1 1 1/1"},
	} {
		t.Run(string(c.coding)+" "+c.name, func(t *testing.T) {
			var s nal.Sets
			s.Reset(c.coding)
			spsHead, ppsHead := "67", "68"
			if c.coding == media.HEVC {
				spsHead, ppsHead = "4201", "4401"
			}
			require.NoError(t, s.Add(unitOf(spsHead, c.sps)))
			require.NoError(t, s.Add(unitOf(ppsHead, c.pps)))
			want := len(unitOf(c.head, c.header))
			unit := append(unitOf(c.head, c.header), "\x9e payload that no header needs"...)
			got, err := s.SliceHeader(unit)
			require.NoError(t, err)
			require.Equal(t, want, got)
			for n := range want { // cut anywhere in its header, a slice is an error
				_, err := s.SliceHeader(unit[:n:n])
				require.ErrorIs(t, err, media.ErrFormat, "%d of %d bytes", n, want)
			}
		})
	}
}

// TestPartitions: B and C begin with the number of their slice, and need A.
func TestPartitions(t *testing.T) {
	var s nal.Sets
	s.Reset(media.H264)
	require.NoError(t, s.Add(unitOf("67", h264RGB)))
	require.NoError(t, s.Add(unitOf("68", "0 0 0/1 0/1 0 0 0 0/1 0/2 0 0 0 0/1 0/1 1/1 1/1")))
	b := append(unitOf("43", "2 1/2 6"), 0xAA, 0xAA)
	_, err := s.SliceHeader(b)
	require.ErrorIs(t, err, media.ErrFormat)
	_, err = s.SliceHeader(append(unitOf("42", "0 7 0 0/2 3/4 6/4 0 0/1 0"), 0xAA))
	require.NoError(t, err)
	n, err := s.SliceHeader(b)
	require.NoError(t, err)
	require.Equal(t, 3, n)
}

// TestSetsFollow: a set takes the place of the one with its id, Reset forgets all, and those of other layers don't count.
func TestSetsFollow(t *testing.T) {
	var s nal.Sets
	s.Reset(media.H264)
	slice := append(unitOf("41", "0 5 0 3/4 6/4 0/1 0/1 0/1 0"), 0xFF, 0xFF, 0xFF, 0xFF)
	sps, plain := unitOf("67", h264Base), unitOf("68", h264PPS)
	weighted := unitOf("68", "0 0 0/1 0/1 0 0 0 1/1 0/2 0 0 0 0/1 0/1 0/1 1/1")
	size := func() int {
		n, err := s.SliceHeader(slice)
		require.NoError(t, err)
		return n
	}
	_, err := s.SliceHeader(slice)
	require.ErrorContains(t, err, "picture parameter set 0, which was not sent")
	require.NoError(t, s.Add(plain))
	_, err = s.SliceHeader(slice)
	require.ErrorContains(t, err, "sequence parameter set 0, which was not sent")
	require.NoError(t, s.Add(sps))
	short := size()
	require.NoError(t, s.Add(weighted))
	require.Greater(t, size(), short)
	require.NoError(t, s.Add(plain))
	require.Equal(t, short, size())
	s.Reset(media.H264)
	_, err = s.SliceHeader(slice)
	require.ErrorIs(t, err, media.ErrFormat)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		s.Reset(media.H264)
		_ = s.Add(sps)
		_ = s.Add(plain)
		size()
	}))

	s.Reset(media.HEVC)
	layer := unitOf("4209", "0/32 0/32") // nuh_layer_id 1
	require.NoError(t, s.Add(layer))
	_, err = s.SliceHeader(unitOf("0209", "1/1 0 0/32"))
	require.ErrorIs(t, err, media.ErrFormat)
}

// TestBadSets: values that no standard allows, none of which may cost memory or time.
func TestBadSets(t *testing.T) {
	for name, c := range map[string]struct {
		coding media.Coding
		unit   []byte
	}{
		"9 slice groups":            {media.H264, unitOf("68", "0 0 0/1 0/1 8 0 0/32 0/32")},
		"a map of 2^30 units":       {media.H264, unitOf("68", "0 0 0/1 0/1 7 6 1073741823 0/32")},
		"33 references":             {media.H264, unitOf("68", "0 0 0/1 0/1 0 32 0 0/32")},
		"picture set 256":           {media.H264, unitOf("68", "256 0 0/32")},
		"ends early":                {media.H264, unitOf("68", "0 0")},
		"nothing":                   {media.H264, unhex("68")},
		"picture set 64":            {media.HEVC, unitOf("4401", "64 0 0/32")},
		"2^20 tiles":                {media.HEVC, unitOf("4401", "0 0 0/1 0/1 0/3 0/1 0/1 0 0 0 0/1 0/1 0/1 0 0 0/1 0/1 0/1 0/1 1/1 0/1 1048575 0 0/1 0/32")},
		"17 negative pictures":      {media.HEVC, unitOf("4201", hevcBase+" 1 17 0 0/32 0/32")},
		"blocks of 2^9":             {media.HEVC, unitOf("4201", hevcPTL+" 0 1 320 176 0/1 0 0 4 1/1 4 3 0 3 3 0/32")},
		"65 sets":                   {media.HEVC, unitOf("4201", hevcBase+" 65 0/32")},
		"a set of a missing header": {media.HEVC, unhex("4401")},
	} {
		t.Run(name, func(t *testing.T) {
			var s nal.Sets
			s.Reset(c.coding)
			require.ErrorIs(t, s.Add(c.unit), media.ErrFormat)
		})
	}
}

func FuzzSliceHeader(f *testing.F) {
	f.Add(false, unitOf("67", h264Base), unitOf("68", h264PPS), unitOf("61", "0 5 0 3/4 6/4 1/1 3 1/1 0 4 2 1 1 9 3 1/1 1 4 2 3 3 1 1 4 5 6 2 5 0 0 0/32"))
	f.Add(false, unitOf("67", h264RGB), unitOf("68", h264PPS), unitOf("41", "0 7 0 3/4 6/4 0/1 0 0/5 0/32"))
	f.Add(true, unitOf("4201", hevcBase+" 0 0/1 "+hevcTail), unitOf("4401", hevcPPS), unitOf("2601", "1/1 0/1 0 2 1/1 1/1 0 1/1 0/32"))
	f.Add(true, unitOf("4201", hevcBase+" 2 2 0 0 1/1 0 1/1 1/1 1/1 0 1/1 1/1 1/1 0/1 "+hevcTail), unitOf("4401", hevcPPS),
		unitOf("0201", "1/1 0 1 9/8 1/1 1/1 1/1 1/1 1/1 0/1 1/1 3 0/32"))
	f.Fuzz(func(t *testing.T, isHEVC bool, sps, pps, slice []byte) {
		coding := media.H264
		if isHEVC {
			coding = media.HEVC
		}
		var n int
		var err error
		used := allocated(func() {
			var s nal.Sets
			s.Reset(coding)
			if err = s.Add(sps); err == nil {
				if err = s.Add(pps); err == nil {
					n, err = s.SliceHeader(slice)
				}
			}
		})
		require.Less(t, used, uint64(8*(len(sps)+len(pps))+128<<10))
		if err == nil {
			require.True(t, n > 1 && n <= len(slice))
		} else if !errors.Is(err, media.ErrUnsupported) {
			require.ErrorIs(t, err, media.ErrFormat)
		}
	})
}
