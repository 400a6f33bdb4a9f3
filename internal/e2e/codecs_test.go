package e2e

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/packager/media"
)

// childBoxes splits a container into the payloads of its boxes, by type.
func childBoxes(p []byte) map[string][][]byte {
	out := map[string][][]byte{}
	for len(p) >= 8 {
		n := uint64(binary.BigEndian.Uint32(p))
		kind, head := string(p[4:8]), uint64(8)
		switch {
		case n == 1 && len(p) >= 16:
			n, head = binary.BigEndian.Uint64(p[8:]), 16
		case n == 0:
			n = uint64(len(p))
		}
		if n < head || n > uint64(len(p)) {
			break
		}
		out[kind] = append(out[kind], p[head:n])
		p = p[n:]
	}
	return out
}

// stsdEntry is one sample entry and the first sync sample of its track; no sample in fragmented files.
type stsdEntry struct{ entry, sample []byte }

// stsdEntries reads the first entry of each track with a walk that shares nothing with the product's.
func stsdEntries(file []byte) (out []stsdEntry) {
	for _, moov := range childBoxes(file)["moov"] {
		for _, trak := range childBoxes(moov)["trak"] {
			p := trak
			for _, kind := range []string{"mdia", "minf", "stbl"} {
				if list := childBoxes(p)[kind]; len(list) > 0 {
					p = list[0]
				}
			}
			stbl := childBoxes(p)
			stsd := stbl["stsd"]
			if len(stsd) == 0 || len(stsd[0]) < 16 {
				continue
			}
			size := min(uint64(binary.BigEndian.Uint32(stsd[0][8:])), uint64(len(stsd[0])-8))
			out = append(out, stsdEntry{stsd[0][8 : 8+size], firstSample(file, stbl)})
		}
	}
	return out
}

func firstSample(file []byte, stbl map[string][][]byte) []byte {
	var off, size uint64
	if p := stbl["stco"]; len(p) > 0 && len(p[0]) >= 12 {
		off = uint64(binary.BigEndian.Uint32(p[0][8:]))
	} else if p := stbl["co64"]; len(p) > 0 && len(p[0]) >= 16 {
		off = binary.BigEndian.Uint64(p[0][8:])
	}
	if p := stbl["stsz"]; len(p) > 0 && len(p[0]) >= 12 {
		if size = uint64(binary.BigEndian.Uint32(p[0][4:])); size == 0 && len(p[0]) >= 16 {
			size = uint64(binary.BigEndian.Uint32(p[0][12:]))
		}
	}
	if off == 0 || off+size > uint64(len(file)) {
		return nil
	}
	return file[off : off+size]
}

func (e stsdEntry) read() (*codec.Stream, error) {
	return codec.FromEntry(e.entry, func() ([]byte, error) { return e.sample, nil })
}

// codecNames is what the names of vhs-utils' files say of a track, where ours differs, and why. Keys are the part of the
// name; the value is our string, or a part of our refusal.
var codecNames = map[string]struct{ ours, why string }{
	"aac":         {"mp4a.40.2", "the name tells the coding alone"},
	"mp3":         {"mp4a.6B", "the name tells the coding alone"},
	"mp4a.40.34":  {"mp4a.6B", "the file's object type is 0x6B (MPEG-1 audio); 40.34 names the same coding in MPEG-4 clothes"},
	"mp4a.40.5":   {"mp4a.40.21", "the AudioSpecificConfig says SBR over object type 21, which ffmpeg refuses to decode too"},
	"mp4a.40.29":  {"mp4a.40.21", "the AudioSpecificConfig says PS over object type 21, which ffmpeg refuses to decode too"},
	"vorbis":      {"Vorbis", "refused by name"},
	"alac":        {"ALAC", "refused by name"},
	"speex":       {"Speex", "refused by name"},
	"theora":      {"Theora", "refused by name"},
	"mp4v.20.9":   {"mp4v.20", "refused by name"},
	"mp4v.20.240": {"mp4v.20", "refused by name"},

	"av01.0.00M.08.0.110":          {"av01.0.00M.08", "the optional tail is written whole or not at all; shaka-packager writes the same"},
	"vp09.01.00.00.00.00.00.20.00": {"vp09.00.20.08", "the name reads vpcC from its version and flags on; the file has profile 0 and level 0, which no decoder takes, so the level is that of the size"},
}

// codecOf is what a name of the corpus should be in our words.
func codecOf(name string) string {
	if n, ok := codecNames[name]; ok {
		return n.ours
	}
	// the parameter sets are in the entry and not in the samples: hvc1, as Apple's players ask
	if rest, ok := strings.CutPrefix(name, "hev1."); ok {
		return "hvc1." + rest
	}
	return name
}

// TestCodecStrings: the names of these files are the codecs strings that videojs/vhs-utils reads off them.
func TestCodecStrings(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // a clone that stands alone has the unit tests of internal/codec
	}
	files := 0
	for _, kind := range []string{"mp4", "mov"} {
		paths, err := filepath.Glob(filepath.Join(root, "codecs/vhs-utils", kind, "*."+kind))
		require.NoError(t, err)
		for _, path := range paths {
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			names := strings.Split(strings.TrimSuffix(filepath.Base(path), "."+kind), ",")
			entries := stsdEntries(file)
			require.Len(t, entries, len(names), path)
			for i, e := range entries {
				want := codecOf(names[i])
				s, err := e.read()
				if err != nil {
					require.ErrorIs(t, err, media.ErrUnsupported, path)
					require.ErrorContains(t, err, want, path)
					continue
				}
				require.Equal(t, want, s.Codec.String, path)
			}
			files++
		}
	}
	require.Greater(t, files, 150)
}

// TestEntriesOfCorpus reads every sample entry of the corpus: what is made of it is whole and stays the same when read
// again, and what is refused is refused by name or by rule.
func TestEntriesOfCorpus(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return
	}
	entries := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".mp4", ".mov", ".m4a", ".m4v", ".m4s", ".cmfv", ".cmfa", ".ismv", ".isma":
		default:
			return nil
		}
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, e := range stsdEntries(file) {
			entries++
			s, err := e.read()
			if err != nil {
				require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported), "%s: %v", path, err)
				continue
			}
			if s.Video != nil {
				require.Positive(t, s.Video.Width*s.Video.Height, path)
			} else {
				require.Positive(t, s.Audio.SampleRate*s.Audio.Channels, path)
			}
			again, err := codec.FromEntry(s.Codec.Entry, func() ([]byte, error) { return e.sample, nil })
			require.NoError(t, err, path)
			require.Equal(t, s.Codec, again.Codec, path)
		}
		return nil
	}))
	require.Greater(t, entries, 300)
}
