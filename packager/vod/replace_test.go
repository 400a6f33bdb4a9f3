package vod_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// marked is a file of pictures whose payload is all one byte.
func marked(mark byte, n, size int) []byte {
	video := bmfftest.Video(n, 25)
	for i := range video.Samples {
		video.Samples[i].Data = bytes.Repeat([]byte{mark}, size)
	}
	return bmfftest.File{Tracks: []track{video}}.Bytes()
}

// payload is what a segment is made of, as a body that can be sent.
func payload(t testing.TB, s media.Segment) (packager.Body, error) {
	runs, err := s.Source.Samples(ctx, s.Track, s.Media)
	if err != nil {
		return packager.Body{}, err
	}
	var pieces []packager.Piece
	for i := range runs {
		pieces = append(pieces, packager.Piece{Object: runs[i].Data, Extents: slices.Collect(runs[i].Extents())})
	}
	return packager.NewBody(pieces...), nil
}

// replace puts another file in the place of path, as careful writers do.
func replace(t testing.TB, path string, data []byte, at time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", data, 0o600))
	require.NoError(t, os.Chtimes(path+".new", at, at))
	require.NoError(t, os.Rename(path+".new", path))
}

// TestM1ReplacedWhileSent: a segment on its way is whole where its file was replaced, and broken off where the file was
// written over, with nothing of the new bytes in it.
func TestM1ReplacedWhileSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, path string)
		whole  bool
	}{
		"replaced":     {func(t *testing.T, p string) { replace(t, p, marked('b', 50, 20_000), time.Now()) }, true},
		"removed":      {func(t *testing.T, p string) { require.NoError(t, os.Remove(p)) }, true},
		"written over": {func(t *testing.T, p string) { require.NoError(t, os.WriteFile(p, marked('b', 50, 20_000), 0o600)) }, false},
		"cut short":    {func(t *testing.T, p string) { require.NoError(t, os.Truncate(p, 4000)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "film.mp4")
			replace(t, path, marked('a', 50, 20_000), time.Now().Add(-time.Hour))
			content, err := (&vod.Dir{FS: os.DirFS(dir)}).Open(ctx, "film")
			require.NoError(t, err)
			segment := timeline(t, content, time.Second).Periods[0].Renditions[0].Segments.At(1)
			body, err := payload(t, segment)
			require.NoError(t, err)
			w := &interrupted{at: 1, f: func() { c.change(t, path) }}
			_, err = body.Send(ctx, w)
			require.Equal(t, w.Len(), bytes.Count(w.Bytes(), []byte{'a'}), "nothing but the old bytes")
			if c.whole {
				require.NoError(t, err)
				require.Equal(t, segment.Bytes, int64(w.Len()))
			} else {
				require.Error(t, err)
				require.Less(t, int64(w.Len()), segment.Bytes)
			}
		})
	}
}

// interrupted does something after its first writes.
type interrupted struct {
	bytes.Buffer
	at int
	f  func()
}

func (w *interrupted) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.at--; w.at == 0 {
		w.f()
	}
	return n, err
}

// TestM1Crowd: while files are replaced and a cache that is much too small forgets them, whoever reads gets the bytes of
// one version or an error, never those of two.
func TestM1Crowd(t *testing.T) {
	dir := t.TempDir()
	start := time.Now().Add(-time.Hour)
	for i := range 3 {
		replace(t, filepath.Join(dir, fmt.Sprintf("f%d.mp4", i)), marked(byte('a'), 50, 3000), start)
	}
	d := &vod.Dir{FS: os.DirFS(dir), Cache: &vod.Cache{Bytes: 1, Files: 1}}
	stop := make(chan struct{})
	var wg, writer sync.WaitGroup
	writer.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// other sizes, so that old tables would read elsewhere
			replace(t, filepath.Join(dir, fmt.Sprintf("f%d.mp4", i%3)), marked(byte('a'+i%20), 50+i%5, 3000+i%7*100), start.Add(time.Duration(i)*time.Second))
		}
	})
	var read atomic.Int64
	for g := range 6 {
		wg.Go(func() {
			for i := range 60 {
				n, err := readSegment(t, d, fmt.Sprintf("f%d", (g+i)%3), i%2)
				if err != nil && !errors.Is(err, media.ErrChanged) && !errors.Is(err, media.ErrNotFound) {
					t.Error(err)
					return
				}
				read.Add(n)
			}
		})
	}
	wg.Wait()
	close(stop)
	writer.Wait()
	require.Positive(t, read.Load())
	require.NotZero(t, d.Cache.Used())
}

func readSegment(t *testing.T, d *vod.Dir, name string, segment int) (int64, error) {
	content, err := d.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	tl, err := content.Present(media.Plan{Segment: time.Second}).Timeline(ctx)
	if err != nil {
		return 0, err
	}
	s := tl.Periods[0].Renditions[0].Segments.At(segment)
	body, err := payload(t, s)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	n, err := body.Send(ctx, &out)
	if err == nil && (n != s.Bytes || bytes.Count(out.Bytes(), out.Bytes()[:1]) != int(n)) {
		return 0, fmt.Errorf("%d bytes of several versions", n)
	}
	return n, err
}

// TestCacheHoldsOneVersion: the older version of an asset is given up once the newer is there, and files stay within
// their bound.
func TestCacheHoldsOneVersion(t *testing.T) {
	fsys := fstest.MapFS{"film.mp4": file(bmfftest.Video(50, 25))}
	cache := &vod.Cache{}
	d := &vod.Dir{FS: fsys, Cache: cache}
	load := func(name string) *media.Timeline {
		c, err := d.Open(ctx, name)
		require.NoError(t, err)
		return timeline(t, c, time.Second)
	}
	load("film")
	one := cache.Used()
	for i := range 5 {
		fsys["film.mp4"] = file(bmfftest.Video(50, 25))
		fsys["film.mp4"].ModTime = time.Unix(2e9+int64(i), 0)
		load("film")
		require.Equal(t, one, cache.Used(), "replaced %d times", i+1)
	}
	for i := range 9 {
		fsys[fmt.Sprintf("f%d.mp4", i)] = fsys["film.mp4"]
	}
	cache.Files = 3
	for i := range 9 {
		load(fmt.Sprintf("f%d", i))
		require.LessOrEqual(t, cache.Used(), 3*one)
	}
}

// TestAssetOpensAnew: where an Input says how to open its object, a changed one is opened anew; where it does not, the
// Asset ends with the object.
func TestAssetOpensAnew(t *testing.T) {
	s := &remote{data: marked('a', 100, 20_000), etag: `"one"`}
	url := serve(t, s)
	open := func(ctx context.Context) (media.Object, error) { return vod.HTTP{URL: url}.Open(ctx) }
	obj, err := open(ctx)
	require.NoError(t, err)
	lasting := &vod.Asset{Inputs: []vod.Input{{Name: "film", Open: open}}}
	fixed := &vod.Asset{Inputs: []vod.Input{{Name: "film", Object: obj}}}
	read := func(a *vod.Asset) (string, byte, error) {
		tl, err := a.Present(media.Plan{Segment: time.Second}).Timeline(ctx)
		if err != nil {
			return "", 0, err
		}
		body, err := payload(t, tl.Periods[0].Renditions[0].Segments.At(3))
		if err != nil {
			return "", 0, err
		}
		p, err := body.Bytes(ctx)
		if err != nil {
			return "", 0, err
		}
		return tl.Version, p[0], nil
	}
	tl := timeline(t, lasting, time.Second)
	require.Same(t, tl, timeline(t, lasting, time.Second))
	timeline(t, fixed, time.Second)

	s.mu.Lock()
	s.data, s.etag = marked('b', 110, 20_000), `"two"`
	s.mu.Unlock()
	_, _, err = read(lasting)
	require.ErrorIs(t, err, media.ErrChanged, "who finds out has begun with the old one")
	version, mark, err := read(lasting)
	require.NoError(t, err)
	require.NotEqual(t, tl.Version, version)
	require.Equal(t, byte('b'), mark)
	for range 3 {
		_, _, err = read(fixed)
		require.ErrorIs(t, err, media.ErrChanged)
	}

	_, err = (&vod.Asset{Inputs: []vod.Input{{Name: "nothing"}}}).Present(media.Plan{}).Timeline(ctx)
	require.ErrorContains(t, err, `"nothing" has neither Object nor Open`)
	var n int
	failing := &vod.Asset{Inputs: []vod.Input{{Name: "x", Open: func(context.Context) (media.Object, error) {
		if n++; n == 1 {
			return nil, io.ErrUnexpectedEOF
		}
		return object("x.mp4", bmfftest.Audio(9)), nil
	}}}}
	_, err = failing.Present(media.Plan{}).Timeline(ctx)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	timeline(t, failing, 0)
}

// TestDirLinks: links to files and folders are followed by name; only an os.Root keeps them inside; List does not walk
// through links, so that a loop ends.
func TestDirLinks(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "lib")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "show"), 0o700))
	data := marked('a', 50, 100)
	require.NoError(t, os.WriteFile(filepath.Join(base, "outside.mp4"), data, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "show", "100% ä b.mp4"), data, 0o600))
	for link, to := range map[string]string{"film.mp4": "show/100% ä b.mp4", "again": "show", "show/loop": "../show", "self.mp4": "self.mp4",
		"out.mp4": "../outside.mp4", "dangling.mp4": "nowhere.mp4"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Logf("no links here: %v", err)
			return
		}
	}
	d := &vod.Dir{FS: os.DirFS(dir)}
	names, err := d.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"film", "out", "show"}, names)
	for _, name := range []string{"film", "again", "show", "out", "show/loop/loop", "show/100% ä b"} {
		c, err := d.Open(ctx, name)
		require.NoError(t, err, name)
		timeline(t, c, 0)
	}
	for _, name := range []string{"dangling", "self"} {
		_, err = d.Open(ctx, name)
		require.ErrorIs(t, err, media.ErrNotFound, name)
	}
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	d = &vod.Dir{FS: root.FS()}
	_, err = d.Open(ctx, "out")
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrPermission)
	c, err := d.Open(ctx, "film")
	require.NoError(t, err)
	timeline(t, c, 0)
}

// TestAssetOpensRefused: a file that was refused is opened again with the next use, for it may have been replaced.
func TestAssetOpensRefused(t *testing.T) {
	s := &remote{data: marked('a', 100, 20_000)[:4000], etag: `"half"`}
	url := serve(t, s)
	open := func(ctx context.Context) (media.Object, error) { return vod.HTTP{URL: url}.Open(ctx) }
	a := &vod.Asset{Inputs: []vod.Input{{Name: "film", Open: open}}}
	_, err := a.Present(media.Plan{}).Timeline(ctx)
	require.ErrorIs(t, err, media.ErrFormat)
	s.mu.Lock()
	s.data, s.etag = marked('b', 100, 20_000), `"whole"`
	s.mu.Unlock()
	timeline(t, a, time.Second)
}
