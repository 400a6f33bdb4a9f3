package vod

import (
	"fmt"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
)

// set is renditions that are cut together.
type set struct {
	ref   *lane
	lanes []*lane // with ref first; empty for sound alone
	sync  []int64 // at which all can be cut: source times of ref
}

// sets groups renditions whose sync samples allow common cuts with the first of a group.
func (pl *planner) sets(video []*lane) []*set {
	var sets []*set
	for _, l := range video {
		sync := l.st.table.syncs(l.iv)
		joined := false
		for _, s := range sets {
			if common, ok := pl.align(s, l, sync); ok {
				s.lanes, s.sync = append(s.lanes, l), common
				joined = true
				break
			}
		}
		if joined {
			continue
		}
		if len(sets) > 0 {
			pl.note(l.src.name, fmt.Sprintf("%s: its sync samples are not where those of %s are, so it is cut by its own and players "+
				"cannot switch to it seamlessly; encode all renditions with one fixed GOP length and without scene-cut key frames",
				l.id, sets[0].ref.src.name))
		}
		sets = append(sets, &set{ref: l, lanes: []*lane{l}, sync: sync})
	}
	return sets
}

// align returns the sync samples that l shares with the set, and whether they do: segments may become longer by half
// for it, not more.
func (pl *planner) align(s *set, l *lane, sync []int64) ([]int64, bool) {
	ref := s.ref
	tol := tolerance(ref, l)
	if len(sync) == 0 || !tol.near(s.sync[0]+ref.shift, sync[0]+l.shift) {
		return nil, false
	}
	end := media.Rescale(l.iv.To+l.shift, l.scale(), ref.scale()) - ref.shift
	common := make([]int64, 0, len(s.sync))
	k := 0
	for _, v := range s.sync {
		for k < len(sync) && !tol.near(v+ref.shift, sync[k]+l.shift) && tol.before(sync[k]+l.shift, v+ref.shift) {
			k++
		}
		if v >= end || k < len(sync) && tol.near(v+ref.shift, sync[k]+l.shift) {
			common = append(common, v) // where l has ended it does not matter
		}
	}
	d := media.Ticks(pl.plan.Segment, ref.scale())
	longest := func(sync []int64) int64 {
		cuts := media.Cuts(sync, ref.iv.To, d)
		n := ref.iv.To - cuts[len(cuts)-1]
		for i := 1; i < len(cuts); i++ {
			n = max(n, cuts[i]-cuts[i-1])
		}
		return n
	}
	return common, len(common) == len(s.sync) || longest(common)*2 <= longest(s.sync)*3
}

// clocks compares times of two lanes. Times are equal if they differ by less than a tick of the coarser clock, and by
// less than a millisecond: a clock that cannot hold a time has it rounded.
type clocks struct {
	a, b uint32
	tick media.Time
}

func tolerance(a, b *lane) clocks {
	c := clocks{a: a.scale(), b: b.scale(), tick: media.Time{Ticks: 1, Scale: 1000}}
	if coarse := min(c.a, c.b); coarse > 1000 {
		c.tick.Scale = coarse
	}
	return c
}

func (c clocks) near(a, b int64) bool {
	if c.a == c.b {
		return a == b
	}
	x, y := media.Time{Ticks: a, Scale: c.a}, media.Time{Ticks: b, Scale: c.b}
	if x.Compare(y) == 0 {
		return true
	}
	if max(c.a, c.b)%min(c.a, c.b) == 0 && min(c.a, c.b) < 1000 {
		return false // a coarse clock that frames are counted in is exact
	}
	// |a/A - b/B| < 1/tick, in ticks of a nanosecond's tenth: the difference is small or the answer is no
	const fine = 4_000_000_000
	d := media.Rescale(a, c.a, fine) - media.Rescale(b, c.b, fine)
	return max(d, -d) < fine/int64(c.tick.Scale)
}

// before reports whether b, of the second lane, is before a, of the first.
func (c clocks) before(b, a int64) bool {
	return media.Time{Ticks: b, Scale: c.b}.Compare(media.Time{Ticks: a, Scale: c.a}) < 0
}

// grid is the boundaries of a set's segments: presentation times, ticks of scale. Slot k lies between cuts k and k+1;
// the first reaches back to where media start and the last to where they end.
type grid struct {
	set   *set
	scale uint32
	cuts  []int64
}

// newGrid cuts the set. Sound that begins a segment's length before the picture, or goes on half of one after it, gets
// boundaries in the same rhythm.
func newGrid(s *set, lanes []*lane, want time.Duration) *grid {
	ref := s.ref
	g := &grid{set: s, scale: ref.scale()}
	d := media.Ticks(want, g.scale)
	for _, c := range media.Cuts(s.sync, ref.iv.To, d) {
		g.cuts = append(g.cuts, c+ref.shift)
	}
	if n := len(g.cuts); n > 2 {
		d = g.cuts[1] - g.cuts[0] // the rhythm that the GOPs gave
	}
	d = max(1, d)
	first, last := g.cuts[0], g.cuts[len(g.cuts)-1]
	earliest, latest, shown := first, last, first
	for _, l := range lanes {
		earliest = min(earliest, l.from().In(g.scale))
		latest = max(latest, l.to().In(g.scale))
		if l.track.Kind == media.Video || len(s.lanes) == 0 && l == ref {
			shown = max(shown, l.to().In(g.scale))
		}
	}
	const most = 1 << 20 // slots beyond the picture
	if n := (first - earliest - 1) / d; n > 0 && n < most {
		cuts := make([]int64, 0, int(n)+len(g.cuts))
		for k := n; k > 0; k-- {
			cuts = append(cuts, first-k*d)
		}
		g.cuts = append(cuts, g.cuts...)
	}
	for b := last + max(1, ceilDiv(shown-last, d))*d; latest-b >= d/2 && latest-b < most*d; b += d {
		g.cuts = append(g.cuts, b)
	}
	return g
}

// columns cuts a lane at its first samples at or after the boundaries; nil where it has none. Slots before its first
// sample and after its last are left out; one within that holds no sample is a gap.
func (g *grid) columns(l *lane, first uint64) *columns {
	tab := l.st.table
	var back int64 // how much before a boundary a sync sample of the set's other clocks may be
	if l.track.Kind == media.Video && l != g.set.ref && l.scale() != g.scale {
		back = int64(l.scale()) / int64(max(1000, min(g.scale, l.scale())))
	}
	want := make([]int64, len(g.cuts)) // source time
	at := make([]int64, len(g.cuts)+1)
	for k, c := range g.cuts {
		want[k] = media.RescaleUp(c, g.scale, l.scale()) - l.shift
		at[k] = min(max(tab.next(want[k]-back), l.iv.From), l.iv.To)
	}
	at[0], at[len(g.cuts)] = l.iv.From, l.iv.To
	lo, hi := 0, len(g.cuts)
	for lo < hi && at[lo+1] <= at[lo] {
		lo++
	}
	for hi > lo && at[hi-1] >= at[hi] {
		hi--
	}
	if lo == hi {
		return nil
	}
	for k := lo + 1; k < hi; k++ {
		if at[k] == at[k+1] {
			at[k] = want[k]
		}
	}
	c := &columns{source: l.src, track: l.track, shift: l.shift, first: first + uint64(lo), at: at[lo : hi+1]}
	c.measure(tab)
	return c
}

// columns are the segments of a rendition.
type columns struct {
	source *Source
	track  *media.Track
	shift  int64 // presentation less source time
	first  uint64
	chunk  int64
	last   bool
	at     []int64 // source times of the boundaries, one more than segments
	bytes  []int64 // payload before each boundary
	counts []int32 // samples before each boundary
}

// measure adds up sizes and numbers of samples.
func (c *columns) measure(tab *table) {
	c.bytes, c.counts = make([]int64, len(c.at)), make([]int32, len(c.at))
	k := 0
	tab.each(media.Interval{From: c.at[0], To: c.at[len(c.at)-1]}, func(s *sample) {
		for s.DTS >= c.at[k+1] {
			k++
			c.bytes[k+1], c.counts[k+1] = c.bytes[k], c.counts[k]
		}
		c.bytes[k+1] += int64(s.Size)
		c.counts[k+1]++
	})
}

func (c *columns) Len() int { return len(c.at) - 1 }

func (c *columns) At(i int) media.Segment {
	n := int(c.counts[i+1] - c.counts[i])
	return media.Segment{
		Span: media.Span{
			Source: c.source, Track: c.track, Media: media.Interval{From: c.at[i], To: c.at[i+1]}, Start: c.at[i] + c.shift,
			Duration: c.at[i+1] - c.at[i], Bytes: c.bytes[i+1] - c.bytes[i], Samples: n, Chunk: c.chunk,
		},
		Number: c.first + uint64(i), Gap: n == 0, Last: c.last && i == c.Len()-1,
	}
}

func (c *columns) longest() time.Duration {
	var d int64
	for i := range c.Len() {
		d = max(d, c.at[i+1]-c.at[i])
	}
	return media.Duration(d, c.track.Timescale)
}

func (c *columns) size() int64 { return 256 + int64(len(c.at))*20 }
