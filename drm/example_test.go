package drm_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// One secret gives all keys: each node that has it gives the same.
func ExampleMaster() {
	keys := &drm.Master{
		Secret:  drm.NewMaterial([]byte("at least 32 bytes, from crypto/rand and a vault")),
		Signals: drm.Signaller{ClearKeyURL: "/drm/clearkey"},
	}
	set, err := keys.Keys(context.Background(), drm.Request{
		ContentID: "demo/clip", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.ClearKey}, Contract: drm.Shared(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Keys[0].Label, set.Keys[0].Key)
	fmt.Println(set.Keys[0].Signals[0].HLS)
	fmt.Println(set.Keys[0].Key.Value)
	// Output:
	// ALL key 2e15f310-7d20-8e61-ae83-05d670a80617
	// METHOD=SAMPLE-AES,URI="/drm/clearkey",KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1",KEYID=0x2e15f3107d208e61ae8305d670a80617
	// [secret]
}

// A key server that fails is asked again; what it gave before goes on.
func ExampleCache() {
	down := false
	server := drm.KeyProviderFunc(func(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
		if down {
			return nil, fmt.Errorf("connection refused: %w", drm.ErrUnavailable)
		}
		keys := &drm.Master{Secret: drm.NewMaterial(make([]byte, 32))}
		return keys.Keys(ctx, req)
	})
	keys := &drm.Cache{
		Provider: server, Attempts: 1, Backoff: time.Second,
		Observe: func(f drm.Fetch) { fmt.Println("asked for", f.ContentID, f.Err) },
	}
	defer keys.Close()
	for _, content := range []string{"demo/clip", "demo/clip", "demo/other", "demo/clip"} {
		_, err := keys.Keys(context.Background(), drm.Request{ContentID: content, Scheme: drm.CENC, Contract: drm.Shared()})
		var unavailable *drm.UnavailableError
		if errors.As(err, &unavailable) {
			fmt.Println("503 Service Unavailable, Retry-After:", unavailable.RetryAfter.Seconds())
		}
		down = true
	}
	// Output:
	// asked for demo/clip <nil>
	// asked for demo/other connection refused: key provider unavailable
	// 503 Service Unavailable, Retry-After: 4
}

func ExamplePreset() {
	contract, err := drm.Preset("PRESET_VIDEO_2", "UNENCRYPTED")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, height := range []int{576, 1080} {
		label, _ := contract.Label(&media.Track{Kind: media.Video, Video: &media.VideoFormat{Width: height * 16 / 9, Height: height}})
		fmt.Println(height, label)
	}
	_, encrypted := contract.Label(&media.Track{Kind: media.Audio, Audio: &media.AudioFormat{Channels: 2}})
	fmt.Println("audio encrypted:", encrypted)
	// Output:
	// 576 SD
	// 1080 HD
	// audio encrypted: false
}

func ExampleContract() {
	contract := drm.Contract{
		{Label: "VIDEO", Video: []drm.VideoFilter{{}}},
		{Label: "UHD", Video: []drm.VideoFilter{{MinPixels: 1920*1080 + 1}}}, // the last that matches counts
	}
	fmt.Println(contract.Check())
	label, _ := contract.Label(&media.Track{Kind: media.Video, Video: &media.VideoFormat{Width: 3840, Height: 2160}})
	fmt.Println(label)
	contract[1].Label = "UHD1+UHD2"
	fmt.Println(contract.Check())
	// Output:
	// <nil>
	// UHD
	// malformed encryption contract: UHD1+UHD2 has 1 filters, its name 2 parts: key request or answer refused
}

func ExampleParsePSSH() {
	box := (&drm.PSSH{System: drm.ClearKey, KeyIDs: []drm.KeyID{{15: 1}}}).Append(nil)
	boxes, err := drm.ParsePSSH(box)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(boxes[0].System.Name(), boxes[0].KeyIDs[0])
	// Output:
	// ClearKey 00000000-0000-0000-0000-000000000001
}
