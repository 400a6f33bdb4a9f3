package bmff

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"

	"github.com/mezzomedia/mezzo/packager/media"
)

// box is a box whose bytes are held. Its body is a part of its parent's.
type box struct {
	typ    string
	body   []byte
	off    int64 // of the box in the object; -1: inflated
	head   int   // bytes of its header
	parent *box
	nth    int // among those of its type in parent
}

// path is where the box stands: moov/trak[1]/mdia.
func (b *box) path() string {
	if b == nil {
		return ""
	}
	p := b.typ
	if b.nth > 0 || b.typ == "trak" || b.typ == "traf" || b.typ == "moof" {
		p += "[" + strconv.Itoa(b.nth) + "]"
	}
	if b.parent != nil {
		p = b.parent.path() + "/" + p
	}
	return p
}

// errorf is a *media.FormatError at b. The name of the file is added by Open.
func (b *box) errorf(format string, args ...any) error {
	return &media.FormatError{Path: b.path(), Offset: b.off, Err: fmt.Errorf(format, args...)}
}

// badBox is a child whose header cannot be true.
const badBox = ""

// children are the boxes in b from byte skip of its body. A header that cannot be true ends them with a box of type
// badBox, whose body begins with that header. Fewer than 8 bytes at the end are no box (QuickTime ends lists with four
// zeros).
func (b *box) children(skip int) iter.Seq[*box] {
	return func(yield func(*box) bool) {
		seen := map[string]int{}
		for at := skip; len(b.body)-at >= 8; {
			rest := b.body[at:]
			c := &box{typ: string(rest[4:8]), head: 8, parent: b, off: -1}
			if b.off >= 0 {
				c.off = b.off + int64(b.head+at)
			}
			size := uint64(binary.BigEndian.Uint32(rest))
			switch {
			case size == 0 && c.typ == "\x00\x00\x00\x00":
				return
			case size == 0: // to the end (14496-12, 4.2)
				size = uint64(len(rest))
			case size == 1 && len(rest) >= 16:
				size, c.head = binary.BigEndian.Uint64(rest[8:]), 16
			}
			if size < uint64(c.head) || size > uint64(len(rest)) {
				c.typ, c.body = badBox, rest
				yield(c)
				return
			}
			c.body = rest[c.head:size]
			c.nth = seen[c.typ]
			seen[c.typ]++
			if !yield(c) {
				return
			}
			at += int(size)
		}
	}
}

// child is the first child of the type, or nil.
func (b *box) child(typ string) *box {
	if b == nil {
		return nil
	}
	for c := range b.children(0) {
		if c.typ == typ {
			return c
		}
	}
	return nil
}

// fields reads numbers off the front of a box body. Past its end it gives zeros and says so in short.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n > len(f.b) {
		f.b, f.short = nil, true
		return make([]byte, n)
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

func (f *fields) u16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return binary.BigEndian.Uint64(f.take(8)) }

// full is the version and flags of a full box.
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xffffff
}

// entries is the number of entries of a table, each of the size, after version and flags; and the bytes of it. It fails
// if they are not there.
func (b *box) entries(size int) (int, []byte, error) {
	f := fields{b: b.body}
	f.full()
	n := int64(f.u32())
	if f.short || n*int64(size) > int64(len(f.b)) {
		return 0, nil, b.errorf("%d entries of %d bytes do not fit into %d bytes: %w", n, size, len(f.b), media.ErrFormat)
	}
	return int(n), f.b[:int(n)*size], nil
}
