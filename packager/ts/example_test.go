package ts_test

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// A second of sound as a segment. A Job usually comes from packager.Load.
func Example() {
	track := &media.Track{
		ID: "a1", Kind: media.Audio, Timescale: 48000, Language: "en",
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", Config: []byte{0x11, 0x90}}, // LC, 48 kHz, stereo
	}
	samples := make([]media.Sample, 47)
	for i := range samples {
		samples[i] = media.Sample{Offset: int64(i) * 300, Size: 300, Duration: 1024}
	}
	payload := bmfftest.Object("sound", make([]byte, 47*300))
	job := &packager.Job{Bias: packager.Bias, Inputs: []packager.Input{{
		Track: track, Runs: []media.Run{{Track: track, Samples: samples, Data: payload}},
	}}}

	body, err := ts.Packager{}.Segment(context.Background(), job)
	if err != nil {
		panic(err)
	}
	fmt.Println(body.Size(), "bytes are known before they are made")
	b, err := body.Bytes(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d packets, the first begins with % x\n", len(b)/188, b[:8])

	err = ts.Packager{}.Accepts(&media.Track{ID: "v1", Kind: media.Video, Codec: media.Codec{Coding: media.AV1}}, "")
	fmt.Println(err)
	// Output:
	// 18424 bytes are known before they are made
	// 98 packets, the first begins with 47 40 00 10 00 00 b0 0d
	// track v1: MPEG-TS for HLS has no av1 video: offer it as CMAF: unsupported
}
