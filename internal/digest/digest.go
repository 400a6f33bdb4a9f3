package digest

import (
	"context"
	"crypto/md5" // what many clients have
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Why a request was not accepted; match with errors.Is. None of them quotes what the client sent of its secret.
var (
	ErrMissing   = errors.New("digest: request has no credentials")
	ErrMalformed = errors.New("digest: malformed credentials")
	ErrDenied    = errors.New("digest: unknown user or wrong password")
	ErrStale     = errors.New("digest: nonce has expired")
	ErrReplay    = errors.New("digest: request was made before")
)

// Algorithm is a hash as headers name it.
type Algorithm string

// Algorithms, best first; each also with "-sess" appended.
const (
	SHA512 Algorithm = "SHA-512-256"
	SHA256 Algorithm = "SHA-256"
	MD5    Algorithm = "MD5"
)

// rank orders algorithms, best first; negative: unknown. An empty name is MD5 (RFC 7616, 3.3).
func (a Algorithm) rank() int {
	for i, known := range []Algorithm{SHA512, SHA256, MD5} {
		if a.plain() == known {
			return i
		}
	}
	return -1
}

// plain is the algorithm without -sess.
func (a Algorithm) plain() Algorithm {
	name := strings.ToUpper(string(a))
	if name == "" {
		return MD5
	}
	return Algorithm(strings.TrimSuffix(name, "-SESS"))
}

func (a Algorithm) session() bool { return strings.HasSuffix(strings.ToUpper(string(a)), "-SESS") }

// sum is the hash of strings joined by colons, in hex.
func (a Algorithm) sum(parts ...string) string {
	var h hash.Hash
	switch a.plain() {
	case SHA512:
		h = sha512.New512_256()
	case SHA256:
		h = sha256.New()
	default:
		h = md5.New()
	}
	_, _ = io.WriteString(h, strings.Join(parts, ":"))
	return hex.EncodeToString(h.Sum(nil))
}

// answer is what the response parameter is computed of (RFC 7616, 3.4.1).
type answer struct {
	algorithm                           Algorithm
	user, realm                         string
	method, uri, nonce, cnonce, nc, qop string
}

func (a *answer) response(p Password) string {
	h := a.algorithm
	a1 := h.sum(a.user, a.realm, p.reveal())
	if h.session() {
		a1 = h.sum(a1, a.nonce, a.cnonce)
	}
	a2 := h.sum(a.method, a.uri)
	if a.qop == "" {
		return h.sum(a1, a.nonce, a2)
	}
	return h.sum(a1, a.nonce, a.nc, a.cnonce, a.qop, a2)
}

// Password does not print. The zero value is the empty one.
type Password struct{ f func() string } // a function, into which fmt does not look

// NewPassword makes a Password.
func NewPassword(s string) Password { return Password{func() string { return s }} }

func (p Password) reveal() string {
	if p.f == nil {
		return ""
	}
	return p.f()
}

func (p Password) String() string             { return "[password]" }
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// Lookup finds the passwords of a user. Safe for concurrent use.
type Lookup interface {
	// Passwords returns all that are valid now: two while one is being replaced, none where the user is unknown.
	Passwords(ctx context.Context, user string) ([]Password, error)
}

// Users is a Lookup in a map.
type Users map[string][]Password

// Passwords implements Lookup.
func (u Users) Passwords(_ context.Context, user string) ([]Password, error) { return u[user], nil }
