package vod

import (
	"math"
	"sort"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/packager/media"
)

// table is a track on one clock: the file's samples in stretches, each moved as its edit says. The usual track is one
// piece and holds nothing per sample.
type table struct {
	x       *bmff.Index
	scale   int64 // ticks served for each of the file's
	zeros   bool  // the file has samples without duration
	nominal int64 // duration for a last sample that has none, ticks of the file
	pieces  []piece
	delay   int64 // greatest negative composition offset, ticks
	// what is presented, ticks
	start, end int64
}

// piece is samples [from, to) of the index. Their times are shifted, or given where an edit had to change them.
type piece struct {
	dts, end int64 // ticks served; the last sample lasts until end
	from, to int
	shift    int64 // decode time is the file's times scale plus shift
	cto      int64 // and composition offset the file's times scale less cto
	given    []times
}

// times of a sample that was moved by itself.
type times struct{ dts, cto int64 }

// at is the decode time of sample i before any shift, ticks served. Samples without duration get a tick each, which
// the sample after them lends; a last one gets the nominal duration.
func (t *table) at(i int) int64 {
	d := t.x.DTS(i)
	if !t.zeros {
		return d * t.scale
	}
	rank := int64(i - t.x.Search(d))
	if i == t.x.Len() && rank > 0 {
		return d*t.scale + rank - 1 + max(1, t.nominal*t.scale)
	}
	return d*t.scale + rank
}

// search returns the least i with at(i) >= v.
func (t *table) search(v int64) int {
	if !t.zeros {
		return t.x.Search(ceilDiv(v, t.scale))
	}
	return sort.Search(t.x.Len(), func(i int) bool { return t.at(i) >= v })
}

func ceilDiv(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// dts is the decode time of sample i of the piece.
func (t *table) dts(p *piece, i int) int64 {
	if p.given != nil {
		return p.given[i-p.from].dts
	}
	return t.at(i) + p.shift
}

// find returns the least sample of the piece that is not before v, or p.to.
func (t *table) find(p *piece, v int64) int {
	if p.given != nil {
		return p.from + sort.Search(len(p.given), func(i int) bool { return p.given[i].dts >= v })
	}
	return min(max(t.search(v-p.shift), p.from), p.to)
}

// first is the decode time of the first sample, last the end of the last one.
func (t *table) first() int64 { return t.pieces[0].dts }
func (t *table) last() int64  { return t.pieces[len(t.pieces)-1].end }

// sample is one of the table, on its clock.
type sample struct {
	media.Sample
	DTS   int64
	Entry int
	i     int // in the index
}

// each calls f for the samples with decode times in iv, in blocks so that memory stays small; f keeps nothing.
func (t *table) each(iv media.Interval, f func(*sample)) {
	var buf []bmff.Sample
	k := sort.Search(len(t.pieces), func(k int) bool { return t.pieces[k].end > iv.From })
	for ; k < len(t.pieces) && t.pieces[k].dts < iv.To; k++ {
		p := &t.pieces[k]
		from, to := t.find(p, iv.From), t.find(p, iv.To)
		for ; from < to; from += scanBlock {
			end := min(from+scanBlock, to)
			buf = t.x.Append(buf[:0], from, end)
			t.convert(p, from, buf, f)
		}
	}
}

// convert moves the samples of buf, the first of which is sample from, onto the clock.
func (t *table) convert(p *piece, from int, buf []bmff.Sample, f func(*sample)) {
	var s sample
	for j := range buf {
		i, raw := from+j, &buf[j]
		s.Sample, s.Entry, s.i = raw.Sample, int(raw.Entry), i
		var cto, next int64
		switch {
		case p.given != nil:
			s.DTS, cto = p.given[i-p.from].dts, p.given[i-p.from].cto
			if i+1 < p.to {
				next = p.given[i+1-p.from].dts
			}
		case t.zeros:
			s.DTS, next = t.at(i)+p.shift, t.at(i+1)+p.shift
			cto = (raw.DTS+int64(raw.CTO))*t.scale - p.cto + p.shift - s.DTS
		default:
			s.DTS = raw.DTS*t.scale + p.shift
			next = s.DTS + int64(raw.Duration)*t.scale
			cto = int64(raw.CTO)*t.scale - p.cto
		}
		if i+1 == p.to {
			next = p.end
		}
		s.Duration = uint32(min(next-s.DTS, math.MaxUint32))
		s.CTO = int32(min(max(cto, math.MinInt32), math.MaxInt32))
		f(&s)
	}
}

// count is the number of samples with decode times in iv.
func (t *table) count(iv media.Interval) int {
	n := 0
	k := sort.Search(len(t.pieces), func(k int) bool { return t.pieces[k].end > iv.From })
	for ; k < len(t.pieces) && t.pieces[k].dts < iv.To; k++ {
		p := &t.pieces[k]
		n += max(0, t.find(p, iv.To)-t.find(p, iv.From))
	}
	return n
}

// syncs returns the decode times of the sync samples in iv; the first sample counts as one.
func (t *table) syncs(iv media.Interval) []int64 {
	n := 1
	t.eachSync(iv, func(int64) { n++ })
	out := make([]int64, 1, n) // there may be millions: no room is made twice
	out[0] = max(iv.From, t.first())
	t.eachSync(iv, func(dts int64) {
		if dts > out[0] {
			out = append(out, dts)
		}
	})
	return out
}

// eachSync calls f for the decode times of the sync samples in iv.
func (t *table) eachSync(iv media.Interval, f func(dts int64)) {
	for k := range t.pieces {
		p := &t.pieces[k]
		from, to := t.find(p, iv.From), t.find(p, iv.To)
		for i := t.x.NextSync(from); i < to; i = t.x.NextSync(i + 1) {
			f(t.dts(p, i))
		}
	}
}

// next returns the decode time of the first sample at or after v, or the end.
func (t *table) next(v int64) int64 {
	k := sort.Search(len(t.pieces), func(k int) bool { return t.pieces[k].end > v })
	for ; k < len(t.pieces); k++ {
		if i := t.find(&t.pieces[k], v); i < t.pieces[k].to {
			return t.dts(&t.pieces[k], i)
		}
	}
	return t.last()
}

// size is the memory held besides the index, bytes.
func (t *table) size() int64 {
	n := int64(len(t.pieces)) * 96
	for i := range t.pieces {
		n += int64(len(t.pieces[i].given)) * 16
	}
	return n
}
