package cenc

import "crypto/cipher"

// chain is AES-CBC without padding (23001-7, 10.2 and 10.4), over whole blocks.
type chain struct {
	make func(iv []byte) cipher.BlockMode // NewCBCEncrypter or NewCBCDecrypter with the key; nil: AES-CTR is used
	mode cipher.BlockMode
	set  interface{ SetIV(iv []byte) } // mode; nil: it cannot begin anew
}

// begin starts a chain.
func (c *chain) begin(iv *[16]byte) {
	if c.set != nil {
		c.set.SetIV(iv[:])
		return
	}
	c.mode = c.make(iv[:])
	c.set, _ = c.mode.(interface{ SetIV(iv []byte) })
}

func (c *chain) crypt(dst, src []byte) { c.mode.CryptBlocks(dst, src) }
