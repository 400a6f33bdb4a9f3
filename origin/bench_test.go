package origin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// discard is a ResponseWriter that counts.
type discard struct {
	header http.Header
	n      int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return len(p), nil
}

// BenchmarkServe is a warm request of each kind: in process, where only our own cost is seen, and over loopback, client
// and all.
func BenchmarkServe(b *testing.B) {
	h := serveDir(film(b))
	for _, c := range []struct{ name, file string }{
		{"multivariant", "cmaf/index.m3u8"},
		{"playlist", "cmaf/index.v1.m3u8"},
		{"mpd", "cmaf/index.mpd"},
		{"init", "cmaf/v/v1/p1.init.mp4"},
		{"segment-cmaf", "cmaf/v/v1/1.m4s"},
		{"segment-ts", "ts/v/v1/1.ts"},
		{"not-found", "cmaf/none/v1/1.m4s"},
	} {
		path := resolve(b, h, c.file)
		b.Run(c.name+"/process", func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				h.ServeHTTP(w, r)
				b.SetBytes(w.n)
			}
		})
		b.Run(c.name+"/loopback", func(b *testing.B) {
			srv := httptest.NewServer(h)
			defer srv.Close()
			b.ReportAllocs()
			for b.Loop() {
				res, err := srv.Client().Get(srv.URL + path)
				require.NoError(b, err)
				n, err := io.Copy(io.Discard, res.Body)
				require.NoError(b, err)
				b.SetBytes(n)
				res.Body.Close()
			}
		})
	}
}
