package ts_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

var (
	aud   = []byte{0x09, 0x30}
	idr   = append([]byte{0x65}, bmfftest.Noise(1, 500)...)
	slice = append([]byte{0x41}, bmfftest.Noise(2, 100)...)
)

// E18: HEVC has delimiters of its own shape, three bytes long.
func TestE18Delimiters(t *testing.T) {
	v := h264(90000)
	v.track.Codec = media.Codec{Coding: media.HEVC, FourCC: "hvc1", Config: hvcC(t)}
	v.add(bmfftest.NAL(append([]byte{0x26, 1}, bmfftest.Noise(1, 500)...)), 3600, 0, true)
	v.add(bmfftest.NAL([]byte{0x46, 0x01, 0x10}, append([]byte{0x02, 1}, bmfftest.Noise(2, 100)...)), 3600, 0, false)
	s := demux(t, segment(t, job(v))).streams[0x100]
	require.EqualValues(t, 0x24, s.kind)
	require.Equal(t, "HEVC", string([]byte{byte(s.registry >> 24), byte(s.registry >> 16), byte(s.registry >> 8), byte(s.registry)}))
	var kinds [][]uint8
	for _, p := range s.pes {
		require.Equal(t, []byte{0, 0, 0, 1, 0x46, 0x01, 0x50}, p.data[:7])
		var k []uint8
		for _, u := range units(p.data) {
			k = append(k, nal.Type(media.HEVC, u))
		}
		kinds = append(kinds, k)
	}
	require.Equal(t, [][]uint8{{35, 32, 33, 34, 19}, {35, 1}}, kinds)
}

// hvcC is the configuration of bmfftest's HEVC entry.
func hvcC(t *testing.T) []byte {
	e := bmfftest.HVC1()
	at := bytes.Index(e, []byte("hvcC"))
	require.Positive(t, at)
	return e[at+4:]
}

// E19: parameter sets come before every sync sample, and before the first sample whatever it is. E20: a delimiter or sets
// that the sample has are not doubled. The size of neither case depends on it.
func TestE19E20OwnUnits(t *testing.T) {
	own := bytes.Join([][]byte{h264SPS, {1}}, nil) // an SPS that is not the track's
	for name, c := range map[string]struct {
		sample []byte
		sync   bool
		want   [][]byte
	}{
		"none":           {bmfftest.NAL(idr), true, [][]byte{{9, 0xF0}, h264SPS, h264PPS, idr}},
		"delimiter":      {bmfftest.NAL(aud, idr), true, [][]byte{{9, 0xF0}, h264SPS, h264PPS, idr}},
		"sets":           {bmfftest.NAL(own, h264PPS, idr), true, [][]byte{{9, 0xF0}, own, h264PPS, idr}},
		"both":           {bmfftest.NAL(aud, own, h264PPS, idr), true, [][]byte{{9, 0xF0}, own, h264PPS, idr}},
		"half the sets":  {bmfftest.NAL(h264PPS, idr), true, [][]byte{{9, 0xF0}, h264SPS, h264PPS, h264PPS, idr}},
		"sets too late":  {bmfftest.NAL(idr, own, h264PPS), true, [][]byte{{9, 0xF0}, h264SPS, h264PPS, idr, own, h264PPS}},
		"no sync":        {bmfftest.NAL(slice), false, [][]byte{{9, 0xF0}, h264SPS, h264PPS, slice}},
		"second picture": {bmfftest.NAL(aud, slice, aud, slice), false, [][]byte{{9, 0xF0}, h264SPS, h264PPS, slice, aud, slice}},
	} {
		t.Run(name, func(t *testing.T) {
			v := h264(90000).add(c.sample, 3600, 0, c.sync).add(bmfftest.NAL(aud, slice), 3600, 0, false).add(c.sample, 3600, 0, true)
			d := demux(t, segment(t, job(v)))
			p := d.streams[0x100].pes
			require.Equal(t, c.want, units(p[0].data))
			require.Equal(t, [][]byte{{9, 0xF0}, slice}, units(p[1].data))
			require.Equal(t, c.want, units(p[2].data))
			require.Len(t, p[0].data, 6+4+len(h264SPS)+4+len(h264PPS)+len(c.sample))
		})
	}
}

// E21: units that end in zeros, which Annex B forbids and files have, do not swallow the next.
func TestE21TrailingZeros(t *testing.T) {
	for zeros := range 5 {
		tail := make([]byte, zeros)
		v := h264(90000).add(bmfftest.NAL(append(idr[:len(idr):len(idr)], tail...), slice, append(slice[:len(slice):len(slice)], tail...)), 3600, 0, true)
		got := units(demux(t, segment(t, job(v))).streams[0x100].pes[0].data)
		require.Equal(t, [][]byte{{9, 0xF0}, h264SPS, h264PPS, idr, slice, slice}, got)
	}
}

// E22: any number of slices, of any length.
func TestE22ManyUnits(t *testing.T) {
	var many [][]byte
	for i := range 3000 {
		many = append(many, append([]byte{0x65}, bmfftest.Noise(uint32(i), 1+i%300)...))
	}
	v := h264(90000).add(bmfftest.NAL(many...), 3600, 0, true)
	equalPictures(t, demux(t, segment(t, job(v))).streams[0x100], v, bias)
}

// lengths puts units into a sample with length fields of another size.
func lengths(width int, units ...[]byte) (b []byte) {
	for _, u := range units {
		for i := width - 1; i >= 0; i-- {
			b = append(b, byte(len(u)>>(8*i)))
		}
		b = append(b, u...)
	}
	return b
}

// Length fields of 1 and 2 bytes: sizes grow with the number of units, which is read, or known from the run.
func TestShortLengths(t *testing.T) {
	for _, width := range []int{1, 2} {
		short := slice[:100]
		v := h264(90000)
		v.track.Video.NALLength = width
		v.add(lengths(width, aud, short, short), 3600, 0, true).add(lengths(width, short), 3600, 0, false).
			add(nil, 3600, 0, false).add(lengths(width, h264SPS, h264PPS, short, nil), 3600, 0, true)
		b := segment(t, job(v))
		equalPictures(t, demux(t, b).streams[0x100], v, bias)
		for _, n := range []uint32{2, 100, 100, 100, uint32(len(h264SPS)), uint32(len(h264PPS)), 100, 0} {
			v.units = append(v.units, media.Unit{Size: n})
		}
		require.Equal(t, b, segment(t, job(v)))
		v.units = v.units[:3]
		_, err := ts.Packager{}.Segment(context.Background(), job(v))
		require.ErrorIs(t, err, media.ErrFormat)
	}
}

// Units that do not fill their sample: an error that names track and sample; before the first byte where sizes depend on
// it.
func TestMalformedUnits(t *testing.T) {
	good := bmfftest.NAL(idr)
	for name, bad := range map[string][]byte{
		"beyond the sample": append([]byte{0, 0, 1, 0}, 0x65, 1, 2),
		"half a length":     append(bmfftest.NAL(slice), 0, 0),
		"4 GB":              {0xFF, 0xFF, 0xFF, 0xFF, 0x65},
		"a long delimiter":  {0, 0, 0, 9, 9, 0xF0},
	} {
		v := h264(90000).add(good, 3600, 0, true).add(bad, 3600, 0, false)
		body, err := ts.Packager{}.Segment(context.Background(), job(v))
		require.NoError(t, err, name)
		_, err = body.Bytes(context.Background())
		require.ErrorIs(t, err, media.ErrFormat, name)
		require.ErrorContains(t, err, "track v1: sample[1]", name)
	}
	for _, bad := range [][]byte{{0, 9, 0x65}, {0, 1, 0x65, 0}} {
		v := h264(90000)
		v.track.Video.NALLength = 2
		v.add(lengths(2, idr), 3600, 0, true).add(bad, 3600, 0, false)
		_, err := ts.Packager{}.Segment(context.Background(), job(v))
		require.ErrorIs(t, err, media.ErrFormat)
		require.ErrorContains(t, err, "track v1: sample[1]")
	}
	v := h264(90000)
	v.track.Video.NALLength = 3
	require.ErrorIs(t, ts.Packager{}.Accepts(v.track, ""), media.ErrFormat)
}
