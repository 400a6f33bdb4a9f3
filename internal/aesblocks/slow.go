package aesblocks

import (
	"crypto/subtle"
	"encoding/binary"
)

// slowCTR makes key stream for up to eight blocks at once.
func (k *Key) slowCTR(dst, src []byte, c *Counter, groups, crypt, skip int) {
	for range groups {
		for left := crypt * Size; left > 0; {
			key := k.buffer[:min(left, len(k.buffer))]
			for b := key; len(b) > 0; b = b[Size:] {
				binary.BigEndian.PutUint64(b, c.High)
				binary.BigEndian.PutUint64(b[8:], c.Low)
				k.block.Encrypt(b, b)
				c.Low++
			}
			n := subtle.XORBytes(dst, src[:len(key)], key)
			dst, src, left = dst[n:], src[n:], left-n
		}
		n := copy(dst, src[:skip*Size])
		dst, src = dst[n:], src[n:]
	}
}

func (k *Key) slowEncryptCBC(dst, src []byte, iv *[Size]byte, groups, crypt, skip int) {
	chain := k.buffer[:Size]
	copy(chain, iv[:])
	for range groups {
		for range crypt {
			subtle.XORBytes(chain, chain, src[:Size])
			k.block.Encrypt(chain, chain)
			copy(dst, chain)
			dst, src = dst[Size:], src[Size:]
		}
		n := copy(dst, src[:skip*Size])
		dst, src = dst[n:], src[n:]
	}
	copy(iv[:], chain)
}

func (k *Key) slowDecryptCBC(dst, src []byte, iv *[Size]byte, groups, crypt, skip int) {
	chain, next, plain := k.buffer[:Size], k.buffer[Size:2*Size], k.buffer[2*Size:3*Size]
	copy(chain, iv[:])
	for range groups {
		for range crypt {
			copy(next, src) // dst may be the same memory
			k.block.Decrypt(plain, next)
			subtle.XORBytes(dst, plain, chain)
			chain, next = next, chain
			dst, src = dst[Size:], src[Size:]
		}
		n := copy(dst, src[:skip*Size])
		dst, src = dst[n:], src[n:]
	}
	copy(iv[:], chain)
}
