package bits_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bits"
)

func TestReaderFields(t *testing.T) {
	r := bits.NewReader([]byte{0b1010_0101, 0xff, 0x00, 0x12, 0x34, 0x56})
	require.True(t, r.Flag())
	require.Equal(t, uint32(0b010), r.U(3))
	require.Equal(t, uint32(0b0101_1111), r.U(8))
	r.Align()
	require.Equal(t, 16, r.Pos())
	require.Equal(t, uint32(0x00123456), r.U(32))
	require.Zero(t, r.Left())
	require.False(t, r.Over())
	require.Zero(t, r.U(1))
	require.True(t, r.Over())
}

func TestExpGolomb(t *testing.T) {
	for _, c := range []struct {
		bits uint32
		n    int
		ue   uint32
		se   int32
	}{
		{0b1, 1, 0, 0}, {0b010, 3, 1, 1}, {0b011, 3, 2, -1}, {0b00100, 5, 3, 2}, {0b00111, 5, 6, -3},
		{0b0001000, 7, 7, 4}, {0b000000001_00000000, 17, 255, 128},
	} {
		var w bits.Writer
		w.U(c.bits, c.n)
		require.Equal(t, c.ue, bits.NewReader(w.Bytes()).UE())
		require.Equal(t, c.se, bits.NewReader(w.Bytes()).SE())
	}
}

func TestExpGolombBounds(t *testing.T) {
	for _, p := range [][]byte{nil, {0}, make([]byte, 64), {0, 0, 0, 1, 0xff}} {
		r := bits.NewReader(p)
		r.UE()
		require.True(t, r.Over(), "%x", p)
	}
}

func TestWriterReader(t *testing.T) {
	var w bits.Writer
	for i := range 33 {
		w.U(0xdeadbeef, i)
	}
	w.Align()
	w.U(0x7f, 8)
	r := bits.NewReader(w.Bytes())
	for i := range 33 {
		require.Equal(t, uint32(uint64(0xdeadbeef)&(1<<i-1)), r.U(i))
	}
	r.Align()
	require.Equal(t, uint32(0x7f), r.U(8))
	require.False(t, r.Over())
}

func TestSkipPastTheEnd(t *testing.T) {
	r := bits.NewReader(make([]byte, 2))
	r.Skip(16)
	require.False(t, r.Over())
	r.Skip(1)
	require.True(t, r.Over())
	r = bits.NewReader(make([]byte, 2))
	r.Skip(-1)
	require.True(t, r.Over())
}
