package bmff_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

func open(t testing.TB, data []byte) *bmff.Movie {
	t.Helper()
	m, err := bmff.Open(context.Background(), "test.mp4", bmfftest.Object("test.mp4", data))
	require.NoError(t, err)
	return m
}

// agree says that the index of a track has the samples that it was made of, and that they lie where their bytes are.
func agree(t testing.TB, data []byte, want bmfftest.Track, got *bmff.Track) {
	t.Helper()
	x := got.Index
	require.Equal(t, len(want.Samples), x.Len())
	dts := want.Start
	for i, s := range x.Append(nil, 0, x.Len()) {
		w := &want.Samples[i]
		require.Equal(t, dts, s.DTS)
		require.Equal(t, dts, x.DTS(i))
		require.Equal(t, w.Duration, s.Duration)
		require.Equal(t, w.CTO, s.CTO)
		require.Equal(t, w.Sync, s.Flags.Sync())
		require.Equal(t, w.Entry, int(s.Entry))
		require.Equal(t, w.Bytes(), data[s.Offset:s.Offset+int64(s.Size)], "sample %d", i)
		one := x.Append(nil, i, i+1)
		require.Equal(t, s, one[0])
		dts += int64(s.Duration)
	}
	require.Equal(t, dts, x.DTS(x.Len()))
}

func TestOpenShapes(t *testing.T) {
	v, a := bmfftest.Video(150, 25).Reorder(false), bmfftest.Audio(281)
	neg := bmfftest.Video(150, 25).Reorder(true)
	v.Language, a.Language = "eng", "ger"
	tracks := []bmfftest.Track{v, a}
	live := bmfftest.Video(150, 25)
	live.Start = 1 << 40
	for name, f := range map[string]bmfftest.File{
		"progressive":     {Tracks: tracks},
		"audio first":     {Tracks: []bmfftest.Track{a, v}},
		"negative ctts":   {Tracks: []bmfftest.Track{neg, a}},
		"moov at end":     {Tracks: tracks, MoovAtEnd: true},
		"co64":            {Tracks: tracks, CO64: true, LargeMdat: true},
		"open mdat":       {Tracks: tracks, OpenMdat: true},
		"several mdat":    {Tracks: tracks, Chunk: 7, SplitMdat: true},
		"unused mdat":     {Tracks: tracks, Between: bmfftest.Box("mdat", make([]byte, 100))},
		"one track":       {Tracks: tracks[:1]},
		"fragments":       {Tracks: tracks, Fragment: 25},
		"sidx and mfra":   {Tracks: tracks, Fragment: 25, Sidx: true, Mfra: true},
		"moof per track":  {Tracks: tracks, Fragment: 25, OneTraf: true},
		"from base":       {Tracks: tracks, Fragment: 25, Offsets: bmfftest.FromBase},
		"from previous":   {Tracks: tracks, Fragment: 25, Offsets: bmfftest.FromPrevious},
		"no tfdt":         {Tracks: tracks, Fragment: 25, NoTfdt: true},
		"trex":            {Tracks: tracks, Fragment: 25, Trex: true},
		"hybrid":          {Tracks: tracks, Fragment: 25, InMoov: 30},
		"negative trun":   {Tracks: []bmfftest.Track{neg, a}, Fragment: 10, Trex: true},
		"a frame each":    {Tracks: tracks, Fragment: 1},
		"64-bit tfdt":     {Tracks: []bmfftest.Track{live}, Fragment: 25},
		"large fragments": {Tracks: tracks, Fragment: 25, LargeMdat: true},
	} {
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			m := open(t, data)
			require.Empty(t, m.Warnings)
			require.Len(t, m.Tracks, len(f.Tracks))
			require.Equal(t, f.Fragment > 0, m.Fragmented)
			for i, want := range f.Tracks {
				agree(t, data, want, m.Tracks[i])
				require.Equal(t, want.Entries, m.Tracks[i].Entries)
			}
		})
	}
}
