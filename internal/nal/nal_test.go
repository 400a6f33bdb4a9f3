package nal_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

func unhex(s string) []byte {
	p, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return p
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		size   int
		sample string
		want   []string // units; the last is an error if it has letters that no hex has
	}{
		{4, "00000002 0910 00000001 65", []string{"0910", "65"}},
		{2, "0002 0910 0000 0001 65", []string{"0910", "", "65"}},
		{1, "01 65", []string{"65"}},
		{4, "", nil},
		{4, "00000003 0910", []string{"NAL unit of 3 bytes with 2 left"}},
		{4, "ffffffff 0910", []string{"NAL unit of 4294967295 bytes"}},
		{4, "00000001 65 0000", []string{"65", "2 bytes after the last NAL unit"}},
		{3, "000001 65", []string{"length field of 3 bytes"}},
	} {
		var got []string
		for p := unhex(c.sample); len(p) > 0; {
			unit, rest, err := nal.Next(p, c.size)
			if err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
				require.ErrorContains(t, err, c.want[len(c.want)-1])
				got = append(got, c.want[len(c.want)-1])
				break
			}
			got, p = append(got, hex.EncodeToString(unit)), rest
		}
		require.Equal(t, c.want, got, c.sample)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	sample := unhex(strings.Repeat("00000002 0910", 60)) // E22: many slices in a picture
	require.Zero(t, testing.AllocsPerRun(10, func() {
		for p := sample; len(p) > 0; {
			_, rest, err := nal.Next(p, 4)
			if err != nil {
				panic(err)
			}
			p = rest
		}
	}))
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		coding                  media.Coding
		unit                    string
		want                    uint8
		aud, set, slice, random bool
	}{
		{media.H264, "09f0", 9, true, false, false, false},
		{media.H264, "6764", 7, false, true, false, false},
		{media.H264, "68eb", 8, false, true, false, false},
		{media.H264, "6588", 5, false, false, true, true},
		{media.H264, "419a", 1, false, false, true, false},
		{media.H264, "0605", 6, false, false, false, false},
		{media.H264, "", 0xFF, false, false, false, false},
		{media.HEVC, "460150", 35, true, false, false, false},
		{media.HEVC, "4001", 32, false, true, false, false},
		{media.HEVC, "4401", 34, false, true, false, false},
		{media.HEVC, "2601", 19, false, false, true, true},
		{media.HEVC, "2a01", 21, false, false, true, true},
		{media.HEVC, "0201", 1, false, false, true, false},
		{media.HEVC, "1201", 9, false, false, true, false},
		{media.HEVC, "4e01", 39, false, false, false, false},
	} {
		got := nal.Type(c.coding, unhex(c.unit))
		require.Equal(t, c.want, got, c.unit)
		require.Equal(t, [4]bool{c.aud, c.set, c.slice, c.random}, [4]bool{nal.IsAUD(c.coding, got), nal.IsParameterSet(c.coding, got),
			nal.IsSlice(c.coding, got), nal.IsRandomAccess(c.coding, got)}, c.unit)
	}
}

func TestE18AccessUnitDelimiter(t *testing.T) {
	require.Equal(t, unhex("09F0"), nal.AUD(media.H264))
	require.Equal(t, unhex("460150"), nal.AUD(media.HEVC))
	require.Nil(t, nal.AUD(media.AV1))
}

func TestAnnexB(t *testing.T) {
	got, err := nal.AppendAnnexB([]byte{0x47}, unhex("00000002 09f0 00000000 00000001 65"), 4)
	require.NoError(t, err)
	require.Equal(t, unhex("47 00000001 09f0 00000001 65"), got)
	_, err = nal.AppendAnnexB(nil, unhex("00000009 65"), 4)
	require.ErrorIs(t, err, media.ErrFormat)
}

func TestE21TrailingZeros(t *testing.T) {
	for _, c := range []struct {
		stream string
		want   []string
	}{
		{"00000001 09f0 000001 65", []string{"09f0", "65"}},
		{"000001 6588 00 00000001 41", []string{"6588", "41"}},
		{"000001 6588 000000", []string{"6588"}},
		{"00000000 000001 6588 000000 000001 41 00", []string{"6588", "41"}},
		{"000001 000001 65", []string{"65"}},
		{"65", nil},
		{"", nil},
		{"000001", nil},
	} {
		var got []string
		for p := unhex(c.stream); ; {
			unit, rest := nal.NextAnnexB(p)
			if len(unit) == 0 {
				break
			}
			got, p = append(got, hex.EncodeToString(unit)), rest
		}
		require.Equal(t, c.want, got, c.stream)
	}
}

func TestEscape(t *testing.T) {
	for plain, escaped := range map[string]string{
		"": "", "000000": "000003 00", "000001": "00000301", "000002": "00000302", "000003": "00000303", "000004": "000004",
		"0000000000": "000003 000003 00", "010000": "01000003", "00000003000001": "000003 0003 000003 01",
	} {
		got := nal.Escape(nil, unhex(plain))
		require.Equal(t, unhex(escaped), append([]byte{}, got...), plain)
		require.NotContains(t, string(got), "\x00\x00\x01")
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 0, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		escaped := nal.Escape(nil, p)
		for _, code := range [][]byte{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}} {
			require.False(t, bytes.Contains(escaped, code), "%x", escaped)
		}
		back := nal.Unescape(nil, escaped)
		require.True(t, bytes.Equal(p, back), "%x: %x: %x", p, escaped, back)
	})
}

func FuzzNext(f *testing.F) {
	f.Add(unhex("00000002 0910 00000001 65"), uint8(4))
	f.Fuzz(func(t *testing.T, p []byte, size uint8) {
		total := 0
		for rest := p; len(rest) > 0; {
			unit, next, err := nal.Next(rest, int(size))
			if err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
				return
			}
			total += len(unit) + int(size)
			require.Less(t, len(next), len(rest))
			rest = next
		}
		require.Equal(t, len(p), total)
	})
}
