//go:build !amd64 || purego

package aesblocks

func accelerated() bool { return false }

func expand(key *[16]byte, enc, dec *[176]byte) { panic("aesblocks: no assembly") }

func ctr(enc *[176]byte, dst, src *byte, c *Counter, groups, crypt, skip int) {
	panic("aesblocks: no assembly")
}

func encryptCBC(enc *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int) {
	panic("aesblocks: no assembly")
}

func decryptCBC(dec *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int) {
	panic("aesblocks: no assembly")
}
