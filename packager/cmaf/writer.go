package cmaf

import (
	"encoding/binary"
	"math"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// tr_flags (14496-12, 8.8.8.1).
const (
	trunOffset     = 0x000001
	trunFirstFlags = 0x000004
	trunDuration   = 0x000100
	trunSize       = 0x000200
	trunFlags      = 0x000400
	trunCTO        = 0x000800
)

// tf_flags (14496-12, 8.8.7.1).
const (
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000
	trackID         = 1 // in all that this package writes
)

func stypSize(last bool) int64 {
	if last {
		return 28
	}
	return 24
}

func (f *fragment) tfhdSize() int64 {
	n := int64(16)
	if f.entry != 0 {
		n += 4
	}
	if f.trun&trunDuration == 0 {
		n += 4
	}
	if f.trun&trunFlags == 0 {
		n += 4
	}
	return n
}

func (f *fragment) trunSize() int64 {
	n, each := int64(20), int64(4)
	if f.trun&trunFirstFlags != 0 {
		n += 4
	}
	for _, field := range [...]uint32{trunDuration, trunFlags, trunCTO} {
		if f.trun&field != 0 {
			each += 4
		}
	}
	return n + each*int64(f.samples)
}

func (f *fragment) trafSize() int64 {
	return 8 + f.tfhdSize() + 20 + f.trunSize() + f.aux.sencSize() + f.aux.indexSize(f.samples) + f.groupSize()
}

func (f *fragment) moofSize() int64 { return 8 + 16 + int64(len(f.pssh)) + f.trafSize() }

// mdatHeader is the size of the header of mdat: 16 where 32 bits cannot count the box.
func (f *fragment) mdatHeader() int64 {
	if f.payload+8 > math.MaxUint32 {
		return 16
	}
	return 8
}

// writer fills what Segment has measured: one array of box bytes, one of ranges, one of pieces.
type writer struct {
	delay   uint32 // added to composition offsets, taken back by the edit list
	head    []byte
	begin   int // of head: what is in no piece yet
	extents []media.Extent
	pieces  []packager.Piece
	objects []media.Checker // of payload that is encrypted here
}

func (w *writer) u32(v ...uint32) {
	for _, v := range v {
		w.head = binary.BigEndian.AppendUint32(w.head, v)
	}
}

func (w *writer) u64(v uint64) { w.head = binary.BigEndian.AppendUint64(w.head, v) }

// box begins a box of that size, header included.
func (w *writer) box(size int64, name string) {
	w.u32(uint32(size))
	w.head = append(w.head, name...)
}

// full begins a full box.
func (w *writer) full(size int64, name string, version uint8, flags uint32) {
	w.box(size, name)
	w.u32(uint32(version)<<24 | flags)
}

// styp: a DASH media segment and a CMAF segment, and whether it is the last (23000-19, 7.3.3.1).
func (w *writer) styp(last bool) {
	w.box(stypSize(last), "styp")
	w.head = append(w.head, "msdh\x00\x00\x00\x00msdhcmfs"...)
	if last {
		w.head = append(w.head, "lmsg"...)
	}
}

func (w *writer) fragment(f *fragment, sequence uint32, runs []media.Run) {
	moof, begin := f.moofSize(), len(w.head)
	w.box(moof, "moof")
	w.full(16, "mfhd", 0, 0)
	w.u32(sequence)
	w.head = append(w.head, f.pssh...)
	w.box(f.trafSize(), "traf")
	w.tfhd(f)
	w.full(20, "tfdt", 1, 0)
	w.u64(uint64(f.dts))
	w.trun(f, moof+f.mdatHeader(), runs)
	w.senc(f, begin)
	w.groups(f)
	if f.mdatHeader() == 16 {
		w.box(1, "mdat")
		w.u64(uint64(f.payload + 16))
	} else {
		w.box(f.payload+8, "mdat")
	}
	w.flush()
	w.payload(f, runs)
}

func (w *writer) tfhd(f *fragment) {
	flags := uint32(tfhdBaseIsMoof)
	if f.entry != 0 {
		flags |= tfhdDescription
	}
	if f.trun&trunDuration == 0 {
		flags |= tfhdDuration
	}
	if f.trun&trunFlags == 0 {
		flags |= tfhdFlags
	}
	w.full(f.tfhdSize(), "tfhd", 0, flags)
	w.u32(trackID)
	if flags&tfhdDescription != 0 {
		w.u32(f.entry)
	}
	if flags&tfhdDuration != 0 {
		w.u32(f.duration)
	}
	if flags&tfhdFlags != 0 {
		w.u32(f.flags)
	}
}

// trun version 1: composition offsets are signed.
func (w *writer) trun(f *fragment, offset int64, runs []media.Run) {
	w.full(f.trunSize(), "trun", 1, f.trun|trunOffset)
	w.u32(uint32(f.samples), uint32(offset))
	if f.trun&trunFirstFlags != 0 {
		w.u32(f.first)
	}
	b := w.head
	for r, p := range f.spans(runs) {
		for i := p.from; i < p.to; i++ {
			s := &r.Samples[i]
			if f.trun&trunDuration != 0 {
				b = binary.BigEndian.AppendUint32(b, s.Duration)
			}
			b = binary.BigEndian.AppendUint32(b, s.Size)
			if f.trun&trunFlags != 0 {
				b = binary.BigEndian.AppendUint32(b, uint32(s.Flags))
			}
			if f.trun&trunCTO != 0 {
				b = binary.BigEndian.AppendUint32(b, uint32(int64(s.CTO)+int64(w.delay)))
			}
		}
	}
	w.head = b
}

// flush makes a piece of the box bytes written since the last.
func (w *writer) flush() {
	w.pieces = append(w.pieces, packager.Piece{Bytes: w.head[w.begin:len(w.head):len(w.head)]})
	w.begin = len(w.head)
}

// payload adds the ranges of the samples: a piece for each Object in turn; or a Stream that encrypts them.
func (w *writer) payload(f *fragment, runs []media.Run) {
	if f.aux.cover != nil {
		w.pieces = append(w.pieces, packager.Piece{Stream: &ciphertext{*f, w.objects}})
		return
	}
	var place cursor
	var object media.Object
	begin := len(w.extents)
	piece := func() {
		if n := len(w.extents); n > begin {
			w.pieces = append(w.pieces, packager.Piece{Object: object, Extents: w.extents[begin:n:n]})
			begin = n
		}
	}
	for r, p := range f.spans(runs) {
		place.enter(r.Data)
		for i := p.from; i < p.to; i++ {
			s := &r.Samples[i]
			switch place.step(s) {
			case joined:
				w.extents[len(w.extents)-1].Len += int64(s.Size)
			case newObject:
				piece()
				object = r.Data
				fallthrough
			case newExtent:
				w.extents = append(w.extents, media.Extent{Off: s.Offset, Len: int64(s.Size)})
			}
		}
	}
	piece()
}
