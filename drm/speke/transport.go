package speke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

const (
	headerVersion   = "X-Speke-Version"
	headerUserAgent = "X-Speke-User-Agent"
	maxErrorBody    = 4 << 10
)

// exchange sends a document and reads the answer.
func (c *Client) exchange(ctx context.Context, body []byte) (*cpix.Document, error) {
	answer, err := c.send(ctx, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, errorOf(answer)
	}
	if err := c.checkHeader(answer.Header); err != nil {
		return nil, err
	}
	limit := orDefault(c.MaxBytes, cpix.DefaultLimit)
	if answer.ContentLength > limit {
		return nil, fmt.Errorf("%w: the answer has %d bytes, more than %d: %w", drm.ErrRefused, answer.ContentLength, limit, drm.ErrFormat)
	}
	d, err := cpix.Read(answer.Body, limit)
	switch {
	case errors.Is(err, drm.ErrFormat), errors.Is(err, drm.ErrKeyLength):
		return nil, fmt.Errorf("%w: %w", drm.ErrRefused, err)
	case err != nil:
		return nil, fmt.Errorf("reading the answer: %w", unavailable(ctx, err))
	}
	return d, nil
}

func (c *Client) send(ctx context.Context, body []byte) (*http.Response, error) {
	client := http.Client{}
	if c.HTTP != nil {
		client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if d, ok := c.Auth.(*digestAuth); ok {
		ctx, client.Transport = d.over(ctx, client.Transport)
	}
	req, err := c.newRequest(ctx, body)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return answer, nil
}

func (c *Client) newRequest(ctx context.Context, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil || req.URL.Host == "" || req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		return nil, refused("the URL of the key server is no absolute URL of http or https") // it may hold secrets
	}
	for name, values := range c.Header {
		req.Header[http.CanonicalHeaderKey(name)] = append([]string(nil), values...)
	}
	req.Header.Set("Content-Type", "application/xml")
	if v := c.version(); v != V1 {
		req.Header.Set(headerVersion, string(v))
	}
	if c.Auth != nil {
		err := c.Auth.Authorize(req, body)
		if errors.Is(err, drm.ErrRefused) {
			return nil, fmt.Errorf("authorizing the request: %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: authorizing the request: %w", drm.ErrUnavailable, err)
		}
	}
	return req, nil
}

// unavailable wraps what went wrong on the way. The URL, which may hold secrets, is left out.
func unavailable(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return fmt.Errorf("%w: %w", drm.ErrUnavailable, err)
}

func errorOf(answer *http.Response) error {
	e := &Error{Status: answer.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxErrorBody)) // what there is of it
	e.Message = message(string(body))
	e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"))
	if e.RetryAfter > 0 && e.Is(drm.ErrUnavailable) {
		return &drm.UnavailableError{RetryAfter: e.RetryAfter, Err: e}
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3); 0: neither.
func retryAfter(text string) time.Duration {
	if s, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// checkHeader holds the answer's headers against the rules (SPEKE 2.0, live workflow, response headers).
func (c *Client) checkHeader(h http.Header) error {
	if c.Lenient {
		return nil
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/xml" && kind != "text/xml" {
		return refused("the answer's Content-Type is not application/xml")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refused("the answer is not in UTF-8")
	}
	if c.version() == V1 {
		return nil
	}
	if h.Get(headerVersion) != string(c.version()) {
		return refused("the answer's %s is not %s", headerVersion, c.version())
	}
	if h.Get(headerUserAgent) == "" {
		return refused("the answer has no %s", headerUserAgent)
	}
	return nil
}
