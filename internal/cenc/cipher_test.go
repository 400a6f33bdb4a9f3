package cenc_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/packager/media"
)

var secret = []byte("0123456789abcdef")

func key(t testing.TB) drm.Key {
	s, err := drm.NewSecret(secret)
	require.NoError(t, err)
	return drm.Key{ID: drm.KeyID{1}, Value: s}
}

type suite struct {
	scheme  drm.Scheme
	pattern drm.Pattern
}

func suites() []suite {
	return []suite{
		{drm.CENC, drm.Pattern{}}, {drm.CBC1, drm.Pattern{}},
		{drm.CENS, drm.Pattern{}}, {drm.CENS, drm.Pattern{Crypt: 1, Skip: 9}}, {drm.CENS, drm.Pattern{Crypt: 5, Skip: 5}}, {drm.CENS, drm.Pattern{Crypt: 10}},
		{drm.CBCS, drm.Pattern{}}, {drm.CBCS, drm.Pattern{Crypt: 1, Skip: 9}}, {drm.CBCS, drm.Pattern{Crypt: 5, Skip: 5}}, {drm.CBCS, drm.Pattern{Crypt: 10}},
	}
}

func (s suite) String() string {
	return fmt.Sprintf("%s_%d-%d", s.scheme, s.pattern.Crypt, s.pattern.Skip)
}

// plain is the text of the clause, block after block, over a whole sample.
func plain(s suite, iv [16]byte, subs []media.Subsample, data []byte) []byte {
	block, _ := aes.NewCipher(secret)
	out := bytes.Clone(data)
	if len(subs) == 0 {
		subs = []media.Subsample{{Protected: uint32(len(data))}}
	}
	counter, chain := iv, iv
	var stream []byte // unused key stream
	at := 0
	for _, sub := range subs {
		at += int(sub.Clear)
		p := out[at : at+int(sub.Protected)]
		at += int(sub.Protected)
		if s.scheme == drm.CBCS {
			chain = iv
		}
		whole := s.scheme == drm.CENC || s.scheme == drm.CENS && s.pattern.Skip == 0
		for i := 0; len(p) > 0; i++ {
			n := min(16, len(p))
			b := p[:n]
			p = p[n:]
			if all := int(s.pattern.Crypt + s.pattern.Skip); !whole && (n < 16 || all > 0 && i%all >= int(s.pattern.Crypt)) {
				continue
			}
			if !s.scheme.Counter() {
				for j := range b {
					b[j] ^= chain[j]
				}
				block.Encrypt(b, b)
				copy(chain[:], b)
				continue
			}
			for j := range b {
				if len(stream) == 0 {
					stream = make([]byte, 16)
					block.Encrypt(stream, counter[:])
					binary.BigEndian.PutUint64(counter[8:], binary.BigEndian.Uint64(counter[8:])+1)
				}
				b[j] ^= stream[0]
				stream = stream[1:]
			}
		}
	}
	return out
}

// layouts of a sample: none, and up to five stretches, some of them empty, some not whole blocks.
func layout(r *rand.Rand, size int) []media.Subsample {
	if r.IntN(3) == 0 {
		return nil
	}
	var subs []media.Subsample
	for left := size; left > 0 || len(subs) == 0; {
		clear := r.IntN(min(left, 200) + 1)
		protected := r.IntN(left - clear + 1)
		if len(subs) >= 4 {
			protected = left - clear
		}
		subs = append(subs, media.Subsample{Clear: uint32(clear), Protected: uint32(protected)})
		left -= clear + protected
	}
	return subs
}

// run works on data through pieces of any size of at least 16 bytes, in place or not.
func run(t testing.TB, r *rand.Rand, c *cenc.Cipher, iv [16]byte, subs []media.Subsample, data []byte) []byte {
	require.NoError(t, c.Begin(iv, subs, int64(len(data))))
	src := bytes.Clone(data)
	dst := make([]byte, len(data))
	if r.IntN(2) == 0 {
		dst = src
	}
	for done := 0; done < len(src); {
		piece := min(16+r.IntN(300), len(src)-done)
		n := c.Crypt(dst[done:], src[done:done+piece])
		require.Greater(t, n, piece-16)
		done += n
	}
	require.Zero(t, c.Crypt(dst, src), "beyond the sample")
	return dst
}

func TestCipher(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range suites() {
		t.Run(s.String(), func(t *testing.T) {
			enc, err := cenc.NewEncrypter(key(t), s.scheme, s.pattern)
			require.NoError(t, err)
			dec, err := cenc.NewDecrypter(key(t), s.scheme, s.pattern)
			require.NoError(t, err)
			for i := range 400 {
				size := i // all sizes about the block first
				if i >= 60 {
					size = r.IntN(5000)
				}
				data := make([]byte, size)
				for j := range data {
					data[j] = byte(r.Uint32())
				}
				var iv [16]byte
				binary.BigEndian.PutUint64(iv[:], r.Uint64())
				if i%3 == 0 {
					binary.BigEndian.PutUint64(iv[8:], -uint64(r.IntN(40))) // wraps within the sample
				}
				subs := layout(r, size)
				got := run(t, r, enc, iv, subs, data)
				require.Equal(t, plain(s, iv, subs, data), got, "%d bytes, %v", size, subs)
				require.Equal(t, data, run(t, r, dec, iv, subs, got), "%d bytes, %v", size, subs)

				require.NoError(t, enc.Begin(iv, subs, int64(size)))
				skipped := int(enc.Skip(r.Int64N(int64(size) + 1)))
				tail := make([]byte, size-skipped)
				require.Equal(t, len(tail), enc.Crypt(tail, data[skipped:]))
				require.Equal(t, got[skipped:], tail, "%d bytes, %v, from %d", size, subs, skipped)
			}
		})
	}
}

// In streams a Range begins anywhere without the bytes before it.
func TestSkipsAllOfAStream(t *testing.T) {
	c, err := cenc.NewEncrypter(key(t), drm.CENC, drm.Pattern{})
	require.NoError(t, err)
	require.NoError(t, c.Begin([16]byte{}, []media.Subsample{{Clear: 10, Protected: 100_000}, {Clear: 5, Protected: 7}}, 100_022))
	require.Equal(t, int64(99_999), c.Skip(99_999))
	require.Equal(t, int64(23), c.Skip(1<<40))
}

func TestCipherRefuses(t *testing.T) {
	_, err := cenc.NewEncrypter(drm.Key{ID: drm.KeyID{7}}, drm.CENC, drm.Pattern{})
	require.ErrorIs(t, err, drm.ErrNoKey)
	_, err = cenc.NewEncrypter(key(t), drm.SampleAES, drm.Pattern{})
	require.ErrorIs(t, err, drm.ErrIncompatible)
	_, err = cenc.NewDecrypter(key(t), drm.CBCS, drm.Pattern{Skip: 9})
	require.ErrorIs(t, err, drm.ErrIncompatible)
	c, err := cenc.NewEncrypter(key(t), drm.CENC, drm.Pattern{})
	require.NoError(t, err)
	require.ErrorIs(t, c.Begin([16]byte{}, []media.Subsample{{Clear: 1, Protected: 2}}, 4), media.ErrFormat)
	require.ErrorIs(t, c.Begin([16]byte{}, []media.Subsample{{Clear: 1<<32 - 1, Protected: 1<<32 - 1}}, 4), media.ErrFormat)
	require.NotContains(t, fmt.Sprintf("%+v %v", c, err), string(secret))
}

// mp4ff decrypts what the Cipher encrypts.
func TestPeerDecrypts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 200 {
		data := make([]byte, 20+r.IntN(3000))
		iv := [16]byte{1, 2, 3, byte(i)}
		subs := layout(r, len(data))
		var peer []mp4.SubSamplePattern
		for _, s := range subs {
			peer = append(peer, mp4.SubSamplePattern{BytesOfClearData: uint16(s.Clear), BytesOfProtectedData: s.Protected})
		}
		ctr, err := cenc.NewEncrypter(key(t), drm.CENC, drm.Pattern{})
		require.NoError(t, err)
		got := run(t, r, ctr, iv, subs, data)
		require.NoError(t, mp4.CryptSampleCenc(got, secret, iv[:], peer))
		require.Equal(t, data, got)

		for _, p := range []drm.Pattern{{}, {Crypt: 1, Skip: 9}} {
			cbcs, err := cenc.NewEncrypter(key(t), drm.CBCS, p)
			require.NoError(t, err)
			got = run(t, r, cbcs, iv, subs, data)
			tenc := &mp4.TencBox{Version: 1, DefaultCryptByteBlock: p.Crypt, DefaultSkipByteBlock: p.Skip, DefaultConstantIV: iv[:]}
			require.NoError(t, mp4.DecryptSampleCbcs(got, secret, iv[:], peer, tenc))
			require.Equal(t, data, got, "%v", subs)
		}
	}
}

func TestCipherAllocates(t *testing.T) {
	for _, s := range suites() {
		for _, size := range []int{300, 20_000} {
			c, err := cenc.NewEncrypter(key(t), s.scheme, s.pattern)
			require.NoError(t, err)
			data := make([]byte, size)
			subs := []media.Subsample{{Clear: 20, Protected: uint32(size - 20)}}
			n := testing.AllocsPerRun(50, func() {
				_ = c.Begin([16]byte{}, subs, int64(size))
				c.Crypt(data, data)
			})
			require.Zero(t, n, "%s, %d bytes", s, size)
		}
	}
}

// BenchmarkCipher compares each scheme with the cipher of the standard library under it, over the bytes that are encrypted:
// "x-raw" is how many times as long it takes.
func BenchmarkCipher(b *testing.B) {
	for _, size := range []int{300, 20_000} {
		block, err := aes.NewCipher(secret)
		require.NoError(b, err)
		src, dst := make([]byte, size), make([]byte, size)
		whole := size &^ 15
		mode := cipher.NewCBCEncrypter(block, make([]byte, 16))
		ctr := func() { cipher.NewCTR(block, src[:16]).XORKeyStream(dst, src) }
		cbc := func() { mode.CryptBlocks(dst[:whole], src[:whole]) }
		for _, s := range suites() {
			b.Run(fmt.Sprintf("%s/%d", s, size), func(b *testing.B) {
				c, err := cenc.NewEncrypter(key(b), s.scheme, s.pattern)
				require.NoError(b, err)
				subs := []media.Subsample{{Protected: uint32(size)}}
				f, raw := func() {
					_ = c.Begin([16]byte{}, subs, int64(size))
					c.Crypt(dst, src)
				}, cbc
				if s.scheme.Counter() {
					raw = ctr
				}
				ours, theirs := best(f, raw)
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					f()
				}
				b.ReportMetric(ours/theirs, "x-raw")
			})
		}
	}
}

// best is the shortest time that each took, nanoseconds. They run in turn, so that what else the machine does befalls both.
func best(a, b func()) (float64, float64) {
	least := [2]float64{math.Inf(1), math.Inf(1)}
	for range 60 {
		for i, f := range []func(){a, b} {
			begin := time.Now()
			for range 20 {
				f()
			}
			least[i] = min(least[i], float64(time.Since(begin).Nanoseconds())/20)
		}
	}
	return least[0], least[1]
}
