package origin_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
)

func TestTwoNodesAgree(t *testing.T) {
	one, two := newHandler(&content{}), newHandler(&content{})
	paths := crawl(t, one)
	require.Equal(t, paths, crawl(t, two))
	require.Greater(t, len(paths), 15)
	etags := map[string]string{}
	for _, p := range paths {
		a, b := get(t, one, "GET", p), get(t, two, "GET", p)
		require.Equal(t, 200, a.StatusCode, "%s: %s", p, a.Header)
		require.Equal(t, bodyOf(t, a), bodyOf(t, b), p)
		require.Equal(t, a.Header, b.Header, p)
		require.Empty(t, etags[a.Header.Get("ETag")], "%s has another's ETag", p)
		etags[a.Header.Get("ETag")] = p
	}
}

func TestHeadersByKind(t *testing.T) {
	h := newHandler(&content{})
	for suffix, want := range map[string]struct{ mime, cache string }{
		"cmaf/index.m3u8":          {"application/vnd.apple.mpegurl", "public, max-age=60"},
		"cmaf/index.mpd":           {"application/dash+xml", "public, max-age=60"},
		"cmaf/v/v1/p1.init.mp4":    {"video/mp4", "public, max-age=1209600, immutable"},
		"cmaf/v/v1/1.m4s":          {"video/mp4", "public, max-age=1209600, immutable"},
		"cmaf/v/a1/2.m4s":          {"audio/mp4", "public, max-age=1209600, immutable"},
		"ts/v/v1/1.ts":             {"video/mp2t", "public, max-age=1209600, immutable"},
		"ts/v/v1/1.ts?CMCD=br%3D1": {"video/mp2t", "public, max-age=1209600, immutable"},
	} {
		res := get(t, h, "GET", resolve(t, h, suffix))
		body := bodyOf(t, res)
		require.Equal(t, 200, res.StatusCode, "%s: %s", suffix, body)
		require.Equal(t, want.mime, res.Header.Get("Content-Type"), suffix)
		require.Equal(t, want.cache, res.Header.Get("Cache-Control"), suffix)
		require.Equal(t, fmt.Sprint(len(body)), res.Header.Get("Content-Length"), suffix)
		require.NotEmpty(t, body, suffix)
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range append(crawl(t, h), "/out/v1/films/one/cmaf/none.m3u8", "/favicon.ico") {
		for _, headers := range [][]string{nil, {"Range", "bytes=10-19"}, {"Range", "bytes=99999999-"}, {"If-None-Match", "*"}, {"Accept-Encoding", "gzip"}} {
			full, head := get(t, h, "GET", p, headers...), get(t, h, "HEAD", p, headers...)
			require.Equal(t, full.StatusCode, head.StatusCode, "%s %v", p, headers)
			require.Equal(t, full.Header, head.Header, "%s %v", p, headers)
			require.Empty(t, bodyOf(t, head))
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range crawl(t, h) {
		etag := get(t, h, "GET", p).Header.Get("ETag")
		for _, c := range []struct {
			name, value string
			want        int
		}{
			{"If-None-Match", etag, 304},
			{"If-None-Match", "W/" + etag, 304},
			{"If-None-Match", `"other", ` + etag, 304},
			{"If-None-Match", "*", 304},
			{"If-None-Match", `"other"`, 200},
			{"If-Match", etag, 200},
			{"If-Match", "W/" + etag, 412},
			{"If-Match", `"other"`, 412},
			{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 200},
		} {
			res := get(t, h, "GET", p, c.name, c.value)
			require.Equal(t, c.want, res.StatusCode, "%s: %s %s", p, c.name, c.value)
			if c.want == 304 {
				require.Empty(t, bodyOf(t, res))
				require.Equal(t, etag, res.Header.Get("ETag"))
				require.NotEmpty(t, res.Header.Get("Cache-Control"))
			}
		}
	}
}

func TestManifestsAreCompressed(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range crawl(t, h) {
		plain, packed := get(t, h, "GET", p), get(t, h, "GET", p, "Accept-Encoding", "br, gzip;q=0.5")
		if !strings.HasSuffix(p, ".m3u8") && !strings.HasSuffix(p, ".mpd") {
			require.Empty(t, packed.Header.Get("Content-Encoding"), p)
			require.Empty(t, packed.Header.Get("Vary"), p)
			continue
		}
		require.Equal(t, "gzip", packed.Header.Get("Content-Encoding"), p)
		require.Equal(t, "Accept-Encoding", plain.Header.Get("Vary"))
		require.NotEqual(t, plain.Header.Get("ETag"), packed.Header.Get("ETag"))
		z, err := gzip.NewReader(packed.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, bodyOf(t, plain), string(text))
		for _, refused := range []string{"gzip;q=0", "identity", "*;q=0", "gzip;q=0.000, *"} {
			require.Empty(t, get(t, h, "GET", p, "Accept-Encoding", refused).Header.Get("Content-Encoding"), refused)
		}
		part := get(t, h, "GET", p, "Accept-Encoding", "gzip", "Range", "bytes=0-6")
		require.Equal(t, 206, part.StatusCode)
		require.Equal(t, string(text[:7]), bodyOf(t, part))
	}
}

func TestCORS(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range []string{"/out/v1/films/one/cmaf/index.m3u8", resolve(t, h, "ts/v/v1/1.ts"), "/out/v1/films/none/cmaf/index.mpd", "/x"} {
		for _, m := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
			res := get(t, h, m, p)
			require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"), "%s %s", m, p)
			require.Contains(t, res.Header.Get("Access-Control-Expose-Headers"), "Content-Range")
			require.Equal(t, "*", res.Header.Get("Timing-Allow-Origin"))
		}
	}
	res := get(t, h, "OPTIONS", firstSegment(t), "Origin", "https://player.test", "Access-Control-Request-Headers", "range")
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Range")
}

func TestErrors(t *testing.T) {
	failing := func(err error) origin.Library {
		return libraryFunc(func(context.Context, string) (media.Content, error) { return nil, err })
	}
	good := origin.Map{"films/one": &content{}}
	broken := &media.FormatError{Name: "one.mp4", Path: "moov/trak[1]/stbl/stsz", Offset: 4711, Err: errors.New("count is larger than the box")}
	for _, c := range []struct {
		name    string
		library origin.Library
		method  string
		path    string
		status  int
		body    string
		cache   string
	}{
		{"no group", origin.Groups{}, "GET", "cmaf/index.m3u8", 404, `not-found: group "films": not found`, "max-age=1"},
		{"no presentation", origin.Map{"films/two": &content{}}, "GET", "cmaf/index.m3u8", 404, "not-found: ", "max-age=1"},
		{"no endpoint", good, "GET", "ism/index.m3u8", 404, "not-found: endpoint", "max-age=1"},
		{"no manifest", good, "GET", "ts/index.mpd", 404, "not-found: endpoint ts has no manifest", "max-age=1"},
		{"no rendition", good, "GET", "cmaf/index.v9.m3u8", 404, "not-found: rendition", "max-age=1"},
		{"other version", good, "GET", "cmaf/old/v1/1.m4s", 404, "not-found: version old", "max-age=1"},
		{"no segment", good, "GET", "cmaf/v/v1/99.m4s", 404, "not-found: segment 99", "max-age=1"},
		{"no period", good, "GET", "cmaf/v/v1/p9.init.mp4", 404, "not-found: period", "max-age=1"},
		{"other extension", good, "GET", "cmaf/v/v1/1.ts", 404, "not-found: ", "max-age=1"},
		{"no init in TS", good, "GET", "ts/v/v1/p1.init.mp4", 404, "not-found: ", "max-age=1"},
		{"method", good, "POST", "cmaf/index.m3u8", 405, "method: ", "max-age=1"},
		{"not yet", failing(media.ErrNotYet), "GET", "cmaf/index.m3u8", 404, "not-yet: ", "max-age=1"},
		{"gone", failing(media.ErrGone), "GET", "cmaf/index.m3u8", 410, "gone: ", "max-age=1"},
		{"malformed", failing(broken), "GET", "cmaf/index.m3u8", 422, "malformed: one.mp4: moov/trak[1]/stbl/stsz at byte 4711", "max-age=1"},
		{"unsupported", failing(media.ErrUnsupported), "GET", "cmaf/index.m3u8", 422, "unsupported: ", "max-age=1"},
		{"changed", failing(media.ErrChanged), "GET", "cmaf/index.m3u8", 503, "changed: ", "no-store"},
		{"deadline", failing(context.DeadlineExceeded), "GET", "cmaf/index.m3u8", 503, "timeout: ", "no-store"},
		{"secret", failing(errors.New("password is 1234")), "GET", "cmaf/index.m3u8", 500, "internal: see the server's log\n", "no-store"},
		{"panic", libraryFunc(func(context.Context, string) (media.Content, error) { panic("bug") }), "GET", "cmaf/index.m3u8", 500, "internal: ", "no-store"},
		{"no library", nil, "GET", "cmaf/index.m3u8", 500, "internal: ", "no-store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &origin.Handler{Library: c.library, Logger: quiet()}
			res := get(t, h, c.method, resolve(t, h, c.path))
			require.Equal(t, c.status, res.StatusCode)
			require.Contains(t, bodyOf(t, res), c.body)
			require.Equal(t, c.cache, res.Header.Get("Cache-Control"))
			require.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
			require.Empty(t, res.Header.Get("ETag"))
			require.Equal(t, c.status == 405, res.Header.Get("Allow") != "")
			require.Equal(t, c.status == 503, res.Header.Get("Retry-After") != "")
		})
	}
}

type libraryFunc func(context.Context, string) (media.Content, error)

func (f libraryFunc) Open(ctx context.Context, name string) (media.Content, error) {
	return f(ctx, name)
}

// A replaced file has other URLs, and the old ones are gone: nothing old is served with new bytes or the reverse.
func TestM1ReplacedFile(t *testing.T) {
	library := origin.Map{"films/one": &content{version: "1"}}
	h := &origin.Handler{Library: library, Logger: quiet()}
	before := crawl(t, h)
	library["films/one"] = &content{version: "2"}
	after := crawl(t, h)
	for _, p := range before {
		want := 404
		if strings.HasSuffix(p, ".m3u8") || strings.HasSuffix(p, ".mpd") {
			want = 200
		}
		require.Equal(t, want, get(t, h, "GET", p).StatusCode, p)
	}
	require.NotEqual(t, before, after)
}

// A session that began before a rendition was added asks for URLs of the version it knows, and gets that or nothing.
func TestM2VersionInURL(t *testing.T) {
	h := newHandler(&content{version: "7"})
	for _, p := range crawl(t, h) {
		if !strings.HasSuffix(p, ".m3u8") && !strings.HasSuffix(p, ".mpd") {
			require.Contains(t, p, "/"+version(t, h, "films/one", endpointOf(p))+"/")
		}
	}
}

// However many ask at once for what nobody has asked for before, it is made once.
func TestM3ColdCrowd(t *testing.T) {
	c := &content{}
	h := newHandler(c)
	var wg sync.WaitGroup
	bodies := make([]string, 200)
	for i := range bodies {
		wg.Go(func() { bodies[i] = bodyOf(t, get(t, h, "GET", "/out/v1/films/one/cmaf/index.v1.m3u8")) })
	}
	wg.Wait()
	for _, b := range bodies {
		require.Equal(t, bodies[0], b)
	}
	require.EqualValues(t, 1, c.opened.Load())
}

// Below a prefix, with names that hold spaces and slashes, all links still lead somewhere: they are relative.
func TestM11PrefixAndNames(t *testing.T) {
	h := &origin.Handler{Library: origin.Map{"films/a b/ü?#%": &content{}}, Logger: quiet()}
	below := http.StripPrefix("/some/where", h)
	for _, p := range h.Playables("films/a b/ü?#%") {
		r := get(t, below, "GET", "/some/where/x")
		require.Equal(t, 404, r.StatusCode)
		req, err := http.NewRequest("GET", "http://origin.test/", nil)
		require.NoError(t, err)
		req.URL.Path = "/some/where" + p.Path
		w := newRecorder()
		below.ServeHTTP(w, req)
		require.Equal(t, 200, w.Code, "%s: %s", p.Path, w.Body)
		require.NotContains(t, w.Body.String(), "/out/")
	}
}

func TestBadEndpoints(t *testing.T) {
	m := []origin.Manifest{{Format: origin.HLS}}
	for _, list := range [][]origin.Endpoint{
		{{Name: "", Container: origin.CMAF, Manifests: m}},
		{{Name: "a/b", Container: origin.CMAF, Manifests: m}},
		{{Name: "a", Container: origin.CMAF, Manifests: m}, {Name: "a", Container: origin.TS, Manifests: m}},
		{{Name: "a", Container: "AVI", Manifests: m}},
		{{Name: "a", Container: origin.CMAF}},
		{{Name: "a", Container: origin.TS, Manifests: []origin.Manifest{{Format: origin.DASH}}}},
		{{Name: "a", Container: origin.CMAF, Manifests: []origin.Manifest{{Format: origin.HLS, Name: "in dex"}}}},
	} {
		require.Error(t, (&origin.Handler{Library: origin.Map{}, Endpoints: list}).Validate(), "%v", list)
	}
	require.NoError(t, (&origin.Handler{Library: origin.Map{}}).Validate())
}

// A Handler that keeps nothing still serves.
func TestNoCache(t *testing.T) {
	h := newHandler(&content{})
	h.CacheBytes = -1
	require.Equal(t, crawl(t, newHandler(&content{})), crawl(t, h))
}
