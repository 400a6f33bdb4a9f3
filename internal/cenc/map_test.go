package cenc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	mathbits "math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

var update = flag.Bool("update", false, "write golden files")

// mapped are the streams in testdata: test pictures by x264 (two slices, weights), x265, SVT-AV1 (four tiles), libaom and
// libvpx (hidden frames).
var mapped = map[string]media.Coding{"h264.264": media.H264, "hevc.265": media.HEVC, "av1.ivf": media.AV1,
	"av1-hidden.ivf": media.AV1, "vp9.ivf": media.VP9}

// load is a stream of testdata as a track with its samples.
func load(t testing.TB, name string) (*media.Track, [][]byte) {
	file, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	coding := mapped[name]
	track := &media.Track{ID: "v", Kind: media.Video, Codec: media.Codec{Coding: coding}, Video: &media.VideoFormat{}}
	if strings.HasSuffix(name, ".ivf") {
		return track, ivf(file)
	}
	track.Video.NALLength = 4
	var sps, pps []byte
	var samples [][]byte
	for p := file; ; {
		unit, rest := nal.NextAnnexB(p)
		if unit == nil {
			break
		}
		p = rest
		switch k := nal.Type(coding, unit); {
		case nal.IsAUD(coding, k):
			samples = append(samples, nil)
		case coding == media.H264 && k == nal.H264SPS, coding == media.HEVC && k == nal.HEVCSPS:
			sps = unit
		case coding == media.H264 && k == nal.H264PPS, coding == media.HEVC && k == nal.HEVCPPS:
			pps = unit
		}
		if n := len(samples); n > 0 {
			samples[n-1] = append(binary.BigEndian.AppendUint32(samples[n-1], uint32(len(unit))), unit...)
		}
	}
	track.Codec.Config = config(coding, sps, pps)
	return track, samples
}

// config is a decoder configuration with two sets.
func config(coding media.Coding, sps, pps []byte) []byte {
	sized := func(conf, unit []byte) []byte {
		return append(binary.BigEndian.AppendUint16(conf, uint16(len(unit))), unit...)
	}
	if coding == media.H264 {
		return sized(append(sized([]byte{1, 66, 0, 30, 0xFF, 0xE1}, sps), 1), pps)
	}
	conf := append(make([]byte, 22), 2)
	conf = sized(append(conf, 0x80|nal.HEVCSPS, 0, 1), sps)
	return sized(append(conf, 0x80|nal.HEVCPPS, 0, 1), pps)
}

func ivf(p []byte) (out [][]byte) {
	for p = p[32:]; len(p) > 12; {
		n := int(binary.LittleEndian.Uint32(p))
		out, p = append(out, p[12:12+n]), p[12+n:]
	}
	return out
}

// TestGoldenMaps: the subsamples of each stream in two schemes, as they were when foreign parsers agreed with them.
func TestGoldenMaps(t *testing.T) {
	for name := range mapped {
		t.Run(name, func(t *testing.T) {
			track, samples := load(t, name)
			var out strings.Builder
			for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS} {
				m, err := cenc.NewMapper(track, scheme)
				require.NoError(t, err)
				for i, sample := range samples {
					subs, err := m.Map(nil, sample)
					require.NoError(t, err)
					require.Equal(t, len(sample), sum(subs))
					fmt.Fprintf(&out, "%s %d: %v\n", scheme, i, subs)
				}
			}
			golden := filepath.Join("testdata", name+".maps")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(out.String()), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), out.String())
		})
	}
}

func sum(subs []media.Subsample) (n int) {
	for _, s := range subs {
		n += int(s.Clear) + int(s.Protected)
	}
	return n
}

// TestMapsAsMP4FF compares with the protect ranges of mp4ff, which shares nothing with ours. Only in cbcs does it read slice
// headers.
func TestMapsAsMP4FF(t *testing.T) {
	for name := range mapped {
		if mapped[name] == media.VP9 {
			continue // mp4ff has none
		}
		t.Run(name, func(t *testing.T) {
			track, samples := load(t, name)
			m, err := cenc.NewMapper(track, drm.CBCS)
			require.NoError(t, err)
			theirs := foreignMapper(t, track, samples[0])
			for i, sample := range samples {
				subs, err := m.Map(nil, sample)
				require.NoError(t, err)
				var want []media.Subsample
				for _, s := range theirs(sample) {
					want = append(want, media.Subsample{Clear: uint32(s.BytesOfClearData), Protected: s.BytesOfProtectedData})
				}
				require.Equal(t, want, subs, "sample %d", i)
			}
		})
	}
}

func foreignMapper(t *testing.T, track *media.Track, first []byte) func(sample []byte) []mp4.SubSamplePattern {
	wrap := func(subs []mp4.SubSamplePattern, err error) []mp4.SubSamplePattern {
		require.NoError(t, err)
		return subs
	}
	units := func(f func(unit []byte)) {
		for p := first; len(p) > 0; {
			unit, rest, err := nal.Next(p, 4)
			require.NoError(t, err)
			f(unit)
			p = rest
		}
	}
	switch track.Codec.Coding {
	case media.H264:
		sps, pps := map[uint32]*avc.SPS{}, map[uint32]*avc.PPS{}
		units(func(unit []byte) {
			if s, err := avc.ParseSPSNALUnit(unit, true); err == nil {
				sps[s.ParameterID] = s
			} else if p, err := avc.ParsePPSNALUnit(unit, sps); err == nil {
				pps[p.PicParameterSetID] = p
			}
		})
		return func(sample []byte) []mp4.SubSamplePattern {
			return wrap(mp4.GetAVCProtectRanges(sps, pps, sample, "cbcs"))
		}
	case media.HEVC:
		sps, pps := map[uint32]*hevc.SPS{}, map[uint32]*hevc.PPS{}
		units(func(unit []byte) {
			if s, err := hevc.ParseSPSNALUnit(unit); err == nil {
				sps[uint32(s.SpsID)] = s
			} else if p, err := hevc.ParsePPSNALUnit(unit, sps); err == nil {
				pps[p.PicParameterSetID] = p
			}
		})
		return func(sample []byte) []mp4.SubSamplePattern {
			return wrap(mp4.GetHEVCProtectRanges(sps, pps, sample, "cbcs"))
		}
	}
	obus, err := av1.SplitOBUs(first)
	require.NoError(t, err)
	for _, obu := range obus {
		if seq, err := av1.ParseSequenceHeader(obu.Payload); err == nil && obu.Header.Type == av1.OBUSequenceHeader {
			d, err := av1.NewFrameHeaderDecoder(seq)
			require.NoError(t, err)
			return func(sample []byte) []mp4.SubSamplePattern { return wrap(mp4.GetAV1ProtectRanges(d, sample, "cbcs")) }
		}
	}
	t.Fatal("no sequence header")
	return nil
}

var (
	seiUnit   = []byte{0x06, 0x05, 0x01, 0xAA, 0x80}
	audioOnly = &media.Track{ID: "a", Kind: media.Audio, Codec: media.Codec{Coding: media.AAC}}
)

// TestF6SmallSlices: a slice too small for a block is clear in cenc; every byte is in an entry, whatever the size.
func TestF6SmallSlices(t *testing.T) {
	track, samples := load(t, "h264.264")
	sample, head := aSlice(t, track, samples[0])
	for n := range 41 {
		whole := append(append(bytes.Clone(sample[:head]), bytes.Repeat([]byte{0xFF}, n)...), lengthOf(seiUnit)...)
		binary.BigEndian.PutUint32(whole, uint32(head-4+n))
		tail := uint32(4 + len(seiUnit))
		for scheme, want := range map[drm.Scheme][]media.Subsample{
			drm.CENC: {{Clear: uint32(head + n%16), Protected: uint32(n &^ 15)}, {Clear: tail}},
			drm.CBCS: {{Clear: uint32(head), Protected: uint32(n)}, {Clear: tail}},
		} {
			if want[0].Protected == 0 {
				want = []media.Subsample{{Clear: uint32(head + n + int(tail))}}
			}
			m, err := cenc.NewMapper(track, scheme)
			require.NoError(t, err)
			got, err := m.Map(nil, whole)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s, %d bytes", scheme, n)
		}
	}
}

// aSlice is a sample of the first slice of another, and where the protected part of it begins.
func aSlice(t testing.TB, track *media.Track, sample []byte) ([]byte, int) {
	for p := sample; len(p) > 0; {
		unit, rest, err := nal.Next(p, 4)
		require.NoError(t, err)
		if nal.IsSlice(track.Codec.Coding, nal.Type(track.Codec.Coding, unit)) {
			m, err := cenc.NewMapper(track, drm.CBCS)
			require.NoError(t, err)
			one := lengthOf(unit)
			subs, err := m.Map(nil, one)
			require.NoError(t, err)
			return one, int(subs[0].Clear)
		}
		p = rest
	}
	t.Fatal("no slice")
	return nil, 0
}

func lengthOf(unit []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(unit))), unit...)
}

// TestF2ClearUnits: what is no slice of the base layer is clear: messages, parameter sets, other views and layers, Dolby
// Vision metadata; and a sample without slices has an entry all the same (F9).
func TestF2ClearUnits(t *testing.T) {
	for name, units := range map[string][][]byte{
		"h264.264": {seiUnit, {0x09, 0xF0}, {0x6E, 0x40, 0x80, 7, 0xFF}, {0x74, 0x40, 0x80, 7, 0xFF, 0xFF}, {0x0C, 0xFF, 0x80}, {}},
		"hevc.265": {{0x46, 1, 0x50}, {0x4E, 1, 5, 1, 0x80}, {0x02, 0x09, 0xFF, 0xFF}, {0x7C, 1, 0xFF, 0xFF}, {0x7E, 1, 0xFF, 0xFF}, {}},
	} {
		track, _ := load(t, name)
		m, err := cenc.NewMapper(track, drm.CENC)
		require.NoError(t, err)
		var sample []byte
		for _, unit := range units {
			sample = append(sample, lengthOf(unit)...)
		}
		got, err := m.Map(nil, sample)
		require.NoError(t, err)
		require.Equal(t, []media.Subsample{{Clear: uint32(len(sample))}}, got)
		got, err = m.Map(got[:0], nil)
		require.NoError(t, err)
		require.Equal(t, []media.Subsample{{}}, got)
	}
}

// TestLongClearStretches: senc counts clear bytes in 16 bits.
func TestLongClearStretches(t *testing.T) {
	track, samples := load(t, "h264.264")
	slice, head := aSlice(t, track, samples[0])
	message := lengthOf(append([]byte{6}, bytes.Repeat([]byte{0xAA}, 200_000)...))
	m, err := cenc.NewMapper(track, drm.CBCS)
	require.NoError(t, err)
	got, err := m.Map(nil, append(message, slice...))
	require.NoError(t, err)
	const most = 65535
	require.Equal(t, []media.Subsample{{Clear: most}, {Clear: most}, {Clear: most},
		{Clear: uint32(len(message) + head - 3*most), Protected: uint32(len(slice) - head)}}, got)
	m, err = cenc.NewMapper(track, drm.CBCS)
	require.NoError(t, err)
	got, err = m.Map(nil, append(bytes.Clone(slice), message...))
	require.NoError(t, err)
	require.Equal(t, len(slice)+len(message), sum(got))
	require.Len(t, got, 5)
}

// TestF17SetsInBand: a picture parameter set in a sample counts from there on, until Reset.
func TestF17SetsInBand(t *testing.T) {
	sps := unit(0x67, "66/8 0/8 30/8 0= 0= 0= 0= 4= 0/1 19= 10= 1/1 1/1 0/1 0/1 1/1")
	plain := unit(0x68, "0= 0= 0/1 0/1 0= 0= 0= 0/1 0/2 0= 0= 0= 0/1 0/1 0/1 1/1")
	weighted := unit(0x68, "0= 0= 0/1 0/1 0= 0= 0= 1/1 0/2 0= 0= 0= 0/1 0/1 0/1 1/1")
	// a P slice with weights, which without them reads as a header that ends in the first of them
	slice := lengthOf(append(unit(0x41, "0= 5= 0= 3/4 6/4 0/1 0/1 1= 0= 1/1 500= 500= 0/1 0/1 0="), bytes.Repeat([]byte{0xAA}, 64)...))
	track := &media.Track{ID: "v", Kind: media.Video, Codec: media.Codec{Coding: media.H264, Config: config(media.H264, sps, plain)},
		Video: &media.VideoFormat{NALLength: 4}}
	m, err := cenc.NewMapper(track, drm.CBCS)
	require.NoError(t, err)
	clear := func(sample []byte) uint32 {
		subs, err := m.Map(nil, sample)
		require.NoError(t, err)
		return subs[0].Clear
	}
	short := clear(slice)
	set := lengthOf(weighted)
	require.Equal(t, short+uint32(len(set))+5, clear(append(set, slice...)))
	require.Equal(t, short+5, clear(slice), "the set still counts")
	require.NoError(t, m.Reset(track, drm.CBCS))
	require.Equal(t, short, clear(slice), "Reset goes back to the configuration")
}

// unit makes a NAL unit of fields: ue(v) as a number and =, u(n) as value/n.
func unit(head byte, fields string) []byte {
	var w bits.Writer
	for _, f := range strings.Fields(fields) {
		var v uint32
		var width int
		if n, _ := fmt.Sscanf(f, "%d/%d", &v, &width); n < 2 {
			size := mathbits.Len32(v + 1)
			w.U(0, size-1)
			v, width = v+1, size
		}
		w.U(v, width)
	}
	return append([]byte{head}, nal.Escape(nil, w.Bytes())...)
}

// TestNothingClearByMistake: what cannot be read is refused.
func TestNothingClearByMistake(t *testing.T) {
	for name := range mapped {
		t.Run(name, func(t *testing.T) {
			track, samples := load(t, name)
			m, err := cenc.NewMapper(track, drm.CENC)
			require.NoError(t, err)
			_, err = m.Map(nil, samples[0])
			require.NoError(t, err)
			wrong := 0
			for n := 1; n < min(len(samples[0]), 80); n++ {
				require.NoError(t, m.Reset(track, drm.CENC))
				subs, err := m.Map(nil, samples[0][:n])
				if err != nil {
					require.ErrorIs(t, err, media.ErrFormat)
					wrong++
				} else {
					require.Equal(t, n, sum(subs))
				}
			}
			require.NotZero(t, wrong)
		})
	}
	track, samples := load(t, "h264.264")
	bare := *track
	bare.Codec.Config = config(media.H264, nil, nil)
	_, err := cenc.NewMapper(&bare, drm.CENC)
	require.NoError(t, err, "avc3: sets may all come in band")
	slice, _ := aSlice(t, track, samples[0])
	m, err := cenc.NewMapper(&bare, drm.CENC)
	require.NoError(t, err)
	_, err = m.Map(nil, slice)
	require.ErrorIs(t, err, media.ErrFormat)
	for n := range len(track.Codec.Config) {
		bare.Codec.Config = track.Codec.Config[:n]
		_, err := cenc.NewMapper(&bare, drm.CENC)
		require.ErrorIs(t, err, media.ErrFormat)
	}
	_, err = cenc.NewMapper(&media.Track{ID: "v", Kind: media.Video, Codec: media.Codec{Coding: "vvc"}}, drm.CENC)
	require.ErrorIs(t, err, media.ErrUnsupported)
	_, err = cenc.NewMapper(&media.Track{ID: "t", Kind: media.Text}, drm.CENC)
	require.ErrorIs(t, err, drm.ErrIncompatible)
	_, err = cenc.NewMapper(audioOnly, drm.AES128)
	require.ErrorIs(t, err, drm.ErrIncompatible)
}

// TestAudio is encrypted whole.
func TestAudio(t *testing.T) {
	m, err := cenc.NewMapper(audioOnly, drm.CBCS)
	require.NoError(t, err)
	got, err := m.Map(nil, make([]byte, 400))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestMapDoesNotAllocate(t *testing.T) {
	for name := range mapped {
		track, samples := load(t, name)
		m, err := cenc.NewMapper(track, drm.CENC)
		require.NoError(t, err)
		var subs []media.Subsample
		run := func() {
			err = m.Reset(track, drm.CENC)
			for i := 0; i < len(samples) && err == nil; i++ {
				subs, err = m.Map(subs[:0], samples[i])
			}
		}
		run()
		require.Zero(t, testing.AllocsPerRun(20, run), name)
		require.NoError(t, err)
	}
}

func FuzzMap(f *testing.F) {
	codings := []media.Coding{media.H264, media.HEVC, media.AV1, media.VP9}
	for name, coding := range mapped {
		track, samples := load(f, name)
		for k, c := range codings {
			if c == coding {
				f.Add(uint8(k), track.Codec.Config, samples[0], samples[1])
			}
		}
	}
	f.Fuzz(func(t *testing.T, k uint8, conf, first, second []byte) {
		track := &media.Track{ID: "v", Kind: media.Video, Codec: media.Codec{Coding: codings[k%4], Config: conf},
			Video: &media.VideoFormat{NALLength: 4}}
		for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS} {
			m, err := cenc.NewMapper(track, scheme)
			for i := 0; i < 2 && err == nil; i++ {
				var subs []media.Subsample
				sample := [][]byte{first, second}[i]
				if subs, err = m.Map(nil, sample); err == nil {
					require.Equal(t, len(sample), sum(subs))
					require.NotEmpty(t, subs)
				}
				for _, s := range subs {
					require.True(t, s.Clear <= 65535 && (scheme == drm.CBCS || s.Protected%16 == 0))
				}
			}
			if err != nil && !errors.Is(err, media.ErrUnsupported) {
				require.ErrorIs(t, err, media.ErrFormat)
			}
		}
	})
}

// BenchmarkMap is a map per sample.
func BenchmarkMap(b *testing.B) {
	for name := range mapped {
		b.Run(name, func(b *testing.B) {
			track, samples := load(b, name)
			m, err := cenc.NewMapper(track, drm.CENC)
			require.NoError(b, err)
			var subs []media.Subsample
			b.ReportAllocs()
			for b.Loop() {
				_ = m.Reset(track, drm.CENC)
				for _, sample := range samples {
					if subs, err = m.Map(subs[:0], sample); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(samples)), "ns/sample")
		})
	}
}

// BenchmarkMapLarge maps a slice of 1 MB. x-small is the time as a multiple of that for 1 kB, and x-copy of that of copying
// the sample once, in the same run: the payload is not read.
func BenchmarkMapLarge(b *testing.B) {
	track, samples := load(b, "h264.264")
	slice, _ := aSlice(b, track, samples[0])
	sized := func(n int) []byte {
		p := append(bytes.Clone(slice), bytes.Repeat([]byte{0xAA}, n-len(slice))...)
		binary.BigEndian.PutUint32(p, uint32(n-4))
		return p
	}
	small, large := sized(1<<10), sized(1<<20)
	m, err := cenc.NewMapper(track, drm.CBCS)
	require.NoError(b, err)
	var subs []media.Subsample
	lap := func(n int, f func()) time.Duration {
		start := time.Now()
		for range n {
			f()
		}
		return time.Since(start) / time.Duration(n)
	}
	const laps = 2000
	lap(laps, func() { subs, _ = m.Map(subs[:0], small) })
	smallTime := lap(laps, func() { subs, _ = m.Map(subs[:0], small) })
	dst := make([]byte, len(large))
	copyTime := lap(laps, func() { copy(dst, large) })
	largeTime := lap(laps, func() { subs, _ = m.Map(subs[:0], large) })
	b.ReportAllocs()
	for b.Loop() {
		if subs, err = m.Map(subs[:0], large); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(largeTime)/float64(smallTime), "x-small")
	b.ReportMetric(float64(largeTime)/float64(copyTime), "x-copy")
}
