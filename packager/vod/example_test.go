package vod_test

import (
	"context"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A folder of files, cut into segments of four seconds.
func ExampleDir() {
	film := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(470)}}.Bytes()
	dir := &vod.Dir{FS: fstest.MapFS{"film.mp4": {Data: film}}} // or os.DirFS("/media")

	content, err := dir.Open(context.Background(), "film")
	if err != nil {
		fmt.Println(err)
		return
	}
	tl, err := content.Present(media.Plan{Segment: 4 * time.Second}).Timeline(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range tl.Periods[0].Renditions {
		for i := range r.Segments.Len() {
			s := r.Segments.At(i)
			fmt.Printf("%s %d starts at %d and lasts %d of 1/%d s\n", r.ID, s.Number, s.Start, s.Duration, r.Track.Timescale)
		}
	}
	// Output:
	// v1 1 starts at 0 and lasts 51200 of 1/12800 s
	// v1 2 starts at 51200 and lasts 51200 of 1/12800 s
	// v1 3 starts at 102400 and lasts 25600 of 1/12800 s
	// a1 1 starts at 0 and lasts 192512 of 1/48000 s
	// a1 2 starts at 192512 and lasts 191488 of 1/48000 s
	// a1 3 starts at 384000 and lasts 97280 of 1/48000 s
}
