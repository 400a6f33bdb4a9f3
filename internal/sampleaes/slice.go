package sampleaes

import "bytes"

// Of a slice the first sliceClear bytes stay clear, then of each period the first block is encrypted. No more than
// shortest bytes are no slice to encrypt.
const (
	sliceClear = 32
	period     = 160
	shortest   = 48
)

// H.264 NAL unit types (14496-10, table 7-1).
const (
	typeSlice, typePartitionA, typePartitionC, typeIDR = 1, 2, 4, 5
	typeAuxiliary, typeExtension3D                     = 19, 21
)

// Encrypted reports whether a NAL unit is encrypted: its type, and its size without zeros that trail it.
func Encrypted(nalType uint8, size int64) bool {
	return (nalType == typeSlice || nalType == typeIDR) && size > shortest
}

// Exposed reports whether units of a type hold picture data that the scheme has no way to encrypt: data partitions,
// auxiliary pictures and the layers of SVC, MVC and 3D.
func Exposed(nalType uint8) bool {
	return nalType >= typePartitionA && nalType <= typePartitionC || nalType >= typeAuxiliary && nalType <= typeExtension3D
}

// PieceSize is the multiple of which the pieces of a slice have to be, but for its first, which is FirstPiece longer, and
// its last.
const (
	PieceSize  = period
	FirstPiece = sliceClear
)

// Slice encrypts a NAL unit for which Encrypted says so.
type Slice struct {
	chain    *Chain
	pos, end int64
	zeros    int // that the last piece, as it was written, ends with
}

// Slice begins a unit of size bytes, without zeros that trail it.
func (c *Chain) Slice(size int64) Slice {
	c.restore()
	return Slice{chain: c, end: size}
}

// Encrypt encrypts the next piece in place.
func (s *Slice) Encrypt(p []byte) {
	at := 0
	if s.pos == 0 {
		at = sliceClear
	}
	for ; at < len(p) && s.end-s.pos-int64(at) > blockSize; at += period {
		s.chain.block(p[at : at+blockSize])
	}
	s.pos += int64(len(p))
}

// Escape says how many bytes of an encrypted piece go out before an emulation prevention byte, 03, if one comes there; and
// where none does, all of them. What is left of the piece is given to it again.
func (s *Slice) Escape(p []byte) (n int, escape bool) {
	for i := 0; i < len(p); i++ {
		if s.zeros == 0 {
			k := bytes.IndexByte(p[i:], 0)
			if k < 0 {
				return len(p), false
			}
			i += k
			s.zeros = 1
			continue
		}
		switch {
		case s.zeros >= 2 && p[i] <= 3:
			s.zeros = 0
			return i, true
		case p[i] == 0:
			s.zeros++
		default:
			s.zeros = 0
		}
	}
	return len(p), false
}
