package vod_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// patched is the bytes of a file of the tracks with moov at its end, v put n bytes behind the type of every such box.
func patched(typ string, n int, v []byte, tracks ...track) []byte {
	data := bmfftest.File{Tracks: tracks, MoovAtEnd: true}.Bytes()
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(typ))
		if i < 0 {
			return data
		}
		at += i + 4
		copy(data[at+n-4:], v)
	}
}

func openBytes(t testing.TB, data []byte) *vod.Source {
	t.Helper()
	src, err := vod.Open(ctx, "made.mp4", bmfftest.Object("made.mp4", data))
	require.NoError(t, err)
	return src
}

// noted says that a note of the source contains the text.
func noted(t testing.TB, src *vod.Source, text string) {
	t.Helper()
	var all []string
	for _, n := range src.Notes() {
		all = append(all, n.String())
	}
	require.Contains(t, strings.Join(all, "\n"), text)
}

// TestA1FragmentedSource: the tracks of a fragmented file have the samples of the same file without fragments.
func TestA1FragmentedSource(t *testing.T) {
	tracks := []track{bmfftest.Video(150, 25).Reorder(false), bmfftest.Audio(281)}
	plain := source(t, tracks...)
	for _, f := range []bmfftest.File{{}, {Sidx: true}, {Mfra: true}, {OneTraf: true}, {NoTfdt: true}, {InMoov: 40}} {
		f.Tracks, f.Fragment = tracks, 25
		src := openBytes(t, f.Bytes())
		require.Len(t, src.Tracks(), 2)
		for i, tr := range src.Tracks() {
			require.Equal(t, samples(t, plain, plain.Tracks()[i]), samples(t, src, tr))
		}
	}
}

// TestA4ManySamplesAtTheTail: 87,000 of them in the last five seconds. Each segment that is listed has its samples, and
// together they are all.
func TestA4ManySamplesAtTheTail(t *testing.T) {
	const tail = 87_000
	sound := bmfftest.Audio(900)
	for range tail {
		sound.Samples = append(sound.Samples, bmfftest.Sample{Size: 1, Duration: 3, Sync: true})
	}
	a := asset([]track{bmfftest.Video(600, 50), sound})
	p := timeline(t, a, 4*time.Second).Periods[0]
	r, ok := p.Rendition("a1")
	require.True(t, ok)
	n := 0
	for i := range r.Segments.Len() {
		s := r.Segments.At(i)
		runs, err := s.Source.Samples(ctx, s.Track, s.Media)
		require.NoError(t, err)
		var ticks int64
		for k := range runs {
			n += len(runs[k].Samples)
			ticks += runs[k].Duration()
		}
		require.NotZero(t, ticks)
		require.Equal(t, s.Duration, ticks)
	}
	require.Equal(t, 900+tail, n)
}

// TestA5CutFile: the error names the file and the box that reaches past its end.
func TestA5CutFile(t *testing.T) {
	data := bmfftest.File{Tracks: []track{bmfftest.Video(50, 10)}}.Bytes()
	moov := bytes.Index(data, []byte("moov")) - 4
	for n, box := range map[int]string{moov + 100: "moov", moov + 9: "moov", bytes.Index(data, []byte("mdat")) + 4: "moov/trak[0]"} {
		_, err := vod.Open(ctx, "cut.mp4", bmfftest.Object("cut.mp4", data[:n]))
		var fe *media.FormatError
		require.ErrorAs(t, err, &fe)
		require.Equal(t, "cut.mp4", fe.Name)
		require.Equal(t, box, fe.Path)
	}
}

// TestA16EmptyTrackAndLastDelta: an empty track is left out beside a good one; a last sample without duration gets the
// usual one.
func TestA16EmptyTrackAndLastDelta(t *testing.T) {
	v := bmfftest.Video(50, 10)
	v.Samples[49].Duration = 0
	src := source(t, v, bmfftest.Audio(0))
	require.Len(t, src.Tracks(), 1)
	noted(t, src, "no samples")
	require.Equal(t, media.Interval{From: 0, To: 50 * frame}, src.Interval(src.Tracks()[0]))
	require.Len(t, samples(t, src, src.Tracks()[0]), 50)
	_, err := vod.Open(ctx, "made.mp4", object("made.mp4", bmfftest.Audio(0)))
	require.ErrorIs(t, err, media.ErrUnsupported)
	_, err = vod.Open(ctx, "made.mp4", bmfftest.Object("made.mp4", patched("stts", 4+8, bmfftest.U32(50, 0), bmfftest.Video(50, 10))))
	require.ErrorIs(t, err, media.ErrFormat, "no sample of a track lasts")
}

// TestA17EqualTimesOnABoundary: the samples that begin with a segment are in it, those without duration too.
func TestA17EqualTimesOnABoundary(t *testing.T) {
	v := bmfftest.Video(100, 25)
	for _, i := range []int{25, 50, 51, 52, 74} {
		v.Samples[i].Duration = 0 // 25 and 26 begin together, as do 50 to 53
	}
	p := timeline(t, asset([]track{v}), time.Second).Periods[0]
	r, _ := p.Rendition("v1")
	seen := 0
	for i := range r.Segments.Len() {
		s := r.Segments.At(i)
		runs, err := s.Source.Samples(ctx, s.Track, s.Media)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		require.True(t, runs[0].Samples[0].Flags.Sync())
		for _, smp := range runs[0].Samples {
			require.NotZero(t, smp.Duration)
		}
		require.Equal(t, seen%25, 0, "segments begin at sync samples")
		seen += len(runs[0].Samples)
	}
	require.Equal(t, 100, seen)
}

// TestA18DurationsAbove31Bits: they are kept where a time of the file can hold them, and what no clock can hold is refused.
func TestA18DurationsAbove31Bits(t *testing.T) {
	a := bmfftest.Sound(bmfftest.MP4A(), 4, 3<<30, 1_000_000_000)
	src := source(t, a)
	require.Equal(t, int64(4*3<<30), src.Interval(src.Tracks()[0]).To)
	// 2^23 samples of nearly 2^32 ticks
	_, err := vod.Open(ctx, "made.mp4", bmfftest.Object("made.mp4", overflowing()))
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "ticks")
}

// overflowing is 2^23 samples that together last longer than any clock counts.
func overflowing() []byte {
	const n = 1 << 23
	a := bmfftest.Sound(bmfftest.MP4A(), 1, 3<<30, 48000)
	a.Samples[0] = bmfftest.Sample{Data: []byte{1}, Duration: 3 << 30, Sync: true}
	data := patched("stts", 4+8, bmfftest.U32(n, 3<<30), a)
	stsz, stsc := bytes.Index(data, []byte("stsz")), bytes.Index(data, []byte("stsc"))
	binary.BigEndian.PutUint32(data[stsz+8:], 1)
	binary.BigEndian.PutUint32(data[stsz+12:], n)
	binary.BigEndian.PutUint32(data[stsc+16:], n)
	at := bytes.Index(data, []byte("moov")) - 4
	mdat := bytes.Index(data, []byte("mdat")) - 4
	binary.BigEndian.PutUint32(data[mdat:], 8+n)
	return append(append(bytes.Clone(data[:mdat+8]), make([]byte, n)...), data[at:]...)
}

// sealed is the entry as it stands in an encrypted track.
func sealed(typ string, entry []byte) []byte {
	sinf := bmfftest.Box("sinf", bmfftest.Box("frma", entry[4:8]), bmfftest.FullBox("schm", 0, 0, []byte("cenc"), bmfftest.U32(0x10000)),
		bmfftest.Box("schi", bmfftest.FullBox("tenc", 0, 0, []byte{0, 0, 1, 8}, make([]byte, 16))))
	return bmfftest.Box(typ, entry[8:], sinf)
}

// TestA28Encrypted: what is encrypted in a way that cannot be read is refused, wherever senc and its PIFF twin stand and
// whatever is in them; clear tracks beside are served.
func TestA28Encrypted(t *testing.T) {
	v, a := bmfftest.Video(50, 10), bmfftest.Audio(94)
	v.Entries = [][]byte{sealed("encv", v.Entries[0])}
	piff := []byte{0xa2, 0x39, 0x4f, 0x52, 0x5a, 0x9b, 0x4f, 0x14, 0xa2, 0x44, 0x6c, 0x42, 0x7c, 0x64, 0x8d, 0xf4}
	senc := func(n uint32) []byte { return bmfftest.FullBox("senc", 0, 2, bmfftest.U32(n), make([]byte, 40)) }
	uuid := bmfftest.Box("uuid", piff, bmfftest.U32(2, 0xffffffff))
	for _, odd := range [][]byte{nil, senc(0), senc(3), senc(1 << 31), uuid} {
		for _, f := range []bmfftest.File{{MoovTail: [][]byte{odd}}, {Fragment: 10, Between: odd}} {
			f.Tracks = []track{v}
			_, err := vod.Open(ctx, "sealed.mp4", bmfftest.Object("sealed.mp4", f.Bytes()))
			require.ErrorIs(t, err, media.ErrFormat)
			require.ErrorContains(t, err, "encrypted")
			require.ErrorContains(t, err, "sealed.mp4")
			f.Tracks = []track{v, a}
			src := openBytes(t, f.Bytes())
			require.Len(t, src.Tracks(), 1)
			require.Equal(t, media.Audio, src.Tracks()[0].Kind)
			noted(t, src, "encrypted")
		}
	}
}

// TestA29EntriesAndChanges: unused entries are ignored, equal ones are one, and a change begins a Period and a Track.
func TestA29EntriesAndChanges(t *testing.T) {
	use := func(entries [][]byte, of func(i int) int) track {
		v := bmfftest.Video(100, 25)
		v.Entries = entries
		for i := range v.Samples {
			v.Samples[i].Entry = of(i)
		}
		return v
	}
	half := func(i int) int { return i / 50 }
	t.Run("one that is not used", func(t *testing.T) {
		junk := bmfftest.VisualEntry("none", 1, 1)
		for _, v := range []track{
			use([][]byte{bmfftest.AVC1(), junk}, func(int) int { return 0 }), use([][]byte{junk, bmfftest.AVC1()}, func(int) int { return 1 }),
			use([][]byte{sealed("encv", bmfftest.AVC1()), bmfftest.AVC1()}, func(int) int { return 1 }),
		} {
			src := source(t, v)
			require.Len(t, src.Tracks(), 1)
			require.Equal(t, "avc1", src.Tracks()[0].Codec.FourCC)
		}
	})
	t.Run("two that are equal", func(t *testing.T) {
		require.Len(t, source(t, use([][]byte{bmfftest.AVC1(), bmfftest.AVC1()}, half)).Tracks(), 1)
	})
	t.Run("a change", func(t *testing.T) {
		v := use([][]byte{bmfftest.AVC1(), bmfftest.HVC1()}, half)
		tl := timeline(t, asset([]track{v, bmfftest.Audio(188)}), time.Second)
		require.Len(t, tl.Periods, 2)
		var kinds []string
		n := 0
		for _, p := range tl.Periods {
			r, ok := p.Rendition("v1")
			require.True(t, ok)
			kinds = append(kinds, r.Track.Codec.FourCC)
			for i := range r.Segments.Len() {
				s := r.Segments.At(i)
				runs, err := s.Source.Samples(ctx, s.Track, s.Media)
				require.NoError(t, err)
				for k := range runs {
					n += len(runs[k].Samples)
				}
			}
		}
		require.Equal(t, []string{"avc1", "hvc1"}, kinds)
		require.Equal(t, 100, n)
	})
}

// TestA33OtherTracksAreLeftOut: cover art, chapters, time codes and data beside the picture and the sound.
func TestA33OtherTracksAreLeftOut(t *testing.T) {
	v, a := bmfftest.Video(50, 10), bmfftest.Audio(94)
	v.Refs = []bmfftest.Ref{{Type: "chap", IDs: []uint32{3, 6}}}
	other := func(handler, entry string, n int) track {
		tr := bmfftest.Sound(bmfftest.Box(entry, make([]byte, 78)), n, 500, 1000)
		tr.Handler = handler
		return tr
	}
	cover := bmfftest.Sound(bmfftest.VisualEntry("jpeg", 600, 600), 1, 1, 1000)
	cover.Handler = "vide"
	shots := bmfftest.Video(4, 1) // chapters may be pictures, of a codec that could be served
	src := source(t, v, a, other("text", "text", 4), other("tmcd", "tmcd", 1), cover, shots, other("meta", "mett", 9), other("hint", "rtp ", 9))
	require.Len(t, src.Tracks(), 2)
	require.Equal(t, media.Video, src.Tracks()[0].Kind)
	require.Equal(t, media.Audio, src.Tracks()[1].Kind)
	for _, text := range []string{"chapter track left out", "timecode track left out", "JPEG (jpeg)", `"meta" track left out`, `"hint" track left out`} {
		noted(t, src, text)
	}
	tl := timeline(t, asset([]track{v, a, other("text", "text", 4), cover}), time.Second)
	require.Len(t, tl.Periods, 1)
	require.Len(t, tl.Periods[0].Renditions, 2)
	require.InDelta(t, 2, tl.Periods[0].Duration.Seconds(), 0.03, "not as long as any of those")
}

// TestA34Rotation: the matrix of the file is the Track's; the identity is none.
func TestA34Rotation(t *testing.T) {
	const one = 1 << 16
	v := bmfftest.Video(10, 10)
	require.Zero(t, source(t, v).Tracks()[0].Video.Display)
	v.Matrix = [9]uint32{0, one, 0, ^uint32(one) + 1, 0, 0, 360 << 16, 0, 1 << 30}
	require.Equal(t, [9]int32{0, one, 0, -one, 0, 0, 360 << 16, 0, 1 << 30}, source(t, v).Tracks()[0].Video.Display)
}

// TestA35A37DurationsOfHeaders: mvhd, tkhd and mdhd may say what they like.
func TestA35A37DurationsOfHeaders(t *testing.T) {
	v, a := bmfftest.Video(50, 10).Reorder(false), bmfftest.Audio(94)
	want := timeline(t, asset([]track{v, a}), time.Second)
	for _, d := range []uint64{0, 1, 1<<64 - 1} {
		data := bmfftest.File{Tracks: []track{v, a}}.Bytes()
		for typ, at := range map[string]int{"mvhd": 28, "tkhd": 32, "mdhd": 28} { // behind the type
			for from := 0; ; {
				i := bytes.Index(data[from:], []byte(typ))
				if i < 0 {
					break
				}
				from += i + at
				binary.BigEndian.PutUint64(data[from:], d)
			}
		}
		got := timeline(t, &vod.Asset{Inputs: []vod.Input{{Name: "a.mp4", Object: bmfftest.Object("a.mp4", data)}}}, time.Second)
		require.Equal(t, want.Target, got.Target)
		require.Equal(t, want.Periods[0].Duration, got.Periods[0].Duration)
		for _, id := range []string{"v1", "a1"} {
			wantN, wantD := lengths(t, want, id)
			n, lens := lengths(t, got, id)
			require.Equal(t, wantN, n)
			require.Equal(t, wantD, lens)
		}
	}
}

// TestA36AHundredRenditions: of one file, each with its own samples.
func TestA36AHundredRenditions(t *testing.T) {
	var list []track
	for i := range 100 {
		list = append(list, bmfftest.Audio(90+i))
	}
	src := source(t, list...)
	require.Len(t, src.Tracks(), 100)
	ids := map[string]bool{}
	for i, tr := range src.Tracks() {
		ids[tr.ID] = true
		require.Len(t, samples(t, src, tr), 90+i)
	}
	require.Len(t, ids, 100)
	require.Len(t, timeline(t, asset(list), time.Second).Periods[0].Renditions, 100)
}
