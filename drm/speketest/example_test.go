package speketest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

func Example() {
	server := speketest.New(&speketest.Handler{Auth: speketest.Basic("user", "password")})
	defer server.Close()

	client := &speke.Client{URL: server.URL, Auth: speke.Basic("user", "password")}
	req := drm.Request{ContentID: "demo/clip", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.FairPlay}, Contract: drm.Shared()}
	set, err := client.Keys(context.Background(), req)
	fmt.Println(set.Keys[0].Label, set.Keys[0].Key, err)

	server.SetFaults(speketest.Fault{Kind: speketest.MissingSystem})
	_, err = client.Keys(context.Background(), req)
	fmt.Println(errors.Is(err, drm.ErrRefused))
	fmt.Println(server.Requests()[1].Systems[0].Name(), server.Requests()[1].Fault)
	// Output:
	// ALL key 2e15f310-7d20-8e61-ae83-05d670a80617 <nil>
	// true
	// FairPlay missing system
}
