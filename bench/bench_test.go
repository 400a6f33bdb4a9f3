package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// What a segment costs, near the start and near the end of two hours, and of a clip where payload weighs.
func BenchmarkSegment(b *testing.B) {
	for _, m := range []struct {
		name string
		obj  func() media.Object
	}{{"2h", film}, {"5Mbps", clip}} {
		tl := timeline(b, m.obj())
		for _, f := range []struct {
			name, rendition string
			p               packager.Packager
			mux             bool
		}{
			{"cmaf-video", "v1", cmaf.Packager{}, false},
			{"cmaf-audio", "a1", cmaf.Packager{}, false},
			{"ts", "v1", ts.Packager{}, true},
		} {
			for _, at := range []struct {
				name string
				n    uint64
			}{{"start", 2}, {"end", last(tl, f.rendition)}} {
				b.Run(fmt.Sprintf("%s/%s/%s", m.name, f.name, at.name), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(render(b, tl, f.p, f.rendition, at.n, f.mux))
					for b.Loop() {
						render(b, tl, f.p, f.rendition, at.n, f.mux)
					}
				})
			}
		}
	}
}

// What moving the bytes of a 5 Mbit/s segment costs by itself.
func BenchmarkCopy(b *testing.B) {
	obj := clip()
	buf := make([]byte, 128<<10)
	const size = 3_750_000
	b.SetBytes(size)
	for b.Loop() {
		for off := int64(0); off < size; off += int64(len(buf)) {
			require.NoError(b, obj.ReadAt(context.Background(), buf, off))
		}
	}
}

// What opening a file costs, and what its index holds for each hour of a rendition.
func BenchmarkIndex(b *testing.B) {
	obj := film()
	var movie *bmff.Movie
	for b.Loop() {
		var err error
		movie, err = bmff.Open(context.Background(), "film.mp4", obj)
		require.NoError(b, err)
	}
	for _, t := range movie.Tracks {
		b.ReportMetric(float64(t.Index.Size())/hours/1e6, t.Handler+"-MB/h")
	}
}

// What cutting two hours costs, once for each plan.
func BenchmarkPlan(b *testing.B) {
	obj := film()
	for b.Loop() {
		asset := &vod.Asset{Inputs: []vod.Input{{Name: "film", Object: obj}}}
		_, err := asset.Present(media.Plan{Segment: 6 * time.Second}).Timeline(context.Background())
		require.NoError(b, err)
	}
}

func BenchmarkManifest(b *testing.B) {
	tl := timeline(b, film())
	for _, m := range []struct {
		name string
		f    func() ([]byte, error)
	}{
		{"hls-multivariant", func() ([]byte, error) { return hls.Multivariant(tl, nil) }},
		{"hls-media", func() ([]byte, error) { return hls.Media(tl, "v1", nil) }},
		{"dash", func() ([]byte, error) { return dash.MPD(tl, time.Time{}, nil) }},
	} {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.f()
				require.NoError(b, err)
			}
		})
	}
}

// The index of an hour of a rendition is at most 1.5 MB, frames interleaved one by one.
func TestIndexSize(t *testing.T) {
	movie, err := bmff.Open(t.Context(), "film.mp4", film())
	require.NoError(t, err)
	for _, track := range movie.Tracks {
		require.LessOrEqual(t, track.Index.Size(), int64(hours*1_500_000), track.Handler)
	}
}
