package mediatest

import (
	"context"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// TestSource checks src: its tracks are described, samples come in order with payload that can be read, any interval
// gives that part of the whole, and times follow the rules of package media. It reads all samples of tracks of up to
// some hours.
func TestSource(t testing.TB, src media.Source) {
	t.Helper()
	require.NotEmpty(t, src.Tracks(), "tracks")
	ids := map[string]bool{}
	for _, track := range src.Tracks() {
		require.False(t, ids[track.ID], "track ID %s twice", track.ID)
		ids[track.ID] = true
		testTrack(t, track)
		testSamples(t, src, track)
	}
	_, err := src.Samples(context.Background(), &media.Track{ID: "none", Timescale: 1}, media.Interval{From: 0, To: 1})
	require.Error(t, err, "samples of a track of another source")
}

func testTrack(t testing.TB, track *media.Track) {
	t.Helper()
	require.Regexp(t, idPattern, track.ID, "track ID")
	require.NotZero(t, track.Timescale, "timescale of %s", track.ID)
	switch track.Kind {
	case media.Video:
		require.NotNil(t, track.Video, "video format of %s", track.ID)
	case media.Audio:
		require.NotNil(t, track.Audio, "audio format of %s", track.ID)
	}
}

// everything is an interval that holds all times and leaves room to add to them.
var everything = media.Interval{From: -1 << 60, To: 1 << 60}

func testSamples(t testing.TB, src media.Source, track *media.Track) {
	t.Helper()
	ctx := context.Background()
	all := flat(t, src, track, everything)
	require.NotEmpty(t, all, "samples of %s", track.ID)
	for i, s := range all {
		require.NotZero(t, s.Duration, "sample %d of %s lasts", i, track.ID)
		if i > 0 {
			require.Greater(t, s.dts, all[i-1].dts, "decode time of sample %d of %s", i, track.ID)
			require.GreaterOrEqual(t, s.dts, all[i-1].dts+int64(all[i-1].Duration), "sample %d of %s begins before the one before ends", i, track.ID)
		}
		require.GreaterOrEqual(t, int64(s.CTO)+int64(track.Delay), int64(0), "Delay of %s covers sample %d", track.ID, i)
		require.True(t, s.Offset >= 0 && s.Offset+int64(s.Size) <= s.data.Size(), "sample %d of %s lies in its object", i, track.ID)
	}
	for _, i := range []int{0, len(all) / 2, len(all) - 1} {
		require.NoError(t, all[i].data.ReadAt(ctx, make([]byte, all[i].Size), all[i].Offset), "payload of sample %d of %s", i, track.ID)
	}
	// any interval is that part of the whole
	step := max(1, len(all)/7)
	for i := 0; i < len(all); i += step {
		end := min(i+step, len(all))
		to := all[end-1].dts + 1
		require.Equal(t, all[i:end], flat(t, src, track, media.Interval{From: all[i].dts, To: to}), "samples %d to %d of %s", i, end, track.ID)
		require.Equal(t, all[i+1:end], flat(t, src, track, media.Interval{From: all[i].dts + 1, To: to}), "samples after %d of %s", i, track.ID)
		require.Empty(t, flat(t, src, track, media.Interval{From: all[i].dts, To: all[i].dts}), "an empty interval")
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err := src.Samples(canceled, track, everything)
	require.ErrorIs(t, err, context.Canceled, "a cancelled context")
}

// placed is a sample with what its Run says of it.
type placed struct {
	media.Sample
	dts  int64
	data media.Object
}

func flat(t testing.TB, src media.Source, track *media.Track, iv media.Interval) []placed {
	t.Helper()
	runs, err := src.Samples(context.Background(), track, iv)
	require.NoError(t, err, "samples of %s in %v", track.ID, iv)
	out := []placed{}
	for i := range runs {
		require.Same(t, track, runs[i].Track, "track of a run")
		require.NotEmpty(t, runs[i].Samples, "a run without samples")
		dts := runs[i].DTS
		for _, s := range runs[i].Samples {
			require.True(t, dts >= iv.From && dts < iv.To, "sample at %d of %s is not in %v", dts, track.ID, iv)
			out = append(out, placed{s, dts, runs[i].Data})
			dts += int64(s.Duration)
		}
	}
	return out
}
