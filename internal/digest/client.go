package digest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Transport is an http.RoundTripper that answers the digest challenges of one server. It keeps the last challenge, so that
// only the first request is sent twice. Safe for concurrent use.
type Transport struct {
	User     string
	Password Password
	Base     http.RoundTripper // nil: http.DefaultTransport

	mu   sync.Mutex // guards what follows
	host string     // scheme and host of last
	last *params
	nc   uint32
}

// params are those of a challenge that can be answered.
type params struct {
	algorithm            Algorithm
	realm, nonce, opaque string
	hasOpaque, userHash  bool
	qop                  string // auth, or empty with RFC 2069
}

// RoundTrip sends the request, and once more with an answer if the server asks for one. A body that cannot be read twice
// (no GetBody) is sent once: the 401 is then the result.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	first := r.Clone(r.Context())
	used := t.authorize(first)
	resp, err := base.RoundTrip(first)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	next := pick(resp.Header.Values("WWW-Authenticate"))
	rewindable := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	if next == nil || !rewindable || used != nil && used.nonce == next.nonce {
		return resp, nil // wrong password, or not for us
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			_ = resp.Body.Close()
			return nil, fmt.Errorf("digest: read the body again: %w", err)
		}
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // for the connection's sake
	_ = resp.Body.Close()
	t.learn(r, next)
	t.authorize(again)
	return base.RoundTrip(again)
}

func site(r *http.Request) string { return r.URL.Scheme + "://" + r.URL.Host }

func (t *Transport) learn(r *http.Request, p *params) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || t.last.nonce != p.nonce || t.host != site(r) {
		t.host, t.last, t.nc = site(r), p, 0
	}
}

// authorize answers the last challenge, if it was that server's.
func (t *Transport) authorize(r *http.Request) *params {
	t.mu.Lock()
	p := t.last
	if p == nil || t.host != site(r) {
		t.mu.Unlock()
		return nil
	}
	t.nc++
	nc := t.nc
	t.mu.Unlock()
	r.Header.Set("Authorization", p.answer(t.User, t.Password, r, nc))
	return p
}

// answer is the Authorization header (RFC 7616, 3.4).
func (p *params) answer(user string, password Password, r *http.Request, nc uint32) string {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	a := answer{algorithm: p.algorithm, user: user, realm: p.realm, method: method, uri: r.URL.RequestURI(), nonce: p.nonce, qop: p.qop}
	if p.qop != "" || p.algorithm.session() {
		a.cnonce, a.nc = newCnonce(), fmt.Sprintf("%08x", nc)
	}
	response := a.response(password)
	name := user
	if p.userHash {
		name = p.algorithm.sum(user, p.realm)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Digest username=%s, realm=%s, nonce=%s, uri=%s, response=%q", quote(name), quote(p.realm), quote(p.nonce), quote(a.uri), response)
	if p.algorithm != "" {
		fmt.Fprintf(&b, ", algorithm=%s", p.algorithm)
	}
	if a.cnonce != "" {
		fmt.Fprintf(&b, ", cnonce=%q", a.cnonce)
	}
	if p.hasOpaque {
		fmt.Fprintf(&b, ", opaque=%s", quote(p.opaque))
	}
	if p.qop != "" {
		fmt.Fprintf(&b, ", qop=%s, nc=%s", p.qop, a.nc)
	}
	if p.userHash {
		b.WriteString(", userhash=true")
	}
	return b.String()
}

func newCnonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// pick chooses the best challenge that can be answered; nil: none.
func pick(headers []string) *params {
	var best *params
	for _, h := range headers {
		all, err := parseHeader(h)
		if err != nil {
			continue
		}
		for _, c := range all {
			p := c.digest()
			if p != nil && (best == nil || p.algorithm.rank() < best.algorithm.rank()) {
				best = p
			}
		}
	}
	return best
}

// digest reads a challenge; nil: not of this kind, or of a quality that is not here.
func (c *challenge) digest() *params {
	p := &params{algorithm: Algorithm(c.params["algorithm"]), realm: c.params["realm"], nonce: c.params["nonce"]}
	p.opaque, p.hasOpaque = c.params["opaque"]
	p.userHash = strings.EqualFold(c.params["userhash"], "true")
	if c.scheme != "digest" || p.nonce == "" || p.algorithm.rank() < 0 {
		return nil
	}
	if qop, ok := c.params["qop"]; ok {
		if !slices.ContainsFunc(strings.Split(qop, ","), func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "auth") }) {
			return nil
		}
		p.qop = "auth"
	}
	return p
}
