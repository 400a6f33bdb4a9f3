package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// syncMedia are files that hold both.
var syncMedia = []string{"mux_moov_first.mp4", "mux_2997_44100.mp4", "mux_no_edits.mp4",
	"mux_cut_at_key.mp4", "mux_fragments_gop.mp4", "mux_hevc_eac3.mp4"}

// TestSync finds flash and beep together in every output, as far apart as in the source: to 21 ms, one access unit of
// AAC at 48 kHz, which is what a decoder that is not told of priming may be off.
func TestSync(t *testing.T) {
	dir := harness.Media(t)
	base := serve(t, dir, syncMedia)
	for _, name := range syncMedia {
		t.Run(name, func(t *testing.T) {
			source := median(t, pair(t, filepath.Join(dir, name), filepath.Join(dir, name)))
			for output, paths := range syncOutputs(t, base(name)) {
				got := median(t, pair(t, paths[0], paths[1])) + ffmpegLate(t, paths[0])
				require.InDelta(t, source, got, 21.4, "%s: flash to beep, ms", output)
				t.Logf("%s: flash to beep %+.1f ms, in the source %+.1f ms", output, got, source)
			}
		})
	}
}

// ffmpegLate is by how many ms ffmpeg shows the picture of a fragmented file late: see ffmpegShift.
func ffmpegLate(t *testing.T, path string) float64 {
	shift, err := ffmpegShift(path)
	require.NoError(t, err)
	streams, err := read(t, path)
	require.NoError(t, err)
	return float64(shift[1]) * float64(streams[0].Num) / float64(streams[0].Den) * 1000
}

// syncOutputs are the files of picture and sound of each output, as players join them.
func syncOutputs(t *testing.T, base string) map[string][2]string {
	out := map[string][2]string{}
	save := func(l *listed) string {
		path := filepath.Join(t.TempDir(), "rendition")
		var data []byte
		for _, u := range l.urls() {
			body, _ := harness.Get(t, u)
			data = append(data, body...)
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	var files [2]string
	for _, l := range readMPD(t, base+"cmaf/index.mpd") {
		if i := slices.Index([]string{"video", "audio"}, l.Kind); i >= 0 && files[i] == "" {
			files[i] = save(l)
		}
	}
	out["fMP4"] = files
	ts := save(readHLS(t, base+"ts/index.m3u8")[0])
	out["TS"] = [2]string{ts, ts}
	return out
}

// pair measures the milliseconds from each flash in one file to the nearest beep in another, on one clock.
func pair(t *testing.T, video, audio string) (apart []float64) {
	times := func(what, path string) (list []float64) {
		data, err := harness.Cached(t, what+harness.HashFiles(t, path), func() ([]byte, error) {
			return []byte(strings.Join(harness.Measure(t, what, path), "\n")), nil
		})
		require.NoError(t, err)
		for _, f := range strings.Fields(string(data)) {
			v, err := strconv.ParseFloat(f, 64)
			require.NoError(t, err, fmt.Sprintf("%s of %s: %q", what, path, f))
			list = append(list, v)
		}
		return list
	}
	beeps := times("beeps", audio)
	for _, f := range times("flashes", video) {
		best := math.Inf(1)
		for _, b := range beeps {
			if math.Abs(b-f) < math.Abs(best) {
				best = b - f
			}
		}
		apart = append(apart, best*1000)
	}
	require.NotEmpty(t, apart, "no flash or no beep")
	return apart
}

func median(t *testing.T, v []float64) float64 {
	t.Helper()
	slices.Sort(v)
	return v[len(v)/2]
}
