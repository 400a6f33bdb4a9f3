package bmff_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestA1Fragmented: a fragmented file is read as any other is; what indexes it has does not matter.
func TestA1Fragmented(t *testing.T) {
	v, a := bmfftest.Video(100, 25).Reorder(true), bmfftest.Audio(188)
	for _, tracks := range [][]bmfftest.Track{{v}, {a}, {v, a}} {
		for _, f := range []bmfftest.File{{}, {Sidx: true}, {Mfra: true}, {Sidx: true, Mfra: true, OneTraf: true}, {InMoov: 20}} {
			f.Tracks, f.Fragment = tracks, 25
			data := f.Bytes()
			m := open(t, data)
			require.True(t, m.Fragmented)
			require.Empty(t, m.Warnings)
			for i := range tracks {
				agree(t, data, tracks[i], m.Tracks[i])
			}
		}
	}
	t.Run("still being written: the last fragment is not whole", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{v, a}, Fragment: 25}.Bytes()
		last := bytes.LastIndex(data, []byte("moof"))
		for _, n := range []int{last - 4, last, last + 40} {
			m := open(t, data[:n])
			require.Equal(t, 75, m.Tracks[0].Index.Len())
		}
	})
	t.Run("nothing but the header", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 25}.Bytes()
		m := open(t, data[:bytes.Index(data, []byte("moof"))-4])
		require.Zero(t, m.Tracks[0].Index.Len())
	})
}

// TestA2MoovBehindMdat: 4 and 40 MB of it, read at once wherever it lies.
func TestA2MoovBehindMdat(t *testing.T) {
	f := small()
	for _, n := range []int{0, 4 << 20, 40 << 20} {
		f.MoovAtEnd, f.MoovTail = true, [][]byte{bmfftest.Box("free", make([]byte, n))}
		data := f.Bytes()
		m, obj := openRanged(t, data)
		agree(t, data, f.Tracks[0], m.Tracks[0])
		agree(t, data, f.Tracks[1], m.Tracks[1])
		require.LessOrEqual(t, obj.Reads, 3, "file type, header of moov, moov")
	}
}

// TestA3TenHours: sixty frames a second with sound for ten hours: tables of some 25 MB.
func TestA3TenHours(t *testing.T) {
	const n, sound = 60 * 36_000, 48_000 / 1024 * 36_000
	moov := bmfftest.Box("moov", movieHeader(), tables("vide", 1, n, 60_000, 1000), tables("soun", 2, sound, 48_000, 1024))
	obj := &bmfftest.Sparse{Length: 40 << 30, Parts: map[int64][]byte{
		0: bmfftest.Box("ftyp", []byte("isom\x00\x00\x02\x00isom")), 20: moov, 20 + int64(len(moov)): append(bmfftest.U32(1), append([]byte("mdat"), bmfftest.U64(40<<30-20-uint64(len(moov)))...)...),
	}}
	var m *bmff.Movie
	var err error
	used := memory(func() { m, err = bmff.Open(context.Background(), "long.mp4", obj) })
	require.NoError(t, err)
	require.Empty(t, m.Warnings)
	require.Less(t, used, uint64(1<<20+32*len(moov)))
	x := m.Tracks[0].Index
	require.Equal(t, n, x.Len())
	require.Equal(t, sound, m.Tracks[1].Index.Len())
	require.Equal(t, int64(n)*1000, x.DTS(n))
	require.Less(t, (x.Size()+m.Tracks[1].Index.Size())/10, int64(1_500_000), "of an hour")
	for _, i := range []int{0, 1, n / 2, n - 1} {
		s := x.Append(nil, i, i+1)[0]
		require.Equal(t, int64(i)*1000, s.DTS)
		require.Equal(t, chunkAt(i/30)+sum(i/30*30, i), s.Offset)
		require.Equal(t, sizeOf(i), s.Size)
		require.Equal(t, i%120 == 0, s.Flags.Sync())
	}
}

func sizeOf(i int) uint32     { return uint32(900 + i*7919%3001) }
func chunkAt(chunk int) int64 { return 64<<20 + int64(chunk)*200_000 }
func sum(from, to int) (n int64) {
	for i := from; i < to; i++ {
		n += int64(sizeOf(i))
	}
	return n
}

func movieHeader() []byte {
	return bmfftest.FullBox("mvhd", 0, 0, bmfftest.U32(0, 0, 1000, 0), make([]byte, 80))
}

// tables is a trak of n samples of one duration, 30 in a chunk, a sync sample every 120, without any payload.
func tables(handler string, id uint32, n int, timescale, duration uint32) []byte {
	video := handler == "vide"
	sizes, sync, chunks, ctts := make([]byte, 0, 4*n), []byte(nil), []byte(nil), []byte(nil)
	for i := range n {
		sizes = binary.BigEndian.AppendUint32(sizes, sizeOf(i))
		if video {
			ctts = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(ctts, 1), uint32(i%3)*duration)
		}
		if i%120 == 0 {
			sync = binary.BigEndian.AppendUint32(sync, uint32(i)+1)
		}
		if i%30 == 0 {
			chunks = binary.BigEndian.AppendUint64(chunks, uint64(chunkAt(i/30)))
		}
	}
	u := func(v ...uint32) []byte { return bmfftest.U32(v...) }
	stbl := [][]byte{
		bmfftest.FullBox("stsd", 0, 0, u(1), bmfftest.AVC1()), bmfftest.FullBox("stts", 0, 0, u(1, uint32(n), duration)),
		bmfftest.FullBox("stsz", 0, 0, u(0, uint32(n)), sizes), bmfftest.FullBox("stsc", 0, 0, u(1, 1, 30, 1)),
		bmfftest.FullBox("co64", 0, 0, u(uint32(len(chunks)/8)), chunks),
	}
	if video {
		stbl = append(stbl, bmfftest.FullBox("stss", 0, 0, u(uint32(len(sync)/4)), sync), bmfftest.FullBox("ctts", 0, 0, u(uint32(n)), ctts))
	}
	return bmfftest.Box("trak", bmfftest.FullBox("tkhd", 0, 7, u(0, 0, id), make([]byte, 68)), bmfftest.Box("mdia",
		bmfftest.FullBox("mdhd", 0, 0, u(0, 0, timescale, 0, 0x55c40000)), bmfftest.FullBox("hdlr", 0, 0, u(0), []byte(handler), make([]byte, 13)),
		bmfftest.Box("minf", bmfftest.Box("stbl", stbl...))))
}

// TestA6Beyond4GiB: payload and moov, or fragments, lie five GiB into the file.
func TestA6Beyond4GiB(t *testing.T) {
	const far = 5 << 30
	f := small()
	f.MoovAtEnd, f.CO64, f.LargeMdat = true, true, true
	data := f.Bytes()
	mdat, moov := bytes.Index(data, []byte("mdat"))-4, bytes.Index(data, []byte("moov"))-4
	head := bytes.Clone(data[:mdat+16])
	binary.BigEndian.PutUint64(head[mdat+8:], uint64(moov-mdat+far))
	tail := replace(data[moov:], "co64", func(b []byte) []byte {
		for c := b[16:]; len(c) > 0; c = c[8:] {
			binary.BigEndian.PutUint64(c, binary.BigEndian.Uint64(c)+far)
		}
		return b
	})
	obj := &bmfftest.Sparse{Length: int64(len(data)) + far, Parts: map[int64][]byte{0: head, int64(moov) + far: tail}}
	sameFar(t, obj, f, data, far)

	f = small()
	f.Fragment = 10
	data = f.Bytes()
	second := bytes.LastIndex(data, []byte("moof")) - 4
	free := append(bmfftest.U32(1), append([]byte("free"), bmfftest.U64(far)...)...)
	obj = &bmfftest.Sparse{Length: int64(len(data)) + far, Parts: map[int64][]byte{0: data[:second], int64(second): free, int64(second) + far: data[second:]}}
	m, err := bmff.Open(context.Background(), "far.mp4", obj)
	require.NoError(t, err)
	near := open(t, data)
	for i := range m.Tracks {
		want, got := all(near.Tracks[i]), all(m.Tracks[i])
		for j := range want {
			if want[j].Offset > int64(second) {
				want[j].Offset += far
			}
		}
		require.Equal(t, want, got)
	}
	require.LessOrEqual(t, obj.Reads, 6)
}

func sameFar(t *testing.T, obj media.Object, f bmfftest.File, data []byte, far int64) {
	t.Helper()
	m, err := bmff.Open(context.Background(), "far.mp4", obj)
	require.NoError(t, err)
	near := open(t, data)
	for i := range f.Tracks {
		want := all(near.Tracks[i])
		for j := range want {
			want[j].Offset += far
		}
		require.Equal(t, want, all(m.Tracks[i]))
	}
}

func TestA7SeveralMdats(t *testing.T) {
	unused := slices.Concat(bmfftest.Box("free"), bmfftest.Box("mdat", bmfftest.Noise(1, 999)), bmfftest.Box("skip", make([]byte, 9)), bmfftest.Box("mdat"))
	for name, f := range map[string]bmfftest.File{
		"a first that nobody uses": {Between: unused},
		"one for each chunk":       {SplitMdat: true, Chunk: 3, Between: unused},
		"fragments":                {Fragment: 5, OneTraf: true, Between: unused},
		"the last to the end":      {OpenMdat: true, Between: unused},
	} {
		t.Run(name, func(t *testing.T) {
			f.Tracks = small().Tracks
			data := f.Bytes()
			m := open(t, data)
			require.Empty(t, m.Warnings)
			agree(t, data, f.Tracks[0], m.Tracks[0])
			agree(t, data, f.Tracks[1], m.Tracks[1])
		})
	}
}

// TestA8MalformedBoxes: those that nobody needs are left out with a warning, wherever they stand.
func TestA8MalformedBoxes(t *testing.T) {
	for _, at := range []string{"moov/trak", "moov/trak/mdia", "moov/trak/mdia/minf/stbl/stts", "moov/mvhd"} {
		for _, typ := range []string{"meta", "uuid", "udta", "sgpd"} {
			tr := small().Tracks
			data := file(tr...)
			ends := map[string]string{"moov/trak": "moov/trak/mdia", "moov/trak/mdia": "moov/trak/mdia/minf", "moov/mvhd": "moov/trak", "moov/trak/mdia/minf/stbl/stts": "moov/trak/mdia/minf/stbl/stco"}[at]
			data = after(data, ends, append(bmfftest.U32(0x7fff0000), typ...))
			m, err := try(data)
			if ends == "moov/trak" { // the second is hidden by what stands behind the first
				require.NoError(t, err)
				require.Len(t, m.Tracks, 1)
			} else {
				require.NoError(t, err)
				agree(t, data, tr[0], m.Tracks[0])
				agree(t, data, tr[1], m.Tracks[1])
			}
			warns(t, m, "malformed box")
		}
	}
	t.Run("udta that is no list of boxes", func(t *testing.T) {
		data := after(file(small().Tracks...), "trak/mdia", bmfftest.Box("udta", bmfftest.Noise(3, 55)))
		agree(t, data, small().Tracks[0], open(t, data).Tracks[0])
	})
	t.Run("udta ends in four zeros", func(t *testing.T) {
		data := after(file(small().Tracks...), "trak/mdia", bmfftest.Box("udta", bmfftest.Box("name", []byte("Sound")), make([]byte, 4)))
		m := open(t, data)
		require.Empty(t, m.Warnings)
		require.Equal(t, "Sound", m.Tracks[0].Name)
	})
}

// TestA22LargeSizes: sizes of 64 bits on all boxes, and those that lie.
func TestA22LargeSizes(t *testing.T) {
	for _, f := range []bmfftest.File{{MoovAtEnd: true}, {Fragment: 10, Offsets: bmfftest.FromMoof}} {
		f.Tracks = small().Tracks
		plain := f.Bytes()
		want := open(t, plain)
		data := rewrite(plain, func(path string, b []byte) []byte {
			if typ := string(b[4:8]); typ != "ftyp" && typ != "mdat" && typ != "moof" && !strings.HasPrefix(path, "moof/") {
				return bmfftest.LargeBox(typ, b[8:])
			}
			return b
		})
		m := open(t, data)
		require.Empty(t, m.Warnings)
		for i, tr := range m.Tracks {
			require.Equal(t, want.Tracks[i].Entries, tr.Entries)
			require.Equal(t, durations(want.Tracks[i]), durations(tr))
			if f.Fragment == 0 {
				agree(t, data, f.Tracks[i], tr)
			}
		}
		for _, size := range []uint64{0, 1, 15, 1 << 31, 1 << 62, 1<<63 - 1, 1<<64 - 1} {
			for _, typ := range []string{"mvhd", "trak", "stsz", "stco"} {
				lie := replace(data, typ, func(b []byte) []byte {
					if binary.BigEndian.Uint32(b) != 1 {
						b = bmfftest.LargeBox(typ, b[8:])
					}
					binary.BigEndian.PutUint64(b[8:], size)
					return b
				})
				used := memory(func() { _, err := try(lie); require.ErrorIs(t, err, media.ErrFormat) })
				require.Less(t, used, uint64(1<<20+32*len(lie)))
			}
		}
	}
	t.Run("size 0 within a box: to its end", func(t *testing.T) {
		tr := small().Tracks
		data := replace(file(tr...), "stbl/stco", func(b []byte) []byte { copy(b, bmfftest.U32(0)); return b })
		agree(t, data, tr[0], open(t, data).Tracks[0])
	})
	t.Run("size 0 on moov: to the end of the file", func(t *testing.T) {
		tr := small().Tracks
		data := file(tr...)
		copy(data[bytes.LastIndex(data, []byte("moov"))-4:], bmfftest.U32(0))
		agree(t, data, tr[0], open(t, data).Tracks[0])
	})
	t.Run("size 1 without room for 64 bits", func(t *testing.T) {
		_, err := try(append(bmfftest.Box("ftyp", []byte("isom")), 0, 0, 0, 1, 'm', 'o', 'o', 'v', 0, 0))
		require.ErrorIs(t, err, media.ErrFormat)
	})
}

// TestA30NotMP4: what hides behind the name is said; TestA31 has Matroska.
func TestA30NotMP4(t *testing.T) {
	packet := append([]byte{0x47}, make([]byte, 187)...)
	for name, data := range map[string][]byte{
		"MPEG-TS": bytes.Repeat(packet, 5), "MPEG program stream": {0, 0, 1, 0xba, 0x44, 0, 4, 0}, "FLV": []byte("FLV\x01\x05\x00\x00\x00\x09"),
		"Ogg": []byte("OggS\x00\x02\x00\x00\x00"), "ID3": []byte("ID3\x04\x00\x00\x00\x00\x00\x00"), "HLS playlist": []byte("#EXTM3U\n#EXT"),
		"DASH": []byte("<MPD xmlns="), "ADTS": {0xff, 0xf1, 0x50, 0x80, 0, 0, 0, 0}, "RIFF": []byte("RIFF\x00\x00\x00\x00AVI "), "HTML": []byte("<!DOCTYPE html>"),
		"WebVTT": []byte("WEBVTT\n\n00:"), "PNG": []byte("\x89PNG\r\n\x1a\n\x00"), "text": []byte("file 'one.mp4'\nfile 'two.mp4'\n"), "H.264": {0, 0, 0, 1, 0x67, 0x64, 0, 0x1e},
	} {
		_, err := try(data)
		require.ErrorIs(t, err, media.ErrUnsupported, name)
		require.NotErrorIs(t, err, media.ErrFormat, name)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "not MP4")
	}
	t.Run("TS with time codes before each packet", func(t *testing.T) {
		_, err := try(bytes.Repeat(append(make([]byte, 4), packet...), 5))
		require.ErrorContains(t, err, "MPEG-TS")
	})
	for _, data := range [][]byte{nil, {0}, make([]byte, 300), bmfftest.Noise(9, 300)[1:]} {
		_, err := try(data)
		require.ErrorIs(t, err, media.ErrFormat)
	}
}

func TestA31MatroskaIsRefusedByName(t *testing.T) {
	for _, kind := range []string{"matroska", "webm"} {
		_, err := try([]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84" + kind))
		require.ErrorIs(t, err, media.ErrUnsupported)
		require.ErrorContains(t, err, "bad.mp4")
		require.ErrorContains(t, err, "Matroska or WebM")
		require.ErrorContains(t, err, "ffmpeg -i")
	}
}
