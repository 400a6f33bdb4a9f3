package packager_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// From a file to the bytes of a CMAF and of a TS segment, without a server.
func Example() {
	if err := run(context.Background(), "../examples/origin/demo/clip/640x360.mp4"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 4 segments of v1 by cmaf.Packager
	// segment 2 lasts 6s, begins with "\x00\x00\x00\x18styp" and has the size that was known before: true
	// 4 segments of v1 by ts.Packager
	// segment 2 lasts 6s, begins with "G@\x00\x12\x00\x00\xb0\r" and has the size that was known before: true
}

func run(ctx context.Context, path string) error {
	file, err := vod.OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	film := &vod.Asset{Inputs: []vod.Input{{Name: "film", Object: file}}}
	tl, err := film.Present(media.Plan{Segment: 6 * time.Second}).Timeline(ctx)
	if err != nil {
		return err
	}
	for _, p := range []packager.Packager{cmaf.Packager{}, ts.Packager{}} {
		fmt.Printf("%d segments of v1 by %T\n", tl.Periods[0].Renditions[0].Segments.Len(), p)
		segments, err := tl.Segment("v1", 2)
		if err != nil {
			return err
		}
		job, err := packager.Load(ctx, segments) // sample tables, no payload
		if err != nil {
			return err
		}
		body, err := p.Segment(ctx, job)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if _, err := body.Send(ctx, &out); err != nil {
			return err
		}
		fmt.Printf("segment %d lasts %v, begins with %q and has the size that was known before: %t\n", segments[0].Number,
			media.Duration(segments[0].Duration, segments[0].Track.Timescale), out.Bytes()[:8], int64(out.Len()) == body.Size())
	}
	return nil
}
