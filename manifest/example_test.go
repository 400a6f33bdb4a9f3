package manifest_test

import (
	"fmt"

	"github.com/mezzomedia/mezzo/manifest"
)

func ExamplePaths() {
	links := manifest.Paths{}
	url := links.Link(manifest.Ref{Kind: manifest.Segment, Version: "3kf09a", Rendition: "v1", Number: 17, Ext: "m4s"})
	fmt.Println(url)

	ref, err := links.Parse(url)
	fmt.Println(ref.Rendition, ref.Number, err)

	_, err = links.Parse("../etc/passwd")
	fmt.Println(err)
	// Output:
	// 3kf09a/v1/17.m4s
	// v1 17 <nil>
	// path "../etc/passwd": not found
}
