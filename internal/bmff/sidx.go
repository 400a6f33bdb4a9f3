package bmff

import "github.com/mezzomedia/mezzo/packager/media"

// coming is where a sidx (14496-12, 8.16.3) says that fragments begin. It is a hint to an Object that can fetch ahead, so
// that the walk does not wait for each moof; fragments are found by their own boxes all the same.
type coming struct {
	at     []int64 // ascending; those not reached yet
	warmed int     // so many of them were asked for
}

// sidx notes the references of one, unless it cannot be true.
func (c *coming) sidx(src *source, at, size, head int64) {
	if _, ok := src.obj.(media.Warmer); !ok || len(c.at) > 0 || size > src.size/2 {
		return
	}
	body, err := src.bytes(at+head, size-head)
	if err != nil {
		return // whoever needs the bytes will say so
	}
	f := fields{b: body}
	version, _ := f.full()
	f.take(8 + 4<<min(version, 1)) // track, timescale, first time
	off := at + size
	if version == 0 {
		off += int64(f.u32())
	} else {
		off += int64(min(f.u64(), 1<<62))
	}
	n := int(f.u32() & 0xffff)
	if f.short || 12*n > len(f.b) {
		return
	}
	list := make([]int64, 0, n)
	for range n {
		length := int64(f.u32() & 0x7fffffff) // the first bit: a sidx stands there, and the walk will meet it
		f.take(8)
		if off < 0 || length == 0 || length > src.size-off {
			return
		}
		list = append(list, off)
		off += length
	}
	*c = coming{at: list}
}

// reach says that a box begins at the offset, and asks for what comes soon.
func (c *coming) reach(src *source, at int64) {
	if len(c.at) == 0 || c.at[0] > at {
		return
	}
	if c.at[0] < at { // no box began there: the sidx is of another file
		*c = coming{}
		return
	}
	c.at, c.warmed = c.at[1:], max(0, c.warmed-1)
	for w := src.obj.(media.Warmer); c.warmed < min(look, len(c.at)); c.warmed++ {
		w.Warm(c.at[c.warmed], max(block, src.usual))
	}
}
