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
// which makes four Periods, and under one that changes each ten seconds, which makes 720, or one where segments name their keys.
func BenchmarkKeys(b *testing.B) {
	tl := timelines.Ladder(7200, 2)
	var many []*manifest.Key
	for n := range 720 {
		k := &manifest.Key{Period: uint64(n + 1), Scheme: drm.CBCS, ID: drm.KeyID{byte(n), byte(n >> 8)}}
		for _, s := range []drm.SystemID{drm.ClearKey, drm.Widevine, drm.PlayReady} {
			k.Signals = append(k.Signals, timelines.Signal(s, k.Scheme, k.ID))
		}
		many = append(many, k)
	}
	keys := many[:4]
	for _, c := range []struct {
		name string
		opts manifest.Options
	}{
		{"clear", manifest.Options{}},
		{"one", manifest.Options{Key: func(*media.Period, string, uint64) *manifest.Key { return keys[0] }}},
		{"four", manifest.Options{Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return keys[min(3, (n-1)/900)] }}},
		{"720", manifest.Options{Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return many[min(719, (n-1)/5)] }}},
		{"720 in band", manifest.Options{InBandKeys: true, Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return many[min(719, (n-1)/5)] }}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var text []byte
			var err error
			for b.Loop() {
				text, err = dash.MPD(tl, time.Time{}, &c.opts)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(len(text)), "size")
		})
	}
}
