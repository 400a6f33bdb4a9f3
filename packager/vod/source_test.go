package vod_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

// edited is t with edits; durations in milliseconds.
func edited(t track, edits ...bmfftest.Edit) track {
	t.Edits = edits
	return t
}

const frame = 512 // ticks of bmfftest.Video, 40 ms

func TestSourceConforms(t *testing.T) {
	zero := bmfftest.Video(50, 10)
	for i := range zero.Samples {
		if i%7 == 3 {
			zero.Samples[i].Duration = 0
		}
	}
	tail := bmfftest.Video(50, 10)
	tail.Samples[49].Duration = 0
	ticks := bmfftest.Video(50, 10) // one tick a frame
	ticks.Timescale = 25
	for i := range ticks.Samples {
		ticks.Samples[i].Duration = 1
	}
	for name, tr := range map[string]track{
		"plain":            bmfftest.Video(50, 10),
		"B-frames":         bmfftest.Video(50, 10).Reorder(false),
		"negative ctts":    bmfftest.Video(50, 10).Reorder(true),
		"no duration":      zero,
		"last without":     tail,
		"inside a GOP":     edited(bmfftest.Video(50, 10).Reorder(true), bmfftest.Edit{Media: 14 * frame}),
		"both ends":        edited(bmfftest.Video(50, 10).Reorder(true), bmfftest.Edit{Media: 14 * frame, Duration: 600}),
		"several":          edited(bmfftest.Video(50, 10).Reorder(true), bmfftest.Edit{Media: 14 * frame, Duration: 600}, bmfftest.Edit{Media: 3 * frame, Duration: 520}, bmfftest.Edit{Media: -1, Duration: 500}, bmfftest.Edit{Media: 33 * frame}),
		"a tick a frame":   edited(ticks, bmfftest.Edit{Media: 14, Duration: 600}, bmfftest.Edit{Media: 3, Duration: 520}),
		"many small":       edited(bmfftest.Video(50, 10).Reorder(true), bmfftest.Edit{Media: 5 * frame, Duration: 40}, bmfftest.Edit{Media: 5 * frame, Duration: 40}, bmfftest.Edit{Media: 49 * frame, Duration: 40}, bmfftest.Edit{Media: 9 * frame, Duration: 1}, bmfftest.Edit{Media: 10 * frame, Duration: 1}),
		"audio":            bmfftest.Audio(100),
		"audio priming":    edited(bmfftest.Audio(100), bmfftest.Edit{Media: 1024}),
		"audio cut often":  edited(bmfftest.Audio(100), bmfftest.Edit{Media: 30_000, Duration: 333}, bmfftest.Edit{Media: 7, Duration: 100}, bmfftest.Edit{Media: -1, Duration: 100}, bmfftest.Edit{Media: 50_000, Duration: 77}),
		"late":             edited(bmfftest.Video(50, 10), bmfftest.Edit{Media: -1, Duration: 700}, bmfftest.Edit{}),
		"late without GOP": edited(bmfftest.Video(50, 50), bmfftest.Edit{Media: -1, Duration: 700}, bmfftest.Edit{Media: 20 * frame}),
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.TestSource(t, source(t, tr))
			mediatest.TestPresentation(t, asset([]track{tr}).Present(media.Plan{Segment: 1}))
		})
	}
}

// TestB9NegativeOffsets: the same pictures with offsets from zero and with negative ones are the same source.
func TestB9NegativeOffsets(t *testing.T) {
	a, b := source(t, bmfftest.Video(50, 10).Reorder(false)), source(t, bmfftest.Video(50, 10).Reorder(true))
	require.Equal(t, samples(t, a, a.Tracks()[0]), samples(t, b, b.Tracks()[0]))
	require.Equal(t, uint32(frame), a.Tracks()[0].Delay)
	require.Equal(t, int64(0), samples(t, a, a.Tracks()[0])[0].dts)
	require.Equal(t, int64(0), samples(t, a, a.Tracks()[0])[0].pts)
}

// TestB1GeneralEdits: every picture that begins within an edit is at its exact time, whatever the edits.
func TestB1GeneralEdits(t *testing.T) {
	plain := bmfftest.Video(100, 10).Reorder(true)
	byPTS := map[int64]uint32{} // what the media hold
	src := source(t, plain)
	for p, size := range pts(samples(t, src, src.Tracks()[0]), -1<<60) {
		byPTS[p] = size
	}
	for _, c := range []struct {
		name  string
		edits []bmfftest.Edit
	}{
		{"from a sync sample", []bmfftest.Edit{{Media: 10 * frame}}},
		{"inside a GOP", []bmfftest.Edit{{Media: 14 * frame}}},
		{"at a P picture", []bmfftest.Edit{{Media: 13 * frame}}},
		{"between pictures", []bmfftest.Edit{{Media: 13*frame + 100}}},
		{"both ends", []bmfftest.Edit{{Media: 14 * frame, Duration: 640}}},
		{"one picture", []bmfftest.Edit{{Media: 15 * frame, Duration: 40}}},
		{"two parts", []bmfftest.Edit{{Media: 14 * frame, Duration: 640}, {Media: 52 * frame, Duration: 720}}},
		{"backwards, repeated, late", []bmfftest.Edit{{Media: -1, Duration: 320}, {Media: 55 * frame, Duration: 640}, {Media: 11 * frame, Duration: 200}, {Media: 11 * frame, Duration: 200}}},
		{"a hole", []bmfftest.Edit{{Media: 0, Duration: 640}, {Media: -1, Duration: 1000}, {Media: 22 * frame}}},
		{"going on", []bmfftest.Edit{{Media: 4 * frame, Duration: 640}, {Media: 20 * frame, Duration: 640}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := map[int64]uint32{}
			var at int64
			for _, e := range c.edits {
				d := int64(e.Duration) * 12800 / 1000
				if d == 0 {
					d = 1 << 40
				}
				for p, size := range byPTS {
					if e.Media >= 0 && p >= e.Media && p < e.Media+d {
						want[p-e.Media+at] = size
					}
				}
				at += d
			}
			src := source(t, edited(plain, c.edits...))
			got := pts(samples(t, src, src.Tracks()[0]), 0)
			for p, size := range want {
				require.Equal(t, size, got[p], "picture at %d of %v", p, got)
			}
			step := int64(src.Tracks()[0].Timescale) / 10_000
			for p := range got {
				// what else is there is squeezed together right before a picture or an end
				require.True(t, want[p] != 0 || near(want, p, step*60), "picture at %d is not to be shown", p)
			}
		})
	}
}

// near reports whether a wanted picture, or where one would begin, follows within d.
func near(want map[int64]uint32, p, d int64) bool {
	for q := range want {
		if q > p && q-p <= d || q+frame > p && q+frame-p <= d {
			return true
		}
	}
	return false
}

// TestB13Priming: priming by edit list is before zero, none is at zero.
func TestB13Priming(t *testing.T) {
	src := source(t, edited(bmfftest.Audio(50), bmfftest.Edit{Media: 2112}))
	require.Equal(t, int64(-2112), samples(t, src, src.Tracks()[0])[0].dts)
	src = source(t, bmfftest.Audio(50))
	require.Equal(t, int64(0), samples(t, src, src.Tracks()[0])[0].dts)
	// in mid-stream a decoder gets one access unit more than is heard
	src = source(t, edited(bmfftest.Audio(200), bmfftest.Edit{Media: 100*1024 + 10}))
	require.Equal(t, int64(-1024-10), samples(t, src, src.Tracks()[0])[0].dts)
	// Opus wants 80 ms
	src = source(t, edited(bmfftest.Sound(bmfftest.Opus(), 200, 960, 48000), bmfftest.Edit{Media: 100 * 960}))
	require.Equal(t, int64(-3840), samples(t, src, src.Tracks()[0])[0].dts)
}

// TestB29ZeroDuration: samples without duration get a tick from the next, and keep their presentation times.
func TestB29ZeroDuration(t *testing.T) {
	v := bmfftest.Video(6, 6)
	v.Samples[2].Duration, v.Samples[3].Duration = 0, 0
	src := source(t, v)
	var dts, at []int64
	for _, s := range samples(t, src, src.Tracks()[0]) {
		dts, at = append(dts, s.dts), append(at, s.pts)
	}
	require.Equal(t, []int64{0, 512, 1024, 1025, 1026, 1536}, dts)
	require.Equal(t, []int64{0, 512, 1024, 1024, 1024, 1536}, at)
}

func TestFrameRate(t *testing.T) {
	for _, c := range []struct {
		timescale uint32
		durations []uint32
		want      media.Ratio
	}{
		{12800, []uint32{512}, media.Ratio{Num: 25, Den: 1}},
		{30000, []uint32{1001}, media.Ratio{Num: 30000, Den: 1001}},
		{90000, []uint32{3003}, media.Ratio{Num: 30000, Den: 1001}},
		{90000, []uint32{3753, 3754, 3754, 3754}, media.Ratio{Num: 24000, Den: 1001}}, // 3753.75
		{1000, []uint32{33, 33, 34}, media.Ratio{Num: 30, Den: 1}},
		{1000, []uint32{41, 42, 42}, media.Ratio{Num: 24, Den: 1}},
		{600, []uint32{25}, media.Ratio{Num: 24, Den: 1}},
	} {
		v := bmfftest.Video(120, 12)
		v.Timescale = c.timescale
		for i := range v.Samples {
			v.Samples[i].Duration = c.durations[i%len(c.durations)]
		}
		require.Equal(t, c.want, source(t, v).Tracks()[0].Video.FrameRate, "%v of %d", c.durations, c.timescale)
	}
}
