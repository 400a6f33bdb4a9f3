package mpegts

// Sizes of packets (2.4.3.2).
const (
	PacketSize  = 188
	PayloadSize = PacketSize - 4
)

// Header fields of a packet as one big-endian word.
const (
	syncByte       = 0x47 << 24
	startFlag      = 1 << 22 // payload_unit_start_indicator
	adaptationFlag = 1 << 5
	payloadFlag    = 1 << 4
)

func header(pid uint16) uint32 { return syncByte | uint32(pid&0x1FFF)<<8 }

// MaxPayload is the most that a PES with a length can carry with both clocks and no stuffing: what audio must keep to.
const MaxPayload = 0xFFFF - 13

// minPES is the least size of a PES, header included: what can be spread over 16 packets, a byte each but for the first,
// which has the header whole up to the clocks. Demuxers that look no further than that are many.
const minPES = 9 + 10 + 15

// PES is a packet of an elementary stream, without its payload (2.4.3.6).
type PES struct {
	PID          uint16
	StreamID     byte
	Counter      uint8 // continuity_counter of its first packet
	PTS, DTS     int64 // 90 kHz; the lower 33 bits are written, DTS only where it differs
	Size         int64 // bytes of payload
	RandomAccess bool  // decoding can start here
	HasPCR       bool
	PCR          int64 // 90 kHz
	// Packets is into how many packets it goes: Least or up to 15 more, the last of which are then nearly empty.
	Packets int64
}

// Least is how many packets it needs.
func (p *PES) Least() int64 {
	n := p.total() - int64(PayloadSize-p.adaptation())
	if n <= 0 {
		return 1
	}
	return 1 + (n+PayloadSize-1)/PayloadSize
}

// adaptation is the size of the adaptation field in the first packet before stuffing.
func (p *PES) adaptation() int {
	switch {
	case p.HasPCR:
		return 8
	case p.RandomAccess:
		return 2
	}
	return 0
}

// clocks is the size of PTS and DTS.
func (p *PES) clocks() int64 {
	if (p.PTS-p.DTS)&mask == 0 {
		return 5
	}
	return 10
}

// stuffing is the bytes in the header that make it at least minPES.
func (p *PES) stuffing() int64 { return max(0, minPES-9-p.clocks()-p.Size) }

// total is the size with header.
func (p *PES) total() int64 { return 9 + p.clocks() + p.stuffing() + p.Size }

// appendHeader appends all that comes before the payload. PES_packet_length is 0, which video alone may have, where it
// does not fit.
func (p *PES) appendHeader(b []byte) []byte {
	length := p.total() - 6
	if length > 0xFFFF {
		length = 0
	}
	clocks, stuffing := p.clocks(), p.stuffing()
	flags := byte(0x80)
	if clocks == 10 {
		flags = 0xC0
	}
	// '10', data_alignment_indicator: an access unit starts with the payload
	b = append(b, 0, 0, 1, p.StreamID, byte(length>>8), byte(length), 0x84, flags, byte(clocks+stuffing))
	var t [5]byte
	putTimestamp(t[:], flags>>6, p.PTS)
	b = append(b, t[:]...)
	if clocks == 10 {
		putTimestamp(t[:], 1, p.DTS)
		b = append(b, t[:]...)
	}
	for range stuffing {
		b = append(b, 0xFF)
	}
	return b
}
