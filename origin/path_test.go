package origin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/manifest"
)

func TestPathIsReadFromTheRight(t *testing.T) {
	for path, want := range map[string]target{
		"/out/v1/g/n/cmaf/index.m3u8":       {"g/n", "cmaf", manifest.Ref{Kind: manifest.Multivariant, Name: "index"}},
		"/out/v1/g/a/b/c/cmaf/index.mpd":    {"g/a/b/c", "cmaf", manifest.Ref{Kind: manifest.MPD, Name: "index"}},
		"/out/v1/g/n/ts/index.v1.m3u8":      {"g/n", "ts", manifest.Ref{Kind: manifest.Media, Name: "index", Rendition: "v1"}},
		"/out/v1/g/n/cmaf/x/v1/7.m4s":       {"g/n", "cmaf", manifest.Ref{Kind: manifest.Segment, Version: "x", Rendition: "v1", Number: 7, Ext: "m4s"}},
		"/out/v1/g/n/cmaf/x/v1/0.init.mp4":  {"g/n", "cmaf", manifest.Ref{Kind: manifest.Init, Version: "x", Rendition: "v1", Period: "0"}},
		"/out/v1/g/7.m4s/a b/cmaf/in_1.mpd": {"g/7.m4s/a b", "cmaf", manifest.Ref{Kind: manifest.MPD, Name: "in_1"}},
	} {
		got, err := parsePath(path, links)
		require.NoError(t, err, path)
		require.Equal(t, want, got, path)
		require.Equal(t, path, got.path(links))
	}
}

// Nothing that is not a clean path is served, and nothing is redirected.
func TestM12DirtyPaths(t *testing.T) {
	h := &Handler{Library: Map{}}
	for _, raw := range []string{
		"/", "/out/v1", "/out/v1/", "/out/v1//", "/out/v1/g/cmaf/index.m3u8", "/out/v1/g//cmaf/index.m3u8", "//out/v1/g/n/cmaf/index.m3u8",
		"/out/v1/g/../n/cmaf/index.m3u8", "/out/v1/g/./n/cmaf/index.m3u8", "/out/v1/g/%2e%2e/n/cmaf/index.m3u8", "/out/v1/g%2fn/a/cmaf/index.m3u8",
		"/out/v1/g/n%00/cmaf/index.m3u8", "/out/v1/g/n%5c..%5cx/cmaf/index.m3u8", "/out/v1/g/n/cmaf/index.m3u8/", "/out/v1/g/n/cmaf/",
		"/out/v1/g/n/cmaf/x/v1/07.m4s", "/out/v1/g/n/cmaf/x/v1/-7.m4s", "/out/v1/g/n/cmaf/x/7.m4s", "/out/v1/g/%ff/cmaf/index.m3u8",
		"/out/v1/g/n%0d%0aX:1/cmaf/index.m3u8", "/out/v1///evil.test/cmaf/index.m3u8", "/OUT/v1/g/n/cmaf/index.m3u8",
	} {
		u, err := url.Parse("http://origin.test" + raw)
		require.NoError(t, err, raw)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Header: http.Header{}})
		require.Contains(t, []int{400, 404}, w.Code, raw)
		require.Empty(t, w.Header().Get("Location"), raw)
	}
}

func FuzzPath(f *testing.F) {
	f.Add("/out/v1/g/n/cmaf/index.m3u8")
	f.Add("/out/v1/g/a/b/ts/3kf09a/v1/17.ts")
	f.Add("/out/v1/g/../x/cmaf/3kf09a/v1/0.init.mp4")
	f.Add("/out/v1/g//cmaf/index.mpd")
	f.Fuzz(func(t *testing.T, path string) {
		got, err := parsePath(path, links)
		if err != nil {
			require.Equal(t, target{}, got)
			require.Less(t, status(err).status, 500)
			return
		}
		require.Equal(t, path, got.path(links), "one URL for each thing")
		require.Contains(t, got.presentation, "/")
		for _, part := range strings.Split(path[1:], "/") {
			require.NotContains(t, []string{"", ".", ".."}, part)
		}
	})
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-1", int64(10))
	f.Add("bytes=-5", int64(3))
	f.Add("bytes=9-", int64(9))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		s, ok, err := byteRange(&http.Request{Header: http.Header{"Range": {header}}}, `"x"`, size)
		if err != nil || !ok {
			require.Equal(t, span{}, s)
			return
		}
		require.True(t, s.off >= 0 && s.n > 0 && s.off <= size-s.n, "%q of %d: %v", header, size, s)
	})
}
