package codec

import (
	"github.com/mezzomedia/mezzo/packager/media"
)

// Stream is what a sample entry says of a track.
type Stream struct {
	Kind  media.Kind
	Codec media.Codec
	Video *media.VideoFormat // nil unless Kind is Video
	Audio *media.AudioFormat // nil unless Kind is Audio
	// Encrypted says that samples are ciphertext (encv, enca). Codec is that of the clear form.
	Encrypted bool
	// FrameSize is the number of audio samples in an access unit, at Audio.SampleRate; 0: unknown or varying.
	FrameSize int
}

// FromEntry reads one box of stsd. first returns the bytes of the track's first sync sample, for entries that do not
// suffice; it may be nil, and is called at most once. Errors match media.ErrUnsupported for codecs out of scope and
// media.ErrFormat for entries that break a rule; box paths are relative to stsd.
func FromEntry(entry []byte, first func() ([]byte, error)) (*Stream, error) {
	return nil, media.ErrUnsupported
}

// ParameterSets returns the NAL units of the decoder configuration, VPS before SPS before PPS; none for codings without.
// They are slices of Config.
func ParameterSets(c *media.Codec) ([][]byte, error) { return nil, media.ErrUnsupported }
