package bmff

import (
	"github.com/mezzomedia/mezzo/packager/media"
)

// groups are the sample groups of type seig that one sgpd describes (23001-7, 6): a key, or none, for some samples.
type groups struct {
	list    []*media.Crypt // nil: clear
	unnamed uint32         // that of samples which no sbgp speaks of, from 1; 0: none
}

// seigIn finds the box of the type that is about seig among those of a stbl or traf.
func seigIn(list []*box, typ string) *box {
	for _, c := range list {
		if c.typ == typ && len(c.body) >= 8 && string(c.body[4:8]) == "seig" {
			return c
		}
	}
	return nil
}

// groups reads sgpd (14496-12, 8.9.3). Its version 2 has been written with and without a length of the entries.
func (p *Protection) groups(b *box) (groups, error) {
	if b == nil {
		return groups{}, nil
	}
	version := b.body[0]
	g, err := p.sgpd(b, version >= 1, version >= 2)
	if err != nil && version >= 2 {
		if other, otherErr := p.sgpd(b, false, true); otherErr == nil {
			return other, nil
		}
	}
	return g, err
}

// sgpd reads the entries; length and unnamed tell whether the fields are there.
func (p *Protection) sgpd(b *box, length, unnamed bool) (groups, error) {
	var g groups
	f := fields{b: b.body[8:]}
	each := uint32(0)
	if length {
		each = f.u32()
	}
	if unnamed {
		g.unnamed = f.u32()
	}
	n := f.u32()
	for i := uint32(0); i < n && !f.short; i++ {
		size := each
		if length && each == 0 {
			size = f.u32()
		}
		if !length {
			size = uint32(seigSize(f.b))
		}
		if uint64(size) > uint64(len(f.b)) {
			return g, b.errorf("group %d of %d bytes, %d are left: %w", i+1, size, len(f.b), media.ErrFormat)
		}
		e := fields{b: f.take(int(size))}
		e.take(1)
		c, err := p.crypt(b, &e, e.take(1)[0])
		if err != nil {
			return g, err
		}
		g.list = append(g.list, c)
	}
	switch {
	case f.short:
		return g, b.errorf("%d groups do not fit into %d bytes: %w", n, len(b.body), media.ErrFormat)
	case len(f.b) > 0:
		return g, b.errorf("%d bytes after its %d groups: %w", len(f.b), n, media.ErrFormat)
	case g.unnamed > n:
		return g, b.errorf("default group %d of %d: %w", g.unnamed, n, media.ErrFormat)
	}
	return g, nil
}

// seigSize is the length of the seig entry that p begins with.
func seigSize(p []byte) int {
	if len(p) > 20 && p[2] == 1 && p[3] == 0 {
		return 21 + int(p[20])
	}
	return 20
}

// membership walks over an sbgp (14496-12, 8.9.2): which group each sample is in.
type membership struct {
	b       *box
	entries pairs
	samples uint64 // that the box speaks of
	local   groups // of the fragment
	track   groups
}

func (m *membership) read(b *box) error {
	if m.b = b; b == nil {
		return nil
	}
	f := fields{b: b.body}
	version, _ := f.full()
	f.u32() // seig
	if version == 1 {
		f.u32() // grouping_type_parameter
	}
	n := f.u32()
	if f.short || uint64(n)*8 > uint64(len(f.b)) {
		return b.errorf("%d entries of 8 bytes do not fit into %d bytes: %w", n, len(f.b), media.ErrFormat)
	}
	m.entries.b = f.b[:8*n]
	m.samples = m.entries.total()
	return nil
}

// next is the group of the next sample: what it says, and whether there is one. Groups of the fragment count from 0x10001
// (14496-12, 8.9.4).
func (m *membership) next() (c *media.Crypt, in bool, err error) {
	if m.samples == 0 {
		for _, g := range []*groups{&m.local, &m.track} {
			if g.unnamed > 0 {
				return g.list[g.unnamed-1], true, nil
			}
		}
		return nil, false, nil
	}
	m.samples--
	index := m.entries.get()
	list := m.track.list
	i := index
	if index > 0x10000 {
		list, i = m.local.list, index-0x10000
	}
	switch {
	case index == 0:
		return nil, false, nil
	case uint64(i) > uint64(len(list)):
		return nil, false, m.b.errorf("group %#x, of which no sgpd has a description (23001-7, 6): %w", index, media.ErrFormat)
	}
	return list[i-1], true, nil
}

// secret is where a fragment or a stbl says how its samples are encrypted.
type secret struct {
	boxes []*box // of the stbl or traf
	from  int    // its first sample
	total int    // its samples, those beyond the end of the file too
	runs  []int  // first sample of each chunk or trun
	base  int64  // what offsets in saio count from
	pssh  []byte // of the moof
	whole bool   // it is a stbl: what it says of groups holds for the fragments too
}

// secrets reads how samples of one stbl or traf are encrypted, and where their auxiliary information lies.
func (p *parser) secrets(t *Track, b *builder, s *secret) error {
	var any *Protection
	for _, e := range t.Protections {
		if any == nil || e != nil && e.Crypt != nil && any.Crypt == nil {
			any = e
		}
	}
	if any == nil {
		return nil
	}
	if c := seigIn(s.boxes, "csgp"); c != nil {
		return c.errorf("compact sample groups that name keys: %w", media.ErrUnsupported)
	}
	own, err := any.groups(seigIn(s.boxes, "sgpd"))
	if err != nil {
		return err
	}
	m := membership{local: own, track: b.secrecy.groups}
	if s.whole {
		b.secrecy.groups, m = own, membership{track: own}
	}
	if err := m.read(seigIn(s.boxes, "sbgp")); err != nil {
		return err
	}
	a, err := p.auxiliary(any, s)
	if err != nil {
		return err
	}
	for i := s.from; i < b.len(); i++ {
		c, grouped, err := m.next()
		if err != nil {
			return err
		}
		if e := t.protection(b.entry(i)); !grouped && e != nil {
			if c = e.Crypt; a.override != nil && c != nil {
				c = a.override
			}
		} else if e == nil {
			c = nil // samples of a clear entry are clear, whatever a group says
		}
		b.secrecy.add(i, b.secrecy.one(c, s.pssh))
	}
	return p.places(b, s, a)
}

// entry is the sample description of sample i.
func (b *builder) entry(i int) int { return int(b.x.kinds[b.x.kind.at(i)].entry) }

func (t *Track) protection(entry int) *Protection {
	if entry < len(t.Protections) {
		return t.Protections[entry]
	}
	return nil
}
