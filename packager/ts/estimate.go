package ts

import (
	"math"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Estimate is the size of a segment of these spans, bytes, where they say Bytes and Samples. Without Samples a usual rate
// is assumed. It is rarely too low and then by a turn of the continuity counter at most, 16 packets; and too high by one
// for each stream and 2 %.
//
// SAMPLE-AES is taken to add nothing: emulation prevention in ciphertext is a byte in four million.
func (Packager) Estimate(s drm.Scheme, spans ...media.Span) int64 {
	clock := -1 // the span that carries PCR
	for i := range spans {
		switch p := &spans[i]; {
		case p.Bytes <= 0 && p.Samples <= 0:
		case clock < 0, p.Track.Kind == media.Video && spans[clock].Track.Kind != media.Video:
			clock = i
		}
	}
	packets := int64(2)
	var last, other, clocks int64 // when the last PES with PCR is due, how long other streams last, 90 kHz; PES with PCR
	for i := range spans {
		s := &spans[i]
		if s.Bytes <= 0 && s.Samples <= 0 {
			continue
		}
		n, pes := estimateStream(s, i == clock)
		packets += (n + 15) &^ 15 // the last PES fills up a turn of the counter
		length := media.Rescale(s.Duration, s.Track.Timescale, mpegts.ClockRate)
		if i == clock {
			last, clocks = length-length/pes, pes
		} else {
			other = max(other, length)
		}
	}
	packets += max(0, last/pcrInterval-clocks) + max(0, other-last)/pcrInterval // PCR by itself
	size := packets * mpegts.PacketSize
	if s == drm.AES128 {
		size += 16 // padding
	}
	return size
}

// Bytes before the payload of a PES, PES header included, with one clock or both.
const (
	oneClock, bothClocks = 14, 19
	pcrField             = 8 // adaptation field with PCR
)

// estimateStream is the number of packets, and of PES.
func estimateStream(s *media.Span, clock bool) (packets, pes int64) {
	n := int64(s.Samples)
	if n <= 0 {
		n = usualSamples(s)
	}
	head := int64(0)
	if clock {
		head = pcrField
	}
	if s.Track.Kind == media.Video {
		return spread(s.Bytes+n*(head+bothClocks+delimiterSize)+estimateSets(s, n), n), n
	}
	framing, together := int64(0), int64(audioTogether)
	if s.Track.Codec.Coding == media.AAC {
		framing = adtsHeader
	}
	if clock {
		together = pcrInterval
	}
	head += oneClock
	frame := max(1, s.Bytes/n+framing)
	duration := max(1, media.Rescale(s.Duration, s.Track.Timescale, mpegts.ClockRate)/n)
	each := max(1, min(n, audioBytes/frame, together/duration))
	pes = (n + each - 1) / each
	if s.Track.Codec.Coding == media.AAC {
		return spread(s.Bytes+n*framing+pes*head, pes), pes
	}
	// frames of one size
	whole, rest := n/each, n%each
	packets = whole * ceilDiv(each*frame+head, mpegts.PayloadSize)
	if rest > 0 {
		packets += ceilDiv(rest*frame+head, mpegts.PayloadSize)
	}
	return packets, pes
}

// delimiterSize is that of the longer delimiter, HEVC's, with start code.
const delimiterSize = 7

// estimateSets is the parameter sets before sync samples, of which there may be one a second, and what start codes take
// where length fields are shorter.
func estimateSets(s *media.Span, n int64) int64 {
	keys := min(n, 1+max(0, media.Rescale(s.Duration, s.Track.Timescale, 1)))
	size := int64(0)
	if sets, err := codec.ParameterSets(&s.Track.Codec); err == nil { // else there is no segment to estimate
		for _, set := range sets {
			size += keys * int64(len(startCode)+len(set))
		}
	}
	if v := s.Track.Video; v != nil && v.NALLength > 0 && v.NALLength < 4 {
		size += 2 * n * int64(4-v.NALLength)
	}
	return size
}

// spread is the number of packets of n PES whose sizes vary and add up to size: the last packet of each is half full, give
// or take twice the deviation of their sum.
func spread(size, n int64) int64 {
	half := int64(mpegts.PayloadSize / 2)
	chance := int64(math.Sqrt(float64(n) / 3))
	return max(n, ceilDiv(size+(n-1)*half, mpegts.PayloadSize)+chance)
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func usualSamples(s *media.Span) int64 {
	rate := int64(30)
	switch {
	case s.Track.Kind == media.Video && s.Track.Video != nil && s.Track.Video.FrameRate.Den > 0:
		rate = int64(s.Track.Video.FrameRate.Num / s.Track.Video.FrameRate.Den)
	case s.Track.Kind == media.Audio && s.Track.Audio != nil:
		rate = int64(s.Track.Audio.SampleRate) / 1024
	}
	seconds := media.Duration(s.Duration, s.Track.Timescale).Seconds()
	return max(1, int64(seconds*float64(rate)))
}
