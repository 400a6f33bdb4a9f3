package cmaf_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dump lists all boxes with their bytes; of mdat and of sample entries the hash.
func dump(t testing.TB, data []byte) string {
	var out strings.Builder
	_, err := gomp4.ReadBoxStructure(bytes.NewReader(data), func(h *gomp4.ReadHandle) (any, error) {
		info := h.BoxInfo
		name := info.Type.String()
		indent := strings.Repeat("  ", len(h.Path)-1)
		fmt.Fprintf(&out, "%s[%s] %d bytes\n", indent, name, info.Size)
		body := data[info.Offset+info.HeaderSize : info.Offset+info.Size]
		switch name {
		case "moov", "trak", "mdia", "minf", "dinf", "stbl", "udta", "mvex", "moof", "traf":
			return h.Expand()
		case "stsd":
			if bytes.Contains(body, []byte("sinf")) {
				break // all of it
			}
			fallthrough
		case "mdat":
			fmt.Fprintf(&out, "%s  sha256 %x\n", indent, sha256.Sum256(body))
			return nil, nil
		}
		for len(body) > 0 {
			n := min(16, len(body))
			text := strings.Map(func(r rune) rune {
				if r < 0x20 || r > 0x7e {
					return '.'
				}
				return r
			}, latin(body[:n]))
			fmt.Fprintf(&out, "%s  %-47x  %s\n", indent, spaced(body[:n]), text)
			body = body[n:]
		}
		return nil, nil
	})
	require.NoError(t, err)
	return out.String()
}

func latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// spaced prints bytes four by four.
type spaced []byte

func (s spaced) Format(f fmt.State, _ rune) {
	var parts []string
	for b := []byte(s); len(b) > 0; b = b[min(4, len(b)):] {
		parts = append(parts, fmt.Sprintf("%x", b[:min(4, len(b))]))
	}
	width, _ := f.Width()
	fmt.Fprintf(f, "%-*s", width, strings.Join(parts, " "))
}

func TestGolden(t *testing.T) {
	video, audio := videoTrack(), audioTrack()
	audio.Language, audio.Label, audio.Roles = "en-GB", "English", []string{"main"}
	chunked := job(run(video, 1<<33, 5, gop(7, 512)...))
	chunked.Chunk = 4 * 512
	vary := gop(3, 512)
	vary[1].Duration, vary[1].Flags = 513, vary[0].Flags
	last := job(run(audio, 48000, 0, frames(3, 1024)...))
	last.Last = true
	segments := map[string]*packager.Job{
		"video":   job(run(video, 12800, 0, gop(4, 512)...)),
		"vary":    job(run(video, 0, 0, vary...)),
		"chunked": chunked,
		"last":    last,
	}
	got := map[string]string{}
	for name, p := range map[string]*drm.Protection{"cenc": protect(t, drm.CENC, 8), "cens": protect(t, drm.CENS, 16), "cbc1": protect(t, drm.CBC1, 16), "cbcs": protect(t, drm.CBCS, 0)} {
		segments["video-"+name] = encrypted(p, pictures(sliced(), 12800, 0, 100, 70_000))
		segments["audio-"+name] = encrypted(p, run(audioTrack(), 48000, 0, frames(3, 1024)...))
		p.Lead, p.PSSH = name == "cbcs", pssh(p.Key.ID)
		got["init-video-"+name], got["init-audio-"+name] = dump(t, protectedHeader(t, video, p)), dump(t, protectedHeader(t, audioTrack(), p))
	}
	lead, rotation, gap := protect(t, drm.CBCS, 0), protect(t, drm.CENC, 8), protect(t, drm.CENC, 8)
	lead.Lead, lead.Clear = true, true
	rotation.Group, rotation.PSSH = true, pssh(rotation.Key.ID)
	gap.Group, gap.Clear = true, true
	segments["lead"] = encrypted(lead, pictures(sliced(), 0, 0, 100))
	segments["rotation"] = encrypted(rotation, pictures(sliced(), 0, 0, 100, 200))
	segments["rotation"].Chunk = 512
	segments["rotation-clear"] = encrypted(gap, pictures(sliced(), 0, 0, 100))
	segments["carried"] = job(carried()...)
	got["init-carried"] = dump(t, protectedHeader(t, carried()[0].Track, nil))
	all := *rotation // one header for all keys
	all.Key, all.PSSH = drm.Key{}, nil
	got["init-rotation"] = dump(t, protectedHeader(t, video, &all))
	for name, j := range segments {
		got["segment-"+name] = dump(t, segment(t, j))
	}
	for coding, track := range tracks() {
		data, _ := header(t, track)
		got["init-"+string(coding)] = dump(t, data)
	}
	labelled, _ := header(t, audio)
	got["init-labelled"] = dump(t, labelled)
	for name, text := range got {
		file := filepath.Join("testdata", name+".txt")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			continue
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), text, name)
	}
}

func protectedHeader(t testing.TB, track *media.Track, p *drm.Protection) []byte {
	body, err := cmaf.Packager{}.Init(track, p)
	require.NoError(t, err)
	data, err := body.Bytes(t.Context())
	require.NoError(t, err)
	return data
}
