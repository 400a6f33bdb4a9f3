package bmff

import (
	"encoding/binary"
	"slices"

	"github.com/mezzomedia/mezzo/packager/media"
)

// coming is where a sidx or mfra says that fragments begin. It is a hint to an Object that can fetch ahead, so that the walk
// does not wait for each moof; fragments are found by their own boxes all the same.
type coming struct {
	at     []int64 // ascending; those not reached yet
	warmed int     // so many of them were asked for
	asked  bool    // there was an index, or mfra was looked for
}

// sidx notes the references of one (14496-12, 8.16.3), unless it cannot be true.
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
	*c = coming{at: list, asked: true}
}

// mfra notes the fragments behind at of an mfra at the end of the file (14496-12, 8.8.9), where no sidx was met.
func (c *coming) mfra(src *source, at int64) {
	if _, ok := src.obj.(media.Warmer); !ok || c.asked {
		return
	}
	c.asked = true
	const mfro = 16
	if src.size < mfro {
		return
	}
	tail, err := src.bytes(src.size-mfro, mfro)
	if err != nil || string(tail[4:8]) != "mfro" {
		return
	}
	size := int64(binary.BigEndian.Uint32(tail[12:]))
	if size < 8+mfro || size > src.size/2 {
		return
	}
	body, err := src.bytes(src.size-size+8, size-8)
	if err != nil {
		return
	}
	t := (&box{typ: "mfra", body: body, off: -1}).child("tfra")
	if t == nil {
		return
	}
	f := fields{b: t.body}
	version, _ := f.full()
	f.u32() // track
	lengths := f.u32()
	rest := int(lengths>>4&3+lengths>>2&3+lengths&3) + 3 // numbers of traf, trun and sample
	width := 4 << min(version, 1)
	n := int64(f.u32())
	if f.short || n*int64(2*width+rest) > int64(len(f.b)) {
		return
	}
	for range n {
		off := uint64(0)
		if f.take(width); width == 8 {
			off = f.u64()
		} else {
			off = uint64(f.u32())
		}
		f.take(rest)
		if off > uint64(at) && off < uint64(src.size) {
			c.at = append(c.at, int64(off))
		}
	}
	slices.Sort(c.at)
	c.at = slices.Compact(c.at)
}

// reach says that a box begins at the offset, and asks for what comes soon.
func (c *coming) reach(src *source, at int64) {
	if len(c.at) == 0 || c.at[0] > at {
		return
	}
	if c.at[0] < at { // no box began there: the sidx is of another file
		*c = coming{asked: true}
		return
	}
	c.at, c.warmed = c.at[1:], max(0, c.warmed-1)
	for w := src.obj.(media.Warmer); c.warmed < min(look, len(c.at)); c.warmed++ {
		w.Warm(c.at[c.warmed], max(block, src.usual))
	}
}
