package origin_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// An encrypted endpoint for FairPlay in HLS and for Widevine and PlayReady in DASH, with keys that change and six seconds
// that are clear. A speke.Client behind a drm.Cache takes the place of the Master where a key server has the keys.
func ExampleEncryption() {
	keys := &drm.Master{
		Secret:  drm.NewMaterial([]byte("read 32 random bytes from a safe")),
		Signals: drm.Signaller{FairPlayURI: "skd://films-{kid}"},
	}
	file := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(750, 50), bmfftest.Audio(1407)}}.Bytes()
	asset := &vod.Asset{Inputs: []vod.Input{{Name: "film.mp4", Object: bmfftest.Object("film.mp4", file)}}}
	h := &origin.Handler{
		Library: origin.Map{"films/one": asset},
		Keys:    keys,
		Endpoints: []origin.Endpoint{{
			Name: "cmaf", Container: origin.CMAF,
			Manifests: []origin.Manifest{
				{Format: origin.HLS, DRMSystems: []drm.SystemID{drm.FairPlay}},
				{Format: origin.DASH, DRMSystems: []drm.SystemID{drm.Widevine, drm.PlayReady}},
			},
			Encryption: &origin.Encryption{
				Method:              drm.CBCS,
				DRMSystems:          []drm.SystemID{drm.FairPlay, drm.Widevine, drm.PlayReady},
				KeyRotationInterval: 12 * time.Second,
				ClearLead:           6 * time.Second,
			},
		}},
	}
	if err := h.Validate(); err != nil { // settings that do not go together
		fmt.Println(err)
		return
	}
	get := func(file string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/out/v1/films/one/cmaf/"+file, nil))
		return w.Body.String()
	}
	for line := range strings.Lines(get("index.v1.m3u8")) {
		if tag, rest, ok := strings.Cut(line, ":"); ok && (tag == "#EXT-X-KEY" || tag == "#EXTINF") {
			first, _, _ := strings.Cut(strings.TrimSpace(rest), ",")
			fmt.Println(tag, first)
		}
	}
	fmt.Println(strings.Count(get("index.mpd"), "<Period "), "Periods")
	// Output:
	// #EXTINF 6.000000
	// #EXT-X-KEY METHOD=SAMPLE-AES
	// #EXTINF 6.000000
	// #EXT-X-KEY METHOD=SAMPLE-AES
	// #EXTINF 6.000000
	// #EXTINF 6.000000
	// #EXT-X-KEY METHOD=SAMPLE-AES
	// #EXTINF 6.000000
	// 3 Periods
}
