package bmff

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mezzomedia/mezzo/packager/media"
)

// samples is the number of samples that stsz or stz2 claims.
func samples(stbl []*box) uint32 {
	for _, c := range stbl {
		if (c.typ == "stsz" || c.typ == "stz2") && len(c.body) >= 12 {
			return binary.BigEndian.Uint32(c.body[8:])
		}
	}
	return 0
}

// tables reads the boxes of stbl into bd.
func (p *parser) tables(t *Track, stbl []*box, bd *builder) error {
	tb := map[string]*box{}
	for _, c := range stbl {
		if tb[c.typ] == nil {
			tb[c.typ] = c
		}
	}
	if c := tb["stsd"]; c != nil {
		t.stsd(p, c)
		t.refuse(t.protected(c))
	}
	sizes, err := p.sizes(tb)
	if err != nil {
		return err
	}
	s := &secret{boxes: stbl, total: sizes.n, pssh: p.movie.PSSH, whole: true}
	if sizes.n > 0 {
		if err := p.samples(t, tb, sizes, bd, s); err != nil {
			return err
		}
	}
	if t.Protections != nil && t.Refused == nil {
		t.refuse(p.secrets(t, bd, s))
	}
	return nil
}

// samples reads those that the tables describe.
func (p *parser) samples(t *Track, tb map[string]*box, sizes *sizes, bd *builder, s *secret) error {
	r := tableReader{p: p, sizes: sizes, bd: bd, entries: uint32(len(t.Entries))}
	if err := r.times(tb); err != nil {
		return err
	}
	if err := r.syncs(tb); err != nil {
		return err
	}
	if t.Protections != nil && tb["saio"] != nil {
		r.secret = s
	}
	return r.chunks(tb)
}

func (t *Track) stsd(p *parser, b *box) {
	if len(b.body) < 8 {
		p.warn(b.path(), "no room for entries")
		return
	}
	n, at := binary.BigEndian.Uint32(b.body[4:]), 8
	for c := range b.children(8) {
		if c.typ == badBox {
			p.warn(b.path(), "malformed sample entry at byte %d", c.off)
			break
		}
		if uint32(len(t.Entries)) == n {
			break
		}
		end := at + c.head + len(c.body)
		t.Entries = append(t.Entries, append([]byte(nil), b.body[at:end]...))
		at = end
	}
}

// sizes is stsz or stz2 (14496-12, 8.7.3).
type sizes struct {
	n       int
	uniform uint32
	bits    int
	table   []byte
}

func (s *sizes) at(i int) uint32 {
	switch s.bits {
	case 0:
		return s.uniform
	case 4:
		return uint32(s.table[i/2]>>(4*(1-i%2))) & 15
	case 8:
		return uint32(s.table[i])
	case 16:
		return uint32(binary.BigEndian.Uint16(s.table[2*i:]))
	}
	return binary.BigEndian.Uint32(s.table[4*i:])
}

func (p *parser) sizes(tb map[string]*box) (*sizes, error) {
	b := tb["stsz"]
	if b == nil {
		b = tb["stz2"]
	}
	if b == nil {
		return &sizes{}, nil
	}
	f := fields{b: b.body}
	f.full()
	s := &sizes{bits: 32}
	compact := b.typ == "stz2"
	if s.uniform = f.u32(); compact {
		s.bits, s.uniform = int(s.uniform&0xff), 0
	} else if s.uniform != 0 {
		s.bits = 0
	}
	n := int64(f.u32())
	s.table = f.b
	switch {
	case f.short:
		return nil, b.errorf("%d bytes are too few: %w", len(b.body), media.ErrFormat)
	case compact && s.bits != 4 && s.bits != 8 && s.bits != 16:
		return nil, b.errorf("field size %d (14496-12, 8.7.3.3): %w", s.bits, media.ErrFormat)
	case n*int64(s.bits) > int64(len(f.b))*8:
		return nil, b.errorf("%d samples of %d bits do not fit into %d bytes: %w", n, s.bits, len(f.b), media.ErrFormat)
	case s.bits == 0 && n > p.src.size/int64(s.uniform)+1:
		p.warn(b.path(), "%d samples of %d bytes do not fit into the file", n, s.uniform)
		n = p.src.size/int64(s.uniform) + 1
	}
	if n >= math.MaxInt32 {
		return nil, b.errorf("%d samples: %w", n, media.ErrUnsupported)
	}
	s.n = int(n)
	if s.bits == 0 {
		return s, p.claim(b, n)
	}
	return s, nil
}

// tableReader walks the tables of one track side by side.
type tableReader struct {
	p       *parser
	bd      *builder
	sizes   *sizes
	entries uint32

	stts, ctts pairs
	stss       []byte // what is left of it
	all        bool   // no stss: all are sync samples
	sdtp       []byte
	next       int     // sample
	secret     *secret // where the first samples of chunks are noted; nil: they need not be
}

// pairs is a run-length table of count and value.
type pairs struct {
	b     []byte
	left  uint32
	value uint32
}

// get is the value of the next sample; the last one again where the table has ended.
func (r *pairs) get() uint32 {
	for r.left == 0 {
		if len(r.b) < 8 {
			return r.value
		}
		r.left, r.value = binary.BigEndian.Uint32(r.b), binary.BigEndian.Uint32(r.b[4:])
		r.b = r.b[8:]
	}
	r.left--
	return r.value
}

// total is how many samples the table describes.
func (r *pairs) total() (n uint64) {
	for b := r.b; len(b) >= 8; b = b[8:] {
		n += uint64(binary.BigEndian.Uint32(b))
	}
	return n
}

// times sets up stts and ctts (14496-12, 8.6.1).
func (r *tableReader) times(tb map[string]*box) error {
	b := tb["stts"]
	if b == nil {
		return &media.FormatError{Path: "moov/trak/mdia/minf/stbl", Offset: -1, Err: fmt.Errorf("samples without stts (14496-12, 8.6.1.2): %w", media.ErrFormat)}
	}
	_, body, err := b.entries(8)
	if err != nil {
		return err
	}
	r.stts.b = body
	if n := r.stts.total(); n < uint64(r.sizes.n) {
		r.p.warn(b.path(), "times for %d samples of %d: the last duration goes on", n, r.sizes.n)
	}
	if b = tb["ctts"]; b == nil {
		return nil
	}
	if _, body, err = b.entries(8); err != nil {
		return err
	}
	r.ctts.b = body
	if n := r.ctts.total(); n < uint64(r.sizes.n) {
		r.p.warn(b.path(), "composition offsets for %d samples of %d: the others have none", n, r.sizes.n)
		r.ctts.b = append(body[:len(body):len(body)], 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	}
	if b.body[0] == 0 {
		for c := body; len(c) >= 8; c = c[8:] {
			if c[4] >= 0x80 {
				r.p.warn(b.path(), "version 0 with offsets above 2^31: they are read as negative")
				break
			}
		}
	}
	return nil
}

// syncs sets up stss and sdtp (14496-12, 8.6.2 and 8.6.4).
func (r *tableReader) syncs(tb map[string]*box) error {
	b := tb["stss"]
	r.all = b == nil
	if b != nil {
		n, body, err := b.entries(4)
		if err != nil {
			return err
		}
		r.stss = body
		if n == 0 {
			r.p.warn(b.path(), "no sync sample at all: the first sample is taken for one")
			r.stss = []byte{0, 0, 0, 1}
		}
		for i := 4; i+4 <= len(body); i += 4 {
			if binary.BigEndian.Uint32(body[i:]) <= binary.BigEndian.Uint32(body[i-4:]) {
				return b.errorf("entry %d is not after the one before (14496-12, 8.6.2.3): %w", i/4+1, media.ErrFormat)
			}
		}
	}
	if b = tb["sdtp"]; b != nil && len(b.body) >= 4+r.sizes.n {
		r.sdtp = b.body[4:]
	}
	return nil
}

// maxNegative is a duration that is really a negative one written as unsigned.
const maxNegative = math.MaxUint32 - 480_000

// sample reads the next one.
func (r *tableReader) sample(entry uint16) {
	i := r.next
	r.next++
	d := r.stts.get()
	if d > maxNegative {
		r.p.warn("stts", "a negative duration is read as 0")
		d = 0
	}
	sync := r.all
	for len(r.stss) >= 4 && !sync {
		n := binary.BigEndian.Uint32(r.stss)
		if sync = uint64(n) == uint64(i)+1; uint64(n) > uint64(i)+1 {
			break
		}
		r.stss = r.stss[4:]
	}
	fl := flags(sync)
	if r.sdtp != nil {
		if v := media.SampleFlags(r.sdtp[i]) << 20; v&(3<<24) != 0 {
			fl = v | fl&media.NonSync
		} else {
			fl |= v
		}
	}
	r.bd.sample(r.sizes.at(i), d, kind{fl, int32(r.ctts.get()), entry})
}

// chunks walks stsc and the chunk offsets (14496-12, 8.7.4 and 8.7.5).
func (r *tableReader) chunks(tb map[string]*box) error {
	b, width := tb["stco"], 4
	if b == nil {
		b, width = tb["co64"], 8
	}
	stsc := tb["stsc"]
	if b == nil || stsc == nil {
		return tb["stts"].errorf("samples without stco or stsc (14496-12, 8.7.5): %w", media.ErrFormat)
	}
	n, offsets, err := b.entries(width)
	if err != nil {
		return err
	}
	_, runs, err := stsc.entries(12)
	if err != nil {
		return err
	}
	var per, entry uint32
	for i := range n {
		for len(runs) >= 12 && binary.BigEndian.Uint32(runs) <= uint32(i)+1 {
			if first := binary.BigEndian.Uint32(runs); first < uint32(i)+1 {
				return stsc.errorf("first_chunk %d after chunk %d: not in order (14496-12, 8.7.4.3): %w", first, i, media.ErrFormat)
			}
			per, entry = binary.BigEndian.Uint32(runs[4:]), r.entry(stsc, binary.BigEndian.Uint32(runs[8:]))
			runs = runs[12:]
		}
		off := int64(binary.BigEndian.Uint32(offsets[i*width:]))
		if width == 8 {
			if v := binary.BigEndian.Uint64(offsets[i*8:]); v <= math.MaxInt64/2 {
				off = int64(v)
			} else {
				return b.errorf("chunk %d at %d: %w", i+1, v, media.ErrFormat)
			}
		}
		r.bd.chunk(off)
		if r.secret != nil {
			r.secret.runs = append(r.secret.runs, r.next)
		}
		for j := uint32(0); j < per && r.next < r.sizes.n; j++ {
			r.sample(uint16(entry))
		}
	}
	if r.next < r.sizes.n {
		if r.next == 0 {
			return stsc.errorf("%d samples but no chunk holds one (14496-12, 8.7.4): %w", r.sizes.n, media.ErrFormat)
		}
		r.p.warn(stsc.path(), "the chunks hold %d samples, stsz has %d: the others are left out", r.next, r.sizes.n)
	}
	return nil
}

// entry is a sample_description_index from 0.
func (r *tableReader) entry(b *box, id uint32) uint32 {
	if id == 0 || id > max(r.entries, 1) || id > math.MaxUint16 {
		r.p.warn(b.path(), "sample description %d of %d: the first is taken", id, r.entries)
		return 0
	}
	return id - 1
}

func trakPath(i int) string { return fmt.Sprintf("moov/trak[%d]", i) }
