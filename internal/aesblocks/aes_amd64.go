//go:build !purego

package aesblocks

import "sync"

// accelerated tells whether the processor has AES instructions. It is asked once: under a hypervisor the question is dear.
var accelerated = sync.OnceValue(func() bool { return features()&(1<<25) != 0 })

// features is ECX of CPUID leaf 1. What else is used here every amd64 has.
//
//go:noescape
func features() uint32

//go:noescape
func expand(key *[16]byte, enc, dec *[176]byte)

// Each of the rest works on groups of crypt blocks, at least one, and copies skip blocks after each.

//go:noescape
func ctr(enc *[176]byte, dst, src *byte, c *Counter, groups, crypt, skip int)

//go:noescape
func encryptCBC(enc *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int)

//go:noescape
func decryptCBC(dec *[176]byte, dst, src *byte, iv *[Size]byte, groups, crypt, skip int)
