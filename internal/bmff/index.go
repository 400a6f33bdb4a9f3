package bmff

import "github.com/mezzomedia/mezzo/packager/media"

// Index is the compact sample table of a track. Immutable, safe for concurrent use.
type Index struct{ n int }

// Sample is one sample in the file's own times.
type Sample struct {
	media.Sample        // Offset in the file; CTO as in ctts or trun
	DTS          int64  // ticks
	Entry        uint16 // sample description, index into Track.Entries
}

// Len is the number of samples.
func (x *Index) Len() int { return x.n }

// DTS is the decode time of sample i, ticks; of i == Len(), the end of the last sample.
func (x *Index) DTS(i int) int64 { panic("unwritten") }

// Search returns the least i with DTS(i) >= dts, or Len().
func (x *Index) Search(dts int64) int { panic("unwritten") }

// NextSync returns the least sync sample not before i, or Len().
func (x *Index) NextSync(i int) int { panic("unwritten") }

// Append decodes samples [from, to) onto dst. It costs what they cost, wherever they lie.
func (x *Index) Append(dst []Sample, from, to int) []Sample { panic("unwritten") }

// Size is the memory that the index holds, bytes.
func (x *Index) Size() int64 { panic("unwritten") }
