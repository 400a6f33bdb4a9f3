package cmaf_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

func TestSegmentParsesBack(t *testing.T) {
	v, a := videoTrack(), audioTrack()
	vary := gop(9, 512)
	vary[3].Duration, vary[8].Duration = 1024, 0
	empty := gop(6, 512)
	empty[2].Size, empty[5].Size = 0, 0
	for name, j := range map[string]*packager.Job{
		"video":                           job(run(v, 0, 0, gop(50, 512)...)),
		"audio":                           job(run(a, 0, 0, frames(94, 1024)...)),
		"interleaved":                     job(run(v, 0, 40, gop(50, 512)...)),
		"one sample":                      job(run(v, 0, 0, gop(1, 512)...)),
		"durations vary":                  job(run(v, 0, 0, vary...)),
		"empty samples":                   job(run(v, 0, 0, empty...)),
		"only empty samples":              job(run(v, 0, 0, media.Sample{Duration: 5}, media.Sample{Duration: 5})),
		"runs of several objects":         job(run(v, 0, 0, gop(4, 512)...), run(v, 2048, 0), run(v, 2048, 3, gop(3, 512)...), run(v, 3584, 0, gop(2, 512)...)),
		"no reordering, all sync":         job(run(v, 0, 0, frames(10, 512)...)),
		"timescale that wraps in 32 bits": job(run(v, 1<<32-512, 0, gop(10, 512)...)),
	} {
		t.Run(name, func(t *testing.T) { require.Len(t, same(t, j), 1) })
	}
}

func TestSegmentOfEachCoding(t *testing.T) {
	for coding, track := range tracks() {
		t.Run(string(coding), func(t *testing.T) {
			samples := frames(20, 960)
			if track.Kind == media.Video {
				samples = gop(20, 512)
			}
			j := job(run(track, 9600, 0, samples...))
			j.Inputs[0].Shift = 40
			same(t, j)
		})
	}
}

// From the segment's start each fragment takes as many samples as fit, and at least one, across runs.
func TestSegmentFragments(t *testing.T) {
	v := videoTrack()
	for _, c := range []struct {
		chunk int64
		want  []int
	}{
		{0, []int{10}}, {1, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, {512, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{1535, []int{2, 2, 2, 2, 2}}, {1536, []int{3, 3, 3, 1}}, {2048, []int{4, 4, 2}}, {5119, []int{9, 1}}, {5120, []int{10}},
		{math.MaxInt64, []int{10}},
	} {
		t.Run(fmt.Sprint(c.chunk), func(t *testing.T) {
			j := job(run(v, 100, 0, gop(3, 512)...), run(v, 1636, 7, gop(7, 512)...))
			j.Chunk = c.chunk
			require.Equal(t, c.want, same(t, j))
		})
	}
}

func TestSegmentSequenceNumbers(t *testing.T) {
	numbers := func(j *packager.Job) (out []uint32) {
		f, err := mp4.DecodeFile(bytes.NewReader(segment(t, j)))
		require.NoError(t, err)
		for _, frag := range f.Segments[0].Fragments {
			out = append(out, frag.Moof.Mfhd.SequenceNumber)
		}
		return out
	}
	j := job(run(videoTrack(), 0, 0, gop(6, 512)...))
	require.Equal(t, []uint32{5}, numbers(j))
	j.Chunk = 1024
	require.Equal(t, []uint32{5 << 10, 5<<10 + 1, 5<<10 + 2}, numbers(j))
}

// Adjoining samples are one range, also across runs of one Object; heads are the only bytes made.
func TestSegmentPieces(t *testing.T) {
	v := videoTrack()
	first := run(v, 0, 0, gop(6, 512)...)
	second := first
	first.Samples, second.Samples, second.DTS = first.Samples[:2], first.Samples[2:], 1024
	body, err := cmaf.Packager{}.Segment(t.Context(), job(first, second))
	require.NoError(t, err)
	require.Len(t, body.Pieces(), 2)
	require.Equal(t, []media.Extent{{Off: 0, Len: first.Bytes() + second.Bytes()}}, body.Pieces()[1].Extents)

	j := job(first, second)
	j.Chunk = 512 * 3
	body, err = cmaf.Packager{}.Segment(t.Context(), j)
	require.NoError(t, err)
	require.Len(t, body.Pieces(), 4, "head and range of two fragments")

	body, err = cmaf.Packager{}.Segment(t.Context(), job(run(v, 0, 10, gop(6, 512)...), run(v, 3072, 0, gop(2, 512)...)))
	require.NoError(t, err)
	require.Len(t, body.Pieces(), 3)
	require.Len(t, body.Pieces()[1].Extents, 6)
	require.Len(t, body.Pieces()[2].Extents, 1)
}

// lmsg is in the last segment's styp and nowhere else.
func TestSegmentBrands(t *testing.T) {
	j := job(run(videoTrack(), 0, 0, gop(2, 512)...))
	for _, last := range []bool{false, true} {
		j.Last = last
		f, err := mp4.DecodeFile(bytes.NewReader(segment(t, j)))
		require.NoError(t, err)
		styp := f.Segments[0].Styp
		require.Equal(t, "msdh", styp.MajorBrand())
		want := []string{"msdh", "cmfs"}
		if last {
			want = append(want, "lmsg")
		}
		require.Equal(t, want, styp.CompatibleBrands())
	}
}

// A6: a fragment of more than 4 GiB has a 64-bit mdat, and trun points behind its longer header.
func TestEdgeA6FragmentBeyond4GiB(t *testing.T) {
	v := videoTrack()
	for _, c := range []struct {
		name   string
		sizes  []uint32
		header int64
	}{
		{"largest of 32 bits", []uint32{1 << 31, 1<<31 - 9}, 8},
		{"one byte more", []uint32{1 << 31, 1<<31 - 8}, 16},
		{"beyond", []uint32{math.MaxUint32, math.MaxUint32, 7}, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := media.Run{Track: v, Data: hole{}}
			var payload int64
			for _, size := range c.sizes {
				r.Samples = append(r.Samples, media.Sample{Offset: 1<<33 + payload, Size: size, Duration: 512})
				payload += int64(size)
			}
			body, err := cmaf.Packager{}.Segment(t.Context(), job(r))
			require.NoError(t, err)
			require.Len(t, body.Pieces(), 2)
			require.Equal(t, []media.Extent{{Off: 1 << 33, Len: payload}}, body.Pieces()[1].Extents)
			head := body.Pieces()[0].Bytes
			require.Equal(t, int64(len(head))+payload, body.Size())
			mdat := head[int64(len(head))-c.header:]
			require.Equal(t, "mdat", string(mdat[4:8]))
			if c.header == 16 {
				require.EqualValues(t, 1, binary.BigEndian.Uint32(mdat))
				require.EqualValues(t, payload+16, binary.BigEndian.Uint64(mdat[8:]))
			} else {
				require.EqualValues(t, payload+8, binary.BigEndian.Uint32(mdat))
			}
			moof := bytes.Index(head, []byte("moof")) - 4
			trun := head[bytes.Index(head, []byte("trun")):]
			require.EqualValues(t, len(head)-moof, binary.BigEndian.Uint32(trun[12:]))
			// what lies beyond 4 GiB is there
			tail, err := body.Slice(body.Size()-6, 6).Bytes(t.Context())
			require.NoError(t, err)
			end := 1<<33 + payload
			require.Equal(t, []byte{byte(end - 6), byte(end - 5), byte(end - 4), byte(end - 3), byte(end - 2), byte(end - 1)}, tail)
		})
	}
}

// hole is a very large Object whose bytes are their offsets' lowest.
type hole struct{}

func (hole) ReadAt(_ context.Context, p []byte, off int64) error {
	for i := range p {
		p[i] = byte(off + int64(i))
	}
	return nil
}
func (hole) Size() int64     { return 1 << 40 }
func (hole) Version() string { return "hole" }

// B9: negative composition offsets of a track with reordering are moved up by its delay, which the edit list takes back;
// others are written as they are (trun version 1); none wraps.
func TestEdgeB9NegativeOffsets(t *testing.T) {
	v := videoTrack()
	s := gop(4, 512)
	same(t, job(run(v, 0, 0, s...)))
	s[2].CTO, s[3].CTO = math.MinInt32, math.MaxInt32
	_, err := cmaf.Packager{}.Segment(t.Context(), job(run(v, 0, 0, s...)))
	require.ErrorIs(t, err, media.ErrFormat)
	v.Delay = 0
	same(t, job(run(v, 0, 0, s...)))
}

// B17: tfdt holds 64 bits, for every timescale.
func TestEdgeB17DecodeTimeBeyond32Bits(t *testing.T) {
	for _, scale := range []uint32{1, 1000, 12800, 44100, 48000, 90000, 10_000_000, math.MaxUint32} {
		v := videoTrack()
		v.Timescale = scale
		for _, start := range []int64{1<<32 - 1, 1 << 32, 1<<53 + 1, math.MaxInt64 - 1<<20} {
			same(t, job(run(v, start, 0, gop(3, 512)...)))
		}
	}
}

// B25: a jump in time is a long sample or a run that begins elsewhere; neither wraps, and all times stay true.
func TestEdgeB25TimeJumps(t *testing.T) {
	v := videoTrack()
	s := gop(6, 512)
	s[1].Duration, s[4].Duration = math.MaxUint32, math.MaxUint32
	same(t, job(run(v, 0, 0, s...)))
	const day = 86400 * 12800
	forward := job(run(v, 0, 0, gop(3, 512)...), run(v, 3*day, 0, gop(3, 512)...))
	require.Equal(t, []int{3, 3}, same(t, forward))
	backward := job(run(v, 3*day, 0, gop(3, 512)...), run(v, 5, 0, gop(3, 512)...))
	backward.Chunk = 1024
	require.Equal(t, []int{2, 1, 2, 1}, same(t, backward))
}

// D10: tfdt is the decode time plus the shift, to the tick.
func TestEdgeD10TfdtIsTheTimeline(t *testing.T) {
	for _, shift := range []int64{0, 1, -1, 48000, 1 << 40} {
		j := job(run(audioTrack(), 12345, 0, frames(3, 1024)...))
		j.Inputs[0].Shift = shift
		require.Equal(t, 12345+shift, viaGoMP4(t, segment(t, j))[0].DTS)
		same(t, j)
	}
}

// D15: the first segment is like the others, whatever number the first has.
func TestEdgeD15FirstSegment(t *testing.T) {
	for _, number := range []uint64{0, 1, math.MaxUint64} {
		j := job(run(videoTrack(), 0, 0, gop(5, 512)...))
		j.Number = number
		same(t, j)
	}
}

// D18: each sample keeps its own flags, whichever of them are alike.
func TestEdgeD18SyncFlags(t *testing.T) {
	const i, p, b = media.FlagsSync, media.FlagsDelta, media.FlagsDelta | 2<<22
	for name, flags := range map[string][]media.SampleFlags{
		"I P P": {i, p, p}, "I I P": {i, i, p}, "I I I": {i, i, i}, "P P P": {p, p, p}, "P I P": {p, i, p}, "P P I": {p, p, i},
		"I P I": {i, p, i}, "I": {i}, "P I": {p, i}, "I P b": {i, p, b}, "I b b P": {i, b, b, p}, "P I I": {p, i, i}, "all bits": {math.MaxUint32, 0},
	} {
		for _, chunk := range []int64{0, 1024} {
			t.Run(fmt.Sprint(name, chunk), func(t *testing.T) {
				s := make([]media.Sample, len(flags))
				for n := range s {
					s[n] = media.Sample{Size: 9, Duration: 512, Flags: flags[n]}
				}
				j := job(run(videoTrack(), 0, 0, s...))
				j.Chunk = chunk
				same(t, j)
			})
		}
	}
}

// E5: AAC and Opus say how much has to be decoded before what is heard. Opus: 80 ms, whatever the length of its packets.
func TestEdgeE5Roll(t *testing.T) {
	opus := tracks()[media.Opus]
	for _, c := range []struct {
		track    *media.Track
		duration uint32
		want     int16
	}{
		{audioTrack(), 1024, -1}, {opus, 960, -4}, {opus, 120, -32}, {opus, 480, -8}, {opus, 1920, -2}, {opus, 2880, -2}, {opus, 5760, -1},
		{opus, 1, -3840}, {opus, 0, 0}, {videoTrack(), 512, 0}, {tracks()[media.AC3], 1536, 0},
	} {
		t.Run(fmt.Sprint(c.track.Codec.Coding, c.duration), func(t *testing.T) {
			j := job(run(c.track, 0, 0, frames(6, c.duration)...))
			j.Chunk = int64(c.duration) * 4
			f, err := mp4.DecodeFile(bytes.NewReader(segment(t, j)))
			require.NoError(t, err)
			for _, frag := range f.Segments[0].Fragments {
				traf := frag.Moof.Traf
				if c.want == 0 {
					require.Nil(t, traf.Sgpd)
					require.Nil(t, traf.Sbgp)
					continue
				}
				require.Equal(t, "roll", traf.Sgpd.GroupingType)
				require.Equal(t, &mp4.RollSampleGroupEntry{RollDistance: c.want}, traf.Sgpd.SampleGroupEntries[0])
				require.Equal(t, []uint32{frag.Moof.Traf.Trun.SampleCount()}, traf.Sbgp.SampleCounts)
				require.Equal(t, []uint32{0x10001}, traf.Sbgp.GroupDescriptionIndices)
			}
		})
	}
}

func TestSegmentErrors(t *testing.T) {
	good := job(run(videoTrack(), 0, 0, gop(2, 512)...))
	text := videoTrack()
	text.Kind, text.Codec.Coding = media.Text, "wvtt"
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		job  *packager.Job
		want error
	}{
		"no input":          {t.Context(), &packager.Job{}, media.ErrUnsupported},
		"two inputs":        {t.Context(), &packager.Job{Inputs: append(good.Inputs[:1:1], good.Inputs[0])}, media.ErrUnsupported},
		"no runs":           {t.Context(), &packager.Job{Inputs: []packager.Input{{Track: videoTrack()}}}, media.ErrNotFound},
		"no samples":        {t.Context(), job(run(videoTrack(), 0, 0)), media.ErrNotFound},
		"time before zero":  {t.Context(), job(run(audioTrack(), -1024, 0, frames(3, 1024)...)), media.ErrUnsupported},
		"text":              {t.Context(), job(run(text, 0, 0, frames(1, 1)...)), media.ErrUnsupported},
		"cancelled context": {cancelled, good, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cmaf.Packager{}.Segment(c.ctx, c.job)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// Size is what is sent, any Slice is that slice, and equal jobs give equal bytes.
func TestSegmentSlices(t *testing.T) {
	j := job(run(videoTrack(), 0, 11, gop(40, 512)...), run(videoTrack(), 40*512, 0, gop(11, 512)...))
	j.Chunk = 512 * 7
	all := segment(t, j)
	require.Equal(t, all, segment(t, j))
	body, err := cmaf.Packager{}.Segment(t.Context(), j)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		off := r.Int64N(body.Size())
		n := r.Int64N(body.Size() - off)
		got, err := body.Slice(off, n).Bytes(t.Context())
		require.NoError(t, err)
		require.True(t, bytes.Equal(all[off:off+n], got))
	}
}

func TestEstimate(t *testing.T) {
	for coding, track := range tracks() {
		all := frames(282, 1024)
		if track.Kind == media.Video {
			all = gop(150, 512)
		}
		for _, n := range []int{1, 2, 3, 10, 94, len(all)} {
			samples := all[:min(n, len(all))]
			for _, chunk := range []int64{0, 512, 1023, 1024, 6400, 48000} {
				r := run(track, 0, 0, samples...)
				j := job(r)
				j.Chunk = chunk
				real := len(segment(t, j))
				got := cmaf.Packager{}.Estimate("", media.Span{
					Track: track, Bytes: r.Bytes(), Samples: len(samples), Duration: r.Duration(), Chunk: chunk,
				})
				require.GreaterOrEqual(t, got, int64(real), "%s: %d samples in chunks of %d", coding, n, chunk)
				require.LessOrEqual(t, got, int64(real+4*len(samples)+4), "%s: %d samples in chunks of %d", coding, n, chunk)
			}
		}
	}
	require.Zero(t, cmaf.Packager{}.Estimate(""))
}

// A segment costs the same few allocations whatever is in it.
func TestSegmentAllocations(t *testing.T) {
	for name, j := range map[string]*packager.Job{
		"6 s of video": job(run(videoTrack(), 0, 40, gop(150, 512)...)),
		"1 h of video": job(run(videoTrack(), 0, 40, gop(90_000, 512)...)),
		"6 s of audio": job(run(audioTrack(), 0, 40, frames(282, 1024)...)),
	} {
		n := testing.AllocsPerRun(20, func() {
			if _, err := (cmaf.Packager{}).Segment(context.Background(), j); err != nil {
				t.Fatal(err)
			}
		})
		require.LessOrEqual(t, n, 3.0, name)
	}
}

func FuzzSegment(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, int64(0), int64(3))
	f.Add([]byte{255, 0, 255, 0, 128, 1, 1, 1, 0, 0, 0, 0, 200, 9, 9, 9}, int64(1<<33), int64(0))
	f.Add(bytes.Repeat([]byte{7, 1, 0, 64}, 40), int64(1), int64(600))
	f.Fuzz(func(t *testing.T, b []byte, start, chunk int64) {
		v := videoTrack()
		start = start & (1<<56 - 1)
		j := &packager.Job{Number: uint64(start), Chunk: chunk, Inputs: []packager.Input{{Track: v}}}
		var samples []media.Sample
		flush := func() {
			r := run(v, start, len(samples)%3, samples...)
			j.Inputs[0].Runs = append(j.Inputs[0].Runs, r)
			start += r.Duration()
			samples = nil
		}
		for ; len(b) >= 4 && len(j.Inputs[0].Runs) < 64; b = b[4:] {
			flags := []media.SampleFlags{media.FlagsSync, media.FlagsDelta, media.FlagsDelta | 2<<22, 0}[b[3]>>2&3]
			samples = append(samples, media.Sample{Size: uint32(b[0]), Duration: uint32(b[1]) << (b[3] >> 6 * 8), CTO: int32(int8(b[2])) << (b[3] >> 4 & 3 * 8), Flags: flags})
			if b[3]&3 == 0 {
				flush()
				start += int64(b[3]>>5) / 7 // now and then a gap
			}
		}
		flush()
		if len(want(t, j)) > 0 {
			same(t, j)
		}
	})
}
