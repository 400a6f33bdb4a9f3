package bmff

import "sort"

// clock is the decode times of samples: sample i+1 begins where i ends. It holds stretches of equal durations, or, where
// durations vary so much that this is less, each duration and the time of every strideth sample.
type clock struct {
	n       int
	end     int64
	stretch []stretch
	each    column  // durations; n of them, or none
	marks   []int64 // times of samples 0, stride, 2·stride, where each is used
}

// stretch is samples of one duration, up to the next stretch.
type stretch struct {
	dts   int64
	first uint32 // sample
	delta uint32
}

// stride is how many samples one mark serves.
const stride = 64

func (c *clock) add(delta uint32) {
	if k := len(c.stretch); k == 0 || c.stretch[k-1].delta != delta {
		c.stretch = append(c.stretch, stretch{c.end, uint32(c.n), delta})
	}
	c.n++
	c.end += int64(delta)
}

// last is when the last sample begins.
func (c *clock) last() int64 {
	if c.n == 0 {
		return c.end
	}
	return c.end - int64(c.stretch[len(c.stretch)-1].delta)
}

// relast gives the last sample another duration.
func (c *clock) relast(delta uint32) {
	at := c.last()
	s := &c.stretch[len(c.stretch)-1]
	if s.first == uint32(c.n-1) {
		s.delta = delta
	} else {
		c.stretch = append(c.stretch, stretch{at, uint32(c.n - 1), delta})
	}
	c.end = at + int64(delta)
}

func (c *clock) compact() {
	if len(c.stretch)*16 <= c.n*4 {
		c.stretch = append(make([]stretch, 0, len(c.stretch)), c.stretch...)
		return
	}
	k := 0
	for i, dts := 0, c.start(); i < c.n; i++ {
		if k+1 < len(c.stretch) && int(c.stretch[k+1].first) == i {
			k++
		}
		if i%stride == 0 {
			c.marks = append(c.marks, dts)
		}
		c.each.add(uint64(c.stretch[k].delta))
		dts += int64(c.stretch[k].delta)
	}
	c.each.compact()
	c.stretch = nil
}

// start is when sample 0 begins.
func (c *clock) start() int64 {
	switch {
	case len(c.stretch) > 0:
		return c.stretch[0].dts
	case len(c.marks) > 0:
		return c.marks[0]
	}
	return c.end
}

// at is when sample i begins; i == n gives the end.
func (c *clock) at(i int) int64 {
	switch {
	case i >= c.n:
		return c.end
	case c.each.n == 0:
		s := c.stretch[c.find(i)]
		return s.dts + int64(i-int(s.first))*int64(s.delta)
	}
	dts := c.marks[i/stride]
	for j := i / stride * stride; j < i; j++ {
		dts += int64(c.each.at(j))
	}
	return dts
}

// find is the stretch that holds sample i.
func (c *clock) find(i int) int {
	return sort.Search(len(c.stretch), func(k int) bool { return int(c.stretch[k].first) > i }) - 1
}

// search is the first sample that begins at dts or later; n if none does.
func (c *clock) search(dts int64) int {
	if c.n == 0 || dts <= c.start() {
		return 0
	}
	if c.each.n > 0 {
		k := sort.Search(len(c.marks), func(k int) bool { return c.marks[k] >= dts }) - 1
		i, at := k*stride, c.marks[k]
		for ; i < c.n && at < dts; i++ {
			at += int64(c.each.at(i))
		}
		if at < dts {
			return c.n
		}
		return i
	}
	k := sort.Search(len(c.stretch), func(k int) bool { return c.stretch[k].dts >= dts }) - 1
	next := c.n
	if k+1 < len(c.stretch) {
		next = int(c.stretch[k+1].first)
	}
	s := c.stretch[k]
	if s.delta == 0 {
		return next
	}
	steps := (dts - s.dts + int64(s.delta) - 1) / int64(s.delta)
	return int(min(int64(s.first)+steps, int64(next)))
}

// hand walks over the durations from one sample on.
type hand struct {
	c    *clock
	i, k int
	dts  int64
}

func (c *clock) hand(i int) hand {
	h := hand{c: c, i: i, dts: c.at(i)}
	if c.each.n == 0 {
		h.k = c.find(i)
	}
	return h
}

// next is the time and duration of the sample under the hand, which moves on.
func (h *hand) next() (int64, uint32) {
	var d uint32
	if h.c.each.n > 0 {
		d = uint32(h.c.each.at(h.i))
	} else {
		if h.k+1 < len(h.c.stretch) && int(h.c.stretch[h.k+1].first) == h.i {
			h.k++
		}
		d = h.c.stretch[h.k].delta
	}
	dts := h.dts
	h.i++
	h.dts += int64(d)
	return dts, d
}

func (c *clock) bytes() int64 {
	return int64(cap(c.stretch))*16 + int64(cap(c.marks))*8 + c.each.bytes()
}
