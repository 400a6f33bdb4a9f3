package harness

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Get fetches a URL and returns body and header; the test fails unless the answer is 200 with the length it states.
func Get(t testing.TB, address string) ([]byte, http.Header) {
	t.Helper()
	body, header, err := TryGet(address)
	require.NoError(t, err)
	return body, header
}

// TryGet is Get with an error.
func TryGet(address string) ([]byte, http.Header, error) {
	resp, err := http.Get(address)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", address, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, resp.Header, fmt.Errorf("%s: %s: %s", address, resp.Status, strings.TrimSpace(string(body)))
	}
	if !resp.Uncompressed && resp.ContentLength != int64(len(body)) {
		return nil, resp.Header, fmt.Errorf("%s: Content-Length %d, %d bytes came", address, resp.ContentLength, len(body))
	}
	return body, resp.Header, nil
}

// Resolve is a reference found in the document at base.
func Resolve(t testing.TB, base, ref string) string {
	t.Helper()
	b, err := url.Parse(base)
	require.NoError(t, err)
	r, err := url.Parse(ref)
	require.NoError(t, err)
	return b.ResolveReference(r).String()
}
