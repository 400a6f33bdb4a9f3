package dash_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Whatever the cuts and wherever each rendition changes its key, no segment is lost, listed twice or under another key.
func TestAnyCuts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		tl := timelines.Ladder(120, 6)
		p := tl.Periods[0]
		change := map[string][]uint64{}
		for k := range p.Renditions {
			r := &p.Renditions[k]
			if k > 0 && rnd.IntN(4) == 0 { // another cut
				b := timelines.Video(r.ID, 640, 360, 800_000)
				if r.Track.Kind == media.Audio {
					b = timelines.Audio(r.ID, "en")
				}
				*r = b.Cut(120, 2+8*rnd.Float64())
			}
			n, period := r.Segments.Len(), uint64(1)
			skew := rnd.Float64() * 5
			for j := range n {
				s := r.Segments.At(j)
				at := float64(s.Start)/float64(r.Track.Timescale) + skew
				period = max(period, uint64(at/17)+1)
				if rnd.IntN(30) == 0 {
					period++
				}
				change[r.ID] = append(change[r.ID], period)
			}
		}
		made := map[uint64]*manifest.Key{}
		opts := &manifest.Options{Key: func(_ *media.Period, r string, n uint64) *manifest.Key {
			period := change[r][n-1]
			if made[period] == nil {
				made[period] = &manifest.Key{Period: period, Scheme: drm.CENC, ID: drm.KeyID{15: byte(period)}}
			}
			return made[period]
		}}
		t.Run(fmt.Sprint(i), func(t *testing.T) { keyOfEachSegment(t, timelines.Case{Timeline: tl, Options: opts}) })
	}
}

// Renditions of a content under different keys are sets of their own, which say that players may switch between them. All
// of them are the main picture.
func TestF23Switching(t *testing.T) {
	for _, c := range protected() {
		if c.Name != "keys" {
			continue
		}
		sets := readProtected(t, c.Timeline, c.Options).Periods[0].Sets
		require.Len(t, sets, 3)
		require.Equal(t, []string{"2"}, sets[0].property(switching))
		require.Equal(t, []string{"1"}, sets[1].property(switching))
		require.Empty(t, sets[2].property(switching), "nothing else to hear")
		require.Len(t, sets[1].Representations, 2, "HD and above share a key")
		for _, s := range sets {
			require.Equal(t, []property{{"urn:mpeg:dash:role:2011", "main"}}, s.Roles)
		}
	}
}

// A Period begins with each key period and is named after it; the clock, the numbers and the ids of sets go on.
func TestRotation(t *testing.T) {
	for _, c := range protected() {
		if c.Name != "rotation" {
			continue
		}
		m := readProtected(t, c.Timeline, c.Options)
		require.Len(t, m.Periods, 3)
		for i, p := range m.Periods {
			require.Equal(t, fmt.Sprintf("0.k%d", i), p.ID)
			require.Equal(t, []time.Duration{0, 24 * time.Second, 42 * time.Second}[i], time.Duration(p.Start))
			for k, s := range p.Sets {
				require.Equal(t, fmt.Sprint(k+1), s.ID)
				require.Equal(t, fmt.Sprintf("ladder/$RepresentationID$/0.k%d.init.mp4", i), s.Template.Init)
				require.Equal(t, []uint64{1, 5, 8}[i], s.Template.Number, "sound and picture change at one number")
				scale := map[string]int64{"video": 90000, "audio": 48000}[s.Kind]
				require.Equal(t, int64(time.Duration(p.Start)/time.Second)*scale, s.Template.Offset)
				var follows []string
				if i > 0 {
					follows = []string{m.Periods[i-1].ID}
				}
				require.Equal(t, follows, s.property(continuity))
			}
		}
	}
}

// A window that has moved on names the Periods that are left as before.
func TestRotationWindow(t *testing.T) {
	tl := timelines.Ladder(60, 6)
	opts := &manifest.Options{Key: timelines.Keys{Scheme: drm.CENC, Systems: []drm.SystemID{drm.Widevine}, Interval: 20}.Key()}
	before := readProtected(t, tl, opts)
	for i := range tl.Periods[0].Renditions {
		r := &tl.Periods[0].Renditions[i]
		opts.Key(tl.Periods[0], r.ID, 1)
		r.Segments = r.Segments.(media.SegmentSlice)[5:]
	}
	tl.Periods[0].Start = media.Time{Ticks: 30, Scale: 1}
	tl.Periods[0].Duration = media.Time{Ticks: 30, Scale: 1}
	after := readProtected(t, tl, opts)
	require.Len(t, after.Periods, 2)
	for i, p := range after.Periods {
		old := before.Periods[i+1]
		require.Equal(t, old.ID, p.ID)
		for k := range p.Sets {
			require.Equal(t, old.Sets[k].ID, p.Sets[k].ID)
			require.Equal(t, old.Sets[k].Protection, p.Sets[k].Protection)
			require.Equal(t, old.Sets[k].Template.Init, p.Sets[k].Template.Init)
		}
	}
}

// Sound that changes its key one segment before the picture is in a Period with the old key of the picture in between.
func TestSkewedRotation(t *testing.T) {
	keys := []*manifest.Key{{Period: 1, Scheme: drm.CENC, ID: drm.KeyID{1}}, {Period: 2, Scheme: drm.CENC, ID: drm.KeyID{2}}}
	opts := &manifest.Options{Key: func(_ *media.Period, r string, n uint64) *manifest.Key {
		if n >= 4 || n >= 3 && r == "en" {
			return keys[1]
		}
		return keys[0]
	}}
	c := timelines.Case{Timeline: timelines.Two(), Options: opts}
	keyOfEachSegment(t, c)
	var ids []string
	for _, p := range readProtected(t, c.Timeline, opts).Periods {
		ids = append(ids, p.ID)
	}
	require.Equal(t, []string{"0.k0", "0.k0-1-0", "0.k1"}, ids)
}

// A clear lead is in the Period and under the protection of what follows: only its segments are clear.
func TestLead(t *testing.T) {
	for _, c := range protected() {
		if !strings.HasSuffix(c.Name, "lead") {
			continue
		}
		k := c.Options.Key(c.Timeline.Periods[0], "v1", 3)
		require.Nil(t, c.Options.Key(c.Timeline.Periods[0], "v1", 1))
		p := readProtected(t, c.Timeline, c.Options).Periods[0]
		for _, s := range p.Sets {
			require.Equal(t, k.ID.String(), s.Protection[0].KID)
			require.EqualValues(t, 1, s.Template.Number)
		}
	}
}
