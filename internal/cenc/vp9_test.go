package cenc_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/packager/media"
)

// superframe is frames and an index of the sizes, two bytes each (VP9, Annex B).
func superframe(sizes []int, frames ...[]byte) []byte {
	marker := byte(0xC0 | 1<<3 | (len(sizes) - 1))
	out := append(slices.Concat(frames...), marker)
	for _, n := range sizes {
		out = append(out, byte(n), byte(n>>8))
	}
	return append(out, marker)
}

// TestVP9Unowned: what stands behind a frame that is shown again, or between frames and their index, is read as a frame by
// decoders: it is refused, not left clear. Zeros are padding.
func TestVP9Unowned(t *testing.T) {
	track, samples := load(t, "vp9.ivf")
	frame := samples[0] // a key frame
	n := len(frame)
	again := []byte{0x88} // show_existing_frame of 0
	for _, c := range []struct {
		name   string
		sample []byte
		bad    bool
	}{
		{"shown again", again, false},
		{"shown again, padded", []byte{0x88, 0, 0}, false},
		{"a frame behind one shown again", slices.Concat(again, frame), true},
		{"superframe", superframe([]int{n, 1}, frame, again), false},
		{"an empty frame", superframe([]int{n, 0, 1}, frame, again), false},
		{"superframe, padded", superframe([]int{n}, frame, []byte{0, 0}), false},
		{"a frame before the index", superframe([]int{n}, frame, frame), true},
		{"a frame behind one shown again, in one", superframe([]int{1 + n}, again, frame), true},
		{"all sizes are 0", superframe([]int{0, 0}, frame), true},
		{"sizes beyond the sample", superframe([]int{n, 1}, frame), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := cenc.NewMapper(track, drm.CENC)
			require.NoError(t, err)
			_, err = m.Map(nil, frame) // something to show again
			require.NoError(t, err)
			subs, err := m.Map(nil, c.sample)
			if c.bad {
				require.ErrorIs(t, err, media.ErrFormat)
				return
			}
			require.NoError(t, err)
			require.Equal(t, len(c.sample), sum(subs))
		})
	}
}
