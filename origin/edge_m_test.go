package origin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func edition(seed int) []byte {
	video := bmfftest.Video(250, 50)
	for i := range video.Samples {
		video.Samples[i].Data = bmfftest.Frame(i+seed, video.Samples[i].Sync)
	}
	return bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(469)}}.Bytes()
}

// TestM1ReplacedMidPlay: a file is replaced while it plays, by another under its name and by writing over it. A URL of the
// first gives the first's bytes or none; what the new playlists name is the second's.
func TestM1ReplacedMidPlay(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, file string, data []byte){
		"renamed": func(t *testing.T, file string, data []byte) {
			require.NoError(t, os.WriteFile(file+".new", data, 0o600))
			require.NoError(t, os.Rename(file+".new", file))
		},
		"written over": func(t *testing.T, file string, data []byte) {
			require.NoError(t, os.WriteFile(file, data, 0o600))
			later := time.Now().Add(time.Minute)
			require.NoError(t, os.Chtimes(file, later, later))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "one.mp4")
			require.NoError(t, os.WriteFile(file, edition(0), 0o600))
			past := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(file, past, past))
			h := &origin.Handler{Library: origin.Groups{"films": &vod.Dir{FS: os.DirFS(dir)}}, Logger: quiet()}
			first, old := crawl(t, h), map[string]string{}
			for _, p := range first {
				old[p] = bodyOf(t, get(t, h, "GET", p))
			}
			replace(t, file, edition(1000))
			isMedia := func(p string) bool { return !strings.HasSuffix(p, ".m3u8") && !strings.HasSuffix(p, ".mpd") }
			for _, p := range first {
				res := get(t, h, "GET", p)
				if body := bodyOf(t, res); isMedia(p) && res.StatusCode == 200 {
					require.True(t, body == old[p], "%s has other bytes", p)
				}
			}
			second := crawl(t, h)
			for _, p := range second {
				res := get(t, h, "GET", p)
				body := bodyOf(t, res)
				require.Equal(t, 200, res.StatusCode, "%s: %s", p, body)
				if isMedia(p) {
					require.NotContains(t, old, p, "new bytes have new URLs")
				}
			}
			require.Len(t, second, len(first))
			fresh := &origin.Handler{Library: origin.Groups{"films": &vod.Dir{FS: os.DirFS(dir)}}, Logger: quiet()}
			for _, p := range second {
				require.True(t, bodyOf(t, get(t, fresh, "GET", p)) == bodyOf(t, get(t, h, "GET", p)), "nothing of the first is left in %s", p)
			}
		})
	}
}

// storage serves a file by range and counts.
type storage struct {
	mu       sync.Mutex
	data     []byte
	requests int
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "x.mp4", time.Time{}, bytes.NewReader(s.data))
}

// take returns the number of requests since it was last asked.
func (s *storage) take() int {
	time.Sleep(20 * time.Millisecond) // what is read ahead
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.requests
	s.requests = 0
	return n
}

// large is a minute of video at 4 Mbit/s, with sound; the segments of 6 s are of 3 MB.
func large(moovAtEnd bool) []byte {
	video := bmfftest.Video(1500, 50)
	noise := bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(9, 20_000)...))
	for i := range video.Samples {
		video.Samples[i].Data = noise
	}
	return bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(2813)}, MoovAtEnd: moovAtEnd}.Bytes()
}

// remote is a Handler of films/one, read from s.
func remote(t testing.TB, s *storage) *origin.Handler {
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	open := func(ctx context.Context) (media.Object, error) { return vod.HTTP{URL: srv.URL + "/x.mp4"}.Open(ctx) }
	return newHandler(&vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Open: open}}})
}

// TestM10StorageRequests: what everything costs at the store, cold and warm.
func TestM10StorageRequests(t *testing.T) {
	type cost struct {
		file     string
		requests int
	}
	common := []cost{
		{"cmaf/index.mpd", 0}, {"cmaf/index.v1.m3u8", 0}, {"cmaf/v/v1/p1.init.mp4", 0},
		{"cmaf/v/v1/5.m4s", 1}, {"cmaf/v/v1/5.m4s", 0}, {"cmaf/v/a1/5.m4s", 0}, // the sound lies between the pictures
		{"ts/v/v1/5.ts", 0}, {"ts/v/v1/8.ts", 1}, {"cmaf/v/v1/8.m4s", 0},
	}
	for _, c := range []struct {
		name      string
		moovAtEnd bool
		manifest  int
	}{{"moov in front", false, 1}, {"moov at the end", true, 2}} {
		t.Run(c.name, func(t *testing.T) {
			s := &storage{data: large(c.moovAtEnd)}
			h := remote(t, s)
			for _, ask := range append([]cost{{"cmaf/index.m3u8", c.manifest}}, common...) {
				path := resolve(t, h, ask.file)
				s.take()
				res := get(t, h, "GET", path)
				require.Equal(t, 200, res.StatusCode, bodyOf(t, res))
				require.Equal(t, ask.requests, s.take(), ask.file)
			}
			path := resolve(t, h, "cmaf/v/v1/2.m4s")
			require.Equal(t, 200, get(t, h, "HEAD", path).StatusCode)
			require.Zero(t, s.take(), "HEAD reads no payload")
		})
	}
}

// TestM3ThousandColdRequests: a thousand who ask at once for the same segment of what nobody has asked for before cost the
// store what one does, and get the same.
func TestM3ThousandColdRequests(t *testing.T) {
	alone := &storage{data: large(true)}
	h := remote(t, alone)
	path := resolve(t, h, "cmaf/v/a1/5.m4s") // the sound, which is quick to compare and lies all over the file
	want := bodyOf(t, get(t, h, "GET", path))
	one := alone.take()

	crowded := &storage{data: alone.data}
	h = remote(t, crowded)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			w := &expecting{header: http.Header{}, rest: want}
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.code != 200 || w.wrong || w.rest != "" {
				t.Errorf("status %d, wrong %v, %d bytes missing", w.code, w.wrong, len(w.rest))
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, crowded.take(), one+1, "alone it takes %d", one)
}

// expecting is a ResponseWriter that compares what it is given, and keeps nothing.
type expecting struct {
	header http.Header
	code   int
	rest   string // still to come
	wrong  bool
}

func (e *expecting) Header() http.Header  { return e.header }
func (e *expecting) WriteHeader(code int) { e.code = code }
func (e *expecting) Write(p []byte) (int, error) {
	if len(p) > len(e.rest) || e.rest[:len(p)] != string(p) {
		e.wrong = true
		return len(p), nil
	}
	e.rest = e.rest[len(p):]
	return len(p), nil
}

// TestM11Escapes: names of all characters that a path may hold, escaped as RFC 3986 asks, in one way or another; each
// link in each manifest, resolved against the manifest's URL as clients do, leads to what it names.
func TestM11Escapes(t *testing.T) {
	for _, name := range []string{
		"one", "a b", "ü", "日本語", "100%", "a%20b", "a%2eb", "a%2fb", "a%5cb", "a+b", "a&b=c", "q?x", "h#x", "semi;colon", "c:d", "@home", "(1)", "it's", "a,b", "!", "$", "*",
		"a~b", "a.b..c", "...", "index.m3u8", "1.m4s", "a/b c/ü", "cmaf/ts/cmaf", "[x]", "{x}", "a|b", "^", "`", `"`, "<x>",
	} {
		t.Run(name, func(t *testing.T) {
			h := &origin.Handler{Library: origin.Map{"films/" + name: &content{}}, Logger: quiet()}
			mux := http.NewServeMux()
			mux.Handle("/", h)
			mux.Handle("/pre/fix/", http.StripPrefix("/pre/fix", h))
			srv := httptest.NewServer(mux)
			defer srv.Close()
			for _, p := range h.Playables("films/" + name) {
				for _, base := range []string{srv.URL, srv.URL + "/pre/fix"} {
					u, err := url.Parse(base + (&url.URL{Path: p.Path}).EscapedPath() + "?token=1#x")
					require.NoError(t, err)
					follow(t, u, 2)
				}
			}
		})
	}
}

var links = regexp.MustCompile(`(?m)URI="([^"]+)"|^([^#<\s][^\n]*)$`)

// follow fetches u and, as deep as told, the first few links of it.
func follow(t *testing.T, u *url.URL, depth int) {
	t.Helper()
	res, err := http.Get(u.String())
	require.NoError(t, err)
	defer res.Body.Close()
	body := bodyOf(t, res)
	require.Equal(t, 200, res.StatusCode, "%s: %s", u, body)
	require.Equal(t, u.Path, res.Request.URL.Path, "no redirect")
	if depth == 0 || !strings.HasSuffix(u.Path, ".m3u8") {
		return
	}
	for i, m := range links.FindAllStringSubmatch(body, 4) {
		ref, err := url.Parse(m[1] + m[2])
		require.NoError(t, err)
		require.False(t, ref.IsAbs() || strings.HasPrefix(ref.Path, "/"), "link %d is relative", i)
		require.Empty(t, ref.RawQuery)
		follow(t, u.ResolveReference(ref), depth-1)
	}
}

// TestG12G13Sessions: nobody has a session: no query, cookie or address changes what is sent, and nothing is set.
func TestG12G13Sessions(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range crawl(t, h) {
		plain := get(t, h, "GET", p)
		body := bodyOf(t, plain)
		for _, query := range []string{"?token=secret", "?aws.sessionId=1&_HLS_skip=YES", "?" + strings.Repeat("x=1&", 500)} {
			res := get(t, h, "GET", p+query, "Cookie", "session=7", "X-Forwarded-For", "192.0.2.1", "User-Agent", "AppleCoreMedia/1.0")
			require.True(t, body == bodyOf(t, res), p+query)
			require.Equal(t, plain.Header, res.Header)
			require.Empty(t, res.Header.Get("Set-Cookie"))
		}
		if strings.HasSuffix(p, ".m3u8") || strings.HasSuffix(p, ".mpd") {
			require.NotContains(t, body, "?token")
			require.NotContains(t, links.FindString(body), "?")
		}
	}
}

// TestI8NamesThatBeginAlike: a presentation whose name another's begins with, or whose parts look like endpoints and
// files, is its own.
func TestI8NamesThatBeginAlike(t *testing.T) {
	library := origin.Map{}
	names := []string{"films/a", "films/a/b", "films/a/cmaf", "films/a/cmaf/b", "films/ab", "films/a/b/v1/1.m4s", "films/a/index.m3u8"}
	for i, name := range names {
		library[name] = &content{version: fmt.Sprint(i)}
	}
	h := &origin.Handler{Library: library, Logger: quiet()}
	seen := map[string]string{}
	for _, name := range names {
		v := version(t, h, name, "cmaf")
		require.Empty(t, seen[v], "%s is served as %s", name, seen[v])
		seen[v] = name
		require.Equal(t, 200, get(t, h, "GET", origin.Prefix+name+"/cmaf/"+v+"/v1/1.m4s").StatusCode, name)
		for _, other := range names {
			if other != name {
				require.Equal(t, 404, get(t, h, "GET", origin.Prefix+other+"/cmaf/"+v+"/v1/1.m4s").StatusCode, "%s of %s", v, other)
			}
		}
	}
}

// TestI3DateIsExposed: players that set their clock by the Date of an answer can read it, also of one to HEAD, and nothing
// that they send for it needs more than the preflight allows.
func TestI3DateIsExposed(t *testing.T) {
	srv := httptest.NewServer(newHandler(&content{}))
	defer srv.Close()
	res, err := http.Head(srv.URL + origin.Prefix + "films/one/cmaf/index.mpd")
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = http.ParseTime(res.Header.Get("Date"))
	require.NoError(t, err)
	require.Contains(t, res.Header.Get("Access-Control-Expose-Headers"), "Date")
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	req, err := http.NewRequestWithContext(context.Background(), "OPTIONS", srv.URL+origin.Prefix+"films/one/cmaf/index.mpd", nil)
	require.NoError(t, err)
	req.Header.Set("Access-Control-Request-Method", "HEAD")
	res, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Contains(t, res.Header.Get("Access-Control-Allow-Methods"), "HEAD")
}

// TestI17I19NothingElse: no images, no Smooth manifest and no events are listed or served.
func TestI17I19NothingElse(t *testing.T) {
	h := newHandler(&content{})
	for _, p := range h.Playables("films/one") {
		require.Contains(t, []origin.ManifestFormat{origin.HLS, origin.DASH}, p.Format)
		text := bodyOf(t, get(t, h, "GET", p.Path))
		for _, word := range []string{"image", "thumbnail", "EventStream", "scte35", "IMAGE", "SmoothStreaming"} {
			require.NotContains(t, text, word)
		}
	}
	for _, p := range []string{"ism/index.ism/Manifest", "index.ism/Manifest", "cmaf/index.ism/Manifest", "ism/index.ism/QualityLevels(1)/Fragments(video=0)"} {
		require.Equal(t, 404, get(t, h, "GET", origin.Prefix+"films/one/"+p).StatusCode, p)
	}
}
