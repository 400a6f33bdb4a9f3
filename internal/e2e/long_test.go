package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// TestLongAsset: a segment near the end costs what one near the start costs, and an index is small. Ten minutes of media
// and wide bounds for times, as machines that run tests are busy; TestProofLongAsset has two hours and the true ones.
func TestLongAsset(t *testing.T) {
	dir := t.TempDir()
	short := harness.Media(t)
	for _, name := range []string{"video_h264_360_25.mp4", "audio_eng_aac.m4a"} {
		harness.Run(t, "ffmpeg", "-v", "error", "-stream_loop", "24", "-i", filepath.Join(short, name), "-c", "copy", filepath.Join(dir, name))
	}
	for _, c := range costs(t, dir, 20) {
		require.InDelta(t, c.startAllocs, c.endAllocs, 2, c.what) // pools are emptied now and then
		require.InDelta(t, 1, c.ratio(), 0.8, "%+v", c)
	}
	require.LessOrEqual(t, heapPerHour(t, dir, 2*600), 1.5e6)
}

// TestProofLongAsset is TestLongAsset on two hours.
func TestProofLongAsset(t *testing.T) {
	if !harness.Proof() {
		return
	}
	dir := filepath.Join(harness.Root(), ".cache", "long")
	if _, err := os.Stat(filepath.Join(dir, "audio_eng_aac.m4a")); err != nil {
		harness.Run(t, filepath.Join(harness.Root(), "internal", "e2e", "testmedia", "generate.sh"), "--long", dir)
	}
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "short")))
	var b strings.Builder
	b.WriteString("A segment of 6 s near the start and one near the end of two hours, with the same frames: planned, packaged and\n" +
		"moved to memory, in process and warm; the least of 400 turns that alternate.\n\n" +
		"| segment | bytes | start, µs | end, µs | end / start | allocations, start | end |\n|---|---|---|---|---|---|---|\n")
	for _, c := range costs(t, dir, 400) {
		fmt.Fprintf(&b, "| %s | %d | %.1f | %.1f | %.3f | %d | %d |\n", c.what, c.bytes, us(c.start), us(c.end), c.ratio(), c.startAllocs, c.endAllocs)
		require.InDelta(t, 1, c.ratio(), 0.1, c.what)
	}
	heap := heapPerHour(t, dir, 3*2*3600)
	fmt.Fprintf(&b, "\nHeap that the asset's index and plan hold, measured after garbage collection: %.2f MB per hour of rendition.\n", heap/1e6)
	require.LessOrEqual(t, heap, 1.5e6)
	harness.WriteProof(t, "long-asset", "What a segment of two hours costs", "make proof", b.String())
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

type cost struct {
	what                   string
	bytes                  int64
	start, end             time.Duration // least of all turns
	startAllocs, endAllocs int
}

func (c *cost) ratio() float64 { return float64(c.end) / float64(c.start) }

func open(t *testing.T, dir string) *media.Timeline {
	parent, name := filepath.Split(dir)
	content, err := (&vod.Dir{FS: os.DirFS(parent)}).Open(t.Context(), name)
	require.NoError(t, err)
	tl, err := content.Present(media.Plan{Segment: 6 * time.Second}).Timeline(t.Context())
	require.NoError(t, err)
	return tl
}

// costs compares segments that hold the same frames: generated media repeat every 24 s, four segments.
func costs(t *testing.T, dir string, turns int) []cost {
	tl := open(t, dir)
	r, ok := tl.Periods[0].Rendition("v1")
	require.True(t, ok)
	first := uint64(6)
	last := uint64(r.Segments.Len()-6)/4*4 + 2
	var all []cost
	for _, k := range []struct {
		what, rendition string
		p               packager.Packager
		mux             bool
	}{{"CMAF video", "v1", cmaf.Packager{}, false}, {"CMAF audio", "a1", cmaf.Packager{}, false}, {"TS, video and audio", "v1", ts.Packager{}, true}} {
		make := func(n uint64) (size int64) {
			segs, err := tl.Segment(k.rendition, n)
			require.NoError(t, err)
			if !k.mux {
				segs = segs[:1]
			}
			job, err := packager.Load(context.Background(), segs)
			require.NoError(t, err)
			body, err := k.p.Segment(context.Background(), job)
			require.NoError(t, err)
			size, err = body.Send(context.Background(), io.Discard)
			require.NoError(t, err)
			return size
		}
		c := cost{what: k.what, bytes: make(first), start: time.Hour, end: time.Hour}
		require.InDelta(t, c.bytes, make(last), float64(c.bytes)/50, "the same frames")
		for range turns {
			begin := time.Now()
			make(first)
			middle := time.Now()
			make(last)
			c.start, c.end = min(c.start, middle.Sub(begin)), min(c.end, time.Since(middle))
		}
		c.startAllocs = int(testing.AllocsPerRun(10, func() { make(first) }))
		c.endAllocs = int(testing.AllocsPerRun(10, func() { make(last) }))
		all = append(all, c)
	}
	return all
}

// heapPerHour is the heap that an open asset holds, bytes for each hour of a rendition. seconds are those of all
// renditions together.
func heapPerHour(t *testing.T, dir string, seconds float64) float64 {
	heap := func() uint64 {
		var m runtime.MemStats
		for range 3 { // finalizers and cleanups of earlier assets
			runtime.GC()
			time.Sleep(20 * time.Millisecond)
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	tl := open(t, dir)
	after := heap()
	runtime.KeepAlive(tl)
	return float64(max(after, before)-before) / seconds * 3600
}
