package bmff

// column is a list of numbers, each in as few bytes as the largest needs: none where all are equal, else 1, 2, 3, 4 or 8.
type column struct {
	n     int
	width int
	first uint64 // the value of all where width is 0
	data  []byte // little endian
}

func widthOf(v uint64) int {
	switch {
	case v < 1<<8:
		return 1
	case v < 1<<16:
		return 2
	case v < 1<<24:
		return 3
	case v < 1<<32:
		return 4
	}
	return 8
}

func (c *column) add(v uint64) {
	if c.n == 0 {
		c.first = v
	}
	if c.width == 0 && v == c.first {
		c.n++
		return
	}
	if w := max(widthOf(v), widthOf(c.first)); w > c.width {
		c.widen(w)
	}
	c.put(v)
	c.n++
}

func (c *column) put(v uint64) {
	for range c.width {
		c.data = append(c.data, byte(v))
		v >>= 8
	}
}

func (c *column) widen(w int) {
	old := *c
	c.width = w
	c.data = make([]byte, 0, (c.n+c.n/4+16)*w)
	for i := range old.n {
		c.put(old.at(i))
	}
}

func (c *column) at(i int) uint64 {
	switch c.width {
	case 0:
		return c.first
	case 1:
		return uint64(c.data[i])
	case 2:
		d := c.data[2*i : 2*i+2]
		return uint64(d[0]) | uint64(d[1])<<8
	case 3:
		d := c.data[3*i : 3*i+3]
		return uint64(d[0]) | uint64(d[1])<<8 | uint64(d[2])<<16
	}
	var v uint64
	for j, d := 0, c.data[c.width*i:c.width*(i+1)]; j < len(d); j++ {
		v |= uint64(d[j]) << (8 * j)
	}
	return v
}

// compact gives back what append took too much.
func (c *column) compact() {
	if cap(c.data) > len(c.data) {
		c.data = append(make([]byte, 0, len(c.data)), c.data...)
	}
}

func (c *column) bytes() int64 { return int64(cap(c.data)) }

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
