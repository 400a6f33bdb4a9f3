package vod_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

var ctx = context.Background()

func object(name string, tracks ...bmfftest.Track) media.Object {
	return bmfftest.Object(name, bmfftest.File{Tracks: tracks}.Bytes())
}

func source(t testing.TB, tracks ...bmfftest.Track) *vod.Source {
	t.Helper()
	src, err := vod.Open(ctx, "made.mp4", object("made.mp4", tracks...))
	require.NoError(t, err)
	return src
}

// asset is one with a file for each list of tracks.
func asset(files ...[]bmfftest.Track) *vod.Asset {
	a := &vod.Asset{}
	for i, tracks := range files {
		name := string(rune('a'+i)) + ".mp4"
		a.Inputs = append(a.Inputs, vod.Input{Name: name, Object: object(name, tracks...)})
	}
	return a
}

func timeline(t testing.TB, c media.Content, segment time.Duration) *media.Timeline {
	t.Helper()
	tl, err := c.Present(media.Plan{Segment: segment}).Timeline(ctx)
	require.NoError(t, err)
	return tl
}

// shown is a sample as it is presented.
type shown struct {
	dts, pts int64
	size     uint32
}

func samples(t testing.TB, src media.Source, track *media.Track) []shown {
	t.Helper()
	runs, err := src.Samples(ctx, track, media.Interval{From: -1 << 60, To: 1 << 60})
	require.NoError(t, err)
	var out []shown
	for i := range runs {
		dts := runs[i].DTS
		for _, s := range runs[i].Samples {
			out = append(out, shown{dts, dts + int64(s.CTO), s.Size})
			dts += int64(s.Duration)
		}
	}
	return out
}

// pts are the presentation times of samples that are presented at or after from.
func pts(list []shown, from int64) map[int64]uint32 {
	out := map[int64]uint32{}
	for _, s := range list {
		if s.pts >= from {
			out[s.pts] = s.size
		}
	}
	return out
}

// lengths are the durations of a rendition's segments, ticks.
func lengths(t testing.TB, tl *media.Timeline, id string) (numbers []uint64, d []int64) {
	t.Helper()
	for _, p := range tl.Periods {
		if r, ok := p.Rendition(id); ok {
			for i := range r.Segments.Len() {
				s := r.Segments.At(i)
				numbers, d = append(numbers, s.Number), append(d, s.Duration)
			}
		}
	}
	return numbers, d
}

type track = bmfftest.Track
