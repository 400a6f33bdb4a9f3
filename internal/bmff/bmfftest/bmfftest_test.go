package bmfftest_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

func TestBytesAreBoxesAndAlwaysTheSame(t *testing.T) {
	v, a := bmfftest.Video(50, 25).Reorder(false), bmfftest.Audio(94)
	tracks := []bmfftest.Track{v, a}
	for name, f := range map[string]bmfftest.File{
		"progressive": {Tracks: tracks},
		"moov at end": {Tracks: tracks, MoovAtEnd: true, CO64: true, LargeMdat: true},
		"several":     {Tracks: tracks, Chunk: 5, SplitMdat: true, Between: bmfftest.Box("free", []byte("x"))},
		"fragments":   {Tracks: tracks, Fragment: 25, Sidx: true, Mfra: true},
		"hybrid":      {Tracks: tracks, Fragment: 25, InMoov: 10, OneTraf: true, Offsets: bmfftest.FromBase},
	} {
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			require.Equal(t, data, f.Bytes())
			for len(data) > 0 {
				require.GreaterOrEqual(t, len(data), 8)
				n := uint64(binary.BigEndian.Uint32(data))
				if n == 1 {
					n = binary.BigEndian.Uint64(data[8:])
				}
				require.LessOrEqual(t, n, uint64(len(data)))
				require.GreaterOrEqual(t, n, uint64(8))
				data = data[n:]
			}
		})
	}
}

func TestReorderShowsEachFrameOnce(t *testing.T) {
	for _, negative := range []bool{false, true} {
		tr := bmfftest.Video(30, 14).Reorder(negative)
		seen := map[int64]bool{}
		for i, s := range tr.Samples {
			pts := int64(i)*512 + int64(s.CTO)
			require.False(t, seen[pts])
			seen[pts] = true
		}
		require.Len(t, seen, 30)
	}
}
