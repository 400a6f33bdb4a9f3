package mediatest_test

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

// A made-up presentation, for tests of what reads timelines.
func ExamplePresentation() {
	tl, err := mediatest.Presentation(made(), 50).Timeline(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range tl.Periods[0].Renditions {
		first := r.Segments.At(0)
		fmt.Println(r.ID, r.Segments.Len(), "segments; the first has", first.Samples, "samples and", first.Bytes, "bytes")
	}
	// Output:
	// v1 2 segments; the first has 50 samples and 20000 bytes
	// a1 2 segments; the first has 94 samples and 14100 bytes
}
