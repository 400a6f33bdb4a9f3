package main

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mezzomedia/mezzo/packager/vod"
)

var update = flag.Bool("update", false, "write the golden files anew")

const demo = "../origin/demo/clip/426x240.mp4"

// call runs the command.
func call(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: run with -update and review the difference\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestText(t *testing.T) {
	code, out, errs := call(t, demo)
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	for _, says := range []string{demo, "video avc1.", "426x240 25/1 fps", "GOPs", "closed", "CMAF    yes", "TS      yes"} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}
}

// TestShow has a line for all that a report may say.
func TestShow(t *testing.T) {
	r := &vod.Report{
		Name: "film.mov", Size: 12345, Fragmented: true, Duration: 61.5, IndexBytes: 2048,
		Notes: []string{"film.mov: track 3: text track left out"}, Error: "one reason\nanother reason",
		Tracks: []vod.TrackReport{
			{ID: 1, Kind: "video", Codec: "avc1.64001f", Label: "Version longue", Language: "fr", Timescale: 25, Samples: 1500,
				Start: 0.5, Duration: 60, BitRate: 2_499_600, Edits: []string{"nothing for 0.500 s", "the rest from 0.080 s"},
				GOP: &vod.GOPReport{Count: 5, Shortest: 2, Longest: 12, Open: true}, Width: 1280, Height: 720, FrameRate: "25/1", Range: "HLG",
				Formats: []vod.CanFormat{{Format: "CMAF", OK: true}, {Format: "TS", Why: "no place for it"}}},
			{ID: 2, Kind: "audio", Timescale: 48000, Rate: 48000, Channels: 6, Encrypted: "cenc, key id 01020304-0506-0708-090a-aabbccddeeff",
				Formats: []vod.CanFormat{{Format: "CMAF", OK: true, Why: "as it is"}, {Format: "TS", Why: "it is encrypted"}}},
		},
	}
	var out strings.Builder
	if err := show(&out, r, 0); err != nil {
		t.Fatal(err)
	}
	golden(t, "all.txt", out.String())
}

// TestURL: a resource is inspected like the file, and JSON is a report.
func TestURL(t *testing.T) {
	srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(demo))))
	defer srv.Close()
	url := srv.URL + "/" + filepath.Base(demo)
	code, out, errs := call(t, "-json", url)
	if code != 0 {
		t.Fatal(errs)
	}
	var r vod.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(demo)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != url || r.Size != st.Size() || len(r.Tracks) == 0 || !r.Tracks[0].Formats[0].OK {
		t.Errorf("%+v", r)
	}
}

func TestExitCodes(t *testing.T) {
	text := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(text, []byte("this is no MP4"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no file":          {nil, 2, "usage:"},
		"no such flag":     {[]string{"-x", demo}, 2, "usage:"},
		"not there":        {[]string{"none.mp4"}, 1, "none.mp4"},
		"a folder":         {[]string{"."}, 1, "not a regular file"},
		"no media":         {[]string{text}, 1, "refused"},
		"one good one bad": {[]string{demo, text}, 1, "refused"},
		"the good alone":   {[]string{"-segment", "2s", demo}, 0, "CMAF"},
	} {
		code, out, errs := call(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
}
