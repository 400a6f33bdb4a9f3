package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

var be = binary.BigEndian

// box is one child of a sample entry.
type box struct {
	kind    string
	payload []byte // after the header
}

// boxes splits p into boxes. It stops at what is no box: entries end in terminators, padding and junk, and none of that
// has a meaning. A last box that claims more than there is is cut.
func boxes(p []byte) []box {
	var out []box
	for len(p) >= 8 {
		n := uint64(be.Uint32(p))
		kind := string(p[4:8])
		if n < 8 || !isType(p[4:8]) {
			break
		}
		n = min(n, uint64(len(p)))
		out = append(out, box{kind, p[8:n:n]})
		p = p[n:]
	}
	return out
}

// isType reports whether four bytes can be the name of a box: letters, digits and few signs, © among them.
func isType(p []byte) bool {
	for _, b := range p[:4] {
		if b < ' ' || b > '~' && b != 0xA9 {
			return false
		}
	}
	return true
}

// find returns the first box of one of the kinds.
func find(list []box, kinds ...string) (box, bool) {
	for _, kind := range kinds {
		for _, b := range list {
			if b.kind == kind {
				return b, true
			}
		}
	}
	return box{}, false
}

// appendBox appends a box of parts.
func appendBox(dst []byte, kind string, parts ...[]byte) []byte {
	n := 8
	for _, p := range parts {
		n += len(p)
	}
	dst = append(be.AppendUint32(dst, uint32(n)), kind...)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}

// malformed is an error at a box.
func malformed(path, format string, args ...any) error {
	return &media.FormatError{Path: path, Offset: -1, Err: fmt.Errorf(format, args...)}
}

// unsupported is the refusal of a codec by name.
func unsupported(name, advice string) error {
	if advice != "" {
		advice = ": " + advice
	}
	return fmt.Errorf("codec %s%s: %w", name, advice, media.ErrUnsupported)
}
