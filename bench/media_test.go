package bench

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

const hours = 2

// film is two hours of picture and sound, interleaved frame by frame as encoders do it, with B-frames. Payload is small:
// tables are what costs.
var film = sync.OnceValue(func() media.Object {
	video := bmfftest.Video(hours*3600*25, 50).Reorder(false)
	return bmfftest.Object("film.mp4", bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(hours * 3600 * 48000 / 1024)}}.Bytes())
})

// clip is a minute of 5 Mbit/s: payload is what costs.
var clip = sync.OnceValue(func() media.Object {
	video := bmfftest.Video(1500, 50).Reorder(false)
	for i := range video.Samples {
		n := 18_000
		if video.Samples[i].Sync {
			n = 120_000
		}
		slice := append([]byte{0x41, 0x9a, 0x24}, bmfftest.Noise(uint32(i), n)...)
		if video.Samples[i].Sync {
			slice[0] = 0x65
		}
		video.Samples[i].Data = bmfftest.NAL([]byte{0x09, 0xf0}, slice)
	}
	return bmfftest.Object("clip.mp4", bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(2812)}}.Bytes())
})

func timeline(b *testing.B, obj media.Object) *media.Timeline {
	asset := &vod.Asset{Inputs: []vod.Input{{Name: "bench", Object: obj}}}
	tl, err := asset.Present(media.Plan{Segment: 6 * time.Second}).Timeline(context.Background())
	require.NoError(b, err)
	return tl
}

// render makes a segment as an origin does: find, load, package, send.
func render(b *testing.B, tl *media.Timeline, p packager.Packager, rendition string, n uint64, mux bool) int64 {
	ctx := context.Background()
	segs, err := tl.Segment(rendition, n)
	require.NoError(b, err)
	if !mux {
		segs = segs[:1]
	}
	job, err := packager.Load(ctx, segs)
	require.NoError(b, err)
	body, err := p.Segment(ctx, job)
	require.NoError(b, err)
	sent, err := body.Send(ctx, io.Discard)
	require.NoError(b, err)
	return sent
}

func last(tl *media.Timeline, rendition string) uint64 {
	r, _ := tl.Periods[0].Rendition(rendition)
	return r.Segments.At(r.Segments.Len() - 2).Number // the last whole one
}
