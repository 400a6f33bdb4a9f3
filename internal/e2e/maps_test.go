package e2e

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/packager/media"
)

// unmapped are the files of the corpus whose pictures no slice header can be read of, and why.
var unmapped = map[string]string{
	"bear-640x360-v_frag-cenc-senc.mp4": "encrypted from the NAL header on, slice headers included",
	"bear-640x360-no_edit_list.mp4":     "its sample table points into other boxes; ffmpeg: Invalid NAL unit size",
	"fragmented.mp4":                    "its samples are no NAL units; ffmpeg: Invalid NAL unit size",
}

// TestCorpusMaps maps every sample of each video track of the corpus that is read at all, so nothing that plays is refused.
func TestCorpusMaps(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // TestHeadersAsFFmpeg makes its media
	}
	tracks, samples := map[media.Coding]int{}, 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ext := filepath.Ext(path); d.Name() == "fuzz" && d.IsDir() {
			return filepath.SkipDir
		} else if ext != ".mp4" && ext != ".mov" {
			return nil
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		movie, err := bmff.Open(context.Background(), path, bmfftest.Object(path, data))
		if err != nil {
			return nil // hostile files, which other tests are about
		}
		for _, trak := range movie.Tracks {
			coding, n, err := mapTrack(trak, data)
			if unmapped[d.Name()] != "" {
				require.Zero(t, n, path)
				continue
			}
			require.NoError(t, err, path)
			if samples += n; n > 0 {
				tracks[coding]++
			}
		}
		return nil
	}))
	t.Logf("%d samples of tracks %v", samples, tracks)
	require.Greater(t, samples, 8000)
}

// mapTrack maps the samples of a video track that lie in the file, and returns how many.
func mapTrack(trak *bmff.Track, data []byte) (coding media.Coding, n int, err error) {
	if trak.Index.Len() == 0 || len(trak.Entries) == 0 {
		return "", 0, nil
	}
	var samples [][]byte
	for _, s := range trak.Index.Append(nil, 0, trak.Index.Len()) {
		if s.Offset < 0 || s.Offset+int64(s.Size) > int64(len(data)) {
			break // cut
		}
		samples = append(samples, data[s.Offset:][:s.Size])
	}
	if len(samples) == 0 {
		return "", 0, nil
	}
	stream, err := codec.FromEntry(trak.Entries[0], func() ([]byte, error) { return samples[0], nil })
	if err != nil || stream.Kind != media.Video {
		return "", 0, nil // a codec out of scope, or sound
	}
	track := &media.Track{ID: "v", Kind: stream.Kind, Codec: stream.Codec, Video: stream.Video}
	m, err := cenc.NewMapper(track, drm.CBCS)
	for ; n < len(samples) && err == nil; n++ {
		if _, err = m.Map(nil, samples[n]); err != nil {
			return stream.Codec.Coding, n, err
		}
	}
	return stream.Codec.Coding, n, err
}
