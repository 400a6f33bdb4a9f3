package bits

// Writer appends bits to a byte slice; the last byte is filled up with zeros. The zero value is ready.
type Writer struct {
	p    []byte
	free int // bits of the last byte that are not written
}

// U appends the low n bits of v, at most 32.
func (w *Writer) U(v uint32, n int) {
	for n > 0 {
		if w.free == 0 {
			w.p, w.free = append(w.p, 0), 8
		}
		take := min(n, w.free)
		bits := byte(v >> (n - take) & (1<<take - 1))
		w.p[len(w.p)-1] |= bits << (w.free - take)
		w.free, n = w.free-take, n-take
	}
}

// Align fills the last byte with zeros.
func (w *Writer) Align() { w.free = 0 }

// Bytes is what was written. The Writer keeps it.
func (w *Writer) Bytes() []byte { return w.p }
