package ts_test

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// A segment of sound, clear, under SAMPLE-AES and under AES-128, all by packager.Render: callers need not know which
// scheme is for the format to apply and which encrypts all that the format made.
func Example_encrypted() {
	track := &media.Track{
		ID: "a1", Kind: media.Audio, Timescale: 48000, Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a",
			String: "mp4a.40.2", Config: []byte{0x11, 0x90}}, // LC, 48 kHz, stereo
	}
	samples := make([]media.Sample, 47)
	for i := range samples {
		samples[i] = media.Sample{Offset: int64(i) * 300, Size: 300, Duration: 1024}
	}
	run := media.Run{Track: track, Samples: samples, Data: bmfftest.Object("sound", make([]byte, 47*300))}
	secret, err := drm.NewSecret([]byte("0123456789abcdef"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, protect := range []*drm.Protection{
		nil,
		{Scheme: drm.SampleAES, Key: drm.Key{Value: secret, IV: make([]byte, 16)}},
		{Scheme: drm.AES128, Key: drm.Key{Value: secret}}, // the IV is the number of the segment
		{Scheme: drm.CENC, IVSize: 8, Key: drm.Key{Value: secret}},
	} {
		job := &packager.Job{Number: 7, Bias: packager.Bias, Inputs: []packager.Input{{Track: track, Runs: []media.Run{run}, Protect: protect}}}
		body, err := packager.Render(context.Background(), ts.Packager{}, job)
		if err != nil {
			fmt.Println(err)
			continue
		}
		data, err := body.Bytes(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		scheme := protect.Of()
		if scheme == "" {
			scheme = "clear"
		}
		fmt.Printf("%-10s %d bytes, % x\n", scheme, len(data), data[:4])
	}
	// Output:
	// clear      18424 bytes, 47 40 00 17
	// SAMPLE-AES 18424 bytes, 47 40 00 17
	// AES-128    18432 bytes, ad f4 ae 9b
	// TS segment 7: track a1: MPEG-TS under cenc: it has SAMPLE-AES and AES-128: incompatible protection: unsupported
}
