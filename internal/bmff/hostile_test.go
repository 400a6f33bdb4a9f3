package bmff_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

func try(data []byte) (*bmff.Movie, error) {
	return bmff.Open(context.Background(), "bad.mp4", bmfftest.Object("bad.mp4", data))
}

func small() bmfftest.File {
	return bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(20, 10).Reorder(false), bmfftest.Audio(38)}}
}

// poke replaces the bytes n after the first place where the box type stands.
func poke(data []byte, typ string, n int, v ...byte) []byte {
	out := bytes.Clone(data)
	copy(out[bytes.Index(out, []byte(typ))+n:], v)
	return out
}

func TestErrorsNameFileAndBox(t *testing.T) {
	data := small().Bytes()
	frag := small()
	frag.Fragment = 10
	frags := frag.Bytes()
	chunks := bmfftest.File{Tracks: small().Tracks[1:], Chunk: 7}.Bytes() // 1: 7 samples, 6: 3 samples
	ts := bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 10)
	for _, c := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"empty", nil, media.ErrFormat, "0 bytes"},
		{"random", bmfftest.Noise(1, 3000)[1:], media.ErrFormat, ""},
		{"TS", ts, media.ErrUnsupported, "MPEG-TS"},
		{"Matroska", []byte("\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f"), media.ErrUnsupported, "Matroska"},
		{"no moov", bmfftest.Box("ftyp", []byte("isom")), media.ErrFormat, "no moov"},
		{"segment alone", frags[bytes.Index(frags, []byte("moof"))-4:], media.ErrFormat, "initialization segment"},
		{"moov cut short", data[:500], media.ErrFormat, "moov at byte"},
		{"all payload gone", data[:bytes.Index(data, []byte("mdat"))+4], media.ErrFormat, "beyond the end"},
		{"trak lies", poke(data, "trak", -4, 0x7f), media.ErrFormat, "trak"},
		{"stsz lies", poke(data, "stsz", 12, 0x7f), media.ErrFormat, "moov/trak[0]/mdia/minf/stbl/stsz"},
		{"stts lies", poke(data, "stts", 8, 0x7f), media.ErrFormat, "stbl/stts"},
		{"timescale 0", poke(data, "mdhd", 24, 0, 0, 0, 0), media.ErrFormat, "timescale 0"},
		{"stsc not in order", poke(chunks, "stsc", 24, 0, 0, 0, 0), media.ErrFormat, "first_chunk"},
		{"stss not in order", poke(data, "stss", 16, 0, 0, 0, 1), media.ErrFormat, "stbl/stss"},
		{"trun lies", poke(frags, "trun", 8, 0x7f), media.ErrFormat, "moof[0]/traf[0]/trun"},
		{"free of size 3", append(bmfftest.Box("ftyp", []byte("isom")), 0, 0, 0, 3, 'f', 'r', 'e', 'e'), media.ErrFormat, "free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(c.data)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, "bad.mp4")
			require.ErrorContains(t, err, c.text)
			var fe *media.FormatError
			require.ErrorAs(t, err, &fe)
		})
	}
}

func TestA5EveryCutIsAnErrorOrAWarning(t *testing.T) {
	for _, f := range []bmfftest.File{{Fragment: 10}, {MoovAtEnd: true}, {}} {
		f.Tracks = small().Tracks
		data := f.Bytes()
		for n := 1; n < len(data); n += 37 {
			m, err := try(data[:n])
			if err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
				continue
			}
			for _, tr := range m.Tracks {
				for _, s := range tr.Index.Append(nil, 0, tr.Index.Len()) {
					require.LessOrEqual(t, s.Offset+int64(s.Size), int64(n))
				}
			}
		}
	}
}

func TestRepairs(t *testing.T) {
	data := small().Bytes()
	for _, c := range []struct {
		what string
		data []byte
		warn string
	}{
		{"malformed box at the end of moov", bmfftest.File{Tracks: small().Tracks, MoovTail: [][]byte{{0, 0, 0xff, 0, 'm', 'e', 't', 'a'}}}.Bytes(), "malformed box"},
		{"junk after the end", append(bytes.Clone(data), 0, 0, 0, 2, 'x', 'x', 'x', 'x'), "impossible"},
		{"tail cut off", data[:len(data)-200], "left out"},
		{"stts one short", poke(data, "stts", 12, 0, 0, 0, 19), "last duration goes on"},
		{"negative duration", poke(data, "stts", 16, 0xff, 0xff, 0xff, 0xfe), "negative duration"},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, err := try(c.data)
			require.NoError(t, err)
			require.NotEmpty(t, m.Warnings)
			require.Contains(t, m.Warnings[len(m.Warnings)-1].Text+m.Warnings[0].Text, c.warn)
			require.NotZero(t, m.Tracks[0].Index.Len())
		})
	}
}

func TestA21CompressedMoov(t *testing.T) {
	f := small()
	f.MoovAtEnd = true
	data := f.Bytes()
	at := bytes.LastIndex(data, []byte("moov")) - 4
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, err := w.Write(data[at:])
	require.NoError(t, err)
	require.NoError(t, w.Close())
	size := bmfftest.U32(uint32(len(data) - at))
	moov := bmfftest.Box("moov", bmfftest.Box("cmov", bmfftest.Box("dcom", []byte("zlib")), bmfftest.Box("cmvd", size, z.Bytes())))
	m := open(t, append(bytes.Clone(data[:at]), moov...))
	agree(t, data, f.Tracks[0], m.Tracks[0])
	bomb := zlibOf(make([]byte, 9<<20))
	moov = bmfftest.Box("moov", bmfftest.Box("cmov", bmfftest.Box("dcom", []byte("zlib")), bmfftest.Box("cmvd", size, bomb)))
	_, err = try(append(bytes.Clone(data[:at]), moov...))
	require.ErrorIs(t, err, media.ErrUnsupported)
}

func zlibOf(b []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(b)
	_ = w.Close()
	return z.Bytes()
}

func TestAMillionEmptySamples(t *testing.T) {
	const n = 1<<20 + 1
	data := file(bmfftest.Video(1, 1))
	data = with(data, "stsz", bmfftest.FullBox("stsz", 0, 0, bmfftest.U32(0, n), make([]byte, 4*n)))
	data = with(data, "stts", bmfftest.FullBox("stts", 0, 0, bmfftest.U32(2, 1, 512, n-1, 0)))
	data = with(data, "stsc", bmfftest.FullBox("stsc", 0, 0, bmfftest.U32(1, 1, n, 1)))
	m := open(t, data)
	x := m.Tracks[0].Index
	require.Equal(t, 1<<20+1, x.Len())
	require.Equal(t, x.Len(), x.Search(x.DTS(x.Len())+1))
	require.LessOrEqual(t, x.Search(512), 1)
}

// TestSamplesOutOfNothing: boxes of 20 bytes that each claim a sample for every byte of the file cost no more than the file is
// large.
func TestSamplesOutOfNothing(t *testing.T) {
	frag := small()
	frag.Fragment = 10
	data := frag.Bytes()
	const runs = 5000
	claim := uint32(len(data) + 20*runs)
	parts := [][]byte{bmfftest.FullBox("tfhd", 0, 0x20010, bmfftest.U32(1, 1))}
	for range runs {
		parts = append(parts, bmfftest.FullBox("trun", 0, 1, bmfftest.U32(claim, 0)))
	}
	data = append(data, bmfftest.Box("moof", bmfftest.FullBox("mfhd", 0, 0, bmfftest.U32(9)), bmfftest.Box("traf", parts...))...)
	start := time.Now()
	_, err := try(data)
	require.ErrorIs(t, err, media.ErrFormat)
	require.ErrorContains(t, err, "samples so far that have no entries")
	require.Less(t, time.Since(start), 3*time.Second)
}

func TestA36AHundredTracks(t *testing.T) {
	var f bmfftest.File
	for range 100 {
		f.Tracks = append(f.Tracks, bmfftest.Audio(3))
	}
	data := f.Bytes()
	m := open(t, data)
	for i := range f.Tracks {
		agree(t, data, f.Tracks[i], m.Tracks[i])
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range []bmfftest.File{{}, {MoovAtEnd: true, CO64: true}, {Fragment: 10, Sidx: true}, {Fragment: 4, Mfra: true}, {Fragment: 10, Trex: true, Offsets: bmfftest.FromPrevious, InMoov: 3}} {
		s.Tracks = small().Tracks
		f.Add(s.Bytes())
	}
	for _, c := range []bmfftest.Crypt{cenc, cbcs, at(cenc, bmfftest.InUUID), at(cenc, bmfftest.Apart)} {
		f.Add(locked(c, 0))
		f.Add(locked(c, 10))
	}
	if root := os.Getenv("MEZZO_CORPUS"); root != "" {
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && slices.Contains([]string{".mp4", ".mov", ".m4a", ".m4v", ".m4s", ".cmfv", ".cmfa", ".ismv", ".3gp"}, ext) {
				if data, err := os.ReadFile(path); err == nil && len(data) < 1<<20 {
					f.Add(data)
				}
			}
			return nil
		})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := try(data)
		remote, remoteErr := bmff.Open(context.Background(), "bad.mp4", &bmfftest.Ranged{Data: data})
		require.Equal(t, err, remoteErr)
		if err != nil {
			return
		}
		require.Equal(t, m.Warnings, remote.Warnings)
		for i, tr := range m.Tracks {
			x := tr.Index
			require.Equal(t, x.Len(), remote.Tracks[i].Index.Len())
			n := x.Len()
			require.Less(t, x.Size(), int64(4<<20+32*len(data)))
			for _, at := range []int{0, n / 2, n - 70} {
				from := max(at, 0)
				for i, s := range x.Append(nil, from, from+70) {
					require.Equal(t, s.DTS, x.DTS(from+i))
					require.LessOrEqual(t, s.Offset+int64(s.Size), int64(len(data)))
					require.GreaterOrEqual(t, s.Offset, int64(0))
					require.LessOrEqual(t, x.Search(s.DTS), from+i)
				}
				require.GreaterOrEqual(t, x.NextSync(from), min(from, n))
			}
			require.Equal(t, tr.Refused, remote.Tracks[i].Refused)
			soundAux(t, tr, data)
		}
	})
}

// soundAux reads all auxiliary information of a track: what is returned adds up, what is wrong is an error.
func soundAux(t *testing.T, tr *bmff.Track, data []byte) {
	x := tr.Index
	if tr.Refused != nil || len(x.Crypts()) == 0 {
		return
	}
	for from := 0; from < x.Len(); from += 64 {
		var samples []media.Sample
		for _, s := range x.Append(nil, from, from+64) {
			samples = append(samples, s.Sample)
		}
		aux, err := x.Aux(context.Background(), bmfftest.Object("bad.mp4", data), from, samples)
		if err != nil {
			require.ErrorIs(t, err, media.ErrFormat)
			continue
		}
		for i, a := range aux {
			var sum uint64
			for _, s := range a.Subsamples {
				sum += uint64(s.Clear) + uint64(s.Protected)
			}
			require.True(t, a.Subsamples == nil || sum == uint64(samples[i].Size))
		}
	}
}

// FuzzCrypt puts any boxes into the stbl of an encrypted track: senc, saiz, saio, sgpd, sbgp, or their PIFF twins.
func FuzzCrypt(f *testing.F) {
	file := locked(at(cenc, bmfftest.InSencOnly), 0)
	boxes := map[string][]byte{}
	for _, data := range [][]byte{file, locked(at(cenc, bmfftest.InUUID), 0), locked(at(cenc, bmfftest.Apart), 0)} {
		_ = rewrite(data, func(path string, b []byte) []byte {
			if typ := string(b[4:8]); strings.Contains("senc saiz saio uuid", typ) {
				boxes[typ] = b
			}
			return b
		})
	}
	f.Add(boxes["senc"])
	f.Add(boxes["uuid"])
	f.Add(append(bytes.Clone(boxes["saiz"]), boxes["saio"]...))
	key := append([]byte{0, 0, 1, 8}, make([]byte, 16)...)
	f.Add(append(append(bytes.Clone(boxes["senc"]), bmfftest.FullBox("sgpd", 2, 0, []byte("seig"), bmfftest.U32(20, 1, 1), key)...),
		bmfftest.FullBox("sbgp", 0, 0, []byte("seig"), bmfftest.U32(2, 5, 1, 10, 0))...))
	f.Fuzz(func(t *testing.T, in []byte) {
		data := with(file, "senc", in)
		m, err := try(data)
		if err != nil {
			return // what was put in is no box
		}
		if err := m.Tracks[0].Refused; err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported), "%v", err)
		}
		soundAux(t, m.Tracks[0], data)
		require.Less(t, m.Tracks[0].Index.Size(), int64(1<<16+32*len(data)))
	})
}
