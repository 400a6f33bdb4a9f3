package hls_test

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// What a player takes for the IV of AES-128 is what packager.SegmentIV makes of the segment's number, in playlists too whose
// gaps are more or fewer than the numbers between.
func TestAES128CountsNumbers(t *testing.T) {
	silent := timelines.Two() // French ends after 6 s, and goes on in a second Period
	for i, b := range []*timelines.Builder{timelines.Video("v1", 640, 360, 800_000), timelines.Audio("en", "en"), timelines.Audio("fr", "fr")} {
		silent.Periods[0].Renditions[i].Segments = b.Cut([]float64{30, 30, 6}[i], 2).Segments
	}
	next := timelines.Periods().Periods[1]
	for i := range next.Renditions {
		r := timelines.Video("v1", 640, 360, 800_000)
		if i > 0 {
			r = timelines.Audio("fr", "fr")
		}
		next.Renditions[i] = r.From(15).At(30).Cut(12, 6)
	}
	next.Start = media.Time{Ticks: 30, Scale: 1}
	silent.Periods = append(silent.Periods, next)
	for name, tl := range map[string]*media.Timeline{
		"regular": timelines.Two(), "periods": timelines.Periods(), "silent": silent,
	} {
		for _, id := range []string{"v1", "fr", "a1"} {
			offers := []manifest.Offer{{Rendition: id, Ext: "ts", MIME: "video/mp2t", NoInit: true}}
			keys := timelines.Keys{Scheme: drm.AES128, Systems: []drm.SystemID{drm.Identity}, Interval: 10}
			text, err := hls.Media(tl, id, &manifest.Options{Offers: offers, Key: keys.Key()})
			if err != nil {
				continue // has no such rendition
			}
			for number, iv := range playerIVs(t, string(text)) {
				require.Equal(t, fmt.Sprintf("%032x", number), iv, "%s: segment %d of %s in\n%s", name, number, id, text)
			}
		}
	}
}

var segmentNumber = regexp.MustCompile(`/(\d+)\.ts$`)

// playerIVs is the IV of each segment that is no gap, in hex, by the number in its URL, as 8216bis, 4.4.4.4 and 5.2, say.
func playerIVs(t *testing.T, playlist string) map[uint64]string {
	out := map[uint64]string{}
	var sequence uint64
	iv, gap := "", false
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		switch tag, value, _ := strings.Cut(line, ":"); {
		case tag == "#EXT-X-MEDIA-SEQUENCE":
			n, err := strconv.ParseUint(value, 10, 64)
			require.NoError(t, err)
			sequence = n
		case tag == "#EXT-X-KEY":
			_, iv, _ = strings.Cut(value, "IV=0x")
		case tag == "#EXT-X-GAP":
			gap = true
		case line != "" && line[0] != '#':
			m := segmentNumber.FindStringSubmatch(line)
			require.NotNil(t, m, line)
			number, err := strconv.ParseUint(m[1], 10, 64)
			require.NoError(t, err)
			if !gap {
				if out[number] = iv; iv == "" {
					var b [16]byte
					for i := range 8 {
						b[15-i] = byte(sequence >> (8 * i))
					}
					out[number] = hex.EncodeToString(b[:])
				}
			}
			sequence, gap = sequence+1, false
		}
	}
	require.NotEmpty(t, out)
	return out
}
