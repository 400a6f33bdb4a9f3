package nal

// escaped reads the bits of a unit through its emulation prevention bytes, where it lies: what is not asked for is not
// touched, and the place in the unit stays known. Like bits.Reader it never fails in the middle: past the end it yields
// zeros and remembers it.
type escaped struct {
	p     []byte
	at    int // bytes of p consumed, those half read and emulation prevention included
	zeros int // zero bytes just before at
	cur   uint8
	left  int // bits of cur not read
	over  bool
}

// next takes a byte. An emulation prevention byte is passed over with the byte after it, not with the one before: a header
// that ends before one doesn't own it.
func (r *escaped) next() bool {
	if r.zeros >= 2 && r.at < len(r.p) && r.p[r.at] == 3 {
		r.at, r.zeros = r.at+1, 0
	}
	if r.at >= len(r.p) {
		r.over = true
		return false
	}
	r.cur, r.left = r.p[r.at], 8
	if r.at++; r.cur == 0 {
		r.zeros++
	} else {
		r.zeros = 0
	}
	return true
}

// U reads n bits, at most 32.
func (r *escaped) U(n int) uint32 {
	var v uint64
	for n > 0 {
		if r.left == 0 && !r.next() {
			return 0
		}
		take := min(n, r.left)
		v = v<<take | uint64(r.cur>>(r.left-take))&(1<<take-1)
		r.left, n = r.left-take, n-take
	}
	return uint32(v)
}

// Flag reads one bit.
func (r *escaped) Flag() bool { return r.U(1) == 1 }

// Skip passes over n bits.
func (r *escaped) Skip(n int) {
	for ; n > 32 && !r.over; n -= 32 {
		r.U(32)
	}
	r.U(n)
}

// UE reads an unsigned Exp-Golomb code (14496-10, 9.1).
func (r *escaped) UE() uint32 {
	zeros := 0
	for !r.Flag() {
		if zeros++; zeros > 31 || r.over {
			r.over = true
			return 0
		}
	}
	return uint32(uint64(1)<<zeros - 1 + uint64(r.U(zeros)))
}

// sliceReader reads a slice header, and keeps what the next one may depend on. It is part of Sets, not made for each slice:
// it goes through an interface, so it would be allocated.
type sliceReader struct {
	escaped
	partitioned bool   // there was a slice data partition A (H.264)
	pps         uint32 // of partition A
	set         refSet // of the slice that is read (HEVC)
}

func (r *sliceReader) begin(unit []byte, at int) *escaped {
	r.escaped = escaped{p: unit, at: at}
	return &r.escaped
}

func (r *sliceReader) forget() { *r = sliceReader{} }
