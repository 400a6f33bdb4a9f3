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

// Client answers the digest challenges of one server. It keeps the last one, so that only the first request is sent twice.
// Safe for concurrent use; fields stay put after the first.
type Client struct {
	User     string
	Password Password

	mu   sync.Mutex // guards what follows
	site string     // scheme and host of last
	last *params
	nc   uint32
}

// Transport is an http.RoundTripper with a Client. Safe for concurrent use; fields stay put after the first.
type Transport struct {
	User     string
	Password Password
	Base     http.RoundTripper // nil: http.DefaultTransport

	once   sync.Once
	client Client
}

// params are those of a challenge that can be answered.
type params struct {
	algorithm            Algorithm
	realm, nonce, opaque string
	hasOpaque, userHash  bool
	stale                bool   // the password was right, the nonce too old
	qop                  string // auth, or empty with RFC 2069
}

// RoundTrip sends the request, and once more with an answer if the server asks for one. A body that cannot be read twice
// (no GetBody) is sent once: the 401 is then the result.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	t.once.Do(func() { t.client.User, t.client.Password = t.User, t.Password })
	first := r.Clone(r.Context())
	t.client.Authorize(first)
	resp, err := base.RoundTrip(first)
	if err != nil {
		return nil, err
	}
	resp.Request = first
	rewindable := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	if resp.StatusCode != http.StatusUnauthorized || !t.client.Challenge(resp) || !rewindable {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // for the connection's sake
	_ = resp.Body.Close()
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, fmt.Errorf("digest: read the body again: %w", err)
		}
	}
	t.client.Authorize(again)
	return base.RoundTrip(again)
}

// Challenge looks at an answer of 401, whose Request has to be there, and reports whether there is use in making it once
// more: false where the password was wrong, or the server wants something else.
func (c *Client) Challenge(resp *http.Response) bool {
	next := pick(resp.Header.Values("WWW-Authenticate"))
	if next == nil || resp.Request == nil {
		return false
	}
	if used, err := credentials(resp.Request); err == nil && !next.stale && used["nonce"] == next.nonce {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if site := siteOf(resp.Request); c.last == nil || c.last.nonce != next.nonce || c.site != site {
		c.site, c.last, c.nc = site, next, 0
	}
	return true
}

func siteOf(r *http.Request) string { return r.URL.Scheme + "://" + r.URL.Host }

// Authorize sets the header of a request that is complete but for it, if it is to the server that sent the last challenge.
func (c *Client) Authorize(r *http.Request) {
	c.mu.Lock()
	p := c.last
	if p == nil || c.site != siteOf(r) {
		c.mu.Unlock()
		return
	}
	c.nc++
	nc := c.nc
	c.mu.Unlock()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Authorization", p.answer(c.User, c.Password, r, nc))
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

// maxChallenge is the longest header that is answered, bytes: much of it comes back in each request.
const maxChallenge = 4 << 10

// pick chooses the best challenge that can be answered; nil: none.
func pick(headers []string) *params {
	var best *params
	for _, h := range headers {
		if len(h) > maxChallenge {
			continue
		}
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
	p.stale = strings.EqualFold(c.params["stale"], "true")
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
