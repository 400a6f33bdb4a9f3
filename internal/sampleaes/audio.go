package sampleaes

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// audioClear is what stays clear at the start of each frame of sound, bytes: after the ADTS header, or from the sync word.
const audioClear = 16

// SetupFrame is how much of the first frame of a track Setup needs, bytes.
const SetupFrame = 10

// Audio encrypts a sample of sound in place: AAC without its ADTS header, or syncframes of AC-3 or E-AC-3. 16 bytes and the
// last 0 to 15 stay clear. The IV is restored at each AAC and AC-3 frame. A sample of E-AC-3 is one audio frame of 1536
// samples in one syncframe or several: in each 16 bytes stay clear, and the chain goes on from one to the next, as Apple's
// words have it, and Shaka Packager and ffmpeg do; Bento4 restores the IV at each. Where there are no syncframes the error
// matches media.ErrFormat.
func (c *Chain) Audio(coding media.Coding, p []byte) error {
	c.restore()
	if coding == media.AAC {
		c.frame(p)
		return nil
	}
	for len(p) > 0 {
		n := syncframe(p)
		if n == 0 || n > len(p) {
			return fmt.Errorf("no syncframe of %s with %d bytes left in the sample (TS 102 366, 4.3 and E.1.2): %w", coding, len(p), media.ErrFormat)
		}
		if coding == media.AC3 {
			c.restore()
		}
		c.frame(p[:n])
		p = p[n:]
	}
	return nil
}

func (c *Chain) frame(p []byte) {
	if len(p) > audioClear {
		c.blocks(p[audioClear:])
	}
}

// ac3Rates are the bit rates of frmsizecod / 2, kbit/s (TS 102 366, table 4.13).
var ac3Rates = [...]int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}

// syncframe is the size of the syncframe that p begins with, of AC-3 or E-AC-3, bytes; 0: there is none.
func syncframe(p []byte) int {
	if len(p) < 6 || p[0] != 0x0B || p[1] != 0x77 {
		return 0
	}
	if bsid := p[5] >> 3; bsid > 10 {
		return 2 * (int(binary.BigEndian.Uint16(p[2:])&0x7FF) + 1) // frmsiz
	}
	code := int(p[4] & 0x3F)
	if code/2 >= len(ac3Rates) {
		return 0
	}
	rate := ac3Rates[code/2]
	switch p[4] >> 6 {
	case 0: // 48 kHz
		return 4 * rate
	case 1: // 44.1 kHz: the odd codes are a word longer
		return 2 * (320*rate/147 + code&1)
	case 2: // 32 kHz
		return 6 * rate
	}
	return 0
}

// audioType is how audio_setup_information names a codec; empty: it does not.
func audioType(c *media.Codec) string {
	switch c.Coding {
	case media.AC3:
		return "zac3"
	case media.EAC3:
		return "zec3"
	case media.AAC:
		switch c.String {
		case "mp4a.40.2":
			return "zaac"
		case "mp4a.40.5":
			return "zach"
		case "mp4a.40.29":
			return "zacp"
		}
	}
	return ""
}

// Setup is the audio_setup_information of a track: what a player must know of sound before it can decrypt it. Priming is 0,
// the version 1; then the AudioSpecificConfig, the payload of dec3, or for AC-3 the first 10 bytes of frame, or where that
// is nil such as follow from dac3. Errors match media.ErrUnsupported, or media.ErrFormat where frame is no AC-3.
func Setup(t *media.Track, frame []byte) ([]byte, error) {
	name, data := audioType(&t.Codec), t.Codec.Config
	if name == "" {
		return nil, Accepts(t)
	}
	if t.Codec.Coding == media.AC3 {
		if frame == nil {
			frame = ac3Head(t.Codec.Config)
		}
		if len(frame) < SetupFrame || syncframe(frame) == 0 {
			return nil, fmt.Errorf("track %s: the first sample is no AC-3 frame (TS 102 366, 4.3): %w", t.ID, media.ErrFormat)
		}
		data = frame[:SetupFrame]
	}
	if len(data) == 0 || len(data) > 0xFF-12 { // a registration descriptor has to hold it
		return nil, fmt.Errorf("track %s: decoder configuration of %d bytes: %w", t.ID, len(data), media.ErrUnsupported)
	}
	return append(append([]byte(name), 0, 0, 1, byte(len(data))), data...), nil
}

// ac3Head is the start of a syncframe as dac3 describes it (TS 102 366, 4.3, 4.4.2 and F.4), all levels 0.
func ac3Head(config []byte) []byte {
	r := bits.NewReader(config)
	fscod, bsid, bsmod, acmod, lfe, rate := r.U(2), r.U(5), r.U(3), r.U(3), r.U(1), r.U(5)
	if r.Over() {
		return nil
	}
	var w bits.Writer
	w.U(0x0B770000, 32) // syncword, crc1
	w.U(fscod, 2)
	w.U(rate<<1, 6)
	w.U(bsid, 5)
	w.U(bsmod, 3)
	w.U(acmod, 3)
	if acmod&1 == 1 && acmod != 1 {
		w.U(0, 2) // cmixlev
	}
	if acmod&4 != 0 {
		w.U(0, 2) // surmixlev
	}
	if acmod == 2 {
		w.U(0, 2) // dsurmod
	}
	w.U(lfe, 1)
	w.Align()
	return append(w.Bytes(), make([]byte, SetupFrame)...)[:SetupFrame]
}
