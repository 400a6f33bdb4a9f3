// Package bits reads and writes bit fields, most significant bit first, with the Exp-Golomb codes of H.264 and HEVC.
//
//	r := bits.NewReader(payload)
//	profile, level := r.U(8), r.U(8)
//	if r.Over() { ... }
//
// A Reader never fails in the middle: past the end it yields zeros and remembers it, so that a parser is a list of
// fields with one check at the end. Loops need a bound of their own.
package bits

// Reader reads the bits of a byte slice. The zero value is empty.
type Reader struct {
	p    []byte
	pos  int // bits read
	over bool
}

// NewReader reads p from its first bit. It keeps p.
func NewReader(p []byte) *Reader { return &Reader{p: p} }

// Pos is the number of bits read.
func (r *Reader) Pos() int { return r.pos }

// Left is the number of bits not read.
func (r *Reader) Left() int { return len(r.p)*8 - r.pos }

// Over reports whether more was asked for than there was, or a code was longer than any may be.
func (r *Reader) Over() bool { return r.over }

// U reads n bits, at most 32.
func (r *Reader) U(n int) uint32 {
	if n > r.Left() {
		r.over, r.pos = true, len(r.p)*8
		return 0
	}
	var v uint64
	for n > 0 {
		free := 8 - r.pos&7
		take := min(n, free)
		v = v<<take | uint64(r.p[r.pos>>3]>>(free-take))&(1<<take-1)
		r.pos, n = r.pos+take, n-take
	}
	return uint32(v)
}

// Flag reads one bit.
func (r *Reader) Flag() bool { return r.U(1) == 1 }

// Skip passes over n bits.
func (r *Reader) Skip(n int) {
	if n < 0 || n > r.Left() {
		r.over, r.pos = true, len(r.p)*8
		return
	}
	r.pos += n
}

// Align moves to the next byte boundary.
func (r *Reader) Align() { r.pos = (r.pos + 7) &^ 7 }

// UE reads an unsigned Exp-Golomb code (H.264, 9.1), at most 2^32-2.
func (r *Reader) UE() uint32 {
	zeros := 0
	for !r.Flag() {
		if zeros++; zeros > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return uint32(uint64(1)<<zeros - 1 + uint64(r.U(zeros)))
}

// SE reads a signed Exp-Golomb code (H.264, 9.1.1).
func (r *Reader) SE() int32 {
	v := r.UE()
	if v&1 == 1 {
		return int32(v/2 + 1)
	}
	return -int32(v / 2)
}
