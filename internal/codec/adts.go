package codec

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
)

// ADTS frames AAC for MPEG-TS and packed audio (14496-3, 1.A.3.2). Immutable; made by NewADTS.
type ADTS struct {
	// PCE is a program_config_element that goes between header and payload of each access unit, for layouts that no
	// channel configuration names. Nearly always nil; Header counts it.
	PCE                         []byte
	profile, frequency, channel uint8
}

// MaxADTS is the largest ADTS frame, header included, bytes: aac_frame_length has 13 bits.
const MaxADTS = 1<<13 - 1

// NewADTS takes an AudioSpecificConfig. With spectral band replication the header describes the core: half the rate,
// and players find the rest in the payload. Object types above 4, rates outside the table and layouts without a number
// or a program_config_element cannot be in ADTS: the error matches media.ErrUnsupported.
func NewADTS(config []byte) (ADTS, error) {
	a, err := parseASC(config)
	if err != nil {
		return ADTS{}, err
	}
	if a.objectType < aotMain || a.objectType > aotLTP {
		return ADTS{}, unsupported(fmt.Sprintf("mp4a.40.%d", a.objectType), "ADTS has object types 1 to 4")
	}
	if a.frame != 1024 {
		return ADTS{}, unsupported(fmt.Sprintf("AAC with %d samples a frame", a.frame), "ADTS has 1024")
	}
	out := ADTS{profile: uint8(a.objectType - 1), frequency: 0xFF, channel: uint8(a.channelConfig)}
	for i, rate := range aacRates {
		if rate == a.rate {
			out.frequency = uint8(i)
		}
	}
	if out.frequency == 0xFF {
		return ADTS{}, unsupported(fmt.Sprintf("AAC of %d Hz", a.rate), "ADTS has the rates of 14496-3, table 1.18")
	}
	switch {
	case a.channelConfig > 7:
		return ADTS{}, unsupported(fmt.Sprintf("AAC of channel configuration %d", a.channelConfig), "ADTS has 1 to 7")
	case a.channelConfig > 0:
	case a.pce == nil:
		return ADTS{}, unsupported("AAC without a channel configuration", "its AudioSpecificConfig has no program_config_element")
	default:
		if out.channel = a.pce.configuration(); out.channel == 0 {
			out.PCE = a.pce.element
		}
	}
	return out, nil
}

// Header is the ADTS header of one access unit of payload bytes, without CRC. Header, PCE and payload together are at
// most MaxADTS bytes.
func (a ADTS) Header(payload int) [7]byte {
	n := payload + len(a.PCE) + 7
	return [7]byte{
		0xFF, 0xF1, // syncword, MPEG-4, no CRC
		a.profile<<6 | a.frequency<<2 | a.channel>>2,
		a.channel<<6 | byte(n>>11)&3,
		byte(n >> 3),
		byte(n<<5) | 0x1F, // buffer fullness 0x7FF: variable rate
		0xFC,
	}
}

// pce is a program_config_element (14496-3, 4.4.1.1).
type pce struct {
	front, side, back []bool // true: a channel pair
	lfe               int
	element           []byte // as an element of a raw_data_block: ID_PCE before it, aligned
}

// readPCE reads the element from an AudioSpecificConfig; nil: it ends early.
func readPCE(r *bits.Reader) *pce {
	const idPCE = 5
	var w bits.Writer
	w.U(idPCE, 3)
	take := func(n int) uint32 { // each field goes to the copy too
		v := r.U(n)
		w.U(v, n)
		return v
	}
	take(4 + 2 + 4) // element_instance_tag, object_type, sampling_frequency_index
	front, side, back := take(4), take(4), take(4)
	p := &pce{lfe: int(take(2))}
	data, coupling := take(3), take(4)
	for _, n := range []int{4, 4, 3} { // mono, stereo and matrix mixdown
		if take(1) == 1 {
			take(n)
		}
	}
	elements := func(n uint32) (pairs []bool) {
		for range n {
			pairs = append(pairs, take(1) == 1)
			take(4)
		}
		return pairs
	}
	p.front, p.side, p.back = elements(front), elements(side), elements(back)
	for range p.lfe + int(data) {
		take(4)
	}
	for range coupling {
		take(5)
	}
	r.Align()
	w.Align()
	for range take(8) { // comment_field_bytes
		take(8)
		if r.Over() {
			return nil
		}
	}
	if r.Over() {
		return nil
	}
	p.element = w.Bytes()
	return p
}

func (p *pce) channels() int {
	n := p.lfe
	for _, pairs := range [][]bool{p.front, p.side, p.back} {
		for _, pair := range pairs {
			n += 1 + int(bit(pair))
		}
	}
	return n
}

// configuration is the channel configuration of the same elements in the same order (14496-3, table 1.19); 0: none. Side
// surrounds are those of 5.1: the table knows one pair.
func (p *pce) configuration() uint8 {
	var layout string
	for _, pairs := range [][]bool{p.front, append(append([]bool(nil), p.side...), p.back...)} {
		for _, pair := range pairs {
			layout += string("SC"[bit(pair)])
		}
		layout += " "
	}
	return map[string]uint8{"S  0": 1, "C  0": 2, "SC  0": 3, "SC S 0": 4, "SC C 0": 5, "SC C 1": 6, "SCC C 1": 7}[layout+string(rune('0'+p.lfe))]
}
