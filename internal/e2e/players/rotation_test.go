package players

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// witness remembers which keys were given.
type witness struct {
	drm.KeyFinder
	mu    sync.Mutex
	given map[drm.KeyID]bool
}

func (w *witness) Key(ctx context.Context, id drm.KeyID) (drm.Key, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given[id] = true
	return w.KeyFinder.Key(ctx, id)
}

// take returns how many different keys were given since the last time.
func (w *witness) take() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.given)
	clear(w.given)
	return n
}

// rotating is a programme of forty seconds whose keys stay ten.
func rotating(t *testing.T) (*httptest.Server, *witness) {
	media, dir := harness.Media(t), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "film"), 0o755))
	for out, in := range map[string]string{"v.mp4": "video_h264_360_25.mp4", "a.mp4": "audio_eng_aac.m4a"} {
		harness.Run(t, "ffmpeg", "-v", "error", "-stream_loop", "9", "-i", filepath.Join(media, in), "-t", "40", "-c", "copy", filepath.Join(dir, "film", out))
	}
	keys := &drm.Master{Secret: drm.NewMaterial([]byte("a secret of thirty-two bytes, for tests")), Signals: drm.Signaller{KeyURL: "/key?kid={kid}"}}
	endpoints := origin.ProtectedEndpoints()
	for i := range endpoints {
		ep := &endpoints[i]
		ep.Plan.Segment = 2 * time.Second
		ep.Encryption.KeyRotationInterval = 10 * time.Second
		if ep.Container == origin.CMAF {
			ep.Manifests = append(ep.Manifests, origin.Manifest{Format: origin.DASH, Name: "inband", InBandKeys: true})
		}
	}
	w := &witness{KeyFinder: keys, given: map[drm.KeyID]bool{}}
	mux := http.NewServeMux()
	mux.Handle("/out/", &origin.Handler{Library: origin.Groups{"vod": &vod.Dir{FS: os.DirFS(dir)}}, Endpoints: endpoints, Keys: keys})
	mux.Handle("/key", origin.ClearKey{Keys: w})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, w
}

// TestRotation plays through three changes of the key, at four times the speed; TestProofRotation plays at its own, and
// in more players. Two cells stay empty: hls.js 1.7 finds the key of an encrypted event by its id for Widevine, PlayReady
// and FairPlay, and for Clear Key takes the first it knows (EMEController.onMediaEncrypted); dash.js 5.2 takes the pssh of
// a segment for a list of key ids where the system is Clear Key (createKeySession).
func TestRotation(t *testing.T) {
	playRotations(t, 4, [][3]string{
		{"cmaf-cenc", "dashjs", "index.mpd"}, {"cmaf-cbcs", "shaka", "identity.m3u8"},
	})
}

func TestProofRotation(t *testing.T) {
	if !harness.Proof() {
		return
	}
	harness.WriteProof(t, "rotation", "Keys that change every ten seconds", "make proof", playRotations(t, 1, [][3]string{
		{"cmaf-cenc", "dashjs", "index.mpd"}, {"cmaf-cbcs", "shaka", "index.mpd"}, {"cmaf-cbcs", "shaka", "inband.mpd"},
		{"cmaf-cbcs", "shaka", "identity.m3u8"}, {"ts-aes128", "hlsjs", "index.m3u8"}, {"ts-aes128", "native", "index.m3u8"},
	}))
}

func playRotations(t *testing.T, rate float64, list [][3]string) string {
	server, w := rotating(t)
	var b strings.Builder
	b.WriteString("| endpoint | player | manifest | played, s | jumps | stood still, s | frames | keys given |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range list {
		t.Run(strings.Join(c[:], " "), func(t *testing.T) {
			p := playing{Name: strings.Join(c[:], " "), Player: c[1], URL: server.URL + "/out/v1/vod/film/" + c[0] + "/" + c[2],
				Whole: true, Rate: rate, Limit: 120}
			if strings.HasPrefix(c[0], "cmaf") {
				p.Licence = server.URL + "/key"
			}
			w.take()
			o := first(play(t, []playing{p}))
			if o.Last != nil && o.Last.Played < 39 { // what is wrong with the media is so each time
				t.Logf("played %.1f s; once more", o.Last.Played)
				w.take()
				o = first(play(t, []playing{p}))
			}
			given := w.take()
			require.Empty(t, o.Error, "%+v", o.Last)
			require.Empty(t, o.Last.Errors)
			require.Empty(t, o.HTTP)
			require.Greater(t, o.Last.Time, 39.9, "run.js saw it end; dash.js then begins anew")
			require.Greater(t, o.Last.Played, 39.0)
			require.Zero(t, o.Last.Jumps)
			require.Greater(t, o.Last.Frames, 900/int(rate))
			require.GreaterOrEqual(t, given, 4, "a key for each ten seconds")
			fmt.Fprintf(&b, "| %s | %s | %s | %.1f | %d | %.2f | %d | %d |\n", c[0], c[1], c[2], o.Last.Played, o.Last.Jumps, o.Last.Stalled, o.Last.Frames, given)
		})
	}
	return b.String()
}
