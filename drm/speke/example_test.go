package speke_test

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

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
