package cenc

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"math"
)

const (
	// manyBytes is from how many protected bytes on a sample gets a counter of crypto/cipher: it works on many blocks at
	// once, ten times as fast as one after the other, but has to be made anew for each IV.
	manyBytes = 512
	keystream = 128
)

// counter is AES-CTR as Common Encryption has it (23001-7, 10.1): of the 16 bytes the last 8 count blocks and wrap
// without a carry into the first 8, whatever the size of the IV. One key stream runs through a sample.
type counter struct {
	block  cipher.Block
	hi, lo uint64        // of the first block
	at     int64         // bytes done
	size   int64         // of all that is to be done
	many   cipher.Stream // of the rest, where there is much to do; nil: key
	wrap   int64         // at which the last 8 bytes wrap, and many ends
	key    [keystream]byte
	unused []byte // of key
}

func (c *counter) begin(iv [16]byte, size int64) {
	c.hi, c.lo = binary.BigEndian.Uint64(iv[:8]), binary.BigEndian.Uint64(iv[8:])
	c.at, c.size = 0, size
	c.many, c.unused = nil, nil
}

// skip passes over n bytes.
func (c *counter) skip(n int64) {
	c.at += n
	c.many, c.unused = nil, nil
}

// crypt works on the next bytes.
func (c *counter) crypt(dst, src []byte) {
	for len(src) > 0 {
		n := 0
		switch {
		case len(c.unused) > 0:
			n = subtle.XORBytes(dst, src[:min(len(src), len(c.unused))], c.unused)
			c.unused = c.unused[n:]
		case c.many != nil && c.at < c.wrap:
			n = int(min(c.wrap-c.at, int64(len(src))))
			c.many.XORKeyStream(dst[:n], src[:n])
		case c.size-c.at >= manyBytes:
			c.stream()
		default:
			c.fill()
		}
		c.at += int64(n)
		dst, src = dst[n:], src[n:]
	}
}

// put writes the block that is n after the one in which c.at lies.
func (c *counter) put(b []byte, n int) {
	binary.BigEndian.PutUint64(b, c.hi)
	binary.BigEndian.PutUint64(b[8:], c.lo+uint64(c.at/16)+uint64(n))
}

// stream makes many. It would carry into hi and so has to end where the last 8 bytes wrap.
func (c *counter) stream() {
	iv := c.key[:16]
	c.put(iv, 0)
	c.wrap = math.MaxInt64
	if blocks := -binary.BigEndian.Uint64(iv[8:]); blocks != 0 && blocks < 1<<58 {
		c.wrap = c.at&^15 + int64(blocks)*16
	}
	c.many = cipher.NewCTR(c.block, iv)
	part := c.key[:c.at&15]
	c.many.XORKeyStream(part, part)
}

// fill makes as much of the key stream as is still to come and fits.
func (c *counter) fill() {
	part := c.at & 15
	n := min((part+c.size-c.at+15)&^15, keystream)
	for i, b := 0, c.key[:n]; len(b) > 0; i, b = i+1, b[16:] {
		c.put(b, i)
		c.block.Encrypt(b[:16], b[:16])
	}
	c.unused = c.key[part:n]
}
