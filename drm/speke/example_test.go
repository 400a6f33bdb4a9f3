package speke_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

// An origin's side of a key server, from settings to 503: credentials, a contract by presets, keys that rotate, a cache that
// asks again and ahead.
func Example() {
	server := speketest.New(&speketest.Handler{Auth: speketest.Basic("origin", "password")}) // in place of a real one
	defer server.Close()

	logger := log.New(io.Discard, "keys: ", 0)
	keys := &drm.Cache{
		Provider: &speke.Client{URL: server.URL, Auth: speke.Basic("origin", "password")},
		Attempts: 2, Backoff: 50 * time.Millisecond,
		Observe: func(f drm.Fetch) { logger.Print(f.ContentID, f.Period.Index, f.Attempt, f.Latency, f.Err) },
	}
	defer keys.Close()
	contract, err := drm.Preset("PRESET_VIDEO_2", "PRESET_AUDIO_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(content string, at time.Duration) {
		set, err := keys.Keys(context.Background(), drm.Request{
			ContentID: content, Scheme: drm.CBCS, Systems: []drm.SystemID{drm.Widevine, drm.FairPlay}, Contract: contract,
			Period: drm.PeriodAt(at, time.Hour, time.Time{}),
		})
		var down *drm.UnavailableError
		if errors.As(err, &down) {
			fmt.Println("503 Service Unavailable, Retry-After:", down.RetryAfter)
			return
		}
		hd, _ := set.Find("HD")
		fmt.Println(hd.Key, hd.Key.Value)
	}
	ask("news", 10*time.Minute)
	ask("news", 70*time.Minute)
	server.SetFaults(speketest.Fault{Kind: speketest.Status, Status: 500})
	ask("news", 10*time.Minute) // what was given goes on
	ask("sport", 10*time.Minute)
	// Output:
	// key 968004f8-9f12-8566-a9c7-745f65d91cbf [secret]
	// key fb0c5931-5618-81fd-8e47-707afff5463a [secret]
	// key 968004f8-9f12-8566-a9c7-745f65d91cbf [secret]
	// 503 Service Unavailable, Retry-After: 200ms
}

// A server behind an API gateway of AWS. Credentials are asked for with each request, so those of a role may change.
func ExampleSigV4() {
	server := speketest.New(&speketest.Handler{Auth: speketest.SigV4("eu-west-1", "AKID", "secret", "token")})
	defer server.Close()

	role := func(context.Context) (speke.Credentials, error) {
		return speke.NewCredentials("AKID", "secret", "token"), nil
	}
	client := &speke.Client{URL: server.URL, Auth: speke.SigV4("eu-west-1", role)}
	_, err := client.Keys(context.Background(), drm.Request{
		ContentID: "demo/clip", Scheme: drm.CENC, Systems: []drm.SystemID{drm.Widevine}, Contract: drm.Shared(),
	})
	fmt.Println(err, server.Requests()[0].User)
	// Output: <nil> AKID
}

func ExampleClient() {
	server := speketest.New(nil) // in place of a real one
	defer server.Close()

	client := &speke.Client{URL: server.URL, Version: speke.V21}
	set, err := client.Keys(context.Background(), drm.Request{
		ContentID: "demo/clip", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.FairPlay, drm.Widevine},
		Contract: drm.Contract{
			{Label: "VIDEO", Video: []drm.VideoFilter{{}}},
			{Label: "AUDIO", Audio: []drm.AudioFilter{{}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range set.Keys {
		fmt.Println(k.Label, k.Key)
	}
	fmt.Println(set.Keys[0].Signals[0].HLS)
	// Output:
	// VIDEO key 3f669c03-96b4-8f17-bd9c-40b53cdc705e
	// AUDIO key 19b150c4-41f2-8fc0-92e1-80ca2911baf7
	// METHOD=SAMPLE-AES,URI="skd://3f669c03-96b4-8f17-bd9c-40b53cdc705e",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"
}
