package media

import (
	"cmp"
	"math"
	"math/bits"
	"time"
)

// Rescale converts the absolute time v from ticks of one timescale to another: floor(v * to / from), exact to 128 bits.
// It saturates at the ends of int64. A zero from gives 0.
func Rescale(v int64, from, to uint32) int64 {
	if from == to || from == 0 {
		if from == 0 {
			return 0
		}
		return v
	}
	neg := v < 0
	u := uint64(v)
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(to))
	if hi >= uint64(from) {
		if neg {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	q, r := bits.Div64(hi, lo, uint64(from))
	switch {
	case !neg && q > math.MaxInt64:
		return math.MaxInt64
	case !neg:
		return int64(q)
	case q > math.MaxInt64:
		return math.MinInt64
	case r != 0:
		return -int64(q) - 1
	}
	return -int64(q)
}

// RescaleUp is Rescale with the result rounded up: the least tick not before v.
func RescaleUp(v int64, from, to uint32) int64 { return -Rescale(-v, from, to) }

// RescaleNearest is Rescale with the result rounded to the nearest tick, the later of two that are as near. It is how times
// are written into formats with a clock of their own.
func RescaleNearest(v int64, from, to uint32) int64 {
	if hi, n := bits.Mul64(uint64(v), uint64(to)); v >= 0 && hi == 0 && n < 1<<62 && from > 0 { // nearly always
		return int64((n + uint64(from)/2) / uint64(from))
	}
	down := Rescale(v, from, to)
	if from == 0 || down == math.MaxInt64 || down == math.MinInt64 {
		return down
	}
	// what was cut off, v*to - down*from, lies in [0, from): 64 bits hold it though not its parts
	if cut := uint64(v)*uint64(to) - uint64(down)*uint64(from); 2*cut >= uint64(from) {
		down++
	}
	return down
}

// Time is an exact instant: Ticks of 1/Scale second. A zero Scale is time zero.
type Time struct {
	Ticks int64
	Scale uint32
}

// In returns t in ticks of the timescale, rounded down.
func (t Time) In(scale uint32) int64 { return Rescale(t.Ticks, t.Scale, scale) }

// Seconds is t for display and for settings, never for positions.
func (t Time) Seconds() float64 {
	if t.Scale == 0 {
		return 0
	}
	return float64(t.Ticks) / float64(t.Scale)
}

// Compare returns -1, 0 or 1 as t is before, at or after u, exactly.
func (t Time) Compare(u Time) int {
	if t.Scale == 0 {
		t = Time{0, 1}
	}
	if u.Scale == 0 {
		u = Time{0, 1}
	}
	if t.Scale == u.Scale {
		return cmp.Compare(t.Ticks, u.Ticks)
	}
	// t.Ticks*u.Scale against u.Ticks*t.Scale: 96 bits and a sign
	if (t.Ticks < 0) != (u.Ticks < 0) {
		return cmp.Compare(t.Ticks, u.Ticks)
	}
	ah, al := bits.Mul64(abs64(t.Ticks), uint64(u.Scale))
	bh, bl := bits.Mul64(abs64(u.Ticks), uint64(t.Scale))
	c := 0
	switch {
	case ah != bh:
		c = 1
		if ah < bh {
			c = -1
		}
	case al != bl:
		c = 1
		if al < bl {
			c = -1
		}
	}
	if t.Ticks < 0 {
		c = -c
	}
	return c
}

// Ticks returns d in ticks of the timescale, rounded to the nearest. Durations are settings and bounds, not positions.
func Ticks(d time.Duration, scale uint32) int64 {
	const half = int64(time.Second / 2)
	hi, lo := bits.Mul64(abs64(int64(d)), uint64(scale))
	lo, carry := bits.Add64(lo, uint64(half), 0)
	hi += carry
	if hi >= uint64(time.Second) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(time.Second))
	if d < 0 {
		return -int64(q)
	}
	return int64(q)
}

// Duration returns ticks of the timescale as a duration, rounded up to the nanosecond: a bound.
func Duration(ticks int64, scale uint32) time.Duration {
	return time.Duration(RescaleUp(ticks, scale, uint32(time.Second)))
}

func abs64(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
