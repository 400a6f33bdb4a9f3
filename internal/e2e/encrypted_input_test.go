package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5" // as in the framehash of ffmpeg
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// ring is a KeyFinder of keys by their ids, both in hex.
type ring map[string]string

func (r ring) Key(_ context.Context, id drm.KeyID) (drm.Key, error) {
	text, ok := r[id.Hex()]
	if !ok {
		return drm.Key{}, fmt.Errorf("key %s: %w", id, drm.ErrNoKey)
	}
	value, err := hex.DecodeString(text)
	if err != nil {
		return drm.Key{}, err
	}
	secret, err := drm.NewSecret(value)
	return drm.Key{ID: id, Value: secret}, err
}

// rotated is a ring of n key periods: key and id of each are those of the one before, turned left by a byte.
func rotated(id, key string, n int) ring {
	r := ring{}
	for range n {
		r[id] = key
		id, key = id[2:]+id[:2], key[2:]+key[:2]
	}
	return r
}

const shaka = "golden/shaka-packager/"

// encryptedInput is an encrypted file of the corpus whose key is known, and what says how its clear form is.
type encryptedInput struct {
	name string
	file []string // joined
	keys ring
	// clear is files of which ffmpeg reads the payload; nil: ffmpeg decrypts the encrypted one with the key, or mp4ff does,
	// where ffmpeg 5.1 cannot read its subsamples.
	clear   []string
	mp4ff   bool
	decoded bool // neither can: ffmpeg decodes what was decrypted, and not one byte of it is amiss
}

var (
	shakaKeys = ring{"31323334353637383930313233343536": "32333435363738393021323334353637"}
	multiKeys = ring{
		"10111213141516171819202122232425": "11121314151617181920212223242526",
		"20212223242526272829303132333435": "21222324252627282930313233343536",
	}
)

func shakaCase(folder, file string, clear ...string) encryptedInput {
	return encryptedInput{name: shaka + folder + "/" + file, file: []string{shaka + folder + "/" + file}, keys: shakaKeys, clear: clear}
}

// shakaSegments is a live profile case: an initialization segment and three media segments.
func shakaSegments(folder, stem string, keys ring) encryptedInput {
	in := encryptedInput{name: shaka + folder + "/" + stem + "-*", keys: keys}
	for _, s := range []string{"init.mp4", "1.m4s", "2.m4s", "3.m4s"} {
		in.file = append(in.file, shaka+folder+"/"+stem+"-"+s)
		in.clear = append(in.clear, shaka+"live-profile/"+stem+"-"+s)
	}
	return in
}

func encryptedInputs() []encryptedInput {
	const audio, video = "bear-640x360-audio", "bear-640x360-video"
	var list []encryptedInput
	for _, folder := range []string{"encryption", "encryption-cbcs"} {
		for _, f := range []string{audio, video} {
			list = append(list, shakaCase(folder, f+".mp4", shaka+folder+"/decrypted-"+f+"-0.mp4"))
		}
	}
	for _, folder := range []string{"encryption-multi-keys", "encryption-using-explicit-pssh", "encryption-with-multi-drms", "hls-single-segment-mp4-encrypted"} {
		for _, f := range []string{audio, video} {
			c := shakaCase(folder, f+".mp4", shaka+"encryption/decrypted-"+f+"-0.mp4")
			if folder == "encryption-multi-keys" {
				c.keys = multiKeys
			}
			list = append(list, c)
		}
	}
	list = append(list,
		shakaCase("av1-mp4-with-encryption", "bear-av1-video.mp4", shaka+"av1-mp4-with-encryption/decrypted-bear-av1-video-0.mp4"),
		shakaCase("hevc-with-encryption", "bear-640x360-hevc-video.mp4", "mp4/shaka-packager/bear-640x360-hevc.mp4"),
		shakaCase("flac-with-encryption", "bear-flac-audio.mp4", "mp4/shaka-packager/bear-flac.mp4"),
		shakaCase("opus-vp9-mp4-with-encryption", "bear-320x240-vp9-opus-audio.mp4"),
		shakaCase("opus-vp9-mp4-with-encryption", "bear-320x240-vp9-opus-video.mp4"),
	)
	for _, f := range []string{audio, video} {
		list = append(list, shakaSegments("live-profile-and-encryption", f, shakaKeys),
			shakaSegments("live-profile-and-key-rotation", f, rotated("31323334353637383930313233343536", "32333435363738393021323334353637", 8)))
	}
	one := func(name string, keys ring, clear ...string) encryptedInput {
		return encryptedInput{name: name, file: []string{name}, keys: keys, clear: clear}
	}
	clearkey := encryptedInput{mp4ff: true, name: "drm/shaka-player/dash-clearkey", keys: ring{"4060a865887842679cbf91ae5bae1e72": "fc35340837310cc0fb53de97e22a69e0"}}
	for _, s := range []string{"init.mp4", "1.m4s", "2.m4s", "3.m4s", "4.m4s", "5.m4s"} {
		clearkey.file = append(clearkey.file, clearkey.name+"/video-H264-288-400k_"+s)
	}
	const piff, media3 = "drm/mp4ff/PIFF/audio/", "drm/media3/drm/sample_fragmented_clearkey.mp4"
	return append(list,
		one("drm/shaka-packager/bear-640x360-v_frag-cenc-senc.mp4", ring{"30313233343536373839303132333435": "ebdd62f16814d27b68ef122afce4ae3c"}, "mp4/shaka-packager/bear-640x360.mp4"),
		one("drm/mp4ff/prog_8s_enc_dashinit.mp4", anyKey("63cb5f7184dd4b689a5c5ff11ee6a328"), "drm/mp4ff/prog_8s_dec_dashinit.mp4"),
		one("drm/mp4ff/cbcs.mp4", anyKey("22bdb0063805260307ee5045c0f3835a"), "drm/mp4ff/cbcsdec.mp4"),
		encryptedInput{
			name: piff, file: []string{piff + "init.mp4", piff + "segment-1.0001.m4s"}, keys: anyKey("602a9289bfb9b1995b75ac63f123fc86"),
			clear: []string{piff + "init.mp4", piff + "segment-1.0001_dec.m4s"},
		},
		encryptedInput{
			name: media3, file: []string{media3}, decoded: true,
			keys: ring{"cd7eb9ff88f34caeb06185b00024e4c2": "63cb5f7184dd4b689a5c5ff11ee6a328"},
		},
		clearkey,
	)
}

// encryptedByFFmpeg is a generated file that ffmpeg's muxer has encrypted. Into fragments it writes no IVs, and nobody can decrypt them.
func encryptedByFFmpeg(t *testing.T, name string, args ...string) encryptedInput {
	const id, key, from = "a7e61c373e219033c21091fa607bf3b8", "76a6c65c5ea762046bd749a2e632ccbb", "video_h264_360_25.mp4"
	path := filepath.Join(t.TempDir(), "muxed.mp4")
	all := append([]string{"-v", "error", "-i", filepath.Join(harness.Media(t), from), "-c", "copy"}, args...)
	harness.Run(t, "ffmpeg", append(all, "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", id, path)...)
	return encryptedInput{name: name, file: []string{path}, keys: ring{id: key}, clear: []string{"generated/" + from}}
}

// anyKey is a ring for files whose key id is what they say.
func anyKey(key string) ring { return ring{"": key} }

// of fills in the key id of anyKey.
func (r ring) of(src *vod.Source) ring {
	key, ok := r[""]
	if !ok {
		return r
	}
	for _, t := range src.Tracks() {
		if t.Crypt != nil {
			r = ring{hex.EncodeToString(t.Crypt.KeyID[:]): key}
		}
	}
	return r
}

func joined(t *testing.T, root string, files []string) string {
	paths := make([]string, len(files))
	for i, f := range files {
		if filepath.IsAbs(f) {
			paths[i] = f
			continue
		}
		if rest, ok := strings.CutPrefix(f, "generated/"); ok {
			paths[i] = filepath.Join(harness.Media(t), rest)
			continue
		}
		paths[i] = filepath.Join(root, f)
	}
	if len(paths) == 1 {
		return paths[0]
	}
	return join(t, t.TempDir(), "joined", 0, paths)
}

// TestEncryptedInput decrypts each encrypted MP4 of the corpus whose key is known, and compares the payload of every sample
// with what ffmpeg reads from the clear form, or decrypts.
func TestEncryptedInput(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // nothing of ours is meant here: bmff and vod have encrypted files of their own
	}
	ctx := context.Background()
	var page strings.Builder
	inputs := append(encryptedInputs(),
		encryptedByFFmpeg(t, "generated, by ffmpeg, tables first", "-movflags", "faststart"),
		encryptedByFFmpeg(t, "generated, by ffmpeg, tables last"))
	for _, c := range inputs {
		t.Run(c.name, func(t *testing.T) {
			path := joined(t, root, c.file)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			obj := bmfftest.Object("encrypted", data)
			locked, err := vod.Open(ctx, c.name, obj)
			require.NoError(t, err)
			c.keys = c.keys.of(locked)
			asset := vod.Input{Name: c.name, Object: obj, Keys: c.keys}
			src, err := vod.OpenInput(ctx, asset)
			require.NoError(t, err)
			for i, track := range src.Tracks() {
				require.Nil(t, track.Crypt)
				got := payload(t, src, track)
				if locked.Tracks()[i].Crypt == nil && len(src.Tracks()) > 1 {
					continue // the clear track beside
				}
				if c.decoded {
					decodes(t, data, locked, src, i)
					fmt.Fprintf(&page, "| %s | %s | %s | %s | %d | no reference: ffmpeg decodes each picture without a complaint |\n", c.name,
						track.Codec.String, describeCrypt(locked.Tracks()[i]), keyIDs(t, locked, locked.Tracks()[i]), len(got))
					continue
				}
				want, by := clearPayload(t, root, &c, track.Kind, path)
				require.NotEmpty(t, want)
				require.Equal(t, len(want), len(got), "samples of %s", track.ID)
				require.Equal(t, want, got)
				if locked.Tracks()[i].Crypt != nil {
					require.NotEqual(t, payload(t, locked, locked.Tracks()[i]), got)
					passedOn(t, locked, locked.Tracks()[i], c.keys, got)
				}
				fmt.Fprintf(&page, "| %s | %s | %s | %s | %d | %s |\n", c.name, track.Codec.String, describeCrypt(locked.Tracks()[i]),
					keyIDs(t, locked, locked.Tracks()[i]), len(got), by)
			}
		})
	}
	harness.Golden(t, "docs/encrypted-input.md", encryptedPreamble+page.String()+encryptedRest)
}

const encryptedPreamble = `# Encrypted input

Written by the end-to-end test, which fails where this page is not what it finds. Each file was opened with its key; the
payload of every sample, decrypted, is equal byte for byte to what the last column names: ffmpeg's packets of the clear file
(demuxed with -c copy), or of the encrypted one, decrypted by ffmpeg itself. Then the file was cut into CMAF segments of a
second as it is, without its key, and those were decrypted to the same payload.

| file | codec | encrypted | key ids | samples | equal to |
|---|---|---|---|---|---|
`

const encryptedRest = `
Known keys that are not for MP4 samples, and so not in the table: WebM (bear-320x240-av_enc-*.webm: another container), DASH
segment encryption and AES-128 of whole segments (dash-aes-128, fmp4-hls-with-aes128-encryption, hls-aes-256: a layer above
the file), SAMPLE-AES in transport streams and packed audio (avc-ts-with-encryption and the like).
`

// payload is the hash of each sample.
func payload(t *testing.T, src *vod.Source, track *media.Track) (out []string) {
	ctx := context.Background()
	runs, err := src.Samples(ctx, track, media.Interval{From: -1 << 60, To: 1 << 60})
	require.NoError(t, err)
	for i := range runs {
		for _, s := range runs[i].Samples {
			p := make([]byte, s.Size)
			require.NoError(t, runs[i].Data.ReadAt(ctx, p, s.Offset))
			sum := md5.Sum(p) // as in the framehash of ffmpeg
			out = append(out, hex.EncodeToString(sum[:]))
		}
	}
	return out
}

// passedOn cuts a track into CMAF segments of a second as it is, without its keys, and decrypts what came out.
func passedOn(t *testing.T, locked *vod.Source, track *media.Track, keys ring, want []string) {
	ctx := context.Background()
	init, err := cmaf.Packager{}.Init(track, nil)
	require.NoError(t, err)
	out, err := init.Bytes(ctx)
	require.NoError(t, err)
	out = slices.Clone(out)
	iv := locked.Interval(track)
	for n, from := uint64(1), iv.From; from < iv.To; n, from = n+1, from+int64(track.Timescale) {
		runs, err := locked.Samples(ctx, track, media.Interval{From: from, To: from + int64(track.Timescale)})
		require.NoError(t, err)
		if len(runs) == 0 {
			continue
		}
		body, err := cmaf.Packager{}.Segment(ctx, &packager.Job{Number: n, Inputs: []packager.Input{{Track: track, Runs: runs, Shift: -iv.From}}})
		require.NoError(t, err)
		data, err := body.Bytes(ctx)
		require.NoError(t, err)
		out = append(out, data...)
	}
	src, err := vod.OpenInput(ctx, vod.Input{Name: "passed on", Object: bmfftest.Object("passed on", out), Keys: keys})
	require.NoError(t, err)
	require.Equal(t, want, payload(t, src, src.Tracks()[0]))
}

// clearPayload is the same as ffmpeg reads it, and how it was had.
func clearPayload(t *testing.T, root string, c *encryptedInput, kind media.Kind, path string) (out []string, by string) {
	if c.mp4ff {
		return byMP4FF(t, path, c.keys), "mp4ff's decryption"
	}
	args := []string{"-v", "error", "-ignore_editlist", "1"}
	if c.clear == nil {
		require.Len(t, c.keys, 1, "ffmpeg has one key")
		for _, key := range c.keys {
			args = append(args, "-decryption_key", key)
		}
		by = "ffmpeg -decryption_key"
	} else {
		path = joined(t, root, c.clear)
		by = c.clear[0]
		if len(c.clear) > 1 {
			by = filepath.Dir(by)
		}
	}
	stream := map[media.Kind]string{media.Video: "v:0", media.Audio: "a:0"}[kind]
	text := harness.Run(t, "ffmpeg", append(args, "-i", path, "-map", "0:"+stream, "-c", "copy", "-f", "framehash", "-hash", "md5", "-")...)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if line := s.Text(); !strings.HasPrefix(line, "#") {
			fields := strings.Split(line, ",")
			out = append(out, strings.TrimSpace(fields[5]))
		}
	}
	return out, by
}

// decodes puts decrypted samples into the place of the encrypted ones, and has ffmpeg decode them.
func decodes(t *testing.T, data []byte, locked, src *vod.Source, track int) {
	ctx, all := context.Background(), media.Interval{From: -1 << 60, To: 1 << 60}
	for _, from := range []*vod.Source{locked, src} {
		out := bytes.Clone(data)
		for old, name := range map[string]string{"encv": "avc1", "enca": "mp4a", "sinf": "free", "senc": "free", "saiz": "free", "saio": "free"} {
			out = bytes.ReplaceAll(out, []byte(old), []byte(name))
		}
		places, err := locked.Samples(ctx, locked.Tracks()[track], all)
		require.NoError(t, err)
		runs, err := from.Samples(ctx, from.Tracks()[track], all)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		for i, s := range runs[0].Samples {
			at := places[0].Samples[i].Offset
			require.NoError(t, runs[0].Data.ReadAt(ctx, out[at:at+int64(s.Size)], s.Offset))
		}
		path := filepath.Join(t.TempDir(), "clear.mp4")
		require.NoError(t, os.WriteFile(path, out, 0o600))
		_, err = harness.Try("ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode", "-i", path, "-map", "0:v", "-f", "null", "-")
		require.Equal(t, from == locked, err != nil, "%v", err)
	}
}

// byMP4FF is the samples of the first track of a fragmented file, decrypted by mp4ff.
func byMP4FF(t *testing.T, path string, keys ring) (out []string) {
	f, err := mp4.ReadMP4File(path)
	require.NoError(t, err)
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	di, err := mp4.DecryptInit(f.Init)
	require.NoError(t, err)
	for _, text := range keys {
		key, err := hex.DecodeString(text)
		require.NoError(t, err)
		for _, seg := range f.Segments {
			require.NoError(t, mp4.DecryptSegment(seg, di, key))
			for _, frag := range seg.Fragments {
				samples, err := frag.GetFullSamples(f.Init.Moov.Mvex.Trexs[0])
				require.NoError(t, err)
				for _, s := range samples {
					sum := md5.Sum(s.Data) // as in the framehash of ffmpeg
					out = append(out, hex.EncodeToString(sum[:]))
				}
			}
		}
	}
	return out
}

func describeCrypt(track *media.Track) string {
	c := track.Crypt
	if c == nil {
		return "a protected track, all of it in the clear lead"
	}
	iv := fmt.Sprintf("IVs of %d bytes", c.IVSize)
	if c.IVSize == 0 {
		iv = fmt.Sprintf("constant IV of %d bytes", len(c.ConstantIV))
	}
	text := c.Scheme + ", " + iv
	if c.CryptBlocks > 0 {
		text += fmt.Sprintf(", pattern %d:%d", c.CryptBlocks, c.SkipBlocks)
	}
	return text
}

// keyIDs are those of the runs of a track, and how many samples are clear.
func keyIDs(t *testing.T, src *vod.Source, track *media.Track) string {
	runs, err := src.Samples(context.Background(), track, media.Interval{From: -1 << 60, To: 1 << 60})
	require.NoError(t, err)
	var ids []string
	clear := 0
	for i := range runs {
		if runs[i].Crypt == nil {
			clear += len(runs[i].Samples)
			continue
		}
		if id := hex.EncodeToString(runs[i].Crypt.KeyID[:]); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if clear > 0 {
		ids = append(ids, fmt.Sprintf("%d samples clear", clear))
	}
	return strings.Join(ids, ", ")
}
