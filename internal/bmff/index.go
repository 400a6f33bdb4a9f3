package bmff

import (
	"sort"
	"unsafe"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Index is the compact sample table of a track. Immutable, safe for concurrent use. It holds no bytes of the file.
//
// DTS(i)+Duration of sample i is DTS(i+1): where a fragment does not begin where the one before ended, the sample between
// is made longer or shorter. Durations of 0 are kept.
type Index struct {
	clock clock
	size  column
	kind  column // place in kinds
	kinds []kind
	sync  []uint32 // unless all are
	all   bool     // every sample is a sync sample

	chunkLen column // samples of each chunk, none 0
	chunkGap column // zigzag: from the end of the chunk before, or the start of the file
	marks    []mark // of samples 0, stride, 2·stride

	locks locks // how samples are encrypted
	aux   auxTable
}

// kind is what samples tend to have in common.
type kind struct {
	flags media.SampleFlags
	cto   int32
	entry uint16
}

// mark is where a sample lies.
type mark struct {
	off   int64
	chunk uint32
	left  uint32 // samples of the chunk from this one on
}

// Sample is one sample in the file's own times.
type Sample struct {
	media.Sample        // Offset in the file; CTO as in ctts or trun
	DTS          int64  // ticks
	Entry        uint16 // sample description, index into Track.Entries
}

// Len is the number of samples.
func (x *Index) Len() int { return x.clock.n }

// DTS is the decode time of sample i, ticks; of i == Len(), the end of the last sample.
func (x *Index) DTS(i int) int64 { return x.clock.at(i) }

// Search returns the least i with DTS(i) >= dts, or Len().
func (x *Index) Search(dts int64) int { return x.clock.search(dts) }

// NextSync returns the least sync sample not before i, or Len().
func (x *Index) NextSync(i int) int {
	switch {
	case i >= x.Len():
		return x.Len()
	case x.all:
		return max(i, 0)
	}
	k := sort.Search(len(x.sync), func(k int) bool { return int(x.sync[k]) >= i })
	if k == len(x.sync) {
		return x.Len()
	}
	return int(x.sync[k])
}

// Append decodes samples [from, to) onto dst. It costs what they cost, wherever they lie.
func (x *Index) Append(dst []Sample, from, to int) []Sample {
	from, to = max(from, 0), min(to, x.Len())
	if from >= to {
		return dst
	}
	m := x.marks[from/stride]
	for i := from / stride * stride; i < from; i++ {
		x.step(&m, int64(x.size.at(i)))
	}
	hand := x.clock.hand(from)
	for i := from; i < to; i++ {
		dts, duration := hand.next()
		size := x.size.at(i)
		k := &x.kinds[x.kind.at(i)]
		dst = append(dst, Sample{
			Sample: media.Sample{Offset: m.off, Size: uint32(size), Duration: duration, CTO: k.cto, Flags: k.flags},
			DTS:    dts,
			Entry:  k.entry,
		})
		x.step(&m, int64(size))
	}
	return dst
}

// step moves m over a sample of the size.
func (x *Index) step(m *mark, size int64) {
	m.off += size
	if m.left--; m.left > 0 {
		return
	}
	if m.chunk++; int(m.chunk) < x.chunkLen.n {
		m.off += unzigzag(x.chunkGap.at(int(m.chunk)))
		m.left = uint32(x.chunkLen.at(int(m.chunk)))
	}
}

// Size is the memory that the index holds, bytes.
func (x *Index) Size() int64 {
	return int64(unsafe.Sizeof(*x)) + x.clock.bytes() + x.size.bytes() + x.kind.bytes() + x.chunkLen.bytes() +
		x.chunkGap.bytes() + int64(cap(x.kinds))*int64(unsafe.Sizeof(kind{})) + int64(cap(x.sync))*4 +
		int64(cap(x.marks))*int64(unsafe.Sizeof(mark{})) + x.locks.bytes() + x.aux.bytes()
}
