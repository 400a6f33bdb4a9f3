package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	terminator  = "aws4_request"
	timeFormat  = "20060102T150405Z"
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

	headerDate    = "X-Amz-Date"
	headerToken   = "X-Amz-Security-Token"
	headerPayload = "X-Amz-Content-Sha256"

	// UnsignedPayload in place of the body's hash leaves the body out of the signature.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
)

// Service says for whom a request is signed, and what its service does to the path.
type Service struct {
	Name   string // execute-api, mediapackagev2, s3
	Region string
	// S3 takes the path as it stands; all others encode it once more. It also has the hash of the body in
	// X-Amz-Content-Sha256, and presigned bodies are unsigned.
	S3 bool
	// Clean removes empty and dot segments from the path first, as the specification has it for all but S3. SDKs leave
	// that to whoever made the URL, and so does the zero value.
	Clean bool
}

// scope is what a signing key is good for.
type scope struct{ day, region, service string }

func (s Service) scope(t time.Time) scope {
	return scope{t.UTC().Format("20060102"), s.Region, s.Name}
}

func (s scope) String() string {
	return s.day + "/" + s.region + "/" + s.service + "/" + terminator
}

// canonical is the request as it is signed, but for the path.
type canonical struct {
	method, query string
	names, values string // signed headers: a;b and a:1\nb:2\n
	payload       string
}

// stringToSign hashes the canonical request.
func (c *canonical) stringToSign(path string, t time.Time, s scope) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.method, path, c.query, c.values, c.names, c.payload}, "\n")))
	return algorithm + "\n" + t.UTC().Format(timeFormat) + "\n" + s.String() + "\n" + hex.EncodeToString(sum[:])
}

// paths are the canonical forms of a path: that which the Signer uses, then others that clients and proxies make of the
// same resource. All are equal for paths of plain characters.
func (s Service) paths(u *url.URL) []string {
	wire := u.EscapedPath()
	if wire == "" {
		wire = "/"
	}
	if s.Clean {
		wire = cleanPath(wire)
	}
	strict := encodeAgain(wire)
	if s.S3 {
		return slices.Compact([]string{wire, strict})
	}
	forms := []string{encode(wire, true), encode(strict, true)}
	if !strings.Contains(wire, "%") { // else it could be the signed form of another path
		forms = append(forms, wire) // curl 7
	}
	return slices.Compact(forms)
}

// cleanPath removes empty and dot segments; a slash at the end stays.
func cleanPath(p string) string {
	c := path.Clean("/" + p)
	if c != "/" && (strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..")) {
		c += "/"
	}
	return c
}

// encodeAgain escapes all that is not unreserved (RFC 3986, 2.3) in a path that is escaped in part; %2F stays.
func encodeAgain(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if raw, err := url.PathUnescape(s); err == nil {
			segments[i] = encode(raw, false)
		}
	}
	return strings.Join(segments, "/")
}

// encode escapes all but unreserved characters, and slashes where they are kept.
func encode(s string, slashes bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && slashes:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// param is one decoded pair of a query.
type param struct{ name, value string }

// parseQuery reads all pairs of a query, in order. Unlike url.ParseQuery it drops none: what is left out of a signature
// must not reach a handler.
func parseQuery(raw string) ([]param, error) {
	var params []param
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("query parameter %d: bad escape: %w", len(params)+1, ErrMalformed)
		}
		params = append(params, param{n, v})
	}
	return params, nil
}

// canonicalQuery sorts by the encoded names, then values.
func canonicalQuery(params []param) string {
	pairs := make([]string, 0, len(params))
	for _, p := range params {
		pairs = append(pairs, encode(p.name, false)+"\x00"+encode(p.value, false)) // 0 sorts before all that names hold
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

// headerValues are those of a header in lower case, as servers and clients hold them.
func headerValues(r *http.Request, name string) []string {
	switch name {
	case "host":
		if r.Host != "" || r.URL == nil {
			return []string{r.Host}
		}
		return []string{r.URL.Host}
	case "content-length":
		if r.ContentLength >= 0 {
			return []string{strconv.FormatInt(r.ContentLength, 10)}
		}
	case "transfer-encoding":
		if len(r.TransferEncoding) > 0 {
			return r.TransferEncoding
		}
	}
	return r.Header[http.CanonicalHeaderKey(name)]
}

// canonicalHeaders takes sorted names in lower case.
func canonicalHeaders(r *http.Request, names []string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name)
		for i, v := range headerValues(r, name) {
			b.WriteByte(":,"[min(i, 1)])
			b.WriteString(collapse(v))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// collapse trims a header's value and makes one of several spaces.
func collapse(v string) string {
	v = strings.TrimSpace(v)
	for strings.Contains(v, "  ") {
		v = strings.ReplaceAll(v, "  ", " ")
	}
	return v
}
