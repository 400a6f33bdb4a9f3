package origin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

// content is ten seconds of picture and sound, in two groups of pictures of four seconds and one of two. Its bytes lie in
// the object that put makes of them. opened counts how often its timeline is made.
type content struct {
	version string
	put     func(name string, data []byte) media.Object // nil: in memory
	opened  atomic.Int64
	once    sync.Once
	tl      *media.Timeline
	err     error
}

func (c *content) Present(media.Plan) media.Presentation {
	return media.PresentationFunc(func(ctx context.Context) (*media.Timeline, error) {
		c.once.Do(func() {
			c.opened.Add(1)
			c.tl, c.err = c.make(ctx)
		})
		return c.tl, c.err
	})
}

func (c *content) make(ctx context.Context) (*media.Timeline, error) {
	put := c.put
	if put == nil {
		put = bmfftest.Object
	}
	video := &media.Track{ID: "v", Kind: media.Video, Timescale: 25, Codec: mustParse(bmfftest.AVC1()),
		Video: &media.VideoFormat{Width: 640, Height: 360, NALLength: 4, FrameRate: media.Ratio{Num: 25, Den: 1}}}
	audio := &media.Track{ID: "a", Kind: media.Audio, Timescale: 48000, Codec: mustParse(bmfftest.MP4A()), Default: true,
		Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2}}
	frame := func(i int) ([]byte, media.Sample) {
		p := bmfftest.Frame(i, i%100 == 0)
		flags := media.FlagsDelta
		if i%100 == 0 {
			flags = media.FlagsSync
			p = append(p, bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(uint32(i), 300<<10)...))...) // long enough for sendfile
		}
		return p, media.Sample{Duration: 1, Flags: flags}
	}
	sound := func(i int) ([]byte, media.Sample) {
		return bmfftest.Noise(uint32(i), 180+i%20), media.Sample{Duration: 1024, Flags: media.FlagsSync}
	}
	src := &mediatest.Source{Runs: []media.Run{
		run(video, 250, frame, put), run(audio, 469, sound, put)}}
	tl, err := mediatest.Presentation(src, 100).Timeline(ctx)
	if err == nil {
		tl.Version = "v" + c.version
	}
	return tl, err
}

func run(t *media.Track, n int, sample func(int) ([]byte, media.Sample), put func(string, []byte) media.Object) media.Run {
	var data []byte
	r := media.Run{Track: t}
	for i := range n {
		p, s := sample(i)
		s.Offset, s.Size = int64(len(data)), uint32(len(p))
		data = append(data, p...)
		r.Samples = append(r.Samples, s)
	}
	r.Data = put(t.ID, data)
	return r
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newHandler serves one presentation, films/one.
func newHandler(c media.Content) *origin.Handler {
	return &origin.Handler{Library: origin.Map{"films/one": c}, Logger: quiet()}
}

// get asks h; headers are pairs.
func get(t testing.TB, h http.Handler, method, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://origin.test/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	p, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(p)
}

// crawl returns the path of everything that the manifests of films/one lead to, sorted.
func crawl(t *testing.T, h *origin.Handler) []string {
	t.Helper()
	seen := map[string]bool{}
	var visit func(path string)
	uri := regexp.MustCompile(`(?m)URI="([^"]+)"|^([^#<\s].*)$`)
	visit = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		if !strings.HasSuffix(path, ".m3u8") {
			return
		}
		res := get(t, h, "GET", path)
		text := bodyOf(t, res)
		require.Equal(t, 200, res.StatusCode, "%s: %s", path, text)
		for _, m := range uri.FindAllStringSubmatch(text, -1) {
			visit(path[:strings.LastIndexByte(path, '/')+1] + m[1] + m[2])
		}
	}
	for _, p := range h.Playables("films/one") {
		visit(p.Path)
	}
	var paths []string
	for p := range seen {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// version is the one in the media URLs of an endpoint.
func version(t testing.TB, h *origin.Handler, presentation, endpoint string) string {
	t.Helper()
	for _, name := range []string{"v1", "v2", "a1", "a2"} {
		res := get(t, h, "GET", origin.Prefix+presentation+"/"+endpoint+"/index."+name+".m3u8")
		if m := mediaURL.FindStringSubmatch(bodyOf(t, res)); m != nil {
			return m[1]
		}
	}
	require.Fail(t, "no media playlist", "%s/%s", presentation, endpoint)
	return ""
}

var mediaURL = regexp.MustCompile(`(?m)^([a-z0-9]+)/[^#]*$`)

// resolve is the path of something of films/one below its endpoint, with v for the version.
func resolve(t testing.TB, h *origin.Handler, file string) string {
	t.Helper()
	endpoint, rest, ok := strings.Cut(file, "/v/")
	if ok {
		file = endpoint + "/" + version(t, h, "films/one", endpoint) + "/" + rest
	}
	return origin.Prefix + "films/one/" + file
}

// firstSegment has one range of 300 KB and then short ones.
func firstSegment(t *testing.T) string { return resolve(t, newHandler(&content{}), "cmaf/v/v1/1.m4s") }

// endpointOf is the endpoint in a path of films/one.
func endpointOf(path string) string {
	rest := strings.TrimPrefix(path, origin.Prefix+"films/one/")
	return rest[:strings.IndexByte(rest, '/')]
}

func mustParse(entry []byte) media.Codec {
	s, err := codec.FromEntry(entry, nil)
	if err != nil {
		panic(err) // entries of bmfftest are well formed
	}
	return s.Codec
}
