package digest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RFC 7616, 3.9.1 and RFC 2617, 3.5.
func TestExamples(t *testing.T) {
	mufasa := answer{
		user: "Mufasa", realm: "http-auth@example.org", method: "GET", uri: "/dir/index.html", nc: "00000001", qop: "auth",
		nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	}
	for a, want := range map[Algorithm]string{
		MD5:    "8ca523f5e9506fed4657c9700eebdbec",
		SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		mufasa.algorithm = a
		require.Equal(t, want, mufasa.response(NewPassword("Circle of Life")))
	}
	// RFC 7616, 3.9.2, by its erratum: the hashed name.
	require.Equal(t, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b", SHA512.sum("J\u00e4s\u00f8n Doe", "api@example.org"))
	old := answer{
		user: "Mufasa", realm: "testrealm@host.com", method: "GET", uri: "/dir/index.html", nc: "00000001", qop: "auth",
		nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b",
	}
	require.Equal(t, "6629fae49393a05397450978507c4ef1", old.response(NewPassword("Circle Of Life")))
	old.qop = "" // RFC 2069
	require.Equal(t, "670fd8c2df070c60b045671b8b24ff02", old.response(NewPassword("Circle Of Life")))
}

func TestParseHeader(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []challenge
	}{
		{"", nil},
		{`Digest realm="a, \"b\"", qop="auth,auth-int" ,nonce=x`, []challenge{{"digest", map[string]string{"realm": `a, "b"`, "qop": "auth,auth-int", "nonce": "x"}}}},
		{`Basic realm="x", DIGEST NONCE = "n", Bearer`, []challenge{{"basic", map[string]string{"realm": "x"}}, {"digest", map[string]string{"nonce": "n"}}, {"bearer", map[string]string{}}}},
		{`Negotiate YWJj==, Digest nonce=n`, []challenge{{"negotiate", map[string]string{}}, {"digest", map[string]string{"nonce": "n"}}}},
		{`Negotiate YWJj, Digest nonce=n`, []challenge{{"negotiate", map[string]string{}}, {"digest", map[string]string{"nonce": "n"}}}},
	} {
		got, err := parseHeader(c.in)
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got, c.in)
	}
	for _, in := range []string{`Digest a="b`, `Digest a=b, a=c`, `Digest a=b, c=`, `"x"`, `Digest a="\`, "Digest " + strings.Repeat("x", 9) + `="1", =2`} {
		_, err := parseHeader(in)
		require.ErrorIs(t, err, ErrMalformed, in)
	}
}

// protected is a server that echoes bodies and counts requests.
func protected(s *Server) (*httptest.Server, func() int) {
	var mu sync.Mutex
	n := 0
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			n++
			mu.Unlock()
			if _, err := s.Verify(r); err != nil {
				s.Challenge(w.Header(), err)
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			_, _ = io.Copy(w, r.Body)
		})), func() int {
			mu.Lock()
			defer mu.Unlock()
			return n
		}
}

func put(c *http.Client, url, body string) (int, string, error) {
	r, err := http.NewRequest("PUT", url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err
}

func TestRoundTrips(t *testing.T) {
	password := NewPassword("päss:word")
	for _, algorithms := range [][]Algorithm{nil, {MD5}, {SHA256}, {SHA512}, {MD5 + "-sess"}, {SHA256 + "-sess"}} {
		t.Run(fmt.Sprint(algorithms), func(t *testing.T) {
			s := &Server{Realm: `a "realm"`, Users: Users{"ü\"ser": {NewPassword("old"), password}}, Algorithms: algorithms}
			server, requests := protected(s)
			defer server.Close()
			client := &http.Client{Transport: &Transport{User: "ü\"ser", Password: password}}
			for i := range 5 {
				status, got, err := put(client, fmt.Sprintf("%s/a%%20b/%d?x=\"%%22,y", server.URL, i), "body")
				require.NoError(t, err)
				require.Equal(t, 200, status, got)
				require.Equal(t, "body", got)
			}
			require.Equal(t, 6, requests(), "the challenge is kept")
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	s := &Server{Users: Users{"u": {NewPassword("p")}}}
	server, _ := protected(s)
	defer server.Close()
	client := &http.Client{Transport: &Transport{User: "u", Password: NewPassword("p")}}
	var wg sync.WaitGroup
	failed := make(chan error, 50)
	for range 50 {
		wg.Go(func() {
			if status, _, err := put(client, server.URL, "x"); err != nil || status != 200 {
				failed <- fmt.Errorf("%d %w", status, err)
			}
		})
	}
	wg.Wait()
	require.Empty(t, failed)
}

func TestDenied(t *testing.T) {
	s := &Server{Users: Users{"u": {NewPassword("p")}, "": {}}}
	server, requests := protected(s)
	defer server.Close()
	for _, tr := range []*Transport{{User: "u", Password: NewPassword("wrong")}, {User: "nobody"}, {}} {
		before := requests()
		status, _, err := put(&http.Client{Transport: tr}, server.URL, "x")
		require.NoError(t, err)
		require.Equal(t, 401, status)
		require.Equal(t, 2, requests()-before, "one try only")
	}
	// a body that can be read once
	tr := &Transport{User: "u", Password: NewPassword("p")}
	r, err := http.NewRequest("PUT", server.URL, io.MultiReader(strings.NewReader("x")))
	require.NoError(t, err)
	resp, err := tr.RoundTrip(r)
	require.NoError(t, err)
	require.Equal(t, 401, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}

func TestChallengesNotForUs(t *testing.T) {
	for _, header := range []string{"", "Basic realm=x", `Digest nonce=x, qop="auth-int"`, `Digest nonce=x, algorithm=SHA-1`, `Digest qop=auth`, `Digest nonce="x`,
		"Digest nonce=" + strings.Repeat("x", 5000)} {
		require.Nil(t, pick([]string{header}), header)
	}
	p := pick([]string{`Digest nonce=a, algorithm=MD5, qop="auth"`, `Basic realm=x, Digest nonce=b, qop="auth-int, auth", algorithm=sha-256, opaque="", userhash=true`})
	require.Equal(t, &params{algorithm: "sha-256", nonce: "b", qop: "auth", hasOpaque: true, userHash: true}, p)
	r := httptest.NewRequest("GET", "/x", nil)
	require.Contains(t, p.answer("u", NewPassword("p"), r, 1), `userhash=true`)
	evil := "x\"\r\nX-Evil: 1\x00"
	text := (&params{realm: evil, nonce: evil, opaque: evil, hasOpaque: true}).answer(evil, NewPassword("p"), r, 1)
	require.NotContains(t, text, "\n")
	all, err := parseHeader(text)
	require.NoError(t, err)
	require.Equal(t, `x"X-Evil: 1`, all[0].params["realm"], "one value, without control characters")
	require.NotContains(t, (&params{nonce: "n"}).answer("u", NewPassword("p"), r, 1), "qop") // RFC 2069
}

var errStore = errors.New("store is down")

type lookup func() ([]Password, error)

func (f lookup) Passwords(context.Context, string) ([]Password, error) { return f() }

// What a server says to answers that were right once, or never.
func TestVerify(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	fresh := func() (*Server, *params) {
		s := &Server{Realm: "r", Users: Users{"u": {NewPassword("p")}}, Now: func() time.Time { return start }}
		h := http.Header{}
		s.Challenge(h, nil)
		return s, pick(h.Values("WWW-Authenticate"))
	}
	request := func(auth string) *http.Request {
		r := httptest.NewRequest("GET", "http://h/x?y", nil)
		r.Header.Set("Authorization", auth)
		return r
	}
	for _, c := range []struct {
		name   string
		change func(auth string, s *Server) string
		want   error
	}{
		{"right", func(a string, _ *Server) string { return a }, nil},
		{"nothing", func(string, *Server) string { return "" }, ErrMissing},
		{"old", func(a string, s *Server) string {
			s.Now = func() time.Time { return start.Add(5*time.Minute + 1) }
			return a
		}, ErrStale},
		{"other key", func(a string, s *Server) string { s.key = []byte("x"); return a }, ErrStale},
		{"made-up nonce", func(a string, _ *Server) string { return strings.Replace(a, `nonce="`, `nonce="A`, 1) }, ErrStale},
		{"basic", func(string, *Server) string { return "Basic dTpw" }, ErrMissing},
		{"other uri", func(a string, _ *Server) string { return strings.Replace(a, "/x?y", "/z", 1) }, ErrMalformed},
		{"other realm", func(a string, _ *Server) string { return strings.Replace(a, `realm="r"`, `realm="s"`, 1) }, ErrMalformed},
		{"no qop", func(a string, _ *Server) string { return strings.Replace(a, "qop=auth", "x=y", 1) }, ErrMalformed},
		{"count of zero", func(a string, _ *Server) string { return strings.Replace(a, "00000001", "00000000", 1) }, ErrMalformed},
		{"other count", func(a string, _ *Server) string { return strings.Replace(a, "00000001", "00000002", 1) }, ErrDenied},
		{"algorithm", func(a string, _ *Server) string { return strings.Replace(a, "SHA-256", "SHA-512-256", 1) }, ErrMalformed},
		{"broken", func(a string, _ *Server) string { return a + `, "` }, ErrMalformed},
		{"twice", func(a string, _ *Server) string { return a + ", Digest x=y" }, ErrMalformed},
		{"store down", func(a string, s *Server) string {
			s.Users = lookup(func() ([]Password, error) { return nil, errStore })
			return a
		}, errStore},
		{"no users", func(a string, s *Server) string { s.Users = nil; return a }, ErrDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := fresh()
			r := request("")
			auth := c.change(p.answer("u", NewPassword("p"), r, 1), s)
			user, err := s.Verify(request(auth))
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				require.Equal(t, "u", user)
				_, err = s.Verify(request(auth))
				require.ErrorIs(t, err, ErrReplay)
			}
		})
	}
}

// Nonces that were forgotten cannot be played back.
func TestBounded(t *testing.T) {
	clock := time.Unix(1_800_000_000, 0)
	s := &Server{Users: Users{"u": {NewPassword("p")}}, MaxNonces: 8, Now: func() time.Time { clock = clock.Add(time.Millisecond); return clock }}
	var sent []string
	for range 50 {
		h := http.Header{}
		s.Challenge(h, nil)
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", pick(h.Values("WWW-Authenticate")).answer("u", NewPassword("p"), r, 1))
		_, err := s.Verify(r)
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.used), 8)
		sent = append(sent, r.Header.Get("Authorization"))
	}
	for _, a := range sent {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", a)
		_, err := s.Verify(r)
		require.True(t, errors.Is(err, ErrReplay) || errors.Is(err, ErrStale), err)
	}
}

func TestCounts(t *testing.T) {
	var c counts
	for _, step := range []struct {
		n  uint32
		ok bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {3, false}, {100, true}, {36, false}, {37, true}, {37, false}, {1 << 31, true}, {100, false}} {
		require.Equal(t, step.ok, c.add(step.n), step.n)
	}
}

func TestPasswordsDoNotPrint(t *testing.T) {
	p := NewPassword("secret")
	tr := &Client{User: "u", Password: p}
	s := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		for _, v := range []any{p, &tr.Password, struct{ p Password }{p}, Users{"u": {p}}} {
			s += fmt.Sprintf(verb, v)
		}
	}
	require.NotContains(t, s, "secret")
	require.NotContains(t, s, "736563726574")
}

func FuzzParseHeader(f *testing.F) {
	f.Add(`Digest realm="a\"b", nonce=c, Basic realm=x`)
	f.Add(`Negotiate YWJj==, Digest a="b`)
	f.Fuzz(func(t *testing.T, s string) {
		all, err := parseHeader(s)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		for _, c := range all {
			require.NotEmpty(t, c.scheme)
			for name, v := range c.params {
				again, err := parseHeader("x " + name + "=" + quote(v))
				require.NoError(t, err)
				require.Len(t, again, 1)
			}
		}
	})
}
