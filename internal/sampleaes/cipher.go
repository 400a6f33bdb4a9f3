package sampleaes

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

const blockSize = aes.BlockSize

// Key is the cipher of a track. Immutable, safe for concurrent use.
type Key struct {
	block cipher.Block
	iv    [blockSize]byte
}

// NewKey takes the key and its constant IV from a protection. Errors match those of drm.Protection's Check, drm.ErrNoKey or,
// where the scheme is another, drm.ErrIncompatible.
func NewKey(p *drm.Protection) (*Key, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Of() != drm.SampleAES {
		return nil, fmt.Errorf("scheme %q for SAMPLE-AES: %w", p.Of(), drm.ErrIncompatible)
	}
	value, ok := p.Key.Value.Reveal()
	if !ok {
		return nil, fmt.Errorf("%s has no value: %w", p.Key, drm.ErrNoKey)
	}
	block, err := aes.NewCipher(value[:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Key, err)
	}
	return &Key{block, p.Key.ConstantIV()}, nil
}

// Accepts says whether the scheme can protect a track; the error matches drm.ErrIncompatible and media.ErrUnsupported.
func Accepts(t *media.Track) error {
	c := &t.Codec
	switch c.Coding {
	case media.H264, media.AC3, media.EAC3:
		return nil
	case media.AAC:
		if audioType(c) != "" {
			return nil
		}
		return refused(t, c.String+" has no name in it: AAC-LC, HE-AAC and HE-AAC v2 have")
	}
	return refused(t, "it does not define "+string(c.Coding)+": offer that as CMAF under cbcs, or the segments under AES-128")
}

func refused(t *media.Track, why string) error {
	return fmt.Errorf("track %s under SAMPLE-AES in MPEG-TS or packed audio: %s: %w: %w", t.ID, why, drm.ErrIncompatible, media.ErrUnsupported)
}

// Chain encrypts under a Key: one access unit after the other. Per access unit it allocates nothing; keep it in a pool, for
// what is given to a cipher lies on the heap. Not safe for concurrent use.
type Chain struct {
	key   *Key
	last  [blockSize]byte // the ciphertext before, or the IV
	mode  cipher.BlockMode
	state [blockSize]byte // what mode takes for last
}

// Reset begins with a Key; nil lets go of the one before.
func (c *Chain) Reset(k *Key) {
	*c = Chain{key: k}
	if k != nil {
		c.mode = cipher.NewCBCEncrypter(k.block, c.state[:])
	}
}

// restore goes back to the IV.
func (c *Chain) restore() { c.last = c.key.iv }

// block encrypts one block in place, chained to the one before.
func (c *Chain) block(p []byte) {
	_ = p[blockSize-1]
	xor(&c.last, p)
	c.key.block.Encrypt(c.last[:], c.last[:])
	copy(p, c.last[:])
}

// blocks encrypts the whole blocks of p in place, chained to those before. A BlockMode is fast and has no way back to an
// IV: the first block is changed by as much as its state is not what it ought to be.
func (c *Chain) blocks(p []byte) {
	p = p[:len(p)&^(blockSize-1)]
	if len(p) == 0 {
		return
	}
	xor(&c.last, p)
	xor(&c.last, c.state[:])
	copy(p, c.last[:])
	c.mode.CryptBlocks(p, p)
	copy(c.state[:], p[len(p)-blockSize:])
	c.last = c.state
}

func xor(dst *[blockSize]byte, p []byte) {
	binary.NativeEndian.PutUint64(dst[:], binary.NativeEndian.Uint64(dst[:])^binary.NativeEndian.Uint64(p))
	binary.NativeEndian.PutUint64(dst[8:], binary.NativeEndian.Uint64(dst[8:])^binary.NativeEndian.Uint64(p[8:]))
}
