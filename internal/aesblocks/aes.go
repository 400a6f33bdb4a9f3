package aesblocks

import (
	"crypto/aes"
	"crypto/cipher"
)

// Size is that of a block, bytes.
const Size = 16

// Key is an expanded key. Its methods work from src to dst, which is as long or longer and either the same memory or other
// memory, and panic where lengths are not as they say. Not safe for concurrent use.
type Key struct {
	fast   bool           // there are AES instructions
	enc    [176]byte      // round keys, where fast
	dec    [176]byte      // those of the equivalent inverse cipher (FIPS 197, 5.3.5)
	block  cipher.Block   // where not
	buffer [8 * Size]byte // of keystream, or of blocks that are chained
}

// New expands a key.
func New(key [16]byte) *Key { return newKey(key, accelerated()) }

func newKey(key [16]byte, fast bool) *Key {
	k := &Key{fast: fast}
	if fast {
		expand(&key, &k.enc, &k.dec)
		return k
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of the size of the key, which is right
	}
	k.block = block
	return k
}

// Pattern is how many blocks are worked on and how many after them are copied, in turn. The zero value is every block.
type Pattern struct{ Crypt, Skip int }

// groups is how often the pattern fits into src, which has to be whole groups.
func (p Pattern) groups(dst, src []byte) (groups, crypt, skip int) {
	if len(dst) < len(src) {
		panic("aesblocks: dst is shorter than src")
	}
	if p.Skip == 0 {
		p = Pattern{Crypt: len(src) / Size}
	}
	size := Size * (p.Crypt + p.Skip)
	if size < 0 || size == 0 && len(src) > 0 || size > 0 && len(src)%size != 0 {
		panic("aesblocks: src is not whole groups of blocks")
	}
	if size == 0 {
		return 0, 0, 0
	}
	return len(src) / size, p.Crypt, p.Skip
}

// Counter is a counter block: Low counts and wraps without a carry into High (23001-7, 10.1). Both are the big-endian
// halves of the IV at first.
type Counter struct{ High, Low uint64 }

// CTR encrypts or decrypts whole groups of a pattern, and counts the blocks that it has worked on.
func (k *Key) CTR(dst, src []byte, c *Counter, p Pattern) {
	groups, crypt, skip := p.groups(dst, src)
	if groups == 0 {
		return
	}
	if k.fast {
		ctr(&k.enc, &dst[0], &src[0], c, groups, crypt, skip)
		return
	}
	k.slowCTR(dst, src, c, groups, crypt, skip)
}

// EncryptCBC encrypts whole groups of a pattern in one chain, which iv begins; iv is then what goes on with it.
func (k *Key) EncryptCBC(dst, src []byte, iv *[Size]byte, p Pattern) {
	groups, crypt, skip := p.groups(dst, src)
	if groups == 0 {
		return
	}
	if k.fast {
		encryptCBC(&k.enc, &dst[0], &src[0], iv, groups, crypt, skip)
		return
	}
	k.slowEncryptCBC(dst, src, iv, groups, crypt, skip)
}

// DecryptCBC undoes EncryptCBC.
func (k *Key) DecryptCBC(dst, src []byte, iv *[Size]byte, p Pattern) {
	groups, crypt, skip := p.groups(dst, src)
	if groups == 0 {
		return
	}
	if k.fast {
		decryptCBC(&k.dec, &dst[0], &src[0], iv, groups, crypt, skip)
		return
	}
	k.slowDecryptCBC(dst, src, iv, groups, crypt, skip)
}
