package speke

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// Version is that of SPEKE.
type Version string

const (
	V1  Version = "1.0" // CPIX 2.0 with additions of its own: one key for all tracks
	V20 Version = "2.0" // CPIX 2.3
	V21 Version = "2.1" // CPIX 2.4
)

// PeriodTiming says what a request tells of a key period (MediaPackage, ContentKeyPeriodConfiguration).
type PeriodTiming string

const (
	IndexOnly         PeriodTiming = "INDEX_ONLY"
	StartEndOnly      PeriodTiming = "START_END_ONLY"       // SPEKE 2.1
	IndexWithStartEnd PeriodTiming = "INDEX_WITH_START_END" // SPEKE 2.1
)

const (
	defaultTimeout = 10 * time.Second
	minRSA         = 2048 // bits; SPEKE, content key encryption
)

// Client asks one key server. Only URL is required. It is safe for concurrent use; fields stay put after the first. It
// prints as its version and host: fields hold secrets.
type Client struct {
	// URL is where the server takes requests, http or https. It is the operator's and not checked against private
	// addresses: do not take it from tenants. With http, credentials and keys cross the network in clear unless Certificate
	// is set.
	URL     string
	Version Version      // empty: V20
	HTTP    *http.Client // nil: http.DefaultClient. Redirects are not followed: credentials would go with them
	Header  http.Header  // added to each request
	Auth    Auth         // nil: none

	// Certificate asks the server to encrypt the keys for it (SPEKE, content key encryption): RSA, at least 2048 bits.
	// PrivateKey belongs to it. Keys that come in clear are then refused. nil: keys are protected by TLS alone.
	Certificate *x509.Certificate
	PrivateKey  crypto.Decrypter

	Timing PeriodTiming // of key periods; empty: IndexOnly
	Smooth bool         // ask PlayReady for the header of Smooth manifests too

	// Lenient takes answers without X-Speke-Version, X-Speke-User-Agent, Content-Type, periods or usage rules, with
	// another content id in SPEKE 1, without elements that were asked for where the system is told something at least,
	// with tags for media and multivariant playlists that differ, with SCHEME in them, and with boxes, headers and tags that
	// name other keys.
	Lenient bool

	Timeout  time.Duration // for a whole call, challenge and body included; 0: 10 s
	MaxBytes int64         // of a body; 0: 1 MiB
}

// Keys implements [drm.KeyProvider]. Errors match drm.ErrNoKey, ErrRefused or ErrUnavailable, and besides them what went
// wrong: drm.ErrFormat, ErrKeyLength or ErrIncompatible, *[Error] where the server answered with an error, context errors,
// and those of crypto/tls and crypto/x509.
func (c *Client) Keys(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
	set, err := c.keys(ctx, &req)
	if err != nil {
		period := ""
		if req.Period.Rotates {
			period = fmt.Sprintf(", key period %d", req.Period.Index)
		}
		return nil, fmt.Errorf("keys of %q%s from %s: %w", req.ContentID, period, c, err)
	}
	return set, nil
}

func (c *Client) keys(ctx context.Context, req *drm.Request) (*drm.KeySet, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	q, err := c.query(req)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(c.Timeout, defaultTimeout))
	defer cancel()
	answer, err := c.exchange(ctx, q.asked.Append(nil))
	if err != nil {
		return nil, err
	}
	if c.Certificate != nil {
		if err := answer.Open(c.PrivateKey, c.Certificate); err != nil {
			return nil, fmt.Errorf("%w: %w", drm.ErrRefused, err)
		}
	}
	return q.read(answer)
}

// check says what is wrong with the settings.
func (c *Client) check() error {
	switch v := c.version(); {
	case v != V1 && v != V20 && v != V21:
		return fmt.Errorf("SPEKE version %q, there are 1.0, 2.0 and 2.1: %w", v, drm.ErrRefused)
	case c.Timing != "" && c.Timing != IndexOnly && c.Timing != StartEndOnly && c.Timing != IndexWithStartEnd:
		return fmt.Errorf("timing %q of key periods: %w", c.Timing, drm.ErrRefused)
	case c.Timing != "" && c.Timing != IndexOnly && v != V21:
		return fmt.Errorf("key periods with start and end need SPEKE 2.1: %w", drm.ErrRefused)
	case c.Certificate == nil:
		return nil
	case c.PrivateKey == nil:
		return fmt.Errorf("a certificate without a private key: %w", drm.ErrRefused)
	}
	public, ok := c.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok || public.N.BitLen() < minRSA {
		return fmt.Errorf("the certificate for content keys is not of RSA with %d bits or more: %w", minRSA, drm.ErrRefused)
	}
	own, ok := c.PrivateKey.Public().(*rsa.PublicKey)
	if !ok || !own.Equal(public) {
		return fmt.Errorf("the private key for content keys is not that of the certificate: %w", drm.ErrRefused)
	}
	if now := time.Now(); now.After(c.Certificate.NotAfter) || now.Before(c.Certificate.NotBefore) {
		return fmt.Errorf("the certificate for content keys is valid from %s to %s only: %w",
			c.Certificate.NotBefore.UTC().Format(time.DateOnly), c.Certificate.NotAfter.UTC().Format(time.DateOnly), drm.ErrRefused)
	}
	return nil
}

func (c *Client) version() Version { return orDefault(c.Version, V20) }

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// host is the part of the URL that is no secret.
func (c *Client) host() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "?"
	}
	return u.Host
}

// String is the version and the host.
func (c Client) String() string             { return "SPEKE " + string(c.version()) + " at " + c.host() }
func (c Client) GoString() string           { return c.String() }
func (c Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
func (c Client) LogValue() slog.Value       { return slog.StringValue(c.String()) }

// MarshalText keeps the secrets out of JSON too.
func (c Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
