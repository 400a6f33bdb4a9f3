package bmff_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

func TestLanguages(t *testing.T) {
	data := file(bmfftest.Audio(3))
	packed := func(s string) uint16 {
		return uint16(s[0]-0x60)<<10 | uint16(s[1]-0x60)<<5 | uint16(s[2]-0x60)
	}
	for _, c := range []struct {
		name string
		code uint16
		elng string
		want string
	}{
		{"terminological", packed("deu"), "", "de"},
		{"bibliographic", packed("ger"), "", "de"},
		{"three letters only", packed("gsw"), "", "gsw"},
		{"undetermined", packed("und"), "", ""},
		{"Macintosh English", 0, "", "en"},
		{"Macintosh French", 1, "", "fr"},
		{"Macintosh Korean", 23, "", "ko"},
		{"Macintosh, unknown", 24, "", ""},
		{"unspecified", 0x7fff, "", ""},
		{"no letters", 0x0400, "", ""},
		{"beyond z", packed("de\x7f"), "", ""},
		{"elng goes before", packed("eng"), "en-GB", "en-GB"},
		{"elng of three letters", packed("und"), "eng-GB", "en-GB"},
		{"elng says nothing", packed("fra"), "und", "fr"},
		{"elng is empty", packed("fra"), "\x00", "fr"},
		{"elng is no tag", packed("fra"), "fran\u00e7ais\x00", "fr"},
		{"elng without terminator", 0, "pt-BR", "pt-BR"},
		{"elng with two", 0, "pt-BR\x00\x00", "pt-BR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := replace(data, "mdhd", func(b []byte) []byte {
				binary.BigEndian.PutUint16(b[40:], c.code)
				return b
			})
			before := data
			if c.elng != "" {
				elng := bmfftest.FullBox("elng", 0, 0, []byte(c.elng))
				data = after(before, "mdia/hdlr", elng)
				require.Equal(t, c.want, open(t, after(before, "mdia/minf", elng)).Tracks[0].Language)
			}
			require.Equal(t, c.want, open(t, data).Tracks[0].Language)
		})
	}
}

// TestA11Strings: with a terminator, none, several, with the length before them.
func TestA11Strings(t *testing.T) {
	data := file(bmfftest.Audio(3))
	for in, want := range map[string]string{
		"Sound": "Sound", "Sound\x00": "Sound", "Sound\x00\x00": "Sound", "\x05Sound": "Sound", "\x05Sound\x00": "Sound", "": "", "\x00": "", "\x00\x00": "",
		"\x1fAn Apple name, shorter than it\x00": "An Apple name, shorter than it", "So\xffund\x00": "Sound", "Fran\u00e7ais": "Fran\u00e7ais",
		" a\tb\r\n ": "ab", "\x05": "", "\x00hidden": "", "!exactly thirty-three characters!!": "exactly thirty-three characters!!",
	} {
		name := replace(data, "mdia/hdlr", func(b []byte) []byte { return bmfftest.Box("hdlr", b[8:32], []byte(in)) })
		require.Equal(t, want, open(t, name).Tracks[0].Name, "hdlr %q", in)
	}
	name := bmfftest.Box("udta", bmfftest.Box("name", []byte("Commentary")))
	require.Equal(t, "Commentary", open(t, after(data, "trak/mdia", name)).Tracks[0].Name, "udta goes before hdlr")
	require.Equal(t, "", open(t, replace(data, "mdia/hdlr", func(b []byte) []byte { return bmfftest.Box("hdlr", b[8:30]) })).Tracks[0].Name)
}

func TestKinds(t *testing.T) {
	a := bmfftest.Audio(3)
	const dash = "urn:mpeg:dash:role:2011"
	a.Kinds = []bmfftest.Kind{{Scheme: dash, Value: "commentary"}, {Scheme: "about:html-kind", Value: "main-desc"}, {Scheme: dash, Value: ""}, {Scheme: dash, Value: "alternate"}, {Scheme: dash, Value: "\xff"}}
	require.Equal(t, []string{"commentary", "alternate"}, open(t, file(a)).Tracks[0].Roles)
	short := after(file(bmfftest.Audio(3)), "trak/mdia", bmfftest.Box("udta", bmfftest.Box("kind", []byte{0, 0}), bmfftest.FullBox("kind", 0, 0, []byte(dash))))
	require.Empty(t, open(t, short).Tracks[0].Roles)
}

// TestA33OtherTracks: chapters, time codes and data are tracks with a handler of their own, and say so.
func TestA33OtherTracks(t *testing.T) {
	v := bmfftest.Video(4, 2)
	v.Refs = []bmfftest.Ref{{Type: "chap", IDs: []uint32{3}}, {Type: "tmcd", IDs: []uint32{4}}, {Type: "cdsc", IDs: []uint32{2}}}
	text := bmfftest.Sound(bmfftest.Box("text", make([]byte, 43)), 2, 500, 1000)
	text.Handler = "text"
	code := bmfftest.Sound(bmfftest.Box("tmcd", make([]byte, 26)), 1, 25, 25)
	code.Handler = "tmcd"
	m := open(t, file(v, bmfftest.Audio(3), text, code))
	require.Empty(t, m.Warnings)
	var handlers []string
	var chapters []bool
	for _, tr := range m.Tracks {
		handlers, chapters = append(handlers, tr.Handler), append(chapters, tr.Chapters)
	}
	require.Equal(t, []string{"vide", "soun", "text", "tmcd"}, handlers)
	require.Equal(t, []bool{false, false, true, false}, chapters)
	t.Run("a broken one is left out", func(t *testing.T) {
		data := replace(file(v, text, code), "stsz", func(b []byte) []byte {
			if b[19] == 1 { // of the one sample
				copy(b[12:], bmfftest.U32(0, 0x7fffffff))
			}
			return b
		})
		m := open(t, data)
		warns(t, m, `track of handler "tmcd" left out`)
		require.Equal(t, 4, m.Tracks[0].Index.Len())
		require.Zero(t, m.Tracks[2].Index.Len())
	})
}

func TestA34Matrix(t *testing.T) {
	const one = 0x10000
	minus := ^uint32(one) + 1
	for name, m := range map[string][9]uint32{
		"90":  {0, one, 0, minus, 0, 0, 360 << 16, 0, 0x40000000},
		"180": {minus, 0, 0, 0, minus, 0, 640 << 16, 360 << 16, 0x40000000},
		"270": {0, minus, 0, one, 0, 0, 0, 640 << 16, 0x40000000},
	} {
		v := bmfftest.Video(2, 2)
		v.Matrix = m
		tr := open(t, file(v)).Tracks[0]
		for i := range m {
			require.Equal(t, int32(m[i]), tr.Matrix[i], name)
		}
		require.Equal(t, uint32(640<<16), tr.Width)
		require.Equal(t, uint32(360<<16), tr.Height)
	}
	tr := open(t, replace(file(bmfftest.Video(2, 2)), "tkhd", func(b []byte) []byte { return bmfftest.Box("tkhd", b[8:40]) })).Tracks[0]
	require.Equal(t, [9]int32{one, 0, 0, 0, one, 0, 0, 0, 0x40000000}, tr.Matrix, "a tkhd that ends early moves nothing")
	require.Equal(t, uint32(1), tr.ID)
}

// durationsOf puts d into mvhd, tkhd and mdhd, all of version 1.
func durationsOf(data []byte, d uint64) []byte {
	for typ, at := range map[string]int{"mvhd": 32, "tkhd": 36, "mdhd": 32} {
		data = replace(data, typ, func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[at:], d)
			return b
		})
	}
	return data
}

// TestA35HeaderDurations and A37: what the headers say of durations and of years is not used.
func TestA35HeaderDurations(t *testing.T) {
	v, a := bmfftest.Video(20, 10).Reorder(false), bmfftest.Audio(38)
	data := file(v, a)
	want := open(t, data)
	for _, d := range []uint64{0, 1, 1 << 31, 1<<32 - 1, 1 << 63, 1<<64 - 1} {
		require.Equal(t, want, open(t, durationsOf(data, d)))
	}
	for _, typ := range []string{"mvhd", "tkhd", "mdhd"} { // made and changed before 1904 or after 2040
		require.Equal(t, want, open(t, replace(data, typ, func(b []byte) []byte {
			copy(b[12:], bmfftest.U64(1<<64-86400, 86400))
			return b
		})))
	}
}

func TestA37MediaDuration(t *testing.T) {
	for _, fragment := range []int{0, 5} {
		v := bmfftest.Video(20, 10)
		data := bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: fragment, MoovAtEnd: fragment == 0, Brands: []string{"mp42", "isom"}}.Bytes()
		for _, d := range []uint64{0, 5, 1 << 40} {
			bad := replace(data, "mdhd", func(b []byte) []byte {
				binary.BigEndian.PutUint64(b[32:], d)
				return b
			})
			m := open(t, bad)
			require.Equal(t, int64(20*512), m.Tracks[0].Index.DTS(20))
			require.Equal(t, []string{"mp42", "mp42", "isom"}, m.Brands)
		}
	}
}

func TestDuplicateTrackIDs(t *testing.T) {
	a, b := bmfftest.Audio(3), bmfftest.Video(4, 2)
	a.ID, b.ID = 5, 5
	data := file(a, b)
	m := open(t, data)
	warns(t, m, "track ID 5 is used twice")
	agree(t, data, a, m.Tracks[0])
	agree(t, data, b, m.Tracks[1])
	m = open(t, bmfftest.File{Tracks: []bmfftest.Track{a, b}, Fragment: 3}.Bytes())
	warns(t, m, "track ID 5 is used twice")
	require.NotZero(t, m.Tracks[0].Index.Len(), "fragments go to the first")
	require.Zero(t, m.Tracks[1].Index.Len())
}

// TestEdits: 100 frames at 12800 ticks, a movie of 1000 ticks a second.
func TestEdits(t *testing.T) {
	const one, end = 0x10000, 100 * 512
	for _, c := range []struct {
		name  string
		edits []bmfftest.Edit
		want  []bmff.Edit
		warn  string
	}{
		{"none", nil, nil, ""},
		{"to the end", []bmfftest.Edit{{Duration: 4000}}, []bmff.Edit{{}}, ""},
		{"to the end but for a tick of the movie", []bmfftest.Edit{{Duration: 3999}}, []bmff.Edit{{}}, ""},
		{"beyond the end", []bmfftest.Edit{{Duration: 9000}}, []bmff.Edit{{}}, ""},
		{"short of the end", []bmfftest.Edit{{Duration: 3990}}, []bmff.Edit{{Duration: 51072}}, ""},
		{"delay", []bmfftest.Edit{{Duration: 500, Media: -1}, {Media: 512}}, []bmff.Edit{{Media: -1, Duration: 6400}, {Media: 512}}, ""},
		{"three", []bmfftest.Edit{{Duration: 1000, Media: 512}, {Duration: 200, Media: -1}, {Duration: 80, Media: 25600}}, []bmff.Edit{{Media: 512, Duration: 12800}, {Media: -1, Duration: 2560}, {Media: 25600, Duration: 1024}}, ""},
		{"empty of no length", []bmfftest.Edit{{Media: -1}, {Media: 512}}, []bmff.Edit{{Media: 512}}, ""},
		{"no length, not last", []bmfftest.Edit{{Media: 512}, {Media: 1024}}, []bmff.Edit{{Media: 1024}}, "takes no time"},
		{"a held picture", []bmfftest.Edit{{Duration: 1000, Media: 512, Rate: 1}, {Media: 1024}}, []bmff.Edit{{Media: 512, Duration: 12800}, {Media: 1024}}, "another rate"},
		{"double speed", []bmfftest.Edit{{Duration: 1000, Media: 0, Rate: 2 * one}, {Media: 512}}, []bmff.Edit{{Duration: 12800}, {Media: 512}}, "another rate"},
		{"beyond the media", []bmfftest.Edit{{Duration: 1000, Media: end * 2}}, []bmff.Edit{{Media: end * 2}}, ""},
	} {
		for _, v1 := range []bool{false, true} {
			v := bmfftest.Video(100, 10)
			v.Edits, v.EditsV1 = c.edits, v1
			m := open(t, file(v))
			require.Equal(t, c.want, m.Tracks[0].Edits, c.name)
			if c.warn == "" {
				require.Empty(t, m.Warnings, c.name)
			} else {
				warns(t, m, c.warn)
			}
		}
	}
	v := bmfftest.Video(100, 10)
	v.Edits = []bmfftest.Edit{{Duration: 1000, Media: 512}, {Media: 1024}}
	data := file(v)
	t.Run("rate 0", func(t *testing.T) {
		held := replace(data, "elst", func(b []byte) []byte { copy(b[24:], bmfftest.U32(0)); return b })
		m := open(t, held)
		warns(t, m, "holds a picture")
		require.Equal(t, []bmff.Edit{{Media: -1, Duration: 12800}, {Media: 1024}}, m.Tracks[0].Edits)
	})
	t.Run("64 bits", func(t *testing.T) {
		v.EditsV1, v.Edits = true, []bmfftest.Edit{{Duration: 1 << 40, Media: -1}, {Media: 1 << 33}}
		require.Equal(t, []bmff.Edit{{Media: -1, Duration: 1<<40/1000*12800 + (1<<40%1000)*12800/1000}, {Media: 1 << 33}}, open(t, file(v)).Tracks[0].Edits)
	})
	t.Run("more entries than bytes", func(t *testing.T) {
		m := open(t, poke(data, "elst", 8, 0x7f))
		warns(t, m, "edit list not read")
		require.Nil(t, m.Tracks[0].Edits)
	})
	t.Run("no movie timescale", func(t *testing.T) {
		m := open(t, replace(data, "mvhd", func(b []byte) []byte { copy(b[28:], make([]byte, 4)); return b }))
		warns(t, m, "no movie timescale")
		require.Equal(t, uint32(0), m.Timescale)
	})
	t.Run("of the samples in moov, when fragments follow", func(t *testing.T) {
		f := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(100, 10)}, Fragment: 10, InMoov: 50}
		f.Tracks[0].Edits = []bmfftest.Edit{{Duration: 2000}}
		require.Equal(t, []bmff.Edit{{}}, open(t, f.Bytes()).Tracks[0].Edits)
	})
}

func TestDisabledAndTimescales(t *testing.T) {
	a := bmfftest.Audio(3)
	a.Disabled = true
	require.False(t, open(t, file(a)).Tracks[0].Enabled)
	require.True(t, open(t, file(bmfftest.Audio(3))).Tracks[0].Enabled)
	for _, scale := range []uint32{1, 44100, 10_000_000, 1_000_000_000, 1<<32 - 1} {
		a.Timescale = scale
		data := file(a)
		m := open(t, data)
		require.Equal(t, scale, m.Tracks[0].Timescale)
		agree(t, data, a, m.Tracks[0])
	}
	version0 := replace(file(a), "mdhd", func(b []byte) []byte {
		return bmfftest.FullBox("mdhd", 0, 0, make([]byte, 8), b[28:32], make([]byte, 4), b[40:])
	})
	require.Equal(t, uint32(1<<32-1), open(t, version0).Tracks[0].Timescale)
}

// TestNoFileType: a QuickTime file may begin with moov, or with mdat.
func TestNoFileType(t *testing.T) {
	tr := small().Tracks
	for _, f := range []bmfftest.File{{Tracks: tr, CO64: true}, {Tracks: tr, MoovAtEnd: true}} {
		data := f.Bytes()
		free := append(bmfftest.U32(28), "wide"...) // as long as ftyp was
		require.Equal(t, "ftyp", string(data[4:8]))
		bare := append(bytes.Clone(free), data[8:]...)
		copy(bare, data[:4])
		m := open(t, bare)
		require.Nil(t, m.Brands)
		agree(t, bare, tr[0], m.Tracks[0])
	}
}
