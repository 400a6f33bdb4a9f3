package codec

import "github.com/mezzomedia/mezzo/packager/media"

// ADTS frames AAC for MPEG-TS and packed audio (14496-3, 1.A.3.2). Immutable; made by NewADTS.
type ADTS struct {
	// PCE is a program_config_element that goes between header and payload of each access unit, for layouts that no
	// channel configuration names. Nearly always nil; Header counts it.
	PCE                         []byte
	profile, frequency, channel uint8
}

// NewADTS takes an AudioSpecificConfig. With spectral band replication the header describes the core: half the rate,
// and players find the rest in the payload. Object types above 4 cannot be in ADTS: the error matches
// media.ErrUnsupported.
func NewADTS(asc []byte) (ADTS, error) { return ADTS{}, media.ErrUnsupported }

// Header is the ADTS header of one access unit of payload bytes, without CRC. payload is at most 8184 less the PCE.
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
