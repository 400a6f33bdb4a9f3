package vod_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

const aac = 1024

func TestLadder(t *testing.T) {
	big, small := bmfftest.Video(250, 50), bmfftest.Video(250, 50).Reorder(false)
	small.Timescale = 90000
	for i := range small.Samples {
		small.Samples[i].Duration = 3600
		small.Samples[i].CTO = small.Samples[i].CTO / 512 * 3600
	}
	small.Edits = []bmfftest.Edit{{Media: 3600}}
	a := asset([]track{big}, []track{small}, []track{edited(bmfftest.Audio(470), bmfftest.Edit{Media: 1024})})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 4 * time.Second}))
	tl := timeline(t, a, 4*time.Second)
	require.Len(t, tl.Periods, 1)
	p := tl.Periods[0]
	require.Equal(t, media.Time{Ticks: 1, Scale: 1}, p.Start, "priming is before zero")
	var ids, sets []string
	for _, r := range p.Renditions {
		ids, sets = append(ids, r.ID), append(sets, r.Set)
	}
	require.Equal(t, []string{"v1", "v2", "a1"}, ids)
	require.Equal(t, []string{"v1", "v1", "a1"}, sets)
	_, v1 := lengths(t, tl, "v1")
	_, v2 := lengths(t, tl, "v2")
	require.Equal(t, []int64{51200, 51200, 25600}, v1)
	require.Equal(t, []int64{360000, 360000, 180000}, v2)
	require.Equal(t, []string{"a1"}, p.Renditions[0].With)
	require.Empty(t, tl.Notes)
	require.Equal(t, media.Time{Ticks: 469 * 1024, Scale: 48000}, p.Duration)
	again := timeline(t, a, 4*time.Second)
	require.Same(t, tl, again)
	require.NotEqual(t, tl.Version, timeline(t, a, 2*time.Second).Version)
}

// TestB3LateAudio: the delay of sound that starts late holds, and no segment of it is empty.
func TestB3LateAudio(t *testing.T) {
	for _, late := range []uint64{200, 700, 3000, 5000} {
		audio := edited(bmfftest.Audio(300), bmfftest.Edit{Media: -1, Duration: late}, bmfftest.Edit{})
		a := asset([]track{bmfftest.Video(250, 50), audio})
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
		tl := timeline(t, a, 2*time.Second)
		r, _ := tl.Periods[0].Rendition("a1")
		first := r.Segments.At(0)
		require.Equal(t, int64(late)*48, first.Start)
		require.Equal(t, late/2000+1, first.Number, "its number is that of the video beside it")
	}
}

// TestD12AudioEnds: sound that ends early has fewer segments, sound that goes on has more, none is empty.
func TestD12AudioEnds(t *testing.T) {
	for name, c := range map[string]struct {
		units int
		want  []uint64
	}{
		"3 s early":      {7 * 48000 / aac, []uint64{1, 2, 3, 4}},
		"20 ms early":    {10*48000/aac - 1, []uint64{1, 2, 3, 4, 5}},
		"20 ms more":     {10*48000/aac + 2, []uint64{1, 2, 3, 4, 5}},
		"half a segment": {11 * 48000 / aac, []uint64{1, 2, 3, 4, 5}},
		"7 s more":       {17 * 48000 / aac, []uint64{1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			a := asset([]track{bmfftest.Video(250, 50), bmfftest.Audio(c.units)})
			mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
			tl := timeline(t, a, 2*time.Second)
			n, d := lengths(t, tl, "a1")
			require.Equal(t, c.want, n)
			var sum int64
			for _, v := range d {
				sum += v
			}
			require.Equal(t, int64(c.units*aac), sum, "all of it is there")
		})
	}
}

// TestB2LateVideo: sound before the picture is there; segments of both have samples.
func TestB2LateVideo(t *testing.T) {
	for _, late := range []uint64{200, 1200, 5000} {
		video := edited(bmfftest.Video(250, 50), bmfftest.Edit{Media: -1, Duration: late}, bmfftest.Edit{})
		a := asset([]track{video, bmfftest.Audio(700)})
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
		tl := timeline(t, a, 2*time.Second)
		v, _ := tl.Periods[0].Rendition("v1")
		require.Equal(t, int64(late)*128/10, v.Segments.At(0).Start)
		audio, _ := tl.Periods[0].Rendition("a1")
		require.Equal(t, int64(0), audio.Segments.At(0).Start)
		require.LessOrEqual(t, tl.Target, 4*time.Second)
	}
}

// TestD11LateTogether: what starts late together starts the presentation.
func TestD11LateTogether(t *testing.T) {
	late := []bmfftest.Edit{{Media: -1, Duration: 1200}, {}}
	a := asset([]track{edited(bmfftest.Video(50, 25), late...), edited(bmfftest.Audio(90), late...)})
	p := timeline(t, a, 2*time.Second).Periods[0]
	require.Equal(t, 1.2, p.Start.Seconds())
	require.InDelta(t, 2.0, p.Duration.Seconds(), 0.03)
}

// TestB10NegativeStart: whole seconds, the least that suffice, are added to all tracks.
func TestB10NegativeStart(t *testing.T) {
	a := asset([]track{edited(bmfftest.Video(250, 250), bmfftest.Edit{Media: 200 * frame}), edited(bmfftest.Audio(90), bmfftest.Edit{Media: 2048})})
	tl := timeline(t, a, 2*time.Second)
	mediatest.TestPresentation(t, a.Present(media.Plan{}))
	require.Equal(t, media.Time{Ticks: 1, Scale: 1}, tl.Periods[0].Start)
	r, _ := tl.Periods[0].Rendition("a1")
	require.Equal(t, int64(48000-2048), r.Segments.At(0).Start)
}

// TestD1TargetAndGOP: GOPs of 8 s with other targets give neither empty nor doubled segments.
func TestD1TargetAndGOP(t *testing.T) {
	for target, want := range map[time.Duration]int{4 * time.Second: 4, 6 * time.Second: 4, 10 * time.Second: 4, 16 * time.Second: 2} {
		a := asset([]track{bmfftest.Video(800, 200), bmfftest.Audio(1500)})
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: target}))
		n, _ := lengths(t, timeline(t, a, target), "v1")
		require.Len(t, n, want, "target %v", target)
		n, _ = lengths(t, timeline(t, a, target), "a1")
		require.Len(t, n, want, "sound, target %v", target)
	}
}

// TestD13Unaligned: a rendition with other key frames is cut by its own, with sound cut alike for formats that
// multiplex, and a Note says so; extra key frames do no harm.
func TestD13Unaligned(t *testing.T) {
	extra, other := bmfftest.Video(250, 50), bmfftest.Video(250, 70)
	extra.Samples[33].Sync = true
	a := asset([]track{bmfftest.Video(250, 50), bmfftest.Audio(469)}, []track{extra}, []track{other})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
	tl := timeline(t, a, 2*time.Second)
	p := tl.Periods[0]
	sets := map[string]string{}
	for _, r := range p.Renditions {
		sets[r.ID] = r.Set
	}
	require.Equal(t, map[string]string{"v1": "v1", "v2": "v1", "v3": "v3", "a1": "a1", "a1v3": "a1v3"}, sets)
	v3, _ := p.Rendition("v3")
	require.Equal(t, []string{"a1v3"}, v3.With)
	hidden, _ := p.Rendition("a1v3")
	require.True(t, hidden.Hidden)
	require.Len(t, tl.Notes, 1)
	require.Contains(t, tl.Notes[0].Text, "fixed GOP")
	_, d := lengths(t, tl, "v1")
	_, d2 := lengths(t, tl, "v2")
	require.Equal(t, d, d2)
}

// TestD8Drift: after hours the sound's cuts are within one access unit of the picture's.
func TestD8Drift(t *testing.T) {
	video := bmfftest.Video(4000, 50)
	for i := range video.Samples {
		video.Samples[i].Duration = 512 * 13 // makes hours of it
		video.Samples[i].Data = video.Samples[i%50].Data
	}
	audio := bmfftest.Audio(97500)
	a := asset([]track{video, audio})
	tl := timeline(t, a, 26*time.Second)
	v, _ := tl.Periods[0].Rendition("v1")
	r, _ := tl.Periods[0].Rendition("a1")
	require.Equal(t, v.Segments.Len(), r.Segments.Len())
	for i := range v.Segments.Len() {
		at := media.Rescale(v.Segments.At(i).Start, 12800, 48000)
		require.InDelta(t, at, r.Segments.At(i).Start, aac, "segment %d", i)
		require.GreaterOrEqual(t, r.Segments.At(i).Start, at)
	}
}

// TestSampleDescriptions: a change of sample description is a new Period.
func TestSampleDescriptions(t *testing.T) {
	video := bmfftest.Video(100, 25)
	video.Entries = [][]byte{bmfftest.AVC1(), bmfftest.AVC3()}
	for i := 50; i < 100; i++ {
		video.Samples[i].Entry = 1
	}
	a := asset([]track{video, bmfftest.Audio(187)})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: time.Second}))
	tl := timeline(t, a, time.Second)
	require.Len(t, tl.Periods, 2)
	require.Equal(t, media.Time{Ticks: 2 * 12800, Scale: 12800}, tl.Periods[1].Start)
	require.Equal(t, 2.0, tl.Periods[0].Duration.Seconds())
	n, _ := lengths(t, tl, "v1")
	require.Equal(t, []uint64{1, 2, 3, 4}, n)
	n, d := lengths(t, tl, "a1")
	require.Equal(t, []uint64{1, 2, 3, 4}, n)
	require.Equal(t, int64(187*aac), d[0]+d[1]+d[2]+d[3])
}

func TestSoundAlone(t *testing.T) {
	a := asset([]track{edited(bmfftest.Audio(1000), bmfftest.Edit{Media: 1024})}, []track{bmfftest.Sound(bmfftest.MP4A(), 900, 1024, 44100)})
	mediatest.TestPresentation(t, a.Present(media.Plan{}))
	n, _ := lengths(t, timeline(t, a, 0), "a1")
	require.Equal(t, []uint64{1, 2, 3, 4}, n)
}
