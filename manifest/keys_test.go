package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// keyed is the runs of five segments, whose keys are named by letters; "-" is clear.
func keyed(t *testing.T, o manifest.Options, keys map[byte]*manifest.Key, segments string, noInit bool) ([]manifest.KeyRun, error) {
	t.Helper()
	tl := timelines.Two()
	var asked []uint64
	o.Key = func(p *media.Period, rendition string, n uint64) *manifest.Key {
		require.Equal(t, "v1", rendition)
		require.Same(t, tl.Periods[0], p)
		asked = append(asked, n)
		return keys[segments[n-1]]
	}
	runs, err := o.KeyRuns(tl.Periods[0], &tl.Periods[0].Renditions[0], noInit)
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, asked, "once each, in order")
	return runs, err
}

func TestKeyRuns(t *testing.T) {
	a := &manifest.Key{Scheme: drm.CBCS, Period: 1}
	b := &manifest.Key{Scheme: drm.CBCS, Period: 2}
	stays := &manifest.Key{Scheme: drm.CENC}
	whole := &manifest.Key{Scheme: drm.AES128, Period: 3}
	all := map[byte]*manifest.Key{'a': a, 'b': b, 's': stays, 'w': whole}
	type run struct {
		key  byte
		init uint64
		n    int
	}
	for _, c := range []struct {
		segments string
		inBand   bool
		want     []run
	}{
		{"sssss", false, []run{{'s', 0, 5}}},
		{"-----", false, []run{{'-', 0, 5}}},
		{"aaabb", false, []run{{'a', 1, 3}, {'b', 2, 2}}},
		{"aaabb", true, []run{{'a', 0, 3}, {'b', 0, 2}}},
		{"--abb", false, []run{{'-', 1, 2}, {'a', 1, 1}, {'b', 2, 2}}},
		{"a-b--", false, []run{{'a', 1, 1}, {'-', 1, 1}, {'b', 2, 1}, {'-', 2, 2}}},
		{"abbba", false, []run{{'a', 1, 1}, {'b', 2, 3}, {'a', 1, 1}}},
		{"-ww-w", false, []run{{'-', 0, 1}, {'w', 3, 2}, {'-', 0, 1}, {'w', 3, 1}}},
		{"wwwww", true, []run{{'w', 3, 5}}},
	} {
		runs, err := keyed(t, manifest.Options{InBandKeys: c.inBand}, all, c.segments, false)
		require.NoError(t, err)
		var got []run
		at := 0
		for _, r := range runs {
			k := c.segments[r.First]
			require.Equal(t, all[k], r.Key)
			require.Equal(t, at, r.First)
			got = append(got, run{k, r.Init, r.Len})
			at += r.Len
		}
		require.Equal(t, c.want, got, c.segments)
	}
}

func TestKeyRunsRefused(t *testing.T) {
	x, y := &manifest.Key{Scheme: drm.CENC, ID: drm.KeyID{1}}, &manifest.Key{Scheme: drm.CENC, ID: drm.KeyID{2}}
	whole := &manifest.Key{Scheme: drm.AES128}
	all := map[byte]*manifest.Key{'x': x, 'y': y, 'w': whole}
	for _, segments := range []string{"xxyyy", "-xx-y", "wwww-", "--www"} {
		_, err := keyed(t, manifest.Options{}, all, segments, false)
		require.ErrorIs(t, err, drm.ErrIncompatible, segments)
		_, err = keyed(t, manifest.Options{}, all, segments, true)
		require.NoError(t, err, "there is no initialization segment")
	}
	_, err := keyed(t, manifest.Options{InBandKeys: true}, all, "xxyyy", false)
	require.NoError(t, err)
}

func TestKeyRunsClear(t *testing.T) {
	p := timelines.Two().Periods[0]
	for _, o := range []*manifest.Options{nil, {}} {
		runs, err := o.KeyRuns(p, &p.Renditions[0], false)
		require.NoError(t, err)
		require.Equal(t, []manifest.KeyRun{{Len: 5}}, runs)
		runs, err = o.KeyRuns(p, &media.Rendition{Segments: media.SegmentSlice{}}, false)
		require.NoError(t, err)
		require.Empty(t, runs)
	}
}
