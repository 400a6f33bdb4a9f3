package vod_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(p, data, 0o600))
	return p
}

func TestFile(t *testing.T) {
	for _, n := range []int{0, 1, 5000, 300_000} {
		data := bmfftest.Noise(7, n)
		f, err := vod.OpenFile(write(t, "x.mp4", data))
		require.NoError(t, err)
		mediatest.TestObject(t, f, data)
		require.NotNil(t, f.File())
		require.NoError(t, f.Close())
		require.Error(t, f.Close())
	}
	_, err := vod.OpenFile(filepath.Join(t.TempDir(), "none.mp4"))
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = vod.OpenFile(t.TempDir())
	require.ErrorIs(t, err, media.ErrUnsupported)
}

// TestFileChanges: a file that shrinks or is written anew under its reader gives ErrChanged, never a crash.
func TestFileChanges(t *testing.T) {
	data := bmfftest.Noise(7, 300_000)
	for name, change := range map[string]func(string) error{
		"shrinks":     func(p string) error { return os.Truncate(p, 10) },
		"grows":       func(p string) error { return os.Truncate(p, 400_000) },
		"is emptied":  func(p string) error { return os.Truncate(p, 0) },
		"other bytes": func(p string) error { return os.WriteFile(p, bmfftest.Noise(8, 300_000), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			p := write(t, "x.mp4", data)
			past := time.Now().Add(-time.Hour)
			require.NoError(t, os.Chtimes(p, past, past))
			f, err := vod.OpenFile(p)
			require.NoError(t, err)
			defer f.Close()
			require.NoError(t, f.ReadAt(ctx, make([]byte, 1000), 200_000))
			require.NoError(t, change(p))
			require.ErrorIs(t, f.ReadAt(ctx, make([]byte, 1000), 200_000), media.ErrChanged)
			require.ErrorIs(t, f.Check(), media.ErrChanged)
		})
	}
}

func TestFS(t *testing.T) {
	data := bmfftest.Noise(7, 50_000)
	fsys := fstest.MapFS{"a/x.mp4": {Data: data}, "y.mp4": {Data: data, ModTime: time.Unix(1, 0)}}
	for _, name := range []string{"a/x.mp4", "y.mp4"} {
		obj, err := vod.OpenFS(fsys, name)
		require.NoError(t, err)
		mediatest.TestObject(t, obj, data)
	}
	_, err := vod.OpenFS(fsys, "none")
	require.ErrorIs(t, err, media.ErrNotFound)
	obj, err := vod.OpenFS(fsys, "y.mp4")
	require.NoError(t, err)
	fsys["y.mp4"].ModTime = time.Unix(2, 0)
	require.ErrorIs(t, obj.ReadAt(ctx, make([]byte, 1), 0), media.ErrChanged)
}

// remote is a server of one resource, whose behaviour a test may bend.
type remote struct {
	mu       sync.Mutex
	data     []byte
	etag     string
	bend     func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	requests atomic.Int64
}

func (s *remote) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.mu.Lock()
	data, etag := s.data, s.etag
	s.mu.Unlock()
	if s.bend != nil && s.bend(w, r) {
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "x.mp4", time.Time{}, bytes.NewReader(data))
}

func serve(t testing.TB, s *remote) string {
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL + "/x.mp4?secret=1"
}

func TestHTTP(t *testing.T) {
	for _, n := range []int{1, 300_000, 1_200_000} { // of the last, the cache holds a part
		s := &remote{data: bmfftest.Noise(7, n), etag: `"one"`}
		obj, err := vod.HTTP{URL: serve(t, s), Block: 1, Cache: 768 << 10}.Open(ctx)
		require.NoError(t, err)
		mediatest.TestObject(t, obj, s.data)
		require.Equal(t, s.requests.Load(), obj.Requests())
	}
}

// TestM3Herd: many cold readers of one block make one request.
func TestM3Herd(t *testing.T) {
	s := &remote{data: bmfftest.Noise(7, 3_000_000), etag: `"one"`}
	obj, err := vod.HTTP{URL: serve(t, s)}.Open(ctx)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			p := make([]byte, 1000)
			if err := obj.ReadAt(ctx, p, 2_000_000); err != nil || !bytes.Equal(p, s.data[2_000_000:2_001_000]) {
				t.Error("read", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(2), obj.Requests())
}

// TestM10Requests: once the tables are read, a segment costs two requests at most, however small the reads are.
func TestM10Requests(t *testing.T) {
	video := bmfftest.Video(1500, 50)
	for i := range video.Samples {
		video.Samples[i].Data = bmfftest.NAL(bmfftest.Noise(uint32(i), 24_000))
	}
	s := &remote{data: bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(2800)}}.Bytes(), etag: `"one"`}
	obj, err := vod.HTTP{URL: serve(t, s)}.Open(ctx)
	require.NoError(t, err)
	a := &vod.Asset{Inputs: []vod.Input{{Name: "x", Object: obj}}}
	tl := timeline(t, a, 6*time.Second)
	r, _ := tl.Periods[0].Rendition("v1")
	for _, i := range []int{2, 7, 4} {
		before := obj.Requests()
		seg := r.Segments.At(i)
		runs, err := seg.Source.Samples(ctx, seg.Track, seg.Media)
		require.NoError(t, err)
		require.Equal(t, before, obj.Requests(), "where samples lie is known: HEAD fetches nothing")
		for _, run := range runs {
			extents := slices.Collect(run.Extents())
			sent, err := packager.NewBody(packager.Piece{Object: run.Data, Extents: extents}).Send(ctx, io.Discard)
			require.NoError(t, err)
			require.Equal(t, seg.Bytes, sent)
		}
		require.LessOrEqual(t, obj.Requests()-before, int64(2), "segment %d of %d bytes", i, seg.Bytes)
	}
}

func TestHTTPChanges(t *testing.T) {
	s := &remote{data: bmfftest.Noise(7, 3_000_000), etag: `"one"`}
	obj, err := vod.HTTP{URL: serve(t, s)}.Open(ctx)
	require.NoError(t, err)
	s.mu.Lock()
	s.data, s.etag = bmfftest.Noise(8, 3_000_000), `"two"`
	s.mu.Unlock()
	require.ErrorIs(t, obj.ReadAt(ctx, make([]byte, 10), 2_900_000), media.ErrChanged)
}

// TestM5RangeIgnored: a large resource is refused, a small one taken whole.
func TestM5RangeIgnored(t *testing.T) {
	whole := func(size int) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = w.Write(bmfftest.Noise(7, min(size, 600_000)))
			return true
		}
	}
	obj, err := vod.HTTP{URL: serve(t, &remote{bend: whole(600_000)})}.Open(ctx)
	require.NoError(t, err)
	mediatest.TestObject(t, obj, bmfftest.Noise(7, 600_000))
	require.Equal(t, int64(1), obj.Requests(), "taken once")
	_, err = vod.HTTP{URL: serve(t, &remote{bend: whole(600_000_000)})}.Open(ctx)
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.Contains(t, err.Error(), "ignores Range")
}

// TestM6Statuses: what servers answer becomes the fitting error, and what may pass is tried again.
func TestM6Statuses(t *testing.T) {
	code := func(code, times int) *remote {
		var n atomic.Int64
		return &remote{data: bmfftest.Noise(7, 1000), etag: `"one"`, bend: func(w http.ResponseWriter, r *http.Request) bool {
			if n.Add(1) > int64(times) {
				return false
			}
			w.WriteHeader(code)
			return true
		}}
	}
	_, err := vod.HTTP{URL: serve(t, code(404, 1))}.Open(ctx)
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = vod.HTTP{URL: serve(t, code(403, 1))}.Open(ctx)
	require.ErrorContains(t, err, "status 403")
	require.NotContains(t, err.Error(), "secret", "what is signed stays out of logs")
	_, err = vod.HTTP{URL: serve(t, code(416, 1))}.Open(ctx)
	require.ErrorIs(t, err, media.ErrFormat)
	obj, err := vod.HTTP{URL: serve(t, code(503, 2))}.Open(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(3), obj.Requests())
	_, err = vod.HTTP{URL: serve(t, code(503, 9)), Retries: -1}.Open(ctx)
	require.ErrorContains(t, err, "status 503")
	dropped := &remote{data: bmfftest.Noise(7, 1000), etag: `"one"`}
	var n atomic.Int64
	dropped.bend = func(w http.ResponseWriter, r *http.Request) bool {
		if n.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	_, err = vod.HTTP{URL: serve(t, dropped)}.Open(ctx)
	require.NoError(t, err)
	target := serve(t, &remote{data: bmfftest.Noise(7, 1000), etag: `"one"`})
	moved := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
	t.Cleanup(moved.Close)
	obj, err = vod.HTTP{URL: moved.URL}.Open(ctx)
	require.NoError(t, err)
	mediatest.TestObject(t, obj, bmfftest.Noise(7, 1000))
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = vod.HTTP{URL: target}.Open(canceled)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, strings.Contains(err.Error(), "secret="))
}
