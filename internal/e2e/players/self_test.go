package players

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// TestRunnerFindsFaults plays what ffmpeg packaged, and the same with a segment missing.
func TestRunnerFindsFaults(t *testing.T) {
	media, dir := harness.Media(t), t.TempDir()
	harness.Run(t, "ffmpeg", "-v", "error", "-i", filepath.Join(media, "mux_cut_at_key.mp4"), "-c", "copy", "-f", "hls", "-hls_time", "2",
		"-hls_playlist_type", "vod", "-master_pl_name", "index.m3u8", filepath.Join(dir, "v.m3u8"))
	server := httptest.NewServer(cors(http.FileServer(http.Dir(dir))))
	defer server.Close()
	cases := []playing{{Name: "whole", Player: "hlsjs", URL: server.URL + "/index.m3u8"}}
	require.Empty(t, first(play(t, cases)).faults(false))

	require.NoError(t, os.Remove(filepath.Join(dir, "v1.ts")))
	cases[0].Name, cases[0].Limit = "a segment missing", 20
	require.Contains(t, strings.Join(first(play(t, cases)).faults(false), "\n"), "HTTP 404")
}

func first(o []outcome) *outcome { return &o[0] }

func cors(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		h.ServeHTTP(w, r)
	})
}
