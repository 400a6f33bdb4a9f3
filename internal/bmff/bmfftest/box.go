package bmfftest

import "encoding/binary"

// Box is a box of the type with the parts as its body.
func Box(typ string, parts ...[]byte) []byte {
	n := 8
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = append(b, typ...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// FullBox is a box with version and flags.
func FullBox(typ string, version uint8, flags uint32, parts ...[]byte) []byte {
	head := U32(uint32(version)<<24 | flags&0xffffff)
	return Box(typ, append([][]byte{head}, parts...)...)
}

// LargeBox is a box whose size is written in 64 bits.
func LargeBox(typ string, parts ...[]byte) []byte {
	b := Box(typ, append([][]byte{U64(0)}, parts...)...)
	binary.BigEndian.PutUint64(b[8:], uint64(len(b)))
	binary.BigEndian.PutUint32(b, 1)
	return b
}

// U16 is the values in big-endian 16 bits each.
func U16(v ...uint16) []byte {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint16(b, x)
	}
	return b
}

// U32 is the values in big-endian 32 bits each.
func U32(v ...uint32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

// U64 is the values in big-endian 64 bits each.
func U64(v ...uint64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return b
}
