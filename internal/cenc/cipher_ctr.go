package cenc

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/mezzomedia/mezzo/internal/aesblocks"
)

// counter is AES-CTR as Common Encryption has it (23001-7, 10.1): of the 16 bytes the last 8 count blocks and wrap
// without a carry into the first 8, whatever the size of the IV. One key stream runs through a sample.
type counter struct {
	next   aesblocks.Counter // of the first block that is not in key
	key    [16]byte          // key stream of a block that was broken
	unused []byte            // of key
}

func (c *counter) begin(iv *[16]byte) {
	c.next = aesblocks.Counter{High: binary.BigEndian.Uint64(iv[:8]), Low: binary.BigEndian.Uint64(iv[8:])}
	c.unused = nil
}

// skip passes over n bytes.
func (c *counter) skip(k *aesblocks.Key, n int64) {
	used := min(n, int64(len(c.unused)))
	c.unused = c.unused[used:]
	n -= used
	c.next.Low += uint64(n / 16)
	if n%16 > 0 {
		c.fill(k)
		c.unused = c.unused[n%16:]
	}
}

// fill makes the key stream of the next block.
func (c *counter) fill(k *aesblocks.Key) {
	c.key = [16]byte{}
	k.CTR(c.key[:], c.key[:], &c.next, aesblocks.Pattern{})
	c.unused = c.key[:]
}

// crypt works on the next bytes, however many.
func (c *counter) crypt(k *aesblocks.Key, dst, src []byte) {
	n := c.broken(dst, src)
	dst, src = dst[n:], src[n:]
	whole := len(src) &^ 15
	k.CTR(dst[:whole], src[:whole], &c.next, aesblocks.Pattern{})
	if whole < len(src) {
		c.fill(k)
		c.broken(dst[whole:], src[whole:])
	}
}

// broken takes what is left of a block.
func (c *counter) broken(dst, src []byte) int {
	if len(c.unused) == 0 {
		return 0
	}
	n := subtle.XORBytes(dst, src, c.unused)
	c.unused = c.unused[n:]
	return n
}
