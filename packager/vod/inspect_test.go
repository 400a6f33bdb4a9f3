package vod_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares v as JSON with a file in testdata.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "\t")
	require.NoError(t, err)
	path := filepath.Join("testdata", "inspect", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got)+"\n")
}

// report inspects a file in memory.
func report(t *testing.T, f bmfftest.File) *vod.Report {
	t.Helper()
	r, err := vod.Inspect(ctx, "made.mp4", bmfftest.Object("made.mp4", f.Bytes()))
	require.NoError(t, err)
	return r
}

// TestInspect: what a file is, what can be made of it, and why not.
func TestInspect(t *testing.T) {
	film := edited(bmfftest.Video(250, 100).Reorder(false), bmfftest.Edit{Media: -1, Duration: 500}, bmfftest.Edit{Media: frame})
	film.Language, film.Name = "fra", "Version longue"
	text := bmfftest.Audio(5)
	text.Handler = "text"
	vorbis, crypt, empty := bmfftest.Audio(9), bmfftest.Video(50, 25), bmfftest.Audio(0)
	vorbis.Entries = [][]byte{bmfftest.AudioEntry("vorb", 2, 48000)}
	locked := crypt.Encrypt(cbcs)
	crypt.Entries = [][]byte{bmfftest.Box("encv", bmfftest.AVC1()[8:], bmfftest.Box("sinf", bmfftest.Box("frma", []byte("avc1"))))}
	hidden := edited(bmfftest.Audio(90), bmfftest.Edit{Media: -1, Duration: 500})
	for name, f := range map[string]bmfftest.File{
		"film":       {Tracks: []track{film, edited(bmfftest.Audio(470), bmfftest.Edit{Media: 1024}), text}},
		"fragmented": {Tracks: []track{bmfftest.Video(250, 50), bmfftest.Sound(bmfftest.Opus(), 500, 960, 48000)}, Fragment: 50},
		"partly":     {Tracks: []track{bmfftest.Video(50, 25), vorbis, empty, hidden}},
		"encrypted":  {Tracks: []track{locked}},
		"sealed":     {Tracks: []track{crypt}},
		"nothing":    {Tracks: []track{text}},
	} {
		t.Run(name, func(t *testing.T) {
			r := report(t, f)
			r.IndexBytes = min(r.IndexBytes, 1) // a detail of the tables
			golden(t, name, r)
		})
	}
}

// TestInspectBroken: a file that is none is a report that says so, not an error.
func TestInspectBroken(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("this is no MP4, however long it may be"), "a head alone": bmfftest.Box("ftyp", []byte("isom\x00\x00\x00\x00")),
	} {
		r, err := vod.Inspect(ctx, "x.mp4", bmfftest.Object("x.mp4", data))
		require.NoError(t, err, name)
		require.NotEmpty(t, r.Error, name)
		require.Equal(t, int64(len(data)), r.Size, name)
	}
	_, err := vod.Inspect(ctx, "x.mp4", &failing{object("x.mp4", bmfftest.Audio(9))})
	require.ErrorIs(t, err, errStorage, "what cannot be read is an error")
}

var errStorage = errors.New("storage is down")

type failing struct{ media.Object }

func (*failing) ReadAt(context.Context, []byte, int64) error { return errStorage }
func (*failing) Bytes(int64, int64) []byte                   { return nil }

func TestWarnings(t *testing.T) {
	r := report(t, bmfftest.File{Tracks: []track{bmfftest.Video(500, 250), bmfftest.Audio(9)}})
	require.Empty(t, r.Warnings(8*time.Second))
	require.Len(t, r.Warnings(0), 1)
	require.Contains(t, r.Warnings(0)[0], "10.0 s apart")
	open := bmfftest.Video(50, 10).Reorder(true)
	open.Samples[11].CTO -= 6 * frame // before the sync sample
	r = report(t, bmfftest.File{Tracks: []track{open}})
	require.Len(t, r.Warnings(0), 1)
	require.Contains(t, r.Warnings(0)[0], "open GOPs")
}
