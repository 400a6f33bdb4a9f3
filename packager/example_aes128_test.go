package packager_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
)

// A playlist of text segments, encrypted as HLS encrypts whole segments: what openssl enc -d -aes-128-cbc undoes.
func ExampleAES128() {
	secret, err := drm.NewSecret([]byte("0123456789abcdef"))
	if err != nil {
		fmt.Println(err)
		return
	}
	protect := &drm.Protection{Scheme: drm.AES128, Key: drm.Key{Value: secret}}
	clear := packager.BytesBody([]byte("WEBVTT\n\n00:00.000 --> 00:02.000\nHello\n"))
	body, err := packager.AES128(clear, protect.Key, packager.SegmentIV(protect, 7))
	if err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	n, err := body.Send(context.Background(), &out)
	fmt.Println(clear.Size(), body.Size(), n, err)
	fmt.Printf("%x\n", out.Bytes()[:16])
	// Output:
	// 38 48 48 <nil>
	// 8cde95b3c8c5d87f1c953f8a3e82ade9
}
