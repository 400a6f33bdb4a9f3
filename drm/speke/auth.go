package speke

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/digest"
	"github.com/mezzomedia/mezzo/internal/sigv4"
)

// Auth makes requests known to the server. It is safe for concurrent use, and must not print its secrets.
type Auth interface {
	// Authorize adds to the headers of req, which is complete but for them; body is what it will send. Errors that do not
	// match drm.ErrRefused are taken for passing ones: drm.Cache asks again.
	Authorize(req *http.Request, body []byte) error
}

// hidden is an Auth made of a function, and thus shows nothing.
type hidden struct {
	name      string
	authorize func(req *http.Request, body []byte) error
}

func (h hidden) Authorize(req *http.Request, body []byte) error { return h.authorize(req, body) }
func (h hidden) String() string                                 { return h.name }
func (h hidden) GoString() string                               { return h.name }
func (h hidden) Format(f fmt.State, _ rune)                     { _, _ = io.WriteString(f, h.name) }

// Basic is HTTP basic authentication (RFC 7617): over TLS only.
func Basic(user, password string) Auth {
	return hidden{"basic authentication", func(req *http.Request, _ []byte) error {
		req.SetBasicAuth(user, password)
		return nil
	}}
}

// Header sends a secret in a header, as API gateways ask for it: X-Api-Key, or Authorization with a bearer token.
func Header(name, value string) Auth {
	return hidden{"authentication by header " + http.CanonicalHeaderKey(name), func(req *http.Request, _ []byte) error {
		req.Header.Set(name, value)
		return nil
	}}
}

// Credentials are those of AWS. They print as the access key id.
type Credentials struct{ c sigv4.Credentials }

// NewCredentials makes Credentials of an access key; token is empty but for temporary ones.
func NewCredentials(accessKeyID, secretAccessKey, token string) Credentials {
	return Credentials{sigv4.NewCredentials(accessKeyID, secretAccessKey, token)}
}

func (c Credentials) String() string             { return c.c.String() }
func (c Credentials) GoString() string           { return c.c.String() }
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.c.String()) }

// SigV4 signs requests for an API gateway of AWS in a region: AWS Signature Version 4, service execute-api. credentials is
// asked for each request: those of an assumed role expire.
func SigV4(region string, credentials func(context.Context) (Credentials, error)) Auth {
	return hidden{"AWS Signature Version 4", func(req *http.Request, _ []byte) error {
		c, err := credentials(req.Context())
		if err != nil {
			return err
		}
		signer := sigv4.Signer{Credentials: c.c, Service: sigv4.Service{Region: region, Name: "execute-api"}}
		if err := signer.Sign(req, ""); err != nil {
			return fmt.Errorf("%w: %w", drm.ErrRefused, err) // settings, not the network
		}
		return nil
	}}
}

// Static gives the same Credentials whenever it is asked.
func Static(c Credentials) func(context.Context) (Credentials, error) {
	return func(context.Context) (Credentials, error) { return c, nil }
}

// Digest is HTTP digest authentication (RFC 7616). The first request is made twice: the server has to be heard first.
func Digest(user, password string) Auth {
	none := func(*http.Request, []byte) error { return nil }
	return &digestAuth{hidden{"digest authentication", none},
		digest.Transport{User: user, Password: digest.NewPassword(password), Base: baseOf{}}}
}

type digestAuth struct {
	hidden
	transport digest.Transport
}

// baseKey is the context's key for the transport of a client.
type baseKey struct{}

// over is a transport that answers challenges and sends by base.
func (d *digestAuth) over(ctx context.Context, base http.RoundTripper) (context.Context, http.RoundTripper) {
	if base == nil {
		base = http.DefaultTransport
	}
	return context.WithValue(ctx, baseKey{}, base), &d.transport
}

// baseOf sends by the transport in the request's context: an Auth may serve several clients.
type baseOf struct{}

func (baseOf) RoundTrip(req *http.Request) (*http.Response, error) {
	return req.Context().Value(baseKey{}).(http.RoundTripper).RoundTrip(req)
}
