package origin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// film is the folder of films/one: picture and sound in one file, French and Ukrainian sound in others.
func film(t testing.TB) (dir string) {
	dir = t.TempDir()
	write := func(name string, tracks ...bmfftest.Track) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "one"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "one", name), bmfftest.File{Tracks: tracks}.Bytes(), 0o600))
	}
	write("picture.mp4", bmfftest.Video(300, 50).Reorder(false), bmfftest.Audio(563))
	write("sound.fr.m4a", bmfftest.Audio(563))
	write("sound.uk.m4a", bmfftest.Audio(563))
	return dir
}

func serveDir(dir string, endpoints ...origin.Endpoint) *origin.Handler {
	return &origin.Handler{Library: origin.Groups{"films": &vod.Dir{FS: os.DirFS(dir)}}, Endpoints: endpoints, Logger: quiet()}
}

func text(t *testing.T, h *origin.Handler, file string) string {
	t.Helper()
	res := get(t, h, "GET", resolve(t, h, file))
	require.Equal(t, 200, res.StatusCode, file)
	return bodyOf(t, res)
}

// Media may be cached for ever, so whatever decides its bytes is in its URL: the files, and the endpoint's settings too.
func TestVersionHoldsSettings(t *testing.T) {
	hls := []origin.Manifest{{Format: origin.HLS}}
	h := serveDir(film(t),
		origin.Endpoint{Name: "cmaf", Container: origin.CMAF, Manifests: append(hls, origin.Manifest{Format: origin.DASH})},
		origin.Endpoint{Name: "ts", Container: origin.TS, Manifests: hls},
		origin.Endpoint{Name: "ts-packed", Container: origin.TS, Manifests: hls, PackedAudio: true},
		origin.Endpoint{Name: "ts-short", Container: origin.TS, Manifests: hls, Plan: media.Plan{Segment: 2 * time.Second}},
		origin.Endpoint{Name: "ts-again", Container: origin.TS, Manifests: hls})
	seen := map[string]string{}
	for _, ep := range []string{"cmaf", "ts", "ts-packed", "ts-short"} {
		v := version(t, h, "films/one", ep)
		require.Empty(t, seen[v], "%s and %s", ep, seen[v])
		seen[v] = ep
		for _, other := range []string{"cmaf", "ts", "ts-packed", "ts-short"} {
			ext := ".ts"
			if other == "cmaf" {
				ext = ".m4s"
			}
			want := 404
			if other == ep {
				want = 200
			}
			require.Equal(t, want, get(t, h, "GET", origin.Prefix+"films/one/"+other+"/"+v+"/v1/1"+ext).StatusCode, "%s in %s", ep, other)
		}
	}
	require.Equal(t, version(t, h, "films/one", "ts"), version(t, h, "films/one", "ts-again"), "equal settings, equal bytes")
	require.Contains(t, text(t, h, "cmaf/index.mpd"), `"`+version(t, h, "films/one", "cmaf")+"/", "DASH and HLS share the media")
}

// TS has the default sound in each video rendition, and the other languages by themselves.
func TestLanguagesInTS(t *testing.T) {
	h := serveDir(film(t))
	list := text(t, h, "ts/index.m3u8")
	require.Equal(t, 1, strings.Count(list, "#EXT-X-STREAM-INF:"), list)
	require.NotContains(t, list, "index.a1.m3u8", "the default is multiplexed")
	for rendition, language := range map[string]string{"a2": "fr", "a3": "uk"} {
		require.Regexp(t, `#EXT-X-MEDIA:TYPE=AUDIO,.*LANGUAGE="`+language+`".*URI="index.`+rendition+`.m3u8"`, list)
		require.Contains(t, text(t, h, "ts/index."+rendition+".m3u8"), "/"+rendition+"/1.ts")
		require.Equal(t, []byte{2}, streamsOf(t, text(t, h, "ts/v/"+rendition+"/1.ts")))
	}
	require.Equal(t, []byte{1, 2}, streamsOf(t, text(t, h, "ts/v/v1/1.ts")))
	require.Equal(t, 404, get(t, h, "GET", resolve(t, h, "ts/v/a1/1.ts")).StatusCode)
}

// streamsOf says which of picture (1) and sound (2) start a packet of a transport stream (13818-1, 2.4.3.6: stream_id).
func streamsOf(t *testing.T, ts string) (kinds []byte) {
	t.Helper()
	require.Zero(t, len(ts)%188)
	var picture, sound bool
	for ; ts != ""; ts = ts[188:] {
		require.EqualValues(t, 0x47, ts[0])
		if ts[1]&0x40 == 0 {
			continue
		}
		picture = picture || strings.Contains(ts[:188], "\x00\x00\x01\xe0")
		sound = sound || strings.Contains(ts[:188], "\x00\x00\x01\xc0")
	}
	if picture {
		kinds = append(kinds, 1)
	}
	if sound {
		kinds = append(kinds, 2)
	}
	return kinds
}

func TestPackedAudio(t *testing.T) {
	h := serveDir(film(t), origin.Endpoint{Name: "ts", Container: origin.TS, Manifests: []origin.Manifest{{Format: origin.HLS}}, PackedAudio: true})
	require.Contains(t, text(t, h, "ts/index.a2.m3u8"), "/a2/1.aac")
	res := get(t, h, "GET", resolve(t, h, "ts/v/a2/1.aac"))
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "audio/aac", res.Header.Get("Content-Type"))
	require.True(t, strings.HasPrefix(bodyOf(t, res), "ID3"), "the time of the first sample comes first")
	require.Equal(t, []byte{1, 2}, streamsOf(t, text(t, h, "ts/v/v1/1.ts")), "with a picture it is TS")
	require.Equal(t, 404, get(t, h, "GET", resolve(t, h, "ts/v/a2/1.ts")).StatusCode)
}

// A file that is replaced on disk has new URLs at once, and the old ones are not found.
func TestReplacedOnDisk(t *testing.T) {
	dir := film(t)
	h := serveDir(dir)
	before := crawl(t, h)
	file := filepath.Join(dir, "one", "picture.mp4")
	require.NoError(t, os.WriteFile(file+".new", bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(469)}}.Bytes(), 0o600))
	require.NoError(t, os.Rename(file+".new", file))
	isManifest := regexp.MustCompile(`\.(m3u8|mpd)$`)
	for _, p := range before {
		want := 404
		if isManifest.MatchString(p) {
			want = 200
		}
		require.Equal(t, want, get(t, h, "GET", p).StatusCode, p)
	}
	require.NotEqual(t, before, crawl(t, h))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "one")))
	require.Equal(t, 404, get(t, h, "GET", origin.Prefix+"films/one/cmaf/index.m3u8").StatusCode)
}
