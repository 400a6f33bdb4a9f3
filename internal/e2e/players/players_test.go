// Package players plays what the origin serves in the players that people use, in Chromium.
package players

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// A playing is one player on one URL.
type playing struct {
	Name   string `json:"name"`
	Player string `json:"player"` // native, hlsjs, shaka, dashjs
	URL    string `json:"url"`
	Whole  bool   `json:"whole"` // to the end at its speed, without seeking
	Limit  int    `json:"limit"` // seconds
	// Seconds is how much is played from the start, and nothing else; 0: start, switch, seek, end.
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`    // of playback; 0: 1
	Licence string  `json:"licence"` // URL of the ClearKey licence server; empty: none
}

// state is what the <video> said at one time.
type state struct {
	Played, Stalled, Time float64
	Jumps, Waits          int
	Ended                 bool
	Width, Height         int
	Frames, Dropped       int
	Audio                 int64 // bytes of audio decoded
	Ranges                [][2]float64
	Errors                []string
	Statuses              []string // of the keys that EME was given
}

// outcome is what run.js found.
type outcome struct {
	Name                string
	Duration            float64
	Switching, Switched bool
	Heights             []int
	First, Middle, Last *state
	HTTP                []string // answers of 400 and more
	Requests            int
	Error               string
	Console             []string
}

// play plays all cases, one after the other, in one browser.
func play(t *testing.T, cases []playing) []outcome {
	t.Helper()
	modules := players(t)
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(filepath.Join(harness.Root(), "internal", "e2e", "players"))))
	mux.Handle("/modules/", http.StripPrefix("/modules/", http.FileServer(http.Dir(filepath.Join(modules, "node_modules")))))
	page := httptest.NewServer(mux)
	defer page.Close()

	chromium, err := exec.LookPath("chromium")
	require.NoError(t, err)
	config, err := json.Marshal(map[string]any{"page": page.URL + "/page.html", "modules": modules, "chromium": chromium, "cases": cases})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "cases.json")
	require.NoError(t, os.WriteFile(path, config, 0o600))
	out := harness.Run(t, "node", filepath.Join(harness.Root(), "internal", "e2e", "players", "run.js"), path)

	var outcomes []outcome
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o outcome
		require.NoError(t, json.Unmarshal(lines.Bytes(), &o))
		outcomes = append(outcomes, o)
	}
	require.Len(t, outcomes, len(cases))
	return outcomes
}

// players is the folder in which install.sh put the players.
func players(t *testing.T) string {
	sum := harness.HashLock(t)
	dir := filepath.Join(harness.Root(), ".cache", "players", sum)
	require.FileExists(t, filepath.Join(dir, ".done"), "run internal/e2e/install.sh, or make deps")
	return dir
}

// faults is what is wrong with an outcome; empty: it played.
func (o *outcome) faults(whole bool) (bad []string) {
	add := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if o.Error != "" {
		add("%s", o.Error)
	}
	for _, h := range o.HTTP {
		add("HTTP %s", h)
	}
	if o.Last == nil {
		add("no state at the end")
		return bad
	}
	s := o.Last
	for _, e := range s.Errors {
		add("player error %s", e)
	}
	want := o.Duration - 0.5
	if !whole {
		want = 5.5 // of 7: 2 and 1 before the seek, 1.5 in the middle, 2.5 at the end; sampling misses some at each seek
		if !o.Switching {
			want = 4.5
		}
	}
	if !s.Ended {
		add("did not end, is at %.2f of %.2f s", s.Time, o.Duration)
	}
	if s.Played < want {
		add("played %.2f s, not %.2f", s.Played, want)
	}
	if s.Jumps > 0 {
		add("%d jumps", s.Jumps)
	}
	if s.Stalled > 1 {
		add("stood still for %.2f s", s.Stalled)
	}
	if s.Frames == 0 || s.Audio == 0 {
		add("%d frames and %d bytes of audio decoded", s.Frames, s.Audio)
	}
	if o.Switching && len(o.Heights) > 1 && !whole && !o.Switched {
		add("did not switch")
	}
	return append(bad, o.holes(whole)...)
}

// holes looks at what was buffered: one range before any seek, and one around the position up to the end.
func (o *outcome) holes(whole bool) (bad []string) {
	if o.First != nil && len(o.First.Ranges) != 1 {
		bad = append(bad, fmt.Sprintf("buffered in %d ranges before any seek: %v", len(o.First.Ranges), o.First.Ranges))
	}
	r := o.Last.Ranges
	if len(r) == 0 || r[len(r)-1][1] < o.Duration-0.25 || r[len(r)-1][0] > o.Duration-2.4 && !whole {
		bad = append(bad, fmt.Sprintf("buffered %v of %.2f s at the end", r, o.Duration))
	}
	if whole && len(r) != 1 {
		bad = append(bad, fmt.Sprintf("buffered in %d ranges: %v", len(r), r))
	}
	return bad
}
