package e2e

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/dash-mpd/mpd"
	eyevinn "github.com/Eyevinn/hls-m3u8/m3u8"
	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/manifest/hls"
)

// keySignals are the EXT-X-KEY of a key as hls-m3u8 reads them.
func keySignals(k *manifest.Key) (list []eyevinn.Key) {
	for _, s := range k.Signals {
		if s.HLS == "" {
			continue
		}
		a := attributes(":" + s.HLS)
		key := eyevinn.Key{Method: a["METHOD"], URI: a["URI"], Keyformat: a["KEYFORMAT"], Keyformatversions: a["KEYFORMATVERSIONS"]}
		if s.System == drm.Identity && k.IV != nil {
			key.IV = fmt.Sprintf("0x%032x", k.IV)
		}
		list = append(list, key)
	}
	return list
}

// Two readers of playlists see each segment of a protected presentation under its key, in all systems. gohlslib knows no
// SAMPLE-AES-CTR and keeps the last key tag only.
func TestKeysReadByOthers(t *testing.T) {
	for _, c := range timelines.Protected() {
		t.Run(c.Name, func(t *testing.T) {
			for _, o := range c.Options.Offered(c.Timeline) {
				text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)
				list, _, err := eyevinn.DecodeFrom(strings.NewReader(string(text)), true)
				require.NoError(t, err)
				requireKeys(t, c, o, list.(*eyevinn.MediaPlaylist))
				if strings.Contains(string(text), "SAMPLE-AES-CTR") {
					continue
				}
				pl, err := playlist.Unmarshal(text)
				require.NoError(t, err)
				for _, s := range pl.(*playlist.Media).Segments {
					if k := keyOfURL(t, c, o.Rendition, s.URI); k != nil {
						want := keySignals(k)
						last := want[len(want)-1]
						require.Equal(t, last.URI, s.Key.URI)
						require.Equal(t, last.IV, s.Key.IV)
						require.Equal(t, last.Keyformat, s.Key.KeyFormat)
					} else if s.Key != nil && !s.Gap {
						require.Equal(t, playlist.MediaKeyMethodNone, s.Key.Method)
					}
				}
			}
		})
	}
}

// keyOfURL is the key of a segment; nil: it is clear, or a gap.
func keyOfURL(t *testing.T, c timelines.Case, rendition, url string) *manifest.Key {
	t.Helper()
	ref, err := manifest.Paths{}.Parse(url)
	require.NoError(t, err)
	p, _, err := c.Timeline.Find(rendition, ref.Number)
	if err != nil {
		return nil
	}
	return c.Options.Key(p, rendition, ref.Number)
}

// requireKeys follows the key tags, which the reader hands out with the segment after them.
func requireKeys(t *testing.T, c timelines.Case, o manifest.Offer, list *eyevinn.MediaPlaylist) {
	t.Helper()
	var now []eyevinn.Key
	for _, s := range list.Segments {
		if s == nil {
			break
		}
		for _, k := range s.Keys {
			now = slices.DeleteFunc(now, func(old eyevinn.Key) bool { return old.Keyformat == k.Keyformat || k.Method == "NONE" })
			if k.Method != "NONE" {
				now = append(now, k)
			}
		}
		if s.Gap {
			continue
		}
		if k := keyOfURL(t, c, o.Rendition, s.URI); k == nil {
			require.Empty(t, now, s.URI)
		} else {
			require.ElementsMatch(t, keySignals(k), now, s.URI)
		}
	}
}

// Two readers of multivariant playlists take the session keys; what they say stands in a media playlist too.
func TestSessionKeysReadByOthers(t *testing.T) {
	for _, c := range timelines.Protected() {
		t.Run(c.Name, func(t *testing.T) {
			text, err := hls.Multivariant(c.Timeline, c.Options)
			require.NoError(t, err)
			_, err = playlist.Unmarshal(text)
			require.NoError(t, err)
			list, _, err := eyevinn.DecodeFrom(strings.NewReader(string(text)), true)
			require.NoError(t, err)
			got := list.(*eyevinn.MasterPlaylist).SessionKeys
			require.Len(t, got, strings.Count(string(text), "#EXT-X-SESSION-KEY:"))
			var all []eyevinn.Key
			for _, p := range c.Timeline.Periods {
				for _, r := range p.Renditions {
					for i := range r.Segments.Len() {
						if k := c.Options.Key(p, r.ID, r.Segments.At(i).Number); k != nil {
							all = append(all, keySignals(k)...)
						}
					}
				}
			}
			for _, k := range got {
				require.Contains(t, all, *k)
			}
		})
	}
}

// Another reader of MPDs sees the protection of each segment's key.
func TestProtectionReadByOthers(t *testing.T) {
	for _, c := range timelines.Protected() {
		if strings.HasPrefix(c.Name, "aes128") || c.Name == "sampleaes" {
			continue // HLS only
		}
		t.Run(c.Name, func(t *testing.T) {
			text, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
			require.NoError(t, err)
			m, err := mpd.MPDFromBytes(text)
			require.NoError(t, err)
			definitions := map[string]*mpd.ContentProtectionType{}
			for _, d := range m.ContentProtection {
				definitions[d.RefId] = d
			}
			for _, p := range m.Periods {
				for _, as := range p.AdaptationSets {
					for _, r := range as.Representations {
						k := keyOfURL(t, c, r.Id, lastURL(r)) // the first may be in a clear lead
						requireProtection(t, c, k, as.GetContentProtections(), definitions)
					}
				}
			}
		})
	}
}

// lastURL is that of the last segment of a Representation, as a player computes it.
func lastURL(r *mpd.RepresentationType) string {
	st := r.GetSegmentTemplate()
	last := int64(*st.StartNumber) - 1
	if st.SegmentTimeline == nil {
		last = int64(*st.EndNumber)
	} else {
		for _, s := range st.SegmentTimeline.S {
			last += int64(s.R) + 1
		}
	}
	return strings.NewReplacer("$RepresentationID$", r.Id, "$Number$", fmt.Sprint(last)).Replace(st.Media)
}

func requireProtection(t *testing.T, c timelines.Case, k *manifest.Key, got []*mpd.ContentProtectionType, definitions map[string]*mpd.ContentProtectionType) {
	t.Helper()
	if k == nil {
		require.Empty(t, got)
		return
	}
	require.EqualValues(t, "urn:mpeg:dash:mp4protection:2011", got[0].SchemeIdUri)
	require.Equal(t, string(k.Scheme), got[0].Value)
	require.Equal(t, !c.Options.InBandKeys, got[0].DefaultKID == k.ID.String())
	got = got[1:]
	for _, s := range k.Signals {
		if s.DASH == "" && s.PSSH == nil {
			continue
		}
		d := got[0]
		got = got[1:]
		if d.Ref != "" {
			d = definitions[d.Ref]
		}
		if s.System != drm.ClearKey {
			require.EqualValues(t, "urn:uuid:"+string(s.System), d.SchemeIdUri)
		}
		if s.System == drm.ClearKey {
			require.Nil(t, d.Pssh, "dash.js wants none")
		} else if !c.Options.InBandKeys {
			require.Equal(t, base64.StdEncoding.EncodeToString(s.PSSH), d.Pssh.Value)
		}
		require.Equal(t, s.System == drm.PlayReady && !c.Options.InBandKeys, d.MSPro != nil)
		require.Equal(t, s.System == drm.ClearKey, d.LaURL != nil)
	}
	require.Empty(t, got)
}
