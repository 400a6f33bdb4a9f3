package hls_test

import (
	"fmt"
	"testing"

	"github.com/grafov/m3u8"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
)

// A two-hour presentation; the library builds and encodes the same list for comparison.
func BenchmarkMedia(b *testing.B) {
	for _, seconds := range []float64{2, 4, 6} {
		tl := timelines.Ladder(7200, seconds)
		only := &manifest.Options{Offers: []manifest.Offer{{Rendition: "v1"}}}
		entries := tl.Periods[0].Renditions[0].Segments.Len()
		b.Run(fmt.Sprintf("one rendition/%d", entries), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := hls.Media(tl, "v1", only)
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("of four/%d", entries), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := hls.Media(tl, "v1", nil)
				require.NoError(b, err)
			}
		})
		b.Run(fmt.Sprintf("grafov/%d", entries), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				list, err := m3u8.NewMediaPlaylist(0, uint(entries))
				require.NoError(b, err)
				for i := range entries {
					require.NoError(b, list.Append(fmt.Sprintf("ladder/v1/%d.m4s", i+1), seconds, ""))
				}
				list.Close()
				list.Encode()
			}
		})
	}
}

func BenchmarkMultivariant(b *testing.B) {
	tl := timelines.Ladder(7200, 6)
	b.ReportAllocs()
	for b.Loop() {
		_, err := hls.Multivariant(tl, nil)
		require.NoError(b, err)
	}
}
