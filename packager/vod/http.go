package vod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
)

// HTTP says how to read a resource of a server that answers range requests.
type HTTP struct {
	URL    string
	Client *http.Client // nil: http.DefaultClient
	Header http.Header  // sent with each request
	// Block is the unit in which bytes are fetched and kept; 0: 512 KiB, never less than 256 KiB.
	Block int64
	// Cache bounds the blocks kept, bytes; 0: 32 MiB.
	Cache int64
	// Retries is how often a request is repeated after a 5xx, 429 or a dropped connection; 0: 3, negative: never.
	Retries int
}

const (
	wholeLimit   = 16 << 20 // the largest resource that is taken whole from a server that ignores Range
	fetchLimit   = 8 << 20  // most in one request
	fetchTimeout = 2 * time.Minute
)

// Open asks for the first block, and so learns size and version. Errors match media.ErrNotFound, or media.ErrUnsupported
// where the server cannot answer ranges.
func (h HTTP) Open(ctx context.Context) (*HTTPObject, error) {
	if h.Client == nil {
		h.Client = http.DefaultClient
	}
	if h.Block == 0 {
		h.Block = 512 << 10
	}
	h.Block = max(h.Block, 256<<10)
	if h.Cache == 0 {
		h.Cache = 32 << 20
	}
	if h.Retries == 0 {
		h.Retries = 3
	}
	o := &HTTPObject{h: h, size: -1}
	o.blocks.limit = h.Cache
	data, err := o.fetch(ctx, 0, h.Block)
	if err != nil {
		return nil, err
	}
	for off := int64(0); off < int64(len(data)); off += h.Block {
		o.blocks.put(off/h.Block, data[off:min(off+h.Block, int64(len(data)))])
	}
	return o, nil
}

// fetch reads up to n bytes from off, and repeats what may go better the next time.
func (o *HTTPObject) fetch(ctx context.Context, off, n int64) ([]byte, error) {
	wait := 100 * time.Millisecond
	for try := 0; ; try++ {
		data, err := o.get(ctx, off, n)
		var again *retryError
		if err == nil || !errors.As(err, &again) || try >= o.h.Retries || ctx.Err() != nil {
			return data, err
		}
		timer := time.NewTimer(max(wait, again.after))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		wait *= 2
	}
}

// retryError is trouble that may pass.
type retryError struct {
	err   error
	after time.Duration
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// get is one request.
func (o *HTTPObject) get(ctx context.Context, off, n int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.h.URL, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range o.h.Header {
		req.Header[k] = v
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	req.Header.Set("Accept-Encoding", "identity") // ranges are of the bytes themselves
	if strings.HasPrefix(o.etag, `"`) {
		req.Header.Set("If-Match", o.etag)
	}
	o.requests.Add(1)
	resp, err := o.h.Client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // it quotes the URL
			err = u.Err
		}
		return nil, &retryError{err: fmt.Errorf("%s: %w", o.name(), err)}
	}
	defer resp.Body.Close()
	if err := o.status(resp); err != nil {
		return nil, err
	}
	start, size, err := extent(resp)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name(), err)
	}
	if err := o.same(resp, size); err != nil {
		return nil, err
	}
	if size > wholeLimit && resp.StatusCode == http.StatusOK {
		return nil, fmt.Errorf("%s: the server ignores Range and the resource has %d bytes; serve it from one that does not: %w",
			o.name(), size, media.ErrUnsupported)
	}
	if start > off {
		return nil, fmt.Errorf("%s: asked for byte %d, got byte %d: %w", o.name(), off, start, media.ErrFormat)
	}
	if resp.StatusCode == http.StatusOK {
		return o.hold(resp.Body, off, n)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, off-start); err != nil {
		return nil, &retryError{err: fmt.Errorf("%s: %w", o.name(), err)}
	}
	data := make([]byte, min(n, size-off))
	if _, err := io.ReadFull(resp.Body, data); err != nil {
		return nil, &retryError{err: fmt.Errorf("%s: connection lost: %w", o.name(), err)}
	}
	return data, nil
}

// hold keeps the whole of a resource whose server ignores Range, so that it is not sent again for each part.
func (o *HTTPObject) hold(body io.Reader, off, n int64) ([]byte, error) {
	whole, err := io.ReadAll(io.LimitReader(body, o.size))
	if err == nil && int64(len(whole)) < o.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, &retryError{err: fmt.Errorf("%s: connection lost: %w", o.name(), err)}
	}
	o.whole.Store(&whole)
	return whole[off:min(off+n, o.size)], nil
}

// name is the URL without what may be secret in it.
func (o *HTTPObject) name() string {
	u, _, _ := strings.Cut(o.h.URL, "?")
	if i := strings.Index(u, "@"); i >= 0 && strings.Contains(u[:i], "://") {
		u = u[:strings.Index(u, "://")+3] + u[i+1:]
	}
	return u
}

// status turns an answer without bytes into an error.
func (o *HTTPObject) status(resp *http.Response) error {
	err := fmt.Errorf("%s: status %d", o.name(), resp.StatusCode)
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent, code == http.StatusOK:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%w: %w", err, media.ErrNotFound)
	case code == http.StatusPreconditionFailed, code == http.StatusRequestedRangeNotSatisfiable && o.size >= 0:
		return fmt.Errorf("%w: %w", err, media.ErrChanged)
	case code >= 500 && code != http.StatusNotImplemented, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		s, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &retryError{err: err, after: min(time.Duration(max(0, s))*time.Second, 5*time.Second)}
	case code == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: the resource is empty or not to be had in ranges: %w", err, media.ErrFormat)
	}
	return err
}

// extent is where the body starts in the resource, and the resource's size.
func extent(resp *http.Response) (start, size int64, err error) {
	if resp.StatusCode == http.StatusOK {
		if resp.ContentLength < 0 {
			return 0, 0, fmt.Errorf("the server ignores Range and says no size: %w", media.ErrUnsupported)
		}
		return 0, resp.ContentLength, nil
	}
	var end int64
	field := resp.Header.Get("Content-Range")
	if _, err := fmt.Sscanf(field, "bytes %d-%d/%d", &start, &end, &size); err != nil || start < 0 || end < start || size <= end {
		return 0, 0, fmt.Errorf("Content-Range %q (RFC 9110, 14.4): %w", field, media.ErrFormat)
	}
	return start, size, nil
}

// same checks that an answer is of the resource that was opened; the first sets what that is.
func (o *HTTPObject) same(resp *http.Response, size int64) error {
	etag, modified := resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
	if o.size < 0 {
		o.size, o.etag, o.modified = size, etag, modified
		o.version = strconv.FormatInt(size, 36) + "-" + firstOf(etag, modified)
		if etag == "" && modified == "" {
			return fmt.Errorf("%s: the server says neither ETag nor Last-Modified, so that a replaced resource could not be noticed: %w",
				o.name(), media.ErrUnsupported)
		}
		return nil
	}
	if size != o.size || o.etag != "" && etag != o.etag || o.etag == "" && modified != o.modified {
		return fmt.Errorf("%s: %w", o.name(), media.ErrChanged)
	}
	return nil
}
