package codec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// FuzzFromEntry feeds entries and first samples: a Stream that is whole, or an error of the two kinds, for memory that is
// a small multiple of the input. An entry that was made is read as itself.
func FuzzFromEntry(f *testing.F) {
	hvc := appendBox(nil, "hvcC", hvcC(false, vpsHEVC, spsHEVC, ppsHEVC))
	for _, entry := range [][]byte{
		visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), box4("pasp", "00000004 00000003"), box4("colr", "6e636c63 0001 0001 0001")),
		visual("avc3", 0), visual("hev1", 40, hvc), visual("dvh1", 0, hvc, box4("dvvC", "0100 100d 20")),
		visual("encv", 0, hvc, appendBox(nil, "sinf", box4("frma", "68766331"))),
		visual("av01", 0, box4("av1C", "81050C00")), visual("av01", 0), visual("vp09", 0, box4("vpcC", "01000000 00008202 02020000")), visual("vp09", 0),
		audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "1190", 4)), audioV1("mp4a", 48000, 2, appendBox(nil, "wave", esdsOf(mpeg4Audio, "1190", 1))),
		audioV2("mp4a", rate48000, 2, esdsOf(mpeg4Audio, "", 1)), audioV1(".mp3", 48000, 2), audioV0("ac-3", 48000, 2, box4("dac3", "103DC0")),
		audioV0("ec-3", 48000, 2, box4("dec3", "0600 200F 0001 10")), audioV0("ec-3", 48000, 2), audioV0("Opus", 48000, 2, box4("dOps", "00 02 0138 0000BB80 0000 00")),
	} {
		f.Add(entry, prefixed(vpsHEVC, spsHEVC, ppsHEVC, unhex("2601af")))
		f.Add(entry, av1Sequence())
	}
	corpus(f, func(entry, first []byte) { f.Add(entry, first) })
	f.Fuzz(func(t *testing.T, entry, first []byte) {
		var s *Stream
		var err error
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err = FromEntry(entry, sample(first))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*(len(entry)+len(first))+256<<10))
		if err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) != errors.Is(err, media.ErrUnsupported), "%v", err)
			return
		}
		require.NotEmpty(t, s.Codec.String)
		require.Equal(t, s.Codec.FourCC, string(s.Codec.Entry[4:8]))
		require.Equal(t, len(s.Codec.Entry), int(be.Uint32(s.Codec.Entry)))
		require.Equal(t, s.Kind == media.Video, s.Video != nil)
		require.Equal(t, s.Kind == media.Audio, s.Audio != nil)
		if s.Codec.Coding == media.AAC {
			_, _ = NewADTS(s.Codec.Config)
		}
		_, err = ParameterSets(&s.Codec)
		require.NoError(t, err)
		again, err := FromEntry(s.Codec.Entry, sample(first))
		require.NoError(t, err)
		require.Equal(t, s.Codec.String, again.Codec.String)
		require.Equal(t, s.Codec.Entry, again.Codec.Entry)
	})
}

func FuzzADTS(f *testing.F) {
	f.Add(unhex("1190"))
	f.Add(unhex("2b118800"))
	f.Fuzz(func(t *testing.T, asc []byte) {
		a, err := NewADTS(asc)
		if err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) != errors.Is(err, media.ErrUnsupported), "%v", err)
			return
		}
		h := a.Header(100)
		require.Equal(t, byte(0xFF), h[0])
		require.LessOrEqual(t, len(a.PCE), len(asc)+300)
	})
}

// corpus yields the sample entries of third-party files, each with the beginning of its first sample, where MEZZO_CORPUS
// says that there are any.
func corpus(f *testing.F, yield func(entry, first []byte)) {
	root := os.Getenv("MEZZO_CORPUS")
	if root == "" {
		return
	}
	require.NoError(f, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".mp4" && ext != ".mov" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		movie, err := bmff.Open(f.Context(), path, bmfftest.Object(path, data))
		if err != nil {
			return nil // it is other tests that say why
		}
		for _, t := range movie.Tracks {
			var first []byte
			if t.Index.Len() > 0 {
				s := t.Index.Append(nil, 0, 1)[0]
				first = data[s.Offset:][:min(s.Size, 4096)]
			}
			for _, entry := range t.Entries {
				yield(entry, first)
			}
		}
		return nil
	}))
}
