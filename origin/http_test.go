package origin_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
)

// ask sends lines to a server of h as they are, and returns the answer.
func ask(t *testing.T, h http.Handler, lines ...string) (*http.Response, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	require.NoError(t, err)
	method, _, _ := strings.Cut(lines[0], " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err)
	return res, bodyOf(t, res)
}

func TestOldClients(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range crawl(t, h) {
		want := bodyOf(t, get(t, h, "GET", p))
		res, body := ask(t, h, "GET "+p+" HTTP/1.0")
		require.Equal(t, 200, res.StatusCode, p)
		require.True(t, want == body, p)
		require.Empty(t, res.TransferEncoding, "its size is known")
	}
}

func TestPreflight(t *testing.T) {
	h := newHandler(&content{})
	for _, line := range []string{"OPTIONS * HTTP/1.1", "OPTIONS /out/v1/films/none/cmaf/index.mpd HTTP/1.1"} {
		res, body := ask(t, h, line, "Host: x", "Origin: https://player.test", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: range,cmcd-session")
		require.Contains(t, []int{200, 204}, res.StatusCode, line) // * is answered by net/http
		require.Empty(t, body)
	}
	res, _ := ask(t, h, "OPTIONS /out/v1/x HTTP/1.1", "Host: x")
	require.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Access-Control-Allow-Methods"))
	for _, name := range []string{"Range", "CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status", "If-None-Match"} {
		require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), name)
	}
}

// Headers that lists may be split over, weak tags and stars, on each coding of a manifest.
func TestRevalidation(t *testing.T) {
	h := newHandler(&content{})
	const p = "/out/v1/films/one/cmaf/index.m3u8"
	plain := get(t, h, "GET", p).Header.Get("ETag")
	packed := get(t, h, "GET", p, "Accept-Encoding", "gzip").Header.Get("ETag")
	for _, c := range []struct {
		want    int
		headers []string
	}{
		{304, []string{"If-None-Match", `"x"`, "If-None-Match", plain}},
		{304, []string{"If-None-Match", "W/" + packed, "Accept-Encoding", "gzip"}},
		{200, []string{"If-None-Match", packed}},
		{200, []string{"If-None-Match", plain, "Accept-Encoding", "gzip"}},
		{200, []string{"If-None-Match", strings.Trim(plain, `"`)}},
		{200, []string{"If-None-Match", ""}},
		{412, []string{"If-Match", packed, "If-None-Match", plain}},
		{206, []string{"Range", "bytes=0-3", "If-Range", plain, "Accept-Encoding", "gzip"}},
		{200, []string{"Range", "bytes=0-3", "If-Range", packed, "Accept-Encoding", "gzip"}},
		{304, []string{"Range", "bytes=0-3", "If-None-Match", plain}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			res := get(t, h, method, p, c.headers...)
			require.Equal(t, c.want, res.StatusCode, "%s %v", method, c.headers)
			if c.want != 412 {
				require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"), "%v", c.headers)
			}
			if c.want == 304 {
				for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Content-Range"} {
					require.Empty(t, res.Header.Values(name), "%s in 304", name)
				}
			}
		}
	}
}

// Names come back as they went, through a server and a client that escape as they please.
func TestNamesRoundTrip(t *testing.T) {
	dir := t.TempDir()
	clip := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 50)}}.Bytes()
	names := []string{"a b", "ü例", "100%", "%25", "%2f", "a+b&c=d;e", "#?", "~!*'()", "cmaf", "deep/er/cmaf", "index.m3u8", "x/v1/1.m4s", "\u202ertl"}
	for _, name := range names {
		file := filepath.Join(dir, filepath.FromSlash(name)+".mp4")
		if folder, _, ok := strings.Cut(name, "/"); ok {
			file = filepath.Join(dir, filepath.FromSlash(name), "file.mp4")
			require.NotEmpty(t, folder)
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, clip, 0o600))
	}
	h := serveDir(dir)
	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, name := range names {
		for _, p := range h.Playables("films/" + name) {
			u := url.URL{Scheme: "http", Host: srv.Listener.Addr().String(), Path: p.Path}
			res, err := http.Get(u.String())
			require.NoError(t, err, name)
			require.Equal(t, 200, res.StatusCode, "%s: %s", name, bodyOf(t, res))
			res.Body.Close()
		}
	}
}

// The reason quotes the path, but not without end.
func TestLongPaths(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range []string{"/", origin.Prefix + "films/", origin.Prefix + "films/one/cmaf/"} {
		res := get(t, h, "GET", p+strings.Repeat("x/", 50_000)+"index.m3u8")
		require.Equal(t, 400, res.StatusCode)
		require.Less(t, len(bodyOf(t, res)), 200)
	}
	require.Equal(t, 404, get(t, h, "GET", origin.Prefix+"films/"+strings.Repeat("x/", 2000)+"cmaf/index.m3u8").StatusCode)
}

// What an endpoint leaves out is said once for each timeline, not on each request.
func TestLeftOutIsLoggedOnce(t *testing.T) {
	dir := t.TempDir()
	file := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(100, 50), bmfftest.Sound(bmfftest.FLAC(), 47, 4096, 48000)}}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "one.mp4"), file.Bytes(), 0o600))
	h := serveDir(dir)
	log := new(lockedBuffer)
	h.Logger = slog.New(slog.NewTextHandler(log, nil))
	for range 3 {
		crawl(t, h)
	}
	require.Equal(t, 1, strings.Count(log.String(), "left out: "), log)
	require.Contains(t, log.String(), "endpoint=ts")
	require.Contains(t, log.String(), "rendition=a1")
}

// What a request costs is in its log line.
func TestRequestLog(t *testing.T) {
	log := new(lockedBuffer)
	h := newHandler(&content{})
	h.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	res := get(t, h, "GET", resolve(t, h, "ts/v/v1/1.ts"))
	line := log.String()[strings.LastIndex(strings.TrimSpace(log.String()), "\n")+1:]
	for _, want := range []string{"method=GET", "path=" + resolve(t, h, "ts/v/v1/1.ts"), "status=200", "bytes=" + res.Header.Get("Content-Length"), "took="} {
		require.Contains(t, line, want)
	}
}
