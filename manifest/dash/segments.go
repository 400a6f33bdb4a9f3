package dash

import (
	"bytes"
	"math/bits"
	"strconv"

	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// template is the SegmentTemplate of a rendition: its segments without gaps at either end, which are not listed.
func (w *writer) template(p *stretch, l listed) *segmentTemplate {
	first, n := trim(l.Segments)
	scale, start := int64(l.Track.Timescale), int64(l.Segments.At(first).Number)
	t := &segmentTemplate{SegmentTemplate: mpd.SegmentTemplate{
		Timescale:   &scale,
		StartNumber: &start,
		Initialization: text(w.links.Template(manifest.Ref{
			Kind: manifest.Init, Version: w.tl.Version, Rendition: l.ID, Period: p.period.ID, Key: l.init,
		})),
		Media: text(w.links.Template(manifest.Ref{
			Kind: manifest.Segment, Version: w.tl.Version, Rendition: l.ID, Ext: l.offer.Extension(),
		})),
	}}
	offset := p.start.In(l.Track.Timescale)
	if offset > 0 {
		pto := uint64(offset)
		t.PresentationTimeOffset = &pto
	}
	if w.numbered {
		length := media.RescaleUp(p.to-p.from, 1e9, l.Track.Timescale) // as it is printed
		if d, ok := regular(l.Segments, first, n, offset, length); ok {
			end := uint64(start) + uint64(n) - 1
			t.Duration, t.EndNumber = &d, &end
			return t
		}
	}
	t.SegmentTimeline = &timeline{appendTimeline(nil, l.Segments, first, n)}
	return t
}

// equal reports whether both say the same.
func (t *segmentTemplate) equal(u *segmentTemplate) bool {
	if t == u {
		return true
	}
	same := *t.Timescale == *u.Timescale && *t.StartNumber == *u.StartNumber && *t.Media == *u.Media &&
		*t.Initialization == *u.Initialization && value(t.PresentationTimeOffset) == value(u.PresentationTimeOffset) &&
		value(t.Duration) == value(u.Duration) && value(t.EndNumber) == value(u.EndNumber)
	if !same || t.SegmentTimeline == nil || u.SegmentTimeline == nil {
		return same && t.SegmentTimeline == u.SegmentTimeline
	}
	return bytes.Equal(t.SegmentTimeline.S, u.SegmentTimeline.S)
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// trim is the index of the first segment that is no gap, and the number up to the last.
func trim(s media.Segments) (first, n int) {
	last := s.Len() - 1
	for first < last && s.At(first).Gap {
		first++
	}
	for last > first && s.At(last).Gap {
		last--
	}
	return first, last - first + 1
}

// appendTimeline appends S elements (23009-1, 5.3.9.6), one a line, equal ones by @r. @t is written first and wherever
// a segment does not start where the one before ended. One that reaches into the next ends there: S may not overlap.
func appendTimeline(b []byte, list media.Segments, first, n int) []byte {
	s := list.At(first)
	var t, d, at int64 // of the pending S; at is where the next is expected
	repeat, explicit := int64(-1), true
	flush := func() {
		if repeat < 0 {
			return
		}
		b = append(b, "\n<S"...)
		if explicit {
			b = strconv.AppendInt(append(b, ` t="`...), t, 10)
			b = append(b, '"')
		}
		b = strconv.AppendInt(append(b, ` d="`...), d, 10)
		if repeat > 0 {
			b = strconv.AppendInt(append(b, `" r="`...), repeat, 10)
		}
		b = append(b, `"/>`...)
	}
	for i := range n {
		start, length := s.Start, s.Duration
		if i+1 < n {
			s = list.At(first + i + 1)
			length = max(1, min(length, s.Start-start))
		}
		if repeat >= 0 && start == at && length == d {
			repeat++
		} else {
			flush()
			explicit = repeat < 0 || start != at
			t, d, repeat = start, length, 0
		}
		at = start + length
	}
	flush()
	return b
}

// regular returns the @duration under which a player finds each segment by counting: offset is where the Period starts
// and length how long it is, ticks. It fails if no duration gives the right number of segments, or if one of them starts
// half a duration or more from where it is expected.
func regular(list media.Segments, first, n int, offset, length int64) (int64, bool) {
	if n < 2 || length < int64(n) {
		return max(1, length), n == 1 && length > 0
	}
	lastStart := list.At(first + n - 1).Start
	d := (lastStart - list.At(first).Start + int64(n-1)/2) / int64(n-1)
	// ceil(length/d) is the number of segments that a player expects
	least, most := (length+int64(n)-1)/int64(n), (length-1)/int64(n-1)
	if d = min(max(d, least), most); d < least || d < 1 {
		return 0, false
	}
	for i := range n {
		s := list.At(first + i)
		off := s.Start - offset - int64(i)*d
		if s.Gap || 2*off >= d || 2*off <= -d {
			return 0, false
		}
	}
	return d, true
}

// aligned reports whether the segments of all members start and end together (23009-1, 5.3.3.2): equal numbers at equal
// times, to the tick of the coarser timescale.
func (s *set) aligned() bool {
	a := s.members[0]
	for _, b := range s.members[1:] {
		if a.Segments.Len() != b.Segments.Len() {
			return false
		}
		for i := range a.Segments.Len() {
			x, y := a.Segments.At(i), b.Segments.At(i)
			if x.Number != y.Number || !together(x.Start, a.Track.Timescale, y.Start, b.Track.Timescale) {
				return false
			}
		}
	}
	return true
}

func together(x int64, xs uint32, y int64, ys uint32) bool {
	if xs == ys {
		return x == y
	}
	// |x/xs - y/ys| < 1/min(xs, ys)
	hx, lx := bits.Mul64(uint64(max(0, x)), uint64(ys))
	hy, ly := bits.Mul64(uint64(max(0, y)), uint64(xs))
	if hx < hy || hx == hy && lx < ly {
		hx, lx, hy, ly = hy, ly, hx, lx
	}
	lo, borrow := bits.Sub64(lx, ly, 0)
	hi, _ := bits.Sub64(hx, hy, borrow)
	return hi == 0 && lo < uint64(max(xs, ys))
}
