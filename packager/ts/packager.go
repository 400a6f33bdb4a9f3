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

// Accepts returns nil if segments can hold the track, clear or under drm.SampleAES, else why not; the error matches
// media.ErrUnsupported, and drm.ErrIncompatible where it is for the scheme, or media.ErrFormat where the track's codec
// configuration is damaged. drm.AES128 is not for a format to apply: packager.Render does, to segments that are clear here.
func (Packager) Accepts(t *media.Track, s drm.Scheme) error {
	if err := accepts(t, s); err != nil {
		return err
	}
	_, err := newClear(&packager.Input{Track: t}, 0)
	return err
}

// Type is ts and video/mp2t (RFC 8216, 3.2), whatever the tracks.
func (Packager) Type(...*media.Track) (ext, mime string) { return "ts", "video/mp2t" }

// Segment makes the segment of a Job: its video, if any, and its audio, in whatever order the inputs are. It reads payload
// only where NAL length fields have less than 4 bytes, the first bytes of AC-3 under SAMPLE-AES, and all of H.264 under it,
// which it encrypts to learn the size. Errors match drm.ErrIncompatible, drm.ErrNoKey or drm.ErrKeyLength where what is to
// be protected cannot be. The error matches media.ErrNotFound where there are no samples at
// all: a segment without media would stall players. Errors of Send match media.ErrFormat where NAL units do not fill
// their sample, media.ErrChanged where the source was replaced.
func (Packager) Segment(ctx context.Context, job *packager.Job) (packager.Body, error) {
	s, err := newSegment(ctx, job)
	if err != nil {
		return packager.Body{}, fmt.Errorf("TS segment %d: %w", job.Number, err)
	}
	return packager.StreamBody(s), nil
}
