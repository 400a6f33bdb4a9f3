package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/aesblocks"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Cipher encrypts or decrypts samples by one of the four schemes of ISO/IEC 23001-7, clause 10, under one key, through
// buffers that may be smaller than a sample:
//
//	err := c.Begin(iv, subs, size)
//	for len(src) > 0 {
//		n := c.Crypt(dst, src) // and on with dst[n:], src[n:]
//	}
//
// The end of a protected stretch that is no whole block stays clear, except in cenc, and in cens without a pattern, whose
// key stream has no blocks. Nothing is allocated. Not safe for concurrent use.
type Cipher struct {
	key      *aesblocks.Key
	counts   bool // AES-CTR; else AES-CBC
	restarts bool // each subsample begins a chain with the IV
	decrypts bool
	pattern  aesblocks.Pattern // zero: every block
	ctr      counter
	chain    [16]byte

	iv        [16]byte
	subs      []media.Subsample // those after the current one
	open      int64             // bytes of the current subsample that are clear and come next
	protected int64             // and those after them
	group     int               // blocks since the pattern began
}

// NewEncrypter makes a Cipher that encrypts. A zero pattern is every block; schemes without patterns ignore it. Errors
// match drm.ErrNoKey or drm.ErrIncompatible.
func NewEncrypter(key drm.Key, s drm.Scheme, p drm.Pattern) (*Cipher, error) {
	return newCipher(key, s, p, false)
}

// NewDecrypter makes a Cipher that undoes what one of NewEncrypter did.
func NewDecrypter(key drm.Key, s drm.Scheme, p drm.Pattern) (*Cipher, error) {
	return newCipher(key, s, p, true)
}

func newCipher(key drm.Key, s drm.Scheme, p drm.Pattern, decrypts bool) (*Cipher, error) {
	if !s.Common() {
		return nil, fmt.Errorf("scheme %q is none of Common Encryption: %w", s, drm.ErrIncompatible)
	}
	if p.Crypt == 0 && p.Skip > 0 {
		return nil, fmt.Errorf("pattern %d:%d encrypts nothing: %w", p.Crypt, p.Skip, drm.ErrIncompatible)
	}
	secret, ok := key.Value.Reveal()
	if !ok {
		return nil, fmt.Errorf("%s has no value: %w", key, drm.ErrNoKey)
	}
	c := &Cipher{key: aesblocks.New(secret), counts: s.Counter(), restarts: s == drm.CBCS, decrypts: decrypts}
	if s.Patterned() && p.Skip > 0 {
		c.pattern = aesblocks.Pattern{Crypt: int(p.Crypt), Skip: int(p.Skip)}
	}
	return c, nil
}

// Begin starts on a sample of size bytes. An IV of 8 bytes has zeros after them. No subsamples: all of the sample is
// protected. It keeps subs until the sample is done. The error matches media.ErrFormat where subs do not add up to size.
func (c *Cipher) Begin(iv [16]byte, subs []media.Subsample, size int64) error {
	c.iv, c.chain, c.subs, c.open, c.protected, c.group = iv, iv, subs, 0, size, 0
	if len(subs) > 0 {
		c.protected = 0
		sum := int64(0)
		for _, s := range subs {
			sum += int64(s.Clear) + int64(s.Protected)
		}
		if sum != size {
			c.subs = nil
			return fmt.Errorf("subsamples of %d bytes in a sample of %d (23001-7, 9.5): %w", sum, size, media.ErrFormat)
		}
	}
	c.ctr.begin(&c.iv)
	return nil
}

// Crypt works on the next bytes of the sample from src to dst, which is as long or longer and is the same memory or other
// memory, and returns for how many it has done so. Those are fewer than all only where src ends within a block: the rest,
// 15 bytes at most, is to be offered again with what follows. Beyond the sample it does nothing.
func (c *Cipher) Crypt(dst, src []byte) int {
	done := 0
	for done < len(src) && c.next() {
		d, s := dst[done:], src[done:]
		if c.open > 0 {
			n := int(min(c.open, int64(len(s))))
			copy(d[:n], s[:n])
			c.open -= int64(n)
			done += n
			continue
		}
		n := c.some(len(s))
		if n == 0 {
			return done
		}
		c.stretch(d[:n], s[:n])
		c.protected -= int64(n)
		done += n
	}
	return done
}

// Skip passes over at most n bytes of the sample without having them, and returns how many: clear ones, and protected ones
// as far as what follows does not depend on them. It is for the time between Begin and the first Crypt.
func (c *Cipher) Skip(n int64) int64 {
	left := n
	for left > 0 && c.next() {
		if c.open > 0 {
			k := min(c.open, left)
			c.open -= k
			left -= k
			continue
		}
		k := min(c.protected, left)
		switch whole := k == c.protected && c.group == 0; {
		case c.streams():
			c.ctr.skip(c.key, k)
		case c.counts && whole:
			c.ctr.skip(c.key, 16*c.encrypted(k/16))
		case c.restarts && whole: // each stretch begins with the IV
		default:
			return n - left
		}
		c.protected -= k
		left -= k
	}
	return n - left
}

// next makes the next subsample that has bytes the current one; false after the last.
func (c *Cipher) next() bool {
	for c.open == 0 && c.protected == 0 {
		if len(c.subs) == 0 {
			return false
		}
		c.open, c.protected = int64(c.subs[0].Clear), int64(c.subs[0].Protected)
		c.subs = c.subs[1:]
		c.group = 0
		if c.restarts {
			c.chain = c.iv
		}
	}
	return true
}

// streams tells whether the key stream covers every byte.
func (c *Cipher) streams() bool { return c.counts && c.pattern.Skip == 0 }

// some is how many of the next n bytes, all protected, can be worked on now.
func (c *Cipher) some(n int) int {
	if int64(n) >= c.protected {
		return int(c.protected)
	}
	if c.streams() {
		return n
	}
	return n &^ 15
}

// stretch works on protected bytes: whole blocks, unless the stretch ends or the key stream has no blocks.
func (c *Cipher) stretch(dst, src []byte) {
	if c.streams() {
		c.ctr.crypt(c.key, dst, src)
		return
	}
	whole := len(src) &^ 15
	if c.pattern.Skip > 0 {
		c.patterned(dst[:whole], src[:whole])
	} else {
		c.blocks(dst[:whole], src[:whole], c.pattern)
	}
	copy(dst[whole:], src[whole:])
}

// encrypted is how many of the first n blocks of a protected stretch the pattern has encrypted.
func (c *Cipher) encrypted(n int64) int64 {
	crypt, all := int64(c.pattern.Crypt), int64(c.pattern.Crypt)+int64(c.pattern.Skip)
	return n/all*crypt + min(n%all, crypt)
}

// patterned works on whole blocks (23001-7, 9.6). The last group of a stretch may be incomplete, and a buffer may end
// within any.
func (c *Cipher) patterned(dst, src []byte) {
	p := c.pattern
	size := 16 * (p.Crypt + p.Skip)
	for len(src) > 0 {
		n := 0
		switch {
		case c.group == 0 && len(src) >= size:
			n = len(src) / size * size
			c.blocks(dst[:n], src[:n], p)
		case c.group < p.Crypt:
			n = min(16*(p.Crypt-c.group), len(src))
			c.blocks(dst[:n], src[:n], aesblocks.Pattern{})
		default:
			n = copy(dst, src[:min(size-16*c.group, len(src))])
		}
		c.group = (c.group + n/16) % (p.Crypt + p.Skip)
		dst, src = dst[n:], src[n:]
	}
}

func (c *Cipher) blocks(dst, src []byte, p aesblocks.Pattern) {
	switch {
	case c.counts:
		c.key.CTR(dst, src, &c.ctr.next, p)
	case c.decrypts:
		c.key.DecryptCBC(dst, src, &c.chain, p)
	default:
		c.key.EncryptCBC(dst, src, &c.chain, p)
	}
}
