package media_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

func TestRescale(t *testing.T) {
	for _, c := range []struct {
		name     string
		v        int64
		from, to uint32
		want     int64
	}{
		{"same scale", 7, 90000, 90000, 7},
		{"floor", 1001, 30000, 90000, 3003},
		{"floor of a fraction", 1, 48000, 90000, 1},
		{"floor of a negative fraction", -1, 48000, 90000, -2},
		{"nothing is rounded twice", 1024 * 168750, 48000, 90000, 324000000},
		{"beyond 64 bits on the way", math.MaxInt64 / 90000, 10_000_000, 10_000_000 - 1, 102481901066784},
		{"saturates", math.MaxInt64, 1, 90000, math.MaxInt64},
		{"saturates below", math.MinInt64, 1, 90000, math.MinInt64},
		{"least value", math.MinInt64, 2, 1, math.MinInt64 / 2},
		{"zero timescale", 5, 0, 90000, 0},
		{"to zero", 5, 90000, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := media.Rescale(c.v, c.from, c.to)
			if c.name == "beyond 64 bits on the way" {
				require.Equal(t, bigRescale(c.v, c.from, c.to), got)
				return
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestRescaleNearest(t *testing.T) {
	for _, c := range []struct {
		v        int64
		from, to uint32
		want     int64
	}{
		{1024, 44100, 90000, 2090}, {-1024, 44100, 90000, -2090}, {1, 48000, 90000, 2}, {-1, 48000, 90000, -2},
		{1, 2, 1, 1}, {-1, 2, 1, 0}, {1<<31 - 1, math.MaxUint32, math.MaxUint32, 1<<31 - 1}, {1, 3, 1, 0}, {-1, 3, 1, 0}, {7, 90000, 90000, 7}, {5, 0, 90000, 0}, {5, 90000, 0, 0},
		{math.MaxInt64, 1, 90000, math.MaxInt64}, {math.MinInt64, 1, 90000, math.MinInt64},
		{math.MaxInt64, math.MaxUint32, math.MaxUint32 - 1, math.MaxInt64 - 1<<31},
	} {
		require.Equal(t, c.want, media.RescaleNearest(c.v, c.from, c.to), "%+v", c)
	}
}

func bigRescale(v int64, from, to uint32) int64 {
	n := new(big.Int).Mul(big.NewInt(v), big.NewInt(int64(to)))
	q, m := new(big.Int).DivMod(n, big.NewInt(int64(from)), new(big.Int))
	_ = m
	return q.Int64()
}

// Against math/big, which nobody here wrote.
func TestRescaleAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		v := r.Int64N(1<<52) - 1<<51
		if i%2 == 0 {
			v = r.Int64N(1 << 32)
		}
		from, to := r.Uint32N(1<<24)+1, r.Uint32N(1<<24)+1
		want := new(big.Int).Mul(big.NewInt(v), big.NewInt(int64(to)))
		want.Div(want, big.NewInt(int64(from))) // Euclidean: floor for positive divisors
		if !want.IsInt64() {
			continue
		}
		require.Equal(t, want.Int64(), media.Rescale(v, from, to), "%d from %d to %d", v, from, to)
		up := media.RescaleUp(v, from, to)
		require.LessOrEqual(t, want.Int64(), up)
		require.LessOrEqual(t, up-want.Int64(), int64(1))
		twice := new(big.Int).Mul(big.NewInt(v), big.NewInt(2*int64(to)))
		twice.Add(twice, big.NewInt(int64(from))).Div(twice, big.NewInt(2*int64(from))) // floor(v*to/from + 1/2)
		require.Equal(t, twice.Int64(), media.RescaleNearest(v, from, to), "%d from %d to %d", v, from, to)
	}
}

// B21: milliseconds in 32 bits end after 24.8 days, and B19: ticks of nanoseconds end after 4 s.
func TestB19B21LongTimes(t *testing.T) {
	const year = 365 * 24 * 3600
	require.Equal(t, int64(year)*90000, media.Rescale(year*1_000_000_000, 1_000_000_000, 90000))
	require.Equal(t, int64(year)*1_000_000_000, media.Rescale(year*90000, 90000, 1_000_000_000))
}

// B20: times of different timescales are compared exactly.
func TestB20TimeCompare(t *testing.T) {
	third := media.Time{Ticks: 1, Scale: 3}
	for _, c := range []struct {
		a, b media.Time
		want int
	}{
		{media.Time{Ticks: 1001, Scale: 30000}, media.Time{Ticks: 3003, Scale: 90000}, 0},
		{third, media.Time{Ticks: 333333333, Scale: 1000000000}, 1},
		{third, media.Time{Ticks: 333333334, Scale: 1000000000}, -1},
		{media.Time{}, media.Time{Ticks: 0, Scale: 7}, 0},
		{media.Time{Ticks: -1, Scale: 3}, media.Time{}, -1},
		{media.Time{Ticks: -1, Scale: 3}, media.Time{Ticks: -2, Scale: 6}, 0},
		{media.Time{Ticks: -1, Scale: 3}, media.Time{Ticks: -333333334, Scale: 1000000000}, 1},
		{media.Time{Ticks: math.MaxInt64, Scale: 1}, media.Time{Ticks: math.MaxInt64, Scale: 2}, 1},
	} {
		require.Equal(t, c.want, c.a.Compare(c.b), "%v %v", c.a, c.b)
		require.Equal(t, -c.want, c.b.Compare(c.a), "%v %v", c.b, c.a)
	}
}

func TestTicks(t *testing.T) {
	require.Equal(t, int64(540000), media.Ticks(6*time.Second, 90000))
	require.Equal(t, int64(44), media.Ticks(time.Millisecond, 44100))
	require.Equal(t, int64(-44), media.Ticks(-time.Millisecond, 44100))
	require.Equal(t, int64(math.MaxInt64), media.Ticks(math.MaxInt64, math.MaxUint32))
	require.Equal(t, 33366667*time.Nanosecond, media.Duration(1001, 30000))
}
