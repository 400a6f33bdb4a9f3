package packager_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// recorder is a Source that remembers what was asked for.
type recorder struct {
	asked []media.Interval
	err   error
}

func (r *recorder) Tracks() []*media.Track { return nil }
func (r *recorder) Samples(_ context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	r.asked = append(r.asked, iv)
	return []media.Run{{Track: t, DTS: iv.From}}, r.err
}

func TestLoad(t *testing.T) {
	src := &recorder{}
	v, a := &media.Track{ID: "v", Timescale: 12800}, &media.Track{ID: "a", Timescale: 48000}
	segs := []media.Segment{
		{Span: media.Span{Source: src, Track: v, Media: media.Interval{From: 100, To: 200}, Start: 1100, Chunk: 50}, Number: 7, Last: true},
		{Span: media.Span{Source: src, Track: a, Media: media.Interval{From: 900, To: 990}, Start: 300}, Number: 7},
	}
	job, err := packager.Load(t.Context(), segs)
	require.NoError(t, err)
	require.Equal(t, &packager.Job{Number: 7, Chunk: 50, Bias: packager.Bias, Last: true, Inputs: []packager.Input{
		{Track: v, Shift: 1000, Runs: []media.Run{{Track: v, DTS: 100}}},
		{Track: a, Shift: -600, Runs: []media.Run{{Track: a, DTS: 900}}},
	}}, job)
	require.Equal(t, []media.Interval{{From: 100, To: 200}, {From: 900, To: 990}}, src.asked)

	_, err = packager.Load(t.Context(), nil)
	require.ErrorIs(t, err, media.ErrNotFound)
	segs[1].Gap = true
	job, err = packager.Load(t.Context(), segs)
	require.NoError(t, err)
	require.Equal(t, packager.Input{Track: a}, job.Inputs[1], "the track stays, without samples")
	segs[0].Gap = true
	_, err = packager.Load(t.Context(), segs)
	require.ErrorIs(t, err, media.ErrNotFound)
	segs[0].Gap, segs[1].Gap, src.err = false, false, media.ErrChanged
	_, err = packager.Load(t.Context(), segs)
	require.ErrorIs(t, err, media.ErrChanged)
	require.ErrorContains(t, err, "segment 7")
}
