package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server verifies requests. Safe for concurrent use; fields stay put after the first.
type Server struct {
	Realm string
	Users Lookup
	// Algorithms are offered in this order; nil: SHA-256, then MD5 for old clients.
	Algorithms []Algorithm
	Lifetime   time.Duration // of a nonce; 0: 5 minutes
	// Key signs nonces, so that none has to be kept before a user has shown to be one. Servers that share it take each
	// other's nonces, and each sees only its own replays. nil: a random one.
	Key       []byte
	MaxNonces int              // nonces in use of which the counts are kept; 0: 10,000
	Now       func() time.Time // nil: time.Now

	once sync.Once
	key  []byte
	mu   sync.Mutex // guards what follows
	used map[nonce]*counts
	// floor is the time of issue of the youngest nonce that was forgotten: older ones that are not in used are stale.
	floor int64
}

// nonce is time of issue (Unix ns) and random bits.
type nonce [16]byte

func (n nonce) time() int64 { return int64(binary.BigEndian.Uint64(n[:])) }

// counts are the request counts that a nonce has had: the highest, and which of the 64 up to it.
type counts struct {
	high uint32
	seen uint64
}

// add says whether a count is new. One that is more than 63 below the highest counts as seen.
func (c *counts) add(n uint32) bool {
	switch {
	case n > c.high:
		c.seen = c.seen<<min(n-c.high, 64) | 1
		c.high = n
	case c.high-n > 63 || c.seen>>(c.high-n)&1 == 1:
		return false
	default:
		c.seen |= 1 << (c.high - n)
	}
	return true
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Server) setUp() {
	s.once.Do(func() {
		if s.key = s.Key; s.key == nil {
			s.key = make([]byte, 32)
			_, _ = rand.Read(s.key) // never fails
		}
	})
}

func (s *Server) algorithms() []Algorithm {
	if s.Algorithms == nil {
		return []Algorithm{SHA256, MD5}
	}
	return s.Algorithms
}

// Challenge adds WWW-Authenticate headers to a response of 401. After ErrStale or ErrReplay the client is told that its
// password was right.
func (s *Server) Challenge(h http.Header, err error) {
	s.setUp()
	var n nonce
	binary.BigEndian.PutUint64(n[:], uint64(s.now().UnixNano()))
	_, _ = rand.Read(n[8:]) // never fails
	stale := ""
	if errors.Is(err, ErrStale) || errors.Is(err, ErrReplay) {
		stale = ", stale=true"
	}
	for _, a := range s.algorithms() {
		h.Add("WWW-Authenticate", fmt.Sprintf(`Digest realm=%s, qop="auth", algorithm=%s, nonce="%s", charset=UTF-8%s`,
			quote(s.Realm), a, s.seal(n), stale))
	}
}

func (s *Server) seal(n nonce) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(n[:])
	return base64.RawURLEncoding.EncodeToString(append(n[:], mac.Sum(nil)[:16]...))
}

// Verify says who made the request. The error matches one of this package's: answer it by 401 and a Challenge, or is that
// of the Lookup.
func (s *Server) Verify(r *http.Request) (user string, err error) {
	s.setUp()
	f, err := credentials(r)
	if err != nil {
		return "", err
	}
	a := answer{
		algorithm: Algorithm(f["algorithm"]), user: f["username"], realm: f["realm"], method: r.Method, uri: f["uri"],
		nonce: f["nonce"], cnonce: f["cnonce"], nc: f["nc"], qop: f["qop"],
	}
	nc, ncErr := strconv.ParseUint(a.nc, 16, 32)
	switch {
	case a.realm != s.Realm:
		return "", fmt.Errorf("another realm: %w", ErrMalformed)
	case a.qop != "auth" || a.cnonce == "" || ncErr != nil || len(a.nc) != 8 || nc == 0:
		return "", fmt.Errorf("qop is auth, with cnonce and nc: %w", ErrMalformed)
	case !slices.ContainsFunc(s.algorithms(), func(o Algorithm) bool {
		return o.plain() == a.algorithm.plain() && o.session() == a.algorithm.session()
	}):
		return "", fmt.Errorf("algorithm was not offered: %w", ErrMalformed)
	case !sameTarget(a.uri, r):
		return "", fmt.Errorf("uri is not that of the request: %w", ErrMalformed)
	}
	n, err := s.open(a.nonce)
	if err != nil {
		return "", err
	}
	if err := s.check(r, &a, f["response"]); err != nil {
		return "", err
	}
	return a.user, s.count(n, uint32(nc))
}

// credentials are the parameters of the Authorization header.
func credentials(r *http.Request) (map[string]string, error) {
	h := r.Header.Values("Authorization")
	if len(h) == 0 || len(h[0]) < 7 || !strings.EqualFold(h[0][:7], "Digest ") {
		return nil, ErrMissing
	}
	all, err := parseHeader(h[0])
	if err != nil {
		return nil, err
	}
	if len(h) > 1 || len(all) != 1 {
		return nil, fmt.Errorf("more than one: %w", ErrMalformed)
	}
	return all[0].params, nil
}

// sameTarget compares with the request line; either may be a whole URL.
func sameTarget(uri string, r *http.Request) bool {
	if uri == r.RequestURI || uri == r.URL.RequestURI() {
		return uri != ""
	}
	u, err := url.Parse(uri)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) && u.RequestURI() == r.URL.RequestURI()
}

// open checks that a nonce is of this server and not too old.
func (s *Server) open(text string) (nonce, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 32 {
		return nonce{}, ErrStale // of another server, or an earlier life of this one
	}
	n := nonce(b[:16])
	lifetime := s.Lifetime
	if lifetime == 0 {
		lifetime = 5 * time.Minute
	}
	if !hmac.Equal([]byte(s.seal(n)), []byte(text)) || s.now().Sub(time.Unix(0, n.time())) > lifetime {
		return nonce{}, ErrStale
	}
	return n, nil
}

// check compares the response in constant time. An unknown user takes as long as a wrong password.
func (s *Server) check(r *http.Request, a *answer, response string) error {
	var known []Password
	if s.Users != nil {
		var err error
		if known, err = s.Users.Passwords(r.Context(), a.user); err != nil {
			return fmt.Errorf("digest: look up a user: %w", err)
		}
	}
	if len(known) == 0 {
		known = []Password{{}} // never right
	}
	ok := false
	for _, p := range known {
		match := hmac.Equal([]byte(a.response(p)), []byte(strings.ToLower(response)))
		ok = ok || match && p.f != nil
	}
	if !ok {
		return ErrDenied
	}
	return nil
}

// count takes a request count of a nonce, once.
func (s *Server) count(n nonce, nc uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.used[n]
	if c == nil {
		if n.time() <= s.floor {
			return ErrStale
		}
		limit := s.MaxNonces
		if limit <= 0 {
			limit = 10_000
		}
		if len(s.used) >= limit {
			s.forget()
		}
		if s.used == nil {
			s.used = map[nonce]*counts{}
		}
		c = &counts{}
		s.used[n] = c
	}
	if !c.add(nc) {
		return ErrReplay
	}
	return nil
}

// forget drops the older half of the nonces; what is as old as they is stale from now on.
func (s *Server) forget() {
	times := make([]int64, 0, len(s.used))
	for n := range s.used {
		times = append(times, n.time())
	}
	slices.Sort(times)
	s.floor = max(s.floor, times[len(times)/2])
	for n := range s.used {
		if n.time() <= s.floor {
			delete(s.used, n)
		}
	}
}
