package players

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// cell is one place of the matrix: what is played, in what.
type cell struct {
	endpoint, manifest, player string
	video, audio               string
}

func (c *cell) String() string {
	return strings.Join([]string{c.endpoint, c.player, c.manifest, c.video, c.audio}, " ")
}

// matrix is all that is to play: CENC and CBCS in three players, each with every codec that Chromium has, and the methods
// of HLS with its own.
func matrix() (cells []cell) {
	for _, endpoint := range []string{"cmaf-cenc", "cmaf-cbcs"} {
		for _, p := range [][2]string{{"dashjs", "index.mpd"}, {"shaka", "index.mpd"}, {"shaka", "identity.m3u8"}, {"hlsjs", "index.m3u8"}} {
			for _, video := range []string{"h264", "av1", "vp9"} {
				for _, audio := range []string{"aac", "opus"} {
					cells = append(cells, cell{endpoint, p[1], p[0], video, audio})
				}
			}
		}
	}
	for _, endpoint := range []string{"ts-aes128", "cmaf-aes128"} {
		for _, player := range []string{"hlsjs", "shaka", "native"} {
			if player == "native" && endpoint == "cmaf-aes128" {
				continue // Chromium's own HLS fetches all and shows nothing
			}
			cells = append(cells, cell{endpoint, "index.m3u8", player, "h264", "aac"})
		}
	}
	return append(cells, cell{"ts-sampleaes", "index.m3u8", "hlsjs", "h264", "aac"})
}

// short is the part of the matrix that make test plays: each scheme in each player, each codec. astray says which of them
// are played with a wrong key too.
func short() (cells []cell, astray func(*cell) bool) {
	cells = []cell{
		{"cmaf-cenc", "index.mpd", "dashjs", "h264", "aac"}, {"cmaf-cenc", "index.mpd", "shaka", "av1", "opus"},
		{"cmaf-cenc", "index.m3u8", "hlsjs", "vp9", "aac"}, {"cmaf-cbcs", "index.mpd", "dashjs", "vp9", "opus"},
		{"cmaf-cbcs", "identity.m3u8", "shaka", "h264", "aac"}, {"cmaf-cbcs", "index.m3u8", "hlsjs", "av1", "aac"},
		{"ts-aes128", "index.m3u8", "native", "h264", "aac"}, {"ts-aes128", "index.m3u8", "shaka", "h264", "aac"},
		{"cmaf-aes128", "index.m3u8", "hlsjs", "h264", "aac"}, {"ts-sampleaes", "index.m3u8", "hlsjs", "h264", "aac"},
	}
	wrong := []cell{cells[0], cells[4], cells[5], cells[6], cells[9]}
	return cells, func(c *cell) bool { return slices.Contains(wrong, *c) }
}

// wrong gives every key with one bit changed.
type wrong struct{ drm.KeyFinder }

func (w wrong) Key(ctx context.Context, id drm.KeyID) (drm.Key, error) {
	k, err := w.KeyFinder.Key(ctx, id)
	if err != nil {
		return k, err
	}
	b, _ := k.Value.Reveal()
	b[7] ^= 0x10
	k.Value, err = drm.NewSecret(b[:])
	return k, err
}

// protected serves the media under /out/v1/test/{video}-{audio}/, with right keys at /key and wrong ones at /wrong. The
// endpoints bad-* send players to the wrong keys by their playlists.
func protected(t *testing.T) *httptest.Server {
	secret := drm.NewMaterial([]byte("a secret of thirty-two bytes, for tests"))
	right := &drm.Master{Secret: secret, Signals: drm.Signaller{KeyURL: "/key?kid={kid}"}}
	astray := &drm.Master{Secret: secret, Signals: drm.Signaller{KeyURL: "/wrong?kid={kid}"}}
	endpoints := func() []origin.Endpoint {
		list := append(origin.ProtectedEndpoints(), origin.Endpoint{
			Name: "cmaf-aes128", Container: origin.CMAF, Manifests: []origin.Manifest{{Format: origin.HLS}},
			Encryption: &origin.Encryption{Method: drm.AES128, DRMSystems: []drm.SystemID{drm.Identity}},
		})
		for i := range list {
			list[i].Plan.Segment = 2 * time.Second
			lead, e := list[i], *list[i].Encryption
			e.ClearLead = 2 * time.Second
			lead.Name, lead.Encryption = lead.Name+"-lead", &e
			list = append(list, lead)
		}
		return list
	}
	library := origin.Map{}
	for _, video := range []string{"h264", "av1", "vp9"} {
		for _, audio := range []string{"aac", "opus"} {
			library["test/"+video+"-"+audio] = clip(t, video, audio)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/out/", &origin.Handler{Library: library, Endpoints: endpoints(), Keys: right})
	mux.Handle("/astray/", http.StripPrefix("/astray", &origin.Handler{Library: library, Endpoints: endpoints(), Keys: astray}))
	mux.Handle("/key", origin.ClearKey{Keys: right})
	mux.Handle("/wrong", origin.ClearKey{Keys: wrong{right}})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// clip is some seconds of the generated programme.
func clip(t *testing.T, video, audio string) *vod.Asset {
	media, dir := harness.Media(t), t.TempDir()
	files := map[string]string{"h264": "video_h264_360_25.mp4", "av1": "video_av1_360_25.mp4", "vp9": "video_vp9_360_25.mp4", "aac": "audio_eng_aac.m4a", "opus": "audio_eng_opus.mp4"}
	asset := &vod.Asset{}
	for _, kind := range []string{video, audio} {
		path := filepath.Join(dir, kind+".mp4")
		harness.Run(t, "ffmpeg", "-v", "error", "-i", filepath.Join(media, files[kind]), "-t", "6", "-c", "copy", path)
		file, err := vod.OpenFile(path)
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		asset.Inputs = append(asset.Inputs, vod.Input{Name: kind, Object: file})
	}
	return asset
}

// TestProtected plays encrypted endpoints with the key, and some again with one bit of it wrong, which must fail.
// TestProofProtected plays the whole matrix, and all of it with a wrong bit.
func TestProtected(t *testing.T) {
	cells, astray := short()
	playMatrix(t, cells, astray)
}

func TestProofProtected(t *testing.T) {
	if !harness.Proof() {
		return
	}
	harness.WriteProof(t, "protected-players", "Encrypted endpoints in every player", "make proof", playMatrix(t, matrix(), func(*cell) bool { return true }))
}

// TestClearLead plays out of a clear lead of two seconds. Not hls.js with Clear Key: the encrypted event of the
// initialization segment comes before it has a key, and it forgets it (EMEController.onMediaEncrypted).
func TestClearLead(t *testing.T) {
	playLeads(t, []cell{
		{"cmaf-cenc-lead", "index.mpd", "dashjs", "h264", "aac"}, {"cmaf-cbcs-lead", "identity.m3u8", "shaka", "h264", "aac"},
		{"cmaf-aes128-lead", "index.m3u8", "hlsjs", "h264", "aac"},
	})
}

func TestProofClearLead(t *testing.T) {
	if !harness.Proof() {
		return
	}
	harness.WriteProof(t, "clear-lead", "Out of a clear lead of two seconds", "make proof", playLeads(t, []cell{
		{"cmaf-cenc-lead", "index.mpd", "dashjs", "h264", "aac"}, {"cmaf-cbcs-lead", "identity.m3u8", "shaka", "h264", "aac"},
		{"cmaf-cbcs-lead", "index.mpd", "shaka", "av1", "opus"}, {"cmaf-cbcs-lead", "index.mpd", "dashjs", "vp9", "opus"},
		{"ts-aes128-lead", "index.m3u8", "native", "h264", "aac"}, {"cmaf-aes128-lead", "index.m3u8", "hlsjs", "h264", "aac"},
		{"ts-sampleaes-lead", "index.m3u8", "hlsjs", "h264", "aac"},
	}))
}

func playLeads(t *testing.T, cells []cell) string {
	server := protected(t)
	var cases []playing
	for _, c := range cells {
		p := playing{Name: c.String(), Player: c.player, URL: server.URL + "/out/v1/test/" + c.video + "-" + c.audio + "/" + c.endpoint + "/" + c.manifest,
			Seconds: 3.5, Limit: 20}
		if c.eme() {
			p.Licence = server.URL + "/key"
		}
		cases = append(cases, p)
	}
	var b strings.Builder
	b.WriteString("| endpoint | manifest | player | codecs | played to, s | frames |\n|---|---|---|---|---|---|\n")
	for i, o := range play(t, cases) {
		c := &cells[i]
		t.Run(c.String(), func(t *testing.T) {
			require.Empty(t, o.undecrypted(c.eme()), "%+v %+v", o, o.Last)
			fmt.Fprintf(&b, "| %s | %s | %s | %s, %s | %.1f | %d |\n", c.endpoint, c.manifest, c.player, c.video, c.audio, o.Last.Time, o.Last.Frames)
		})
	}
	return b.String()
}

// eme reports whether the browser decrypts, not the player.
func (c *cell) eme() bool {
	return strings.HasPrefix(c.endpoint, "cmaf-cenc") || strings.HasPrefix(c.endpoint, "cmaf-cbcs")
}

const seconds = 1.5

// playMatrix returns the table of what it found. astray says which cells are played with a wrong key too.
func playMatrix(t *testing.T, cells []cell, astray func(*cell) bool) string {
	server := protected(t)
	var cases []playing
	bads := map[int]int{} // place of a cell's case with a wrong key
	for i, c := range cells {
		path := "/out/v1/test/" + c.video + "-" + c.audio + "/" + c.endpoint + "/" + c.manifest
		right := playing{Name: c.String(), Player: c.player, URL: server.URL + path, Licence: server.URL + "/key", Seconds: seconds, Limit: 30}
		if !c.eme() {
			right.Licence = ""
		}
		bad := right
		bad.Name += ", a key bit wrong"
		bad.URL = server.URL + "/astray" + path
		bad.Limit = 8
		if bad.Licence != "" {
			bad.Licence = server.URL + "/wrong"
		}
		cases = append(cases, right)
		if astray(&c) {
			bads[i] = len(cases)
			cases = append(cases, bad)
		}
	}
	var outcomes []outcome
	for some := range slices.Chunk(cases, 20) { // a browser at a time
		outcomes = append(outcomes, play(t, some)...)
	}
	var b strings.Builder
	b.WriteString("| endpoint | manifest | player | codecs | with the key | decrypted by | with one bit wrong |\n|---|---|---|---|---|---|---|\n")
	next := 0
	for i, c := range cells {
		right, reason := outcomes[next], "not played"
		next++
		var bad *outcome
		if n, ok := bads[i]; ok {
			bad, reason = &outcomes[n], outcomes[n].reason()
			next++
		}
		t.Run(c.String(), func(t *testing.T) {
			require.Empty(t, right.undecrypted(c.eme()), "%+v %+v", right, right.Last)
			require.True(t, bad == nil || bad.failed(), "played with a wrong key: %+v", bad)
		})
		system := "the player itself"
		if right.Last != nil && len(right.Last.Statuses) > 0 {
			system = "org.w3.clearkey, " + strings.Join(right.Last.Statuses, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s, %s | plays | %s | %s |\n", c.endpoint, c.manifest, c.player, c.video, c.audio, system, reason)
	}
	return b.String()
}

// undecrypted is what is wrong with a playing that should have shown decrypted pictures and sound.
func (o *outcome) undecrypted(eme bool) (bad []string) {
	s := o.Last
	switch {
	case o.Error != "":
		return append(bad, o.Error)
	case s == nil:
		return append(bad, "no state")
	}
	bad = append(bad, s.Errors...)
	bad = append(bad, o.HTTP...)
	if s.Frames < 10 || s.Audio == 0 || s.Time < seconds {
		bad = append(bad, fmt.Sprintf("%d frames and %d bytes of audio at %.2f s", s.Frames, s.Audio, s.Time))
	}
	if eme && !slices.Contains(s.Statuses, "usable") {
		bad = append(bad, fmt.Sprintf("statuses of keys: %v", s.Statuses))
	}
	return bad
}

// failed reports whether nothing was played.
func (o *outcome) failed() bool {
	return o.Error != "" && (o.Last == nil || o.Last.Time < seconds) || o.Last != nil && len(o.Last.Errors) > 0
}

// reason is the player's own error, or how it stood still.
func (o *outcome) reason() string {
	text := o.Error
	if o.Last != nil && len(o.Last.Errors) > 0 {
		text = o.Last.Errors[0]
	}
	text, _, _ = strings.Cut(text, "\n")
	return strings.ReplaceAll(strings.TrimSpace(text[:min(len(text), 80)]), "|", "/")
}
