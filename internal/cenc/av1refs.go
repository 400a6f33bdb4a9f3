package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// distance is get_relative_dist (AV1, 5.9.3): how much later a is than b.
func (s *av1Sequence) distance(a, b uint32) int {
	if !s.orderHints {
		return 0
	}
	diff := int(a) - int(b)
	m := 1 << (s.orderBits - 1)
	return diff&(m-1) - diff&m
}

// Places in ref_frame_idx.
const (
	refLast = iota
	refLast2
	refLast3
	refGolden
	refBackward
	refAlt2
	refAlt
)

// inferReferences follows set_frame_refs (AV1, 7.8).
func (r *av1Reader) inferReferences(last, gold uint32) error {
	const none = 0xFF
	for i := range r.idx {
		r.idx[i] = none
	}
	r.idx[refLast], r.idx[refGolden] = last, gold
	var used [8]bool
	used[last], used[gold] = true, true
	var distance [8]int // from the current frame
	for i, ref := range r.refs {
		if !ref.known {
			return fmt.Errorf("it refers to a frame that was not sent: %w", media.ErrFormat)
		}
		distance[i] = r.seq.distance(ref.order, r.frame.order)
	}
	// pick takes the latest or the earliest of the unused frames on one side; of equal ones the last latest and the first
	// earliest.
	pick := func(place int, after, latest bool) {
		best := -1
		for i, d := range distance {
			if used[i] || (d >= 0) != after {
				continue
			}
			if best < 0 || latest && d >= distance[best] || !latest && d < distance[best] {
				best = i
			}
		}
		if best >= 0 {
			r.idx[place], used[best] = uint32(best), true
		}
	}
	pick(refAlt, true, true)
	pick(refBackward, true, false)
	pick(refAlt2, true, false)
	for _, place := range [...]int{refLast2, refLast3, refBackward, refAlt2, refAlt} {
		if r.idx[place] == none {
			pick(place, false, true)
		}
	}
	earliest := 0
	for i, d := range distance {
		if d < distance[earliest] {
			earliest = i
		}
	}
	for i := range r.idx {
		if r.idx[i] == none {
			r.idx[i] = uint32(earliest)
		}
	}
	return nil
}

// skipModeAllowed follows skip_mode_params (AV1, 5.9.22): two references before, or one before and one after.
func (r *av1Reader) skipModeAllowed() bool {
	if r.intra() || !r.compound || !r.seq.orderHints {
		return false
	}
	var before, after, second uint32
	hasBefore, hasAfter, hasSecond := false, false, false
	for _, i := range r.idx {
		order := r.refs[i].order
		switch d := r.seq.distance(order, r.frame.order); {
		case d < 0 && (!hasBefore || r.seq.distance(order, before) > 0):
			before, hasBefore = order, true
		case d > 0 && (!hasAfter || r.seq.distance(order, after) < 0):
			after, hasAfter = order, true
		}
	}
	if !hasBefore || hasAfter {
		return hasBefore
	}
	for _, i := range r.idx {
		order := r.refs[i].order
		if r.seq.distance(order, before) < 0 && (!hasSecond || r.seq.distance(order, second) > 0) {
			second, hasSecond = order, true
		}
	}
	return hasSecond
}
