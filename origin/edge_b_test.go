package origin_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"
	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// fileAsset is one of files that were made, each with the tracks of a list.
func fileAsset(files ...[]bmfftest.Track) *vod.Asset {
	a := &vod.Asset{}
	for i, tracks := range files {
		name := fmt.Sprintf("%d.mp4", i)
		a.Inputs = append(a.Inputs, vod.Input{Name: name, Object: bmfftest.Object(name, bmfftest.File{Tracks: tracks}.Bytes())})
	}
	return a
}

// shortSegments serves content as films/one in segments of 2 s.
func shortSegments(c media.Content) *origin.Handler {
	h := newHandler(c)
	h.Endpoints = origin.DefaultEndpoints()
	for i := range h.Endpoints {
		h.Endpoints[i].Plan.Segment = 2 * time.Second
	}
	return h
}

func edits(t bmfftest.Track, list ...bmfftest.Edit) bmfftest.Track {
	t.Edits = list
	return t
}

// retimed is video on another clock.
func retimed(t bmfftest.Track, timescale, duration uint32) bmfftest.Track {
	for i := range t.Samples {
		t.Samples[i].CTO = t.Samples[i].CTO / int32(t.Samples[i].Duration) * int32(duration)
		t.Samples[i].Duration = duration
	}
	for i := range t.Edits {
		t.Edits[i].Media = t.Edits[i].Media / 512 * int64(duration)
	}
	t.Timescale = timescale
	return t
}

// wire is a segment as a player finds it.
type wire struct {
	url      string
	t, d     int64 // of its S
	first    uint64
	duration uint64
	sync     bool
	shown    int64 // earliest presentation time, edit list of the init segment applied
}

// representation is what the MPD and the segments say.
type representation struct {
	id, mime  string
	scale     int64
	offset    uint64 // presentationTimeOffset
	segments  []wire
	afterLast string // URL of the number that follows
	before    string // and of the one before the first
}

// represented reads the MPD of films/one with one library, and each init and media segment with another.
func represented(t *testing.T, h *origin.Handler) (out []representation) {
	t.Helper()
	folder := origin.Prefix + "films/one/cmaf/"
	text := bodyOf(t, get(t, h, "GET", folder+"index.mpd"))
	m, err := mpd.ReadFromString(text)
	require.NoError(t, err, text)
	for _, p := range m.Periods {
		for _, as := range p.AdaptationSets {
			for _, r := range as.Representations {
				st := as.SegmentTemplate
				if r.SegmentTemplate != nil {
					st = r.SegmentTemplate
				}
				link := func(tmpl string, n int64) string {
					return folder + strings.NewReplacer("$RepresentationID$", *r.ID, "$Number$", fmt.Sprint(n)).Replace(tmpl)
				}
				rep := representation{id: *r.ID, mime: *as.MimeType, scale: *st.Timescale}
				if st.PresentationTimeOffset != nil {
					rep.offset = *st.PresentationTimeOffset
				}
				head := bodyOf(t, get(t, h, "GET", link(*st.Initialization, 0)))
				n := *st.StartNumber
				rep.before = link(*st.Media, n-1)
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
						w := wire{url: link(*st.Media, n), t: at, d: int64(s.Duration)}
						w.read(t, h, head, rep.scale)
						rep.segments = append(rep.segments, w)
						at += w.d
						n++
					}
				}
				rep.afterLast = link(*st.Media, n)
				out = append(out, rep)
			}
		}
	}
	return out
}

func (w *wire) read(t *testing.T, h *origin.Handler, head string, scale int64) {
	t.Helper()
	res := get(t, h, "GET", w.url)
	body := bodyOf(t, res)
	require.Equal(t, 200, res.StatusCode, "%s: %s", w.url, body)
	require.NotContains(t, head+body, "sidx", "there is no second clock")
	f, err := mp4.DecodeFile(strings.NewReader(head + body))
	require.NoError(t, err, w.url)
	trak := f.Init.Moov.Trak
	require.EqualValues(t, scale, trak.Mdia.Mdhd.Timescale, "the timescale of the MPD is that of the media")
	var moved int64
	if trak.Edts != nil {
		moved = trak.Edts.Elst[0].Entries[0].MediaTime
	}
	w.shown = 1 << 62
	for k, frag := range f.Segments[0].Fragments {
		samples, err := frag.GetFullSamples(f.Init.Moov.Mvex.Trex)
		require.NoError(t, err)
		require.NotEmpty(t, samples, w.url)
		if k == 0 {
			w.first, w.sync = frag.Moof.Traf.Tfdt.BaseMediaDecodeTime(), !mp4.DecodeSampleFlags(samples[0].Flags).SampleIsNonSync
		}
		for _, s := range samples {
			w.duration += uint64(s.Dur)
			w.shown = min(w.shown, int64(s.DecodeTime)+int64(s.CompositionTimeOffset)-moved)
		}
	}
}

func truthful() map[string]*vod.Asset {
	const late = 700
	ntsc := retimed(bmfftest.Video(300, 60).Reorder(false), 30000, 1001)
	return map[string]*vod.Asset{
		"plain":         fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(469)}),
		"priming":       fileAsset([]bmfftest.Track{bmfftest.Video(250, 50).Reorder(false), edits(bmfftest.Audio(470), bmfftest.Edit{Media: 2112})}),
		"NTSC, 44.1":    fileAsset([]bmfftest.Track{ntsc, bmfftest.Sound(bmfftest.MP4A(), 432, 1024, 44100)}),
		"late sound":    fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), edits(bmfftest.Audio(400), bmfftest.Edit{Media: -1, Duration: late}, bmfftest.Edit{})}),
		"late picture":  fileAsset([]bmfftest.Track{edits(bmfftest.Video(250, 50), bmfftest.Edit{Media: -1, Duration: late}, bmfftest.Edit{}), bmfftest.Audio(500)}),
		"inside a GOP":  fileAsset([]bmfftest.Track{edits(bmfftest.Video(250, 50).Reorder(true), bmfftest.Edit{Media: 14 * 512}), edits(bmfftest.Audio(470), bmfftest.Edit{Media: 26880})}),
		"mixed ladder":  fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(470)}, []bmfftest.Track{bmfftest.Video(250, 50).Reorder(false)}, []bmfftest.Track{bmfftest.Video(250, 50).Reorder(true)}, []bmfftest.Track{retimed(bmfftest.Video(250, 50).Reorder(false), 90000, 3600)}),
		"short tail":    fileAsset([]bmfftest.Track{bmfftest.Video(251, 50), bmfftest.Audio(471)}),
		"sound ends":    fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(300)}),
		"picture ends":  fileAsset([]bmfftest.Track{bmfftest.Video(150, 50), bmfftest.Audio(469)}),
		"one frame":     fileAsset([]bmfftest.Track{bmfftest.Video(1, 1)}),
		"sound alone":   fileAsset([]bmfftest.Track{edits(bmfftest.Audio(470), bmfftest.Edit{Media: 1024})}),
		"unaligned":     unaligned(),
		"odd GOPs":      fileAsset([]bmfftest.Track{bmfftest.Video(250, 37), bmfftest.Audio(469)}),
		"millisecond":   fileAsset([]bmfftest.Track{retimed(bmfftest.Video(250, 50).Reorder(false), 1000, 40), bmfftest.Audio(469)}),
		"ten megahertz": fileAsset([]bmfftest.Track{retimed(bmfftest.Video(250, 50), 10_000_000, 400_000), bmfftest.Audio(469)}),
	}
}

// TestB14B15B16D3D10I4I10Truth: what the MPD lists is there, begins and lasts as it says to the tick, on the media's own
// clock; the number behind the last is not there. All tracks of a Period have one offset. HLS lists the same segments at the
// same times. No segment is empty, and segments of video begin with a sync sample.
func TestB14B15B16D3D10I4I10Truth(t *testing.T) {
	for name, a := range truthful() {
		t.Run(name, func(t *testing.T) {
			h := shortSegments(a)
			reps := represented(t, h)
			require.NotEmpty(t, reps)
			start := media.Time{Ticks: int64(reps[0].offset), Scale: uint32(reps[0].scale)}
			for _, r := range reps {
				offset := media.Time{Ticks: int64(r.offset), Scale: uint32(r.scale)}
				if start.Ticks%int64(start.Scale) == 0 {
					require.Zero(t, start.Compare(offset), "presentationTimeOffset of %s", r.id)
				}
				require.NotEmpty(t, r.segments)
				for k, s := range r.segments {
					require.EqualValues(t, s.t, s.first, "tfdt of %s", s.url)
					require.EqualValues(t, s.d, s.duration, "duration of %s", s.url)
					require.True(t, s.sync || strings.HasPrefix(r.mime, "audio"), s.url)
					if k > 0 {
						require.Equal(t, r.segments[k-1].t+r.segments[k-1].d, s.t)
					}
				}
				require.Equal(t, 404, get(t, h, "GET", r.afterLast).StatusCode)
				require.Equal(t, 404, get(t, h, "GET", r.before).StatusCode)
				listed(t, h, r, start)
			}
		})
	}
}

var (
	extinf = regexp.MustCompile(`#EXTINF:(\d+)\.(\d{6}),\n(.*)\n`)
	gapTag = regexp.MustCompile(`#EXT-X-GAP\n#EXTINF:(\d+)\.(\d{6}),\n.*\n`)
)

// listed compares the HLS playlist of a representation.
func listed(t *testing.T, h *origin.Handler, r representation, start media.Time) {
	t.Helper()
	folder := origin.Prefix + "films/one/cmaf/"
	text := bodyOf(t, get(t, h, "GET", folder+"index."+r.id+".m3u8"))
	micros := func(m []string) int64 {
		s, _ := strconv.ParseInt(m[1]+m[2], 10, 64)
		return s
	}
	var at int64 // microseconds
	for _, m := range gapTag.FindAllStringSubmatch(text, -1) {
		at += micros(m)
	}
	list := extinf.FindAllStringSubmatch(gapTag.ReplaceAllString(text, ""), -1)
	require.Len(t, list, len(r.segments))
	for k, m := range list {
		require.Equal(t, r.segments[k].url, folder+m[3])
		require.Positive(t, micros(m))
		at += micros(m)
		end := float64(r.segments[k].t+r.segments[k].d)/float64(r.scale) - start.Seconds()
		require.InDelta(t, end*1e6, float64(at), 1.01, "end of %s", m[3])
	}
}

// TestB12SameStart: on the wire, edit lists of the init segments applied, renditions with and without reordering show
// their first picture and begin each segment at the same time.
func TestB12SameStart(t *testing.T) {
	var first *representation
	for _, r := range represented(t, shortSegments(truthful()["mixed ladder"])) {
		if strings.HasPrefix(r.mime, "audio") {
			continue
		}
		if first == nil {
			first = &r
		}
		require.Len(t, r.segments, 5)
		for k, s := range r.segments {
			want := media.Time{Ticks: first.segments[k].shown, Scale: uint32(first.scale)}
			require.Zero(t, want.Compare(media.Time{Ticks: s.shown, Scale: uint32(r.scale)}), "segment %d of %s", k+1, r.id)
			require.Equal(t, s.t, s.shown, "the sync sample is the first to be shown")
		}
	}
	require.NotNil(t, first)
}

// TestB2D6EachTSHasMedia: no TS segment is tables alone, and the number behind the last does not exist.
func TestB2D6EachTSHasMedia(t *testing.T) {
	for name, a := range truthful() {
		t.Run(name, func(t *testing.T) {
			h := shortSegments(a)
			var last string
			n := 0
			for _, p := range crawl(t, h) {
				if !strings.HasSuffix(p, ".ts") {
					continue
				}
				body := bodyOf(t, get(t, h, "GET", p))
				require.Greater(t, len(body), 2*188, p)
				require.True(t, bytes.Contains([]byte(body), []byte{0, 0, 1, 0xe0}) || bytes.Contains([]byte(body), []byte{0, 0, 1, 0xc0}), p)
				last = p
				n++
			}
			require.Positive(t, n)
			require.Equal(t, 404, get(t, h, "GET", last[:strings.LastIndexByte(last, '/')]+"/"+fmt.Sprint(n+100)+".ts").StatusCode)
		})
	}
}

func unaligned() *vod.Asset {
	return fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(469)}, []bmfftest.Track{bmfftest.Video(250, 70)})
}

// TestD13I14Unaligned: renditions whose key frames are not at the same times are sets of their own, each of them aligned;
// both play, with sound cut like their picture.
func TestD13I14Unaligned(t *testing.T) {
	h := shortSegments(unaligned())
	text := bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/cmaf/index.mpd"))
	m, err := mpd.ReadFromString(text)
	require.NoError(t, err)
	require.Len(t, m.Periods[0].AdaptationSets, 3)
	for _, as := range m.Periods[0].AdaptationSets {
		require.Len(t, as.Representations, 1)
		require.True(t, *as.SegmentAlignment)
	}
	index := bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/ts/index.m3u8"))
	require.Equal(t, 2, strings.Count(index, "#EXT-X-STREAM-INF:"))
	n := map[string]int{}
	for _, p := range crawl(t, h) {
		res := get(t, h, "GET", p)
		body := bodyOf(t, res)
		require.Equal(t, 200, res.StatusCode, p)
		if strings.HasSuffix(p, ".ts") {
			require.Contains(t, body, "\x00\x00\x01\xe0", "%s has picture", p)
			require.Contains(t, body, "\x00\x00\x01\xc0", "%s has sound", p)
			n[regexp.MustCompile(`/(v\d)/\d+\.ts`).FindStringSubmatch(p)[1]]++
		}
	}
	require.Equal(t, map[string]int{"v1": 5, "v2": 4}, n)
}
