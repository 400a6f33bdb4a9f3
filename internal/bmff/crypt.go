package bmff

import (
	"bytes"
	"encoding/binary"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Protection is what a protected sample entry says (14496-12, 8.12; 23001-7, 8.2; PIFF 1.1, 5.3.3).
type Protection struct {
	Scheme string // cenc, cbc1, cens or cbcs; that of PIFF is told by its algorithm
	// Entry is the sample entry as it was before: the type that frma names, and no sinf.
	Entry []byte
	// Crypt holds the defaults of tenc; nil: samples are clear unless a group of theirs says otherwise.
	Crypt *media.Crypt
}

// UUIDs of PIFF boxes (PIFF 1.1, 5.3).
const (
	piffTenc = "\x89\x74\xdb\xce\x7b\xe7\x4c\x51\x84\xf9\x71\x48\xf9\x88\x25\x54"
	piffSenc = "\xa2\x39\x4f\x52\x5a\x9b\x4f\x14\xa2\x44\x6c\x42\x7c\x64\x8d\xf4"
	piffPssh = "\xd0\x8a\x4f\x18\x10\xf3\x4a\x82\xb6\xc8\x32\xd8\xab\xa1\x83\xd3"
)

// uuid is the body of a uuid box of the type; false if b is something else.
func (b *box) uuid(typ string) ([]byte, bool) {
	if b.typ != "uuid" || len(b.body) < 16 || string(b.body[:16]) != typ {
		return nil, false
	}
	return b.body[16:], true
}

// common reports whether a scheme or auxiliary information type is one of Common Encryption.
func common(typ string) bool {
	return typ == "cenc" || typ == "cbc1" || typ == "cens" || typ == "cbcs"
}

// protection reads the nth entry of stsd; nil if it is clear.
func protection(stsd *box, n int, entry []byte) (*Protection, error) {
	if len(entry) < 16 {
		return nil, nil
	}
	e := &box{typ: string(entry[4:8]), body: entry[8:], off: -1, head: 8, parent: stsd, nth: n}
	skip := entryFields(e)
	if skip < 0 {
		return nil, nil
	}
	plain := bytes.Clone(entry[:8+skip])
	var frma, schm, schi, first *box
	at := skip
	for c := range e.children(skip) {
		if c.typ == badBox {
			break // padding and junk
		}
		end := at + c.head + len(c.body)
		if c.typ != "sinf" {
			plain = append(plain, e.body[at:end]...)
			at = end
			continue
		}
		at = end
		if s := c.child("schm"); first == nil || schm == nil || !known(schm) && s != nil && known(s) {
			first, frma, schm, schi = c, c.child("frma"), s, c.child("schi")
		}
	}
	switch {
	case first == nil:
		return nil, e.errorf("a protected entry without sinf (14496-12, 8.12.1): %w", media.ErrFormat)
	case frma == nil || len(frma.body) < 4:
		return nil, first.errorf("a protected entry must name its original format in frma (14496-12, 8.12.2): %w", media.ErrFormat)
	case schm == nil || len(schm.body) < 8:
		return nil, first.errorf("no schm: it is not known how samples are encrypted (14496-12, 8.12.5): %w", media.ErrFormat)
	case !known(schm):
		return nil, schm.errorf("protection scheme %q; Common Encryption and PIFF are read: %w", schm.body[4:8], media.ErrUnsupported)
	}
	copy(plain[4:8], frma.body[:4])
	binary.BigEndian.PutUint32(plain, uint32(len(plain)))
	p := &Protection{Scheme: string(schm.body[4:8]), Entry: plain}
	return p, p.tenc(first, schi)
}

func known(schm *box) bool {
	return len(schm.body) >= 8 && (common(string(schm.body[4:8])) || string(schm.body[4:8]) == "piff")
}

// entryFields is the size of what stands before the boxes of a protected entry; -1 if it is none.
func entryFields(e *box) int {
	sizes := []int{78} // 14496-12, 12.1.3
	switch e.typ {
	default:
		return -1
	case "encv":
	case "enca": // 14496-12, 12.2.3, and the longer forms of QuickTime
		sizes = []int{28, 44, 64}
		if len(e.body) > 10 {
			switch binary.BigEndian.Uint16(e.body[8:]) {
			case 1:
				sizes = []int{44, 28}
			case 2:
				sizes = []int{64, 28}
			}
		}
	}
	for _, n := range sizes {
		for c := range e.children(min(n, len(e.body))) {
			if c.typ != badBox {
				return n
			}
			break
		}
	}
	return min(sizes[0], len(e.body))
}

// tenc reads the defaults of a track.
func (p *Protection) tenc(sinf, schi *box) error {
	if schi != nil {
		for c := range schi.children(0) {
			if c.typ == "tenc" {
				return p.readTenc(c)
			}
			if body, ok := c.uuid(piffTenc); ok {
				return p.readPIFF(c, body)
			}
		}
	}
	return sinf.errorf("no tenc in schi: neither key id nor size of IVs is known (23001-7, 8.2): %w", media.ErrFormat)
}

func (p *Protection) readTenc(b *box) error {
	if p.Scheme == "piff" {
		p.Scheme = "cenc"
	}
	f := fields{b: b.body}
	version, _ := f.full()
	f.take(1)
	pattern := f.take(1)[0]
	if version == 0 {
		pattern = 0 // reserved
	}
	var err error
	p.Crypt, err = p.crypt(b, &f, pattern)
	return err
}

// crypt reads what tenc and seig have in common, from isProtected on.
func (p *Protection) crypt(b *box, f *fields, pattern uint8) (*media.Crypt, error) {
	protected, size := f.take(1)[0], int(f.take(1)[0])
	c := &media.Crypt{Scheme: p.Scheme, KeyID: [16]byte(f.take(16)), IVSize: size, CryptBlocks: pattern >> 4, SkipBlocks: pattern & 15}
	if protected == 1 && size == 0 {
		n := int(f.take(1)[0])
		if n != 8 && n != 16 {
			return nil, b.errorf("constant IV of %d bytes, not 8 or 16 (23001-7, 8.2): %w", n, media.ErrFormat)
		}
		c.ConstantIV = bytes.Clone(f.take(n))
	}
	switch {
	case f.short:
		return nil, b.errorf("%d bytes are too few (23001-7, 8.2): %w", len(b.body), media.ErrFormat)
	case protected > 1:
		return nil, b.errorf("isProtected %d is reserved (23001-7, 8.2): %w", protected, media.ErrFormat)
	case protected == 0:
		return nil, nil
	case size != 0 && size != 8 && size != 16:
		return nil, b.errorf("IVs of %d bytes, not 0, 8 or 16 (23001-7, 8.2): %w", size, media.ErrFormat)
	case c.CryptBlocks == 0 && c.SkipBlocks > 0:
		return nil, b.errorf("pattern 0:%d encrypts nothing (23001-7, 9.6): %w", c.SkipBlocks, media.ErrFormat)
	case pattern != 0 && (p.Scheme == "cenc" || p.Scheme == "cbc1"):
		return nil, b.errorf("pattern %d:%d, which %s has not (23001-7, 10): %w", c.CryptBlocks, c.SkipBlocks, p.Scheme, media.ErrFormat)
	}
	return c, nil
}

// readPIFF reads the uuid box that PIFF has in place of tenc (PIFF 1.1, 5.3.3).
func (p *Protection) readPIFF(b *box, body []byte) error {
	f := fields{b: body}
	f.full()
	c, err := p.piff(b, &f)
	if c != nil {
		p.Scheme = c.Scheme
	}
	p.Crypt = c
	return err
}

// piff reads algorithm, size of IVs and key id.
func (p *Protection) piff(b *box, f *fields) (*media.Crypt, error) {
	algorithm := f.u32()
	c := &media.Crypt{IVSize: int(algorithm & 0xff), KeyID: [16]byte(f.take(16))}
	switch {
	case f.short:
		return nil, b.errorf("%d bytes are too few (PIFF 1.1, 5.3.3): %w", len(b.body), media.ErrFormat)
	case algorithm>>8 == 0:
		return nil, nil
	case algorithm>>8 == 1:
		c.Scheme = "cenc"
	case algorithm>>8 == 2:
		c.Scheme = "cbc1"
	default:
		return nil, b.errorf("algorithm %d (PIFF 1.1, 5.3.3): %w", algorithm>>8, media.ErrFormat)
	}
	if c.IVSize != 8 && c.IVSize != 16 {
		return nil, b.errorf("IVs of %d bytes, not 8 or 16 (PIFF 1.1, 5.3.3): %w", c.IVSize, media.ErrFormat)
	}
	return c, nil
}

// psshs are the pssh boxes among the list, whole, one after the other; those of PIFF as the boxes that they became.
func psshs(list []*box) []byte {
	var out []byte
	for _, c := range list {
		body := c.body
		if c.typ != "pssh" {
			var ok bool
			if body, ok = c.uuid(piffPssh); !ok {
				continue
			}
		}
		out = binary.BigEndian.AppendUint32(out, uint32(8+len(body)))
		out = append(out, "pssh"...)
		out = append(out, body...)
	}
	return out
}

// protected reads the protection of each sample entry.
func (t *Track) protected(stsd *box) error {
	for i, e := range t.Entries {
		p, err := protection(stsd, i, e)
		if err != nil {
			return err
		}
		if p != nil && t.Protections == nil {
			t.Protections = make([]*Protection, len(t.Entries))
		}
		if p != nil {
			t.Protections[i] = p
		}
	}
	return nil
}

// refuse notes why the encrypted samples of a track cannot be read. The first reason stands.
func (t *Track) refuse(err error) {
	if t.Refused == nil && err != nil {
		t.Refused = err
	}
}
