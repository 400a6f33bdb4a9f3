package bmff

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// sniff says what a file is that does not begin as an MP4; nil if it may be one. head is its first bytes.
func sniff(head []byte) error {
	if name := foreign(head); name != "" {
		return fmt.Errorf("this is %s, not MP4: convert it, ffmpeg -i FILE -c copy OUT.mp4 may do: %w", name, media.ErrUnsupported)
	}
	if len(head) < 8 {
		return fmt.Errorf("%d bytes are no MP4 file: %w", len(head), media.ErrFormat)
	}
	for _, c := range head[4:8] {
		if c < 0x20 || c > 0x7e && c != 0xa9 {
			return fmt.Errorf("not MP4: no box type in bytes 4 to 7 (14496-12, 4.2): %w", media.ErrFormat)
		}
	}
	return nil
}

func foreign(head []byte) string {
	every := func(first, step int) bool {
		for i := range 3 {
			if at := first + i*step; at >= len(head) || head[at] != 0x47 {
				return false
			}
		}
		return true
	}
	switch {
	case every(0, 188), every(4, 192):
		return "MPEG-TS"
	case bytes.HasPrefix(head, []byte("\x1a\x45\xdf\xa3")):
		return "Matroska or WebM"
	}
	for _, f := range []struct{ magic, name string }{
		{"\x00\x00\x01\xba", "an MPEG program stream"}, {"FLV\x01", "FLV"}, {"OggS", "Ogg"}, {"ID3", "MP3 or AAC with an ID3 tag"},
		{"\x30\x26\xb2\x75", "ASF"}, {"#EXTM3U", "an HLS playlist"}, {"WEBVTT", "WebVTT"}, {"fLaC", "raw FLAC"},
		{"<?xml", "XML"}, {"<!DOC", "HTML"}, {"<MPD", "a DASH manifest"}, {"RIFF", "RIFF (AVI or WAV)"},
		{"\xff\xf1", "raw AAC (ADTS)"}, {"\xff\xf9", "raw AAC (ADTS)"}, {"\xff\xfb", "MP3"}, {"\x0b\x77", "raw AC-3"},
		{"\x00\x00\x00\x01\x67", "raw H.264"}, {"\x00\x00\x00\x01\x40\x01", "raw HEVC"}, {"\x89PNG", "PNG"}, {"\xff\xd8\xff", "JPEG"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	if isText(head) {
		return "text"
	}
	return ""
}

// isText: a file of MP4 has bytes that are no characters in its first boxes.
func isText(head []byte) bool {
	for _, c := range head {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return len(head) >= 16
}
