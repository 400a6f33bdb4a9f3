package aesblocks

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keys are the ways that there are here: assembly and crypto/aes.
func keys(key [16]byte) map[string]*Key {
	out := map[string]*Key{"slow": newKey(key, false)}
	if accelerated() {
		out["fast"] = newKey(key, true)
	}
	return out
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// The vectors of NIST SP 800-38A, F.2.1 and F.5.1, and the key schedule of FIPS 197, A.1.
func TestVectors(t *testing.T) {
	plain := unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	cbc := unhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7")
	stream := unhex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")
	for name, k := range keys([16]byte(unhex("2b7e151628aed2a6abf7158809cf4f3c"))) {
		got := make([]byte, len(plain))
		iv := [16]byte(unhex("000102030405060708090a0b0c0d0e0f"))
		k.EncryptCBC(got, plain, &iv, Pattern{})
		require.Equal(t, cbc, got, name)
		iv = [16]byte(unhex("000102030405060708090a0b0c0d0e0f"))
		k.DecryptCBC(got, got, &iv, Pattern{})
		require.Equal(t, plain, got, name)
		k.CTR(got, plain, &Counter{0xf0f1f2f3f4f5f6f7, 0xf8f9fafbfcfdfeff}, Pattern{})
		require.Equal(t, stream, got, name)
		if name == "fast" {
			require.Equal(t, unhex("d014f9a8c9ee2589e13f0cc8b6630ca6"), k.enc[160:])
		}
	}
}

// oracle is crypto/aes and crypto/cipher, a block at a time.
func oracle(t testing.TB, key, iv [16]byte, src []byte, p Pattern, mode string) []byte {
	block, err := aes.NewCipher(key[:])
	require.NoError(t, err)
	out := bytes.Clone(src)
	all := p.Crypt + p.Skip
	encrypt, decrypt := cipher.NewCBCEncrypter(block, iv[:]), cipher.NewCBCDecrypter(block, iv[:])
	for i := 0; i*Size < len(src); i++ {
		b := out[i*Size:][:Size]
		switch {
		case p.Skip > 0 && i%all >= p.Crypt:
		case mode == "ctr":
			cipher.NewCTR(block, iv[:]).XORKeyStream(b, b)
			binary.BigEndian.PutUint64(iv[8:], binary.BigEndian.Uint64(iv[8:])+1)
		case mode == "encrypt":
			encrypt.CryptBlocks(b, b)
		default:
			decrypt.CryptBlocks(b, b)
		}
	}
	return out
}

// work runs a mode, and returns what it made.
func work(k *Key, dst, src []byte, iv *[16]byte, p Pattern, mode string) {
	switch mode {
	case "ctr":
		c := Counter{binary.BigEndian.Uint64(iv[:]), binary.BigEndian.Uint64(iv[8:])}
		k.CTR(dst, src, &c, p)
		binary.BigEndian.PutUint64(iv[8:], c.Low)
	case "encrypt":
		k.EncryptCBC(dst, src, iv, p)
	default:
		k.DecryptCBC(dst, src, iv, p)
	}
}

// check compares with crypto/cipher: at an alignment of its own on either side, in place or not, at once or in two steps;
// and nothing beyond is touched.
func check(t testing.TB, r *rand.Rand, key, iv [16]byte, data []byte, p Pattern) {
	unit := Size
	if p.Skip > 0 {
		unit = Size * (p.Crypt + p.Skip)
	}
	data = data[:len(data)/unit*unit]
	for _, mode := range []string{"ctr", "encrypt", "decrypt"} {
		want := oracle(t, key, iv, data, p, mode)
		for name, k := range keys(key) {
			src := append(make([]byte, r.IntN(16)), data...)
			src = src[len(src)-len(data):]
			frame := bytes.Repeat([]byte{0xA5}, len(data)+48)
			from := 16 + r.IntN(16)
			dst := frame[from:][:len(data)]
			if r.IntN(2) == 0 {
				copy(dst, src)
				src = dst
			}
			chain := iv
			half := r.IntN(len(data)/unit+1) * unit
			work(k, dst[:half], src[:half], &chain, p, mode)
			work(k, dst[half:], src[half:], &chain, p, mode)
			require.Equal(t, want, dst, "%s %s %v", name, mode, p)
			require.Equal(t, bytes.Repeat([]byte{0xA5}, from), frame[:from])
			require.Equal(t, bytes.Repeat([]byte{0xA5}, 48-from), frame[from+len(data):])
		}
	}
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestModes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range []Pattern{{}, {1, 9}, {5, 5}, {10, 0}, {1, 1}, {9, 1}, {3, 12}, {15, 15}, {8, 2}} {
		for blocks := range 60 {
			iv := [16]byte(random(r, 16))
			if blocks%3 == 0 { // the counter wraps
				binary.BigEndian.PutUint64(iv[8:], -uint64(r.IntN(20)))
			}
			check(t, r, [16]byte(random(r, 16)), iv, random(r, Size*blocks), p)
		}
	}
}

func FuzzModes(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{0xFF}, 16), make([]byte, 500), uint8(1), uint8(9), uint64(1))
	f.Add(make([]byte, 16), make([]byte, 16), make([]byte, 200), uint8(1), uint8(0), uint64(2))
	f.Fuzz(func(t *testing.T, key, iv, data []byte, crypt, skip uint8, seed uint64) {
		var k, v [16]byte
		copy(k[:], key)
		copy(v[:], iv)
		check(t, rand.New(rand.NewPCG(seed, 0)), k, v, data, Pattern{1 + int(crypt%15), int(skip % 16)})
	})
}

func TestLengths(t *testing.T) {
	for name, k := range keys([16]byte{}) {
		var iv [16]byte
		b := make([]byte, 160)
		require.Panics(t, func() { k.EncryptCBC(b, b[:15], &iv, Pattern{}) }, name)
		require.Panics(t, func() { k.EncryptCBC(b[:16], b[:32], &iv, Pattern{}) }, name)
		require.Panics(t, func() { k.DecryptCBC(b, b[:32], &iv, Pattern{1, 9}) }, name)
		require.Panics(t, func() { k.CTR(b, b[:32], &Counter{}, Pattern{-1, 1}) }, name)
		require.NotPanics(t, func() { k.CTR(nil, nil, &Counter{}, Pattern{1, 9}) }, name)
	}
}

func TestAllocates(t *testing.T) {
	for name, k := range keys([16]byte{}) {
		b := make([]byte, 1600)
		require.Zero(t, testing.AllocsPerRun(20, func() {
			var iv [16]byte
			var c Counter
			for _, p := range []Pattern{{}, {1, 9}} {
				k.CTR(b, b, &c, p)
				k.EncryptCBC(b, b, &iv, p)
				k.DecryptCBC(b, b, &iv, p)
			}
		}), name)
	}
}

// BenchmarkModes runs each mode beside the one of crypto/cipher that does the same, from one buffer to another. For
// patterns that is a copy and a call for each group. "x-std" is how many times as long as it takes, best of many laps in turn.
func BenchmarkModes(b *testing.B) {
	var key, iv [16]byte
	block, err := aes.NewCipher(key[:])
	require.NoError(b, err)
	mode := cipher.NewCBCEncrypter(block, iv[:])
	back := cipher.NewCBCDecrypter(block, iv[:])
	for _, size := range []int{320, 16_000} {
		src, dst := make([]byte, size), make([]byte, size)
		groups := func(f func(p []byte)) {
			copy(dst, src)
			for p := dst; len(p) > 0; p = p[160:] {
				f(p[:16])
			}
		}
		for _, c := range []struct {
			name string
			std  func()
			mode string
			p    Pattern
		}{
			{"CTR", func() { cipher.NewCTR(block, iv[:]).XORKeyStream(dst, src) }, "ctr", Pattern{}},
			{"CTR_1-9", func() {
				s := cipher.NewCTR(block, iv[:])
				groups(func(p []byte) { s.XORKeyStream(p, p) })
			}, "ctr", Pattern{1, 9}},
			{"CBC", func() { mode.CryptBlocks(dst, src) }, "encrypt", Pattern{}},
			{"CBC_1-9", func() { groups(func(p []byte) { mode.CryptBlocks(p, p) }) }, "encrypt", Pattern{1, 9}},
			{"CBC_decrypt", func() { back.CryptBlocks(dst, src) }, "decrypt", Pattern{}},
			{"CBC_decrypt_1-9", func() { groups(func(p []byte) { back.CryptBlocks(p, p) }) }, "decrypt", Pattern{1, 9}},
		} {
			ways := []func(){c.std}
			names := []string{"std"}
			for _, name := range []string{"fast", "slow"} {
				if k := keys(key)[name]; k != nil {
					names = append(names, name)
					ways = append(ways, func() { work(k, dst, src, &iv, c.p, c.mode) })
				}
			}
			least := compare(ways)
			for i, f := range ways {
				b.Run(fmt.Sprintf("%s/%d/%s", c.name, size, names[i]), func(b *testing.B) {
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
					b.ReportMetric(float64(least[i])/float64(least[0]), "x-std")
				})
			}
		}
	}
}

// compare runs the functions in turn, and returns the shortest time of each.
func compare(ways []func()) []time.Duration {
	least := make([]time.Duration, len(ways))
	for lap := range 100 {
		for i, f := range ways {
			begin := time.Now()
			for range 20 {
				f()
			}
			if d := time.Since(begin); lap == 0 || d < least[i] {
				least[i] = d
			}
		}
	}
	return least
}
