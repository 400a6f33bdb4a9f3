package cmaf_test

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// carried is runs of a track that comes encrypted: clear ones, some under the key of the sample entry, some under another.
func carried() []media.Run {
	track := sliced()
	track.Crypt = &media.Crypt{Scheme: "cenc", KeyID: drm.KeyID{1}, IVSize: 8, PSSH: pssh(drm.KeyID{1})}
	other := &media.Crypt{Scheme: "cenc", KeyID: drm.KeyID{2}, IVSize: 16}
	runs := []media.Run{pictures(track, 0, 0, 50), pictures(track, 512, 0, 60, 70), pictures(track, 3*512, 2, 80)}
	for i, crypt := range []*media.Crypt{nil, track.Crypt, other} {
		r := &runs[i]
		if r.Crypt = crypt; crypt == nil {
			continue
		}
		for n, s := range r.Samples {
			r.Aux = append(r.Aux, media.Aux{IV: [16]byte{byte(i), byte(n)}, Subsamples: []media.Subsample{{Clear: 40, Protected: s.Size - 40}}})
		}
	}
	return runs
}

// What comes encrypted is sent as it lies, with what it says of itself.
func TestCarried(t *testing.T) {
	runs := carried()
	body, err := cmaf.Packager{}.Segment(t.Context(), job(runs...))
	require.NoError(t, err)
	for _, p := range body.Pieces() {
		require.Nil(t, p.Stream, "payload is not touched")
	}
	data, err := body.Bytes(t.Context())
	require.NoError(t, err)
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	frags := f.Segments[0].Fragments
	require.Len(t, frags, 3)
	var got [][]byte
	for _, frag := range frags {
		samples, err := frag.GetFullSamples(nil)
		require.NoError(t, err)
		for _, s := range samples {
			got = append(got, s.Data)
		}
	}
	require.Equal(t, payloads(t, runs...), got)

	clear, first, second := frags[0].Moof.Traf, frags[1].Moof.Traf, frags[2].Moof.Traf
	require.EqualValues(t, 2, clear.Tfhd.SampleDescriptionIndex)
	require.Nil(t, clear.Senc)
	require.False(t, first.Tfhd.HasSampleDescriptionIndex())
	require.Nil(t, first.Sgpd)
	require.NoError(t, first.Senc.ParseReadBox(8, first.Saiz))
	require.Equal(t, []byte{1, 1, 0, 0, 0, 0, 0, 0}, []byte(first.Senc.IVs[1]))
	require.Equal(t, []mp4.SubSamplePattern{{BytesOfClearData: 40, BytesOfProtectedData: runs[1].Samples[1].Size - 40}}, first.Senc.SubSamples[1])
	seig, ok := second.Sgpd.SampleGroupEntries[0].(*mp4.SeigSampleGroupEntry)
	require.True(t, ok)
	require.Equal(t, mp4.UUID(runs[2].Crypt.KeyID[:]), seig.KID)
	require.EqualValues(t, 16, seig.PerSampleIVSize)

	init, err := mp4.DecodeFile(bytes.NewReader(protectedHeader(t, runs[0].Track, nil)))
	require.NoError(t, err)
	require.Len(t, init.Moov.Psshs, 1)
	stsd := init.Moov.Trak.Mdia.Minf.Stbl.Stsd
	require.Len(t, stsd.Children, 2)
	tenc := stsd.Children[0].(*mp4.VisualSampleEntryBox).Sinf.Schi.Tenc
	require.Equal(t, mp4.UUID(runs[1].Crypt.KeyID[:]), tenc.DefaultKID)
}

// A constant IV of 8 bytes, which is followed by zeros in the cipher, keeps its size in tenc and seig.
func TestCarriedConstantIV(t *testing.T) {
	for _, size := range []int{8, 16} {
		track := audioTrack()
		track.Crypt = &media.Crypt{Scheme: "cbcs", KeyID: [16]byte{1}, ConstantIV: bytes.Repeat([]byte{3}, size)}
		other := *track.Crypt
		other.KeyID[0], other.ConstantIV = 2, bytes.Repeat([]byte{4}, size)
		init, err := mp4.DecodeFile(bytes.NewReader(protectedHeader(t, track, nil)))
		require.NoError(t, err)
		tenc := init.Moov.Trak.Mdia.Minf.Stbl.Stsd.Children[0].(*mp4.AudioSampleEntryBox).Sinf.Schi.Tenc
		require.EqualValues(t, 1, tenc.Version)
		require.Zero(t, tenc.DefaultPerSampleIVSize)
		require.Equal(t, track.Crypt.ConstantIV, tenc.DefaultConstantIV)
		r := run(track, 0, 0, frames(2, 1024)...)
		r.Crypt = &other
		f, err := mp4.DecodeFile(bytes.NewReader(segment(t, job(r))))
		require.NoError(t, err)
		found := false
		for _, c := range f.Segments[0].Fragments[0].Moof.Traf.Children {
			if group, ok := c.(*mp4.SgpdBox); ok && group.GroupingType == "seig" {
				found = true
				require.Equal(t, other.ConstantIV, group.SampleGroupEntries[0].(*mp4.SeigSampleGroupEntry).ConstantIV)
			}
		}
		require.True(t, found)
	}
}

// Auxiliary information that does not fit its samples is refused.
func TestCarriedRefuses(t *testing.T) {
	for name, damage := range map[string]func(r *media.Run){
		"sizes":    func(r *media.Run) { r.Aux[0].Subsamples[0].Protected++ },
		"clear":    func(r *media.Run) { r.Aux[0].Subsamples[0] = media.Subsample{Clear: 1 << 20} },
		"count":    func(r *media.Run) { r.Aux = r.Aux[:1] },
		"IV":       func(r *media.Run) { r.Crypt = &media.Crypt{Scheme: "cenc", IVSize: 5} },
		"constant": func(r *media.Run) { r.Crypt = &media.Crypt{Scheme: "cenc"} },
		"pattern":  func(r *media.Run) { r.Crypt = &media.Crypt{Scheme: "cenc", IVSize: 8, CryptBlocks: 0, SkipBlocks: 9} },
		"scheme":   func(r *media.Run) { r.Crypt = &media.Crypt{Scheme: "cens", IVSize: 8} },
	} {
		runs := carried()
		damage(&runs[1])
		_, err := cmaf.Packager{}.Segment(t.Context(), job(runs...))
		require.Error(t, err, name)
		if name != "scheme" {
			require.ErrorIs(t, err, media.ErrFormat, name)
		} else {
			require.ErrorIs(t, err, media.ErrUnsupported, name)
		}
	}
}
