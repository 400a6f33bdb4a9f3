package cmaf

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

const sencSubsamples = 2 // flag of senc

// auxiliary is the auxiliary information of the samples of a fragment (23001-7, 7): where their IVs and subsamples come
// from, and how much they take up. The zero value: the samples are clear.
type auxiliary struct {
	input  *packager.Input
	cover  *cover // nil: Run.Aux has it
	signal signal
	on     bool
	split  bool  // some sample has subsamples, so that all say how many
	size   int64 // bytes of all samples
	each   int   // of one sample; -1: they differ
	wide   bool  // of some sample they are too many for saiz
}

// of is the IV and the subsamples of sample i of the run, which is number n of the segment and decoded at dts.
func (a *auxiliary) of(r *media.Run, i, n int, dts int64) (iv [16]byte, subs []media.Subsample) {
	switch {
	case a.cover == nil && len(r.Aux) == 0: // constant IV, whole samples
		return iv, nil
	case a.cover == nil:
		return r.Aux[i].IV, r.Aux[i].Subsamples
	case a.signal.ivSize == 0:
		copy(iv[:], a.signal.constant)
		return iv, a.cover.of(n)
	}
	return a.input.Protect.IV(dts), a.cover.of(n)
}

// measure finds the sizes for the samples of f.
func (a *auxiliary) measure(f *fragment) error {
	a.each = -1
	for pass := range 2 { // whether there are subsamples decides the size of each
		a.size, a.wide = 0, false
		first := true
		for r, w := range f.spans(a.input.Runs) {
			for i := w.from; i < w.to; i++ {
				_, subs := a.of(r, i, f.index+w.before+i-w.from, 0)
				if len(subs) > 0 {
					a.split = true
				}
				if pass == 0 {
					continue
				}
				if err := checkSubsamples(subs, r.Samples[i].Size); err != nil {
					return sampleError(&r.Samples[i], err)
				}
				n := a.sample(subs, r.Samples[i].Size)
				switch {
				case first:
					a.each, first = n, false
				case n != a.each:
					a.each = -1
				}
				a.wide = a.wide || n > math.MaxUint8
				a.size += int64(n)
			}
		}
	}
	if a.size > math.MaxUint32/2 {
		return fmt.Errorf("auxiliary information of %d bytes in a fragment: %w", a.size, media.ErrFormat)
	}
	return nil
}

// checkSubsamples refuses what senc cannot hold: clear stretches and numbers of them beyond 16 bits, and those that are not
// the sample's.
func checkSubsamples(subs []media.Subsample, size uint32) error {
	if len(subs) == 0 {
		return nil
	}
	sum := int64(0)
	for _, s := range subs {
		if s.Clear > math.MaxUint16 {
			return fmt.Errorf("%d clear bytes in one subsample (23001-7, 7.2): %w", s.Clear, media.ErrFormat)
		}
		sum += int64(s.Clear) + int64(s.Protected)
	}
	if sum != int64(size) || len(subs) > math.MaxUint16 {
		return fmt.Errorf("%d subsamples of %d bytes in a sample of %d (23001-7, 9.5): %w", len(subs), sum, size, media.ErrFormat)
	}
	return nil
}

// sample is how many bytes one sample takes up.
func (a *auxiliary) sample(subs []media.Subsample, size uint32) int {
	n := a.signal.ivSize
	if a.split {
		n += 2 + 6*len(subs)
		if len(subs) == 0 && size > 0 {
			n += 6 // one, and all of it protected
		}
	}
	return n
}

func (a *auxiliary) sencSize() int64 {
	if !a.on {
		return 0
	}
	return 16 + a.size
}

// indexed tells whether saiz and saio are written: not where there is nothing they could point to, or sizes are too large
// for them; senc says it all.
func (a *auxiliary) indexed() bool { return a.on && a.size > 0 && !a.wide }

func (a *auxiliary) indexSize(samples int) int64 {
	if !a.indexed() {
		return 0
	}
	n := int64(17 + 20)
	if a.each < 0 {
		n += int64(samples)
	}
	return n
}

// senc writes the auxiliary information, and saiz and saio, which say where it is for those who do not know senc. moof is
// where in head the moof begins.
func (w *writer) senc(f *fragment, moof int) {
	a := &f.aux
	if !a.on {
		return
	}
	flags := uint32(0)
	if a.split {
		flags = sencSubsamples
	}
	w.full(a.sencSize(), "senc", 0, flags)
	w.u32(uint32(f.samples))
	offset := len(w.head) - moof
	dts := f.dts
	for r, p := range f.spans(a.input.Runs) {
		for i := p.from; i < p.to; i++ {
			s := &r.Samples[i]
			iv, subs := a.of(r, i, f.index+p.before+i-p.from, dts)
			w.head = append(w.head, iv[:a.signal.ivSize]...)
			if a.split {
				w.subsamples(subs, s.Size)
			}
			dts += int64(s.Duration)
		}
	}
	if a.indexed() {
		w.saiz(f)
		w.full(20, "saio", 0, 0)
		w.u32(1, uint32(offset)) // from the moof on, as tfhd has default-base-is-moof
	}
}

func (w *writer) subsamples(subs []media.Subsample, size uint32) {
	b := w.head
	if len(subs) == 0 && size > 0 {
		b = binary.BigEndian.AppendUint16(b, 1)
		b = binary.BigEndian.AppendUint16(b, 0)
		w.head = binary.BigEndian.AppendUint32(b, size)
		return
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(subs)))
	for _, s := range subs {
		b = binary.BigEndian.AppendUint16(b, uint16(s.Clear))
		b = binary.BigEndian.AppendUint32(b, s.Protected)
	}
	w.head = b
}

func (w *writer) saiz(f *fragment) {
	a := &f.aux
	if a.each >= 0 {
		w.full(17, "saiz", 0, 0)
		w.head = append(w.head, byte(a.each))
		w.u32(uint32(f.samples))
		return
	}
	w.full(17+int64(f.samples), "saiz", 0, 0)
	w.head = append(w.head, 0)
	w.u32(uint32(f.samples))
	for r, p := range f.spans(a.input.Runs) {
		for i := p.from; i < p.to; i++ {
			_, subs := a.of(r, i, f.index+p.before+i-p.from, 0)
			w.head = append(w.head, byte(a.sample(subs, r.Samples[i].Size)))
		}
	}
}
