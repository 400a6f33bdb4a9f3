package ts

import (
	"context"
	"fmt"
	"slices"

	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// segment is what a Job becomes: a packager.Stream. Read-only once made.
type segment struct {
	streams []*elementary
	clock   int   // index of the stream that carries PCR
	bias    int64 // 90 kHz
	tables  [2][mpegts.PacketSize]byte
	size    int64
	checks  []media.Checker // the Objects that can be asked
}

func newSegment(ctx context.Context, job *packager.Job) (*segment, error) {
	s := &segment{bias: job.Bias}
	if err := s.addStreams(job.Inputs); err != nil {
		return nil, err
	}
	for _, e := range s.streams {
		s.addChecks(e.input.Runs)
	}
	for _, e := range s.streams {
		if err := e.measure(ctx); err != nil {
			if changed := (&checked{objects: s.checks}).check(); changed != nil {
				return nil, changed // what looks like damage is another file's bytes
			}
			return nil, err
		}
	}
	s.clock = -1
	for i, e := range s.streams {
		first, ok := e.begin()
		if e.first = first.index; ok && s.clock < 0 {
			s.clock = i
		}
	}
	if s.clock < 0 {
		return nil, fmt.Errorf("no samples: %w", media.ErrNotFound)
	}
	if err := s.addTables(uint8(job.Number & 15)); err != nil {
		return nil, err
	}
	s.size = 2 * mpegts.PacketSize
	var plan schedule
	plan.reset(s)
	for p := (packet{}); plan.next(&p); {
		s.size += p.size()
	}
	return s, nil
}

// addStreams takes video first, then audio in the order of the inputs.
func (s *segment) addStreams(inputs []packager.Input) error {
	audio := 0
	for i := range inputs {
		in := &inputs[i]
		if in.Track.Timescale == 0 {
			return trackError(in.Track, "timescale is 0: %w", media.ErrFormat)
		}
		e, err := newElementary(in, audio)
		if err != nil {
			return err
		}
		if e.video {
			if len(s.streams) > 0 && s.streams[0].video {
				return trackError(in.Track, "a second video track in one segment: %w", media.ErrUnsupported)
			}
			s.streams = slices.Insert(s.streams, 0, e)
			continue
		}
		audio++
		s.streams = append(s.streams, e)
	}
	for i, e := range s.streams {
		e.pid = firstPID + uint16(i)
	}
	return nil
}

func (s *segment) addChecks(runs []media.Run) {
	var last media.Object
	for i := range runs {
		if c, ok := runs[i].Data.(media.Checker); ok && !media.Same(runs[i].Data, last) {
			s.checks = append(s.checks, c)
		}
		last = runs[i].Data
	}
}

// protectedVersion is a bit in the version of the PMT: after a clear lead the streams are the same and their types are not.
const protectedVersion = 1 << 4

func (s *segment) addTables(counter uint8) error {
	var list []mpegts.Stream
	for _, e := range s.streams {
		list = append(list, mpegts.Stream{PID: e.pid, Type: e.kind, Descriptors: e.descriptors()})
	}
	version := len(list)
	for _, e := range s.streams {
		if e.key != nil {
			version |= protectedVersion
		}
	}
	pmt, err := mpegts.PMT(pmtPID, s.streams[s.clock].pid, counter, version, list)
	s.tables = [2][mpegts.PacketSize]byte{mpegts.PAT(pmtPID, counter), pmt}
	return err
}

// measure finds what the sizes of samples depend on and checks that each fits into a PES.
func (e *elementary) measure(ctx context.Context) error {
	if err := e.prepare(ctx); err != nil {
		return err
	}
	if e.video && e.key != nil {
		return e.countSlices(ctx)
	}
	if e.video {
		if e.lengths == 4 {
			return nil
		}
		return e.countUnits(ctx)
	}
	largest := uint32(mpegts.MaxPayload)
	if e.framing > 0 {
		largest = uint32(adtsFrame - e.framing)
	}
	index := 0
	for r := range e.input.Runs {
		for i := range e.input.Runs[r].Samples {
			if n := e.input.Runs[r].Samples[i].Size; n > largest {
				return e.sampleError(&place{run: r, sample: i, index: index},
					fmt.Errorf("%d bytes in an access unit, at most %d can be in a frame or PES: %w", n, largest, media.ErrUnsupported))
			}
			index++
		}
	}
	return nil
}
