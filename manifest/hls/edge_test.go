package hls_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestG2G3TagOrder: a media playlist is its head, once, in one order; then for each Period the discontinuity, where it is
// not the first, and the map of that Period, right before its first segment; then segments and nothing else; then the end.
func TestG2G3TagOrder(t *testing.T) {
	head := `#EXTM3U\n#EXT-X-VERSION:\d+\n#EXT-X-TARGETDURATION:\d+\n#EXT-X-MEDIA-SEQUENCE:\d+\n(#EXT-X-DISCONTINUITY-SEQUENCE:\d+\n)?#EXT-X-PLAYLIST-TYPE:VOD\n`
	segment := `(#EXT-X-GAP\n)?#EXTINF:\d+\.\d{6},\n[^#\n]+\n`
	period := `(#EXT-X-MAP:URI="[^"]+"\n)?(#EXT-X-PROGRAM-DATE-TIME:\S+\n)?(` + segment + `)+`
	whole := regexp.MustCompile(`^` + head + period + `(#EXT-X-DISCONTINUITY\n` + period + `)*#EXT-X-ENDLIST\n$`)
	index := regexp.MustCompile(`^#EXTM3U\n#EXT-X-VERSION:\d+\n(#EXT-X-INDEPENDENT-SEGMENTS\n)?(#EXT-X-MEDIA:TYPE=AUDIO,.*\n)*(#EXT-X-STREAM-INF:.*\n[^#\n]+\n)+$`)
	for _, c := range timelines.Cases() {
		text, err := hls.Multivariant(c.Timeline, c.Options)
		require.NoError(t, err)
		require.Regexp(t, index, string(text), c.Name)
		for _, o := range c.Options.Offered(c.Timeline) {
			text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
			require.NoError(t, err)
			require.Regexp(t, whole, string(text), c.Name)
			periods := 0
			for _, p := range c.Timeline.Periods {
				if _, ok := p.Rendition(o.Rendition); ok && !o.NoInit {
					periods++
				}
			}
			require.Equal(t, periods, strings.Count(string(text), "#EXT-X-MAP:"), "%s: each Period has its map", c.Name)
			require.Equal(t, periods, len(unique(regexp.MustCompile(`#EXT-X-MAP:.*`).FindAllString(string(text), -1))), "and a map of its own")
		}
	}
}

func unique(list []string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

// TestG4G5G6G16NoState: a playlist written twice, in any order, is the same; none has byte ranges, skips, parts, a start
// offset, keys or cues.
func TestG4G5G6G16NoState(t *testing.T) {
	for _, c := range timelines.Cases() {
		offers := c.Options.Offered(c.Timeline)
		var first [][]byte
		for round := range 2 {
			for i := range offers {
				k := i
				if round == 1 {
					k = len(offers) - 1 - i
				}
				text, err := hls.Media(c.Timeline, offers[k].Rendition, c.Options)
				require.NoError(t, err)
				if round == 0 {
					first = append(first, text)
				} else {
					require.Equal(t, string(first[k]), string(text), c.Name)
				}
				for _, tag := range []string{"BYTERANGE", "SKIP", "PART", "EXT-X-START", "KEY", "CUE", "DATERANGE", "SERVER-CONTROL", "EVENT"} {
					require.NotContains(t, string(text), tag, c.Name)
				}
			}
		}
	}
}

// TestG9Version: the lowest version that has all that is written: 3 for decimal durations alone, 6 for a map.
func TestG9Version(t *testing.T) {
	for _, c := range []struct {
		offer manifest.Offer
		want  string
	}{{manifest.Offer{Rendition: "v1", Ext: "ts", NoInit: true}, "3"}, {manifest.Offer{Rendition: "v1"}, "6"}} {
		opts := &manifest.Options{Offers: []manifest.Offer{c.offer}}
		text, err := hls.Media(timelines.Two(), "v1", opts)
		require.NoError(t, err)
		require.Equal(t, c.want, read(t, text).tags["#EXT-X-VERSION"])
		text, err = hls.Multivariant(timelines.Two(), opts)
		require.NoError(t, err)
		require.Contains(t, string(text), "#EXT-X-VERSION:"+c.want+"\n")
	}
}

// TestE10E17OneVariant: a rendition with an enhancement is one variant, which names both codecs; and where anything is of
// high dynamic range each variant says what it is, by its transfer function.
func TestE10E17OneVariant(t *testing.T) {
	for transfer, want := range map[uint8]string{1: "SDR", 6: "SDR", 14: "SDR", 16: "PQ", 18: "HLG"} {
		tl := timelines.Two()
		tl.Periods[0].Renditions = []media.Rendition{
			timelines.Video("dv", 3840, 2160, 12_000_000).Codec(media.HEVC, "hvc1", "hvc1.2.4.L153.B0").HDR(transfer).Supplemental("dvh1.08.07/db4h").Cut(30, 6),
			timelines.Video("pq", 1920, 1080, 6_000_000).Codec(media.HEVC, "hvc1", "hvc1.2.4.L120.B0").HDR(16).Cut(30, 6),
		}
		list, text := index(t, tl, nil)
		require.Len(t, list.Variants, 2)
		line := regexp.MustCompile(`#EXT-X-STREAM-INF:.*\nindex\.dv\.m3u8`).FindAllString(text, -1)
		require.Len(t, line, 1)
		require.Contains(t, line[0], `CODECS="hvc1.2.4.L153.B0",SUPPLEMENTAL-CODECS="dvh1.08.07/db4h"`)
		require.Contains(t, line[0], ",VIDEO-RANGE="+want)
	}
	_, text := index(t, timelines.Two(), nil)
	require.NotContains(t, text, "VIDEO-RANGE", "all of it is SDR")
}

// TestG8Names: every rendition of sound has a NAME that is not empty, a LANGUAGE only where it is known, and nothing is
// said of captions.
func TestG8Names(t *testing.T) {
	for language, want := range map[string]string{"en": `NAME="en",LANGUAGE="en"`, "und": `NAME="audio",DEFAULT`, "": `NAME="audio",DEFAULT`} {
		tl := timelines.Two()
		for i := range tl.Periods[0].Renditions[1:] {
			tl.Periods[0].Renditions[i+1].Track.Language = language
			tl.Periods[0].Renditions[i+1].Track.Label = ""
		}
		_, text := index(t, tl, nil)
		require.Contains(t, text, want)
		require.NotContains(t, text, `NAME=""`)
		require.NotContains(t, text, `LANGUAGE=""`)
		require.NotContains(t, text, "CLOSED-CAPTIONS")
		require.NotContains(t, text, "wvtt")
	}
}

// TestE28AllPeriods: a variant says what all of its Periods need, not what the last one does.
func TestE28AllPeriods(t *testing.T) {
	tl := timelines.Periods()
	r, ok := tl.Periods[1].Rendition("v1")
	require.True(t, ok)
	r.Track.Codec.String = "avc1.640028"
	r.Track.Video.Width, r.Track.Video.Height = 1920, 1080
	list, text := index(t, tl, nil)
	require.Len(t, list.Variants, 1)
	require.Equal(t, "avc1.64001f,avc1.640028,mp4a.40.2", list.Variants[0].Codecs)
	require.Equal(t, "1920x1080", list.Variants[0].Resolution)
	require.Contains(t, text, "FRAME-RATE=29.970", "the highest, of the Period in the middle")
}
