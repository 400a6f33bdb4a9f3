package dash_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/packager/media"
)

// What keys cost: two hours of segments of two seconds under no key, under one, and under one that changes each half hour,
// which makes four Periods.
func BenchmarkKeys(b *testing.B) {
	tl := timelines.Ladder(7200, 2)
	var keys []*manifest.Key
	for n := range 4 {
		k := &manifest.Key{Period: uint64(n + 1), Scheme: drm.CBCS, ID: drm.KeyID{byte(n)}}
		for _, s := range []drm.SystemID{drm.ClearKey, drm.Widevine, drm.PlayReady} {
			k.Signals = append(k.Signals, timelines.Signal(s, k.Scheme, k.ID))
		}
		keys = append(keys, k)
	}
	for _, c := range []struct {
		name string
		opts manifest.Options
	}{
		{"clear", manifest.Options{}},
		{"one", manifest.Options{Key: func(*media.Period, string, uint64) *manifest.Key { return keys[0] }}},
		{"four", manifest.Options{Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return keys[min(3, (n-1)/900)] }}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := dash.MPD(tl, time.Time{}, &c.opts)
				require.NoError(b, err)
			}
		})
	}
}
