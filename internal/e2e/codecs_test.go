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

func TestDumpAll(t *testing.T) {
	root := os.Getenv("MEZZO_CORPUS")
	require.NoError(t, filepath.WalkDir(os.Getenv("DUMP"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".mp4", ".mov", ".m4a", ".m4v", ".3gp", ".cmfv", ".cmfa", ".ismv", ".isma":
		default:
			return nil
		}
		p, err := os.ReadFile(path)
		require.NoError(t, err)
		for i, e := range stsdEntries(p) {
			s, err := e.read()
			name := strings.TrimPrefix(path, root+"/")
			switch {
			case err != nil:
				t.Logf("%s #%d %q: ERR %v", name, i, e.entry[4:8], err)
				require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported))
			case s.Video != nil:
				t.Logf("%s #%d %q: %s %s %s %+v enc=%v", name, i, e.entry[4:8], s.Codec.FourCC, s.Codec.String, s.Codec.Supplemental, *s.Video, s.Encrypted)
			default:
				t.Logf("%s #%d %q: %s %s %+v frame=%d enc=%v", name, i, e.entry[4:8], s.Codec.FourCC, s.Codec.String, *s.Audio, s.FrameSize, s.Encrypted)
			}
		}
		return nil
	}))
}
