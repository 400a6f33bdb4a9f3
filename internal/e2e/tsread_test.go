package e2e

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/asticode/go-astits"
)

// frameRule cuts the payload of a PES into access units of one codec.
type frameRule struct {
	codec string
	// next returns where the first access unit starts without its transport header, its end, and its length in
	// samples and their rate.
	next func(p []byte) (start, end, samples, rate int, err error)
}

var adtsRates = []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
var errFrame = errors.New("no frame header where one should be")

// rules by stream_type of the PMT.
var rules = map[astits.StreamType]frameRule{
	0x0f: {"aac", nextADTS}, 0x81: {"ac3", nextAC3}, 0x87: {"eac3", nextAC3}, 0x03: {"mp3", nextMP3}, 0x04: {"mp3", nextMP3},
}

func nextADTS(p []byte) (int, int, int, int, error) {
	if len(p) < 7 || p[0] != 0xff || p[1]&0xf6 != 0xf0 {
		return 0, 0, 0, 0, errFrame
	}
	size, head, rate := int(p[3]&3)<<11|int(p[4])<<3|int(p[5])>>5, 7, int(p[2]>>2&15)
	if p[1]&1 == 0 {
		head = 9
	}
	if size < head || size > len(p) || rate >= len(adtsRates) {
		return 0, 0, 0, 0, errFrame
	}
	return head, size, 1024, adtsRates[rate], nil
}

// nextAC3 reads a syncframe of AC-3 or E-AC-3 (ETSI TS 102 366, 5.3 and E.1.2). Dependent substreams belong to the
// independent one before them.
func nextAC3(p []byte) (int, int, int, int, error) {
	size, samples, rate, _, err := syncframe(p)
	for err == nil && size < len(p) {
		n, _, _, dependent, e := syncframe(p[size:])
		if e != nil || !dependent {
			break
		}
		size += n
	}
	return 0, size, samples, rate, err
}

func syncframe(p []byte) (size, samples, rate int, dependent bool, err error) {
	if len(p) < 6 || p[0] != 0x0b || p[1] != 0x77 {
		return 0, 0, 0, false, errFrame
	}
	rates := []int{48000, 44100, 32000, 0}
	if bsid := p[5] >> 3; bsid > 10 { // E-AC-3
		size = (int(p[2]&7)<<8 + int(p[3]) + 1) * 2
		samples = []int{256, 512, 768, 1536}[p[4]>>4&3]
		rate = rates[p[4]>>6]
		if p[4]>>6 == 3 {
			rate, samples = rates[p[4]>>4&3]/2, 1536
		}
		dependent = p[2]>>6 == 1
	} else {
		kbps := []int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640}
		code, half := int(p[4]&63), int(p[4]&1)
		rate, samples = rates[p[4]>>6], 1536
		if code/2 >= len(kbps) || rate == 0 {
			return 0, 0, 0, false, errFrame
		}
		switch rate {
		case 48000:
			size = kbps[code/2] * 4
		case 32000:
			size = kbps[code/2] * 6
		default:
			size = (kbps[code/2]*1000*1536/8/44100/2 + half) * 2
		}
	}
	if size > len(p) || rate == 0 {
		return 0, 0, 0, false, errFrame
	}
	return size, samples, rate, dependent, nil
}

func nextMP3(p []byte) (int, int, int, int, error) {
	if len(p) < 4 || p[0] != 0xff || p[1]&0xe6 != 0xe2 {
		return 0, 0, 0, 0, errFrame
	}
	v1 := p[1]>>3&3 == 3
	kbps := []int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	rate, samples := []int{22050, 24000, 16000, 0}[p[2]>>2&3], 576
	if v1 {
		kbps = []int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
		rate, samples = []int{44100, 48000, 32000, 0}[p[2]>>2&3], 1152
	} else if p[1]>>3&3 == 0 {
		rate /= 2
	}
	if rate == 0 {
		return 0, 0, 0, 0, errFrame
	}
	size := samples/8*kbps[p[2]>>4]*1000/rate + int(p[2]>>1&1)
	if size < 4 || size > len(p) {
		return 0, 0, 0, 0, errFrame
	}
	return 0, size, samples, rate, nil
}

// readTSAudio demultiplexes the audio of a transport stream: each access unit without its transport header. Times are
// ticks of 90 kHz times the sample rate, so that those within a PES are exact.
func readTSAudio(data []byte) ([]*stream, error) {
	demux := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	byPID := map[uint16]*stream{}
	ruleOf := map[uint16]frameRule{}
	var all []*stream
	last := map[uint16]int64{}
	for {
		d, err := demux.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if d.PMT != nil {
			for _, es := range d.PMT.ElementaryStreams {
				rule, ok := rules[es.StreamType]
				if ok && byPID[es.ElementaryPID] == nil {
					s := &stream{Kind: "audio", Codec: rule.codec, Num: 1, Clock: 90000}
					byPID[es.ElementaryPID], ruleOf[es.ElementaryPID] = s, rule
					all = append(all, s)
				}
			}
		}
		s := byPID[d.PID]
		if d.PES == nil || s == nil {
			continue
		}
		if d.PES.Header.OptionalHeader == nil || d.PES.Header.OptionalHeader.PTS == nil {
			return nil, fmt.Errorf("PES of PID %d without PTS", d.PID)
		}
		pts := d.PES.Header.OptionalHeader.PTS.Base
		for pts < last[d.PID]-1<<32 { // 33 bits wrapped
			pts += 1 << 33
		}
		last[d.PID] = pts
		if err := s.split(d.PES.Data, pts, ruleOf[d.PID]); err != nil {
			return nil, fmt.Errorf("PES of PID %d at %d: %w", d.PID, pts, err)
		}
	}
}

// split adds the access units of a PES to s.
func (s *stream) split(p []byte, pts int64, rule frameRule) error {
	for n := int64(0); len(p) > 0; {
		start, end, samples, rate, err := rule.next(p)
		if err != nil {
			return err
		}
		if s.Den == 0 {
			s.Den = 90000 * int64(rate)
		}
		sum := md5.Sum(p[start:end])
		s.Units = append(s.Units, unit{At: pts*int64(rate) + n*90000, Dur: int64(samples) * 90000, Hash: "MD5:" + hex.EncodeToString(sum[:]),
			Inside: n > 0})
		n += int64(samples)
		p = p[end:]
	}
	return nil
}
