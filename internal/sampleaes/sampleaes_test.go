package sampleaes

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/internal/sampleaes/sampleaestest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// pair is a Chain and what undoes it.
func pair(t testing.TB, seed byte) (*Chain, *sampleaestest.Undo) {
	u := &sampleaestest.Undo{}
	for i := range 16 {
		u.Key[i], u.IV[i] = seed+byte(i), seed^byte(i*17)
	}
	secret, err := drm.NewSecret(u.Key[:])
	require.NoError(t, err)
	key, err := NewKey(&drm.Protection{Scheme: drm.SampleAES, Key: drm.Key{Value: secret, IV: u.IV[:]}})
	require.NoError(t, err)
	c := new(Chain)
	c.Reset(key)
	return c, u
}

// seal is a unit as it is sent, made of pieces of so many periods.
func seal(c *Chain, unit []byte, periods int) []byte {
	if !Encrypted(unit[0]&0x1F, int64(len(unit))) {
		return unit
	}
	var out []byte
	s := c.Slice(int64(len(unit)))
	rest := bytes.Clone(unit)
	for most := FirstPiece + periods*PieceSize; len(rest) > 0; most = periods * PieceSize {
		p := rest[:min(most, len(rest))]
		rest = rest[len(p):]
		s.Encrypt(p)
		for len(p) > 0 {
			n, escape := s.Escape(p)
			out = append(out, p[:n]...)
			if escape {
				out = append(out, 3)
			}
			p = p[n:]
		}
	}
	return out
}

// Which bytes of a NAL unit differ, by its length: the bounds of Apple's pseudocode.
func TestSlicePattern(t *testing.T) {
	c, _ := pair(t, 1)
	for _, v := range []struct {
		size   int
		blocks []int // where they begin
	}{
		{1, nil}, {48, nil}, {49, []int{32}}, {64, []int{32}}, {192, []int{32}}, {208, []int{32}}, {209, []int{32, 192}},
		{368, []int{32, 192}}, {369, []int{32, 192, 352}},
	} {
		unit := append([]byte{0x41}, bmfftest.Noise(5, v.size-1)...)
		got := nal.Unescape(nil, seal(c, unit, 1))
		require.Len(t, got, v.size)
		for i := range unit {
			in := false
			for _, b := range v.blocks {
				in = in || i >= b && i < b+16
			}
			if !in {
				require.Equal(t, unit[i], got[i], "byte %d of %d", i, v.size)
			}
		}
		for _, b := range v.blocks {
			require.NotEqual(t, unit[b:b+16], got[b:b+16], "block at %d of %d", b, v.size)
		}
	}
	for kind := range uint8(32) {
		require.Equal(t, kind == 1 || kind == 5, Encrypted(kind, 49))
		require.False(t, Encrypted(kind, 48))
	}
	for _, kind := range []uint8{2, 3, 4, 19, 20, 21} {
		require.True(t, Exposed(kind))
	}
	for _, kind := range []uint8{0, 1, 5, 6, 7, 8, 9, 12, 14, 18, 22} {
		require.False(t, Exposed(kind))
	}
}

// Ciphertext is made of AES-CBC as anyone does it: chained within a unit, restored at the next.
func TestSliceChain(t *testing.T) {
	c, u := pair(t, 9)
	unit := append([]byte{0x65}, bmfftest.Noise(3, 999)...)
	one := seal(c, unit, 1)
	require.Equal(t, one, seal(c, unit, 3), "the IV is restored, and the pieces do not matter")
	back, err := u.Unit(one)
	require.NoError(t, err)
	require.Equal(t, unit, back)
}

// adversary makes a unit that needs much emulation prevention: few values, and no start code, as a source has them.
func adversary(r *rand.Rand, size int) []byte {
	p := make([]byte, 0, size+1)
	p = append(p, 0x41+0x24*byte(r.IntN(2)))
	for len(p) < size {
		p = append(p, byte(r.IntN(5)*r.IntN(2)))
	}
	p[len(p)-1] = byte(1 + r.IntN(4))
	return append(p[:1:1], nal.Escape(nil, p[1:])...)
}

// Units of every size, under many keys, whose clear parts and whose ciphertext are full of what looks like start codes.
func TestSliceRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	escapes := 0
	for size := 1; size < 400; size++ {
		c, u := pair(t, byte(size))
		unit := adversary(r, size)
		sent := seal(c, unit, 1+size%3)
		checkUnit(t, sent)
		escapes += len(sent) - len(unit)
		back, err := u.Unit(bytes.Clone(sent))
		require.NoError(t, err)
		require.Equal(t, unit, back, "%d bytes", size)
		require.Equal(t, sent[:1], unit[:1])
	}
	require.Greater(t, escapes, 1000)
}

// checkUnit: what is sent has no start code in it, does not end in zero, and has 00 00 03 only where 0 to 3 follow.
func checkUnit(t testing.TB, p []byte) {
	if len(p) <= shortest { // as it came
		return
	}
	zeros := 0
	for _, b := range p {
		require.False(t, zeros >= 2 && b < 3, "00 00 %02x", b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	require.NotZero(t, p[len(p)-1])
}

// A key under which ciphertext itself has 00 00 0x is searched for, and what is then sent has 03 in the block.
func TestCiphertextEscaped(t *testing.T) {
	c, u := pair(t, 4)
	found := 0
	unit := append([]byte{0x41}, bmfftest.Noise(8, 80)...)
	for i := 0; found < 3 && i < 1<<24; i++ {
		unit[40], unit[41], unit[42], unit[43] = byte(i), byte(i>>8)|1, byte(i>>16)|1, 7
		p := bytes.Clone(unit)
		s := c.Slice(int64(len(p)))
		s.Encrypt(p)
		if n, escape := s.Escape(p); escape {
			found++
			require.True(t, n > 32 && n <= 49)
			sent := seal(c, unit, 1)
			require.Greater(t, len(sent), len(unit))
			require.EqualValues(t, 3, sent[n])
			checkUnit(t, sent)
			back, err := u.Unit(sent)
			require.NoError(t, err)
			require.Equal(t, unit, back)
		}
	}
	require.Equal(t, 3, found)
}

// eac3 is a syncframe of size bytes, a multiple of 2; dependent or not.
func eac3(size int, dependent bool) []byte {
	p := bmfftest.Noise(uint32(size), size)
	kind := byte(0)
	if dependent {
		kind = 1
	}
	n := size/2 - 1
	copy(p, []byte{0x0B, 0x77, kind<<6 | byte(n>>8), byte(n), 0x3F, 0x87})
	return p
}

// ac3 is a syncframe of 44.1 kHz and 192 kbit/s, padded or not.
func ac3(padded byte) []byte {
	p := bmfftest.Noise(7, 834+2*int(padded))
	copy(p, []byte{0x0B, 0x77, 1, 2, 0x40 | 20 | padded, 0x40})
	return p
}

func TestAudio(t *testing.T) {
	c, u := pair(t, 33)
	for size := range 100 { // AAC: 16 bytes and the tail stay
		clear := bmfftest.Noise(uint32(size), size)
		got := bytes.Clone(clear)
		require.NoError(t, c.Audio(media.AAC, got))
		end := 16 + max(0, size-16)/16*16
		if size < 32 {
			require.Equal(t, clear, got, "%d bytes", size)
			continue
		}
		require.Equal(t, clear[:16], got[:16])
		require.Equal(t, clear[end:], got[end:])
		require.NotEqual(t, clear[16:32], got[16:32])
		back, err := u.Dolby(got, size)
		require.NoError(t, err)
		require.Equal(t, clear, back)
	}
	for name, v := range map[string]struct {
		coding media.Coding
		frames [][]byte
	}{
		"AC-3":                 {media.AC3, [][]byte{ac3(0)}},
		"AC-3, padded":         {media.AC3, [][]byte{ac3(1)}},
		"E-AC-3":               {media.EAC3, [][]byte{eac3(768, false)}},
		"E-AC-3 of 7.1":        {media.EAC3, [][]byte{eac3(768, false), eac3(514, true)}},
		"E-AC-3 in six":        {media.EAC3, [][]byte{eac3(100, false), eac3(102, false), eac3(104, false), eac3(98, false), eac3(20, false), eac3(48, false)}},
		"AC-3 core, dependent": {media.EAC3, [][]byte{ac3(0), eac3(512, true)}},
	} {
		var clear []byte
		var sizes []int
		for _, f := range v.frames {
			clear, sizes = append(clear, f...), append(sizes, len(f))
		}
		got := bytes.Clone(clear)
		require.NoError(t, c.Audio(v.coding, got), name)
		off := 0
		for _, n := range sizes {
			require.Equal(t, clear[off:][:min(n, 16)], got[off:][:min(n, 16)], name)
			if n >= 32 {
				require.NotEqual(t, clear[off+16:][:16], got[off+16:][:16], name)
			}
			off += n
		}
		back, err := u.Dolby(got, sizes...)
		require.NoError(t, err)
		require.Equal(t, clear, back, name)
	}
	for name, bad := range map[string][]byte{
		"no sync word": bmfftest.Noise(1, 100), "cut": eac3(200, false)[:198], "tail": append(eac3(200, false), 1),
		"fscod 3": {0x0B, 0x77, 0, 0, 0xC0, 0x40, 0, 0}, "frmsizecod": {0x0B, 0x77, 0, 0, 38, 0x40, 0, 0},
	} {
		require.ErrorIs(t, c.Audio(media.EAC3, bad), media.ErrFormat, name)
	}
}

// AC-3 sizes, words of 16 bits, from table 4.13.
func TestSyncframe(t *testing.T) {
	for code, words := range map[byte][3]int{
		0: {64, 69, 96}, 1: {64, 70, 96}, 20: {384, 417, 576}, 21: {384, 418, 576}, 37: {1280, 1394, 1920},
	} {
		for fscod, n := range words {
			require.Equal(t, 2*n, syncframe([]byte{0x0B, 0x77, 0, 0, byte(fscod)<<6 | code, 0x40}), "%d of %d", code, fscod)
		}
	}
	require.Zero(t, syncframe([]byte{0x0B, 0x77, 0, 0, 0}))
}

func TestSetup(t *testing.T) {
	frame := ac3(0)
	for _, v := range []struct {
		codec media.Codec
		frame []byte
		want  string
	}{
		{media.Codec{Coding: media.AAC, String: "mp4a.40.2", Config: []byte{0x12, 0x10}}, nil, "7a616163 0000 01 02 1210"},
		{media.Codec{Coding: media.AAC, String: "mp4a.40.5", Config: []byte{0x2B, 0x92, 8, 0}}, nil, "7a616368 0000 01 04 2b920800"},
		{media.Codec{Coding: media.AAC, String: "mp4a.40.29", Config: []byte{0xEB, 0x92, 8, 0}}, nil, "7a616370 0000 01 04 eb920800"},
		{media.Codec{Coding: media.EAC3, String: "ec-3", Config: []byte{6, 0, 0x60, 4, 0}}, nil, "7a656333 0000 01 05 0600600400"},
		{media.Codec{Coding: media.AC3, String: "ac-3", Config: []byte{0x10, 0x11, 0x40}}, frame, "7a616333 0000 01 0a" + hex.EncodeToString(frame[:10])},
		// 48 kHz, bsid 8, acmod 2, no LFE, 192 kbit/s
		{media.Codec{Coding: media.AC3, String: "ac-3", Config: []byte{0x10, 0x11, 0x40}}, nil, "7a616333 0000 01 0a 0b770000 14 40 40 000000"},
	} {
		got, err := Setup(&media.Track{Codec: v.codec}, v.frame)
		require.NoError(t, err)
		require.Equal(t, string(bytes.ReplaceAll([]byte(v.want), []byte(" "), nil)), hex.EncodeToString(got))
	}
	for _, v := range []struct {
		codec media.Codec
		frame []byte
		err   error
	}{
		{media.Codec{Coding: media.AAC, String: "mp4a.40.1", Config: []byte{1}}, nil, media.ErrUnsupported},
		{media.Codec{Coding: media.MP3}, nil, drm.ErrIncompatible},
		{media.Codec{Coding: media.EAC3}, nil, media.ErrUnsupported},
		{media.Codec{Coding: media.EAC3, Config: make([]byte, 250)}, nil, media.ErrUnsupported},
		{media.Codec{Coding: media.AC3}, []byte("0123456789"), media.ErrFormat},
		{media.Codec{Coding: media.AC3}, frame[:9], media.ErrFormat},
		{media.Codec{Coding: media.AC3}, nil, media.ErrFormat},
	} {
		_, err := Setup(&media.Track{Codec: v.codec}, v.frame)
		require.ErrorIs(t, err, v.err)
	}
}

func TestNewKey(t *testing.T) {
	for _, v := range []struct {
		p   drm.Protection
		err error
	}{
		{drm.Protection{Scheme: drm.SampleAES}, drm.ErrNoKey},
		{drm.Protection{Scheme: drm.CBCS}, drm.ErrIncompatible},
		{drm.Protection{}, drm.ErrIncompatible},
		{drm.Protection{Scheme: drm.SampleAES, Key: drm.Key{IV: []byte{1}}}, drm.ErrKeyLength},
	} {
		_, err := NewKey(&v.p)
		require.ErrorIs(t, err, v.err)
	}
}

func TestNoAllocation(t *testing.T) {
	c, _ := pair(t, 2)
	unit, frame := append([]byte{0x41}, bmfftest.Noise(1, 5000)...), bmfftest.Noise(2, 400)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		s := c.Slice(int64(len(unit)))
		s.Encrypt(unit)
		s.Escape(unit)
		_ = c.Audio(media.AAC, frame)
	}))
}

// Whatever a unit and a key are, what is sent comes back.
func FuzzSlice(f *testing.F) {
	f.Add([]byte{0x41, 0, 0, 3, 0, 0, 3, 1}, byte(1), 300, 1)
	f.Fuzz(func(t *testing.T, seed []byte, key byte, size, periods int) {
		if len(seed) == 0 {
			return
		}
		unit := bytes.Repeat(seed, 1+size&0x3FFF/len(seed))
		unit[0] = 0x41 | key&4
		if unit = bytes.TrimRight(unit, "\x00"); len(unit) <= shortest {
			return
		}
		c, u := pair(t, key)
		sent := seal(c, unit, 1+periods&7)
		checkUnit(t, sent)
		back, err := u.Unit(sent)
		require.NoError(t, err)
		require.Equal(t, unit, back)
	})
}

// Sound that lies about its frames is an error, never a panic.
func FuzzAudio(f *testing.F) {
	f.Add(eac3(64, false))
	f.Add(ac3(1))
	f.Fuzz(func(t *testing.T, p []byte) {
		c, _ := pair(t, 1)
		if err := c.Audio(media.EAC3, p); err != nil {
			require.ErrorIs(t, err, media.ErrFormat)
		}
		_, _ = Setup(&media.Track{Codec: media.Codec{Coding: media.AC3, Config: p}}, nil)
	})
}

// What encryption of a slice costs beside its blocks in the cipher alone.
func BenchmarkSlice(b *testing.B) {
	c, _ := pair(b, 1)
	unit := append([]byte{0x41}, bmfftest.Noise(1, 20_000)...)
	b.Run("cipher", func(b *testing.B) {
		b.SetBytes(int64(len(unit)))
		var x [16]byte
		p := &x
		for b.Loop() {
			for range (len(unit) - 32) / 160 {
				c.key.block.Encrypt(p[:], p[:])
			}
		}
	})
	b.Run("slice", func(b *testing.B) {
		b.SetBytes(int64(len(unit)))
		b.ReportAllocs()
		for b.Loop() {
			s := c.Slice(int64(len(unit)))
			s.Encrypt(unit)
			for p := unit; len(p) > 0; {
				n, _ := s.Escape(p)
				p = p[n:]
			}
		}
	})
}

// Frames of sound beside the cipher alone over the same bytes.
func BenchmarkAudio(b *testing.B) {
	c, _ := pair(b, 1)
	frame := bmfftest.Noise(1, 371)
	b.Run("cipher", func(b *testing.B) {
		p := make([]byte, 22*16)
		mode := cipher.NewCBCEncrypter(c.key.block, make([]byte, 16))
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			mode.CryptBlocks(p, p)
		}
	})
	b.Run("frame", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Audio(media.AAC, frame); err != nil {
				b.Fatal(err)
			}
		}
	})
}
