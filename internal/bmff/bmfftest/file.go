package bmfftest

import (
	"cmp"
	"math"
	"slices"
)

// File is a whole file. The zero value of each field is the usual shape.
type File struct {
	Brands    []string // of ftyp; nil: isom, iso6, mp41
	Timescale uint32   // of mvhd; 0: 1000
	Tracks    []Track

	// Chunk is how many samples of a track follow one another; 0: tracks alternate by decode time, as ffmpeg
	// writes them.
	Chunk     int
	MoovAtEnd bool
	CO64      bool   // 64-bit chunk offsets
	LargeMdat bool   // 64-bit mdat sizes
	OpenMdat  bool   // size 0 on the mdat: it runs to the end of the file
	SplitMdat bool   // an mdat for each chunk
	Between   []byte // boxes after ftyp and before all else

	// Fragment is how many samples of the first track a moof has, the others keeping up by decode time; 0: no moof.
	Fragment int
	InMoov   int      // so many samples of each track are in moov, the rest in fragments
	OneTraf  bool     // a moof for each track
	Offsets  Offsets  // what trun data offsets count from
	NoTfdt   bool     // no decode times in the fragments
	Trex     bool     // whatever is the same in all samples of a track stands in trex alone
	Sidx     bool     // one sidx for the first track before the first moof
	Mfra     bool     // an mfra at the end
	MoovTail [][]byte // more boxes for the end of moov
}

// Track is one track of a File.
type Track struct {
	ID        uint32 // 0: its place in File, from 1
	Handler   string
	Name      string // of hdlr, written with one terminator
	Language  string // three letters; empty: und
	Timescale uint32
	Disabled  bool
	Width     uint32    // 16.16
	Height    uint32    // 16.16
	Matrix    [9]uint32 // zero: the identity
	Entries   [][]byte  // boxes of stsd; nil: no stsd at all
	Samples   []Sample
	Start     int64  // decode time of the first sample; fragmented only
	Edits     []Edit // nil: no edts
	EditsV1   bool   // 64-bit elst
	Refs      []Ref
	Kinds     []Kind // of udta

	STZ2      int    // bits of a size field, 4, 8 or 16; 0: stsz
	NoUniform bool   // a table in stsz even where all sizes are the same
	NoSTSS    bool   // no stss although not all samples are sync samples
	EmptySTSS bool   // an stss with no entries
	CTTS      int    // version: 0, 1; -1: 0 with negative values written all the same
	SDTP      []byte // entries of sdtp; nil: none
	Crypt     *Crypt // set by Encrypt; nil: clear

	auxAt uint64 // where auxiliary information lies in a file without fragments
}

// Edit is an entry of elst.
type Edit struct {
	Duration uint64 // ticks of the movie; 0: the rest
	Media    int64  // ticks of the track; -1: empty
	Rate     uint32 // 16.16; 0: 1
}

// Ref is a track reference.
type Ref struct {
	Type string
	IDs  []uint32
}

// Kind is a kind box of udta (14496-12, 8.10.4).
type Kind struct{ Scheme, Value string }

// Offsets is what the data offset of a trun counts from.
type Offsets int

const (
	FromMoof       Offsets = iota // tfhd default-base-is-moof
	FromBase                      // tfhd base-data-offset: the file
	FromPrevious                  // neither: moof for the first traf, the end of the data of the one before for others
	FromMoofUnsaid                // neither, and yet the moof
)

// Bytes is the file.
func (f File) Bytes() []byte {
	f.Tracks = slices.Clone(f.Tracks)
	for i := range f.Tracks {
		f.Tracks[i].ID = cmp.Or(f.Tracks[i].ID, uint32(i)+1)
	}
	f.Timescale = cmp.Or(f.Timescale, 1000)
	brands := f.Brands
	if brands == nil {
		brands = []string{"isom", "iso6", "mp41"}
	}
	ftyp := []byte(brands[0] + "\x00\x00\x02\x00")
	for _, b := range brands {
		ftyp = append(ftyp, b...)
	}
	out := append(Box("ftyp", ftyp), f.Between...)
	for i := range f.Tracks {
		if t := &f.Tracks[i]; t.Crypt != nil && t.Crypt.Place == Apart && (f.Fragment == 0 || f.InMoov > 0) {
			t.auxAt = uint64(len(out)) + 8
			var aux []byte
			for j := range t.Samples {
				aux = append(aux, t.Samples[j].Aux...)
			}
			out = append(out, Box("skip", aux)...)
		}
	}
	if f.Fragment == 0 {
		return f.progressive(out, func(t *Track) int { return len(t.Samples) }, true)
	}
	return f.fragments(f.progressive(out, func(*Track) int { return f.InMoov }, f.InMoov > 0))
}

// chunk is samples [from, to) of a track, stored one after another.
type chunk struct {
	track    int
	from, to int
	dts      float64 // seconds
	at       uint64  // place in the file
}

// chunks lays out the first n samples of each track.
func (f *File) chunks(n func(*Track) int) []chunk {
	var list []chunk
	for ti := range f.Tracks {
		t := &f.Tracks[ti]
		to := min(n(t), len(t.Samples))
		dts, step := 0.0, max(f.Chunk, 1)
		for i := 0; i < to; i += step {
			c := chunk{track: ti, from: i, to: min(i+step, to), dts: dts / float64(max(t.Timescale, 1))}
			list = append(list, c)
			for j := c.from; j < c.to; j++ {
				dts += float64(t.Samples[j].Duration)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b chunk) int { return cmp.Compare(a.dts, b.dts) })
	if f.Chunk > 0 {
		return list
	}
	var merged []chunk
	for _, c := range list {
		if n := len(merged); n > 0 && merged[n-1].track == c.track {
			merged[n-1].to = c.to
			continue
		}
		merged = append(merged, c)
	}
	return merged
}

func (t *Track) dts(i int) float64 {
	d := float64(t.Start)
	for j := range i {
		d += float64(t.Samples[j].Duration)
	}
	return d
}

func (t *Track) bytes(from, to int) []byte {
	var b []byte
	for i := from; i < to; i++ {
		b = append(b, t.Samples[i].Bytes()...)
	}
	return b
}

// progressive adds moov, with the tables of the first n samples of each track, and their mdat.
func (f *File) progressive(out []byte, n func(*Track) int, mdat bool) []byte {
	chunks := f.chunks(n)
	var boxes [][]byte
	head := 8
	if f.LargeMdat {
		head = 16
	}
	if mdat {
		bodies := make([][]byte, 1)
		for i := range chunks {
			c := &chunks[i]
			if f.SplitMdat && i > 0 {
				bodies = append(bodies, nil)
			}
			last := len(bodies) - 1
			c.at = uint64(last)<<48 | uint64(len(bodies[last]))
			bodies[last] = append(bodies[last], f.Tracks[c.track].bytes(c.from, c.to)...)
		}
		for _, b := range bodies {
			boxes = append(boxes, f.mdat(b))
		}
	}
	moov := f.moov(chunks, n)
	at := uint64(len(out))
	if !f.MoovAtEnd {
		at += uint64(len(moov))
	}
	starts := make([]uint64, len(boxes))
	for i, b := range boxes {
		starts[i] = at + uint64(head)
		at += uint64(len(b))
	}
	for i := range chunks {
		if mdat {
			chunks[i].at = starts[chunks[i].at>>48] + chunks[i].at&math.MaxUint32
		}
	}
	moov = f.moov(chunks, n)
	if !f.MoovAtEnd {
		out = append(out, moov...)
	}
	for _, b := range boxes {
		out = append(out, b...)
	}
	if f.MoovAtEnd {
		out = append(out, moov...)
	}
	return out
}

func (f *File) mdat(body []byte) []byte {
	if f.LargeMdat {
		return LargeBox("mdat", body)
	}
	b := Box("mdat", body)
	if f.OpenMdat {
		copy(b, U32(0))
	}
	return b
}
