package origin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// Every range of everything is that slice of the whole.
func TestM7Ranges(t *testing.T) {
	h := newHandler(&content{})
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, p := range crawl(t, h) {
		res := get(t, h, "GET", p)
		whole, etag := bodyOf(t, res), res.Header.Get("ETag")
		size := len(whole)
		require.Equal(t, "bytes", res.Header.Get("Accept-Ranges"))
		type row struct {
			header   string
			from, to int // half open; from < 0: 416; to 0: the whole
		}
		rows := []row{
			{"bytes=0-0", 0, 1}, {"bytes=0-", 0, size}, {"bytes=-1", size - 1, size}, {"bytes=-999999999999999999999999", 0, size},
			{fmt.Sprintf("bytes=%d-", size-1), size - 1, size}, {"bytes=1-999999999999999999999999", 1, size}, {"BYTES= 2-3", 2, 4},
			{fmt.Sprintf("bytes=%d-", size), -1, 0}, {"bytes=-0", -1, 0}, {"bytes=999999999999999999999999-", -1, 0},
			{"bytes=0-0,2-3", 0, 0}, {"bytes=3-2", 0, 0}, {"bytes=-", 0, 0}, {"bytes=a-b", 0, 0}, {"bytes", 0, 0}, {"lines=0-1", 0, 0},
			{"bytes=--1", 0, 0}, {"bytes=+1-2", 0, 0}, {"", 0, 0},
		}
		for range 20 {
			from := rnd.IntN(size)
			to := from + 1 + rnd.IntN(size-from)
			rows = append(rows, row{fmt.Sprintf("bytes=%d-%d", from, to-1), from, to})
		}
		for _, r := range rows {
			res := get(t, h, "GET", p, "Range", r.header)
			body := bodyOf(t, res)
			switch {
			case r.from < 0:
				require.Equal(t, 416, res.StatusCode, "%s %s", p, r.header)
				require.Equal(t, fmt.Sprintf("bytes */%d", size), res.Header.Get("Content-Range"))
			case r.to == 0:
				require.Equal(t, 200, res.StatusCode, "%s %s", p, r.header)
				require.True(t, whole == body, "%s %s", p, r.header)
			default:
				require.Equal(t, 206, res.StatusCode, "%s %s", p, r.header)
				require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", r.from, r.to-1, size), res.Header.Get("Content-Range"))
				require.Equal(t, fmt.Sprint(r.to-r.from), res.Header.Get("Content-Length"))
				require.True(t, whole[r.from:r.to] == body, "%s %s", p, r.header)
			}
		}
		require.Equal(t, 206, get(t, h, "GET", p, "Range", "bytes=0-0", "If-Range", etag).StatusCode)
		for _, other := range []string{`"other"`, "W/" + etag, "Fri, 01 Jan 2100 00:00:00 GMT"} {
			require.Equal(t, 200, get(t, h, "GET", p, "Range", "bytes=0-0", "If-Range", other).StatusCode, other)
		}
	}
}
