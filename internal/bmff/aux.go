package bmff

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/mezzomedia/mezzo/packager/media"
)

// auxTable is where the auxiliary information of encrypted samples lies: IVs and subsamples (23001-7, 7). It holds sizes
// and places, not the information.
type auxTable struct {
	size  column
	runs  []auxRun
	marks []int64 // where samples 0, stride, 2·stride have it
	end   int64   // of the last
	total int64
}

// auxRun says that from sample first on it lies at off, one after the other.
type auxRun struct {
	off   int64
	first uint32
}

// pad makes room up to sample i, without information.
func (a *auxTable) pad(i int) {
	for a.size.n < i {
		a.size.add(0)
	}
}

// run says that the next sample has its information at off.
func (a *auxTable) run(i int, off int64) {
	if len(a.runs) == 0 || off != a.end {
		a.runs = append(a.runs, auxRun{off, uint32(i)})
	}
	a.end = off
}

func (a *auxTable) add(size int) {
	a.size.add(uint64(size))
	a.end += int64(size)
	a.total += int64(size)
}

// finish makes a table of n samples.
func (a *auxTable) finish(n int) {
	if len(a.runs) == 0 {
		*a = auxTable{}
		return
	}
	a.pad(n)
	a.size.compact()
	a.runs = append([]auxRun(nil), a.runs...)
	a.marks = make([]int64, 0, (n+stride-1)/stride)
	k, off := 0, a.runs[0].off
	for i := range n {
		if k < len(a.runs) && int(a.runs[k].first) == i {
			off = a.runs[k].off
			k++
		}
		if i%stride == 0 {
			a.marks = append(a.marks, off)
		}
		off += int64(a.size.at(i))
	}
}

// at is where sample i has its information, and the next sample from which on it lies elsewhere.
func (a *auxTable) at(i int) (off int64, next int) {
	k := sort.Search(len(a.runs), func(k int) bool { return int(a.runs[k].first) > i })
	next = a.size.n
	if k < len(a.runs) {
		next = int(a.runs[k].first)
	}
	from := i / stride * stride
	off = a.marks[i/stride]
	if k > 0 && int(a.runs[k-1].first) > from {
		from, off = int(a.runs[k-1].first), a.runs[k-1].off
	}
	for ; from < i; from++ {
		off += int64(a.size.at(from))
	}
	return off, next
}

func (a *auxTable) bytes() int64 {
	return a.size.bytes() + int64(cap(a.runs))*16 + int64(cap(a.marks))*8
}

// boxes of one stbl or traf that hold auxiliary information or say where it is.
type auxBoxes struct {
	senc       *box
	body       []byte // of senc, from the number of samples on
	at         int64  // of body in the file
	subsamples bool
	override   *media.Crypt // by a PIFF senc

	saiz, saio *box
	sizes      fields // of saiz, after the count
	each       uint8
	count      uint32
}

// auxiliary finds the boxes.
func (p *parser) auxiliary(pr *Protection, s *secret) (*auxBoxes, error) {
	a := &auxBoxes{}
	for _, c := range s.boxes {
		switch c.typ {
		case "senc", "uuid":
			if err := a.readSenc(pr, c); err != nil {
				return nil, err
			}
		case "saiz":
			if a.saiz == nil && ofCommon(c) {
				a.saiz = c
			}
		case "saio":
			if a.saio == nil && ofCommon(c) {
				a.saio = c
			}
		}
	}
	if a.saiz == nil {
		return a, nil
	}
	f := auxType(a.saiz)
	a.each, a.count = f.take(1)[0], f.u32()
	a.sizes = f
	switch {
	case f.short || a.each == 0 && uint64(a.count) > uint64(len(f.b)):
		return nil, a.saiz.errorf("sizes of %d samples do not fit into %d bytes (14496-12, 8.7.8): %w", a.count, len(a.saiz.body), media.ErrFormat)
	case uint64(a.count) > uint64(s.total):
		return nil, a.saiz.errorf("sizes of %d samples of %d (14496-12, 8.7.8): %w", a.count, s.total, media.ErrFormat)
	}
	return a, nil
}

// ofCommon reports whether a saiz or saio is about Common Encryption: it says so, or nothing (23001-7, 7.1).
func ofCommon(b *box) bool {
	f := fields{b: b.body}
	_, flags := f.full()
	typ := string(f.take(4))
	return flags&1 == 0 || common(typ) || typ == "piff"
}

// auxType passes over version, flags and type.
func auxType(b *box) fields {
	f := fields{b: b.body}
	if _, flags := f.full(); flags&1 != 0 {
		f.take(8)
	}
	return f
}

// readSenc reads the head of a senc (23001-7, 7.2), or of the uuid box that PIFF has for it (PIFF 1.1, 5.3.2).
func (a *auxBoxes) readSenc(pr *Protection, b *box) error {
	body, own := b.body, 0
	if b.typ == "uuid" {
		var ok bool
		if body, ok = b.uuid(piffSenc); !ok {
			return nil
		}
		own = 16
	}
	if a.senc != nil {
		if a.senc.typ == b.typ {
			return b.errorf("a second one in the same place (23001-7, 7.2): %w", media.ErrFormat)
		}
		if b.typ == "uuid" { // the same again, for players of PIFF
			return nil
		}
	}
	if b.off < 0 {
		return b.errorf("in a compressed movie: %w", media.ErrUnsupported)
	}
	f := fields{b: body}
	version, flags := f.full()
	if version > 0 {
		return b.errorf("version %d: %w", version, media.ErrUnsupported)
	}
	a.override = nil
	if flags&1 != 0 {
		c, err := pr.piff(b, &f)
		if err != nil {
			return err
		}
		if c == nil {
			return b.errorf("samples of an encrypted track declared clear: %w", media.ErrUnsupported)
		}
		if c.Scheme != pr.Scheme {
			return b.errorf("samples of %s in a track of %s: %w", c.Scheme, pr.Scheme, media.ErrUnsupported)
		}
		a.override = c
	}
	if len(f.b) < 4 {
		return b.errorf("%d bytes are too few (23001-7, 7.2): %w", len(b.body), media.ErrFormat)
	}
	a.senc, a.body, a.subsamples = b, f.b, flags&2 != 0
	a.at = b.off + int64(b.head+own+len(body)-len(f.b))
	return nil
}

// places notes where the information of each sample lies.
func (p *parser) places(b *builder, s *secret, a *auxBoxes) error {
	x := &b.x.aux
	var err error
	switch {
	case b.len() == s.from:
		return nil
	case a.senc != nil:
		err = a.walk(b, s)
	case a.saiz != nil && a.saio != nil:
		err = p.offsets(b, s, a)
	case a.saiz != nil && !b.secrecy.needs(s.from, b.len()):
	case a.saiz != nil:
		return a.saiz.errorf("sizes of auxiliary information, and neither saio nor senc tells where it is (14496-12, 8.7.9): %w", media.ErrFormat)
	}
	if err != nil {
		return err
	}
	if x.total > p.src.size {
		return s.errorf("auxiliary information of %d bytes in a file of %d: %w", x.total, p.src.size, media.ErrFormat)
	}
	for i := s.from; i < b.len(); i++ {
		if c := b.secrecy.at(i); c != nil && c.IVSize > 0 && (i >= x.size.n || x.size.at(i) == 0) {
			return s.errorf("sample %d has no initialization vector: neither senc nor saiz and saio give one (23001-7, 7.1): %w", i+1, media.ErrFormat)
		}
	}
	return nil
}

// needs reports whether some of the samples have an IV of their own.
func (s *secrecy) needs(from, to int) bool {
	for i := from; i < to; i++ {
		if c := s.at(i); c != nil && c.IVSize > 0 {
			return true
		}
	}
	return false
}

func (s *secret) errorf(format string, args ...any) error {
	b := &box{typ: "traf", off: -1}
	if len(s.boxes) > 0 && s.boxes[0].parent != nil {
		b = s.boxes[0].parent
	}
	return b.errorf(format, args...)
}

// walk goes over the entries of senc.
func (a *auxBoxes) walk(b *builder, s *secret) error {
	n := int64(binary.BigEndian.Uint32(a.body))
	if n != int64(s.total) {
		return a.senc.errorf("it has %d samples, the boxes around it %d (23001-7, 7.2): %w", n, s.total, media.ErrFormat)
	}
	x := &b.x.aux
	x.pad(s.from)
	x.run(s.from, a.at+4)
	rest := a.body[4:]
	for i := s.from; i < b.len(); i++ {
		c := b.secrecy.at(i)
		size := 0
		if c != nil {
			size = c.IVSize
		}
		if a.subsamples {
			if len(rest) < size+2 {
				return a.short(i, c)
			}
			size += 2 + 6*int(binary.BigEndian.Uint16(rest[size:]))
		}
		if size > len(rest) {
			return a.short(i, c)
		}
		if _, err := entries(c, rest[:size], b.x.size.at(i)); err != nil {
			return a.senc.errorf("sample %d: %w", i+1, err)
		}
		if k := i - s.from; a.saiz != nil && a.size(k) != size {
			return a.senc.errorf("sample %d has %d bytes, saiz says %d (14496-12, 8.7.8): %w", i+1, size, a.size(k), media.ErrFormat)
		}
		x.add(size)
		rest = rest[size:]
	}
	if len(rest) > 0 && b.len()-s.from == s.total {
		return a.senc.errorf("%d bytes are left after %d samples%s (23001-7, 7.2): %w", len(rest), n, a.hint(b.secrecy.at(s.from)), media.ErrFormat)
	}
	return nil
}

// hint says what the reader went by, since the other of the two may be the one that is wrong.
func (a *auxBoxes) hint(c *media.Crypt) string {
	switch {
	case c == nil:
		return " that are clear"
	case c.IVSize == 8:
		return " with IVs of 8 bytes, as tenc says"
	case c.IVSize == 16:
		return " with IVs of 16 bytes, as tenc says"
	}
	return " with a constant IV, as tenc says"
}

func (a *auxBoxes) short(i int, c *media.Crypt) error {
	return a.senc.errorf("it ends within sample %d of those%s (23001-7, 7.2): %w", i+1, a.hint(c), media.ErrFormat)
}

// size is what saiz says of the kth sample of the box.
func (a *auxBoxes) size(k int) int {
	switch {
	case k >= int(a.count):
		return 0
	case a.each > 0:
		return int(a.each)
	}
	return int(a.sizes.b[k])
}

// offsets reads saio (14496-12, 8.7.9): one place for all samples, or one for each chunk or trun.
func (p *parser) offsets(b *builder, s *secret, a *auxBoxes) error {
	f := auxType(a.saio)
	width := 4
	if a.saio.body[0] > 0 {
		width = 8
	}
	n := int64(f.u32())
	switch {
	case f.short || n*int64(width) > int64(len(f.b)):
		return a.saio.errorf("%d places do not fit into %d bytes: %w", n, len(a.saio.body), media.ErrFormat)
	case n != 1 && n != int64(len(s.runs)):
		return a.saio.errorf("%d places for %d chunks or runs (14496-12, 8.7.9): %w", n, len(s.runs), media.ErrFormat)
	}
	place := func(k int) int64 {
		if width == 4 {
			return s.base + int64(binary.BigEndian.Uint32(f.b[4*k:]))
		}
		return s.base + int64(min(binary.BigEndian.Uint64(f.b[8*k:]), math.MaxInt64/2))
	}
	x := &b.x.aux
	x.pad(s.from)
	next := 0
	for i := s.from; i < b.len(); i++ {
		for next < int(n) && (next == 0 || s.runs[next] <= i) {
			x.run(i, place(next))
			next++
		}
		size := a.size(i - s.from)
		if size > 0 && (x.end < 0 || x.end > p.src.size-int64(size)) {
			return a.saio.errorf("the information of sample %d, %d bytes at %d, is not in the file of %d (14496-12, 8.7.9): %w", i+1, size, x.end, p.src.size, media.ErrFormat)
		}
		x.add(size)
	}
	return nil
}
