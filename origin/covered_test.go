package origin_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// TestSoundBeyondPicture: sound that a segment of the picture has no place for is a rendition of its own in TS; any other
// is multiplexed.
func TestSoundBeyondPicture(t *testing.T) {
	for name, c := range map[string]struct {
		late  uint64 // ms before the picture
		units int    // of 1024/48000 s, beside 10 s of picture
		alone bool
	}{
		"as long":        {0, 469, false},
		"20 ms more":     {0, 470, false},
		"shorter":        {0, 300, false},
		"13 s more":      {0, 1100, true},
		"before by 9 s":  {9000, 900, true},
		"before by 1/5s": {200, 480, false},
	} {
		video := bmfftest.Video(250, 50)
		if c.late > 0 {
			video.Edits = []bmfftest.Edit{{Media: -1, Duration: c.late}, {}}
		}
		data := bmfftest.File{Tracks: []bmfftest.Track{video, bmfftest.Audio(c.units)}}.Bytes()
		h := &origin.Handler{Library: origin.Map{"t/x": &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: bmfftest.Object("x.mp4", data)}}}}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/out/v1/t/x/ts/index.m3u8", nil))
		require.Equal(t, 200, w.Code, w.Body)
		if c.alone {
			require.Contains(t, w.Body.String(), "TYPE=AUDIO", name)
		} else {
			require.NotContains(t, w.Body.String(), "TYPE=AUDIO", name)
		}
	}
}
