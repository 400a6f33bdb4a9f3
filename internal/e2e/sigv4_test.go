package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/sigv4"
)

// signed is one request that both sides sign.
type signed struct {
	url    string
	header http.Header
	body   string
	token  string
}

// awkward are URLs, headers and bodies in which signers go wrong.
func awkward() []signed {
	var all []signed
	urls := []string{
		"https://h.example.com", "https://h.example.com/", "https://h.example.com:443/a", "http://h.example.com:80/a", "https://h.example.com:8443/a",
		"https://[::1]:8443/a", "https://h.example.com/a//b/", "https://h.example.com/a/./b/../c", "https://h.example.com/%2e%2e/x",
		"https://h.example.com/a%20b", "https://h.example.com/a+b", "https://h.example.com/a%2Bb", "https://h.example.com/a%2Fb", "https://h.example.com/a%25b",
		"https://h.example.com/ü/日本", "https://h.example.com/%C3%BC", "https://h.example.com/!$&'()*+,;=:@", "https://h.example.com/~._-",
		"https://h.example.com/QualityLevels(1000)/Fragments(video=0)", "https://h.example.com/Streams(v.cmfv)/Segment(7)",
		"https://h.example.com/?", "https://h.example.com/?a", "https://h.example.com/?a=", "https://h.example.com/?a&b=&c=1",
		"https://h.example.com/?b=2&a=1", "https://h.example.com/?a=2&a=1&a=10", "https://h.example.com/?a=b+c", "https://h.example.com/?a=b%20c", "https://h.example.com/?a=b%2Bc",
		"https://h.example.com/?a=%2F&b=/&c=~&d=%7E", "https://h.example.com/?A=1&a=2&_=3&-=4", "https://h.example.com/?a=ü&ü=a", "https://h.example.com/?a=b=c", "https://h.example.com/?k=a/b&k=a-b",
		"https://h.example.com/?a%5B%5D=1&a.b=2&a-b=3&ab=4", "https://h.example.com/?x=%00%0A", "https://h.example.com/?marker=someMarker&max-keys=20&prefix=somePrefix",
		"https://h.example.com/?aws.sessionId=1&m.Profile=x%20y",
	}
	for _, u := range urls {
		all = append(all, signed{url: u}, signed{url: u, body: "body", token: "a/token+with=signs"})
	}
	for _, h := range []http.Header{
		{"Content-Type": {"application/xml"}, "X-Speke-Version": {"2.0"}, "User-Agent": {"mezzo"}},
		{"X-Empty": {""}, "X-Spaces": {"  a   b  "}, "X-Quoted": {`"a   b"`}},
		{"X-Two": {"b", "a"}, "X-Comma": {"a,b , c"}, "X-Amz-Meta-U": {"x"}},
		{"Range": {"bytes=0-9"}, "Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}, "Expect": {"100-continue"}},
		{"X-Tab": {"a\tb"}, "X-Utf8": {"ü"}, "X-Amzn-Trace-Id": {"Root=1"}},
	} {
		all = append(all, signed{url: "https://h.example.com/x", header: h}, signed{url: "https://h.example.com/x", header: h, body: "b"})
	}
	return all
}

func (s *signed) request(t *testing.T) *http.Request {
	method, body := "GET", io.Reader(nil)
	if s.body != "" {
		method, body = "PUT", strings.NewReader(s.body)
	}
	r, err := http.NewRequest(method, s.url, body)
	require.NoError(t, err)
	for k, v := range s.header {
		r.Header[k] = append([]string(nil), v...)
	}
	return r
}

func bodyHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Our signatures are those of AWS's own signer, byte for byte, and each side's requests are taken by ours.
func TestSigV4LikeSDK(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	n := 0
	for _, service := range []sigv4.Service{{Name: "execute-api", Region: "eu-west-1"}, {Name: "s3", Region: "us-east-1", S3: true}} {
		for _, c := range awkward() {
			name := fmt.Sprintf("%s %s %v %q", service.Name, c.url, c.header, c.body)
			ours := sigv4.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", c.token)
			theirs := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: c.token}
			signer := sigv4.Signer{Credentials: ours, Service: service, Now: func() time.Time { return now }}
			sdk := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service.S3; o.DisableHeaderHoisting = true })
			verifier := sigv4.Verifier{Keys: sigv4.Keys{ours}, Service: service, Now: func() time.Time { return now }}

			mine, aws := c.request(t), c.request(t)
			if service.S3 {
				aws.Header.Set("X-Amz-Content-Sha256", bodyHash(c.body))
			}
			require.NoError(t, signer.Sign(mine, ""), name)
			require.NoError(t, sdk.SignHTTP(t.Context(), theirs, aws, bodyHash(c.body), service.Name, service.Region, now))
			require.Equal(t, aws.Header, mine.Header, name)
			require.Equal(t, aws.URL.String(), mine.URL.String(), name)
			take(t, &verifier, mine, &c, name)
			take(t, &verifier, aws, &c, name)

			mine, aws = c.request(t), c.request(t)
			query := aws.URL.Query()
			query.Set("X-Amz-Expires", "60")
			aws.URL.RawQuery = query.Encode()
			payload := bodyHash(c.body)
			if service.S3 {
				payload = sigv4.UnsignedPayload
			}
			require.NoError(t, signer.Presign(mine, payload, time.Minute), name)
			link, header, err := sdk.PresignHTTP(t.Context(), theirs, aws, payload, service.Name, service.Region, now)
			require.NoError(t, err)
			require.Equal(t, link, mine.URL.String(), name)
			take(t, &verifier, mine, &c, name)
			again, err := http.NewRequest(mine.Method, link, strings.NewReader(c.body))
			require.NoError(t, err)
			again.Header = header.Clone()
			again.Host = header.Get("Host")
			again.Header.Del("Host")
			take(t, &verifier, again, &c, name)
			n++
		}
	}
	t.Logf("%d requests, each signed in header and query by both", n)
}

// take sends a request through the text of HTTP, and verifies what comes out; with a bit of the path changed it is refused.
func take(t *testing.T, v *sigv4.Verifier, r *http.Request, c *signed, name string) {
	t.Helper()
	received := func() *http.Request {
		out := httptest.NewRequest(r.Method, "http://placeholder"+requestURI(r), strings.NewReader(c.body))
		out.Header, out.Host = r.Header.Clone(), r.Host
		if out.Host == "" {
			out.Host = r.URL.Host
		}
		return out
	}
	got := received()
	who, err := v.Verify(got)
	require.NoError(t, err, name)
	require.Equal(t, "AKIDEXAMPLE", who.AccessKeyID)
	body, err := io.ReadAll(got.Body)
	require.NoError(t, err, name)
	require.Equal(t, c.body, string(body))

	other := received()
	other.URL.Path, other.URL.RawPath = other.URL.Path+"x", ""
	_, err = v.Verify(other)
	require.ErrorIs(t, err, sigv4.ErrSignature, name)
}

// requestURI is what a client sends, as Go's writes it.
func requestURI(r *http.Request) string {
	var b bytes.Buffer
	clone := r.Clone(r.Context())
	clone.Body, clone.ContentLength = nil, 0
	_ = clone.Write(&b)
	_, rest, _ := strings.Cut(b.String(), " ")
	uri, _, _ := strings.Cut(rest, " ")
	return uri
}

// curl signs too, and not as the SDK does: it leaves the query in its order and a plain path as it is.
func TestSigV4FromCurl(t *testing.T) {
	v := sigv4.Verifier{Keys: sigv4.Keys{sigv4.NewCredentials("AKID", "SECRET", "")}, Service: sigv4.Service{Name: "mediapackagev2"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := v.Verify(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, n)
	}))
	defer server.Close()
	curl := func(args ...string) string {
		args = append([]string{"-sS", "--aws-sigv4", "aws:amz:us-east-1:mediapackagev2"}, args...)
		out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	user := []string{"--user", "AKID:SECRET"}
	for _, path := range []string{"/", "/in/v1/group/1/channel/index.m3u8", "/QualityLevels(1)/Fragments(video=0)", "/x?a=1&b=2"} {
		require.Equal(t, "0", curl(append(user, server.URL+path)...), path)
		require.Equal(t, "4", curl(append(user, "-d", "body", server.URL+path)...), path)
	}
	require.Equal(t, "4", curl(append(user, "-X", "PUT", "-d", "body", "-H", "x-amz-content-sha256: "+bodyHash("body"), server.URL+"/x")...))
	require.Contains(t, curl(append(user, "-X", "PUT", "-d", "Body", "-H", "x-amz-content-sha256: "+bodyHash("body"), server.URL+"/x")...), "does not match")
	require.Equal(t, "4", curl(append(user, "-X", "PUT", "-d", "body", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", server.URL+"/x")...))
	require.Contains(t, curl("--user", "AKID:WRONG", server.URL+"/x"), "signature does not match")
	require.Contains(t, curl("--user", "OTHER:SECRET", server.URL+"/x"), "unknown access key")
}
