package vod_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// heard is a sample on the presentation's clock, with the segment that it came in.
type heard struct {
	media.Sample
	dts, pts int64
	segment  uint64
}

// played is all samples of a rendition, segment by segment.
func played(t testing.TB, tl *media.Timeline, id string) []heard {
	t.Helper()
	var out []heard
	for _, p := range tl.Periods {
		r, ok := p.Rendition(id)
		if !ok {
			continue
		}
		for k := range r.Segments.Len() {
			s := r.Segments.At(k)
			runs, err := s.Source.Samples(ctx, s.Track, s.Media)
			require.NoError(t, err)
			for i := range runs {
				dts := runs[i].DTS + s.Start - s.Media.From
				for _, smp := range runs[i].Samples {
					out = append(out, heard{smp, dts, dts + int64(smp.CTO), s.Number})
					dts += int64(smp.Duration)
				}
			}
		}
	}
	return out
}

// TestB5B7B8EditStart: wherever an edit begins, picture and sound begin together, each with the first that lies in it,
// nothing else is presented, and every segment can be had.
func TestB5B7B8EditStart(t *testing.T) {
	for ms := int64(0); ms < 4500; ms += 100 {
		video := edited(bmfftest.Video(250, 50).Reorder(true), bmfftest.Edit{Media: ms * 128 / 10})
		audio := edited(bmfftest.Audio(470), bmfftest.Edit{Media: ms * 48})
		a := asset([]track{video, audio})
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
		tl := timeline(t, a, 2*time.Second)
		start := tl.Periods[0].Start

		scale := int64(tl.Periods[0].Renditions[0].Track.Timescale) / 12800 // ticks may be finer than the file's
		at, first := start.In(uint32(12800*scale)), int64(1)<<60
		for _, s := range played(t, tl, "v1") {
			if s.pts >= at {
				first = min(first, s.pts)
			} else {
				require.Less(t, at-s.pts, int64(12800)*scale/20, "pictures before the edit take no time: edit at %d ms", ms)
			}
		}
		late := (frame - ms*128/10%frame) % frame // to the next picture
		require.Equal(t, at+late*scale, first, "edit at %d ms", ms)

		at = start.In(48000)
		covered := false
		for i, s := range played(t, tl, "a1") {
			covered = covered || s.pts <= at && s.pts+aac > at
			require.Less(t, (at - s.pts), int64(4800+2*aac), "unit %d, no more than a decoder needs", i)
		}
		require.True(t, covered, "a unit sounds where the edit begins, %d ms", ms)
	}
}

// TestB6Join: pictures of the first stretch that are shown after its end are shown before the second begins.
func TestB6Join(t *testing.T) {
	for _, end := range []uint64{600, 640, 680, 720, 760} { // ms: everywhere in a group of pictures
		plain := bmfftest.Video(100, 10).Reorder(true)
		src := source(t, edited(plain, bmfftest.Edit{Duration: end}, bmfftest.Edit{Media: 50 * frame, Duration: 800}))
		tr := src.Tracks()[0]
		join := int64(end) * int64(tr.Timescale) / 1000
		runs, err := src.Samples(ctx, tr, media.Interval{From: -1 << 60, To: 1 << 60})
		require.NoError(t, err)
		var second int64 // where the second stretch lies in the file
		for i := range plain.Samples[:50] {
			second += int64(len(plain.Samples[i].Data))
		}
		begin, seen, pictures := int64(-1), map[int64]bool{}, 0
		for i := range runs {
			dts := runs[i].DTS
			for _, s := range runs[i].Samples {
				if begin < 0 {
					begin = s.Offset
				}
				pts := dts + int64(s.CTO)
				require.False(t, seen[pts], "two pictures at %d", pts)
				seen[pts] = true
				if s.Offset-begin < second {
					require.Less(t, pts, join, "a picture of the first stretch, ending at %d ms", end)
				} else {
					require.GreaterOrEqual(t, pts, join)
					pictures++
				}
				dts += int64(s.Duration)
			}
		}
		require.True(t, seen[join], "the second stretch begins at its time")
		require.GreaterOrEqual(t, pictures, 20)
	}
}

// TestB11EmptyEdit: an empty edit of no length says nothing.
func TestB11EmptyEdit(t *testing.T) {
	none := bmfftest.Edit{Media: -1}
	for _, edits := range [][]bmfftest.Edit{{none, {}}, {{}, none}, {none, none, {}, none}} {
		src := source(t, edited(bmfftest.Video(50, 10), edits...))
		plain := source(t, edited(bmfftest.Video(50, 10), bmfftest.Edit{}))
		require.Equal(t, samples(t, plain, plain.Tracks()[0]), samples(t, src, src.Tracks()[0]), "%v", edits)
	}
}

// TestB12MixedLadder: renditions without reordering, with it and an edit, with negative offsets, and on another clock
// begin together, in one set, with the same boundaries.
func TestB12MixedLadder(t *testing.T) {
	other := bmfftest.Video(250, 50).Reorder(false)
	other.Timescale = 90000
	for i := range other.Samples {
		other.Samples[i].Duration, other.Samples[i].CTO = 3600, other.Samples[i].CTO/frame*3600
	}
	other.Edits = []bmfftest.Edit{{Media: 3600}}
	deep := bmfftest.Video(250, 50) // as deep as a pyramid, with a shift of three frames
	for i := range deep.Samples {
		deep.Samples[i].CTO = 3 * frame
	}
	deep.Edits = []bmfftest.Edit{{Media: 3 * frame}}
	a := asset([]track{bmfftest.Video(250, 50)}, []track{bmfftest.Video(250, 50).Reorder(false)},
		[]track{bmfftest.Video(250, 50).Reorder(true)}, []track{other}, []track{deep, bmfftest.Audio(469)})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
	tl := timeline(t, a, 2*time.Second)
	require.Empty(t, tl.Notes)
	p := tl.Periods[0]
	for _, id := range []string{"v1", "v2", "v3", "v4", "v5"} {
		r, ok := p.Rendition(id)
		require.True(t, ok)
		require.Equal(t, "v1", r.Set)
		all := played(t, tl, id)
		require.Zero(t, all[0].CTO)
		require.Zero(t, p.Start.Compare(media.Time{Ticks: all[0].pts, Scale: r.Track.Timescale}), "%s begins with the Period", id)
		require.Equal(t, 5, r.Segments.Len())
		for k := range r.Segments.Len() {
			s := media.Time{Ticks: r.Segments.At(k).Start, Scale: r.Track.Timescale}
			require.Zero(t, s.Compare(media.Time{Ticks: int64(2 * k), Scale: 1}), "segment %d of %s", k, id)
		}
	}
}

// TestB13Boundaries: priming, by edit list or not at all, moves no boundary and makes no segment of sound shorter than
// the picture's by more than a unit.
func TestB13Boundaries(t *testing.T) {
	_, want := lengths(t, timeline(t, asset([]track{bmfftest.Video(250, 50)}), 2*time.Second), "v1")
	for _, priming := range []int64{0, 1024, 2048, 2112} {
		a := asset([]track{bmfftest.Video(250, 50), edited(bmfftest.Audio(473), bmfftest.Edit{Media: priming})})
		tl := timeline(t, a, 2*time.Second)
		_, got := lengths(t, tl, "v1")
		require.Equal(t, want, got)
		n, d := lengths(t, tl, "a1")
		require.Equal(t, []uint64{1, 2, 3, 4, 5}, n)
		require.InDelta(t, 96000+priming, d[0], aac)
		for _, v := range d[1:4] {
			require.InDelta(t, 96000, v, aac)
		}
	}
}

// TestB24DurationOfAll: a Period lasts until the last of its tracks has ended, delay included.
func TestB24DurationOfAll(t *testing.T) {
	late := edited(bmfftest.Audio(470), bmfftest.Edit{Media: -1, Duration: 700}, bmfftest.Edit{})
	p := timeline(t, asset([]track{bmfftest.Video(250, 50), late}), 2*time.Second).Periods[0]
	require.Zero(t, p.Duration.Compare(media.Time{Ticks: 700*48 + 470*aac, Scale: 48000}), "%v", p.Duration)
	lateVideo := edited(bmfftest.Video(250, 50), bmfftest.Edit{Media: -1, Duration: 1200}, bmfftest.Edit{})
	p = timeline(t, asset([]track{lateVideo, bmfftest.Audio(470)}), 2*time.Second).Periods[0]
	require.Zero(t, p.Start.Ticks)
	require.Zero(t, p.Duration.Compare(media.Time{Ticks: 11_200, Scale: 1000}), "%v", p.Duration)
}

// mixed is video of 24, 30 and 60 frames a second by turns, with two pictures after each P that come before it, and a
// last one that stays for a second.
func mixed(n, gop int) track {
	v := bmfftest.Video(n, gop)
	v.Timescale = 600
	shown := make([]int64, n+1) // when each picture, in order of presentation, is shown
	for i := range n {
		d := []int64{25, 20, 10}[i/40%3]
		if i == n-1 {
			d = 600
		}
		shown[i+1] = shown[i] + d
	}
	for i := range v.Samples {
		at := i // place in order of presentation
		if k := i % gop; k > 0 && i/gop*gop+(k-1)/3*3+3 < min(n, i/gop*gop+gop) {
			at = i - 1
			if k%3 == 1 {
				at = i + 2
			}
		}
		v.Samples[i].Duration = uint32(shown[i+1] - shown[i])
		v.Samples[i].CTO = int32(shown[at] - shown[i])
	}
	v.CTTS = 1
	return v
}

// TestB27VariableFrameRate: segments follow one another without gap or overlap, and each picture keeps its time.
func TestB27VariableFrameRate(t *testing.T) {
	v := mixed(400, 20)
	a := asset([]track{v, bmfftest.Audio(600)})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
	tl := timeline(t, a, 2*time.Second)
	all := played(t, tl, "v1")
	require.Len(t, all, len(v.Samples))
	seen := map[int64]bool{}
	var end int64
	for i, s := range all {
		require.Equal(t, end, s.dts)
		require.Equal(t, int64(v.Samples[i].CTO), int64(s.CTO))
		require.False(t, seen[s.pts])
		seen[s.pts] = true
		end += int64(s.Duration)
	}
	_, d := lengths(t, tl, "v1")
	for _, n := range d {
		end -= n
	}
	require.Zero(t, end, "durations of segments add up to those of samples")
	require.Equal(t, int64(600), int64(all[len(all)-1].Duration))
}

// shifted moves the time of the nth fragment and of those after it, of a track alone in its file, by so many ticks.
func shifted(data []byte, n int, ticks int64) []byte {
	data = bytes.Clone(data)
	for k, at := 0, 0; ; k++ {
		i := bytes.Index(data[at:], []byte("tfdt"))
		if i < 0 {
			return data
		}
		at += i + 4
		if k >= n {
			p := data[at+4:]
			binary.BigEndian.PutUint64(p, uint64(int64(binary.BigEndian.Uint64(p))+ticks))
		}
	}
}

// TestB28LastOfFragment: what a fragment says of its last sample's duration gives way to when the next begins, so that
// nothing drifts.
func TestB28LastOfFragment(t *testing.T) {
	f := bmfftest.File{Fragment: 25, Tracks: []track{bmfftest.Video(100, 25)}}
	for _, by := range []int64{-100, 100, 5000} {
		src, err := vod.Open(ctx, "x.mp4", bmfftest.Object("x.mp4", shifted(f.Bytes(), 2, by)))
		require.NoError(t, err)
		all := samples(t, src, src.Tracks()[0])
		require.Len(t, all, 100)
		for i, s := range all {
			want := int64(i) * frame
			if i >= 50 {
				want += by
			}
			require.Equal(t, want, s.dts, "sample %d", i)
		}
		runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{From: 0, To: 1 << 40})
		require.NoError(t, err)
		require.Equal(t, frame+by, int64(runs[0].Samples[49].Duration))
	}
}

// TestB25Jump: a fragment that begins hours later makes the sample before it last as long; one that begins later than a
// sample can last is refused, and nothing wraps.
func TestB25Jump(t *testing.T) {
	f := bmfftest.File{Fragment: 25, Tracks: []track{bmfftest.Video(100, 25)}}
	const day = 86400 * 12800
	src, err := vod.Open(ctx, "x.mp4", bmfftest.Object("x.mp4", shifted(f.Bytes(), 2, day)))
	require.NoError(t, err)
	mediatest.TestSource(t, src)
	all := samples(t, src, src.Tracks()[0])
	require.Equal(t, int64(50*frame+day), all[50].dts)
	_, err = vod.Open(ctx, "x.mp4", bmfftest.Object("x.mp4", shifted(f.Bytes(), 2, 4*day)))
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "tfdt")
}

// TestB29TimeRunsBackwards: a fragment that begins before the one before it ended follows it, and a note says so; no
// duration is zero or negative.
func TestB29TimeRunsBackwards(t *testing.T) {
	f := bmfftest.File{Fragment: 25, Tracks: []track{bmfftest.Video(100, 25)}}
	obj := bmfftest.Object("x.mp4", shifted(f.Bytes(), 2, -20*frame))
	src, err := vod.Open(ctx, "x.mp4", obj)
	require.NoError(t, err)
	mediatest.TestSource(t, src)
	require.NotEmpty(t, src.Notes())
	require.Contains(t, src.Notes()[0].Text, "goes back")
	require.Len(t, samples(t, src, src.Tracks()[0]), 100)
	a := &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: obj}}}
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: time.Second}))
}
