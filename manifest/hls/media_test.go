package hls_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafov/m3u8"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// playlist reads the lines of a media playlist: printed durations in microseconds, URIs, and values of tags.
type playlist struct {
	micros []int64
	uris   []string
	tags   map[string]string
}

func read(t *testing.T, text []byte) playlist {
	t.Helper()
	p := playlist{tags: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		require.True(t, strings.HasSuffix(line, "\n"))
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case name == "#EXTINF":
			var s, us int64
			n, err := fmt.Sscanf(value, "%d.%06d,", &s, &us)
			require.NoError(t, err, line)
			require.Equal(t, 2, n)
			require.Equal(t, value, fmt.Sprintf("%d.%06d,", s, us))
			p.micros = append(p.micros, s*1e6+us)
		case strings.HasPrefix(line, "#"):
			p.tags[name] = value
		default:
			p.uris = append(p.uris, line)
		}
	}
	require.Len(t, p.uris, len(p.micros))
	return p
}

// The sum of what is printed stays within a microsecond of the media, however long the list.
func TestNoDrift(t *testing.T) {
	const hours = 3
	for _, r := range []media.Rendition{
		timelines.Video("r", 640, 360, 800_000).Rate(30000, 1001).Cut(hours*3600, 2.002),
		timelines.Video("r", 640, 360, 800_000).Rate(24000, 1001).Cut(hours*3600, 6),
		timelines.Audio("r", "en").Scale(44100).Cut(hours*3600, 2),
		timelines.Audio("r", "en").Scale(11025).Cut(hours*3600, 1),
	} {
		p := &media.Period{ID: "0", Duration: media.Time{Ticks: hours * 3600, Scale: 1}, Renditions: []media.Rendition{r}}
		tl := &media.Timeline{Version: "x", Target: 8 * time.Second, Periods: []*media.Period{p}, Ended: true}
		text, err := hls.Media(tl, "r", nil)
		require.NoError(t, err)
		got := read(t, text)
		require.Len(t, got.micros, r.Segments.Len())
		var sum int64
		for i, us := range got.micros {
			sum += us
			s := r.Segments.At(i)
			end := float64(s.Start+s.Duration) / float64(r.Track.Timescale) * 1e6
			require.InDelta(t, end, float64(sum), 0.51, "after segment %d", i)
		}
	}
}

// Durations from a tick to eleven days print as plain decimals, and never as zero.
func TestDurations(t *testing.T) {
	for _, c := range []struct {
		ticks  int64
		scale  uint32
		want   string
		target string
	}{
		{1, 10, "0.100000", "1"},
		{1, 10_000_000, "0.000001", "1"},
		{1, 3, "0.333333", "1"},
		{2, 3, "0.666667", "1"},
		{6499, 1000, "6.499000", "6"},
		{65, 10, "6.500000", "7"},
		{1_000_000, 1, "1000000.000000", "1000000"},
		{90_000_000_001, 90_000, "1000000.000011", "1000000"},
		{999_999_999_999, 1_000_000, "999999.999999", "1000000"},
	} {
		text, err := hls.Media(timelines.Seconds(c.ticks, c.scale), "v1", nil)
		require.NoError(t, err)
		require.Contains(t, string(text), "#EXTINF:"+c.want+",\n")
		require.Contains(t, string(text), "#EXT-X-TARGETDURATION:"+c.target+"\n")
	}
}

// One target duration for the whole presentation, never below any rounded EXTINF; equal discontinuities everywhere.
func TestPresentationAgrees(t *testing.T) {
	for _, c := range timelines.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			target, discontinuities := "", -1
			for _, o := range c.Options.Offered(c.Timeline) {
				text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)
				p := read(t, text)
				n := strings.Count(string(text), "#EXT-X-DISCONTINUITY\n")
				if target == "" {
					target, discontinuities = p.tags["#EXT-X-TARGETDURATION"], n
				}
				require.Equal(t, target, p.tags["#EXT-X-TARGETDURATION"])
				require.Equal(t, discontinuities, n)
				require.Equal(t, "VOD", p.tags["#EXT-X-PLAYLIST-TYPE"])
				require.True(t, strings.HasSuffix(string(text), "\n#EXT-X-ENDLIST\n"))
				seconds, err := strconv.ParseInt(target, 10, 64)
				require.NoError(t, err)
				for _, us := range p.micros {
					require.Positive(t, us)
					require.LessOrEqual(t, (us+500_000)/1_000_000, seconds)
					if p.tags["#EXT-X-VERSION"] < "6" { // then nothing is rounded
						require.LessOrEqual(t, us, seconds*1_000_000)
					}
				}
			}
		})
	}
}

// A track that begins late is listed so that its later segments have their true times.
func TestLateTrack(t *testing.T) {
	for _, late := range []float64{0.7, 2, 20, 45} {
		p := &media.Period{ID: "0", Duration: media.Time{Ticks: 60, Scale: 1}, Renditions: []media.Rendition{
			timelines.Video("v1", 640, 360, 800_000).Cut(60, 6), timelines.Audio("a1", "en").At(late).Cut(60-late, 6),
		}}
		tl := &media.Timeline{Version: "x", Target: 7 * time.Second, Periods: []*media.Period{p}, Ended: true}
		text, err := hls.Media(tl, "a1", nil)
		require.NoError(t, err)
		got := read(t, text)
		gaps := strings.Count(string(text), "#EXT-X-GAP\n")
		require.Equal(t, late > 7, gaps > 0)
		var sum int64
		for i, us := range got.micros {
			sum += us
			if k := i - gaps; k >= 0 {
				s := p.Renditions[1].Segments.At(k)
				require.InDelta(t, float64(s.Start+s.Duration)/48000*1e6, float64(sum), 0.51)
			}
		}
	}
}

// A start that lies years ahead costs a bounded number of lines.
func TestHugeHole(t *testing.T) {
	tl := timelines.Two()
	r := &tl.Periods[0].Renditions[0]
	s := r.Segments.At(0)
	s.Start = math.MaxInt64 / 2
	r.Segments = media.SegmentSlice{s}
	text, err := hls.Media(tl, "v1", nil)
	require.NoError(t, err)
	require.Less(t, len(text), 100_000)
}

func TestGapSegment(t *testing.T) {
	tl := timelines.Two()
	list := append(media.SegmentSlice{}, tl.Periods[0].Renditions[0].Segments.(media.SegmentSlice)...)
	list[1].Gap = true
	tl.Periods[0].Renditions[0].Segments = list
	text, err := hls.Media(tl, "v1", nil)
	require.NoError(t, err)
	require.Contains(t, string(text), "two/v1/1.m4s\n#EXT-X-GAP\n#EXTINF:6.000000,\ntwo/v1/2.m4s\n#EXTINF")
}

func TestDates(t *testing.T) {
	tl := timelines.Periods()
	zone := time.FixedZone("", 5*3600+1800)
	for i, p := range tl.Periods {
		p.Wall = time.Date(2026, 3, 1, 5, 29, i, 7_000_000, zone)
	}
	text, err := hls.Media(tl, "v1", nil)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(text), "#EXT-X-PROGRAM-DATE-TIME:"))
	require.Contains(t, string(text), "#EXT-X-PROGRAM-DATE-TIME:2026-02-28T23:59:00.007Z\n")
	tl.Periods[1].Wall = time.Time{}
	text, err = hls.Media(tl, "v1", nil)
	require.NoError(t, err)
	require.NotContains(t, string(text), "DATE-TIME", "all dates or none")
}

func TestGrowing(t *testing.T) {
	tl := timelines.Two()
	tl.Ended = false
	tl.Periods[0].Index = 3
	text, err := hls.Media(tl, "v1", nil)
	require.NoError(t, err)
	require.NotContains(t, string(text), "VOD")
	require.NotContains(t, string(text), "ENDLIST")
	require.Contains(t, string(text), "#EXT-X-DISCONTINUITY-SEQUENCE:3\n")
}

func TestNothingToList(t *testing.T) {
	empty := &media.Timeline{Ended: true}
	_, err := hls.Media(empty, "v1", nil)
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = hls.Multivariant(empty, nil)
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = hls.Media(timelines.Two(), "v9", nil)
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = hls.Media(timelines.Two(), "fr", &manifest.Options{Offers: []manifest.Offer{{Rendition: "en"}}})
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = hls.Multivariant(timelines.Two(), &manifest.Options{Offers: []manifest.Offer{{Rendition: "v9"}}})
	require.ErrorIs(t, err, media.ErrNotFound)
}

// plain is a Linker without optional methods.
type plain struct{ manifest.Linker }

func TestAnyLinker(t *testing.T) {
	want, err := hls.Media(timelines.Two(), "v1", nil)
	require.NoError(t, err)
	got, err := hls.Media(timelines.Two(), "v1", &manifest.Options{Linker: plain{manifest.Paths{}}})
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// grafov/m3u8 reads the same segments. The target duration is not compared: it takes the longest EXTINF rounded up,
// which is the rule of versions before 6.
func TestReadByGrafov(t *testing.T) {
	for _, c := range timelines.Cases() {
		for _, o := range c.Options.Offered(c.Timeline) {
			text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
			require.NoError(t, err)
			want := read(t, text)
			list, kind, err := m3u8.DecodeFrom(strings.NewReader(string(text)), true)
			require.NoError(t, err)
			require.Equal(t, m3u8.MEDIA, kind)
			got := list.(*m3u8.MediaPlaylist)
			require.True(t, got.Closed)
			require.Equal(t, want.tags["#EXT-X-MEDIA-SEQUENCE"], fmt.Sprint(got.SeqNo))
			require.EqualValues(t, len(want.uris), got.Count())
			for i, uri := range want.uris {
				require.Equal(t, uri, got.Segments[i].URI)
				require.InDelta(t, float64(want.micros[i])/1e6, got.Segments[i].Duration, 1e-6)
			}
		}
	}
}
