package sigv4

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxExpires = 7 * 24 * time.Hour
	maxSigned  = 100 // headers in one signature
)

// ownParam says which parameters make up a presigned query.
func ownParam(p param) bool {
	switch p.name {
	case "X-Amz-Algorithm", "X-Amz-Credential", headerDate, "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature", headerToken:
		return true
	}
	return false
}

// claim is what a request says of its signature: read, not believed.
type claim struct {
	accessKeyID string
	scope       scope
	time        time.Time
	signed      []string // sorted, lower case
	signature   [32]byte
	presigned   bool
	expires     time.Duration // of presigned ones
	token       string
	query       []param // without X-Amz-Signature
	payload     string  // X-Amz-Content-Sha256; empty: not given
}

// parseClaim finds the signature in the header or the query; in both is an error.
func parseClaim(r *http.Request) (*claim, error) {
	if r.URL == nil {
		return nil, fmt.Errorf("no URL: %w", ErrMalformed)
	}
	params, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	c := &claim{query: params}
	auth := r.Header.Values("Authorization")
	c.presigned = slices.ContainsFunc(params, func(p param) bool { return p.name == "X-Amz-Signature" || p.name == "X-Amz-Algorithm" })
	switch {
	case c.presigned && len(auth) > 0:
		return nil, fmt.Errorf("signed in the header and in the query: %w", ErrMalformed)
	case c.presigned:
		err = c.fromQuery()
	case len(auth) == 0:
		return nil, ErrMissing
	case len(auth) > 1:
		return nil, fmt.Errorf("the Authorization header comes twice: %w", ErrMalformed)
	default:
		err = c.fromHeader(r, auth[0])
	}
	if err != nil {
		return nil, err
	}
	if c.payload == "" {
		if c.payload, err = single(r.Header, headerPayload); err != nil {
			return nil, err
		}
	}
	return c, c.check(r)
}

// fromHeader reads Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=….
func (c *claim) fromHeader(r *http.Request, auth string) error {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(auth), " ")
	if scheme != algorithm {
		if strings.HasPrefix(scheme, "AWS4-") {
			return fmt.Errorf("algorithm %.30q: %w", scheme, ErrUnsupported)
		}
		return fmt.Errorf("the Authorization header is of another kind: %w", ErrMissing)
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := fields[name]; !ok || twice || len(fields) >= 3 {
			return fmt.Errorf("the Authorization header takes Credential, SignedHeaders and Signature, once each: %w", ErrMalformed)
		}
		fields[name] = value
	}
	date, err := single(r.Header, headerDate)
	if err != nil {
		return err
	}
	if date == "" {
		var t time.Time
		if t, err = http.ParseTime(r.Header.Get("Date")); err != nil {
			return fmt.Errorf("neither X-Amz-Date nor Date: %w", ErrMalformed)
		}
		date = t.UTC().Format(timeFormat)
	}
	if c.token, err = single(r.Header, headerToken); err != nil {
		return err
	}
	return c.fill(fields["Credential"], date, fields["SignedHeaders"], fields["Signature"])
}

// fromQuery takes the signature out of the query.
func (c *claim) fromQuery() error {
	fields := map[string]string{}
	kept := c.query[:0]
	for _, p := range c.query {
		if ownParam(p) || p.name == headerPayload {
			if _, twice := fields[p.name]; twice {
				return fmt.Errorf("%s comes twice: %w", p.name, ErrMalformed)
			}
			fields[p.name] = p.value
		}
		if p.name != "X-Amz-Signature" {
			kept = append(kept, p)
		}
	}
	c.query = kept
	if a := fields["X-Amz-Algorithm"]; a != algorithm {
		return fmt.Errorf("algorithm %.30q: %w", a, ErrUnsupported)
	}
	seconds, err := strconv.Atoi(fields["X-Amz-Expires"])
	if err != nil || seconds < 1 || seconds > int(maxExpires/time.Second) {
		return fmt.Errorf("X-Amz-Expires is 1 to %d seconds: %w", int(maxExpires/time.Second), ErrMalformed)
	}
	c.expires = time.Duration(seconds) * time.Second
	c.token, c.payload = fields[headerToken], fields[headerPayload]
	return c.fill(fields["X-Amz-Credential"], fields[headerDate], fields["X-Amz-SignedHeaders"], fields["X-Amz-Signature"])
}

// fill parses what both forms have.
func (c *claim) fill(credential, date, signed, signature string) error {
	parts := strings.Split(credential, "/")
	n := len(parts) - 4
	if n < 1 || parts[n+3] != terminator || credential[0] == '/' {
		return fmt.Errorf("credential is not ID/day/region/service/%s: %w", terminator, ErrMalformed)
	}
	c.accessKeyID = strings.Join(parts[:n], "/")
	c.scope = scope{parts[n], parts[n+1], parts[n+2]}
	var err error
	if c.time, err = time.Parse(timeFormat, date); err != nil {
		return fmt.Errorf("date %.20q is not YYYYMMDDTHHMMSSZ: %w", date, ErrMalformed)
	}
	if c.time.Format("20060102") != c.scope.day {
		return fmt.Errorf("the credential is of another day than the request: %w", ErrMalformed)
	}
	if strings.Count(signed, ";") >= maxSigned {
		return fmt.Errorf("more than %d signed headers: %w", maxSigned, ErrMalformed)
	}
	c.signed = strings.Split(signed, ";")
	sum, err := hex.DecodeString(signature)
	if err != nil || len(sum) != len(c.signature) {
		return fmt.Errorf("signature is not 64 hex digits: %w", ErrMalformed)
	}
	copy(c.signature[:], sum)
	return nil
}

// check looks that all is signed that has to be: the host, and every header of AWS, since they tell what the request means.
func (c *claim) check(r *http.Request) error {
	for i, name := range c.signed {
		if name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, ":\n ") || i > 0 && c.signed[i-1] >= name {
			return fmt.Errorf("signed headers are lower case, sorted, once each: %w", ErrMalformed)
		}
		if len(headerValues(r, name)) == 0 {
			return fmt.Errorf("signed header %.40q is not in the request: %w", name, ErrMalformed)
		}
	}
	if _, ok := slices.BinarySearch(c.signed, "host"); !ok {
		return fmt.Errorf("host is not signed: %w", ErrMalformed)
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		_, signed := slices.BinarySearch(c.signed, lower)
		switch {
		case signed || lower == "x-amz-cf-id": // which CloudFront adds to each request
		case strings.HasPrefix(lower, "x-amz-"):
			return fmt.Errorf("header %.40q is not signed: %w", lower, ErrMalformed)
		case lower == "date" && !c.presigned && r.Header.Get(headerDate) == "":
			return fmt.Errorf("header Date is the request's time and is not signed: %w", ErrMalformed)
		}
	}
	return nil
}

// single is the value of a header that comes once, or empty.
func single(h http.Header, name string) (string, error) {
	v := h.Values(name)
	switch len(v) {
	case 0:
		return "", nil
	case 1:
		return strings.TrimSpace(v[0]), nil
	}
	return "", fmt.Errorf("%s comes %d times: %w", name, len(v), ErrMalformed)
}
