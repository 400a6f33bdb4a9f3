package vod_test

import (
	"testing"
	"time"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// BenchmarkSegment reads the sample table of a segment at the start and at the end of a long asset.
func BenchmarkSegment(b *testing.B) {
	video := bmfftest.Video(180_000, 50) // 2 h of 25 frames per second
	for i := range video.Samples {
		video.Samples[i].Data = nil
		video.Samples[i].Size = 20 + i%50
	}
	src := source(b, video.Reorder(false), bmfftest.Audio(337_500))
	b.Logf("%d bytes of tables, %d an hour", src.Size(), src.Size()/2)
	track := src.Tracks()[0]
	for _, c := range []struct {
		name string
		at   int64
	}{{"start", 0}, {"end", 7194}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				runs, err := src.Samples(ctx, track, media.Interval{From: c.at * 12800, To: (c.at + 6) * 12800})
				if err != nil || len(runs) != 1 || len(runs[0].Samples) != 150 {
					b.Fatal(err, len(runs))
				}
			}
		})
	}
}

// BenchmarkPlan cuts the long asset.
func BenchmarkPlan(b *testing.B) {
	a := asset([]track{bmfftest.Video(90_000, 50), bmfftest.Audio(168_750)})
	timeline(b, a, time.Second)
	d := 2 * time.Second
	for b.Loop() {
		d += time.Millisecond // another plan each time
		timeline(b, a, d)
	}
}
