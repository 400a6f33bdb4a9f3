package origin_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A file in memory, in every format. Usually the library is a vod.Dir, or several in origin.Groups.
func ExampleHandler() {
	file := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(300, 50), bmfftest.Audio(563)}}.Bytes()
	asset := &vod.Asset{Inputs: []vod.Input{{Name: "film.mp4", Object: bmfftest.Object("film.mp4", file)}}}
	h := &origin.Handler{Library: origin.Map{"films/one": asset}}
	for _, p := range h.Playables("films/one") {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", p.Path, nil))
		fmt.Println(w.Code, p.Format, p.Path)
	}
	// Output:
	// 200 HLS /out/v1/films/one/cmaf/index.m3u8
	// 200 DASH /out/v1/films/one/cmaf/index.mpd
	// 200 HLS /out/v1/films/one/ts/index.m3u8
}
