package e2e

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

var cmafKey = []byte("key of the tests")

// cmafFile writes the CMAF track of a file's first rendition, the header and all segments, of which the first lead are
// clear.
func cmafFile(t testing.TB, source string, plan media.Plan, protect *drm.Protection, lead int) string {
	t.Helper()
	ctx := context.Background()
	f, err := vod.OpenFile(source)
	require.NoError(t, err)
	defer f.Close()
	asset := &vod.Asset{Inputs: []vod.Input{{Name: filepath.Base(source), Object: f}}}
	tl, err := asset.Present(plan).Timeline(ctx)
	require.NoError(t, err)
	rendition := tl.Periods[0].Renditions[0]
	head, err := cmaf.Packager{}.Init(rendition.Track, protect)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = head.Send(ctx, &out)
	require.NoError(t, err)
	for i := range rendition.Segments.Len() {
		job, err := packager.Load(ctx, []media.Segment{rendition.Segments.At(i)})
		require.NoError(t, err)
		if protect != nil {
			now := *protect
			now.Clear = i < lead
			job.Inputs[0].Protect = &now
		}
		body, err := cmaf.Packager{}.Segment(ctx, job)
		require.NoError(t, err)
		before := out.Len()
		_, err = body.Send(ctx, &out)
		require.NoError(t, err)
		require.EqualValues(t, body.Size(), out.Len()-before)
	}
	path := filepath.Join(t.TempDir(), "track.mp4")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

// accessUnits are those that ffmpeg reads, decrypted where there is a key: times, size and hash of each.
func accessUnits(path, key string) ([]string, error) {
	// where it can seek, ffmpeg 5.1 reads all fragments first and then takes the IVs of the last for those of each
	args := []string{"-v", "error", "-seekable", "0"}
	if key != "" {
		args = append(args, "-decryption_key", key)
	}
	out, err := harness.Try("ffmpeg", append(args, "-i", path, "-map", "0:0", "-c", "copy", "-f", "framehash", "-hash", "md5", "-")...)
	var lines []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, err
}

// unitsOfMP4FF are the hashes of the access units that mp4ff reads, decrypted where there is a key.
func unitsOfMP4FF(t testing.TB, path string, key []byte) (out []string) {
	t.Helper()
	file, err := mp4.ReadMP4File(path)
	require.NoError(t, err)
	var info mp4.DecryptInfo
	if key != nil {
		info, err = mp4.DecryptInit(file.Init)
		require.NoError(t, err)
	}
	for _, segment := range file.Segments {
		if key != nil {
			require.NoError(t, mp4.DecryptSegment(segment, info, key))
		}
		for _, fragment := range segment.Fragments {
			samples, err := fragment.GetFullSamples(nil)
			require.NoError(t, err)
			for _, s := range samples {
				out = append(out, fmt.Sprintf("%d %d %x", s.DecodeTime, len(s.Data), md5.Sum(s.Data)))
			}
		}
	}
	return out
}

// requireUnits shows the first that differs.
func requireUnits(t testing.TB, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "access unit %d", i)
	}
	require.Len(t, got, len(want))
}

// cmafCases are the schemes, with patterns and sizes of IVs.
func cmafCases() []drm.Protection {
	return []drm.Protection{
		{Scheme: drm.CENC, IVSize: 8}, {Scheme: drm.CENC, IVSize: 16},
		{Scheme: drm.CENS, IVSize: 8}, {Scheme: drm.CENS, IVSize: 16},
		{Scheme: drm.CBC1, IVSize: 8}, {Scheme: drm.CBC1, IVSize: 16}, {Scheme: drm.CBC1},
		{Scheme: drm.CBCS}, {Scheme: drm.CBCS, IVSize: 8}, {Scheme: drm.CBCS, IVSize: 16},
		{Scheme: drm.CBCS, Pattern: drm.Pattern{Crypt: 10}}, {Scheme: drm.CBCS, Pattern: drm.Pattern{Crypt: 5, Skip: 5}},
	}
}

func cmafFiles() []string {
	return []string{"video_h264_360_25.mp4", "video_hevc_480_25.mp4", "video_av1_360_25.mp4", "video_vp9_360_25.mp4", "audio_eng_aac.m4a",
		"audio_eng_ac3_51.mp4", "audio_eng_eac3_51.mp4", "audio_eng_opus.mp4", "audio_eng_flac.mp4", "audio_eng_mp3.mp4"}
}

// TestDecryptCMAF has ffmpeg and mp4ff decrypt what cmaf encrypts: each access unit and its time are those of the clear
// form, which TestTruthTable compares with the source.
func TestDecryptCMAF(t *testing.T) {
	dir := harness.Media(t)
	for _, name := range cmafFiles() {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(dir, name)
			plan := media.Plan{Segment: 2 * time.Second, Chunk: 700 * time.Millisecond}
			clear := cmafFile(t, source, plan, nil, 0)
			units, err := accessUnits(clear, "")
			require.NoError(t, err)
			require.NotEmpty(t, units)
			peer := unitsOfMP4FF(t, clear, nil)
			video := strings.HasPrefix(name, "video")
			for _, p := range cmafCases() {
				t.Run(fmt.Sprintf("%s-%d-%d:%d", p.Scheme, p.IVSize, p.Pattern.Crypt, p.Pattern.Skip), func(t *testing.T) {
					secret, err := drm.NewSecret(cmafKey)
					require.NoError(t, err)
					p.Key = drm.Key{ID: drm.KeyID{1}, Value: secret}
					p.Lane, p.Salt = 3, 0x0123456789abcdef
					path := cmafFile(t, source, plan, &p, 0)
					raw, _ := accessUnits(path, "")
					require.False(t, slices.Equal(units, raw), "nothing is encrypted")
					// ffmpeg and mp4ff leave the last group of a stretch clear if it has fewer than Crypt blocks; Chromium and Shaka
					// Packager don't, and nor does cmaf
					if last := video && p.Pattern.Crypt > 1; !last {
						got, err := accessUnits(path, hex.EncodeToString(cmafKey))
						require.NoError(t, err)
						requireUnits(t, units, got)
					}
					if p.Scheme == drm.CENC || p.Scheme == drm.CBCS && p.Pattern.Skip == 0 {
						requireUnits(t, peer, unitsOfMP4FF(t, path, cmafKey))
					}
				})
			}
		})
	}
}

// TestClearLeadCMAF: ffmpeg reads clear and encrypted segments of one track under one header, where segments name their
// keys too.
func TestClearLeadCMAF(t *testing.T) {
	dir := harness.Media(t)
	for _, name := range []string{"video_h264_360_25.mp4", "audio_eng_aac.m4a"} {
		for _, p := range cmafCases()[:8] {
			for _, group := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s-%d-%v", name, p.Scheme, p.IVSize, group), func(t *testing.T) {
					source, plan := filepath.Join(dir, name), media.Plan{Segment: 4 * time.Second}
					units, err := accessUnits(cmafFile(t, source, plan, nil, 0), "")
					require.NoError(t, err)
					secret, err := drm.NewSecret(cmafKey)
					require.NoError(t, err)
					p.Key, p.Lead, p.Group = drm.Key{ID: drm.KeyID{1}, Value: secret}, true, group
					path := cmafFile(t, source, plan, &p, 2)
					got, err := accessUnits(path, hex.EncodeToString(cmafKey))
					require.NoError(t, err)
					requireUnits(t, units, got)
				})
			}
		}
	}
}
