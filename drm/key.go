package drm

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// KeyID names a key: a UUID in network byte order, as tenc and pssh hold it (23001-7, 8.2).
type KeyID [16]byte

// ParseKeyID reads a UUID with or without hyphens, in either case. The error matches ErrFormat.
func ParseKeyID(s string) (KeyID, error) {
	var id KeyID
	err := parseUUID(id[:], s)
	return id, err
}

// String is the UUID in lower case with hyphens: cenc:default_KID, CPIX @kid.
func (id KeyID) String() string { return uuidText(id[:]) }

// MarshalText is String: how JSON and configuration files spell ids.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseKeyID.
func (id *KeyID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseKeyID(string(b))
	return err
}

// Hex is 32 lower-case digits.
func (id KeyID) Hex() string { return hex.EncodeToString(id[:]) }

// JWK is base64url without padding: "kid" of a JSON Web Key (W3C EME, 9.1.3).
func (id KeyID) JWK() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// GUID is the id in the byte order of PlayReady: the first three fields little endian.
func (id KeyID) GUID() [16]byte {
	g := [16]byte(id)
	g[0], g[1], g[2], g[3] = id[3], id[2], id[1], id[0]
	g[4], g[5], g[6], g[7] = id[5], id[4], id[7], id[6]
	return g
}

// IsZero reports whether the id is all zeros, which stands for none.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// parseUUID fills the 16 bytes of dst, or leaves them.
func parseUUID(dst []byte, s string) error {
	digits := s
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits = strings.ReplaceAll(s, "-", "")
	}
	if len(digits) == 32 {
		if b, err := hex.DecodeString(digits); err == nil {
			copy(dst, b)
			return nil
		}
	}
	return fmt.Errorf("%.40q is no UUID: %w", s, ErrFormat)
}

func uuidText(b []byte) string {
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// Secret is the 16 bytes of a content key. It does not print, and has no JSON, text or log form. The zero value is no
// secret. It holds its bytes behind two pointers: fmt follows one when it prints the unexported field of a struct with %s.
type Secret struct{ p **[16]byte }

// NewSecret makes a Secret of 16 bytes, which it copies. The error matches ErrKeyLength and does not quote them.
func NewSecret(b []byte) (Secret, error) {
	if len(b) != 16 {
		return Secret{}, fmt.Errorf("%w: %d bytes, AES-128 takes 16", ErrKeyLength, len(b))
	}
	k := [16]byte(b)
	p := &k
	return Secret{&p}, nil
}

// Reveal returns the bytes. It is the only way to them: search for its callers to see where keys go.
func (s Secret) Reveal() (key [16]byte, ok bool) {
	if s.p == nil {
		return key, false
	}
	return **s.p, true
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal compares in constant time.
func (s Secret) Equal(o Secret) bool {
	if s.p == nil || o.p == nil {
		return s.p == o.p
	}
	return subtle.ConstantTimeCompare((*s.p)[:], (*o.p)[:]) == 1
}

const redacted = "[secret]"

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Key is a content key. It prints as its id.
type Key struct {
	ID    KeyID
	Value Secret
	// IV is what the provider prescribes: the constant IV of cbcs and SAMPLE-AES, or the IV of AES-128. 8 or 16 bytes; nil:
	// none is prescribed.
	IV []byte
}

// ConstantIV is IV, followed by zeros if it has 8 bytes, or where none is prescribed 16 bytes that follow from the id.
func (k *Key) ConstantIV() [16]byte {
	var iv [16]byte
	if len(k.IV) > 0 {
		copy(iv[:], k.IV)
		return iv
	}
	sum := sha256.Sum256(append([]byte("constant IV of "), k.ID[:]...))
	copy(iv[:], sum[:])
	return iv
}

func (k Key) String() string             { return "key " + k.ID.String() }
func (k Key) GoString() string           { return k.String() }
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }
func (k Key) LogValue() slog.Value       { return slog.StringValue(k.ID.String()) }
