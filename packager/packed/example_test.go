package packed_test

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/packed"
)

func Example() {
	ctx := context.Background()
	track := &media.Track{ID: "sound", Kind: media.Audio, Timescale: 48000, Codec: media.Codec{Coding: media.AC3}}
	run := media.Run{
		Track: track, DTS: 48000,
		Samples: []media.Sample{{Size: 768, Duration: 1536}, {Offset: 768, Size: 768, Duration: 1536}},
		Data:    bmfftest.Object("sound", bmfftest.Noise(1, 1536)),
	}
	job := &packager.Job{Number: 1, Bias: packager.Bias, Inputs: []packager.Input{{Track: track, Runs: []media.Run{run}}}}

	body, err := packed.Packager{}.Segment(ctx, job)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := body.Bytes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes, %s, %x\n", body.Size(), data[:3], data[65:73])
	// Output: 1609 bytes, ID3, 00000000000f1b30
}
