package bmff_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// sized is sound of samples with the sizes.
func sized(sizes ...int) bmfftest.Track {
	t := bmfftest.Audio(len(sizes))
	for i, n := range sizes {
		t.Samples[i].Data = bmfftest.Noise(uint32(i), n)
	}
	return t
}

func TestA15UniformAndCompactSizes(t *testing.T) {
	odd := sized(1, 15, 7, 3, 9)
	wide := sized(200, 3, 255, 17)
	large := sized(200, 3, 65535, 17, 256)
	equal := sized(12, 12, 12, 12, 12, 12, 12)
	table := equal
	table.NoUniform = true
	half := odd
	half.STZ2 = 4
	byteSized := wide
	byteSized.STZ2 = 8
	words := large
	words.STZ2 = 16
	for name, tr := range map[string]bmfftest.Track{
		"table": odd, "uniform": equal, "uniform in a table": table, "stz2 of 4 bits, an odd number": half, "stz2 of 8 bits": byteSized, "stz2 of 16 bits": words,
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []bmfftest.File{{}, {Chunk: 2}, {CO64: true}} {
				f.Tracks = []bmfftest.Track{tr, bmfftest.Video(6, 3)}
				data := f.Bytes()
				agree(t, data, tr, open(t, data).Tracks[0])
			}
		})
	}
	for _, bits := range []byte{0, 5, 32} {
		t.Run(fmt.Sprintf("field of %d bits", bits), func(t *testing.T) {
			_, err := try(poke(bmfftest.File{Tracks: []bmfftest.Track{byteSized}}.Bytes(), "stz2", 11, bits))
			require.ErrorIs(t, err, media.ErrFormat)
			require.ErrorContains(t, err, "moov/trak[0]/mdia/minf/stbl/stz2")
		})
	}
	t.Run("more than the file holds", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{equal}}.Bytes()
		m, err := try(poke(data, "stsz", 12, 0x7f, 0xff, 0xff, 0xff))
		require.NoError(t, err)
		warns(t, m, "do not fit into the file")
		require.LessOrEqual(t, m.Tracks[0].Index.Len(), 7)
	})
}

func TestA16EmptyStts(t *testing.T) {
	data := file(bmfftest.Video(4, 2), bmfftest.Audio(3))
	t.Run("samples that no entry gives a time", func(t *testing.T) {
		m := open(t, with(data, "trak/mdia/minf/stbl/stts", bmfftest.FullBox("stts", 0, 0, bmfftest.U32(0))))
		warns(t, m, "times for 0 samples of 4")
		require.Equal(t, []uint32{0, 0, 0, 0}, durations(m.Tracks[0]))
	})
	t.Run("an empty track beside a good one", func(t *testing.T) {
		data := file(bmfftest.Video(4, 2), bmfftest.Sound(bmfftest.MP4A(), 0, 1024, 48000))
		m := open(t, data)
		require.Empty(t, m.Warnings)
		require.Equal(t, 4, m.Tracks[0].Index.Len())
		require.Zero(t, m.Tracks[1].Index.Len())
	})
	t.Run("last delta 0", func(t *testing.T) {
		v := bmfftest.Video(4, 2)
		v.Samples[3].Duration = 0
		m := open(t, file(v))
		require.Equal(t, []uint32{512, 512, 512, 0}, durations(m.Tracks[0]))
	})
	t.Run("no stts at all", func(t *testing.T) {
		_, err := try(with(data, "stts"))
		require.ErrorIs(t, err, media.ErrFormat)
		require.ErrorContains(t, err, "stts")
	})
}

// TestA18LargeDurations: durations are unsigned, and only those that can be nothing but a small negative number are not.
func TestA18LargeDurations(t *testing.T) {
	for _, c := range []struct {
		delta, want uint32
		warn        string
	}{
		{1, 1, ""}, {math.MaxInt32, math.MaxInt32, ""}, {1 << 31, 1 << 31, ""}, {3 << 30, 3 << 30, ""}, {math.MaxUint32 - 480_000, math.MaxUint32 - 480_000, ""},
		{math.MaxUint32 - 1000, 0, "negative duration"}, {math.MaxUint32, 0, "negative duration"},
	} {
		v := bmfftest.Video(4, 2)
		v.Samples[1].Duration = c.delta
		m := open(t, file(v))
		require.Equal(t, []uint32{512, c.want, 512, 512}, durations(m.Tracks[0]))
		require.Equal(t, 512*3+int64(c.want), m.Tracks[0].Index.DTS(4))
		if c.warn == "" {
			require.Empty(t, m.Warnings)
		} else {
			warns(t, m, c.warn)
		}
	}
}

// TestA17ZeroDurations: in every fourth sample, in runs, and everywhere.
func TestA17ZeroDurations(t *testing.T) {
	for _, zero := range []func(i int) bool{
		func(i int) bool { return i%4 == 0 }, func(i int) bool { return i%50 < 20 }, func(int) bool { return true },
	} {
		v := bmfftest.Video(200, 10)
		for i := range v.Samples {
			if zero(i) {
				v.Samples[i].Duration = 0
			}
		}
		data := file(v)
		m := open(t, data)
		agree(t, data, v, m.Tracks[0])
		x := m.Tracks[0].Index
		for i := range v.Samples {
			at := x.Search(x.DTS(i)) // the first of those that begin together
			require.LessOrEqual(t, at, i)
			require.Equal(t, x.DTS(i), x.DTS(at))
		}
	}
}

func TestA19ChunkTables(t *testing.T) {
	tr := bmfftest.Audio(12)
	data := bmfftest.File{Tracks: []bmfftest.Track{tr}, MoovAtEnd: true, Chunk: 3}.Bytes() // four chunks
	stsc := func(v ...uint32) []byte {
		return with(data, "stsc", bmfftest.FullBox("stsc", 0, 0, bmfftest.U32(uint32(len(v)/3)), bmfftest.U32(v...)))
	}
	for _, c := range []struct {
		name string
		data []byte
		text string
	}{
		{"first_chunk goes back", stsc(1, 3, 1, 3, 3, 1, 2, 3, 1), "first_chunk 2 after chunk 2"},
		{"first_chunk stays", stsc(1, 3, 1, 1, 2, 1), ""},
		{"no samples in any chunk", stsc(1, 0, 1), "no chunk holds one"},
		{"no entries", stsc(), "no chunk holds one"},
		{"no stsc", with(data, "stsc"), "without stco or stsc"},
		{"no stco", with(data, "stco"), "without stco or stsc"},
		{"offsets of 2^63", with(data, "stco", bmfftest.FullBox("co64", 0, 0, bmfftest.U32(4), bmfftest.U64(math.MaxUint64, 0, 0, 0))), "chunk 1 at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := try(c.data)
			if c.text == "" { // the later of two that begin with one chunk is taken
				require.NoError(t, err)
				warns(t, m, "the chunks hold 8 samples")
				return
			}
			require.ErrorIs(t, err, media.ErrFormat)
			require.ErrorContains(t, err, "stbl")
			require.ErrorContains(t, err, c.text)
		})
	}
	t.Run("a chunk of no samples between", func(t *testing.T) {
		m := open(t, stsc(1, 3, 1, 2, 0, 1, 3, 3, 1))
		warns(t, m, "the chunks hold 9 samples, stsz has 12")
		require.Equal(t, 9, m.Tracks[0].Index.Len())
	})
	t.Run("fewer than stsz lists", func(t *testing.T) {
		m := open(t, stsc(1, 2, 1))
		warns(t, m, "the chunks hold 8 samples, stsz has 12")
		require.Equal(t, 8, m.Tracks[0].Index.Len())
	})
	t.Run("more than stsz lists", func(t *testing.T) {
		m := open(t, stsc(1, 3, 1, 4, 9, 1))
		require.Empty(t, m.Warnings)
		agree(t, data, tr, m.Tracks[0])
	})
	t.Run("a description that is not there", func(t *testing.T) {
		m := open(t, stsc(1, 3, 9))
		warns(t, m, "sample description 9 of 1")
		agree(t, data, tr, m.Tracks[0])
	})
}

// TestA20CompositionOffsets: in ctts and trun, in either version, values above 2^31 are negative ones.
func TestA20CompositionOffsets(t *testing.T) {
	positive, negative := bmfftest.Video(20, 10).Reorder(false), bmfftest.Video(20, 10).Reorder(true)
	mixed := negative
	mixed.CTTS = -1
	for _, c := range []struct {
		name    string
		track   bmfftest.Track
		version byte
		warn    string
	}{
		{"version 0, positive", positive, 0, ""},
		{"version 1, positive", positive, 1, ""},
		{"version 1, negative", negative, 1, ""},
		{"version 0, negative", mixed, 0, "version 0 with offsets above 2^31"},
	} {
		for _, fragment := range []int{0, 5} {
			data := bmfftest.File{Tracks: []bmfftest.Track{c.track}, Fragment: fragment}.Bytes()
			for _, typ := range []string{"ctts", "trun"} {
				for at := 0; ; {
					i := bytes.Index(data[at:], []byte(typ))
					if i < 0 {
						break
					}
					at += i + 4
					data[at] = c.version
				}
			}
			m := open(t, data)
			agree(t, data, c.track, m.Tracks[0])
			if c.warn == "" {
				require.Empty(t, m.Warnings, c.name)
			} else {
				warns(t, m, c.warn)
			}
		}
	}
	t.Run("shorter than the samples", func(t *testing.T) {
		m := open(t, with(file(positive), "ctts", bmfftest.FullBox("ctts", 0, 0, bmfftest.U32(1, 2, 700))))
		warns(t, m, "composition offsets for 2 samples of 20")
		require.Equal(t, []int32{700, 700, 0, 0}, offsets(m.Tracks[0])[:4])
	})
}

func TestA32SyncSamples(t *testing.T) {
	v := bmfftest.Video(6, 3)
	none, empty := v, v
	none.NoSTSS, empty.EmptySTSS = true, true
	t.Run("no stss: all are", func(t *testing.T) {
		m := open(t, file(none))
		require.Equal(t, []bool{true, true, true, true, true, true}, syncs(m.Tracks[0]))
		require.Equal(t, 3, m.Tracks[0].Index.NextSync(3))
	})
	t.Run("an empty stss: the first is taken", func(t *testing.T) {
		m := open(t, file(empty))
		warns(t, m, "no sync sample at all")
		require.Equal(t, []bool{true, false, false, false, false, false}, syncs(m.Tracks[0]))
		require.Equal(t, 6, m.Tracks[0].Index.NextSync(1))
	})
	t.Run("stss that does not begin with the first", func(t *testing.T) {
		m := open(t, with(file(v), "stss", bmfftest.FullBox("stss", 0, 0, bmfftest.U32(2, 3, 5))))
		require.Equal(t, []bool{false, false, true, false, true, false}, syncs(m.Tracks[0]))
		require.Equal(t, 2, m.Tracks[0].Index.NextSync(0))
	})
	t.Run("numbers beyond the last and 0", func(t *testing.T) {
		m := open(t, with(file(v), "stss", bmfftest.FullBox("stss", 0, 0, bmfftest.U32(3, 0, 1, 99))))
		require.Equal(t, []bool{true, false, false, false, false, false}, syncs(m.Tracks[0]))
	})
	t.Run("flags in trun only", func(t *testing.T) {
		for _, trex := range []bool{false, true} {
			m := open(t, bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 3, Trex: trex}.Bytes())
			require.Equal(t, []bool{true, false, false, true, false, false}, syncs(m.Tracks[0]))
		}
	})
	t.Run("first_sample_flags", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 3}.Bytes()
		data = replace(data, "traf/trun", func(b []byte) []byte { // flags of the first, sizes of all; the rest by default
			var sizes []byte
			for i := range 3 {
				sizes = append(sizes, b[20+12*i+4:20+12*i+8]...)
			}
			return bmfftest.FullBox("trun", 0, 0x205, bmfftest.U32(3, 0, 0x02000000), sizes)
		})
		data = replace(data, "trex", func(b []byte) []byte {
			return append(b[:20], bmfftest.U32(512, 0, 0x01010000)...)
		})
		m := open(t, data)
		require.Equal(t, []bool{true, false, false, true, false, false}, syncs(m.Tracks[0]))
		require.Equal(t, []uint32{512, 512, 512, 512, 512, 512}, durations(m.Tracks[0]))
	})
	t.Run("sdtp", func(t *testing.T) {
		dep := v
		// I, P, disposable B, I, unknown, disposable of unknown dependency
		dep.SDTP = []byte{0x24, 0x14, 0x18, 0x24, 0x00, 0x08}
		m := open(t, file(dep))
		require.Equal(t, []bool{true, false, false, true, false, false}, syncs(m.Tracks[0]), "stss decides")
		require.Equal(t, []bool{false, false, true, false, false, true}, column(m.Tracks[0], func(s *bmff.Sample) bool { return s.Flags.Disposable() }))
		dep.SDTP = dep.SDTP[:4] // too short for all samples: not read
		m = open(t, file(dep))
		require.Equal(t, media.FlagsDelta, all(m.Tracks[0])[2].Flags)
		dep.SDTP, dep.NoSTSS = []byte{0x24, 0x14, 0x18, 0x24, 0x14, 0x18}, true
		m = open(t, file(dep))
		require.Equal(t, []bool{true, true, true, true, true, true}, syncs(m.Tracks[0]), "without stss all are (14496-12, 8.6.2.1)")
	})
}

func TestA29SampleDescriptions(t *testing.T) {
	v := bmfftest.Video(9, 3)
	v.Entries = append(v.Entries, bmfftest.HVC1(), bmfftest.AVC3())
	for i := range v.Samples {
		v.Samples[i].Entry = []int{0, 2, 0}[i/3]
	}
	for _, f := range []bmfftest.File{{}, {Chunk: 2}, {Fragment: 3}} {
		f.Tracks = []bmfftest.Track{v, bmfftest.Audio(20)}
		data := f.Bytes()
		m := open(t, data)
		agree(t, data, v, m.Tracks[0])
		require.Equal(t, v.Entries, m.Tracks[0].Entries)
	}
	t.Run("an entry whose size lies", func(t *testing.T) {
		data := file(v)
		m := open(t, poke(data, "hvc1", -4, 0x7f))
		warns(t, m, "malformed sample entry")
		require.Len(t, m.Tracks[0].Entries, 1)
	})
	t.Run("no stsd", func(t *testing.T) {
		m := open(t, with(file(v), "stsd"))
		require.Empty(t, m.Tracks[0].Entries)
		require.Equal(t, 9, m.Tracks[0].Index.Len())
	})
}
