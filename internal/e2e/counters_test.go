package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// counters remembers which sample used each counter block of each key: AES-CTR must never use one for two.
type counters struct {
	by      map[block]string
	samples map[string]bool
	blocks  int
}

type block struct {
	key drm.KeyID
	iv  [8]byte // the upper half; the lower half counts blocks from start
	at  uint64
}

// use takes the blocks that n protected bytes need.
func (c *counters) use(t *testing.T, key drm.KeyID, iv []byte, n int, sample string) {
	c.samples[sample] = true
	at := block{key: key, iv: [8]byte(iv)}
	if len(iv) == 16 {
		at.at = binary.BigEndian.Uint64(iv[8:])
	}
	for range (n + 15) / 16 {
		if other, ok := c.by[at]; ok {
			require.Equal(t, other, sample, "key %s, counter %x %d is used twice", key, at.iv, at.at)
		}
		c.by[at] = sample
		c.blocks++
		at.at++
	}
}

// TestNoCounterRepeats collects each counter block under each key of a ladder with two languages: over rotations, in
// fragments and without, cut by different plans, from a node that is started again, and after a file is replaced under
// the same name.
func TestNoCounterRepeats(t *testing.T) {
	dir, media0 := t.TempDir(), harness.Media(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "film"), 0o755))
	put := func(name, file string) {
		data, err := os.ReadFile(filepath.Join(media0, file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "film", name), data, 0o644))
	}
	put("360.mp4", "video_h264_360_25.mp4")
	put("480.mp4", "video_h264_480_25.mp4")
	put("eng.mp4", "audio_eng_aac.m4a")
	put("fra.mp4", "audio_fra_aac.m4a")

	endpoint := func(name string, plan media.Plan, ivSize int) origin.Endpoint {
		return origin.Endpoint{Name: name, Container: origin.CMAF, Plan: plan, Manifests: []origin.Manifest{{Format: origin.HLS}},
			Encryption: &origin.Encryption{Method: drm.CENC, DRMSystems: []drm.SystemID{drm.ClearKey}, IVSize: ivSize}}
	}
	rotating := endpoint("rotating", media.Plan{Segment: 2 * time.Second}, 8)
	rotating.Encryption.KeyRotationInterval = 5 * time.Second
	endpoints := []origin.Endpoint{
		endpoint("long", media.Plan{}, 8), endpoint("long16", media.Plan{}, 16), rotating,
		endpoint("chunks", media.Plan{Segment: 4 * time.Second, Chunk: 500 * time.Millisecond}, 8),
	}
	all := &counters{by: map[block]string{}, samples: map[string]bool{}}
	collect := func(version string) {
		h := &origin.Handler{
			Library: origin.Groups{"vod": &vod.Dir{FS: os.DirFS(dir)}}, Endpoints: endpoints,
			Keys: &drm.Master{Secret: drm.NewMaterial(bytes.Repeat([]byte("k"), 32)), Signals: drm.Signaller{ClearKeyURL: "/key"}},
		}
		server := httptest.NewServer(h)
		defer server.Close()
		for _, p := range h.Playables("vod/film") {
			collectPlaylist(t, all, server.URL+p.Path, version)
		}
	}
	collect("first")
	before := len(all.samples)
	blocks := len(all.by)
	collect("first") // another node
	require.Len(t, all.by, blocks, "another node uses the same counters for the same samples")
	put("360.mp4", "video_h264_360_nob.mp4")
	collect("second")
	require.Greater(t, len(all.samples), before)
	t.Logf("%d samples, %d counter blocks under %d different", len(all.samples), all.blocks, len(all.by))
}

var (
	mapURI   = regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`)
	childURI = regexp.MustCompile(`(?m)^[^#\s].*$|#EXT-X-MEDIA:.*URI="([^"]+)"`)
)

// collectPlaylist fetches all segments below a multivariant playlist.
func collectPlaylist(t *testing.T, c *counters, url, version string) {
	text, _ := harness.Get(t, url)
	seen := map[string]bool{}
	for _, m := range childURI.FindAllStringSubmatch(string(text), -1) {
		child := m[1]
		if child == "" {
			child = m[0]
		}
		if seen[child] {
			continue
		}
		seen[child] = true
		playlist := harness.Resolve(t, url, child)
		list, _ := harness.Get(t, playlist)
		var init *mp4.InitSegment
		for _, line := range strings.Split(string(list), "\n") {
			if m := mapURI.FindStringSubmatch(line); m != nil {
				data, _ := harness.Get(t, harness.Resolve(t, playlist, m[1]))
				f, err := mp4.DecodeFile(bytes.NewReader(data))
				require.NoError(t, err)
				init = f.Init
			} else if line != "" && line[0] != '#' {
				data, _ := harness.Get(t, harness.Resolve(t, playlist, line))
				collectSegment(t, c, init, data, version+" "+child)
			}
		}
	}
}

// collectSegment names a sample by its track and time: the same one may use its counters again, with the same bytes.
func collectSegment(t *testing.T, c *counters, init *mp4.InitSegment, data []byte, track string) {
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	sinf := sinfOf(t, init)
	for _, frag := range f.Segments[0].Fragments {
		traf := frag.Moof.Traf
		require.NotNil(t, traf.Senc, "a fragment without IVs")
		_, parsed := traf.ContainsSencBox()
		if !parsed {
			require.NoError(t, traf.ParseReadSenc(sinf.Schi.Tenc.DefaultPerSampleIVSize, frag.Moof.StartPos))
		}
		id := drm.KeyID(sinf.Schi.Tenc.DefaultKID)
		for _, box := range traf.Children {
			if sgpd, ok := box.(*mp4.SgpdBox); ok && sgpd.GroupingType == "seig" {
				id = drm.KeyID(sgpd.SampleGroupEntries[0].(*mp4.SeigSampleGroupEntry).KID)
			}
		}
		at := traf.Tfdt.BaseMediaDecodeTime()
		samples, err := frag.GetFullSamples(init.Moov.Mvex.Trex)
		require.NoError(t, err)
		for i, s := range samples {
			n := int(s.Size)
			if len(traf.Senc.SubSamples) > 0 && len(traf.Senc.SubSamples[i]) > 0 {
				n = 0
				for _, sub := range traf.Senc.SubSamples[i] {
					n += int(sub.BytesOfProtectedData)
				}
			}
			c.use(t, id, traf.Senc.IVs[i], n, fmt.Sprintf("%s %d", track, at))
			at += uint64(s.Dur)
		}
	}
}

func sinfOf(t *testing.T, init *mp4.InitSegment) *mp4.SinfBox {
	switch e := init.Moov.Trak.Mdia.Minf.Stbl.Stsd.Children[0].(type) {
	case *mp4.VisualSampleEntryBox:
		return e.Sinf
	case *mp4.AudioSampleEntryBox:
		return e.Sinf
	}
	require.Fail(t, "no protected sample entry")
	return nil
}
