package drm

import (
	"encoding/binary"
	"fmt"
)

// PSSH is a protection system specific header (23001-7, 8.1): what a system's decrypter is given before it asks for a
// licence.
type PSSH struct {
	System SystemID
	KeyIDs []KeyID // listed in the box itself, which then has version 1; nil: version 0, only Data may name them
	Data   []byte  // what the system alone understands
}

// Append appends the whole box. The common box of ClearKey has version 1 even without key ids.
func (p *PSSH) Append(dst []byte) []byte {
	size := 4 + 4 + 4 + 16 + 4 + len(p.Data)
	listed := len(p.KeyIDs) > 0 || p.System == ClearKey
	if listed {
		size += 4 + 16*len(p.KeyIDs)
	}
	system := p.System.Bytes()
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	dst = append(dst, "pssh"...)
	if listed {
		dst = append(append(dst, 1, 0, 0, 0), system[:]...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.KeyIDs)))
		for i := range p.KeyIDs {
			dst = append(dst, p.KeyIDs[i][:]...)
		}
	} else {
		dst = append(append(dst, 0, 0, 0, 0), system[:]...)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Data)))
	return append(dst, p.Data...)
}

// ParsePSSH reads pssh boxes that stand one after the other, as initialization data of EME and PSSH in CPIX hold them.
// Data shares the bytes of b. The error matches ErrFormat: anything but whole pssh boxes of version 0 or 1 is one. What of a
// box follows its data is passed over.
func ParsePSSH(b []byte) ([]PSSH, error) {
	var boxes []PSSH
	for off := 0; off < len(b); {
		p, n, err := parsePSSH(b[off:])
		if err != nil {
			return nil, fmt.Errorf("pssh at byte %d: %w", off, err)
		}
		boxes = append(boxes, p)
		off += n
	}
	return boxes, nil
}

// parsePSSH reads the box at the start of b and returns its size.
func parsePSSH(b []byte) (PSSH, int, error) {
	var p PSSH
	if len(b) < 8 {
		return p, 0, fmt.Errorf("%d bytes are no box: %w", len(b), ErrFormat)
	}
	size, head := uint64(binary.BigEndian.Uint32(b)), 8
	switch {
	case string(b[4:8]) != "pssh":
		return p, 0, fmt.Errorf("box type %q: %w", b[4:8], ErrFormat)
	case size == 0: // to the end
		size = uint64(len(b))
	case size == 1 && len(b) >= 16:
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size > uint64(len(b)) || size < uint64(head)+4+16+4 {
		return p, 0, fmt.Errorf("box of %d bytes where %d are: %w", size, len(b), ErrFormat)
	}
	body := b[head:size]
	version := body[0]
	p.System = SystemID(uuidText(body[4:20]))
	body = body[20:]
	switch version {
	case 0:
	case 1:
		count := binary.BigEndian.Uint32(body)
		body = body[4:]
		if uint64(count)*16+4 > uint64(len(body)) {
			return p, 0, fmt.Errorf("%d key ids in %d bytes: %w", count, len(body), ErrFormat)
		}
		if count > 0 {
			p.KeyIDs = make([]KeyID, count)
		}
		for i := range p.KeyIDs {
			p.KeyIDs[i] = KeyID(body[:16])
			body = body[16:]
		}
	default:
		return p, 0, fmt.Errorf("version %d: %w", version, ErrFormat)
	}
	n := binary.BigEndian.Uint32(body)
	if body = body[4:]; uint64(n) > uint64(len(body)) {
		return p, 0, fmt.Errorf("%d bytes of data where %d are: %w", n, len(body), ErrFormat)
	}
	p.Data = body[:n:n]
	return p, int(size), nil
}
