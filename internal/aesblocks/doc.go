// Package aesblocks is AES-128 over the blocks of media samples: CTR and CBC without padding, over every block or in the
// patterns of Common Encryption (ISO/IEC 23001-7, 9.6), where some blocks are encrypted and some after them are copied.
//
// It is for what crypto/cipher does not do. A stream of cipher.NewCTR cannot begin anew with another IV, so that each
// sample costs an allocation, and its counter carries into the upper 8 bytes, which that of Common Encryption does not; a
// loop over cipher.Block.Encrypt is ten times slower; and a pattern is a call for each of its groups, with a copy of all
// bytes before them. Here nothing is allocated after [New], a sample begins with its IV, and blocks are encrypted on the way
// from src to dst, those of a pattern that are left being copied while AES waits for itself.
//
// On amd64 with AES instructions that is assembly, of which one loop serves each mode:
//
//	groups times: crypt blocks are worked on, skip blocks after them are copied
//
// Elsewhere, and with the build tag purego, it is crypto/aes block by block: as fast as crypto/cipher where CBC encrypts, up
// to two and a half times as slow where it decrypts, and up to ten times in CTR without a pattern, which is the price of no
// allocation. BenchmarkModes measures both against crypto/cipher.
package aesblocks
