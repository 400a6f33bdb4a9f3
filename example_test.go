package mezzo_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// An origin over a file system, mounted in a program's own mux. Ten seconds of picture and sound stand in for a film here;
// os.DirFS("/media") would be a folder of films.
func Example() {
	film := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(470)}}.Bytes()
	library := &vod.Dir{FS: fstest.MapFS{"film.mp4": {Data: film}}}

	mux := http.NewServeMux()
	mux.Handle("/out/", &origin.Handler{Library: origin.Groups{"vod": library}, Logger: slog.New(slog.DiscardHandler)})
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, path := range []string{"cmaf/index.m3u8", "cmaf/index.mpd", "ts/index.m3u8"} {
		resp, err := http.Get(server.URL + "/out/v1/vod/film/" + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Content-Type"), strings.Contains(string(text), "avc1.4d401e"))
	}
	// Output:
	// 200 application/vnd.apple.mpegurl true
	// 200 application/dash+xml true
	// 200 application/vnd.apple.mpegurl true
}
