package codec

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Audio object types (14496-3, table 1.17).
const (
	aotMain  = 1
	aotLC    = 2
	aotLTP   = 4
	aotSBR   = 5
	aotERLC  = 17
	aotLD    = 23
	aotPS    = 29
	aotLayer = 34 // MPEG-1 layer 3 in MPEG-4 clothes
	aotELD   = 39
	aotUSAC  = 42
)

// aacRates are the rates of samplingFrequencyIndex (14496-3, table 1.18).
var aacRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// asc is an AudioSpecificConfig (14496-3, 1.6.2.1).
type asc struct {
	objectType    int // of the core
	rateIndex     int // of the core; 15: written out
	rate          int // of the core, Hz
	channelConfig int // 0: pce, or none
	pce           *pce
	sbr, ps       bool
	heardRate     int // with SBR
	frame         int // samples of the core in an access unit
}

func parseASC(p []byte) (*asc, error) {
	r := bits.NewReader(p)
	a := &asc{}
	a.objectType = objectType(r)
	a.rateIndex, a.rate = samplingFrequency(r)
	a.channelConfig = int(r.U(4))
	if a.objectType == aotSBR || a.objectType == aotPS { // hierarchical: the core's type follows
		a.sbr, a.ps = true, a.objectType == aotPS
		_, a.heardRate = samplingFrequency(r)
		a.objectType = objectType(r)
	}
	if r.Over() {
		return nil, fmt.Errorf("AudioSpecificConfig of %d bytes (14496-3, 1.6.2.1): %w", len(p), media.ErrFormat)
	}
	a.frame = 1024
	switch t := a.objectType; {
	case t >= aotMain && t <= aotLTP, t == aotERLC, t == aotLD:
		a.gaSpecific(r)
	case t == aotELD:
		a.frame = 512 - 32*int(r.U(1))
		return a, a.check(p)
	case t == aotUSAC:
		a.usac(r)
		return a, a.check(p)
	default:
		return a, nil
	}
	if !a.sbr && r.Left() >= 16 {
		a.syncExtension(r)
	}
	return a, a.check(p)
}

func (a *asc) check(p []byte) error {
	if a.rate == 0 || a.rate > 192000 {
		return fmt.Errorf("AudioSpecificConfig %x: sampling frequency %d (14496-3, 1.6.3.4): %w", p[:min(len(p), 8)], a.rate, media.ErrFormat)
	}
	return nil
}

func objectType(r *bits.Reader) int {
	if t := r.U(5); t != 31 {
		return int(t)
	}
	return 32 + int(r.U(6))
}

func samplingFrequency(r *bits.Reader) (index, rate int) {
	index = int(r.U(4))
	switch {
	case index == 15:
		return index, int(r.U(24))
	case index < len(aacRates):
		return index, aacRates[index]
	}
	return index, 0
}

// gaSpecific reads GASpecificConfig (14496-3, 4.4.1).
func (a *asc) gaSpecific(r *bits.Reader) {
	short := r.Flag() // frameLengthFlag
	switch {
	case a.objectType == aotLD:
		a.frame = 512 - 32*int(bit(short))
	case short:
		a.frame = 960
	}
	if r.Flag() { // dependsOnCoreCoder
		r.Skip(14)
	}
	extension := r.Flag()
	if a.channelConfig == 0 {
		a.pce = readPCE(r)
	}
	if extension {
		if a.objectType == aotERLC || a.objectType == aotLD {
			r.Skip(3) // resilience flags
		}
		r.Skip(1) // extensionFlag3
	}
}

// syncExtension reads the backward compatible signalling (14496-3, 1.6.2.1: syncExtensionType 0x2b7, and 0x548 for PS).
func (a *asc) syncExtension(r *bits.Reader) {
	if a.objectType == aotERLC || a.objectType == aotLD {
		r.Skip(2) // epConfig
	}
	if r.Left() < 16 || r.U(11) != 0x2b7 || objectType(r) != aotSBR {
		return
	}
	if !r.Flag() || r.Over() {
		return // it says that there is no SBR
	}
	_, rate := samplingFrequency(r)
	if rate == 0 || r.Over() {
		return
	}
	a.sbr, a.heardRate = true, rate
	if r.Left() >= 12 && r.U(11) == 0x548 {
		a.ps = r.Flag()
	}
}

// usac reads the head of UsacConfig (23003-3, 5.2), which has the layout and the length of a frame.
func (a *asc) usac(r *bits.Reader) {
	index := int(r.U(5))
	if index == 0x1F {
		a.heardRate = int(r.U(24))
	} else if index < len(aacRates) {
		a.heardRate = aacRates[index]
	}
	lengths := [...]int{768, 1024, 2048, 2048, 4096} // of what is heard (23003-3, table 70)
	if i := int(r.U(3)); i < len(lengths) {
		a.frame = lengths[i]
	}
	if c := int(r.U(5)); c > 0 && a.channelConfig == 0 {
		a.channelConfig = c
	}
}

// heard is the rate, the channels and the samples of an access unit after SBR and PS.
func (a *asc) heard() (rate, channels, frame int) {
	rate, frame = a.rate, a.frame
	if a.objectType == aotUSAC {
		if a.heardRate > 0 {
			rate = a.heardRate
		}
	} else if a.sbr && a.heardRate > 0 {
		frame = frame * a.heardRate / rate
		rate = a.heardRate
	}
	if channels = channelsOf(a.channelConfig); a.channelConfig == 0 && a.pce != nil {
		channels = a.pce.channels()
	}
	if a.ps && channels == 1 {
		channels = 2
	}
	return rate, channels, frame
}

// channelsOf is the number of channels of channelConfiguration (14496-3, table 1.19; 23001-8 from 8 on); 0: not known.
func channelsOf(config int) int {
	table := [...]int{0, 1, 2, 3, 4, 5, 6, 8, 2, 3, 4, 7, 8, 24, 8, 12, 10, 12, 14, 12, 14}
	if config < len(table) {
		return table[config]
	}
	return 0
}

// mp4a reads esds, or makes one of the entry's fields: LC, the type that all players have.
func (e *entryReader) mp4a(s *Stream, children []box) ([]byte, error) {
	d := descriptor{objectType: mpeg4Audio}
	if b, ok := find(children, "esds"); ok {
		var err error
		if d, err = parseESDS(b.payload); err != nil {
			return nil, malformed("mp4a/esds", "%w", err)
		}
	}
	switch t := d.objectType; t {
	case mpeg4Audio, mpeg2AACMain, mpeg2AACLC, mpeg2AACSSR:
		return e.aac(s, d)
	case mpeg1Audio, mpeg2Audio:
		return e.mp3(s, d)
	case objectAC3:
		return e.ac3(s, children)
	case objectEAC3:
		return e.eac3(s, children)
	case objectVorbis:
		return nil, unsupported("Vorbis (mp4a.dd)", "encode as Opus or AAC")
	default:
		if t >= objectDTS && t <= objectDTSLast {
			return nil, unsupported(fmt.Sprintf("DTS (mp4a.%x)", t), "")
		}
		return nil, unsupported(fmt.Sprintf("mp4a.%x", t), "")
	}
}

// aac describes AAC. Rate and channels are those that are heard. If the configuration says nothing of SBR but the entry
// names twice the rate of the core, SBR is implicit (14496-3, 1.6.5.3); that it cannot be read off the configuration is
// the nature of implicit signalling.
func (e *entryReader) aac(s *Stream, d descriptor) ([]byte, error) {
	if len(d.config) == 0 {
		if d.config = e.guessASC(); d.config == nil {
			return nil, malformed("mp4a/esds", "no AudioSpecificConfig, and the sample entry names no rate and channels (14496-14, 5.6): %w", media.ErrFormat)
		}
	}
	a, err := parseASC(d.config)
	if err != nil {
		return nil, malformed("mp4a/esds", "%w", err)
	}
	switch t := a.objectType; {
	case t >= aotMain && t <= aotLTP, t == aotUSAC:
	case t >= 32 && t <= aotLayer:
		return e.mp3(s, descriptor{objectType: mpeg1Audio, buffer: d.buffer, maxRate: d.maxRate, avgBitRate: d.avgBitRate})
	default:
		return nil, unsupported(fmt.Sprintf("mp4a.40.%d", t), "of MPEG-4 audio AAC is served: Main, LC, SSR, LTP, HE and xHE")
	}
	if !a.sbr && a.objectType == aotLC && a.rate <= 24000 && e.sound().rate == 2*a.rate {
		a.sbr, a.heardRate = true, 2*a.rate
	}
	var name int
	switch name = a.objectType; {
	case a.ps:
		name = aotPS
	case a.sbr:
		name = aotSBR
	}
	d.objectType = mpeg4Audio
	s.Codec = media.Codec{Coding: media.AAC, FourCC: "mp4a", String: fmt.Sprintf("mp4a.40.%d", name), Config: bytes.Clone(d.config)}
	s.Audio.SampleRate, s.Audio.Channels, s.FrameSize = a.heard()
	if s.Audio.Channels == 0 {
		s.Audio.Channels = e.sound().channels
	}
	return d.box(), nil
}

// guessASC makes a configuration of LC from the entry; nil: it names no rate of the table or no channels.
func (e *entryReader) guessASC() []byte {
	f := e.sound()
	if f.channels < 1 || f.channels == 7 || f.channels > 8 {
		return nil
	}
	config := uint32(f.channels)
	if f.channels == 8 {
		config = 7
	}
	for i, rate := range aacRates {
		if rate == f.rate {
			var w bits.Writer
			w.U(aotLC, 5)
			w.U(uint32(i), 4)
			w.U(config, 4)
			w.U(0, 3)
			return w.Bytes()
		}
	}
	return nil
}
