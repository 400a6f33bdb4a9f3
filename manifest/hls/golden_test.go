package hls_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest/hls"
)

// TestGolden compares all playlists of each presentation with testdata; -update writes them anew.
func TestGolden(t *testing.T) {
	update := flag.Lookup("update").Value.(flag.Getter).Get().(bool)
	for _, c := range append(timelines.Cases(), timelines.Protected()...) {
		t.Run(c.Name, func(t *testing.T) {
			var all bytes.Buffer
			index, err := hls.Multivariant(c.Timeline, c.Options)
			require.NoError(t, err)
			all.WriteString("-- index.m3u8 --\n")
			all.Write(index)
			for _, o := range c.Options.Offered(c.Timeline) {
				list, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)
				all.WriteString("-- index." + o.Rendition + ".m3u8 --\n")
				all.Write(list)
			}
			name := filepath.Join("testdata", c.Name+".txtar")
			if update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(name, all.Bytes(), 0o644))
			}
			want, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, string(want), all.String())
		})
	}
}
