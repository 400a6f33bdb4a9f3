package vod_test

import (
	"testing"
	"time"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
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

// BenchmarkDecrypted reads a film of 8 MB as it lies, and clear: in the pieces in which bodies are sent, and NAL unit lengths
// alone.
func BenchmarkDecrypted(b *testing.B) {
	v := bmfftest.Video(400, 10)
	for i := range v.Samples {
		v.Samples[i].Data = bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(uint32(i), 20_000)...))
	}
	for _, c := range []bmfftest.Crypt{cenc, cbcs} {
		obj := bmfftest.Object("large", bmfftest.File{Tracks: []track{v.Encrypt(c)}, Fragment: 10}.Bytes())
		for name, src := range map[string]*vod.Source{"as it lies": openBytes(b, bmfftest.File{Tracks: []track{v.Encrypt(c)}, Fragment: 10}.Bytes()), "clear": unlocked(b, obj, ring{c})} {
			runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{To: 1 << 40})
			if err != nil {
				b.Fatal(err)
			}
			for how, n := range map[string]int{"128 KB": 128 << 10, "lengths": 4} {
				b.Run(c.Scheme+" "+name+" "+how, func(b *testing.B) {
					b.SetBytes(runs[0].Bytes())
					b.ReportAllocs()
					p := make([]byte, n)
					for b.Loop() {
						for e := range runs[0].Extents() {
							step := max(n, 20_000)
							for off := e.Off; off+int64(n) <= e.Off+e.Len; off += int64(step) {
								if err := runs[0].Data.ReadAt(ctx, p, off); err != nil {
									b.Fatal(err)
								}
							}
						}
					}
				})
			}
		}
	}
}
