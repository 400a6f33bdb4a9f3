package ts

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/language"
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// PIDs (13818-1, table 2-3): elementary streams are numbered from firstPID, video first.
const (
	pmtPID   = 0x1000
	firstPID = 0x0100
)

// Stream identifiers (13818-1, table 2-22).
const (
	videoStream   = 0xE0
	audioStream   = 0xC0
	privateStream = 0xBD
)

// elementary is one track of a segment as it is carried. Read-only once made.
type elementary struct {
	input    *packager.Input
	pid      uint16
	streamID byte
	kind     byte // stream_type
	registry string
	key      *sampleaes.Key // nil: clear
	setup    []byte         // audio_setup_information, where there is a key

	// video
	video     bool
	lengths   int     // bytes of a NAL length field
	delimiter []byte  // with start code
	sets      []byte  // parameter sets with start codes
	setTypes  uint64  // a bit for each type in sets
	growth    []int32 // bytes that start codes and encryption add to each sample; nil: none

	// audio
	adts    codec.ADTS
	framing int   // bytes before each frame
	frame   int64 // samples that a frame lasts for a reader; 0: what its table says
	rate    int64 // Hz, of those samples

	first int // index of the first sample with payload
}

const (
	adtsHeader = 7
	adtsFrame  = 1<<13 - 1 // longest, header included (14496-3, 1.A.3.2)
)

var startCode = []byte{0, 0, 0, 1}

// newElementary decides how a track is carried. number is its place among those of its kind.
func newElementary(in *packager.Input, number int) (*elementary, error) {
	if err := protectable(in); err != nil {
		return nil, err
	}
	e, err := newClear(in, number)
	if err != nil {
		return nil, err
	}
	return e, e.protect()
}

// newClear leaves protection out.
func newClear(in *packager.Input, number int) (*elementary, error) {
	t := in.Track
	e := &elementary{input: in}
	switch t.Codec.Coding {
	case media.H264:
		e.kind = 0x1B
		return e, e.setVideo(t)
	case media.HEVC:
		e.kind, e.registry = 0x24, "HEVC"
		return e, e.setVideo(t)
	case media.AAC:
		adts, err := codec.NewADTS(t.Codec.Config)
		if err != nil {
			return nil, trackError(t, "ADTS cannot carry it: %w", err)
		}
		e.kind, e.adts, e.framing = 0x0F, adts, adtsHeader+len(adts.PCE)
		e.streamID = audioStream | byte(number&0x1F)
		e.lasts(t, 1024)
	case media.MP3:
		e.kind = 0x03 // 11172-3; half the sampling rates are 13818-3
		if t.Audio != nil && t.Audio.SampleRate > 0 && t.Audio.SampleRate < 32000 {
			e.kind = 0x04
			e.lasts(t, 576)
		} else {
			e.lasts(t, 1152)
		}
		e.streamID = audioStream | byte(number&0x1F)
	case media.AC3:
		e.kind, e.registry, e.streamID = 0x81, "AC-3", privateStream // ATSC A/52, annex A
		e.lasts(t, 1536)
	case media.EAC3:
		e.kind, e.registry, e.streamID = 0x87, "EAC3", privateStream // ATSC A/52, annex G
	default:
		return nil, trackError(t, "MPEG-TS for HLS has no %s %s: offer it as CMAF: %w", t.Codec.Coding, t.Kind, media.ErrUnsupported)
	}
	return e, nil
}

// lasts says what readers take a frame to last; spectral band replication doubles samples and rate alike.
func (e *elementary) lasts(t *media.Track, samples int64) {
	if t.Audio == nil || t.Audio.SampleRate <= 0 {
		return
	}
	e.frame, e.rate = samples, int64(t.Audio.SampleRate)
	if t.Codec.Coding == media.AAC && (t.Codec.String == "mp4a.40.5" || t.Codec.String == "mp4a.40.29") {
		e.frame *= 2
	}
}

func (e *elementary) setVideo(t *media.Track) error {
	e.video, e.streamID, e.lengths = true, videoStream, 4
	if t.Video != nil && t.Video.NALLength != 0 {
		e.lengths = t.Video.NALLength
	}
	if e.lengths != 1 && e.lengths != 2 && e.lengths != 4 {
		return trackError(t, "NAL length fields of %d bytes: %w", e.lengths, media.ErrFormat)
	}
	e.delimiter = append(append([]byte(nil), startCode...), nal.AUD(t.Codec.Coding)...)
	sets, err := codec.ParameterSets(&t.Codec)
	if err != nil {
		return trackError(t, "parameter sets: %w", err)
	}
	for _, s := range sets {
		if len(s) == 0 {
			continue
		}
		e.sets = append(append(e.sets, startCode...), s...)
		e.setTypes |= 1 << (nal.Type(t.Codec.Coding, s) & 63)
	}
	return nil
}

// descriptors are those of the program map: what tells private stream types apart, and the language.
func (e *elementary) descriptors() []byte {
	var d []byte
	switch {
	case e.key != nil:
		d = e.indicators()
	case e.registry != "":
		d = append(d, mpegts.Registration(e.registry)...)
	}
	if code := language.Code(e.input.Track.Language); code != "" && !e.video {
		d = append(d, mpegts.Language(code)...)
	}
	return d
}

// size is how many bytes a sample takes in a PES.
func (e *elementary) size(p *place) int64 {
	s := e.sample(p)
	n := int64(s.Size)
	if !e.video {
		return n + int64(e.framing)
	}
	n += int64(len(e.delimiter))
	if e.keyed(p, s) {
		n += int64(len(e.sets))
	}
	if e.growth != nil {
		n += int64(e.growth[p.index])
	}
	return n
}

// keyed reports whether parameter sets go before a sample: every sync sample, and the first so that a segment that
// does not begin with one can be decoded too.
func (e *elementary) keyed(p *place, s *media.Sample) bool {
	return p.index == e.first || s.Flags.Sync()
}

func (e *elementary) sample(p *place) *media.Sample { return &e.input.Runs[p.run].Samples[p.sample] }

// clock converts ticks of the track on the presentation's axis to the nearest of 90 kHz. Times beyond a hundred thousand
// years, which only a damaged source has, are cut off so that differences do not overflow.
func (e *elementary) clock(ticks, bias int64) int64 {
	const end = 1 << 58
	return min(max(media.RescaleNearest(ticks, e.input.Track.Timescale, mpegts.ClockRate), -end), end) + bias
}

func trackError(t *media.Track, format string, args ...any) error {
	return fmt.Errorf("track %s: "+format, append([]any{t.ID}, args...)...)
}

// sampleError names a sample by its place in the segment.
func (e *elementary) sampleError(p *place, err error) error {
	return &media.FormatError{
		Name: "track " + e.input.Track.ID, Path: fmt.Sprintf("sample[%d]", p.index), Offset: e.sample(p).Offset, Err: err,
	}
}

// unitLength reads a NAL length field.
func unitLength(p []byte) int64 {
	switch len(p) {
	case 1:
		return int64(p[0])
	case 2:
		return int64(binary.BigEndian.Uint16(p))
	}
	return int64(binary.BigEndian.Uint32(p))
}

// warm tells where the payload lies that it is wanted soon.
func (e *elementary) warm() {
	for i := range e.input.Runs {
		media.Warm(e.input.Runs[i].Data, e.input.Runs[i].Extents())
	}
}
