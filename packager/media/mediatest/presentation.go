package mediatest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

// TestPresentation checks what p is now: each listed segment has the samples and the exact duration that the Timeline
// says, follows the one before, starts at a sync sample where it is video, and lies in time where those of equal number
// in its set do.
func TestPresentation(t testing.TB, p media.Presentation) {
	t.Helper()
	ctx := context.Background()
	tl, err := p.Timeline(ctx)
	require.NoError(t, err, "timeline")
	again, err := p.Timeline(ctx)
	require.NoError(t, err, "timeline, again")
	require.Equal(t, tl.Version, again.Version, "an equal call gives an equal timeline")
	require.Regexp(t, idPattern, tl.Version, "version")
	require.NotEmpty(t, tl.Periods, "periods")
	periods := map[string]bool{}
	numbers := map[string]uint64{} // the next of each rendition
	for i, period := range tl.Periods {
		require.Regexp(t, idPattern, period.ID, "period ID")
		require.False(t, periods[period.ID], "period ID %s twice", period.ID)
		periods[period.ID] = true
		if i > 0 {
			require.Equal(t, tl.Periods[i-1].Index+1, period.Index, "index of period %s", period.ID)
			require.Positive(t, period.Start.Compare(tl.Periods[i-1].Start), "period %s starts after the one before", period.ID)
		}
		testPeriod(t, tl, period, numbers)
	}
	_, err = tl.Segment("no such rendition", 1)
	require.ErrorIs(t, err, media.ErrNotFound)
}

func testPeriod(t testing.TB, tl *media.Timeline, period *media.Period, numbers map[string]uint64) {
	t.Helper()
	type slot struct {
		set    string
		number uint64
	}
	starts := map[slot]media.Time{}
	ids := map[string]bool{}
	for i := range period.Renditions {
		r := &period.Renditions[i]
		require.Regexp(t, idPattern, r.ID, "rendition ID")
		require.False(t, ids[r.ID], "rendition %s twice", r.ID)
		ids[r.ID] = true
		testTrack(t, r.Track)
		require.NotEmpty(t, r.Set, "set of %s", r.ID)
		for _, id := range r.With {
			_, ok := period.Rendition(id)
			require.True(t, ok, "%s goes with %s, which is not there", r.ID, id)
		}
		require.Positive(t, r.Segments.Len(), "segments of %s", r.ID)
		testSegments(t, tl, r)
		if next, ok := numbers[r.ID]; ok {
			require.GreaterOrEqual(t, r.Segments.At(0).Number, next, "numbers of %s go on", r.ID)
		}
		numbers[r.ID] = r.Segments.At(r.Segments.Len()-1).Number + 1
		for k := range r.Segments.Len() {
			s := r.Segments.At(k)
			at := media.Time{Ticks: s.Start, Scale: r.Track.Timescale}
			if k == 0 {
				continue // the first reaches back to where its track begins
			}
			first, ok := starts[slot{r.Set, s.Number}]
			if !ok {
				starts[slot{r.Set, s.Number}] = at
			} else if r.Track.Kind == media.Video {
				require.InDelta(t, first.Seconds(), at.Seconds(), 0.001, "segment %d of %s is aligned with set %s", s.Number, r.ID, r.Set)
			}
		}
	}
}

func testSegments(t testing.TB, tl *media.Timeline, r *media.Rendition) {
	t.Helper()
	var before media.Segment
	for k := range r.Segments.Len() {
		s := r.Segments.At(k)
		require.Same(t, r.Track, s.Track, "track of segment %d of %s", s.Number, r.ID)
		require.Positive(t, s.Duration, "duration of segment %d of %s", s.Number, r.ID)
		require.GreaterOrEqual(t, s.Start, int64(0), "start of segment %d of %s", s.Number, r.ID)
		require.LessOrEqual(t, media.Duration(s.Duration, r.Track.Timescale), tl.Target, "target and segment %d of %s", s.Number, r.ID)
		if k > 0 {
			require.Equal(t, before.Number+1, s.Number, "numbers of %s", r.ID)
			require.Equal(t, before.Start+before.Duration, s.Start, "segment %d of %s follows the one before", s.Number, r.ID)
		}
		before = s
		found, err := tl.Segment(r.ID, s.Number)
		require.NoError(t, err)
		require.Equal(t, s, found[0], "segment %d of %s by its number", s.Number, r.ID)
		if !s.Gap {
			gap := k+1 < r.Segments.Len() && r.Segments.At(k+1).Gap // a last sample may reach into it
			testSegment(t, r, &s, gap)
		}
	}
}

// testSegment reads the samples of a segment and compares.
func testSegment(t testing.TB, r *media.Rendition, s *media.Segment, gap bool) {
	t.Helper()
	runs, err := s.Source.Samples(context.Background(), s.Track, s.Media)
	require.NoError(t, err, "samples of segment %d of %s", s.Number, r.ID)
	require.NotEmpty(t, runs, "segment %d of %s has samples", s.Number, r.ID)
	require.Equal(t, s.Media.From, runs[0].DTS, "first sample of segment %d of %s", s.Number, r.ID)
	if r.Track.Kind == media.Video && s.Number > 1 {
		require.True(t, runs[0].Samples[0].Flags.Sync(), "segment %d of %s begins with a sync sample", s.Number, r.ID)
	}
	var d, bytes int64
	var n int
	for i := range runs {
		d, bytes, n = d+runs[i].Duration(), bytes+runs[i].Bytes(), n+len(runs[i].Samples)
	}
	switch {
	case gap:
		require.GreaterOrEqual(t, d, s.Duration, "duration of segment %d of %s, before a gap", s.Number, r.ID)
	case len(runs) == 1: // gaps between runs count too
		require.Equal(t, d, s.Duration, "duration of segment %d of %s", s.Number, r.ID)
	}
	if s.Bytes > 0 {
		require.Equal(t, bytes, s.Bytes, "payload of segment %d of %s", s.Number, r.ID)
	}
	if s.Samples > 0 {
		require.Equal(t, n, s.Samples, "samples of segment %d of %s", s.Number, r.ID)
	}
}
