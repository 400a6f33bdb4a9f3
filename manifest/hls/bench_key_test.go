package hls_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// What keys cost: two hours of segments of two seconds under no key, under one, and under one that changes each half hour.
func BenchmarkKeys(b *testing.B) {
	tl := timelines.Ladder(7200, 2)
	systems := []drm.SystemID{drm.FairPlay, drm.Widevine, drm.PlayReady}
	var keys []*manifest.Key
	for n := range 4 {
		k := &manifest.Key{Period: uint64(n + 1), Scheme: drm.CBCS, ID: drm.KeyID{byte(n)}}
		for _, s := range systems {
			k.Signals = append(k.Signals, timelines.Signal(s, k.Scheme, k.ID))
		}
		keys = append(keys, k)
	}
	for _, c := range []struct {
		name string
		key  func(n uint64) *manifest.Key
	}{
		{"clear", nil},
		{"one", func(uint64) *manifest.Key { return keys[0] }},
		{"four", func(n uint64) *manifest.Key { return keys[min(3, (n-1)/900)] }},
	} {
		opts := &manifest.Options{}
		if c.key != nil {
			opts.Key = func(_ *media.Period, _ string, n uint64) *manifest.Key { return c.key(n) }
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := hls.Media(tl, "v1", opts)
				require.NoError(b, err)
			}
		})
	}
}
