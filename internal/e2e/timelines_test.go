package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// timelineMedia have rates, delays and ends that do not divide.
var timelineMedia = []string{"mux_moov_first.mp4", "mux_2997_44100.mp4", "mux_late_audio.mp4", "mux_cut_inside.mp4", "mux_short_audio.mp4",
	"mux_long_audio.mp4", "mux_fragments_sidx.mp4", "video_h264_360_vfr.mp4", "mux_hevc_eac3.mp4", "audio_eng_opus.mp4"}

// TestTimelinesAgree compares what MPD, playlists, tfdt, trun, sidx and PES say of each segment: to the tick.
func TestTimelinesAgree(t *testing.T) {
	base := serve(t, harness.Media(t), timelineMedia)
	for _, name := range timelineMedia {
		t.Run(name, func(t *testing.T) {
			url := base(name)
			mpd := readMPD(t, url+"cmaf/index.mpd")
			firsts := map[string]*big.Rat{} // rendition/number: time of the first unit of a segment
			for _, l := range mpd {
				for _, p := range l.Pieces {
					checkSegments(t, l, p, firsts)
				}
			}
			checkEXTINF(t, mpd, readHLS(t, url+"cmaf/index.m3u8"))
			if _, _, err := harness.TryGet(url + "ts/index.m3u8"); err == nil {
				checkTS(t, readHLS(t, url+"ts/index.m3u8"), firsts)
			}
		})
	}
}

// serve serves files of a folder and returns where each is.
func serve(t *testing.T, dir string, names []string) func(name string) string {
	contents := origin.Map{}
	for i, name := range names {
		f, err := vod.OpenFile(filepath.Join(dir, name))
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		contents[fmt.Sprintf("t/%d", i)] = &vod.Asset{Inputs: []vod.Input{{Name: name, Object: f}}}
	}
	server := httptest.NewServer(&origin.Handler{Library: contents})
	t.Cleanup(server.Close)
	return func(name string) string {
		for i, n := range names {
			if n == name {
				return fmt.Sprintf("%s/out/v1/t/%d/", server.URL, i)
			}
		}
		return ""
	}
}

// key is rendition/number, as URLs end: v1/3.m4s and v1/3.ts are one.
func key(url string) string {
	dir, file := path.Split(url)
	number, _, _ := strings.Cut(file, ".")
	return path.Base(dir) + "/" + number
}

// checkSegments compares an MPD's SegmentTimeline with the boxes of the segments.
func checkSegments(t *testing.T, l *listed, p piece, firsts map[string]*big.Rat) {
	body, _ := harness.Get(t, p.Init)
	init, err := mp4.DecodeFile(bytes.NewReader(body))
	require.NoError(t, err)
	trak := init.Moov.Trak
	scale := int64(trak.Mdia.Mdhd.Timescale)
	trex := init.Moov.Mvex.Trex
	edit := int64(0) // added to the composition offsets of reordered pictures
	if trak.Edts != nil {
		edit = trak.Edts.Elst[0].Entries[0].MediaTime
	}
	for _, s := range p.Segments {
		body, _ := harness.Get(t, s.URL)
		seg, err := mp4.DecodeFile(bytes.NewReader(body))
		require.NoError(t, err, s.URL)
		require.NotEmpty(t, seg.Segments)
		next, first := int64(-1), int64(-1)
		earliest := int64(1) << 62
		for _, ms := range seg.Segments {
			for _, f := range ms.Fragments {
				traf := f.Moof.Traf
				samples, err := f.GetFullSamples(trex)
				require.NoError(t, err)
				at := int64(traf.Tfdt.BaseMediaDecodeTime())
				if next >= 0 {
					require.Equal(t, next, at, "%s: tfdt of a fragment is the end of that before", s.URL)
				} else {
					first = at
				}
				for i := range samples {
					earliest = min(earliest, at+int64(samples[i].CompositionTimeOffset))
					at += int64(samples[i].Dur)
				}
				next = at
			}
		}
		require.Zero(t, s.Start.Cmp(big.NewRat(first, scale)), "%s: S@t %s, tfdt %d/%d", s.URL, s.Start, first, scale)
		require.Zero(t, s.Duration.Cmp(big.NewRat(next-first, scale)), "%s: S@d %s, samples %d/%d", s.URL, s.Duration, next-first, scale)
		for _, sidx := range seg.Sidxs {
			require.Equal(t, earliest, int64(sidx.EarliestPresentationTime), "%s: sidx", s.URL)
			require.EqualValues(t, scale, sidx.Timescale)
		}
		firsts[key(s.URL)] = big.NewRat(earliest-edit, scale)
	}
}

// checkEXTINF compares playlists with the MPD: the sum of EXTINF never drifts by more than a microsecond.
func checkEXTINF(t *testing.T, mpd, playlists []*listed) {
	durations := map[string]*big.Rat{}
	for _, l := range mpd {
		for _, p := range l.Pieces {
			for i, s := range p.Segments {
				d := new(big.Rat).Add(s.Start, s.Duration)
				if i == 0 { // a playlist begins with the presentation, whether media begin before or after
					d.Sub(d, p.Offset)
				} else {
					d.Sub(d, s.Start)
				}
				durations[s.URL] = d
			}
		}
	}
	micro := big.NewRat(1, 1_000_000)
	for _, l := range playlists {
		drift := new(big.Rat)
		for _, p := range l.Pieces {
			for _, s := range p.Segments {
				exact, ok := durations[s.URL]
				require.True(t, ok, "%s is not in the MPD", s.URL)
				drift.Add(drift, s.Duration)
				drift.Sub(drift, exact)
				require.LessOrEqual(t, new(big.Rat).Abs(drift).Cmp(micro), 0, "%s: EXTINF %s, exactly %s", s.URL, s.Duration.FloatString(6), exact)
			}
		}
	}
}

// checkTS compares the first PES of each segment with the first presentation time of the CMAF segment of that number:
// to half a tick of 90 kHz.
func checkTS(t *testing.T, playlists []*listed, firsts map[string]*big.Rat) {
	for _, l := range playlists {
		for _, p := range l.Pieces {
			for _, s := range p.Segments {
				body, _ := harness.Get(t, s.URL)
				want, ok := firsts[key(s.URL)]
				require.True(t, ok, "%s has no CMAF twin", s.URL)
				got := earliestPTS(t, body, l.Kind == "video")
				got.Sub(got, big.NewRat(packager.Bias, 90000))
				d := new(big.Rat).Sub(got, want)
				require.LessOrEqual(t, d.Abs(d).Cmp(big.NewRat(1, 180_000)), 0, "%s: PES at %s, CMAF at %s", s.URL, got.FloatString(6), want.FloatString(6))
			}
		}
	}
}

// earliestPTS is the first presentation time of the video, or of the audio, in a segment, seconds.
func earliestPTS(t *testing.T, data []byte, video bool) *big.Rat {
	demux := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	least := int64(1) << 62
	for {
		d, err := demux.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			require.Less(t, least, int64(1)<<62, "no PES")
			return big.NewRat(least, 90000)
		}
		require.NoError(t, err)
		if d.PES != nil && d.PES.Header.IsVideoStream() == video {
			least = min(least, d.PES.Header.OptionalHeader.PTS.Base)
		}
	}
}

// TestProcessesAgree runs the program twice over the same files and compares every URL, byte and ETag; and asks for each
// thing that a manifest lists by HEAD too.
func TestProcessesAgree(t *testing.T) {
	dir := harness.Media(t)
	vodDir := t.TempDir()
	for _, name := range []string{"mux_moov_first.mp4", "mux_2997_44100.mp4"} {
		link(t, filepath.Join(dir, name), filepath.Join(vodDir, name))
	}
	one, two := harness.Start(t, "-vod", vodDir), harness.Start(t, "-vod", vodDir)
	require.Equal(t, len(one.URLs), len(two.URLs))
	for i, u := range one.URLs {
		t.Run(u.URL[strings.Index(u.URL, "/out/"):], func(t *testing.T) {
			a, b := list(t, u), list(t, two.URLs[i])
			require.Equal(t, len(a), len(b))
			for k := range a {
				require.Equal(t, pathOf(a[k]), pathOf(b[k]))
				x, hx := harness.Get(t, a[k])
				y, hy := harness.Get(t, b[k])
				require.True(t, bytes.Equal(x, y), "%s differs", a[k])
				require.NotEmpty(t, hx.Get("ETag"))
				require.Equal(t, hx.Get("ETag"), hy.Get("ETag"))
				head, err := http.Head(a[k])
				require.NoError(t, err)
				head.Body.Close()
				require.EqualValues(t, len(x), head.ContentLength, "HEAD %s", a[k])
			}
		})
	}
	require.NoError(t, one.Stop(t))
	require.NoError(t, two.Stop(t))
}

func list(t *testing.T, u harness.Playable) []string {
	all := []string{u.URL}
	renditions := []*listed(nil)
	if u.Kind == "DASH" {
		renditions = readMPD(t, u.URL)
	} else {
		renditions = readHLS(t, u.URL)
		for _, l := range renditions {
			all = append(all, l.Name)
		}
	}
	for _, l := range renditions {
		all = append(all, l.urls()...)
	}
	return all
}

func pathOf(url string) string { return url[strings.Index(url, "/out/"):] }

// serveHandler serves h until the test ends and returns its URL.
func serveHandler(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
