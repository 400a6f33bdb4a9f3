package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signer signs requests. Safe for concurrent use; fields stay put after the first.
type Signer struct {
	Credentials Credentials
	Service     Service
	Now         func() time.Time // nil: time.Now
}

// Sign sets Authorization, X-Amz-Date and, with a session token, X-Amz-Security-Token; for S3 and with [UnsignedPayload]
// X-Amz-Content-Sha256 too. All headers that are set already are signed, but for those that proxies and clients change. The
// query is put into canonical order and spelling, so that no one can read it otherwise.
//
// The payload is the SHA-256 of the body in hex, or UnsignedPayload; empty: it is computed from r.GetBody. Nothing that is
// signed may change afterwards. The error matches ErrMalformed, or is that of GetBody.
func (s *Signer) Sign(r *http.Request, payload string) error {
	now, params, err := s.start(r)
	if err != nil {
		return err
	}
	if payload == "" {
		if payload, err = hashBody(r); err != nil {
			return err
		}
	}
	r.Header.Del("Authorization")
	r.Header.Set(headerDate, now.Format(timeFormat))
	if token := s.Credentials.token(); token != "" {
		r.Header.Set(headerToken, token)
	}
	if s.Service.S3 || payload == UnsignedPayload {
		r.Header.Set(headerPayload, payload)
	}
	c := s.canonical(r, canonicalQuery(params), payload)
	r.URL.RawQuery = c.query
	scope := s.Service.scope(now)
	sum := s.Credentials.sign(scope, c.stringToSign(s.Service.paths(r.URL)[0], now, scope))
	r.Header.Set("Authorization", algorithm+" Credential="+s.Credentials.AccessKeyID+"/"+scope.String()+
		", SignedHeaders="+c.names+", Signature="+hex.EncodeToString(sum[:]))
	return nil
}

// Presign puts the signature into the query of r.URL, where it is good for the time given: whole seconds, 1 s to 7 days.
// Headers that are set are signed too, and have to be sent. The payload is that of Sign; for S3 it is UnsignedPayload unless
// given.
func (s *Signer) Presign(r *http.Request, payload string, expires time.Duration) error {
	if expires < time.Second || expires > maxExpires {
		return fmt.Errorf("presign for %s: 1 s to 7 days are possible: %w", expires, ErrMalformed)
	}
	now, params, err := s.start(r)
	if err != nil {
		return err
	}
	switch {
	case payload != "":
	case s.Service.S3:
		payload = UnsignedPayload
	default:
		if payload, err = hashBody(r); err != nil {
			return err
		}
	}
	scope := s.Service.scope(now)
	params = slices.DeleteFunc(params, ownParam)
	names := strings.Join(signedNames(r), ";")
	params = append(params, param{"X-Amz-Algorithm", algorithm},
		param{"X-Amz-Credential", s.Credentials.AccessKeyID + "/" + scope.String()},
		param{headerDate, now.Format(timeFormat)},
		param{"X-Amz-Expires", strconv.FormatInt(int64(expires/time.Second), 10)},
		param{"X-Amz-SignedHeaders", names})
	if token := s.Credentials.token(); token != "" {
		params = append(params, param{headerToken, token})
	}
	c := s.canonical(r, canonicalQuery(params), payload)
	sum := s.Credentials.sign(scope, c.stringToSign(s.Service.paths(r.URL)[0], now, scope))
	r.URL.RawQuery = c.query + "&X-Amz-Signature=" + hex.EncodeToString(sum[:])
	return nil
}

// start looks at what both kinds of signature need, and drops the default port, which clients don't send.
func (s *Signer) start(r *http.Request) (time.Time, []param, error) {
	if r.URL == nil || r.URL.Opaque != "" {
		return time.Time{}, nil, fmt.Errorf("the request has no URL with a path: %w", ErrMalformed)
	}
	if s.Credentials.AccessKeyID == "" || s.Credentials.reveal == nil || s.Service.Name == "" || s.Service.Region == "" {
		return time.Time{}, nil, fmt.Errorf("signer needs credentials, a service and a region: %w", ErrMalformed)
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	switch {
	case r.URL.Scheme == "https" && strings.HasSuffix(host, ":443"), r.URL.Scheme == "http" && strings.HasSuffix(host, ":80"):
		r.Host = host[:strings.LastIndexByte(host, ':')]
	}
	params, err := parseQuery(r.URL.RawQuery)
	return now(s.Now), params, err
}

func (s *Signer) canonical(r *http.Request, query, payload string) *canonical {
	names := signedNames(r)
	return &canonical{
		method: method(r), query: query, names: strings.Join(names, ";"), values: canonicalHeaders(r, names), payload: payload,
	}
}

func now(clock func() time.Time) time.Time {
	if clock == nil {
		clock = time.Now
	}
	return clock().UTC()
}

func method(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// signedNames are the headers that a Signer signs, sorted, in lower case.
func signedNames(r *http.Request) []string {
	names := []string{"host"}
	if r.ContentLength > 0 {
		names = append(names, "content-length")
	}
	for name := range r.Header {
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "User-Agent", "X-Amzn-Trace-Id", "Expect", "Content-Length", "Host",
			// hop by hop (RFC 9110, 7.6.1)
			"Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		default:
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	return names
}

// hashBody reads a copy of the body.
func hashBody(r *http.Request) (string, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return emptySHA256, nil
	}
	if r.GetBody == nil {
		return "", fmt.Errorf("the body can be read once only; give its hash, or %s: %w", UnsignedPayload, ErrMalformed)
	}
	body, err := r.GetBody()
	if err != nil {
		return "", fmt.Errorf("hash the body: %w", err)
	}
	h := sha256.New()
	_, err = io.Copy(h, body)
	if err = firstError(err, body.Close()); err != nil {
		return "", fmt.Errorf("hash the body: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
