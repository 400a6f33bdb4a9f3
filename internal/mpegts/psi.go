package mpegts

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

const program = 1 // program_number and transport_stream_id

// Stream is an entry of the program map table (2.4.4.9).
type Stream struct {
	PID         uint16
	Type        byte   // stream_type, table 2-34
	Descriptors []byte // whole descriptors, one after the other
}

// PAT is the program association table of one program as a packet (2.4.4.4).
func PAT(pmt uint16, counter uint8) [PacketSize]byte {
	b := section(0x00, program, 0)
	b = binary.BigEndian.AppendUint16(b, program)
	b = binary.BigEndian.AppendUint16(b, 0xE000|pmt)
	return tablePacket(0, counter, seal(b))
}

// PMT is the program map table as a packet, of a version that is to differ, modulo 32, from that of tables with other
// streams. It fails with media.ErrUnsupported where the streams do not fit into a packet.
func PMT(pid, pcr uint16, counter uint8, version int, streams []Stream) ([PacketSize]byte, error) {
	b := section(0x02, program, version)
	b = binary.BigEndian.AppendUint16(b, 0xE000|pcr)
	b = binary.BigEndian.AppendUint16(b, 0xF000) // no program descriptors
	for _, s := range streams {
		b = append(b, s.Type)
		b = binary.BigEndian.AppendUint16(b, 0xE000|s.PID)
		b = binary.BigEndian.AppendUint16(b, 0xF000|uint16(len(s.Descriptors)&0x3FF))
		b = append(b, s.Descriptors...)
	}
	if b = seal(b); len(b) > PacketSize-5 {
		return [PacketSize]byte{}, fmt.Errorf("%d streams need a program map of more than one packet: %w", len(streams), media.ErrUnsupported)
	}
	return tablePacket(pid, counter, b), nil
}

// Registration is a registration_descriptor (2.6.8) of four letters and up to 251 bytes of what they define.
func Registration(format string, info ...byte) []byte {
	return append(append([]byte{0x05, byte(4 + len(info))}, format[:4]...), info...)
}

// PrivateData is a private_data_indicator_descriptor (2.6.28) of four letters.
func PrivateData(indicator string) []byte { return append([]byte{0x0F, 4}, indicator[:4]...) }

// Language is an ISO_639_language_descriptor (2.6.18) of three letters, audio type undefined.
func Language(code string) []byte { return append(append([]byte{0x0A, 4}, code[:3]...), 0) }

// section begins a table: its length comes with seal. Current, the only section.
func section(table byte, id uint16, version int) []byte {
	b := make([]byte, 0, PacketSize)
	b = append(b, table, 0, 0)
	b = binary.BigEndian.AppendUint16(b, id)
	return append(b, 0xC1|byte(version&31)<<1, 0, 0)
}

// seal sets section_length and appends the CRC.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint16(b[1:], 0xB000|uint16(len(b)-3+4))
	return binary.BigEndian.AppendUint32(b, crc32(b))
}

// tablePacket puts one section into one packet, padded with 0xFF (2.4.4).
func tablePacket(pid uint16, counter uint8, section []byte) (p [PacketSize]byte) {
	binary.BigEndian.PutUint32(p[:], header(pid)|startFlag|payloadFlag|uint32(counter&15))
	p[4] = 0 // pointer_field
	n := 5 + copy(p[5:], section)
	for i := n; i < PacketSize; i++ {
		p[i] = 0xFF
	}
	return p
}

// crc32 is that of annex A: polynomial 0x04C11DB7, not reflected, begun with ones.
func crc32(p []byte) uint32 {
	c := ^uint32(0)
	for _, b := range p {
		c ^= uint32(b) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ 0x04C11DB7
			} else {
				c <<= 1
			}
		}
	}
	return c
}
