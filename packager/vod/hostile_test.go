package vod_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// allocated is the memory that f takes in all, bytes.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// TestHostileEdits: however often a list of edits asks for the same samples, memory follows the size of the file and time
// stays short.
func TestHostileEdits(t *testing.T) {
	const n = 100_000 // entries of 12 bytes
	many := func(edit func(i int) bmfftest.Edit) (list []bmfftest.Edit) {
		for i := range n {
			list = append(list, edit(i))
		}
		return list
	}
	video := bmfftest.Video(1000, 1000).Reorder(true)
	for name, tr := range map[string]track{
		"the end of one long GOP": edited(video, many(func(int) bmfftest.Edit { return bmfftest.Edit{Media: 990 * frame, Duration: 40} })...),
		"its start":               edited(video, many(func(int) bmfftest.Edit { return bmfftest.Edit{Media: frame, Duration: 1} })...),
		"moments without picture": edited(video, many(func(int) bmfftest.Edit { return bmfftest.Edit{Media: 10*frame + 1, Duration: 1} })...),
		"all of it":               edited(video, many(func(int) bmfftest.Edit { return bmfftest.Edit{Duration: 40_000} })...),
		"backwards":               edited(video, many(func(i int) bmfftest.Edit { return bmfftest.Edit{Media: int64(n-i) % 1000 * frame, Duration: 40} })...),
		"holes":                   edited(video, many(func(i int) bmfftest.Edit { return bmfftest.Edit{Media: -int64(i % 2), Duration: 40} })...),
		"sound":                   edited(bmfftest.Audio(1000), many(func(i int) bmfftest.Edit { return bmfftest.Edit{Media: int64(i) * 7 % 900_000, Duration: 50} })...),
		"as many heads as are taken": edited(bmfftest.Video(1000, 4).Reorder(true), many(func(i int) bmfftest.Edit {
			return bmfftest.Edit{Media: 3 * frame, Duration: 40}
		})[:4000]...),
		"long times": edited(video, many(func(int) bmfftest.Edit { return bmfftest.Edit{Duration: 1<<32 - 1} })...),
	} {
		t.Run(name, func(t *testing.T) {
			obj := object("x.mp4", tr)
			start := time.Now()
			used := allocated(func() {
				src, err := vod.Open(ctx, "x.mp4", obj)
				if err != nil {
					t.Log(err)
					require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported), "%v", err)
					return
				}
				require.LessOrEqual(t, src.Size(), 24*obj.Size(), "tables")
				a := &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: obj}}}
				_, err = a.Present(media.Plan{}).Timeline(ctx)
				require.NoError(t, err)
			})
			t.Logf("%d bytes for a file of %d, %v", used, obj.Size(), time.Since(start))
			require.LessOrEqual(t, used, int64(256<<20), "in all")
			require.Less(t, time.Since(start), 10*time.Second)
		})
	}
}

// TestManyDescriptions: a file whose samples each have another description than the one before is refused, not made into
// as many Periods.
func TestManyDescriptions(t *testing.T) {
	video := bmfftest.Video(5000, 50)
	video.Entries = [][]byte{bmfftest.AVC1(), bmfftest.AVC3()}
	for i := range video.Samples {
		video.Samples[i].Entry = i % 2
	}
	_, err := vod.Open(ctx, "x.mp4", object("x.mp4", video))
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "changes more than 1000 times")
}

// TestSizeIsTrue: what a Source says that its tables take is what the heap grows by, and no more than 1.5 MB an hour.
func TestSizeIsTrue(t *testing.T) {
	const hours = 2
	video := bmfftest.Video(hours*3600*25, 50).Reorder(false)
	for i := range video.Samples {
		video.Samples[i].Data, video.Samples[i].Size = nil, 20+i%50
	}
	video.Edits = []bmfftest.Edit{{Media: 27 * frame}} // inside a GOP
	for name, tr := range map[string]track{"video": video, "audio": bmfftest.Audio(hours * 3600 * 48000 / aac)} {
		t.Run(name, func(t *testing.T) {
			obj := object("film.mp4", tr)
			heap := func() int64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before := heap()
			src, err := vod.Open(ctx, "film.mp4", obj)
			require.NoError(t, err)
			grown := heap() - before
			t.Logf("says %d, holds %d, of a file of %d", src.Size(), grown, obj.Size())
			require.InEpsilon(t, src.Size(), grown, 0.15)
			require.LessOrEqual(t, grown, int64(hours*1_500_000))
			runtime.KeepAlive(obj)
			runtime.KeepAlive(src)
		})
	}
}

// TestASampleForEachByte: tables of a few bytes may claim as many samples as the file has bytes. What is planned of them
// stays within the bound of the package's doc, and more than that allows are refused.
func TestASampleForEachByte(t *testing.T) {
	claim := func(tr track, n int) media.Object {
		tr.Samples = tr.Samples[:1]
		tr.Samples[0].Data = []byte{1}
		data := bmfftest.File{Tracks: []track{tr}}.Bytes()
		for typ, at := range map[string]int{"stts": 12, "stsz": 12, "stsc": 16} {
			binary.BigEndian.PutUint32(data[bytes.Index(data, []byte(typ))+at:], uint32(n))
		}
		binary.BigEndian.PutUint32(data[bytes.Index(data, []byte("mdat"))-4:], uint32(n+8))
		return bmfftest.Object("x.mp4", append(data, make([]byte, n-1)...))
	}
	for name, tr := range map[string]track{"video": bmfftest.Video(1, 1), "audio": bmfftest.Audio(1)} {
		t.Run(name, func(t *testing.T) {
			const n = 1 << 19
			obj := claim(tr, n)
			tables := allocated(func() { _, _ = vod.Open(ctx, "x.mp4", obj) })
			used := allocated(func() {
				tl := timeline(t, &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: obj}}}, 0)
				require.NotZero(t, tl.Periods[0].Renditions[0].Segments.Len())
			})
			require.LessOrEqual(t, used-tables, int64(1<<20+16*n))
		})
	}
	_, err := vod.Open(ctx, "x.mp4", claim(bmfftest.Audio(1), 1<<24+1))
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "16777217 samples are more than 16777216")
}

// denied is a file system in which some names may not be read.
type denied struct {
	fstest.MapFS
	name string
}

func (d denied) Open(name string) (fs.File, error) {
	if name == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return d.MapFS.Open(name)
}

func (d denied) Stat(name string) (fs.FileInfo, error) { return d.MapFS.Stat(name) }

// TestOddFiles: files without bytes, without permission and without a name that can be.
func TestOddFiles(t *testing.T) {
	fsys := denied{library(), "film.mp4"}
	fsys.MapFS["zero.mp4"] = text("")
	fsys.MapFS["parts/init.mp4"] = text("")
	fsys.MapFS["parts/1.m4s"] = text("")
	fsys.MapFS["readme/x.txt"] = text("")
	d := &vod.Dir{FS: fsys}
	read := func(name string) (*media.Timeline, error) {
		c, err := d.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		return c.Present(media.Plan{}).Timeline(ctx)
	}
	_, err := read("zero")
	require.ErrorIs(t, err, media.ErrFormat)
	require.ErrorContains(t, err, "zero.mp4")
	_, err = read("film")
	require.ErrorIs(t, err, fs.ErrPermission)
	require.NotErrorIs(t, err, media.ErrNotFound, "it is there, and its owner should hear of it")
	_, err = read("readme")
	require.ErrorIs(t, err, media.ErrNotFound, "a folder without media")
	fsys.MapFS["film2/5.m4s"] = text("")
	tl, err := read("film2")
	require.NoError(t, err)
	require.Contains(t, tl.Notes[0].Text, "append the segments to their initialization segment")
	fsys.name = ""
	d.FS = fsys
	_, err = read("film")
	require.NoError(t, err, "trouble with storage is not remembered")
}
