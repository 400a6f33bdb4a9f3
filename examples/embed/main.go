// Embed is the smallest origin: the MP4 files and folders of a directory, on port 8080.
//
//	go run ./examples/embed examples/origin/demo
//	ffplay http://localhost:8080/out/v1/vod/clip/cmaf/index.m3u8
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func main() {
	dir := append(os.Args[1:], ".")[0]
	library := &vod.Dir{FS: os.DirFS(dir)}
	http.Handle("/out/", &origin.Handler{Library: origin.Groups{"vod": library}})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
