package cenc

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
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
// key stream has no blocks. Nothing is allocated, but for the counter that crypto/cipher makes for a sample with many
// protected bytes. Not safe for concurrent use.
type Cipher struct {
	scheme  drm.Scheme
	pattern drm.Pattern
	ctr     counter
	cbc     chain

	iv        [16]byte
	subs      []media.Subsample // those after the current one
	open      int64             // bytes of the current subsample that are clear and come next
	protected int64             // and those after them
	group     int               // blocks since the pattern began
}

// NewEncrypter makes a Cipher that encrypts. A zero pattern is every block; schemes without patterns ignore it. Errors
// match drm.ErrNoKey or drm.ErrIncompatible.
func NewEncrypter(key drm.Key, s drm.Scheme, p drm.Pattern) (*Cipher, error) {
	return newCipher(key, s, p, cipher.NewCBCEncrypter)
}

// NewDecrypter makes a Cipher that undoes what one of NewEncrypter did.
func NewDecrypter(key drm.Key, s drm.Scheme, p drm.Pattern) (*Cipher, error) {
	return newCipher(key, s, p, cipher.NewCBCDecrypter)
}

func newCipher(key drm.Key, s drm.Scheme, p drm.Pattern, mode func(cipher.Block, []byte) cipher.BlockMode) (*Cipher, error) {
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
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	c := &Cipher{scheme: s}
	if s.Patterned() && p.Skip > 0 {
		c.pattern = p
	}
	if s.Counter() {
		c.ctr.block = block
	} else {
		c.cbc.make = func(iv []byte) cipher.BlockMode { return mode(block, iv) }
	}
	return c, nil
}

// Begin starts on a sample of size bytes. An IV of 8 bytes has zeros after them. No subsamples: all of the sample is
// protected. It keeps subs until the sample is done. The error matches media.ErrFormat where subs do not add up to size.
func (c *Cipher) Begin(iv [16]byte, subs []media.Subsample, size int64) error {
	sum, protected := int64(0), size
	if len(subs) > 0 {
		protected = 0
		for _, s := range subs {
			sum += int64(s.Clear) + int64(s.Protected)
			protected += int64(s.Protected)
		}
		if sum != size {
			return fmt.Errorf("subsamples of %d bytes in a sample of %d (23001-7, 9.5): %w", sum, size, media.ErrFormat)
		}
	}
	c.iv, c.subs, c.open, c.protected, c.group = iv, subs, 0, 0, 0
	if len(subs) == 0 {
		c.protected = size
	}
	if c.scheme.Counter() {
		c.ctr.begin(iv, protected)
	} else {
		c.cbc.begin(&c.iv)
	}
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
			c.ctr.skip(k)
		case c.scheme == drm.CENS && whole:
			c.ctr.skip(16 * c.encrypted(k/16))
		case c.scheme == drm.CBCS && whole: // each stretch begins with the IV
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
		if c.scheme == drm.CBCS {
			c.cbc.begin(&c.iv)
		}
	}
	return true
}

// streams tells whether the key stream covers every byte.
func (c *Cipher) streams() bool { return c.scheme.Counter() && c.pattern.Skip == 0 }

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
	switch whole := len(src) &^ 15; {
	case c.streams():
		c.ctr.crypt(dst, src)
	case c.pattern.Skip > 0:
		copy(dst, src)
		c.patterned(dst[:whole])
	default:
		c.cbc.crypt(dst[:whole], src[:whole])
		copy(dst[whole:], src[whole:])
	}
}

// encrypted is how many of the first n blocks of a protected stretch the pattern has encrypted.
func (c *Cipher) encrypted(n int64) int64 {
	crypt, all := int64(c.pattern.Crypt), int64(c.pattern.Crypt)+int64(c.pattern.Skip)
	return n/all*crypt + min(n%all, crypt)
}

// patterned encrypts some of the blocks of p in place (23001-7, 9.6); the last group may be incomplete.
func (c *Cipher) patterned(p []byte) {
	crypt, all := int(c.pattern.Crypt), int(c.pattern.Crypt)+int(c.pattern.Skip)
	for len(p) > 0 {
		n := min(16*(all-c.group), len(p))
		if c.group < crypt {
			n = min(16*(crypt-c.group), len(p))
			if c.scheme.Counter() {
				c.ctr.crypt(p[:n], p[:n])
			} else {
				c.cbc.crypt(p[:n], p[:n])
			}
		}
		if c.group += n / 16; c.group == all {
			c.group = 0
		}
		p = p[n:]
	}
}
