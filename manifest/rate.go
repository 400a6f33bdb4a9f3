package manifest

import (
	"math/bits"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Rate is what it takes to fetch a rendition, bits per second, container included. Both are at least 1.
type Rate struct {
	Peak    int64 // highest of any run of consecutive segments that is about as long as the target duration
	Average int64 // of all there is
}

// Longest is the duration of the longest segment among the offers, rounded up to the microsecond.
func Longest(tl *media.Timeline, offers []Offer) time.Duration {
	var longest time.Duration
	for _, p := range tl.Periods {
		for i := range offers {
			r, ok := p.Rendition(offers[i].Rendition)
			if !ok {
				continue
			}
			var ticks int64
			for k := range r.Segments.Len() {
				ticks = max(ticks, r.Segments.At(k).Duration)
			}
			us := media.RescaleUp(ticks, r.Track.Timescale, 1e6)
			longest = max(longest, time.Duration(min(us, int64(1)<<53))*time.Microsecond)
		}
	}
	return longest
}

// Measure returns the bit rates of a rendition as the offer carries it. The peak is taken as RFC 8216bis (4.4.6.2) asks:
// over every run of consecutive segments that lasts between half and one and a half times target, so that a short tail
// counts with what precedes it and not alone. A segment lasts as long as it is listed: the first of a Period from the
// Period's start, so that what precedes that (audio priming) is fetched in no time.
func Measure(tl *media.Timeline, o Offer, target time.Duration) Rate {
	var all block
	var peak int64
	var run []block
	flush := func() {
		peak = max(peak, peakOf(run, target.Microseconds()))
		run = run[:0]
	}
	for _, p := range tl.Periods {
		r, ok := p.Rendition(o.Rendition)
		if !ok {
			continue
		}
		m := newMeter(p, r, &o)
		for i := range r.Segments.Len() {
			s := r.Segments.At(i)
			if s.Gap {
				flush() // nothing is fetched: what lies around it is not contiguous
				continue
			}
			length := s.Duration
			if i == 0 {
				length = listed(p, &s, target)
			}
			b := block{us: media.RescaleUp(length, r.Track.Timescale, 1e6), bytes: m.size(s)}
			run = append(run, b)
			all.add(b)
		}
	}
	flush()
	rate := Rate{Average: max(1, all.rate())}
	rate.Peak = max(rate.Average, peak)
	return rate
}

// listed is how long the first segment of a Period lasts in manifests, ticks: from the Period's start, unless the track
// begins so late that a gap is listed.
func listed(p *media.Period, s *media.Segment, target time.Duration) int64 {
	from := p.Start.In(s.Track.Timescale)
	late := media.Duration(s.Start-from, s.Track.Timescale)
	if end := s.Start + s.Duration; end > from && late <= target/2 {
		return end - from
	}
	return s.Duration
}

// block is a stretch of media: microseconds and bytes.
type block struct{ us, bytes int64 }

func (b *block) add(c block) { b.us += c.us; b.bytes += c.bytes }

// rate is in bits per second, rounded up.
func (b block) rate() int64 {
	if b.us <= 0 || b.bytes <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(b.bytes), 8e6)
	lo, carry := bits.Add64(lo, uint64(b.us)-1, 0)
	if hi += carry; hi >= uint64(b.us) {
		return 1 << 62
	}
	q, _ := bits.Div64(hi, lo, uint64(b.us))
	return int64(min(q, 1<<62))
}

// peakOf is the highest rate of any run of blocks that lasts between half and one and a half times target, microseconds.
// Tiny blocks are first taken together, which bounds the number of runs.
func peakOf(run []block, target int64) int64 {
	merged := make([]block, 0, len(run))
	for _, b := range run {
		if n := len(merged); n > 0 && merged[n-1].us < target/16 {
			merged[n-1].add(b)
		} else {
			merged = append(merged, b)
		}
	}
	lo, hi := target/2, target+target/2
	var peak int64
	for i := range merged {
		var sum block
		for _, b := range merged[i:] {
			sum.add(b)
			if sum.us > hi {
				break
			}
			if sum.us >= lo {
				peak = max(peak, sum.rate())
			}
		}
	}
	return peak
}

// meter sizes the segments of one rendition, with what is multiplexed into them.
type meter struct {
	with  []*media.Rendition
	of    func(spans ...media.Span) int64
	spans []media.Span
}

func newMeter(p *media.Period, r *media.Rendition, o *Offer) *meter {
	m := &meter{of: o.Size}
	for _, id := range o.With {
		if w, ok := p.Rendition(id); ok && w != r {
			m.with = append(m.with, w)
		}
	}
	if m.of == nil {
		m.of = payload
	}
	return m
}

func (m *meter) size(s media.Segment) int64 {
	m.spans = append(m.spans[:0], s.Span)
	for _, w := range m.with {
		if ws, ok := media.ByNumber(w.Segments, s.Number); ok && !ws.Gap {
			m.spans = append(m.spans, ws.Span)
		}
	}
	return m.of(m.spans...)
}

func payload(spans ...media.Span) int64 {
	var n int64
	for i := range spans {
		n += spans[i].Bytes
	}
	return n
}
