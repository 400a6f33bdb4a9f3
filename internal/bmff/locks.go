package bmff

import (
	"bytes"

	"github.com/mezzomedia/mezzo/packager/media"
)

// locks is how the samples of a track are encrypted, in stretches. Most tracks have one.
type locks struct {
	list    []*media.Crypt // those in use
	stretch []lock
}

// lock says that samples from first on are encrypted as list[crypt-1] says; 0: they are clear.
type lock struct{ first, crypt uint32 }

// find is the stretch that holds sample i; -1: none.
func (l *locks) find(i int) int {
	from, to := 0, len(l.stretch)
	for from < to {
		if m := (from + to) / 2; int(l.stretch[m].first) > i {
			to = m
		} else {
			from = m + 1
		}
	}
	return from - 1
}

// Crypts are all that samples of the track are encrypted by, none twice; read-only.
func (x *Index) Crypts() []*media.Crypt { return x.locks.list }

func (l *locks) bytes() int64 {
	n := int64(cap(l.stretch))*8 + int64(cap(l.list))*8
	for i, c := range l.list {
		n += 96 + int64(cap(c.ConstantIV))
		if i > 0 && !bytes.Equal(c.PSSH, l.list[i-1].PSSH) {
			n += int64(len(c.PSSH)) // those of fragments; what is held once is equal at once
		}
	}
	return n
}

// Crypt is how sample i is encrypted, nil: it is clear; and the first sample after it of which that is not so, or Len().
func (x *Index) Crypt(i int) (c *media.Crypt, next int) {
	k := x.locks.find(i)
	next = x.Len()
	if k+1 < len(x.locks.stretch) {
		next = int(x.locks.stretch[k+1].first)
	}
	if k >= 0 && x.locks.stretch[k].crypt > 0 {
		c = x.locks.list[x.locks.stretch[k].crypt-1]
	}
	return c, next
}

// secrecy collects how samples are encrypted while an Index is built.
type secrecy struct {
	locks
	codes  map[*media.Crypt]uint32
	last   *media.Crypt
	groups groups                  // of stbl: of all of the track's samples
	same   map[saying]*media.Crypt // so that fragments which say the same again share one
	asked  saying                  // the last that was looked for, and what it is
	found  *media.Crypt
	of     *media.Crypt // what asked was made of
}

// saying is what a Crypt says.
type saying struct {
	scheme      string
	key         [16]byte
	ivSize      int
	constant    [16]byte
	constants   int
	crypt, skip uint8
	pssh        *byte // the first of boxes that are held once, however long they are
}

// one is the Crypt equal to c with the pssh boxes, held once, that has been met before, or it.
func (s *secrecy) one(c *media.Crypt, pssh []byte) *media.Crypt {
	if c == nil {
		return nil
	}
	var first *byte
	if len(pssh) > 0 {
		first = &pssh[0]
	}
	if c == s.of && first == s.asked.pssh {
		return s.found
	}
	k := saying{scheme: c.Scheme, key: c.KeyID, ivSize: c.IVSize, constants: len(c.ConstantIV), crypt: c.CryptBlocks, skip: c.SkipBlocks, pssh: first}
	copy(k.constant[:], c.ConstantIV)
	have := s.same[k]
	if have == nil {
		if s.same == nil {
			s.same = map[saying]*media.Crypt{}
		}
		own := *c
		own.PSSH, have = pssh, &own
		s.same[k] = have
	}
	s.of, s.asked, s.found = c, k, have
	return have
}

// once is the pssh boxes as they were met first.
func (p *parser) once(pssh []byte) []byte {
	if len(pssh) == 0 {
		return nil
	}
	if have, ok := p.psshs[string(pssh)]; ok {
		return have
	}
	if p.psshs == nil {
		p.psshs = map[string][]byte{}
	}
	p.psshs[string(pssh)] = pssh
	return pssh
}

// add says that sample i is encrypted as c says; nil: it is clear.
func (s *secrecy) add(i int, c *media.Crypt) {
	if len(s.stretch) > 0 && c == s.last {
		return
	}
	s.last = c
	code := uint32(0)
	if c != nil {
		if code = s.codes[c]; code == 0 {
			if s.codes == nil {
				s.codes = map[*media.Crypt]uint32{}
			}
			s.list = append(s.list, c)
			code = uint32(len(s.list))
			s.codes[c] = code
		}
	}
	s.stretch = append(s.stretch, lock{uint32(i), code})
}

// at is how sample i is encrypted.
func (l *locks) at(i int) *media.Crypt {
	if k := l.find(i); k >= 0 && l.stretch[k].crypt > 0 {
		return l.list[l.stretch[k].crypt-1]
	}
	return nil
}
