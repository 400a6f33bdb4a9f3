package dash_test

import (
	"encoding/xml"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// parse reads an MPD with go-dash.
func parse(t *testing.T, tl *media.Timeline, opts *manifest.Options) *mpd.MPD {
	t.Helper()
	text, err := dash.MPD(tl, time.Time{}, opts)
	require.NoError(t, err)
	m, err := mpd.ReadFromString(string(text))
	require.NoError(t, err)
	return m
}

// expand calls f for each segment of each Representation as a player computes it: URL, start and duration in ticks.
func expand(m *mpd.MPD, f func(p *mpd.Period, r *mpd.Representation, st *mpd.SegmentTemplate, url string, t, d int64)) {
	for _, p := range m.Periods {
		for _, as := range p.AdaptationSets {
			for _, r := range as.Representations {
				st := as.SegmentTemplate
				if r.SegmentTemplate != nil {
					st = r.SegmentTemplate
				}
				link := func(tmpl string, n int64) string {
					return strings.NewReplacer("$RepresentationID$", *r.ID, "$Number$", strconv.FormatInt(n, 10)).Replace(tmpl)
				}
				f(p, r, st, link(*st.Initialization, 0), 0, 0)
				n := *st.StartNumber
				if st.Duration != nil {
					length := seconds(p.Duration) // in ticks, rounded up, by @duration, rounded up
					count := new(big.Rat).Quo(new(big.Rat).Mul(length, big.NewRat(*st.Timescale, 1)), big.NewRat(*st.Duration, 1))
					for k := range ceil(count) {
						f(p, r, st, link(*st.Media, n+k), k**st.Duration, *st.Duration)
					}
					continue
				}
				var at int64
				for _, s := range st.SegmentTimeline.Segments {
					if s.StartTime != nil {
						at = int64(*s.StartTime)
					}
					repeat := 0
					if s.RepeatCount != nil {
						repeat = *s.RepeatCount
					}
					for range repeat + 1 {
						f(p, r, st, link(*st.Media, n), at, int64(s.Duration))
						at += int64(s.Duration)
						n++
					}
				}
			}
		}
	}
}

func seconds(d mpd.Duration) *big.Rat { return big.NewRat(int64(d), int64(time.Second)) }

func ceil(r *big.Rat) int64 {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		return q.Int64() + 1
	}
	return q.Int64()
}

// Every S is the segment's own start and duration, to the tick, under its own URL.
func TestTimes(t *testing.T) {
	for _, c := range cases() {
		if c.Options != nil && c.Options.NumberDuration {
			continue // see TestNumberDuration
		}
		t.Run(c.Name, func(t *testing.T) {
			type span struct {
				url  string
				t, d int64
			}
			var got, want []span
			expand(parse(t, c.Timeline, c.Options), func(_ *mpd.Period, _ *mpd.Representation, _ *mpd.SegmentTemplate, url string, t, d int64) {
				if d > 0 {
					got = append(got, span{url, t, d})
				}
			})
			for _, p := range c.Timeline.Periods {
				for _, r := range p.Renditions {
					for i := range r.Segments.Len() {
						s := r.Segments.At(i)
						url := manifest.Paths{}.Link(manifest.Ref{
							Kind: manifest.Segment, Version: c.Timeline.Version, Rendition: r.ID, Number: s.Number, Ext: "m4s",
						})
						want = append(want, span{url, s.Start, s.Duration})
					}
				}
			}
			require.ElementsMatch(t, want, got)
		})
	}
}

// HLS and DASH of one endpoint name the same media.
func TestSameURLsAsHLS(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			offers := c.Options.Offered(c.Timeline)
			want := c.URLs(manifest.Paths{})
			var fromDASH, fromHLS []string
			expand(parse(t, c.Timeline, c.Options), func(_ *mpd.Period, _ *mpd.Representation, _ *mpd.SegmentTemplate, url string, _, _ int64) {
				fromDASH = append(fromDASH, url)
			})
			for _, o := range offers {
				text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)
				gap := false
				for line := range strings.Lines(string(text)) {
					line = strings.TrimSpace(line)
					_, uri, isMap := strings.Cut(line, `#EXT-X-MAP:URI="`)
					switch {
					case isMap:
						fromHLS = append(fromHLS, strings.TrimSuffix(uri, `"`))
					case line == "#EXT-X-GAP":
						gap = true
					case line != "" && line[0] != '#':
						if !gap {
							fromHLS = append(fromHLS, line)
						}
						gap = false
					}
				}
			}
			require.ElementsMatch(t, want, fromDASH)
			require.ElementsMatch(t, want, fromHLS)
			for _, url := range want {
				ref, err := manifest.Paths{}.Parse(url)
				require.NoError(t, err)
				require.Equal(t, url, manifest.Paths{}.Link(ref))
			}
		})
	}
}

// With number and duration a player computes as many segments as there are, each within half a duration of its media.
func TestNumberDuration(t *testing.T) {
	for _, tl := range []*media.Timeline{timelines.Ladder(60, 6), timelines.Ladder(7200, 2), timelines.Ladder(61.5, 6), timelines.Two()} {
		n := map[string]int{}
		expand(parse(t, tl, &manifest.Options{NumberDuration: true}), func(_ *mpd.Period, r *mpd.Representation, st *mpd.SegmentTemplate, _ string, at, d int64) {
			if d == 0 {
				return
			}
			require.NotNil(t, st.Duration)
			s := must(tl.Periods[0].Rendition(*r.ID)).Segments.At(n[*r.ID])
			require.Less(t, 2*max(at-s.Start, s.Start-at), d)
			n[*r.ID]++
		})
		for _, r := range tl.Periods[0].Renditions {
			require.Equal(t, r.Segments.Len(), n[r.ID])
		}
	}
}

func must[T any](v T, ok bool) T {
	if !ok {
		panic("missing")
	}
	return v
}

// Cuts that counting does not find keep their SegmentTimeline.
func TestNumberDurationRefused(t *testing.T) {
	tl := timelines.Two()
	r := &tl.Periods[0].Renditions[0]
	var list media.SegmentSlice
	var at int64
	for i, d := range []int64{2, 2, 2, 2, 2, 20} {
		s := r.Segments.At(0)
		s.Number, s.Start, s.Duration = uint64(i+1), at, d*90000
		at += s.Duration
		list = append(list, s)
	}
	r.Segments = list
	m := parse(t, tl, &manifest.Options{NumberDuration: true})
	video, audio := m.Periods[0].AdaptationSets[0].SegmentTemplate, m.Periods[0].AdaptationSets[1].SegmentTemplate
	require.Nil(t, video.Duration)
	require.NotNil(t, video.SegmentTimeline)
	require.NotNil(t, audio.Duration)
}

// xs:duration of a tenth of a second to eleven days: no exponent, nothing cut off.
func TestDurations(t *testing.T) {
	for _, c := range []struct {
		ticks int64
		scale uint32
		want  string
	}{
		{1, 10, "PT0.1S"},
		{1, 3, "PT0.333333334S"},
		{999, 1000, "PT0.999S"},
		{60, 1, "PT1M"},
		{3600, 1, "PT1H"},
		{3661, 1, "PT1H1M1S"},
		{7200_500, 1000, "PT2H0.5S"},
		{1001 * 180, 30000, "PT6.006S"},
		{1_000_000, 1, "PT277H46M40S"},
		{999_999_999_999, 1_000_000, "PT277H46M39.999999S"},
	} {
		text, err := dash.MPD(timelines.Seconds(c.ticks, c.scale), time.Time{}, nil)
		require.NoError(t, err)
		require.Contains(t, string(text), `mediaPresentationDuration="`+c.want+`"`)
		require.Contains(t, string(text), `<Period id="0" start="PT0S" duration="`+c.want+`"`)
	}
}

// A Period that does not know its duration lasts as long as its longest track, from where the Period starts.
func TestOpenDuration(t *testing.T) {
	tl := timelines.Two()
	tl.Periods[0].Duration = media.Time{}
	m := parse(t, tl, nil)
	require.Equal(t, "PT30.016S", *m.MediaPresentationDuration)
}

// Child elements stand in the order of the schema (5th edition, amendment 1).
func TestOrder(t *testing.T) {
	order := map[string][]string{
		"MPD":    {"ContentProtection", "Period"},
		"Period": {"AdaptationSet"},
		"AdaptationSet": {"AudioChannelConfiguration", "ContentProtection", "EssentialProperty", "SupplementalProperty", "Label", "Accessibility", "Role",
			"SegmentTemplate", "Representation"},
		"Representation":  {"AudioChannelConfiguration", "EssentialProperty", "SupplementalProperty", "SegmentTemplate"},
		"SegmentTemplate": {"SegmentTimeline"},
		"SegmentTimeline": {"S"},
	}
	for _, c := range cases() {
		text, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
		require.NoError(t, err)
		d := xml.NewDecoder(strings.NewReader(string(text)))
		type open struct {
			name string
			last int
		}
		var stack []open
		for {
			tok, err := d.Token()
			if err != nil {
				break
			}
			switch tok := tok.(type) {
			case xml.StartElement:
				if n := len(stack); n > 0 && tok.Name.Space == "urn:mpeg:dash:schema:mpd:2011" {
					at := slices.Index(order[stack[n-1].name], tok.Name.Local)
					require.GreaterOrEqual(t, at, stack[n-1].last, "%s: %s in %s", c.Name, tok.Name.Local, stack[n-1].name)
					stack[n-1].last = at
				}
				stack = append(stack, open{name: tok.Name.Local})
			case xml.EndElement:
				stack = stack[:len(stack)-1]
			}
		}
		require.Empty(t, stack)
	}
}

// AdaptationSets keep their ids from Period to Period, and are not numbered twice.
func TestStableIDs(t *testing.T) {
	m := parse(t, timelines.Periods(), nil)
	require.Len(t, m.Periods, 3)
	for _, p := range m.Periods {
		seen := map[string]bool{}
		for _, as := range p.AdaptationSets {
			require.False(t, seen[*as.ID])
			seen[*as.ID] = true
			want := map[string]string{"video": "1", "audio": "2"}[*as.ContentType]
			require.Equal(t, want, *as.ID)
		}
	}
}

// Renditions of one set that are not cut alike say so, and have a SegmentTemplate each.
func TestNotAligned(t *testing.T) {
	tl := timelines.Two()
	tl.Periods[0].Renditions = append(tl.Periods[0].Renditions, timelines.Video("v2", 1280, 720, 2_000_000).Cut(30, 4))
	as := parse(t, tl, nil).Periods[0].AdaptationSets[0]
	require.Len(t, as.Representations, 2)
	require.False(t, *as.SegmentAlignment)
	require.Nil(t, as.SegmentTemplate)
	require.NotNil(t, as.Representations[1].SegmentTemplate)
}

// Renditions with timescales of their own are aligned where their times are the same.
func TestAlignedAcrossTimescales(t *testing.T) {
	tl := timelines.Two()
	tl.Periods[0].Renditions = append(tl.Periods[0].Renditions, timelines.Video("v2", 1280, 720, 2_000_000).Rate(25, 1).Cut(30, 6))
	as := parse(t, tl, nil).Periods[0].AdaptationSets[0]
	require.True(t, *as.SegmentAlignment)
	require.Nil(t, as.SegmentTemplate)
}

// A hole in the media is a new @t; a segment that reaches into the next is cut; gaps at the ends are not listed.
func TestTimelineRepairs(t *testing.T) {
	tl := timelines.Two()
	r := &tl.Periods[0].Renditions[0]
	list := slices.Clone(r.Segments.(media.SegmentSlice))
	list[0].Gap, list[4].Gap = true, true
	list[1].Duration += 100
	list[3].Start += 900
	r.Segments = list
	text, err := dash.MPD(tl, time.Time{}, nil)
	require.NoError(t, err)
	require.Contains(t, string(text), `<S t="540000" d="540000" r="1"/>`+"\n"+`<S t="1620900" d="540000"/></SegmentTimeline>`)
	require.Contains(t, string(text), `startNumber="2"`)
}

func TestHostileLabel(t *testing.T) {
	tl := timelines.Two()
	tl.Periods[0].Renditions[1].Track.Label = "<&\"]]>\x00"
	m := parse(t, tl, nil)
	require.Len(t, m.Periods[0].AdaptationSets, 3)
}

// plain is a Linker without a template.
type plain struct{ manifest.Linker }

func TestErrors(t *testing.T) {
	now := time.Time{}
	_, err := dash.MPD(&media.Timeline{Ended: true}, now, nil)
	require.ErrorIs(t, err, media.ErrNotFound)
	_, err = dash.MPD(&media.Timeline{}, now, nil)
	require.ErrorIs(t, err, media.ErrUnsupported)
	_, err = dash.MPD(timelines.Two(), now, &manifest.Options{Linker: plain{manifest.Paths{}}})
	require.ErrorIs(t, err, media.ErrUnsupported)
	_, err = dash.MPD(timelines.Two(), now, &manifest.Options{Offers: []manifest.Offer{{Rendition: "v1", NoInit: true}}})
	require.ErrorIs(t, err, media.ErrUnsupported)
	_, err = dash.MPD(timelines.Two(), now, &manifest.Options{Offers: []manifest.Offer{{Rendition: "none"}}})
	require.ErrorIs(t, err, media.ErrNotFound)
}

func BenchmarkMPD(b *testing.B) {
	for _, seconds := range []float64{2, 6} {
		tl := timelines.Ladder(7200, seconds)
		b.Run(strconv.Itoa(tl.Periods[0].Renditions[0].Segments.Len()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := dash.MPD(tl, time.Time{}, nil)
				require.NoError(b, err)
			}
		})
	}
}
