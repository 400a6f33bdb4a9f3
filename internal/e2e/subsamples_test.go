package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/packager/media"
)

// foreignSubsamples are encrypted files of others: initialization segment, if apart, and media. Headers are clear in them, so
// they can be mapped as they are.
var foreignSubsamples = []struct {
	files []string
	// behind says that what is left over from whole blocks is behind them, as Shaka Packager 3.5.0 has it: where we have
	// one entry for a slice, with the rest before its blocks, it has two. Televisions broke on it, AV1 in ISOBMFF forbids it
	// (shaka-packager issues 1584 and 1599), and later versions do as we do.
	behind bool
}{
	{golden("encryption/bear-640x360-video.mp4"), true},
	{golden("encryption/bear-640x360-audio.mp4"), false},
	{golden("encryption-cbcs/bear-640x360-video.mp4"), false},
	{golden("encryption-cbcs/bear-640x360-audio.mp4"), false},
	{golden("encryption-multi-keys/bear-640x360-video.mp4"), true},
	{golden("hls-single-segment-mp4-encrypted/bear-640x360-video.mp4"), true},
	{golden("hevc-with-encryption/bear-640x360-hevc-video.mp4"), true},
	{golden("opus-vp9-mp4-with-encryption/bear-320x240-vp9-opus-video.mp4"), true},
	{golden("opus-vp9-mp4-with-encryption/bear-320x240-vp9-opus-audio.mp4"), false},
	{golden("flac-with-encryption/bear-flac-audio.mp4"), false},
	{golden("live-profile-and-encryption/bear-640x360-video-init.mp4", "live-profile-and-encryption/bear-640x360-video-1.m4s",
		"live-profile-and-encryption/bear-640x360-video-2.m4s", "live-profile-and-encryption/bear-640x360-video-3.m4s"), true},
	{[]string{"drm/mp4ff/cbcs.mp4"}, false},
}

func golden(names ...string) []string {
	for i, name := range names {
		names[i] = "golden/shaka-packager/" + name
	}
	return names
}

// TestForeignSubsamples compares each entry of senc with what a Mapper says of the sample.
func TestForeignSubsamples(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // TestHeadersAsFFmpeg makes its media
	}
	for _, c := range foreignSubsamples {
		t.Run(c.files[0], func(t *testing.T) {
			var all bytes.Buffer
			for _, name := range c.files {
				file, err := os.ReadFile(filepath.Join(root, name))
				require.NoError(t, err)
				all.Write(file)
			}
			compareSubsamples(t, all.Bytes(), c.behind)
		})
	}
}

func compareSubsamples(t *testing.T, file []byte, behind bool) {
	f, err := mp4.DecodeFile(bytes.NewReader(file))
	require.NoError(t, err)
	stream, err := codec.FromEntry(stsdEntries(file)[0].entry, nil)
	require.NoError(t, err)
	track := &media.Track{ID: "1", Kind: stream.Kind, Codec: stream.Codec, Video: stream.Video, Audio: stream.Audio}
	var sinf *mp4.SinfBox
	for _, entry := range f.Init.Moov.Trak.Mdia.Minf.Stbl.Stsd.Children {
		switch e := entry.(type) {
		case *mp4.VisualSampleEntryBox:
			sinf = e.Sinf
		case *mp4.AudioSampleEntryBox:
			sinf = e.Sinf
		}
		if sinf != nil {
			break
		}
	}
	m, err := cenc.NewMapper(track, drm.Scheme(sinf.Schm.SchemeType))
	require.NoError(t, err)
	encrypted, stretches := 0, 0
	var subs []media.Subsample
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			samples, err := fragment.GetFullSamples(f.Init.Moov.Mvex.Trex)
			require.NoError(t, err)
			traf := fragment.Moof.Traf
			if has, parsed := traf.ContainsSencBox(); has && !parsed {
				require.NoError(t, traf.ParseReadSenc(sinf.Schi.Tenc.DefaultPerSampleIVSize, fragment.Moof.StartPos))
			}
			for i, sample := range samples {
				subs, err = m.Map(subs[:0], sample.Data)
				require.NoError(t, err, "sample %d", i)
				if traf.Senc == nil {
					continue // clear lead, or all samples whole under a constant IV
				}
				encrypted++
				if len(traf.Senc.SubSamples) == 0 {
					require.Empty(t, subs)
					continue
				}
				var theirs []media.Subsample
				for _, s := range traf.Senc.SubSamples[i] {
					theirs = append(theirs, media.Subsample{Clear: uint32(s.BytesOfClearData), Protected: s.BytesOfProtectedData})
				}
				want, got := protectedRanges(theirs), protectedRanges(subs)
				require.Len(t, got, len(want), "sample %d of the fragment", i)
				for k := range want {
					rest := got[k][0] - want[k][0]
					require.Equal(t, want[k][1]-want[k][0], got[k][1]-got[k][0], "sample %d of the fragment", i)
					require.True(t, rest == 0 || behind && rest > 0 && rest < 16, "sample %d of the fragment: %v, we %v", i, want, got)
				}
				stretches += len(want)
			}
		}
	}
	require.NotZero(t, encrypted)
	t.Logf("%s: %d samples, %d protected stretches equal", sinf.Schm.SchemeType, encrypted, stretches)
}

// protectedRanges are from and to of each protected stretch.
func protectedRanges(subs []media.Subsample) (out [][2]int) {
	at := 0
	for _, s := range subs {
		at += int(s.Clear)
		if s.Protected > 0 {
			out = append(out, [2]int{at, at + int(s.Protected)})
		}
		at += int(s.Protected)
	}
	return out
}
