package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/sigv4"
)

const secret = "a secret that must not print"

var errStore = errors.New("store is down")

type lookup func(context.Context, string) ([]sigv4.Credentials, error)

func (f lookup) Credentials(ctx context.Context, id string) ([]sigv4.Credentials, error) {
	return f(ctx, id)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// A signed request on its way is changed, or comes at the wrong time or place.
func TestVerify(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "")
	service := sigv4.Service{Name: "mediapackagev2", Region: "eu-west-1"}
	start := clock("20260101T000000Z")
	drop := func(name string) func(*http.Request, *sigv4.Verifier) {
		return func(r *http.Request, _ *sigv4.Verifier) { r.Header.Del(name) }
	}
	set := func(name, value string) func(*http.Request, *sigv4.Verifier) {
		return func(r *http.Request, _ *sigv4.Verifier) { r.Header.Set(name, value) }
	}
	auth := func(old, new string) func(*http.Request, *sigv4.Verifier) {
		return func(r *http.Request, _ *sigv4.Verifier) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	at := func(d time.Duration) func(*http.Request, *sigv4.Verifier) {
		return func(_ *http.Request, v *sigv4.Verifier) { v.Now = func() time.Time { return start().Add(d) } }
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request, *sigv4.Verifier)
		want   error
	}{
		{"as it came", func(*http.Request, *sigv4.Verifier) {}, nil},
		{"any region", func(_ *http.Request, v *sigv4.Verifier) { v.Service.Region = "" }, nil},
		{"user agent of a proxy", set("User-Agent", "Amazon CloudFront"), nil},
		{"id of CloudFront", set("X-Amz-Cf-Id", "abc"), nil},
		{"header of no one's concern", set("Via", "1.1 proxy"), nil},
		{"clock late", at(5 * time.Minute), nil},
		{"clock early", at(-5 * time.Minute), nil},
		{"brackets escaped on the way", func(r *http.Request, _ *sigv4.Verifier) { r.URL.RawPath = "/in/Streams%28v%29" }, sigv4.ErrSignature},
		{"unsigned", drop("Authorization"), sigv4.ErrMissing},
		{"basic", set("Authorization", "Basic YTpi"), sigv4.ErrMissing},
		{"SigV4A", auth("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), sigv4.ErrUnsupported},
		{"no comma", auth(", Signed", " Signed"), sigv4.ErrMalformed},
		{"short signature", auth("Signature=", "Signature=00, X="), sigv4.ErrMalformed},
		{"no terminator", auth("aws4_request", "aws4"), sigv4.ErrMalformed},
		{"no key id", auth("Credential=AKID", "Credential="), sigv4.ErrMalformed},
		{"other day", auth("/20260101/", "/20260102/"), sigv4.ErrMalformed},
		{"host unsigned", auth("host;", ""), sigv4.ErrMalformed},
		{"date unsigned", auth(";x-amz-date", ""), sigv4.ErrMalformed},
		{"hash unsigned", auth("x-amz-content-sha256;", ""), sigv4.ErrMalformed},
		{"out of order", auth("host;x-amz-content-sha256", "x-amz-content-sha256;host"), sigv4.ErrMalformed},
		{"header that isn't there", auth("host;", "host;range;"), sigv4.ErrMalformed},
		{"AWS header slipped in", set("X-Amz-Acl", "public"), sigv4.ErrMalformed},
		{"no date", drop("X-Amz-Date"), sigv4.ErrMalformed},
		{"two dates", func(r *http.Request, _ *sigv4.Verifier) { r.Header.Add("X-Amz-Date", "20260101T000000Z") }, sigv4.ErrMalformed},
		{"no hash but a word", set("X-Amz-Content-Sha256", "unsigned"), sigv4.ErrMalformed},
		{"chunks", set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), sigv4.ErrUnsupported},
		{"bad escape", func(r *http.Request, _ *sigv4.Verifier) { r.URL.RawQuery = "a=%zz" }, sigv4.ErrMalformed},
		{"signed twice", func(r *http.Request, _ *sigv4.Verifier) { r.URL.RawQuery += "&X-Amz-Signature=00" }, sigv4.ErrMalformed},
		{"method", func(r *http.Request, _ *sigv4.Verifier) { r.Method = "POST" }, sigv4.ErrSignature},
		{"path", func(r *http.Request, _ *sigv4.Verifier) { r.URL.Path += "x" }, sigv4.ErrSignature},
		{"dot segments", func(r *http.Request, _ *sigv4.Verifier) { r.URL.Path = "/x/.." + r.URL.Path }, sigv4.ErrSignature},
		{"query", func(r *http.Request, _ *sigv4.Verifier) { r.URL.RawQuery += "&b=2" }, sigv4.ErrSignature},
		{"query behind a semicolon", func(r *http.Request, _ *sigv4.Verifier) { r.URL.RawQuery += ";b=2" }, sigv4.ErrSignature},
		{"host", func(r *http.Request, _ *sigv4.Verifier) { r.Host = "other" }, sigv4.ErrSignature},
		{"signed header", set("Content-Type", "video/mp4"), sigv4.ErrSignature},
		{"hash", set("X-Amz-Content-Sha256", hash("other")), sigv4.ErrSignature},
		{"one bit of the signature", func(r *http.Request, _ *sigv4.Verifier) {
			a := []byte(r.Header.Get("Authorization"))
			a[len(a)-1] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", a[len(a)-1])+1)%16]
			r.Header.Set("Authorization", string(a))
		}, sigv4.ErrSignature},
		{"region", func(_ *http.Request, v *sigv4.Verifier) { v.Service.Region = "us-east-1" }, sigv4.ErrScope},
		{"service", func(_ *http.Request, v *sigv4.Verifier) { v.Service.Name = "s3" }, sigv4.ErrScope},
		{"late", at(5*time.Minute + time.Second), sigv4.ErrSkew},
		{"early", at(-5*time.Minute - time.Second), sigv4.ErrSkew},
		{"own skew", func(_ *http.Request, v *sigv4.Verifier) {
			v.Skew, v.Now = time.Second, func() time.Time { return start().Add(2 * time.Second) }
		}, sigv4.ErrSkew},
		{"unknown key", func(_ *http.Request, v *sigv4.Verifier) { v.Keys = sigv4.Keys{} }, sigv4.ErrUnknownKey},
		{"no keys at all", func(_ *http.Request, v *sigv4.Verifier) { v.Keys = nil }, sigv4.ErrUnknownKey},
		{"other secret", func(_ *http.Request, v *sigv4.Verifier) { v.Keys = sigv4.Keys{sigv4.NewCredentials("AKID", "x", "")} }, sigv4.ErrSignature},
		{"one of two secrets", func(_ *http.Request, v *sigv4.Verifier) {
			v.Keys = sigv4.Keys{sigv4.NewCredentials("AKID", "x", ""), creds}
		}, nil},
		{"token expected", func(_ *http.Request, v *sigv4.Verifier) {
			v.Keys = sigv4.Keys{sigv4.NewCredentials("AKID", secret, "token")}
		}, sigv4.ErrToken},
		{"store down", func(_ *http.Request, v *sigv4.Verifier) {
			v.Keys = lookup(func(context.Context, string) ([]sigv4.Credentials, error) { return nil, errStore })
		}, errStore},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("PUT", "http://origin.example/in/Streams(v)?z=1&a=b+c", strings.NewReader("body"))
			r.Header.Set("Content-Type", "application/mp4")
			r.Header.Set("X-Amz-Content-Sha256", hash("body"))
			s := sigv4.Signer{Credentials: creds, Service: service, Now: start}
			require.NoError(t, s.Sign(r, hash("body")))
			v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: service, Now: start}
			c.change(r, &v)
			who, err := v.Verify(r)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.Nil(t, who)
				require.NotContains(t, err.Error(), secret)
				return
			}
			require.NoError(t, err)
			require.Equal(t, &sigv4.Caller{AccessKeyID: "AKID", Region: "eu-west-1", Time: start(), Payload: hash("body")}, who)
			got, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.Equal(t, "body", string(got))
		})
	}
}

func TestPresigned(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "a/token+with=signs")
	start := clock("20260101T000000Z")
	for _, service := range []sigv4.Service{{Name: "s3", Region: "r", S3: true}, {Name: "execute-api", Region: "r"}} {
		s := sigv4.Signer{Credentials: creds, Service: service, Now: start}
		v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: service}
		for _, c := range []struct {
			after  time.Duration
			change func(query string) string
			want   error
		}{
			{0, nil, nil},
			{time.Hour, nil, nil},
			{-time.Minute, nil, nil},
			{time.Hour + time.Second, nil, sigv4.ErrExpired},
			{-6 * time.Minute, nil, sigv4.ErrSkew},
			{0, func(q string) string { return strings.Replace(q, "Expires=3600", "Expires=7200", 1) }, sigv4.ErrSignature},
			{0, func(q string) string { return strings.Replace(q, "Expires=3600", "Expires=604801", 1) }, sigv4.ErrMalformed},
			{0, func(q string) string { return strings.Replace(q, "Expires=3600", "Expires=-1", 1) }, sigv4.ErrMalformed},
			{0, func(q string) string { return q + "&X-Amz-Date=20260101T000000Z" }, sigv4.ErrMalformed},
			{0, func(q string) string { return q + "&more=1" }, sigv4.ErrSignature},
			{0, func(q string) string { return strings.Replace(q, "token", "broken", 1) }, sigv4.ErrSignature},
			{0, func(q string) string { return strings.Replace(q, "SHA256", "SHA1", 1) }, sigv4.ErrUnsupported},
		} {
			r := httptest.NewRequest("GET", "http://origin.example/a%20b/c?x=%2F&X-Amz-Signature=old", nil)
			require.NoError(t, s.Presign(r, "", time.Hour))
			require.NoError(t, s.Presign(r, "", time.Hour), "again")
			if c.change != nil {
				r.URL.RawQuery = c.change(r.URL.RawQuery)
			}
			v.Now = func() time.Time { return start().Add(c.after) }
			who, err := v.Verify(r)
			require.ErrorIs(t, err, c.want)
			if c.want == nil {
				require.Equal(t, start().Add(time.Hour), who.Expires)
			}
		}
		require.ErrorIs(t, s.Presign(httptest.NewRequest("GET", "/", nil), "", 8*24*time.Hour), sigv4.ErrMalformed)
	}
}

// What is read and what was signed: by the hash in a header, or computed.
func TestBody(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "")
	for _, c := range []struct {
		name    string
		payload string
		sent    string
		length  int64 // of the request; -1: chunked
		verify  error
		read    error
	}{
		{"declared", hash("body"), "body", 4, nil, nil},
		{"declared, chunked", hash("body"), "body", -1, nil, nil},
		{"declared, other", hash("body"), "BODY", 4, nil, sigv4.ErrPayload},
		{"declared, chunked, other", hash("body"), "bod", -1, nil, sigv4.ErrPayload},
		{"declared, empty", hash("body"), "", -1, nil, sigv4.ErrPayload},
		{"unsigned", sigv4.UnsignedPayload, "anything", 8, nil, nil},
		{"computed", "", "body", 4, nil, nil},
		{"computed, other", "", "BODY", 4, sigv4.ErrSignature, nil},
		{"computed, huge", "", strings.Repeat("x", 65), -1, sigv4.ErrTooLarge, nil},
		{"computed, claims to be huge", "", "body", 1 << 40, sigv4.ErrTooLarge, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "svc", Region: "r"}}
			r := httptest.NewRequest("PUT", "http://h/", nil)
			r.ContentLength = 0 // so that it is not signed
			if c.payload != "" {
				r.Header.Set("X-Amz-Content-Sha256", c.payload)
				require.NoError(t, s.Sign(r, c.payload))
			} else {
				require.NoError(t, s.Sign(r, hash("body")))
			}
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(c.sent)), c.length
			v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: s.Service, MaxBody: 64}
			_, err := v.Verify(r)
			require.ErrorIs(t, err, c.verify)
			if c.verify != nil {
				return
			}
			got, err := io.ReadAll(r.Body)
			require.ErrorIs(t, err, c.read)
			if c.read == nil {
				require.Equal(t, c.sent, string(got))
				return
			}
			_, err = r.Body.Read(make([]byte, 1))
			require.ErrorIs(t, err, c.read, "again")
		})
	}
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: sigv4.Service{Name: "svc"}, Signed: true}
	s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "svc", Region: "r"}}
	r := httptest.NewRequest("PUT", "http://h/", strings.NewReader("x"))
	require.NoError(t, s.Sign(r, sigv4.UnsignedPayload))
	_, err := v.Verify(r)
	require.ErrorIs(t, err, sigv4.ErrUnsupported)
}

// A reader that takes just the announced length sees the wrong hash too.
func TestBodyExact(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "")
	s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "svc", Region: "r"}}
	r := httptest.NewRequest("PUT", "http://h/", strings.NewReader("BODY"))
	r.Header.Set("X-Amz-Content-Sha256", hash("body"))
	require.NoError(t, s.Sign(r, hash("body")))
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: s.Service}
	_, err := v.Verify(r)
	require.NoError(t, err)
	_, err = io.ReadFull(r.Body, make([]byte, 4))
	require.ErrorIs(t, err, sigv4.ErrPayload)
}

func TestOverHTTP(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "token")
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: sigv4.Service{Name: "svc"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := v.Verify(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "svc", Region: "r"}}
	for _, path := range []string{"", "/", "/a%2Fb/ü?q=ä+b&q=", "//x/./y", "/QualityLevels(1)/Fragments(video=0)", "/%7Ea/!$&'()*+,;=:@"} {
		for _, body := range []string{"", "text"} {
			r, err := http.NewRequest("POST", server.URL+path, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Add("X-Two", " a   b ")
			r.Header.Add("X-Two", "c")
			require.NoError(t, s.Sign(r, ""))
			resp, err := server.Client().Do(r)
			require.NoError(t, err)
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, 200, resp.StatusCode, "%s: %s", path, got)
			require.Equal(t, body, string(got))
		}
	}
}

func TestSignRefuses(t *testing.T) {
	full := sigv4.Signer{Credentials: sigv4.NewCredentials("AKID", secret, ""), Service: sigv4.Service{Name: "svc", Region: "r"}}
	r := httptest.NewRequest("POST", "http://h/", nil)
	require.ErrorIs(t, new(sigv4.Signer).Sign(r, ""), sigv4.ErrMalformed)
	require.ErrorIs(t, (&sigv4.Signer{Credentials: full.Credentials}).Sign(r, ""), sigv4.ErrMalformed)
	r.Body = io.NopCloser(strings.NewReader("once"))
	require.ErrorIs(t, full.Sign(r, ""), sigv4.ErrMalformed)
	r.GetBody = func() (io.ReadCloser, error) { return nil, errStore }
	require.ErrorIs(t, full.Sign(r, ""), errStore)
	r.URL.RawQuery = "%"
	require.ErrorIs(t, full.Sign(r, hash("")), sigv4.ErrMalformed)
}

func TestSecretsDoNotPrint(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "the token")
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "creds", creds, "signer", sigv4.Signer{Credentials: creds})
	text := log.String()
	for _, v := range []any{creds, &creds, sigv4.Signer{Credentials: creds}, sigv4.Verifier{Keys: sigv4.Keys{creds}}, struct{ c sigv4.Credentials }{creds}} {
		text += fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v)
	}
	for _, s := range []string{secret, "the token"} {
		require.NotContains(t, text, s)
		require.NotContains(t, text, hex.EncodeToString([]byte(s)))
		require.NotContains(t, text, base64.StdEncoding.EncodeToString([]byte(s)))
	}
}

// What CloudFront sends with origin access control: its id and the hash of no body signed, ranges and the like not.
func TestOriginAccessControl(t *testing.T) {
	creds := sigv4.NewCredentials("AKID", secret, "session")
	s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "mediapackagev2", Region: "eu-west-1"}}
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: sigv4.Service{Name: "mediapackagev2"}}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := httptest.NewRequest(method, "http://origin/out/v1/g/c/e/index.m3u8?aws.manifestfilter=video_height:1-720&start=2026-01-01T00%3A00%3A00Z", nil)
		r.Header.Set("X-Amz-Cf-Id", "signed here")
		require.NoError(t, s.Sign(r, sigv4.UnsignedPayload))
		require.Contains(t, r.Header.Get("Authorization"), "SignedHeaders=host;x-amz-cf-id;x-amz-content-sha256;x-amz-date;x-amz-security-token")
		r.Header.Set("Range", "bytes=0-99")
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Via", "1.1 cloudfront")
		_, err := v.Verify(r)
		require.NoError(t, err)
		r.Header.Set("X-Amz-Cf-Id", "changed")
		_, err = v.Verify(r)
		require.ErrorIs(t, err, sigv4.ErrSignature)
	}
}

func BenchmarkVerify(b *testing.B) {
	creds := sigv4.NewCredentials("AKID", secret, "")
	s := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Name: "svc", Region: "r"}}
	r := httptest.NewRequest("GET", "http://h/out/v1/group/name/endpoint/index.m3u8", nil)
	require.NoError(b, s.Sign(r, sigv4.UnsignedPayload))
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: s.Service}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r); err != nil {
			b.Fatal(err)
		}
	}
}
