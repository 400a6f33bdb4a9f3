package vod_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// handles is a file system that remembers the files that it opened.
type handles struct {
	fs.FS
	open []*os.File
}

func (h *handles) Open(name string) (fs.File, error) {
	f, err := h.FS.Open(name)
	if o, ok := f.(*os.File); ok {
		h.open = append(h.open, o)
	}
	return f, err
}

// TestM8StaleHandle: a file whose handle has gone bad, as on network file systems, is opened anew, under the same name
// with the same version; who held the old handle gets media.ErrChanged.
func TestM8StaleHandle(t *testing.T) {
	dir := t.TempDir()
	data := bmfftest.File{Tracks: []track{bmfftest.Video(50, 25)}}.Bytes()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "film.mp4"), data, 0o600))
	files := &handles{FS: os.DirFS(dir)}
	d := &vod.Dir{FS: files}
	open := func() *media.Timeline {
		c, err := d.Open(ctx, "film")
		require.NoError(t, err)
		return timeline(t, c, time.Second)
	}
	first := open()
	require.Same(t, first, open())
	for _, f := range files.open { // some were opened to look at the file
		_ = f.Close() // fstat fails from now on
	}
	s := first.Periods[0].Renditions[0].Segments.At(0)
	_, err := s.Source.Samples(ctx, s.Track, s.Media)
	require.ErrorIs(t, err, media.ErrChanged)
	second := open()
	require.NotSame(t, first, second)
	require.Equal(t, first.Version, second.Version, "the bytes are the same, and so are all URLs")
	s = second.Periods[0].Renditions[0].Segments.At(0)
	runs, err := s.Source.Samples(ctx, s.Track, s.Media)
	require.NoError(t, err)
	p := make([]byte, runs[0].Samples[0].Size)
	require.NoError(t, runs[0].Data.ReadAt(ctx, p, runs[0].Samples[0].Offset))
	require.Equal(t, bmfftest.Frame(0, true), p)
}

// TestM6OddAnswers: what servers and those between say besides statuses.
func TestM6OddAnswers(t *testing.T) {
	data := bmfftest.Noise(7, 700_000)
	answer := func(edit func(h http.Header)) *remote {
		return &remote{data: data, etag: `"one"`, bend: func(w http.ResponseWriter, r *http.Request) bool {
			edit(w.Header())
			return false
		}}
	}
	for name, edit := range map[string]func(h http.Header){
		"a long header": func(h http.Header) { h.Set("X-Amz-Meta-Policy", strings.Repeat("x", 60_000)) },
		"many headers": func(h http.Header) {
			for i := range 500 {
				h.Set(fmt.Sprint("X-", i), "y")
			}
		},
		"another type": func(h http.Header) { h.Set("Content-Type", "text/html") },
	} {
		obj, err := vod.HTTP{URL: serve(t, answer(edit)), Cache: 1 << 20}.Open(ctx)
		require.NoError(t, err, name)
		mediatest.TestObject(t, obj, data)
	}
	partial := func(field string, body []byte) *remote {
		return &remote{bend: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Content-Range", field)
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(body)
			return true
		}}
	}
	for _, field := range []string{"", "bytes */700000", "bytes 0-99/*", "bytes 100-0/700000", "bytes 0-700000/700000", "bytes -1-5/10", "items 0-9/10"} {
		_, err := vod.HTTP{URL: serve(t, partial(field, data[:100])), Retries: -1}.Open(ctx)
		require.ErrorIs(t, err, media.ErrFormat, "Content-Range %q", field)
	}
	_, err := vod.HTTP{URL: serve(t, partial("bytes 7-106/700000", data[7:107])), Retries: -1}.Open(ctx)
	require.ErrorIs(t, err, media.ErrFormat, "another range than was asked for")
	_, err = vod.HTTP{URL: serve(t, partial("bytes 0-524287/700000", data[:100])), Retries: -1}.Open(ctx)
	require.Error(t, err, "fewer bytes than were said")

	// signed URLs: who redirects signs anew each time, and what is signed is in no error
	var n atomic.Int64
	signer := &remote{bend: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("signature") == "" {
			http.Redirect(w, r, fmt.Sprintf("/x.mp4?signature=secret%d", n.Add(1)), http.StatusFound)
			return true
		}
		return false
	}, data: data, etag: `"one"`}
	url, _, _ := strings.Cut(serve(t, signer), "?")
	obj, err := vod.HTTP{URL: url}.Open(ctx)
	require.NoError(t, err)
	p := make([]byte, 1000)
	require.NoError(t, obj.ReadAt(ctx, p, 600_000))
	require.True(t, bytes.Equal(data[600_000:601_000], p))
	require.EqualValues(t, 2, n.Load(), "signed for each request")
	loop := &remote{bend: func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, r.URL.Path+"?signature=secret", http.StatusFound)
		return true
	}}
	url, _, _ = strings.Cut(serve(t, loop), "?")
	_, err = vod.HTTP{URL: url, Retries: -1}.Open(ctx)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}

// TestM4Blocks: reads as small as a box header cost the store no more than the blocks that they lie in.
func TestM4Blocks(t *testing.T) {
	s := &remote{data: bmfftest.Noise(7, 4<<20), etag: `"one"`}
	obj, err := vod.HTTP{URL: serve(t, s)}.Open(ctx)
	require.NoError(t, err)
	p := make([]byte, 512)
	for off := int64(0); off < 4<<20; off += 512 {
		require.NoError(t, obj.ReadAt(ctx, p, off))
	}
	require.LessOrEqual(t, obj.Requests(), int64(8), "8192 reads of half a kilobyte")
	again := obj.Requests()
	require.NoError(t, obj.ReadAt(ctx, make([]byte, 4<<20), 0))
	require.Equal(t, again, obj.Requests(), "kept")
}
