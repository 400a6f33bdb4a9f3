package cmaf

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Packager makes CMAF segments and headers. It has no state; the zero value works. Safe for concurrent use.
type Packager struct{}

var _ packager.Initializer = Packager{}

// Accepts tells whether the codec has a place in CMAF, the track the sample entry for it, and the scheme is one of Common
// Encryption. Errors match media.ErrUnsupported, with drm.ErrIncompatible if the scheme is why; or media.ErrFormat where
// the sample entry is no box.
func (Packager) Accepts(t *media.Track, s drm.Scheme) error {
	switch {
	case s != "" && !s.Common():
		return fmt.Errorf("track %s: CMAF under scheme %s, which is none of Common Encryption: %w, %w", t.ID, s, drm.ErrIncompatible, media.ErrUnsupported)
	case s != "" && t.Crypt != nil:
		return fmt.Errorf("track %s is encrypted already: give its key to the source to encrypt it anew: %w, %w", t.ID, drm.ErrIncompatible, media.ErrUnsupported)
	}
	kind := media.Audio
	switch t.Codec.Coding {
	case media.H264, media.HEVC, media.AV1, media.VP9:
		kind = media.Video
	case media.AAC, media.AC3, media.EAC3, media.Opus, media.FLAC, media.MP3:
	default:
		return fmt.Errorf("track %s: CMAF segments cannot hold %s %q: %w", t.ID, t.Kind, t.Codec.Coding, media.ErrUnsupported)
	}
	if t.Kind != kind {
		return fmt.Errorf("track %s: %s in a track of kind %s: %w", t.ID, t.Codec.Coding, t.Kind, media.ErrUnsupported)
	}
	if t.Timescale == 0 {
		return fmt.Errorf("track %s: timescale 0: %w", t.ID, media.ErrFormat)
	}
	if e := t.Codec.Entry; len(e) < 16 || int64(binary.BigEndian.Uint32(e)) != int64(len(e)) {
		return fmt.Errorf("track %s: %w", t.ID, &media.FormatError{Path: "stsd/" + t.Codec.FourCC, Offset: -1,
			Err: fmt.Errorf("sample entry of %d bytes is not one box of that size (14496-12, 8.5.2)", len(e))})
	}
	return nil
}

// Type is m4s, and video/mp4 or audio/mp4.
func (Packager) Type(tracks ...*media.Track) (ext, mime string) {
	if len(tracks) > 0 && tracks[0].Kind == media.Audio {
		return "m4s", "audio/mp4"
	}
	return "m4s", "video/mp4"
}
