package media

import (
	"context"
	"iter"
	"reflect"
)

// SampleFlags are those of ISO/IEC 14496-12, 8.8.3.1, as trun carries them.
type SampleFlags uint32

const (
	NonSync     SampleFlags = 1 << 16 // sample_is_non_sync_sample
	FlagsSync   SampleFlags = 2 << 24 // sample_depends_on 2: an I picture; sync
	FlagsDelta  SampleFlags = 1<<24 | NonSync
	disposeMask SampleFlags = 3 << 22
)

// Sync reports whether decoding can start at the sample.
func (f SampleFlags) Sync() bool { return f&NonSync == 0 }

// Disposable reports whether no other sample depends on this one (sample_is_depended_on 2).
func (f SampleFlags) Disposable() bool { return f&disposeMask == 2<<22 }

// Sample is the place of one access unit; it holds no payload.
type Sample struct {
	Offset   int64  // first byte in Run.Data
	Size     uint32 // bytes
	Duration uint32 // ticks
	CTO      int32  // composition minus decode time, ticks; may be negative, 0 at the first sync sample
	Flags    SampleFlags
}

// Unit is a NAL unit or tile of a sample: Size bytes without its length field, the first Clear of which reach through
// its slice header.
type Unit struct {
	Size, Clear uint32
	Type        uint8
}

// Run is consecutive samples with their bytes in one Object: a trun (14496-12, 8.8.8). Read-only.
type Run struct {
	Track   *Track
	DTS     int64 // decode time of Samples[0], ticks of the source's own time
	Samples []Sample
	Data    Object
	Units   []Unit // what the samples consist of, in order; nil: unknown, packagers read it from Data
	// Crypt is how these samples are encrypted where they lie; nil: they are clear.
	Crypt *Crypt
	Aux   []Aux // of each sample, where Crypt is not nil
}

// Duration is the sum of the samples' durations, ticks.
func (r *Run) Duration() int64 {
	var d int64
	for i := range r.Samples {
		d += int64(r.Samples[i].Duration)
	}
	return d
}

// Bytes is the size of the samples together.
func (r *Run) Bytes() int64 {
	var n int64
	for i := range r.Samples {
		n += int64(r.Samples[i].Size)
	}
	return n
}

// Extent is Len bytes of an Object from Off.
type Extent struct{ Off, Len int64 }

// Extents are the ranges of Data that hold the payload, in decode order, with adjoining ones merged and empty ones
// left out.
func (r *Run) Extents() iter.Seq[Extent] {
	return func(yield func(Extent) bool) {
		var e Extent
		for i := range r.Samples {
			s := &r.Samples[i]
			switch {
			case s.Size == 0:
			case e.Len > 0 && e.Off+e.Len == s.Offset:
				e.Len += int64(s.Size)
			default:
				if e.Len > 0 && !yield(e) {
					return
				}
				e = Extent{s.Offset, int64(s.Size)}
			}
		}
		if e.Len > 0 {
			yield(e)
		}
	}
}

// Object is immutable bytes at offsets: a file, a range-reading HTTP resource, a stored chunk. Safe for concurrent use.
//
// An Object may also have these methods, as in io/fs:
//
//	Bytes(off, n int64) []byte  // the bytes themselves, mapped or held: valid while the Object is reachable; nil if it cannot
//	File() *os.File             // shared: read at offsets only, never move its cursor
//	Warm(off, n int64)          // a hint that the range is wanted soon
//	Check() error               // ErrChanged once the bytes are no longer those of Version
//	Close() error               // releases what it holds, by its owner, once no reader is left
type Object interface {
	// ReadAt fills p from off or fails; it never returns a part. It fails with ErrChanged once the bytes are no
	// longer those of Version.
	ReadAt(ctx context.Context, p []byte, off int64) error
	Size() int64
	// Version names the bytes: an ETag, or size and modification time. It is part of every cache key.
	Version() string
}

// Byter is an Object whose bytes can be had without a copy.
type Byter interface {
	// Bytes returns n bytes at off, valid while the Object is reachable, or nil if they cannot be had like that.
	Bytes(off, n int64) []byte
}

// Checker is an Object that can tell, for little, whether its bytes are still those of its Version. Whoever takes them
// from Bytes asks after it has copied them and before it sends the copy: the last page of a mapped file that was cut reads
// as zeros.
type Checker interface {
	// Check returns an error that matches ErrChanged if they are not.
	Check() error
}

// Same reports whether a and b are one Object, also for types that == would panic on.
func Same(a, b Object) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

// Warmer is an Object that can prepare a range.
type Warmer interface{ Warm(off, n int64) }

// warmGap is how much that nobody asked for a hint may include: a remote range costs more by being another request.
const warmGap = 1 << 20

// Warm tells obj that the ranges, in ascending order, are wanted soon, if it is a Warmer. It is for those who are about
// to read, not for those who only ask how much there is.
func Warm(obj Object, ranges iter.Seq[Extent]) {
	w, ok := obj.(Warmer)
	if !ok {
		return
	}
	var whole Extent
	for e := range ranges {
		if end := whole.Off + whole.Len; whole.Len > 0 && e.Off >= end && e.Off-end <= warmGap {
			whole.Len = e.Off + e.Len - whole.Off
			continue
		}
		if whole.Len > 0 {
			w.Warm(whole.Off, whole.Len)
		}
		whole = e
	}
	if whole.Len > 0 {
		w.Warm(whole.Off, whole.Len)
	}
}

// Interval is a half-open range of times, ticks.
type Interval struct{ From, To int64 }

// Source gives random access to samples, with edit lists applied. Safe for concurrent use.
type Source interface {
	Tracks() []*Track
	// Samples returns those of t with decode time in iv, in decode order, payload unread; ErrNotYet or ErrGone where
	// iv reaches outside what there is now. For Text and Meta it returns those that overlap iv, one cue, document or
	// message each; they may overlap one another and leave gaps.
	Samples(ctx context.Context, t *Track, iv Interval) ([]Run, error)
}
