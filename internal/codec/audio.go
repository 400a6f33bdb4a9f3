package codec

import (
	"bytes"
	"math"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Sizes of an AudioSampleEntry before its boxes, box header included: ISO and QuickTime version 0, and the two longer
// QuickTime sound descriptions (QuickTime File Format, sound sample descriptions).
const (
	audioHeaderV0 = 36
	audioHeaderV1 = 52
	audioHeaderV2 = 72
)

// sound is what the fields of the entry say; zero where they do not.
type sound struct{ rate, channels int }

// audioHeader finds where the boxes begin. The version says so in QuickTime; ISO has a version 1 of its own without
// longer fields (14496-12, 12.2.3), and files with other brands than their layout are met, so boxes decide.
func (e *entryReader) audioHeader() int {
	sizes := []int{audioHeaderV0, audioHeaderV1}
	if len(e.entry) > 18 {
		switch be.Uint16(e.entry[16:]) {
		case 1:
			sizes = []int{audioHeaderV1, audioHeaderV0}
		case 2:
			sizes = []int{audioHeaderV2, audioHeaderV0}
		}
	}
	for _, n := range sizes {
		if n+8 <= len(e.entry) {
			p := e.entry[n:]
			if size := uint64(be.Uint32(p)); size >= 8 && size <= uint64(len(p)) && isType(p[4:8]) {
				return n
			}
		}
	}
	return min(sizes[0], len(e.entry))
}

func (e *entryReader) sound() sound {
	p := e.entry
	if be.Uint16(p[16:]) == 2 && len(p) >= audioHeaderV2 {
		rate := math.Float64frombits(be.Uint64(p[40:]))
		if rate >= 1 && rate <= 1<<24 {
			return sound{int(rate), int(min(be.Uint32(p[48:]), 255))}
		}
	}
	return sound{int(be.Uint32(p[32:]) >> 16), int(be.Uint16(p[24:]))}
}

// audio reads an AudioSampleEntry or QuickTime sound description and writes it anew as an AudioSampleEntry of version 0.
func (e *entryReader) audio() (*Stream, error) {
	if len(e.entry) < audioHeaderV0 {
		return nil, malformed(printable(e.kind), "sample entry of %d bytes, %d are its fields (14496-12, 12.2.3): %w", len(e.entry), audioHeaderV0, media.ErrFormat)
	}
	children := boxes(e.entry[e.audioHeader():])
	for _, b := range children {
		if b.kind == "wave" { // QuickTime keeps the configuration in it
			children = append(children, boxes(b.payload)...)
			break
		}
	}
	s := &Stream{Kind: media.Audio, Audio: &media.AudioFormat{}}
	var config []byte // the box
	var err error
	switch e.kind {
	case "mp4a":
		config, err = e.mp4a(s, children)
	case ".mp3", "ms\x00\x55", "MS\x00\x55":
		config, err = e.mp3(s, descriptor{objectType: mpeg1Audio})
	case "ac-3":
		config, err = e.ac3(s, children)
	case "ec-3", "sac3":
		config, err = e.eac3(s, children)
	case "Opus":
		config, err = e.opus(s, children)
	default:
		config, err = e.flac(s, children)
	}
	if err != nil {
		return nil, err
	}
	s.Codec.Entry = audioEntry(s, config, children)
	return s, nil
}

// audioEntry writes the entry in ISO form.
func audioEntry(s *Stream, config []byte, children []box) []byte {
	head := make([]byte, 28)
	head[7] = 1 // data_reference_index
	be.PutUint16(head[16:], uint16(s.Audio.Channels))
	head[19] = 16
	rate := s.Audio.SampleRate
	for rate > 0xFFFF {
		rate /= 2 // as FLAC in ISOBMFF, 3.3.1 asks; the configuration has the true one
	}
	be.PutUint16(head[24:], uint16(rate))
	body := append(head, config...)
	for _, kind := range []string{"btrt", "chnl"} {
		if b, ok := find(children, kind); ok {
			body = appendBox(body, b.kind, b.payload)
		}
	}
	return appendBox(nil, s.Codec.FourCC, body)
}

// opus reads dOps (Opus in ISOBMFF, 4.3.2). The duration of a packet may change from one to the next; FrameSize is that
// of the first.
func (e *entryReader) opus(s *Stream, children []box) ([]byte, error) {
	b, ok := find(children, "dOps")
	if !ok || len(b.payload) < 11 || b.payload[0] != 0 {
		return nil, malformed("Opus/dOps", "missing, short or not of version 0 (Opus in ISOBMFF, 4.3.2): %w", media.ErrFormat)
	}
	channels, family, want := int(b.payload[1]), b.payload[10], 11
	if family != 0 {
		want += 2 + channels
	}
	if channels == 0 || family == 0 && channels > 2 || len(b.payload) < want {
		return nil, malformed("Opus/dOps", "%d channels of mapping family %d in %d bytes (Opus in ISOBMFF, 4.3.2): %w", channels, family, len(b.payload), media.ErrFormat)
	}
	s.Codec = media.Codec{Coding: media.Opus, FourCC: "Opus", String: "Opus", Config: bytes.Clone(b.payload[:want])}
	s.Audio.SampleRate, s.Audio.Channels = 48000, channels
	sample, err := e.sample()
	if err != nil {
		return nil, err
	}
	s.FrameSize = opusDuration(sample)
	return appendBox(nil, "dOps", s.Codec.Config), nil
}

// opusDuration is the duration of a packet in samples of 48 kHz (RFC 6716, 3.1 and 3.2); 0: no packet.
func opusDuration(p []byte) int {
	if len(p) == 0 {
		return 0
	}
	frame := 0
	switch config := p[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = []int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(p) < 2 {
		return 0
	}
	return frame * int(p[1]&0x3F)
}

// flac reads dfLa (FLAC in ISOBMFF, 3.3.2): the metadata blocks of the stream, of which the first is STREAMINFO.
func (e *entryReader) flac(s *Stream, children []box) ([]byte, error) {
	const block = 4 + 4 // full box header, block header
	b, ok := find(children, "dfLa")
	if !ok || len(b.payload) < block+34 || b.payload[4]&0x7F != 0 {
		return nil, malformed("fLaC/dfLa", "missing or without STREAMINFO first (FLAC in ISOBMFF, 3.3.2): %w", media.ErrFormat)
	}
	info := b.payload[block:]
	s.Codec = media.Codec{Coding: media.FLAC, FourCC: "fLaC", String: "fLaC", Config: bytes.Clone(b.payload)}
	s.Audio.SampleRate = int(be.Uint32(info[10:]) >> 12)
	s.Audio.Channels = int(info[12]>>1&7) + 1
	if s.Audio.SampleRate == 0 {
		return nil, malformed("fLaC/dfLa", "STREAMINFO with a sample rate of 0 (RFC 9639, 8.2): %w", media.ErrFormat)
	}
	if least, most := be.Uint16(info), be.Uint16(info[2:]); least == most {
		s.FrameSize = int(least)
	}
	return appendBox(nil, "dfLa", s.Codec.Config), nil
}
