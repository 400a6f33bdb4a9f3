package cmaf_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Sound under cbcs: the header names the key, and segments are encrypted while they are sent.
func Example_encrypted() {
	ctx := context.Background()
	value, err := drm.NewSecret([]byte("0123456789abcdef")) // a KeyProvider has better ones
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := drm.ParseKeyID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
	if err != nil {
		fmt.Println(err)
		return
	}
	protection := &drm.Protection{Scheme: drm.CBCS, Key: drm.Key{ID: id, Value: value}}
	track := &media.Track{
		ID: "sound", Kind: media.Audio, Timescale: 48000,
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2", Entry: bmfftest.MP4A()},
	}
	plain := bmfftest.Noise(1, 256)
	run := media.Run{
		Track: track, Data: bmfftest.Object("sound", plain),
		Samples: []media.Sample{{Size: 256, Duration: 1024, Flags: media.FlagsSync}},
	}

	p := cmaf.Packager{}
	init, err := p.Init(track, protection)
	if err != nil {
		fmt.Println(err)
		return
	}
	header, err := init.Bytes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	job := &packager.Job{Number: 1, Inputs: []packager.Input{{Track: track, Runs: []media.Run{run}, Protect: protection}}}
	body, err := p.Segment(ctx, job)
	if err != nil {
		fmt.Println(err)
		return
	}
	segment, err := body.Bytes(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the header names the key:", bytes.Contains(header, id[:]))
	fmt.Println("the segment holds", body.Size(), "bytes, and sound in clear:", bytes.Contains(segment, plain[:16]))
	fmt.Println(protection.Key)
	// Output:
	// the header names the key: true
	// the segment holds 458 bytes, and sound in clear: false
	// key f81d4fae-7dec-11d0-a765-00a0c91e6bf6
}
