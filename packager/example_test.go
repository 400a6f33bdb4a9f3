package packager_test

import (
	"context"
	"fmt"
	"os"

	"github.com/mezzomedia/mezzo/packager"
)

func ExampleBody_Slice() {
	body := packager.NewBody(packager.Piece{Bytes: []byte("moof ")}, packager.Piece{Bytes: []byte("mdat\n")})
	fmt.Println(body.Size())
	if _, err := body.Slice(3, 7).Send(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 10
	// f mdat
}
