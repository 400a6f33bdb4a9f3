package bmfftest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
)

// Crypt is how a track is encrypted (23001-7). Keys and IVs are made of the numbers that are given: they are for tests.
type Crypt struct {
	Scheme     string // cenc, cbc1, cens, cbcs; or piff, which is cenc in the boxes of PIFF 1.1
	KeyID      [16]byte
	Key        [16]byte
	IVSize     int    // 8 or 16; 0: ConstantIV
	ConstantIV []byte // 8 or 16 bytes
	Crypt      int    // blocks of a pattern
	Skip       int
	Clear      bool // isProtected 0
	// Groups are keys that samples name by Sample.Group; LocalGroups describes them in each traf, not in stbl.
	Groups      []*Crypt
	LocalGroups bool
	Place       Place
}

// Place is where auxiliary information lies, and what says so.
type Place int

const (
	InSenc     Place = iota // senc, with saiz and, in fragments, saio that leads there
	InSencOnly              // senc, and nothing else
	InUUID                  // the uuid box of PIFF
	Apart                   // saiz and saio, which leads to a box of no meaning
)

// Encrypt is t with its samples encrypted, and its entries as they are then. Of video the first bytes of each NAL unit are
// clear; audio is encrypted as a whole.
func (t Track) Encrypt(c Crypt) Track {
	t.Crypt = &c
	t.Samples = slices.Clone(t.Samples)
	for i := range t.Samples {
		s := &t.Samples[i]
		k := &c
		if s.Group > 0 {
			k = c.Groups[s.Group-1]
		}
		if s.Entry > 0 || k == nil || k.Clear {
			continue
		}
		s.Data = slices.Clone(s.Bytes())
		var iv [16]byte
		copy(iv[:], k.ConstantIV)
		if k.IVSize > 0 {
			binary.BigEndian.PutUint64(iv[:], uint64(i)+0xA1B2C3D400000000)
			s.Aux = slices.Clone(iv[:k.IVSize])
		}
		whole := [][2]int{{0, len(s.Data)}}
		if t.Handler == "vide" {
			whole = subsamples(s.Data)
			s.Aux = append(s.Aux, U16(uint16(len(whole)))...)
			for _, u := range whole {
				s.Aux = append(append(s.Aux, U16(uint16(u[0]))...), U32(uint32(u[1]))...)
			}
			s.Subsamples = true
		}
		k.apply(s.Data, iv, whole)
	}
	t.Entries = slices.Clone(t.Entries)
	t.Entries[0] = c.entry(t.Handler, t.Entries[0])
	return t
}

// subsamples are the clear and protected bytes of each NAL unit; as cenc asks, protected bytes are whole blocks.
func subsamples(p []byte) (out [][2]int) {
	for len(p) >= 4 {
		n := 4 + int(binary.BigEndian.Uint32(p))
		protected := max(0, n-36) &^ 15
		out = append(out, [2]int{n - protected, protected})
		p = p[n:]
	}
	return out
}

// apply encrypts the second part of each stretch of p.
func (c *Crypt) apply(p []byte, iv [16]byte, parts [][2]int) {
	block, err := aes.NewCipher(c.Key[:])
	if err != nil {
		panic(err) // 16 bytes are right
	}
	ctr, cbc := cipher.NewCTR(block, iv[:]), cipher.NewCBCEncrypter(block, iv[:])
	for _, part := range parts {
		data := p[part[0] : part[0]+part[1]]
		p = p[part[0]+part[1]:]
		switch c.Scheme {
		case "cenc", "piff":
			ctr.XORKeyStream(data, data)
			continue
		case "cbcs":
			cbc = cipher.NewCBCEncrypter(block, iv[:])
		}
		for i := 0; i+16 <= len(data); i += 16 {
			if all := c.Crypt + c.Skip; all > 0 && i/16%all >= c.Crypt {
				continue
			}
			if c.Scheme == "cens" {
				ctr.XORKeyStream(data[i:i+16], data[i:i+16])
			} else {
				cbc.CryptBlocks(data[i:i+16], data[i:i+16])
			}
		}
	}
}

// entry is a sample entry, protected.
func (c *Crypt) entry(handler string, entry []byte) []byte {
	typ, scheme, version := "enca", c.Scheme, uint8(0)
	if handler == "vide" {
		typ = "encv"
	}
	if c.Crypt > 0 || c.Skip > 0 {
		version = 1
	}
	tenc := FullBox("tenc", version, 0, []byte{0}, c.fields())
	if scheme == "piff" {
		tenc = Box("uuid", unhex("8974dbce7be74c5184f97148f9882554"), U32(0, 1<<8|uint32(c.IVSize)), c.KeyID[:])
	}
	sinf := Box("sinf", Box("frma", entry[4:8]), FullBox("schm", 0, 0, []byte(scheme), U32(0x10000)), Box("schi", tenc))
	return Box(typ, entry[8:], sinf)
}

// fields are what tenc and seig have in common.
func (c *Crypt) fields() []byte {
	protected := byte(1)
	if c.Clear {
		protected = 0
	}
	b := append([]byte{byte(c.Crypt<<4 | c.Skip), protected, byte(c.IVSize)}, c.KeyID[:]...)
	if c.IVSize == 0 && !c.Clear {
		b = append(append(b, byte(len(c.ConstantIV))), c.ConstantIV...)
	}
	return b
}

// groups is the sgpd of the groups.
func (c *Crypt) groups() []byte {
	b := append([]byte("seig"), U32(0, uint32(len(c.Groups)))...)
	for _, g := range c.Groups {
		entry := append([]byte{0}, g.fields()...)
		b = append(append(b, U32(uint32(len(entry)))...), entry...)
	}
	return FullBox("sgpd", 1, 0, b)
}

// boxes are those of a stbl or traf with these samples; at is where they begin, counted as saio counts, and apart where
// auxiliary information that lies elsewhere does, for each chunk.
func (c *Crypt) boxes(samples []Sample, at int, apart []uint64, traf bool) [][]byte {
	var out [][]byte
	if len(c.Groups) > 0 {
		if traf == c.LocalGroups {
			out = append(out, c.groups())
		}
		first := uint32(0)
		if c.LocalGroups {
			first = 0x10000
		}
		n, body := runs(samples, func(s *Sample) uint32 {
			if s.Group > 0 {
				return first + uint32(s.Group)
			}
			return 0
		})
		if n > 0 && (traf || !c.LocalGroups) {
			out = append(out, FullBox("sbgp", 0, 0, []byte("seig"), U32(n), body))
		}
	}
	var aux, sizes []byte
	flags, any := uint32(0), false
	for i := range samples {
		if samples[i].Subsamples {
			flags = 2
		}
	}
	for i := range samples {
		s := &samples[i]
		any = any || len(s.Aux) > 0
		aux = append(aux, s.Aux...)
		sizes = append(sizes, byte(len(s.Aux)))
		if flags == 2 && !s.Subsamples && c.Place != Apart {
			aux = append(aux, 0, 0)
			sizes[i] += 2
		}
	}
	if !any {
		return out
	}
	for _, b := range out {
		at += len(b)
	}
	saiz := FullBox("saiz", 0, 0, []byte{0}, U32(uint32(len(samples))), sizes)
	switch c.Place {
	case InSencOnly, InSenc:
		if c.Place == InSenc {
			out, at = append(out, saiz), at+len(saiz)
		}
		if c.Place == InSenc && traf {
			out = append(out, FullBox("saio", 0, 0, U32(1, uint32(at+20+16))))
		}
		return append(out, FullBox("senc", 0, flags, U32(uint32(len(samples))), aux))
	case InUUID:
		return append(out, Box("uuid", unhex("a2394f525a9b4f14a2446c427c648df4"), U32(flags, uint32(len(samples))), aux))
	}
	if !traf {
		return append(out, saiz, FullBox("saio", 1, 1, []byte("cenc"), U32(0, uint32(len(apart))), U64(apart...)))
	}
	return append(out, saiz, FullBox("saio", 0, 0, U32(1, uint32(at+len(saiz)+20+8))), Box("skip", aux))
}
