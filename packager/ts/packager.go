package ts

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Packager makes MPEG-TS segments. It implements packager.Packager.
type Packager struct{}

var _ packager.Packager = Packager{}

// Accepts returns nil if segments can hold the track, else why not; the error matches media.ErrUnsupported, or
// media.ErrFormat where the track's codec configuration is damaged.
func (Packager) Accepts(t *media.Track, s drm.Scheme) error {
	if s != "" {
		return fmt.Errorf("track %s: MPEG-TS under scheme %s: %w", t.ID, s, media.ErrUnsupported)
	}
	_, err := newElementary(&packager.Input{Track: t}, 0)
	return err
}

// Type is ts and video/mp2t (RFC 8216, 3.2), whatever the tracks.
func (Packager) Type(...*media.Track) (ext, mime string) { return "ts", "video/mp2t" }

// Segment makes the segment of a Job: its video, if any, and its audio, in whatever order the inputs are. It reads payload
// only where NAL length fields have less than 4 bytes. The error matches media.ErrNotFound where there are no samples at
// all: a segment without media would stall players. Errors of Send match media.ErrFormat where NAL units do not fill
// their sample, media.ErrChanged where the source was replaced.
func (Packager) Segment(ctx context.Context, job *packager.Job) (packager.Body, error) {
	s, err := newSegment(ctx, job)
	if err != nil {
		return packager.Body{}, fmt.Errorf("TS segment %d: %w", job.Number, err)
	}
	return packager.StreamBody(s), nil
}
