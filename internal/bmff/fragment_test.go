package bmff_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestA25Defaults: what stands in trex, tfhd or trun alone is found, and without tfdt the clock runs on.
func TestA25Defaults(t *testing.T) {
	a := sized(90, 90, 90, 90, 90, 90, 90)
	for _, f := range []bmfftest.File{{}, {NoTfdt: true}, {Trex: true}, {Trex: true, NoTfdt: true}} {
		f.Tracks, f.Fragment = []bmfftest.Track{a}, 3
		data := f.Bytes()
		m := open(t, data)
		require.Empty(t, m.Warnings)
		agree(t, data, a, m.Tracks[0])
	}
	t.Run("tfhd goes before trex", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 3, Trex: true}.Bytes()
		data = replace(data, "tfhd", func(b []byte) []byte { // base is moof, description, duration
			return bmfftest.FullBox("tfhd", 0, 0x2000a, b[12:16], bmfftest.U32(1, 960))
		})
		m := open(t, data)
		require.Equal(t, uint32(960), durations(m.Tracks[0])[0])
		require.Equal(t, uint32(90), all(m.Tracks[0])[6].Size)
	})
	t.Run("a description that is not there", func(t *testing.T) {
		data := replace(bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 3}.Bytes(), "tfhd", func(b []byte) []byte {
			copy(b[16:], bmfftest.U32(70000))
			return b
		})
		require.Zero(t, all(open(t, data).Tracks[0])[0].Entry)
	})
	t.Run("several trun", func(t *testing.T) {
		data := bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 7}.Bytes()
		data = replace(data, "traf/trun", func(b []byte) []byte {
			one := append(bmfftest.U32(3), b[16:20]...)
			offset := binary.BigEndian.Uint32(b[16:]) + 12 + 8 // the second trun makes moof longer
			copy(one[4:], bmfftest.U32(offset-4))
			return append(bmfftest.FullBox("trun", 0, 0x701, one, b[20:56]), bmfftest.FullBox("trun", 0, 0x700, bmfftest.U32(4), b[56:])...)
		})
		agree(t, data, a, open(t, data).Tracks[0])
	})
	t.Run("no trex for the track", func(t *testing.T) {
		data := with(bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 3}.Bytes(), "mvex")
		require.Equal(t, durations(open(t, bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 3}.Bytes()).Tracks[0]), durations(open(t, data).Tracks[0]))
	})
	t.Run("a track that moov does not have", func(t *testing.T) {
		data := replace(bmfftest.File{Tracks: []bmfftest.Track{a, a}, Fragment: 3}.Bytes(), "trak/tkhd", func(b []byte) []byte {
			if binary.BigEndian.Uint32(b[28:]) == 2 {
				copy(b[28:], bmfftest.U32(7))
			}
			return b
		})
		m := open(t, data)
		warns(t, m, "fragments of track 2, which moov does not have")
		require.Equal(t, 7, m.Tracks[0].Index.Len())
		require.Zero(t, m.Tracks[1].Index.Len())
	})
	t.Run("no tfhd", func(t *testing.T) {
		_, err := try(with(bmfftest.File{Tracks: []bmfftest.Track{a}, Fragment: 3}.Bytes(), "tfhd"))
		require.ErrorIs(t, err, media.ErrFormat)
		require.ErrorContains(t, err, "moof[0]/traf[0]")
	})
}

// atTimes is three fragments of three frames each at the decode times, 512 ticks a frame.
func atTimes(version uint8, dts ...uint64) []byte {
	n := -1
	return replace(bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(9, 3)}, Fragment: 3}.Bytes(), "tfdt", func([]byte) []byte {
		n++
		if version == 0 {
			return bmfftest.FullBox("tfdt", 0, 0, bmfftest.U32(uint32(dts[n])), make([]byte, 4)) // as long as version 1, so that offsets hold
		}
		return bmfftest.FullBox("tfdt", 1, 0, bmfftest.U64(dts[n]))
	})
}

func TestFragmentTimes(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []uint64
		first int64
		third uint32 // duration of the third sample
		sixth uint32
		warn  string
	}{
		{"one after another", []uint64{0, 1536, 3072}, 0, 512, 512, ""},
		{"from a late start", []uint64{1 << 32, 1<<32 + 1536, 1<<32 + 3072}, 1 << 32, 512, 512, ""},
		{"a gap", []uint64{0, 2536, 4072}, 0, 1512, 512, "gaps or overlap"},
		{"a tick of rounding", []uint64{0, 1537, 3072}, 0, 513, 511, ""},
		{"an overlap shorter than a sample", []uint64{0, 1100, 2636}, 0, 76, 512, "gaps or overlap"},
		{"back by more than a sample", []uint64{0, 100, 1636}, 0, 512, 512, "goes back"},
		{"all at once", []uint64{0, 0, 0}, 0, 512, 512, "goes back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, atTimes(1, c.times...))
			x := m.Tracks[0].Index
			require.Equal(t, 9, x.Len())
			require.Equal(t, c.first, x.DTS(0))
			d := durations(m.Tracks[0])
			require.Equal(t, c.third, d[2])
			if c.warn == "" {
				require.Empty(t, m.Warnings)
			} else {
				warns(t, m, c.warn)
			}
			if c.warn != "goes back" {
				require.Equal(t, c.sixth, d[5])
			}
		})
	}
	t.Run("32 bits", func(t *testing.T) {
		require.Equal(t, int64(1<<32-1), open(t, atTimes(0, 1<<32-1, 1<<32-1, 1<<32-1)).Tracks[0].Index.DTS(0))
	})
	for name, dts := range map[string]uint64{"absurd": 1 << 63, "a jump that no sample can last": 1 << 40} {
		_, err := try(atTimes(1, 0, dts, dts))
		require.ErrorIs(t, err, media.ErrUnsupported, name)
		require.ErrorContains(t, err, "moof[1]/traf[0]/tfdt", name)
	}
}

// TestSmoothTimes: where a fragment has no tfdt, the box of Smooth Streaming has its time; one that begins below zero, as
// ffmpeg writes them, says nothing.
func TestSmoothTimes(t *testing.T) {
	tfxd := func(version uint8, at uint64) []byte {
		id := []byte{0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2}
		if version == 1 {
			return bmfftest.Box("uuid", id, bmfftest.U32(1<<24), bmfftest.U64(at, 1536))
		}
		return bmfftest.Box("uuid", id, bmfftest.U32(0, uint32(at), 1536))
	}
	minus := uint64(1<<64 - 1024)
	for _, c := range []struct {
		name    string
		version uint8
		times   []uint64
		want    []int64
	}{
		{"64 bits", 1, []uint64{1 << 40, 1<<40 + 1536, 1<<40 + 3072}, []int64{1 << 40, 1<<40 + 1536, 1<<40 + 3072}},
		{"32 bits", 0, []uint64{7000, 8536, 10072}, []int64{7000, 8536, 10072}},
		{"below zero", 1, []uint64{minus, 512, 2048}, []int64{0, 1536, 3072}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := -1
			data := replace(bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(9, 3)}, Fragment: 3, NoTfdt: true}.Bytes(), "traf/trun", func(b []byte) []byte {
				n++
				return append(b, tfxd(c.version, c.times[n])...)
			})
			x := open(t, data).Tracks[0].Index
			require.Equal(t, c.want, []int64{x.DTS(0), x.DTS(3), x.DTS(6)})
		})
	}
}

// sidx has references of type and size.
func sidx(version uint8, first uint64, refs ...uint32) []byte {
	b := bmfftest.U32(1, 12800)
	if version == 0 {
		b = append(b, bmfftest.U32(0, uint32(first))...)
	} else {
		b = append(b, bmfftest.U64(0, first)...)
	}
	b = append(b, bmfftest.U16(0, uint16(len(refs)))...)
	for _, r := range refs {
		b = append(b, bmfftest.U32(r, 1536, 0x90000000)...)
	}
	return bmfftest.FullBox("sidx", version, 0, b)
}

// TestA26SegmentIndexes: fragments are found whatever sidx boxes say, and styp boxes are passed over.
func TestA26SegmentIndexes(t *testing.T) {
	v := bmfftest.Video(12, 3)
	data := bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 3}.Bytes()
	var parts [][]byte // header, then fragments
	for rest := data; ; {
		i := bytes.Index(rest[8:], []byte("moof"))
		if i < 0 {
			parts = append(parts, rest)
			break
		}
		parts = append(parts, rest[:i+4])
		rest = rest[i+4:]
	}
	require.Len(t, parts, 5)
	size := func(p ...[]byte) uint32 { return uint32(len(bytes.Join(p, nil))) }
	const index = 1 << 31 // reference to a sidx
	pair := func(a int) []byte {
		return bytes.Join([][]byte{sidx(1, 0, size(parts[a]), size(parts[a+1])), parts[a], parts[a+1]}, nil)
	}
	styp := bmfftest.Box("styp", []byte("msdh\x00\x00\x00\x00msdhmsix"))
	daisy := func(a int, next ...[]byte) []byte {
		return bytes.Join([][]byte{sidx(1, 0, size(parts[a]), index|size(next...)), parts[a]}, nil)
	}
	last := sidx(0, 0, size(parts[4]))
	third := daisy(3, last)
	for name, file := range map[string][][]byte{
		"none":                {parts[0], parts[1], parts[2], parts[3], parts[4]},
		"styp, no sidx":       {parts[0], styp, parts[1], styp, parts[2], parts[3], styp, parts[4]},
		"one of all":          {parts[0], sidx(0, 0, size(parts[1]), size(parts[2]), size(parts[3]), size(parts[4])), parts[1], parts[2], parts[3], parts[4]},
		"sidx of sidx":        {parts[0], sidx(1, 0, index|size(pair(1)), index|size(pair(3))), pair(1), pair(3)},
		"daisy chain":         {parts[0], daisy(1, third), parts[2], third, last, parts[4]},
		"a sidx each":         {parts[0], sidx(0, 0, size(parts[1])), parts[1], sidx(1, 0, size(parts[2])), parts[2], sidx(0, 0, size(parts[3])), parts[3], parts[4]},
		"of another file":     {parts[0], sidx(1, 77, 5, 6, 7), parts[1], parts[2], parts[3], parts[4]},
		"beyond the file":     {parts[0], sidx(1, 1<<62, 1<<30), parts[1], parts[2], parts[3], parts[4]},
		"more than there are": {parts[0], bmfftest.FullBox("sidx", 0, 0, bmfftest.U32(1, 1, 0, 0, 0xffff)), parts[1], parts[2], parts[3], parts[4]},
		"no room":             {parts[0], bmfftest.Box("sidx"), parts[1], parts[2], parts[3], parts[4]},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Join(file, nil)
			agree(t, data, v, open(t, data).Tracks[0])
			m, _ := openRanged(t, data)
			agree(t, data, v, m.Tracks[0])
		})
	}
}

// TestA27MoreFragmentsThanASidxCanList: 70,000 of them.
func TestA27MoreFragmentsThanASidxCanList(t *testing.T) {
	const n = 70_000
	one := bmfftest.File{Tracks: []bmfftest.Track{sized(1)}, Fragment: 1, NoTfdt: true}.Bytes()
	at := bytes.Index(one, []byte("moof")) - 4
	data := append(bytes.Clone(one[:at]), bytes.Repeat(one[at:], n)...)
	m := open(t, data)
	x := m.Tracks[0].Index
	require.Equal(t, n, x.Len())
	s := x.Append(nil, n-1, n)[0]
	require.Equal(t, bmff.Sample{Sample: media.Sample{Offset: int64(len(data)) - 1, Size: 1, Duration: 1024, Flags: media.FlagsSync}, DTS: (n - 1) * 1024}, s)
}

// Some writers count all data offsets from the moof and say so nowhere. By the letter (14496-12, 8.8.7.1) the second traf
// would begin where the first ended.
func TestOffsetsFromMoofUnsaid(t *testing.T) {
	a, b := sized(90, 90, 90, 90), sized(50, 50, 50, 50)
	for _, f := range []bmfftest.File{{Offsets: bmfftest.FromMoofUnsaid}, {Offsets: bmfftest.FromPrevious}} {
		f.Tracks, f.Fragment, f.OneTraf = []bmfftest.Track{a, b}, 2, false
		data := f.Bytes()
		m := open(t, data)
		require.Equal(t, f.Offsets == bmfftest.FromMoofUnsaid, len(m.Warnings) > 0)
		agree(t, data, a, m.Tracks[0])
		agree(t, data, b, m.Tracks[1])
	}
}
