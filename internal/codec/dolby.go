package codec

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// dolbyFrame is the number of samples in an access unit of AC-3 and, in MP4, of E-AC-3.
const dolbyFrame = 1536

// ac3Rates are the rates of fscod (ETSI TS 102 366, table 4.1).
var ac3Rates = [...]int{48000, 44100, 32000, 0}

// Bits of the custom channel map (ETSI TS 102 366, E.1.3.1.8).
const (
	maskL, maskC, maskR        = 0x8000, 0x4000, 0x2000
	maskLs, maskRs             = 0x1000, 0x0800
	maskCs                     = 0x0100
	maskLFE2, maskLFE          = 0x0002, 0x0001
	maskPairs                  = 0x0400 | 0x0200 | 0x0040 | 0x0020 | 0x0010 // Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh
	surrounds                  = maskLs | maskRs
	front2, front3             = maskL | maskR, maskL | maskC | maskR
	syncWord            uint32 = 0x0B77
)

// acmodMask is the layout of acmod (table 4.3). Dual mono is heard as left and right.
var acmodMask = [8]uint16{front2, maskC, front2, front3, front2 | maskCs, front3 | maskCs, front2 | surrounds, front3 | surrounds}

// locations are the bits of the channel map that the bits of chan_loc mean, from the least on (table F.6.1).
var locations = [9]uint16{0x0400, 0x0200, maskCs, 0x0080, 0x0040, 0x0020, 0x0010, 0x0008, maskLFE2}

func maskOf(acmod uint32, lfe bool) uint16 {
	m := acmodMask[acmod&7]
	if lfe {
		m |= maskLFE
	}
	return m
}

// channelsIn counts the channels of a map, in which some bits mean a pair.
func channelsIn(mask uint16) (n int) {
	for b := uint16(1); b != 0; b <<= 1 {
		if mask&b != 0 {
			n++
		}
		if mask&b&maskPairs != 0 {
			n++
		}
	}
	return n
}

// ac3 reads dac3 (TS 102 366, F.4), or the first frame where it is missing.
func (e *entryReader) ac3(s *Stream, children []box) ([]byte, error) {
	var config []byte
	if b, ok := find(children, "dac3"); ok && len(b.payload) >= 3 {
		config = bytes.Clone(b.payload[:3])
	} else {
		sample, err := e.sample()
		if err != nil {
			return nil, err
		}
		if config = dac3(sample); config == nil {
			return nil, malformed("ac-3/dac3", "missing, and the first sample is no AC-3 frame (TS 102 366, F.4): %w", media.ErrFormat)
		}
	}
	r := bits.NewReader(config)
	fscod, bsid := r.U(2), r.U(5)
	r.Skip(3)
	mask := maskOf(r.U(3), r.Flag())
	rate := ac3Rates[fscod]
	if bsid > 8 && bsid <= 10 { // half and quarter rates
		rate >>= bsid - 8
	}
	if rate == 0 {
		return nil, malformed("ac-3/dac3", "fscod 3 is reserved (TS 102 366, table 4.1): %w", media.ErrFormat)
	}
	s.Codec = media.Codec{Coding: media.AC3, FourCC: "ac-3", String: "ac-3", Config: config}
	*s.Audio = media.AudioFormat{SampleRate: rate, Channels: channelsIn(mask), ChannelMask: mask}
	s.FrameSize = dolbyFrame
	return appendBox(nil, "dac3", config), nil
}

// dac3 makes the configuration of a frame (TS 102 366, 4.3 and 4.4); nil: it is none.
func dac3(frame []byte) []byte {
	r := bits.NewReader(frame)
	if r.U(16) != syncWord {
		return nil
	}
	r.Skip(16)
	fscod, size, bsid, bsmod, acmod := r.U(2), r.U(6), r.U(5), r.U(3), r.U(3)
	if bsid > 10 {
		return nil // E-AC-3
	}
	if acmod&1 == 1 && acmod != 1 {
		r.Skip(2) // cmixlev
	}
	if acmod&4 != 0 {
		r.Skip(2) // surmixlev
	}
	if acmod == 2 {
		r.Skip(2) // dsurmod
	}
	lfe := r.U(1)
	if r.Over() {
		return nil
	}
	var w bits.Writer
	w.U(fscod, 2)
	w.U(bsid, 5)
	w.U(bsmod, 3)
	w.U(acmod, 3)
	w.U(lfe, 1)
	w.U(size>>1, 5)
	w.U(0, 5)
	return w.Bytes()
}

// eac3 reads dec3 (TS 102 366, F.6), or the frames of the first sample where it is missing.
func (e *entryReader) eac3(s *Stream, children []box) ([]byte, error) {
	var config []byte
	if b, ok := find(children, "dec3"); ok && len(b.payload) >= 5 {
		config = bytes.Clone(b.payload)
	} else {
		sample, err := e.sample()
		if err != nil {
			return nil, err
		}
		if config = dec3(sample); config == nil {
			return nil, malformed("ec-3/dec3", "missing, and the first sample is no E-AC-3 frame (TS 102 366, F.6): %w", media.ErrFormat)
		}
	}
	s.Codec = media.Codec{Coding: media.EAC3, FourCC: "ec-3", String: "ec-3", Config: config}
	if err := readDEC3(s.Audio, config); err != nil {
		return nil, malformed("ec-3/dec3", "%w", err)
	}
	s.FrameSize = dolbyFrame
	return appendBox(nil, "dec3", config), nil
}

// readDEC3 takes the layout of the first programme: its independent substream with the channels of its dependent ones.
func readDEC3(a *media.AudioFormat, config []byte) error {
	r := bits.NewReader(config)
	r.Skip(13) // data_rate
	for i := range int(r.U(3)) + 1 {
		fscod := r.U(2)
		r.Skip(5 + 1 + 1 + 3) // bsid, reserved, asvc, bsmod
		mask := maskOf(r.U(3), r.Flag())
		r.Skip(3)
		if dependent := r.U(4); dependent > 0 {
			chanLoc := r.U(9)
			for b, m := range locations {
				if chanLoc>>b&1 == 1 {
					mask |= m
				}
			}
		} else {
			r.Skip(1)
		}
		if i == 0 {
			*a = media.AudioFormat{SampleRate: ac3Rates[fscod], Channels: channelsIn(mask), ChannelMask: mask}
			if fscod == 3 {
				a.SampleRate = 24000 // one of the halved rates, which the box does not name
			}
		}
	}
	if r.Over() {
		return fmt.Errorf("%d bytes, too few for its substreams (TS 102 366, F.6): %w", len(config), media.ErrFormat)
	}
	if r.Left() >= 16 { // ETSI TS 103 420, 8.3: flag_ec3_extension_type_a, complexity_index_type_a
		r.Skip(7)
		if r.Flag() {
			a.JOC = int(r.U(8))
		}
	}
	return nil
}
