package drm

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// Material is secret bytes from which keys are made, of any length. Like Secret it does not print, and has no JSON, text or
// log form; nothing outside this package gets at its bytes. The zero value is empty.
type Material struct{ p **[]byte } // two pointers: see Secret

// NewMaterial makes a Material of a copy of b.
func NewMaterial(b []byte) Material {
	b = bytes.Clone(b)
	p := &b
	return Material{&p}
}

// Len is the number of bytes.
func (m Material) Len() int { return len(m.bytes()) }

func (m Material) bytes() []byte {
	if m.p == nil {
		return nil
	}
	return **m.p
}

func (m Material) String() string               { return redacted }
func (m Material) GoString() string             { return redacted }
func (m Material) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (m Material) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (m Material) LogValue() slog.Value         { return slog.StringValue(redacted) }
