package sigv4

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
)

// body hashes what is read through it, and fails at the end if that is not what was signed.
type body struct {
	r    io.ReadCloser
	hash hash.Hash
	want [sha256.Size]byte
	left int64 // bytes to come; negative: unknown
	err  error // once set, the answer to every Read
}

func newBody(r io.ReadCloser, want [sha256.Size]byte, length int64) *body {
	if r == nil {
		r, length = http.NoBody, -1
	}
	return &body{r: r, hash: sha256.New(), want: want, left: length}
}

// Read checks the hash at the end, or with the last byte where the length is known: a caller that reads just so many bytes
// gets the error too.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	b.hash.Write(p[:n])
	last := err == io.EOF
	if b.left >= 0 {
		b.left -= int64(n)
		last = last || b.left <= 0
	}
	if last && (err == nil || err == io.EOF) {
		if [sha256.Size]byte(b.hash.Sum(nil)) != b.want {
			err = fmt.Errorf("sigv4: %w", ErrPayload)
			n = 0 // bytes that nobody signed
		}
	}
	if err != nil {
		b.err = err
	}
	return n, err
}

func (b *body) Close() error { return b.r.Close() }
