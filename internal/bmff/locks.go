package bmff

import (
	"fmt"

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
	for _, c := range l.list {
		n += 96 + int64(cap(c.ConstantIV))
		if len(l.list) > 1 {
			n += int64(len(c.PSSH)) // those of fragments
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
	same   map[string]*media.Crypt // by what they say, so that fragments which say it again share one
}

// one is the Crypt equal to c with the pssh boxes that has been met before, or it.
func (s *secrecy) one(c *media.Crypt, pssh []byte) *media.Crypt {
	if c == nil {
		return nil
	}
	key := fmt.Sprintf("%s %x %d %x %d:%d %s", c.Scheme, c.KeyID, c.IVSize, c.ConstantIV, c.CryptBlocks, c.SkipBlocks, pssh)
	if have := s.same[key]; have != nil {
		return have
	}
	if s.same == nil {
		s.same = map[string]*media.Crypt{}
	}
	own := *c
	own.PSSH = pssh
	s.same[key] = &own
	return &own
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
