package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"
	eyevinn "github.com/Eyevinn/hls-m3u8/m3u8"
	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// mediaURLs are those of the media segments of a rendition.
func mediaURLs(tl *media.Timeline, o manifest.Offer) (list []string) {
	o.NoInit = true
	return timelines.URLs(tl, []manifest.Offer{o}, manifest.Paths{})
}

// Two readers of playlists see the segments that the Timeline has, in the same order and of the same length.
func TestPlaylistsReadByOthers(t *testing.T) {
	for _, c := range timelines.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			for _, o := range c.Options.Offered(c.Timeline) {
				text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)

				pl, err := playlist.Unmarshal(text)
				require.NoError(t, err)
				one := pl.(*playlist.Media)
				require.True(t, one.Endlist)
				require.Equal(t, o.NoInit, one.Map == nil)

				list, kind, err := eyevinn.DecodeFrom(strings.NewReader(string(text)), true)
				require.NoError(t, err)
				require.Equal(t, eyevinn.MEDIA, kind)
				other := list.(*eyevinn.MediaPlaylist)
				require.True(t, other.Closed)
				require.EqualValues(t, one.TargetDuration, other.TargetDuration)
				require.EqualValues(t, one.MediaSequence, other.SeqNo)
				require.EqualValues(t, len(one.Segments), other.Count())

				var urls []string
				for i, s := range one.Segments {
					o := other.Segments[i]
					require.Equal(t, s.URI, o.URI)
					require.Equal(t, s.Gap, o.Gap)
					require.Equal(t, s.Discontinuity, o.Discontinuity)
					require.InDelta(t, s.Duration.Seconds(), o.Duration, 1e-6)
					if !s.Gap {
						urls = append(urls, s.URI)
					}
				}
				require.Equal(t, mediaURLs(c.Timeline, o), urls)
			}
		})
	}
}

// Two readers of multivariant playlists see the same variants and renditions.
func TestMultivariantReadByOthers(t *testing.T) {
	for _, c := range timelines.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			text, err := hls.Multivariant(c.Timeline, c.Options)
			require.NoError(t, err)
			pl, err := playlist.Unmarshal(text)
			require.NoError(t, err)
			one := pl.(*playlist.Multivariant)
			list, kind, err := eyevinn.DecodeFrom(strings.NewReader(string(text)), true)
			require.NoError(t, err)
			require.Equal(t, eyevinn.MASTER, kind)
			other := list.(*eyevinn.MasterPlaylist)
			require.Len(t, other.Variants, len(one.Variants))
			for i, v := range one.Variants {
				o := other.Variants[i]
				require.Equal(t, v.URI, o.URI)
				require.EqualValues(t, v.Bandwidth, o.Bandwidth)
				require.EqualValues(t, *v.AverageBandwidth, o.AverageBandwidth)
				require.Equal(t, strings.Join(v.Codecs, ","), o.Codecs)
				require.Equal(t, v.Resolution, o.Resolution)
				require.Equal(t, v.Audio, o.Audio)
			}
			require.Equal(t, strings.Count(string(text), "#EXT-X-MEDIA:"), len(one.Renditions))
		})
	}
}

// Another reader of MPDs sees the segments that the Timeline has, at the same ticks.
func TestMPDReadByOthers(t *testing.T) {
	for _, c := range timelines.Cases() {
		if c.Options != nil {
			continue // multiplexed, or addressed by number and duration
		}
		t.Run(c.Name, func(t *testing.T) {
			text, err := dash.MPD(c.Timeline, time.Time{}, nil)
			require.NoError(t, err)
			m, err := mpd.MPDFromBytes(text)
			require.NoError(t, err)
			require.Equal(t, "static", m.GetType())
			require.Len(t, m.Periods, len(c.Timeline.Periods))
			for i, p := range m.Periods {
				for _, as := range p.AdaptationSets {
					for _, r := range as.Representations {
						want, ok := c.Timeline.Periods[i].Rendition(r.Id)
						require.True(t, ok)
						requireSegments(t, want, r, c.Timeline.Version)
					}
				}
			}
		})
	}
}

func requireSegments(t *testing.T, want *media.Rendition, r *mpd.RepresentationType, version string) {
	t.Helper()
	st := r.GetSegmentTemplate()
	require.Equal(t, want.Track.Timescale, st.GetTimescale())
	require.Equal(t, want.Track.Codec.String, r.GetCodecs())
	k, at := 0, int64(0)
	for _, s := range st.SegmentTimeline.S {
		if s.T != nil {
			at = int64(*s.T)
		}
		for range s.R + 1 {
			seg := want.Segments.At(k)
			require.Equal(t, seg.Start, at)
			require.Equal(t, seg.Duration, int64(s.D))
			number := uint64(*st.StartNumber) + uint64(k)
			require.Equal(t, seg.Number, number)
			url := strings.NewReplacer("$RepresentationID$", r.Id, "$Number$", strconv.FormatUint(number, 10)).Replace(st.Media)
			require.Equal(t, manifest.Paths{}.Link(manifest.Ref{
				Kind: manifest.Segment, Version: version, Rendition: r.Id, Number: number, Ext: "m4s",
			}), url)
			at += int64(s.D)
			k++
		}
	}
	require.Equal(t, want.Segments.Len(), k)
}
