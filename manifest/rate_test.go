package manifest_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// of makes a Timeline of one rendition from durations in seconds and sizes in bytes; a negative size is a gap.
func of(pairs ...int64) *media.Timeline {
	tr := &media.Track{ID: "v", Kind: media.Video, Timescale: 1000}
	var list media.SegmentSlice
	var at int64
	for i := 0; i < len(pairs); i += 2 {
		s := media.Segment{Number: uint64(i/2 + 1), Gap: pairs[i+1] < 0}
		s.Span = media.Span{Track: tr, Start: at, Duration: pairs[i], Bytes: pairs[i+1]}
		list = append(list, s)
		at += pairs[i]
	}
	r := media.Rendition{ID: "v", Track: tr, Segments: list}
	return &media.Timeline{Periods: []*media.Period{{ID: "0", Renditions: []media.Rendition{r}}}, Ended: true}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		name string
		tl   *media.Timeline
		want manifest.Rate
	}{
		{"nothing", of(), manifest.Rate{Peak: 1, Average: 1}},
		{"sizes unknown", of(6000, 0), manifest.Rate{Peak: 1, Average: 1}},
		{"constant", of(6000, 6000, 6000, 6000), manifest.Rate{Peak: 8000, Average: 8000}},
		{"one heavy segment", of(6000, 6000, 6000, 12000, 6000, 6000), manifest.Rate{Peak: 16000, Average: 10667}},
		{"a heavy tail does not count alone", of(6000, 6000, 100, 10000), manifest.Rate{Peak: 20984, Average: 20984}},
		{"a tail of half a target does", of(6000, 6000, 3000, 6000), manifest.Rate{Peak: 16000, Average: 10667}},
		{"short segments count together", of(2000, 2000, 2000, 4000, 2000, 6000, 2000, 2000),
			manifest.Rate{Peak: 20000, Average: 14000}},
		{"shorter than half a target", of(1000, 2000), manifest.Rate{Peak: 16000, Average: 16000}},
		{"runs stop at a gap", of(2000, 2000, 2000, -1, 2000, 8000), manifest.Rate{Peak: 20000, Average: 20000}},
		{"no time at all", of(0, 100), manifest.Rate{Peak: 1, Average: 1}},
		{"absurd", of(1, math.MaxInt64), manifest.Rate{Peak: 1 << 62, Average: 1 << 62}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, manifest.Measure(c.tl, manifest.Offer{Rendition: "v"}, 6*time.Second))
		})
	}
}

// A segment lasts as long as playlists say.
func TestMeasureFirst(t *testing.T) {
	for start, want := range map[int64]manifest.Rate{
		0:     {Peak: 8000, Average: 8000},
		500:   {Peak: 8728, Average: 8348}, // half a second of priming
		-1000: {Peak: 8000, Average: 7385}, // a second late
		-5000: {Peak: 8000, Average: 8000}, // so late that a gap is listed
		7000:  {Peak: 8000, Average: 8000}, // nothing of it is presented
	} {
		tl := of(6000, 6000, 6000, 6000)
		list := tl.Periods[0].Renditions[0].Segments.(media.SegmentSlice)
		for i := range list {
			list[i].Start += 10_000
		}
		tl.Periods[0].Start = media.Time{Ticks: 10_000 + start, Scale: 1000}
		require.Equal(t, want, manifest.Measure(tl, manifest.Offer{Rendition: "v"}, 6*time.Second), start)
	}
}

func TestMeasureMultiplexed(t *testing.T) {
	tl := timelines.Two()
	alone := manifest.Measure(tl, manifest.Offer{Rendition: "v1"}, 6*time.Second)
	audio := manifest.Measure(tl, manifest.Offer{Rendition: "en"}, 6*time.Second)
	both := manifest.Measure(tl, manifest.Offer{Rendition: "v1", With: []string{"en"}}, 6*time.Second)
	require.InDelta(t, alone.Average+audio.Average, both.Average, 200)
	sized := manifest.Measure(tl, manifest.Offer{Rendition: "v1", With: []string{"en"}, Size: func(s ...media.Span) int64 {
		return int64(len(s)) * 6000
	}}, 6*time.Second)
	require.Equal(t, manifest.Rate{Peak: 16000, Average: 16000}, sized)
}

// A million segments of a tick each must not take the square of their number.
func TestMeasureTinySegments(t *testing.T) {
	pairs := make([]int64, 2_000_000)
	for i := range pairs {
		pairs[i] = 1
	}
	start := time.Now()
	require.Equal(t, manifest.Rate{Peak: 8000, Average: 8000},
		manifest.Measure(of(pairs...), manifest.Offer{Rendition: "v"}, 6*time.Second))
	require.Less(t, time.Since(start), time.Minute)
}

func TestLongest(t *testing.T) {
	offers := []manifest.Offer{{Rendition: "v"}, {Rendition: "none"}}
	require.Equal(t, 6001*time.Millisecond, manifest.Longest(of(6000, 1, 6001, 1), offers))
	require.Zero(t, manifest.Longest(of(), offers))
}

func TestDefaults(t *testing.T) {
	var none *manifest.Options
	require.Equal(t, "index", none.ManifestName())
	require.Equal(t, manifest.Paths{}, none.Links())
	tl := of(1, 1)
	tl.Periods[0].Renditions = append(tl.Periods[0].Renditions, media.Rendition{ID: "h", Hidden: true})
	require.Equal(t, []manifest.Offer{{Rendition: "v"}}, none.Offered(tl))
	o := manifest.Offer{}
	require.Equal(t, "m4s", o.Extension())
	require.Equal(t, "audio/mp4", o.ContentType(media.Audio))
	require.Equal(t, "video/mp4", o.ContentType(media.Video))
	require.Equal(t, "application/mp4", o.ContentType(media.Text))
}
