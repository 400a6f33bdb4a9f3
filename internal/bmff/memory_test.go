package bmff_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

// memory is what f allocates, bytes, also what is given back before it ends.
func memory(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

// bound is what the package promises for a file with so many bytes of moov and moofs: 1 MB, 32 times those, and 16 times
// the rest.
func bound(boxes, rest int) uint64 { return 1<<20 + 32*uint64(boxes) + 16*uint64(rest) }

// spent holds the bound for one input, read from memory and at offsets.
func spent(t *testing.T, data []byte, limit uint64) {
	t.Helper()
	obj := bmfftest.Object("bad.mp4", data)
	used := memory(func() { _, _ = bmff.Open(context.Background(), "bad.mp4", obj) })
	require.LessOrEqual(t, used, limit)
	remote := &bmfftest.Ranged{Data: data}
	used = memory(func() { _, _ = bmff.Open(context.Background(), "bad.mp4", remote) })
	require.LessOrEqual(t, used, limit+uint64(len(data)))
}

func TestMemoryIsBoundedByBytesThatAreThere(t *testing.T) {
	data := small().Bytes()
	frag := small()
	frag.Fragment, frag.Trex = 10, true
	frags := frag.Bytes()
	indexed := frag
	indexed.Sidx, indexed.Mfra = true, true
	lies := map[string][]byte{
		"stsd": data, "elst": data, "ctts": data, "stco": data, "stts": data, "stss": data, "stsc": data, "stsz": data,
		"trun": frags, "tfhd": frags, "trex": frags, "sidx": indexed.Bytes(), "tfra": indexed.Bytes(), "hdlr": data, "tref": data,
	}
	for typ, in := range lies {
		if !bytes.Contains(in, []byte(typ)) {
			continue
		}
		for at := 4; at < 40; at += 4 { // the place of the count differs; whatever stands there claims 2^31 of something
			for _, v := range []uint32{0x7fffffff, 0xffffffff, 0x10000000} {
				spent(t, poke(in, typ, at, bmfftest.U32(v)...), bound(len(in), 0))
			}
		}
	}
}

// TestMemoryOfEveryDamage: each byte of the boxes in turn is another.
func TestMemoryOfEveryDamage(t *testing.T) {
	tracks := []bmfftest.Track{bmfftest.Video(6, 3).Reorder(false), sized(1, 2, 3, 4)}
	tracks[0].SDTP = make([]byte, 6)
	for i := range tracks[0].Samples {
		tracks[0].Samples[i].Data = []byte{1, 2, 3}[:1+i%3]
	}
	for _, f := range []bmfftest.File{{MoovAtEnd: true, CO64: true}, {Fragment: 3, Trex: true, Sidx: true}, {Fragment: 3, InMoov: 2, Offsets: bmfftest.FromBase}} {
		f.Tracks = tracks
		data := f.Bytes()
		obj := &bmfftest.Ranged{Data: data}
		for i := range data {
			was := data[i]
			for _, v := range []byte{0x7f, 0xff} {
				data[i] = v
				used := memory(func() { _, _ = bmff.Open(context.Background(), "bad.mp4", obj) })
				require.LessOrEqual(t, used, bound(len(data), 0), "byte %d is %#x", i, v)
			}
			data[i] = was
		}
	}
}

// TestMemoryOfManySamples: as many as a file of the size can claim.
func TestMemoryOfManySamples(t *testing.T) {
	const n = 512 << 10
	one := bmfftest.Sound(bmfftest.MP4A(), 1, 1024, 48000)
	one.Samples[0].Data = []byte{1}
	t.Run("a byte each", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{one}}.Bytes()
		boxes := len(data)
		for typ, at := range map[string]int{"stts": 12, "stsz": 12, "stsc": 16} {
			data = poke(data, typ, at, bmfftest.U32(n)...)
		}
		data = append(poke(data, "mdat", -4, bmfftest.U32(n+8)...), make([]byte, n-1)...)
		require.Equal(t, n, open(t, data).Tracks[0].Index.Len())
		spent(t, data, bound(boxes, n))
	})
	t.Run("all different", func(t *testing.T) {
		v := bmfftest.Track{Handler: "vide", Timescale: 90000, Entries: [][]byte{bmfftest.AVC1()}}
		for i := range 10_000 {
			v.Samples = append(v.Samples, bmfftest.Sample{Data: []byte{1, 2}[:1+i%2], Duration: uint32(i * 7919), CTO: int32(i * 104729), Sync: i%2 == 0})
		}
		for _, f := range []bmfftest.File{{Chunk: 1, CO64: true}, {Fragment: 10_000}, {Fragment: 1000}} {
			f.Tracks = []bmfftest.Track{v}
			data := f.Bytes()
			agree(t, data, v, open(t, data).Tracks[0])
			spent(t, data, bound(len(data), 0))
		}
	})
	t.Run("no byte and no entry", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{one}, Fragment: 1, Trex: true}.Bytes()
		data = poke(data, "trex", 20, make([]byte, 4)...) // default size
		data = poke(data, "trun", 8, bmfftest.U32(1<<20)...)
		require.Equal(t, 1<<20, open(t, data).Tracks[0].Index.Len())
		spent(t, data, bound(len(data), 0))
		_, err := try(poke(data, "trun", 8, bmfftest.U32(1<<20+1)...))
		require.ErrorContains(t, err, "without bytes")
	})
	t.Run("no byte, uniform in a table of nothing", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{one}}.Bytes()
		spent(t, poke(data, "stsz", 8, bmfftest.U32(0, 1<<31-1)...), bound(len(data), 0))
	})
	t.Run("thousands of fragments", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Audio(4000)}, Fragment: 1}.Bytes()
		spent(t, data, bound(len(data), 0))
	})
	t.Run("thousands of tracks", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{one}}.Bytes()
		at, end := bytes.Index(data, []byte("trak"))-4, bytes.Index(data, []byte("mdat"))-4
		traks := bytes.Repeat(data[at:end], 3000)
		moov := bytes.Index(data, []byte("moov")) - 4
		out := append(bytes.Clone(data[:at]), traks...)
		binary.BigEndian.PutUint32(out[moov:], uint32(len(out)-moov))
		spent(t, append(out, data[end:]...), bound(len(out), 0))
	})
	t.Run("inflated", func(t *testing.T) {
		squeezed := func(moov []byte) []byte {
			cmvd := bmfftest.Box("cmvd", bmfftest.U32(1<<31), zlibOf(moov))
			return append(bmfftest.Box("ftyp", []byte("isom")), bmfftest.Box("moov", bmfftest.Box("cmov", bmfftest.Box("dcom", []byte("zlib")), cmvd))...)
		}
		spent(t, squeezed(make([]byte, 9<<20)), bound(0, 0))
		const n = 50_000
		moov := bmfftest.Box("moov", movieHeader(), tables("vide", 1, n, 90_000, 1))
		spent(t, squeezed(moov), bound(len(moov), 0))
	})
}
