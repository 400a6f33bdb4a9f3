package packed

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Packager makes packed audio segments. It has no state; the zero value works. Safe for concurrent use.
type Packager struct{}

var _ packager.Packager = Packager{}

// Accepts tells whether the track is AAC that ADTS can name, AC-3, E-AC-3 or MP3, all but the last also under
// drm.SampleAES. Errors match media.ErrUnsupported, and drm.ErrIncompatible where it is for the scheme, or media.ErrFormat
// where the AudioSpecificConfig is malformed. drm.AES128 is not for a format to apply: packager.Render does, to segments
// that are clear here.
func (Packager) Accepts(t *media.Track, s drm.Scheme) error {
	switch t.Codec.Coding {
	case media.AAC:
		if _, err := codec.NewADTS(t.Codec.Config); err != nil {
			return fmt.Errorf("track %s as packed audio: %w", t.ID, err)
		}
	case media.AC3, media.EAC3, media.MP3:
	default:
		return fmt.Errorf("track %s: packed audio cannot hold %s %q: %w", t.ID, t.Kind, t.Codec.Coding, media.ErrUnsupported)
	}
	if t.Timescale == 0 {
		return fmt.Errorf("track %s: timescale 0: %w", t.ID, media.ErrFormat)
	}
	return acceptsScheme(t, s)
}

// Type is aac, ac3, eac3 or mp3, and the MIME type that belongs to it. Players that go by names know eac3 and not always ec3.
func (Packager) Type(tracks ...*media.Track) (ext, mime string) {
	if len(tracks) > 0 {
		switch tracks[0].Codec.Coding {
		case media.AC3:
			return "ac3", "audio/ac3"
		case media.EAC3:
			return "eac3", "audio/eac3"
		case media.MP3:
			return "mp3", "audio/mpeg"
		}
	}
	return "aac", "audio/aac"
}

// Estimate is exact, but for AAC whose layout needs a program_config_element in each header, and too high by up to 16 bytes
// under AES-128 and SAMPLE-AES in a clear lead.
func (Packager) Estimate(s drm.Scheme, spans ...media.Span) int64 {
	var n int64
	for i := range spans {
		n += tagSize + spans[i].Bytes
		if spans[i].Track.Codec.Coding == media.AAC {
			n += headerSize * int64(spans[i].Samples)
		}
		switch s {
		case drm.SampleAES:
			n += setupSize + int64(len(spans[i].Track.Codec.Config))
			if spans[i].Track.Codec.Coding == media.AC3 {
				n += sampleaes.SetupFrame
			}
		case drm.AES128:
			n += 16
		}
	}
	return n
}

// Segment makes the segment of a Job with one Input. It reads no payload, but for the first bytes of AC-3 under SAMPLE-AES.
// Errors match media.ErrUnsupported (tracks, access units longer than ADTS can say), media.ErrNotFound (no samples), or
// drm.ErrIncompatible, drm.ErrNoKey or drm.ErrKeyLength where what is to be protected cannot be. Those of Send match
// media.ErrFormat where samples of Dolby sound under SAMPLE-AES are no syncframes.
func (p Packager) Segment(ctx context.Context, job *packager.Job) (packager.Body, error) {
	if err := ctx.Err(); err != nil {
		return packager.Body{}, err
	}
	if len(job.Inputs) != 1 {
		return packager.Body{}, fmt.Errorf("segment %d of %d tracks: packed audio holds one: %w", job.Number, len(job.Inputs), media.ErrUnsupported)
	}
	in := &job.Inputs[0]
	if err := p.Accepts(in.Track, in.Scheme()); err != nil {
		return packager.Body{}, err
	}
	seal, err := newProtected(ctx, in)
	if err != nil {
		return packager.Body{}, fmt.Errorf("segment %d of track %s: %w", job.Number, in.Track.ID, err)
	}
	start, ok := start(in)
	if !ok {
		return packager.Body{}, fmt.Errorf("segment %d of track %s has no samples: %w", job.Number, in.Track.ID, media.ErrNotFound)
	}
	pieces := []packager.Piece{{Bytes: tag(media.RescaleNearest(start, in.Track.Timescale, 90000)+job.Bias, seal.setup)}}
	if in.Track.Codec.Coding != media.AAC && seal.key == nil {
		return packager.NewBody(append(pieces, payload(in.Runs)...)...), nil
	}
	s, err := newStream(in, seal.key)
	if err != nil {
		return packager.Body{}, fmt.Errorf("segment %d of track %s: %w", job.Number, in.Track.ID, err)
	}
	return packager.NewBody(append(pieces, packager.Piece{Stream: s})...), nil
}

// start is the presentation time of the first sample, ticks.
func start(in *packager.Input) (int64, bool) {
	for i := range in.Runs {
		if len(in.Runs[i].Samples) > 0 {
			return in.Runs[i].DTS + int64(in.Runs[i].Samples[0].CTO) + in.Shift, true
		}
	}
	return 0, false
}

// payload is the samples as they lie.
func payload(runs []media.Run) []packager.Piece {
	pieces := make([]packager.Piece, 0, len(runs))
	for i := range runs {
		p := packager.Piece{Object: runs[i].Data}
		for e := range runs[i].Extents() {
			p.Extents = append(p.Extents, e)
		}
		if len(p.Extents) > 0 {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// Owners of PRIV frames.
const (
	timestampOwner   = "com.apple.streaming.transportStreamTimestamp\x00"
	descriptionOwner = "com.apple.streaming.audioDescription\x00"
)

const (
	tagHead   = 10 // of a tag, and of a frame in it
	tagSize   = 2*tagHead + int64(len(timestampOwner)) + 8
	setupSize = tagHead + int64(len(descriptionOwner)) + 8 // and the codec's configuration
)

// tag is an ID3v2.4 tag with a PRIV frame, the time in 33 bits of 90 kHz (RFC 8216, 3.4), and, where sound is encrypted,
// another, its audio_setup_information (Apple, MPEG-2 Stream Encryption Format for HTTP Live Streaming).
func tag(time int64, setup []byte) []byte {
	size := tagSize
	if setup != nil {
		size += tagHead + int64(len(descriptionOwner)+len(setup))
	}
	b := make([]byte, 0, size)
	b = append(b, "ID3\x04\x00\x00"...)
	b = syncSafe(b, size-tagHead)
	b = private(b, timestampOwner, binary.BigEndian.AppendUint64(nil, uint64(time)&(1<<33-1)))
	if setup != nil {
		b = private(b, descriptionOwner, setup)
	}
	return b
}

// private appends a PRIV frame (ID3v2.4, 4.27).
func private(b []byte, owner string, data []byte) []byte {
	b = append(b, "PRIV"...)
	b = syncSafe(b, int64(len(owner)+len(data)))
	b = append(b, 0, 0)
	return append(append(b, owner...), data...)
}

// syncSafe appends n in four bytes of 7 bits (ID3v2.4, 6.2).
func syncSafe(b []byte, n int64) []byte {
	return append(b, byte(n>>21)&0x7f, byte(n>>14)&0x7f, byte(n>>7)&0x7f, byte(n)&0x7f)
}
