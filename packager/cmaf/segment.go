package cmaf

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Segment makes the CMAF segment of a Job with one Input. It reads no payload, but the headers of video that is to be
// encrypted. Errors match media.ErrUnsupported (tracks, times before zero), media.ErrNotFound (no samples),
// media.ErrFormat (samples that cannot be encrypted as they should be) or those of drm.Protection.Check.
//
// mfhd counts segments: it is Job.Number where segments are one fragment. Where they are several, it is Job.Number times
// 1024 plus the fragment's place in the segment, in 32 bits.
func (p Packager) Segment(ctx context.Context, job *packager.Job) (packager.Body, error) {
	if err := ctx.Err(); err != nil {
		return packager.Body{}, err
	}
	if len(job.Inputs) != 1 {
		return packager.Body{}, fmt.Errorf("segment %d of %d tracks: CMAF holds one: %w", job.Number, len(job.Inputs), media.ErrUnsupported)
	}
	in := &job.Inputs[0]
	if err := p.Accepts(in.Track, in.Scheme()); err != nil {
		return packager.Body{}, err
	}
	guard, err := protectionOf(in.Track, in.Protect)
	if err == nil {
		err = guard.check(in)
	}
	if err != nil {
		return packager.Body{}, fmt.Errorf("segment %d: %w", job.Number, err)
	}
	var few [16]fragment
	frags := cut(few[:0], in, job.Chunk)
	if len(frags) == 0 {
		return packager.Body{}, fmt.Errorf("segment %d of track %s has no samples: %w", job.Number, in.Track.ID, media.ErrNotFound)
	}
	if err := guard.apply(ctx, in, frags); err != nil {
		return packager.Body{}, fmt.Errorf("segment %d: %w", job.Number, err)
	}
	head, pieces, extents := stypSize(job.Last), 0, 0
	for i := range frags {
		f := &frags[i]
		if f.dts < 0 {
			return packager.Body{}, fmt.Errorf("segment %d of track %s starts at %d: tfdt cannot be negative, delay the presentation: %w",
				job.Number, in.Track.ID, f.dts, media.ErrUnsupported)
		}
		if f.wide {
			return packager.Body{}, fmt.Errorf("segment %d of track %s: a composition offset with the delay of %d ticks exceeds the 32 bits of trun (14496-12, 8.8.8): %w",
				job.Number, in.Track.ID, in.Track.Delay, media.ErrFormat)
		}
		f.roll = rollDistance(in.Track, f.duration)
		head += f.moofSize() + f.mdatHeader()
		pieces += 1 + f.pieces
		extents += f.extents
	}
	w := writer{
		delay:   in.Track.Delay,
		head:    make([]byte, 0, head),
		pieces:  make([]packager.Piece, 0, pieces),
		extents: make([]media.Extent, 0, extents),
	}
	if guard.here != nil {
		w.objects = checkers(in.Runs)
	}
	w.styp(job.Last)
	for i := range frags {
		w.fragment(&frags[i], sequence(job, i), in.Runs)
	}
	return packager.NewBody(w.pieces...), nil
}

// sequence is the sequence_number of fragment i (14496-12, 8.8.5).
func sequence(job *packager.Job, i int) uint32 {
	if job.Chunk > 0 {
		return uint32(job.Number<<10 + uint64(i))
	}
	return uint32(job.Number + uint64(i))
}

// fragment is one moof with its mdat, planned: where its samples are, and what they have in common.
type fragment struct {
	run, sample int       // its first sample: Runs[run].Samples[sample]
	samples     int       // how many
	dts         int64     // tfdt, ticks
	payload     int64     // bytes
	trun        uint32    // tr_flags: the fields that vary
	duration    uint32    // of all samples, unless trun has durations
	flags       uint32    // of all samples but the first, unless trun has flags
	first       uint32    // flags of the first
	index       int       // its first sample's place in the segment
	roll        int16     // roll_distance; 0: no sample group
	seig        []byte    // description of the sample group of that type; nil: none
	entry       uint32    // sample_description_index; 0: that of trex
	pssh        []byte    // whole boxes
	aux         auxiliary // of samples that are encrypted
	pieces      int       // Objects in turn
	extents     int       // ranges of them
	wide        bool      // a composition offset is beyond 32 bits
}

// cut plans the fragments. Each takes as many samples as fit into chunk ticks, at least one; a chunk of 0 takes all.
// A run that does not begin where the one before ended begins a fragment.
func cut(frags []fragment, in *packager.Input, chunk int64) []fragment {
	var f *fragment
	var place cursor
	var clock int64
	var crypt *media.Crypt
	n := 0
	for r := range in.Runs {
		run := &in.Runs[r]
		if len(run.Samples) == 0 {
			continue
		}
		if dts := run.DTS + in.Shift; dts != clock || f == nil {
			f, clock = nil, dts
		}
		if run.Crypt != crypt {
			before, now := carried(crypt), carried(run.Crypt)
			if crypt = run.Crypt; !before.equal(&now) {
				f = nil // a fragment has one way of encryption
			}
		}
		place.enter(run.Data)
		for i := range run.Samples {
			s := &run.Samples[i]
			if f == nil || chunk > 0 && clock+int64(s.Duration)-f.dts > chunk {
				frags = append(frags, fragment{run: r, sample: i, index: n, dts: clock, trun: trunSize})
				f = &frags[len(frags)-1]
				place.leave()
			}
			f.add(s, in.Track.Delay)
			switch place.step(s) {
			case newObject:
				f.pieces++
				f.extents++
			case newExtent:
				f.extents++
			}
			clock += int64(s.Duration)
			n++
		}
	}
	return frags
}

// add counts a sample in, and gives up what it does not have in common with those before.
func (f *fragment) add(s *media.Sample, delay uint32) {
	flags := uint32(s.Flags)
	switch {
	case f.samples == 0:
		f.duration, f.first, f.flags = s.Duration, flags, flags
	case f.samples == 1:
		f.flags = flags
		if flags != f.first {
			f.trun |= trunFirstFlags
		}
	case flags != f.flags:
		f.trun = f.trun&^trunFirstFlags | trunFlags // never both (14496-12, 8.8.8.1)
	}
	if s.Duration != f.duration {
		f.trun |= trunDuration
	}
	if cto := int64(s.CTO) + int64(delay); cto != 0 {
		f.wide = f.wide || cto != int64(int32(cto))
		f.trun |= trunCTO
	}
	f.samples++
	f.payload += int64(s.Size)
}

// stretch is samples of one run in a fragment: those from from to before to; before others of the fragment precede them.
type stretch struct{ from, to, before int }

// spans are the samples of f, run by run.
func (f *fragment) spans(runs []media.Run) iter.Seq2[*media.Run, stretch] {
	return func(yield func(*media.Run, stretch) bool) {
		before, from := 0, f.sample
		for r := f.run; before < f.samples; r++ {
			n := min(f.samples-before, len(runs[r].Samples)-from)
			if n > 0 && !yield(&runs[r], stretch{from, from + n, before}) {
				return
			}
			before, from = before+n, 0
		}
	}
}

// cursor follows the payload through the Objects.
type cursor struct {
	object media.Object // nil: none yet, the next byte begins a piece
	next   media.Object // of the samples that follow
	end    int64        // after the last byte taken
}

type step uint8

const (
	nothing   step = iota // an empty sample
	joined                // it adjoins the one before
	newExtent             // elsewhere in the same Object
	newObject
)

func (c *cursor) enter(o media.Object) {
	c.next = o
	if c.object != nil && !media.Same(c.object, o) {
		c.object = nil
	}
}

func (c *cursor) leave() { c.object = nil }

func (c *cursor) step(s *media.Sample) step {
	if s.Size == 0 {
		return nothing
	}
	how := joined
	switch {
	case c.object == nil:
		how, c.object = newObject, c.next
	case c.end != s.Offset:
		how = newExtent
	}
	c.end = s.Offset + int64(s.Size)
	return how
}

// rollDistance is how many samples before one that is to be heard have to be decoded, negative (14496-12, 10.1): one of
// AAC, 80 ms of Opus (RFC 7845, 4.6). duration is that of a sample in ticks; 0: unknown, no distance.
func rollDistance(t *media.Track, duration uint32) int16 {
	switch t.Codec.Coding {
	case media.AAC:
		return -1
	case media.Opus:
		if duration == 0 {
			return 0
		}
		n := (uint64(t.Timescale)*2/25 + uint64(duration) - 1) / uint64(duration)
		return -int16(min(max(n, 1), math.MaxInt16))
	}
	return 0
}
