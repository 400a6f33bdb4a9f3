package dash_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestI1I2I5Static: an MPD of what has ended says nothing of the wall clock, of updates or of patches, and does not depend
// on when it is asked for.
func TestI1I2I5Static(t *testing.T) {
	for _, c := range cases() {
		a, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
		require.NoError(t, err)
		b, err := dash.MPD(c.Timeline, time.Date(2031, 2, 3, 4, 5, 6, 7, time.UTC), c.Options)
		require.NoError(t, err)
		require.Equal(t, string(a), string(b), c.Name)
		require.Contains(t, string(a), `type="static"`)
		for _, word := range []string{"availability", "publishTime", "minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay",
			"UTCTiming", "PatchLocation", "EventStream", "Infinity", "INF", "NaN"} {
			require.NotContains(t, string(a), word, c.Name)
		}
		require.NotRegexp(t, `="[^"]*\de\+`, string(a), c.Name)
	}
}

// TestI13NearEqual: renditions of almost one bit rate, and of the same, are a Representation each.
func TestI13NearEqual(t *testing.T) {
	tl := timelines.Two()
	p := tl.Periods[0]
	p.Renditions = append(p.Renditions, timelines.Video("twin", 640, 360, 803_000).Cut(30, 6), timelines.Video("same", 640, 360, 800_000).Cut(30, 6))
	sets := parse(t, tl, nil).Periods[0].AdaptationSets
	require.Len(t, sets[0].Representations, 3)
	ids := map[string]bool{}
	for _, r := range sets[0].Representations {
		ids[*r.ID] = true
	}
	require.Equal(t, map[string]bool{"v1": true, "twin": true, "same": true}, ids)
}

// TestI16PeriodGap: each Period has start and duration, so that time between two is neither lost nor filled.
func TestI16PeriodGap(t *testing.T) {
	tl := timelines.Periods()
	tl.Periods[1].Start = media.Time{Ticks: 20_500, Scale: 1000} // ten seconds of nothing before it
	tl.Periods[2].Start = media.Time{Ticks: 29_500, Scale: 1000}
	m := parse(t, tl, nil)
	type span struct{ start, length time.Duration }
	var got []span
	for _, p := range m.Periods {
		got = append(got, span{time.Duration(*p.Start), time.Duration(p.Duration)})
	}
	require.Equal(t, []span{{0, 10500 * time.Millisecond}, {20500 * time.Millisecond, 9 * time.Second}, {29500 * time.Millisecond, 6 * time.Second}}, got)
}

// TestB14OneOffset: presentationTimeOffset of each Representation is the Period's start, in its own ticks, also where its
// track starts late.
func TestB14OneOffset(t *testing.T) {
	p := &media.Period{ID: "0", Start: media.Time{Ticks: 1, Scale: 1}, Duration: media.Time{Ticks: 30, Scale: 1}, Renditions: []media.Rendition{
		timelines.Video("v1", 640, 360, 800_000).At(1).Cut(30, 6), timelines.Audio("late", "en").At(1.7).Cut(29.3, 6),
		timelines.Audio("other", "fr").Scale(44100).At(1).Cut(30, 6),
	}}
	tl := &media.Timeline{Version: "x", Target: 7 * time.Second, Periods: []*media.Period{p}, Ended: true}
	n := 0
	expand(parse(t, tl, nil), func(_ *mpd.Period, _ *mpd.Representation, st *mpd.SegmentTemplate, _ string, _, _ int64) {
		require.NotNil(t, st.PresentationTimeOffset)
		require.EqualValues(t, *st.Timescale, *st.PresentationTimeOffset)
		n++
	})
	require.Greater(t, n, 15)
}

// TestI4LastNumber: where an MPD says which number is the last, it is that of the last segment; and nothing counts from
// zero by default.
func TestI4LastNumber(t *testing.T) {
	for _, c := range cases() {
		text, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
		require.NoError(t, err)
		require.Equal(t, strings.Count(string(text), "<SegmentTemplate"), strings.Count(string(text), "startNumber="), c.Name)
		ends := regexp.MustCompile(`endNumber="(\d+)"`).FindAllStringSubmatch(string(text), -1)
		require.Equal(t, strings.HasSuffix(c.Name, "number"), len(ends) > 0)
		for i, m := range ends {
			want := "10" // sixty seconds of six
			if c.Name == "rotationnumber" {
				want = []string{"4", "7", "10"}[i/2]
			}
			require.Equal(t, want, m[1])
		}
	}
}
