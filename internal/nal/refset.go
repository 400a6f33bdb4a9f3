package nal

import (
	"fmt"
	mathbits "math/bits"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// maxRefs is the most pictures of a reference picture set (23008-2, A.4.2: MaxDpbSize).
const maxRefs = 16

// refSet is a short-term reference picture set (23008-2, 7.4.8): NumNegativePics pictures before the current one, nearest
// first, and NumPositivePics after it.
type refSet struct {
	before, after uint8
	delta         [maxRefs]int32 // of picture order count
	used          uint32         // by the current picture: a bit for each delta
}

func (s *refSet) len() int { return int(s.before) + int(s.after) }

// inUse is the number of pictures that the current one refers to.
func (s *refSet) inUse() int { return mathbits.OnesCount32(s.used) }

func (s *refSet) add(delta int32, used bool) error {
	n := s.len()
	if n == maxRefs {
		return fmt.Errorf("a reference picture set of more than %d pictures: %w", maxRefs, media.ErrFormat)
	}
	if s.delta[n] = delta; used {
		s.used |= 1 << n
	}
	if delta < 0 {
		s.before++
	} else {
		s.after++
	}
	return nil
}

// codes are the readers of parameter sets and of slice headers.
type codes interface {
	U(n int) uint32
	Flag() bool
	UE() uint32
}

// parse follows st_ref_pic_set (23008-2, 7.3.7) of the set after sets; last is true in a slice header, where any of them
// may be the one that it is predicted from.
func (s *refSet) parse(r codes, sets []refSet, last bool) error {
	*s = refSet{}
	if len(sets) > 0 && r.Flag() { // inter_ref_pic_set_prediction_flag
		back := uint32(0)
		if last {
			back = r.UE() // delta_idx_minus1
		}
		if back >= uint32(len(sets)) {
			return fmt.Errorf("a reference picture set predicted from %d before %d: %w", uint64(back)+1, len(sets), media.ErrFormat)
		}
		return s.predict(r, &sets[len(sets)-1-int(back)])
	}
	n := [2]uint32{r.UE(), r.UE()}
	if n[0] > maxRefs || n[1] > maxRefs || n[0]+n[1] > maxRefs {
		return fmt.Errorf("a reference picture set of %d and %d, at most %d are allowed: %w", n[0], n[1], maxRefs, media.ErrFormat)
	}
	for i, sign := range [2]int32{-1, 1} {
		delta := int32(0)
		for range n[i] {
			step := r.UE()
			if step >= 1<<15 {
				return fmt.Errorf("delta_poc_minus1 %d, at most 2^15-1 is allowed: %w", step, media.ErrFormat)
			}
			delta += sign * int32(step+1)
			if err := s.add(delta, r.Flag()); err != nil {
				return err
			}
		}
	}
	return nil
}

// predict makes the set from another one (23008-2, 7-61 and 7-62).
func (s *refSet) predict(r codes, from *refSet) error {
	negative, size := r.Flag(), r.UE()
	if size >= 1<<15 {
		return fmt.Errorf("abs_delta_rps_minus1 %d, at most 2^15-1 is allowed: %w", size, media.ErrFormat)
	}
	shift := int32(size) + 1
	if negative {
		shift = -shift
	}
	var used, kept [maxRefs + 1]bool // of the pictures of from, and of itself
	n := from.len()
	for i := range n + 1 {
		if used[i] = r.Flag(); used[i] {
			kept[i] = true
		} else {
			kept[i] = r.Flag() // use_delta_flag
		}
	}
	take := func(i int, sign int32) error {
		delta := shift
		if i < n {
			delta += from.delta[i]
		}
		if !kept[i] || delta*sign <= 0 {
			return nil
		}
		return s.add(delta, used[i])
	}
	first := int(from.before)
	var err error
	// From the nearest on: before the current picture those that were after it come first, in reverse, then from itself.
	for i := n - 1; i >= first && err == nil; i-- {
		err = take(i, -1)
	}
	if err == nil {
		err = take(n, -1)
	}
	for i := 0; i < first && err == nil; i++ {
		err = take(i, -1)
	}
	for i := first - 1; i >= 0 && err == nil; i-- {
		err = take(i, 1)
	}
	if err == nil {
		err = take(n, 1)
	}
	for i := first; i < n && err == nil; i++ {
		err = take(i, 1)
	}
	return err
}

// referenceSets reads those of a sequence parameter set.
func (s *SPS) referenceSets(r *bits.Reader) error {
	n := r.UE()
	if n > 64 {
		return fmt.Errorf("%d short-term reference picture sets, at most 64 are allowed: %w", n, media.ErrFormat)
	}
	for range n {
		var set refSet
		if err := set.parse(r, s.refSets, false); err != nil {
			return err
		}
		if r.Over() {
			return check(r)
		}
		s.refSets = append(s.refSets, set)
	}
	return nil
}
