package vod

import (
	"bytes"
	"fmt"
	"math"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/packager/media"
)

// facts are what one pass over a track's samples tells. Times are the file's.
type facts struct {
	cto0           int64 // composition offset of the first sync sample
	minCTO, maxCTO int64
	minPTS, end    int64 // first composition time, and the last with its duration
	syncs          int
	leading        bool  // pictures after a sync sample come before it in presentation
	zeros          int64 // most samples without duration in a row
	// spread is how many ticks the file's tick must be split into so that each sample of zero duration can have one
	spread  int64
	nominal int64 // most common duration; 0: none
	rate    media.Ratio
	entries []change // where the sample description changes; the first at sample 0
}

// change says that samples from sample on have that description.
type change struct {
	sample int
	entry  int
}

const (
	scanBlock = 4096
	// maxChanges bounds the sample descriptions that follow one another: each is a Period.
	maxChanges = 1000
	// maxTime bounds the times of a file, ticks: sums and products of a few of them stay in int64.
	maxTime = 1 << 54
	// maxSamples bounds what is planned at once: 77 hours at 60 frames a second. Tables of a few bytes can claim a sample
	// for each byte of a file.
	maxSamples = 1 << 24
)

// scan reads all samples once.
func scan(t *bmff.Track) (*facts, error) {
	x := t.Index
	if x.Len() > maxSamples {
		return nil, fmt.Errorf("its %d samples are more than %d: %w", x.Len(), maxSamples, media.ErrUnsupported)
	}
	f := &facts{minCTO: math.MaxInt64, maxCTO: math.MinInt64, minPTS: math.MaxInt64, end: math.MinInt64, spread: 1}
	if end := x.DTS(x.Len()); x.DTS(0) < -maxTime || end > maxTime {
		return nil, fmt.Errorf("its times reach %d ticks of 1/%d s: %w", end, t.Timescale, media.ErrUnsupported)
	}
	var (
		buf     []bmff.Sample
		lengths durations
		same          = canonical(t)
		sync    int64 = math.MinInt64 // composition time of the last sync sample
		zeroRun int64
	)
	for from := 0; from < x.Len(); from += scanBlock {
		buf = x.Append(buf[:0], from, min(from+scanBlock, x.Len()))
		for i := range buf {
			s := &buf[i]
			cto := int64(s.CTO)
			pts := s.DTS + cto
			if s.Flags.Sync() {
				if f.syncs == 0 {
					f.cto0 = cto
				}
				f.syncs++
				sync = pts
			} else if pts < sync {
				f.leading = true
			}
			f.minCTO, f.maxCTO = min(f.minCTO, cto), max(f.maxCTO, cto)
			f.minPTS, f.end = min(f.minPTS, pts), max(f.end, pts+int64(s.Duration))
			if s.Duration == 0 {
				zeroRun++
				f.zeros = max(f.zeros, zeroRun)
			} else {
				f.spread = max(f.spread, zeroRun/int64(s.Duration)+1)
				zeroRun = 0
				lengths.add(s.Duration)
			}
			if e := same(int(s.Entry)); len(f.entries) == 0 || f.entries[len(f.entries)-1].entry != e {
				if f.entries = append(f.entries, change{from + i, e}); len(f.entries) > maxChanges {
					return nil, fmt.Errorf("its sample description changes more than %d times: %w", maxChanges, media.ErrUnsupported)
				}
			}
		}
	}
	if f.syncs == 0 {
		f.cto0 = int64(x.Append(buf[:0], 0, 1)[0].CTO)
	}
	if lengths.n == 0 && x.Len() > 1 {
		return nil, fmt.Errorf("all of its %d samples have no duration: %w", x.Len(), media.ErrFormat)
	}
	if f.spread > 1 && f.spread*int64(t.Timescale) > math.MaxUint32 {
		return nil, fmt.Errorf("more samples without duration than the next sample has time for (14496-12, 8.6.1.2): %w", media.ErrFormat)
	}
	f.nominal = int64(lengths.common())
	f.rate = lengths.rate(t.Timescale)
	return f, nil
}

// canonical maps a sample description to the first that is equal to it, but for how its samples are encrypted: those of a
// clear lead differ in that alone.
func canonical(t *bmff.Track) func(int) int {
	first := make([]int, len(t.Entries))
	schemes := map[string]bool{}
	for i := range t.Entries {
		if p := protection(t, i); p != nil {
			schemes[p.Scheme] = true
		}
	}
	for i := range t.Entries {
		first[i] = i
		for j := range i {
			if bytes.Equal(entryOf(t, i), entryOf(t, j)) && (len(schemes) < 2 || scheme(t, i) == scheme(t, j)) {
				first[i] = j
				break
			}
		}
	}
	return func(i int) int {
		if i < 0 || i >= len(first) {
			return i
		}
		return first[i]
	}
}

// protection is how the samples of a description are encrypted; nil: they are clear.
func protection(t *bmff.Track, i int) *bmff.Protection {
	if i < len(t.Protections) {
		return t.Protections[i]
	}
	return nil
}

// entryOf is a sample description in its clear form.
func entryOf(t *bmff.Track, i int) []byte {
	if p := protection(t, i); p != nil {
		return p.Entry
	}
	return t.Entries[i]
}

func scheme(t *bmff.Track, i int) string {
	if p := protection(t, i); p != nil {
		return p.Scheme
	}
	return ""
}

// durations counts how often the first few dozen different durations occur.
type durations struct {
	n     int64
	count map[uint32]int64
}

func (d *durations) add(v uint32) {
	d.n++
	if d.count == nil {
		d.count = map[uint32]int64{}
	}
	if _, ok := d.count[v]; ok || len(d.count) < 64 {
		d.count[v]++
	}
}

// common is the most common duration, the shortest of those as common.
func (d *durations) common() uint32 {
	var best uint32
	for v, n := range d.count {
		if b := d.count[best]; n > b || n == b && v < best {
			best = v
		}
	}
	return best
}

// nominalRates are those that a clock too coarse for them is taken to mean.
var nominalRates = [...]media.Ratio{{Num: 24000, Den: 1001}, {Num: 24, Den: 1}, {Num: 25, Den: 1}, {Num: 30000, Den: 1001},
	{Num: 30, Den: 1}, {Num: 48, Den: 1}, {Num: 50, Den: 1}, {Num: 60000, Den: 1001}, {Num: 60, Den: 1}, {Num: 100, Den: 1},
	{Num: 120000, Den: 1001}, {Num: 120, Den: 1}, {Num: 15, Den: 1}, {Num: 15000, Den: 1001}, {Num: 12, Den: 1}, {Num: 10, Den: 1}}

// rate is the frame rate: the timescale over the most common duration, exactly. Where frames are a tick longer or
// shorter than that, the clock is too coarse for the rate, and it is the mean of those frames, or the nominal rate
// within 0.1 per cent of it.
func (d *durations) rate(timescale uint32) media.Ratio {
	c := d.common()
	if c == 0 || d.n < 2 {
		return media.Ratio{}
	}
	frames, ticks := d.count[c], d.count[c]*int64(c)
	for _, v := range []uint32{c - 1, c + 1} {
		if n := d.count[v]; v != 0 && n*20 > d.count[c] {
			frames += n
			ticks += n * int64(v)
		}
	}
	if frames == d.count[c] {
		return reduced(int64(timescale), int64(c))
	}
	mean := float64(timescale) * float64(frames) / float64(ticks)
	best, off := media.Ratio{}, 0.001
	for _, r := range nominalRates {
		if o := math.Abs(mean*float64(r.Den)/float64(r.Num) - 1); o < off {
			best, off = r, o
		}
	}
	if best.Num != 0 {
		return best
	}
	return reduced(int64(math.Round(mean*1000)), 1000)
}

func reduced(num, den int64) media.Ratio {
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	if num/a > math.MaxUint32 || den/a > math.MaxUint32 {
		return media.Ratio{}
	}
	return media.Ratio{Num: uint32(num / a), Den: uint32(den / a)}
}
