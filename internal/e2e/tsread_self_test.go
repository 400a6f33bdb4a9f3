package e2e

import (
	"math/big"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// TestReadTS shows that access units read back from ffmpeg's transport streams are those of its MP4s.
func TestReadTS(t *testing.T) {
	dir := harness.Media(t)
	for _, name := range []string{"audio_eng_aac.m4a", "audio_eng_aac_44100.m4a", "audio_eng_ac3_51.mp4", "audio_eng_eac3_51.mp4", "audio_eng_mp3.mp4"} {
		t.Run(name, func(t *testing.T) {
			want, err := read(t, dir+"/"+name)
			require.NoError(t, err)
			out := t.TempDir() + "/out.ts"
			harness.Run(t, "ffmpeg", "-v", "error", "-copyts", "-i", dir+"/"+name, "-c", "copy", "-copypriorss", "1",
				"-avoid_negative_ts", "disabled", "-output_ts_offset", "10", "-mpegts_copyts", "1", "-f", "mpegts", out)
			data, err := os.ReadFile(out)
			require.NoError(t, err)
			got, err := readTSAudio(data)
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.NotEmpty(t, got[0].Units)
			require.NoError(t, compare(want[0], got[0], big.NewRat(10, 1)))
		})
	}
}
