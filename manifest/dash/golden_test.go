package dash_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest/dash"
)

// cases are those of fragmented MP4.
func cases() (list []timelines.Case) {
	for _, c := range timelines.Cases() {
		if c.Options == nil || c.Options.Offers == nil {
			list = append(list, c)
		}
	}
	return append(list, protected()...)
}

// protected are those of Common Encryption.
func protected() (list []timelines.Case) {
	for _, c := range timelines.Protected() {
		if !strings.HasPrefix(c.Name, "aes128") && !strings.HasPrefix(c.Name, "sampleaes") {
			list = append(list, c)
		}
	}
	return list
}

// TestGolden compares the MPD of each presentation with testdata; -update writes them anew.
func TestGolden(t *testing.T) {
	update := flag.Lookup("update").Value.(flag.Getter).Get().(bool)
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			got, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
			require.NoError(t, err)
			name := filepath.Join("testdata", c.Name+".mpd")
			if update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(name, got, 0o644))
			}
			want, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}
