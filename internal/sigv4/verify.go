package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Verifier checks signed requests. Safe for concurrent use; fields stay put after the first.
type Verifier struct {
	Keys    Lookup
	Service Service       // an empty Region is any
	Skew    time.Duration // greatest difference of clocks; 0: 5 minutes
	// MaxBody bounds what is read of a body whose hash is not in X-Amz-Content-Sha256, bytes: it has to be hashed before
	// the signature can be checked. 0: 1 MiB.
	MaxBody int64
	// Signed refuses UNSIGNED-PAYLOAD.
	Signed bool
	Now    func() time.Time // nil: time.Now
}

// Caller is who signed a request.
type Caller struct {
	AccessKeyID string
	Region      string
	Time        time.Time // when it was signed
	Expires     time.Time // of a presigned request; zero: none
	// Payload is the hash of the body in hex or UnsignedPayload.
	Payload string
}

// Verify checks the signature of a request that a server got. Where a hash of the body is signed, r.Body is replaced by one
// that fails with ErrPayload instead of io.EOF if the bytes were others: act on a body after its end only. The error matches
// one of this package's, or is that of the Lookup.
func (v *Verifier) Verify(r *http.Request) (*Caller, error) {
	c, err := parseClaim(r)
	if err != nil {
		return nil, fmt.Errorf("sigv4: %w", err)
	}
	if err := v.admit(c); err != nil {
		return nil, fmt.Errorf("sigv4: %w", err)
	}
	if v.Keys == nil {
		return nil, fmt.Errorf("sigv4: verifier has no keys: %w", ErrUnknownKey)
	}
	all, err := v.Keys.Credentials(r.Context(), c.accessKeyID)
	switch {
	case err != nil:
		return nil, fmt.Errorf("sigv4: look up an access key: %w", err)
	case len(all) == 0:
		return nil, fmt.Errorf("sigv4: %w", ErrUnknownKey)
	}
	if err := v.payload(r, c); err != nil {
		return nil, fmt.Errorf("sigv4: %w", err)
	}
	if err := v.match(r, c, all); err != nil {
		return nil, fmt.Errorf("sigv4: %w", err)
	}
	if c.payload != UnsignedPayload {
		want, _ := hex.DecodeString(c.payload) // admit has looked at it
		r.Body = newBody(r.Body, [sha256.Size]byte(want), r.ContentLength)
	}
	who := &Caller{AccessKeyID: c.accessKeyID, Region: c.scope.region, Time: c.time, Payload: c.payload}
	if c.presigned {
		who.Expires = c.time.Add(c.expires)
	}
	return who, nil
}

// admit checks scope, clock and kind of payload: all that needs no secret.
func (v *Verifier) admit(c *claim) error {
	if c.scope.service != v.Service.Name || v.Service.Region != "" && c.scope.region != v.Service.Region {
		return ErrScope
	}
	skew := v.Skew
	if skew == 0 {
		skew = 5 * time.Minute
	}
	age := now(v.Now).Sub(c.time)
	switch {
	case age < -skew:
		return ErrSkew
	case c.presigned && age > c.expires:
		return ErrExpired
	case !c.presigned && age > skew:
		return ErrSkew
	}
	switch p := c.payload; {
	case p == "" || p == UnsignedPayload:
	case strings.HasPrefix(p, "STREAMING-"):
		return fmt.Errorf("payload in signed chunks: %w", ErrUnsupported)
	default:
		if sum, err := hex.DecodeString(p); err != nil || len(sum) != sha256.Size || p != strings.ToLower(p) {
			return fmt.Errorf("%s is no SHA-256 in hex: %w", headerPayload, ErrMalformed)
		}
	}
	return nil
}

// payload finds the hash of a body that names none.
func (v *Verifier) payload(r *http.Request, c *claim) error {
	switch {
	case c.payload != "":
	case c.presigned && v.Service.S3:
		c.payload = UnsignedPayload
	case r.Body == nil || r.Body == http.NoBody:
		c.payload = emptySHA256
	default:
		limit := v.MaxBody
		if limit == 0 {
			limit = 1 << 20
		}
		if r.ContentLength > limit {
			return ErrTooLarge
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err = firstError(err, r.Body.Close()); err != nil {
			return fmt.Errorf("read the body: %w", err)
		}
		if int64(len(body)) > limit {
			return ErrTooLarge
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		sum := sha256.Sum256(body)
		c.payload = hex.EncodeToString(sum[:])
	}
	if v.Signed && c.payload == UnsignedPayload {
		return fmt.Errorf("the body is not signed: %w", ErrUnsupported)
	}
	return nil
}

// match tries each secret and each canonical form of the path.
func (v *Verifier) match(r *http.Request, c *claim, all []Credentials) error {
	req := canonical{
		method: method(r), query: canonicalQuery(c.query), names: strings.Join(c.signed, ";"),
		values: canonicalHeaders(r, c.signed), payload: c.payload,
	}
	failed := ErrSignature
	for _, path := range v.Service.paths(r.URL) {
		text := req.stringToSign(path, c.time, c.scope)
		for _, creds := range all {
			sum := creds.sign(c.scope, text)
			switch {
			case !hmac.Equal(sum[:], c.signature[:]):
			case !creds.hasToken(c.token):
				failed = ErrToken
			default:
				return nil
			}
		}
	}
	return failed
}
