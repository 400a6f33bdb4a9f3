package media_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

func segments(from uint64, n int) media.Segments {
	s := make(media.SegmentSlice, n)
	for i := range s {
		s[i] = media.Segment{Number: from + uint64(i), Span: media.Span{Start: int64(i) * 6, Duration: 6}}
	}
	return s
}

func TestTimelineSegment(t *testing.T) {
	live := time.Unix(1, 0)
	tl := &media.Timeline{Periods: []*media.Period{
		{ID: "0", Renditions: []media.Rendition{
			{ID: "v1", Segments: segments(5, 3), With: []string{"a1", "gone", "a2"}},
			{ID: "a1", Segments: segments(6, 2)},
			{ID: "a2", Segments: media.SegmentSlice{{Number: 6, Gap: true}}},
		}},
		{ID: "1", Renditions: []media.Rendition{{ID: "v1", Segments: segments(8, 2)}, {ID: "x", Segments: segments(0, 0)}}},
	}}
	for _, c := range []struct {
		name, rendition string
		n               uint64
		live, ended     bool
		segs            int
		err             error
	}{
		{"first: the others have none of that number", "v1", 5, false, true, 3, nil},
		{"multiplexed", "v1", 6, false, true, 3, nil},
		{"next period", "v1", 9, false, true, 1, nil},
		{"past the end", "v1", 10, false, true, 0, media.ErrNotFound},
		{"past what there is yet", "v1", 10, true, false, 0, media.ErrNotYet},
		{"left the window", "v1", 4, true, false, 0, media.ErrGone},
		{"never was", "v1", 4, false, true, 0, media.ErrNotFound},
		{"unknown rendition", "v2", 5, true, false, 0, media.ErrNotFound},
		{"no segments", "x", 0, false, true, 0, media.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := *tl
			now.Ended = c.ended
			if c.live {
				now.Epoch = live
			}
			segs, err := now.Segment(c.rendition, c.n)
			require.ErrorIs(t, err, c.err)
			require.Len(t, segs, c.segs)
			for _, s := range segs {
				require.Equal(t, c.n, s.Number)
			}
			if c.segs == 3 {
				require.Equal(t, []bool{false, c.n == 5, true}, []bool{segs[0].Gap, segs[1].Gap, segs[2].Gap})
			}
		})
	}
}

func TestAt(t *testing.T) {
	s := segments(1, 3)
	for _, c := range []struct {
		t  int64
		n  uint64
		ok bool
	}{{-1, 0, false}, {0, 1, true}, {5, 1, true}, {6, 2, true}, {17, 3, true}, {18, 3, false}} {
		got, ok := media.At(s, c.t)
		require.Equal(t, c.ok, ok, c.t)
		require.Equal(t, c.n, got.Number, c.t)
	}
}

func TestRunExtents(t *testing.T) {
	r := media.Run{Samples: []media.Sample{
		{Offset: 10, Size: 5, Duration: 2}, {Offset: 15, Size: 5, Duration: 2}, {Offset: 99, Duration: 2},
		{Offset: 40, Size: 1, Duration: 2}, {Offset: 30, Size: 2, Duration: 3},
	}}
	var got []media.Extent
	for e := range r.Extents() {
		got = append(got, e)
	}
	require.Equal(t, []media.Extent{{Off: 10, Len: 10}, {Off: 40, Len: 1}, {Off: 30, Len: 2}}, got)
	require.EqualValues(t, 11, r.Duration())
	require.EqualValues(t, 13, r.Bytes())
	for range r.Extents() {
		break // an early end is no fault
	}
}

func TestFormatError(t *testing.T) {
	err := &media.FormatError{Name: "a.mp4", Path: "moov/trak[1]/mdia/minf/stbl/stsz", Offset: 812, Err: errors.New("4 samples in 8 bytes")}
	require.EqualError(t, err, "a.mp4: moov/trak[1]/mdia/minf/stbl/stsz at byte 812: 4 samples in 8 bytes")
	require.ErrorIs(t, err, media.ErrFormat)
	require.NotErrorIs(t, err, media.ErrUnsupported)
	legal := &media.FormatError{Path: "moov", Offset: -1, Err: media.ErrUnsupported}
	require.ErrorIs(t, legal, media.ErrUnsupported)
	require.NotErrorIs(t, legal, media.ErrFormat)
}

func TestPresentationFuncs(t *testing.T) {
	tl := &media.Timeline{Version: "x"}
	c := media.Fixed(media.PresentationFunc(func(context.Context) (*media.Timeline, error) { return tl, nil }))
	got, err := c.Present(media.Plan{Segment: time.Second}).Timeline(t.Context())
	require.NoError(t, err)
	require.Same(t, tl, got)
}
