package codec

import (
	"github.com/mezzomedia/mezzo/packager/media"
)

// mp3Header is a frame header of MPEG audio (11172-3, 2.4.1.3; 13818-3).
type mp3Header struct {
	layer, rate, channels, frame int
	lowRate                      bool // MPEG-2 or 2.5
}

func parseMP3Header(p []byte) (h mp3Header, ok bool) {
	if len(p) < 4 || p[0] != 0xFF || p[1]&0xE0 != 0xE0 {
		return h, false
	}
	version, layer, rate := p[1]>>3&3, p[1]>>1&3, p[2]>>2&3
	if version == 1 || layer == 0 || rate == 3 || p[2]>>4 == 15 {
		return h, false
	}
	h = mp3Header{layer: int(4 - layer), rate: []int{44100, 48000, 32000}[rate], channels: 2, frame: 1152}
	switch version {
	case 2:
		h.rate, h.lowRate = h.rate/2, true
	case 0:
		h.rate, h.lowRate = h.rate/4, true
	}
	if p[3]>>6 == 3 {
		h.channels = 1
	}
	switch {
	case h.layer == 1:
		h.frame = 384
	case h.layer == 3 && h.lowRate:
		h.frame = 576
	}
	return h, true
}

// mp3 describes MPEG audio layer 3, whose frames say all. In ISO files it is mp4a with the object type of MPEG-1 or, for
// the lower rates, MPEG-2 audio; that also is the codecs string, mp4a.6B or mp4a.69, which browsers know in MP4.
// Manifests of formats that carry it otherwise may call it mp4a.40.34.
func (e *entryReader) mp3(s *Stream, d descriptor) ([]byte, error) {
	sample, err := e.sample()
	if err != nil {
		return nil, err
	}
	f := e.sound()
	s.Audio.SampleRate, s.Audio.Channels, s.FrameSize = f.rate, f.channels, 1152
	if h, ok := parseMP3Header(sample); ok {
		if h.layer != 3 {
			return nil, unsupported([]string{"MP1", "MP2"}[h.layer-1], "of MPEG audio layer 3 is served")
		}
		s.Audio.SampleRate, s.Audio.Channels, s.FrameSize = h.rate, h.channels, h.frame
	}
	if s.Audio.SampleRate == 0 || s.Audio.Channels == 0 {
		return nil, malformed(printable(e.kind), "neither the sample entry nor the first sample has an MP3 header: %w", media.ErrFormat)
	}
	name := "mp4a.6B"
	d.objectType, d.config = mpeg1Audio, nil
	if s.Audio.SampleRate < 32000 {
		name, d.objectType = "mp4a.69", mpeg2Audio
		s.FrameSize = 576
	}
	s.Codec = media.Codec{Coding: media.MP3, FourCC: "mp4a", String: name}
	return d.box(), nil
}
