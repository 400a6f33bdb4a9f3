package sigv4_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/sigv4"
)

// example is a request with the signature that AWS publishes for it.
type example struct {
	name    string
	request string // method and URL
	header  string // lines
	body    string
	clean   bool
	want    string
}

// signedIn makes the request of an example.
func (e *example) signedIn(t *testing.T) *http.Request {
	method, target, _ := strings.Cut(e.request, " ")
	r, err := http.NewRequest(method, target, strings.NewReader(e.body))
	require.NoError(t, err)
	if e.body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	for line := range strings.Lines(e.header) {
		k, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		r.Header.Add(k, v)
	}
	return r
}

func clock(s string) func() time.Time {
	t, err := time.Parse("20060102T150405Z", s)
	return func() time.Time {
		if err != nil {
			panic(err)
		}
		return t
	}
}

func suite() []example {
	return []example{
		{name: "get-vanilla", request: "GET https://example.amazonaws.com/", want: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{name: "get-relative", request: "GET https://example.amazonaws.com/example/..", clean: true, want: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{name: "get-slashes", request: "GET https://example.amazonaws.com//example//", clean: true, want: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{name: "get-vanilla-query-order-key-case", request: "GET https://example.amazonaws.com/?Param2=value2&Param1=value1", want: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{name: "get-unreserved", request: "GET https://example.amazonaws.com/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", want: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{name: "post-vanilla", request: "POST https://example.amazonaws.com/", want: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{name: "get-header-value-trim", request: "GET https://example.amazonaws.com/", header: "My-Header1: value1\nMy-Header2: \"a   b   c\"", want: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	}
}

// The SigV4 test suite: AKIDEXAMPLE, us-east-1, service.
func TestSuite(t *testing.T) {
	creds := sigv4.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "")
	for _, e := range suite() {
		t.Run(e.name, func(t *testing.T) {
			service := sigv4.Service{Name: "service", Region: "us-east-1", Clean: e.clean}
			s := sigv4.Signer{Credentials: creds, Service: service, Now: clock("20150830T123600Z")}
			r := e.signedIn(t)
			require.NoError(t, s.Sign(r, ""))
			require.Contains(t, r.Header.Get("Authorization"), "Signature="+e.want)

			v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: service, Now: s.Now}
			who, err := v.Verify(r)
			require.NoError(t, err)
			require.Equal(t, "AKIDEXAMPLE", who.AccessKeyID)
		})
	}
}

// The example of the IAM user guide.
func TestListUsers(t *testing.T) {
	r := httptest.NewRequest("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	s := sigv4.Signer{
		Credentials: sigv4.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
		Service:     sigv4.Service{Name: "iam", Region: "us-east-1"}, Now: clock("20150830T123600Z"),
	}
	require.NoError(t, s.Sign(r, ""))
	require.Equal(t, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "+
		"SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
		r.Header.Get("Authorization"))
}

// The examples of the S3 API reference; one of them leaves Content-Length unsigned, so that it is verified only.
func TestS3(t *testing.T) {
	creds := sigv4.NewCredentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")
	service := sigv4.Service{Name: "s3", Region: "us-east-1", S3: true}
	s := sigv4.Signer{Credentials: creds, Service: service, Now: clock("20130524T000000Z")}
	v := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: service, Now: s.Now}
	const host = "https://examplebucket.s3.amazonaws.com"
	for _, e := range []example{
		{name: "range", request: "GET " + host + "/test.txt", header: "Range:bytes=0-9", want: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{name: "lifecycle", request: "GET " + host + "/?lifecycle", want: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{name: "list", request: "GET " + host + "/?max-keys=2&prefix=J", want: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		r := e.signedIn(t)
		require.NoError(t, s.Sign(r, ""), e.name)
		require.Contains(t, r.Header.Get("Authorization"), "Signature="+e.want, e.name)
		_, err := v.Verify(r)
		require.NoError(t, err, e.name)
	}

	put := example{request: "PUT " + host + "/test$file.text", body: "Welcome to Amazon S3.", header: "Date:Fri, 24 May 2013 00:00:00 GMT\n" +
		"X-Amz-Date:20130524T000000Z\nX-Amz-Storage-Class:REDUCED_REDUNDANCY\nX-Amz-Content-Sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}
	r := put.signedIn(t)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"+
		"Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
	_, err := v.Verify(r)
	require.NoError(t, err)

	r = httptest.NewRequest("GET", host+"/test.txt", nil)
	require.NoError(t, s.Presign(r, "", 24*time.Hour))
	require.Equal(t, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", r.URL.Query().Get("X-Amz-Signature"))
	_, err = v.Verify(r)
	require.NoError(t, err)
}
