package cmaf_test

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestF9MixedSamples: pictures without anything to encrypt stand between others; each has its entry, and saiz says what
// senc has.
func TestF9MixedSamples(t *testing.T) {
	r := pictures(sliced(), 0, 0, 700, 800)
	message := bmfftest.NAL(append([]byte{6}, bmfftest.Noise(3, 90)...)) // a sample of supplemental information alone
	data := bytes.Join([][]byte{payloads(t, r)[0], message, payloads(t, r)[1]}, nil)
	first, second := r.Samples[0], r.Samples[1]
	second.Offset += int64(len(message))
	r.Samples = []media.Sample{first, {Offset: int64(first.Size), Size: uint32(len(message)), Duration: 512, Flags: media.FlagsDelta}, second}
	r.Data = bmfftest.Object("mixed", data)
	for _, v := range variants() {
		p := protect(t, v.scheme, v.iv)
		p.Pattern = v.pattern
		out := segment(t, encrypted(p, r))
		f, err := mp4.DecodeFile(bytes.NewReader(out))
		require.NoError(t, err)
		traf := f.Segments[0].Fragments[0].Moof.Traf
		require.EqualValues(t, 3, traf.Saiz.SampleCount)
		if traf.Senc.ReadButNotParsed() {
			require.NoError(t, traf.Senc.ParseReadBox(byte(v.iv), traf.Saiz))
		}
		require.Len(t, traf.Senc.SubSamples, 3)
		require.EqualValues(t, len(message), traf.Senc.SubSamples[1][0].BytesOfClearData)
		require.Zero(t, traf.Senc.SubSamples[1][0].BytesOfProtectedData)
		require.True(t, bytes.Contains(out, message), "nothing of it is encrypted")
		for i, subs := range traf.Senc.SubSamples {
			size := int(traf.Saiz.DefaultSampleInfoSize)
			if size == 0 {
				size = int(traf.Saiz.SampleInfo[i])
			}
			require.Equal(t, v.iv+2+6*len(subs), size)
		}
		got, _ := decrypt(t, out, p, media.Video)
		require.Equal(t, payloads(t, r), got)
	}
}

// TestF7F8WholeSamples: sound under cbcs has a constant IV and no subsamples, and what is left of the last block stays
// clear, unsaid.
func TestF7F8WholeSamples(t *testing.T) {
	p := protect(t, drm.CBCS, 0)
	for size := range uint32(34) {
		s := media.Sample{Size: max(size, 1), Duration: 1024}
		r := run(audioTrack(), 0, 0, s)
		out := segment(t, encrypted(p, r))
		f, err := mp4.DecodeFile(bytes.NewReader(out))
		require.NoError(t, err)
		traf := f.Segments[0].Fragments[0].Moof.Traf
		if traf.Senc != nil {
			require.Empty(t, traf.Senc.SubSamples)
			require.Empty(t, traf.Senc.IVs)
		}
		plain, got := payloads(t, r)[0], f.Segments[0].Fragments[0].Mdat.Data
		whole := len(plain) / 16 * 16
		require.Equal(t, plain[whole:], got[whole:])
		for at := 0; at < whole; at += 16 {
			require.NotEqual(t, plain[at:at+16], got[at:at+16], "block at %d of %d bytes", at, size)
		}
	}
}
