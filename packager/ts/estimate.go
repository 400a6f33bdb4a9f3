package ts

import (
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Estimate is the size of a segment of these spans, bytes: within 1 to 2 % where they say Bytes and Samples. Without
// Samples a usual rate is assumed.
func (Packager) Estimate(spans ...media.Span) int64 {
	video := false
	for i := range spans {
		video = video || spans[i].Track.Kind == media.Video
	}
	size := int64(2 * mpegts.PacketSize)
	for i := range spans {
		s := &spans[i]
		if s.Bytes <= 0 && s.Samples <= 0 {
			continue
		}
		size += estimateStream(s, video)
	}
	return size
}

// estimateStream counts payload and headers, half a packet of stuffing for each PES and half a turn of the counter for
// the last.
func estimateStream(s *media.Span, withVideo bool) int64 {
	const counterTurn = 15 * mpegts.PacketSize / 2
	n := int64(s.Samples)
	if n <= 0 {
		n = usualSamples(s)
	}
	if s.Track.Kind == media.Video {
		return packets(s.Bytes/n+pictureOverhead, n) + counterTurn
	}
	framing := int64(0)
	if s.Track.Codec.Coding == media.AAC {
		framing = adtsHeader
	}
	together, head := int64(pcrInterval), int64(14+8)
	if withVideo {
		together, head = audioTogether, 14
	}
	frame := max(1, s.Bytes/n+framing)
	duration := max(1, media.Rescale(s.Duration, s.Track.Timescale, mpegts.ClockRate)/n)
	each := max(1, min(n, audioBytes/frame, together/duration))
	return packets(each*frame+head, n/each) + packets(n%each*frame+head, min(1, n%each)) + counterTurn
}

// pictureOverhead is PES header with both clocks, adaptation field with PCR and a delimiter.
const pictureOverhead = 19 + 8 + 6

// packets is the size of n PES of about the given size each: those of video vary, so that the last packet of each is
// half full on average.
func packets(size, n int64) int64 {
	return (size*n + n*mpegts.PayloadSize/2) / mpegts.PayloadSize * mpegts.PacketSize
}

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
