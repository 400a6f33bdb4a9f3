package vod_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func file(tracks ...bmfftest.Track) *fstest.MapFile {
	return &fstest.MapFile{Data: bmfftest.File{Tracks: tracks}.Bytes(), ModTime: time.Unix(1e9, 0)}
}

func text(s string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(s), ModTime: time.Unix(1e9, 0)}
}

func library() fstest.MapFS {
	return fstest.MapFS{
		"film.mp4":           file(bmfftest.Video(50, 25), bmfftest.Audio(90)),
		"Odd Name & ü.MP4":   file(bmfftest.Video(50, 25)),
		"film2/hi.mp4":       file(bmfftest.Video(50, 25)),
		"film2/lo.mp4":       file(bmfftest.Video(50, 25)),
		"film2/sound.fr.m4a": file(bmfftest.Audio(90)),
		"film2/sound.de.m4a": file(bmfftest.Audio(90)),
		"film2/notes.txt":    text("hello"),
		"film2/.hidden.mp4":  text("no"),
		"series/one/v.mp4":   file(bmfftest.Video(50, 25)),
		"cut.smil":           text(`<smil><body><switch><video name="film2/hi.mp4" systemLanguage="en"/><audio src="film.mp4" audioName="Sound"/></switch></body></smil>`),
		"broken.mp4":         text("this is no MP4"),
		"climb.smil":         text(`<smil><video src="../../etc/passwd"/></smil>`),
		".git/x.mp4":         text("no"),
		"readme.txt":         text("hello"),
	}
}

func TestDir(t *testing.T) {
	d := &vod.Dir{FS: library()}
	names, err := d.List(ctx)
	require.NoError(t, err)
	for _, name := range names {
		if _, err := d.Open(ctx, name); name != "climb" {
			require.NoError(t, err, "listed and not found: %s", name)
		}
	}
	require.Equal(t, []string{"Odd Name & ü", "broken", "climb", "cut", "film", "film2", "series/one"}, names)

	ids := func(name string) (out []string) {
		c, err := d.Open(ctx, name)
		require.NoError(t, err)
		for _, r := range timeline(t, c, time.Second).Periods[0].Renditions {
			out = append(out, r.ID+" "+r.Track.Language)
		}
		return out
	}
	require.Equal(t, []string{"v1 ", "a1 "}, trim(ids("film")))
	require.Equal(t, []string{"v1 ", "v2 ", "a1 de", "a2 fr"}, trim(ids("film2")))
	require.Len(t, ids("series/one"), 1)
	require.Len(t, ids("cut"), 2)

	_, err = d.Open(ctx, "climb")
	require.ErrorIs(t, err, media.ErrFormat)
	c, err := d.Open(ctx, "broken")
	require.NoError(t, err)
	_, err = c.Present(media.Plan{}).Timeline(ctx)
	require.ErrorIs(t, err, media.ErrFormat)
	require.ErrorContains(t, err, "broken.mp4")
}

func trim(list []string) []string {
	for i := range list {
		list[i] = strings.Replace(list[i], " und", " ", 1)
	}
	return list
}

// TestM12Climbing: names that climb, are absolute, hidden or strange find nothing.
func TestM12Climbing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.mp4"), bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Audio(9)}}.Bytes(), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "in"), 0o700))
	d := &vod.Dir{FS: os.DirFS(filepath.Join(dir, "in"))}
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../../x", "a//b", "x/", ".git/x", "a/.b", "..\\x", "x\x00", "none", dir + "/x"} {
		_, err := d.Open(ctx, name)
		require.ErrorIs(t, err, media.ErrNotFound, "%q", name)
	}
}

// TestM1Replaced: a file that is replaced is read anew; its timeline has another version and the old one's reads fail
// rather than mix.
func TestM1Replaced(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "film.mp4")
	d := &vod.Dir{FS: os.DirFS(dir)}
	load := func() *media.Timeline {
		c, err := d.Open(ctx, "film")
		require.NoError(t, err)
		return timeline(t, c, time.Second)
	}
	require.NoError(t, os.WriteFile(p, bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 25)}}.Bytes(), 0o600))
	one := load()
	require.Same(t, one, load())

	other := filepath.Join(dir, "new")
	require.NoError(t, os.WriteFile(other, bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(100, 25)}}.Bytes(), 0o600))
	require.NoError(t, os.Rename(other, p))
	two := load()
	require.NotEqual(t, one.Version, two.Version)
	s := one.Periods[0].Renditions[0].Segments.At(0)
	_, err := s.Source.Samples(ctx, s.Track, s.Media)
	require.NoError(t, err, "the file that was replaced is still there for those who read it")

	later := time.Now().Add(time.Hour)
	require.NoError(t, os.WriteFile(p, bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(75, 25)}}.Bytes(), 0o600))
	require.NoError(t, os.Chtimes(p, later, later))
	s = two.Periods[0].Renditions[0].Segments.At(0)
	_, err = s.Source.Samples(ctx, s.Track, s.Media)
	require.ErrorIs(t, err, media.ErrChanged, "written over in place")
	require.NotEqual(t, two.Version, load().Version)

	require.NoError(t, os.Remove(p))
	_, err = d.Open(ctx, "film")
	require.ErrorIs(t, err, media.ErrNotFound)
}

// TestM2EqualMachines: copies of files with equal times have equal versions wherever they lie.
func TestM2EqualMachines(t *testing.T) {
	var versions []string
	for range 2 {
		dir := t.TempDir()
		p := filepath.Join(dir, "film.mp4")
		require.NoError(t, os.WriteFile(p, bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 25)}}.Bytes(), 0o600))
		require.NoError(t, os.Chtimes(p, time.Unix(1e9, 5), time.Unix(1e9, 5)))
		c, err := (&vod.Dir{FS: os.DirFS(dir)}).Open(ctx, "film")
		require.NoError(t, err)
		versions = append(versions, timeline(t, c, time.Second).Version)
	}
	require.Equal(t, versions[0], versions[1])
}

// TestM3OneBuild: many who ask for a cold asset wait for one reading of it.
func TestM3OneBuild(t *testing.T) {
	obj := &slow{Object: object("x.mp4", bmfftest.Video(50, 25)), wait: make(chan struct{})}
	a := &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: obj}}}
	impatient, cancel := context.WithCancel(ctx)
	left := make(chan error, 1)
	go func() {
		_, err := a.Present(media.Plan{}).Timeline(impatient)
		left <- err
	}()
	cancel()
	require.ErrorIs(t, <-left, context.Canceled)
	var wg sync.WaitGroup
	got := make([]*media.Timeline, 100)
	for i := range got {
		wg.Go(func() { got[i], _ = a.Present(media.Plan{}).Timeline(ctx) })
	}
	close(obj.wait)
	wg.Wait()
	for _, tl := range got {
		require.NotNil(t, tl)
		require.Same(t, got[0], tl)
	}
	alone := &slow{Object: object("x.mp4", bmfftest.Video(50, 25)), wait: obj.wait}
	_, err := vod.Open(ctx, "x.mp4", alone)
	require.NoError(t, err)
	require.Equal(t, alone.reads(), obj.reads(), "read once")
}

type slow struct {
	media.Object
	wait chan struct{}
	mu   sync.Mutex
	n    int
}

func (s *slow) ReadAt(ctx context.Context, p []byte, off int64) error {
	<-s.wait
	s.mu.Lock()
	s.n++
	s.mu.Unlock()
	return s.Object.ReadAt(ctx, p, off)
}

func (s *slow) reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// TestCacheBound: the cache gives up what was used longest ago, and what it gave up is read again.
func TestCacheBound(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 40 {
		fsys[fmt.Sprintf("f%02d.mp4", i)] = file(bmfftest.Video(2000, 25))
	}
	cache := &vod.Cache{Bytes: 100_000}
	d := &vod.Dir{FS: fsys, Cache: cache}
	for round := range 2 {
		for i := range 40 {
			c, err := d.Open(ctx, fmt.Sprintf("f%02d", i))
			require.NoError(t, err)
			require.NotNil(t, timeline(t, c, time.Second))
			require.LessOrEqual(t, cache.Used(), int64(100_000), "round %d", round)
		}
	}
	require.Positive(t, cache.Used())
}

func TestParseSMIL(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		want []vod.SMILEntry
	}{
		"attributes": {`<?xml version="1.0" encoding="UTF-8"?>
			<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head/><body><switch>
			<video name="mp4:a/1080.mp4" systemLanguage="eng" audioName="English" system-bitrate="1"/>
			<video src="540.mp4" includeAudio="False"><param name="x" value="y"/></video>
			<audio name="fr.m4a" language="fra"/>
			<textstream src="fr.srt" systemLanguage="fra" subtitleName="x"/></switch></body></smil>`,
			[]vod.SMILEntry{
				{Path: "a/1080.mp4", Language: "en", Label: "English"},
				{Path: "540.mp4", Only: []media.Kind{media.Video}},
				{Path: "fr.m4a", Only: []media.Kind{media.Audio}, Language: "fr"},
			}},
		"empty":       {`<smil/>`, nil},
		"other":       {`<html><video src="x.mp4"/></html>`, nil},
		"not XML":     {`smil`, nil},
		"cut":         {`<smil><video src="x.mp4"/>`, nil},
		"climbs":      {`<smil><video src="../x.mp4"/></smil>`, nil},
		"absolute":    {`<smil><video src="/x.mp4"/></smil>`, nil},
		"elsewhere":   {`<smil><video src="http://example.com/x.mp4"/></smil>`, nil},
		"no name":     {`<smil><video/></smil>`, nil},
		"hidden":      {`<smil><video src="a/.x.mp4"/></smil>`, nil},
		"a lot":       {`<smil>` + strings.Repeat(`<video src="x.mp4"/>`, 1001) + `</smil>`, nil},
		"entity bomb": {`<!DOCTYPE s [<!ENTITY a "aaaa">]><smil><video src="&a;"/></smil>`, nil},
	} {
		s, err := vod.ParseSMIL([]byte(c.doc))
		if c.want == nil {
			require.ErrorIs(t, err, media.ErrFormat, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, s.Entries, name)
		require.Len(t, s.Notes, 1)
	}
}

func FuzzParseSMIL(f *testing.F) {
	f.Add([]byte(`<smil><body><video src="a.mp4"/><audio name="b.m4a" systemLanguage="en"/></body></smil>`))
	f.Add([]byte(`<smil><video src="../x"/></smil>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		s, err := vod.ParseSMIL(doc)
		if err != nil {
			require.ErrorIs(t, err, media.ErrFormat)
			return
		}
		require.NotEmpty(t, s.Entries)
		for _, e := range s.Entries {
			require.False(t, strings.HasPrefix(e.Path, "/") || strings.Contains("/"+e.Path+"/", "/../"), e.Path)
		}
	})
}
