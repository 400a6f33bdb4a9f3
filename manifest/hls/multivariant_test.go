package hls_test

import (
	"strings"
	"testing"

	"github.com/grafov/m3u8"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// index reads a multivariant playlist with grafov/m3u8.
func index(t *testing.T, tl *media.Timeline, opts *manifest.Options) (*m3u8.MasterPlaylist, string) {
	t.Helper()
	text, err := hls.Multivariant(tl, opts)
	require.NoError(t, err)
	list, kind, err := m3u8.DecodeFrom(strings.NewReader(string(text)), true)
	require.NoError(t, err)
	require.Equal(t, m3u8.MASTER, kind)
	return list.(*m3u8.MasterPlaylist), string(text)
}

// Rules of 8216bis 4.4.6.1.1 and of Apple for every presentation.
func TestRules(t *testing.T) {
	for _, c := range timelines.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			list, text := index(t, c.Timeline, c.Options)
			groups := map[string]map[string]bool{}
			defaults := map[string]int{}
			for line := range strings.Lines(text) {
				if attrs, ok := strings.CutPrefix(line, "#EXT-X-MEDIA:"); ok {
					a := m3u8.DecodeAttributeList(strings.TrimSpace(attrs))
					g := a["GROUP-ID"]
					if groups[g] == nil {
						groups[g] = map[string]bool{}
					}
					require.NotEmpty(t, a["NAME"])
					require.False(t, groups[g][a["NAME"]], "NAME twice in a group")
					groups[g][a["NAME"]] = true
					if a["DEFAULT"] == "YES" {
						defaults[g]++
						require.Equal(t, "YES", a["AUTOSELECT"])
					}
				}
			}
			var names map[string]bool
			for g, n := range groups {
				if names == nil {
					names = n
				}
				require.Equal(t, names, n, "groups hold the same renditions")
				require.Equal(t, 1, defaults[g])
			}
			require.NotEmpty(t, list.Variants)
			for _, v := range list.Variants {
				require.NotZero(t, v.Bandwidth)
				require.NotZero(t, v.AverageBandwidth)
				require.GreaterOrEqual(t, v.Bandwidth, v.AverageBandwidth)
				require.NotEmpty(t, v.Codecs)
				if v.Audio != "" {
					require.Contains(t, groups, v.Audio)
				}
			}
			require.Equal(t, c.Name != "opengop", strings.Contains(text, "#EXT-X-INDEPENDENT-SEGMENTS\n"))
			require.NotContains(t, text, "CLOSED-CAPTIONS")
		})
	}
}

// Every video codec with every audio codec, each group listed with the codecs of all that it holds.
func TestCodecMatrix(t *testing.T) {
	for _, c := range timelines.Cases() {
		if c.Name != "codecs" {
			continue
		}
		list, _ := index(t, c.Timeline, c.Options)
		seen := map[string]bool{}
		for _, v := range list.Variants {
			seen[v.Codecs+" "+v.Audio] = true
		}
		require.Len(t, list.Variants, 3*4)
		require.True(t, seen["avc1.64001f,mp4a.40.2 aac-2"])
		require.True(t, seen["hvc1.2.4.L120.B0,ec-3,mp4a.40.2 eac3-6"])
		require.True(t, seen["hvc1.2.4.L153.B0,mp4a.40.34,mp4a.40.2 mp3-2"])
		require.Equal(t, "aac-2", list.Variants[0].Audio)
		require.Equal(t, "avc1.64001f,mp4a.40.2", list.Variants[0].Codecs)
	}
}

// Renditions of almost one bit rate stay two.
func TestNearEqual(t *testing.T) {
	tl := timelines.Two()
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Video("twin", 640, 360, 803_000).Cut(30, 6), timelines.Video("same", 640, 360, 800_000).Cut(30, 6))
	list, _ := index(t, tl, nil)
	require.Len(t, list.Variants, 3)
}

func TestStartVariant(t *testing.T) {
	for _, c := range []struct {
		rates []int64
		want  string
	}{
		{[]int64{5_000_000, 400_000, 2_000_000, 1_000_000}, "v2"},
		{[]int64{9_000_000, 5_000_000}, "v1"},
		{[]int64{100_000}, "v0"},
	} {
		tl := timelines.Two()
		var list []media.Rendition
		for i, r := range c.rates {
			list = append(list, timelines.Video("v"+string(rune('0'+i)), 640, 360, r).Cut(30, 6))
		}
		tl.Periods[0].Renditions = list
		got, _ := index(t, tl, nil)
		require.Len(t, got.Variants, len(c.rates))
		require.Equal(t, "index."+c.want+".m3u8", got.Variants[0].URI)
		for i := 2; i < len(got.Variants); i++ {
			require.Greater(t, got.Variants[i].Bandwidth, got.Variants[i-1].Bandwidth)
		}
	}
}

// Steps of one audio rendition are groups of their own; each goes with each video.
func TestAudioSteps(t *testing.T) {
	tl := timelines.Two()
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Audio("high", "en").Bits(256_000).Cut(30, 6))
	list, text := index(t, tl, nil)
	require.Len(t, list.Variants, 2)
	require.Equal(t, "aac-2", list.Variants[0].Audio)
	require.Equal(t, "aac-2-2", list.Variants[1].Audio)
	require.Equal(t, 2, strings.Count(text, `URI="index.fr.m3u8"`), "French is in both groups")
}

// The same sound at two cuts cannot be told to be the same: both are listed, under names of their own.
func TestSameNameOtherSet(t *testing.T) {
	tl := timelines.Two()
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Audio("other", "en").Set("else").Cut(30, 4))
	_, text := index(t, tl, nil)
	require.Contains(t, text, `NAME="en 2",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=NO,CHANNELS="2",URI="index.other.m3u8"`)
}

// A label that says nothing, as encoders write it, is told apart by language.
func TestSameLabel(t *testing.T) {
	tl := timelines.Two()
	for _, r := range tl.Periods[0].Renditions {
		r.Track.Label = "Sound"
	}
	_, text := index(t, tl, nil)
	require.Contains(t, text, `NAME="Sound",LANGUAGE="en"`)
	require.Contains(t, text, `NAME="Sound (fr)",LANGUAGE="fr"`)
}

// Each variant has the group with the audio that is in its own segments.
func TestMultiplexedSteps(t *testing.T) {
	tl := timelines.Ladder(30, 6)
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Audio("a2", "en").Bits(64_000).Cut(30, 6), timelines.Audio("fr", "fr").Cut(30, 6))
	list, text := index(t, tl, &manifest.Options{Offers: []manifest.Offer{
		{Rendition: "v1", NoInit: true, With: []string{"a2"}}, {Rendition: "v2", NoInit: true, With: []string{"a1"}}, {Rendition: "fr", NoInit: true},
	}})
	require.Len(t, list.Variants, 2)
	require.NotEqual(t, list.Variants[0].Audio, list.Variants[1].Audio)
	require.Equal(t, 2, strings.Count(text, `NAME="en"`))
	require.Equal(t, 1, strings.Count(text, `URI="index.fr.m3u8"`)/2)
	for _, v := range list.Variants {
		require.Equal(t, "avc1.64001f,mp4a.40.2", v.Codecs)
	}
}

// Sound in another coding than what is multiplexed is a group of its own, to be played in place of it; the language that
// has no such coding goes along. Without a choice for what is only in the video there is no such group.
func TestMultiplexedOtherCodings(t *testing.T) {
	tl := timelines.Ladder(30, 6)
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Audio("fr", "fr").Cut(30, 6),
		timelines.Audio("en6", "en").Codec(media.EAC3, "ec-3", "ec-3").Channels(6, 0xF801, 0).Bits(384_000).Set("dolby").Cut(30, 6))
	offers := []manifest.Offer{
		{Rendition: "v1", NoInit: true, With: []string{"a1"}}, {Rendition: "fr", NoInit: true}, {Rendition: "en6", NoInit: true},
	}
	list, text := index(t, tl, &manifest.Options{Offers: offers})
	require.Len(t, list.Variants, 2)
	require.Equal(t, "muxed-aac-2", list.Variants[0].Audio)
	require.Equal(t, "eac3-6", list.Variants[1].Audio)
	require.Equal(t, list.Variants[0].URI, list.Variants[1].URI)
	require.Equal(t, "avc1.64001f,mp4a.40.2,ec-3", list.Variants[1].Codecs)
	require.Greater(t, list.Variants[1].Bandwidth, list.Variants[0].Bandwidth)
	require.Contains(t, text, `GROUP-ID="eac3-6",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="6",URI="index.en6.m3u8"`)
	require.Contains(t, text, `GROUP-ID="eac3-6",NAME="fr",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="index.fr.m3u8"`)

	p.Renditions[len(p.Renditions)-1].Track.Language = "fr" // English is in the video and nowhere else
	list, _ = index(t, tl, &manifest.Options{Offers: offers})
	require.Len(t, list.Variants, 1)
}

// Labels that would break a quoted string or a line do not.
func TestHostileLabel(t *testing.T) {
	tl := timelines.Two()
	tl.Periods[0].Renditions[1].Track.Label = "a\"b\r\n#EXT-X-ENDLIST\x00"
	_, text := index(t, tl, nil)
	require.Contains(t, text, `NAME="a'b#EXT-X-ENDLIST"`)
}
