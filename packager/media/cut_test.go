package media_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

func TestCuts(t *testing.T) {
	every := func(step int64, n int) (s []int64) {
		for i := range n {
			s = append(s, int64(i)*step)
		}
		return s
	}
	for _, c := range []struct {
		name string
		sync []int64
		end  int64
		d    int64
		want []int64
	}{
		{"nothing", nil, 0, 6, nil},
		{"one sync sample", []int64{5}, 9, 6, []int64{5}},
		{"GOP divides", every(2, 7), 14, 6, []int64{0, 6, 12}},
		{"2.002 s GOPs give 6.006 s", every(2002, 10), 20020, 6000, []int64{0, 6006, 12012, 18018}},
		{"GOP longer than the target", every(8, 4), 32, 4, []int64{0, 8, 16, 24}},
		{"GOP 8, target 10", every(8, 4), 32, 10, []int64{0, 8, 16, 24}},
		{"GOP 8, target 12 is nearer to 16", every(8, 5), 40, 12, []int64{0, 16, 32}},
		{"late start", []int64{100, 102, 104, 106}, 108, 4, []int64{100, 104}},
		{"irregular: nearest", []int64{0, 5, 7, 11, 13, 20, 40}, 44, 6, []int64{0, 5, 11, 20, 40}},
		{"irregular: earlier of two", []int64{0, 4, 8, 11}, 17, 6, []int64{0, 4, 11}},
		{"a gap of hours and a tick for a target", []int64{0, 1, 1 << 50}, 1<<50 + 1, 1, []int64{0, 1, 1 << 50}},
		{"two boundaries never fall on one sample", []int64{0, 100, 101}, 110, 10, []int64{0, 100}},
		{"no boundary at the end", every(2, 4), 8, 4, []int64{0, 4}},
		{"a short tail joins what is before it", []int64{0, 6, 12, 13}, 14, 6, []int64{0, 6, 12}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, media.Cuts(c.sync, c.end, c.d)) })
	}
}
