package packager

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Packager is one output format. It has no state: equal jobs give equal bytes. Safe for concurrent use.
type Packager interface {
	// Accepts returns nil if segments can hold the track, encrypted by the scheme unless that is empty, else an error that says why not and matches
	// media.ErrUnsupported.
	Accepts(t *media.Track, s drm.Scheme) error
	// Type is how segments that hold these tracks are named and sent: file name extension, without the dot, and MIME
	// type. The first track decides.
	Type(tracks ...*media.Track) (ext, mime string)
	// Segment makes the segment of a Job. It reads no more of the payload than it needs for the exact size.
	Segment(ctx context.Context, job *Job) (Body, error)
	// Estimate is the size of a segment made of these spans, encrypted by the scheme unless that is empty, bytes, from what they say of themselves alone: for bit rates,
	// which must not be too low. It errs by few percent, and upwards.
	Estimate(s drm.Scheme, spans ...media.Span) int64
}

// Initializer is a Packager whose segments need an initialization segment (HLS EXT-X-MAP, DASH initialization).
type Initializer interface {
	Packager
	// Init makes the initialization segment of a track: the CMAF header (23000-19, 7.3.2); protect is nil for one that
	// is sent clear.
	Init(t *media.Track, protect *drm.Protection) (Body, error)
}

// Bias is what Load adds to all times in formats whose clock may not be negative, in ticks of 90 kHz: 10 s.
const Bias = 900_000

// Job is what goes into one segment. Read-only.
type Job struct {
	Number uint64  // of the segment: mfhd sequence_number, PAT and PMT counters
	Inputs []Input // one for CMAF; video and audio together for formats that multiplex
	Chunk  int64   // longest fragment, ticks of Inputs[0].Track; 0: one fragment
	Bias   int64   // 90 kHz ticks added in TS and packed audio
	Last   bool    // the segment is the last (CMAF brand lmsg)
}

// Input is one track's part of a segment.
type Input struct {
	Track *media.Track
	Runs  []media.Run // in decode order, without gaps in Samples; may be empty
	Shift int64       // added to every DTS to get presentation time, ticks of Track
	// Protect is how the samples are to be encrypted; nil: not at all. A packager that cannot do so refuses, and sends
	// nothing in clear instead.
	Protect *drm.Protection
}

// Scheme is that of Protect; empty: none.
func (in *Input) Scheme() drm.Scheme { return in.Protect.Of() }

// Load reads the sample tables of the segments (no payload) into a Job: segs[0] is the segment itself, the others are
// multiplexed into it. If segs[0] is a Gap there is nothing to make, and the error matches media.ErrNotFound; another that
// is one becomes an Input without samples.
func Load(ctx context.Context, segs []media.Segment) (*Job, error) {
	if len(segs) == 0 {
		return nil, fmt.Errorf("load: no segment: %w", media.ErrNotFound)
	}
	job := &Job{Number: segs[0].Number, Inputs: make([]Input, len(segs)), Chunk: segs[0].Chunk, Bias: Bias, Last: segs[0].Last}
	for i := range segs {
		s := &segs[i]
		switch {
		case s.Gap && i == 0:
			return nil, fmt.Errorf("segment %d of track %s is a gap: %w", s.Number, s.Track.ID, media.ErrNotFound)
		case s.Gap:
			job.Inputs[i] = Input{Track: s.Track}
			continue
		}
		runs, err := s.Source.Samples(ctx, s.Track, s.Media)
		if err != nil {
			return nil, fmt.Errorf("samples of segment %d, track %s: %w", s.Number, s.Track.ID, err)
		}
		job.Inputs[i] = Input{Track: s.Track, Runs: runs, Shift: s.Start - s.Media.From}
	}
	return job, nil
}
