package cmaf_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// split cuts data into samples whose sizes are the bytes of sizes, the last has the rest.
func split(track *media.Track, data, sizes []byte) media.Run {
	r := media.Run{Track: track, Data: bmfftest.Object("fuzz", data)}
	left := len(data)
	for i, b := range sizes[:min(len(sizes), 40)] {
		n := min(int(b), left)
		if i == min(len(sizes), 40)-1 {
			n = left
		}
		r.Samples = append(r.Samples, media.Sample{Offset: int64(len(data) - left), Size: uint32(n), Duration: 512, Flags: media.FlagsSync})
		left -= n
	}
	return r
}

// FuzzEncrypted encrypts samples of any bytes. Either they are refused, or each is decrypted to what it was, from memory and
// by reading, in slices too.
func FuzzEncrypted(f *testing.F) {
	r := pictures(sliced(), 0, 0, 30, 90, 200)
	data := make([]byte, r.Data.Size())
	require.NoError(f, r.Data.ReadAt(f.Context(), data, 0))
	var sizes []byte
	for _, s := range r.Samples {
		sizes = append(sizes, byte(s.Size))
	}
	for i := range variants() {
		f.Add(data, sizes, uint8(i), false, uint16(i*31), uint16(1024))
		f.Add(data, sizes, uint8(i), true, uint16(i*17), uint16(0))
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte, which uint8, audio bool, off, chunk uint16) {
		track := sliced()
		if audio {
			track = audioTrack()
		}
		v := variants()[int(which)%len(variants())]
		p := protect(t, v.scheme, v.iv)
		p.Pattern = v.pattern
		r := split(track, data, sizes)
		if len(r.Samples) == 0 {
			return
		}
		j := encrypted(p, r)
		j.Chunk = int64(chunk)
		body, err := cmaf.Packager{}.Segment(t.Context(), j)
		if err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported), err)
			return
		}
		out, err := body.Bytes(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, body.Size(), len(out))
		got, _ := decrypt(t, out, p, track.Kind)
		want := payloads(t, r)
		require.Len(t, got, len(want))
		for i := range want {
			require.True(t, bytes.Equal(want[i], got[i]), "sample %d", i)
		}

		from := int64(off) % body.Size()
		tail, err := body.Slice(from, body.Size()).Bytes(t.Context())
		require.NoError(t, err)
		require.Equal(t, out[from:], tail)
		j.Inputs[0].Runs[0] = unmapped(r)
		require.Equal(t, out, segment(t, j))
	})
}

// FuzzCarried passes on samples whose subsamples are any: those that are not theirs are refused, others stay as they are.
func FuzzCarried(f *testing.F) {
	f.Add([]byte{0, 40, 0, 0, 0, 60, 1, 200, 0, 0, 1, 0}, uint8(8), uint8(0), uint32(100))
	f.Add([]byte{255, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9}, uint8(0), uint8(16), uint32(65_545))
	f.Add([]byte{}, uint8(16), uint8(0), uint32(10))
	f.Add([]byte{}, uint8(0), uint8(8), uint32(0))
	f.Fuzz(func(t *testing.T, subs []byte, ivSize, constant uint8, size uint32) {
		size %= 1 << 17
		crypt := &media.Crypt{Scheme: string(drm.CBCS), KeyID: [16]byte{1}, IVSize: int(ivSize)}
		if ivSize == 0 {
			crypt.ConstantIV = make([]byte, constant)
		}
		track := videoTrack()
		track.Crypt = crypt
		r := run(track, 0, 0, media.Sample{Size: size, Duration: 512}, media.Sample{Size: 7, Duration: 512})
		r.Crypt = crypt
		var aux media.Aux
		sum := uint64(0)
		for p := subs; len(p) >= 6; p = p[6:] {
			s := media.Subsample{Clear: uint32(p[0])<<8 | uint32(p[1]), Protected: uint32(p[2])<<24 | uint32(p[3])<<16 | uint32(p[4])<<8 | uint32(p[5])}
			aux.Subsamples = append(aux.Subsamples, s)
			sum += uint64(s.Clear) + uint64(s.Protected)
		}
		r.Aux = []media.Aux{aux, {}}
		j := job(r)
		body, err := cmaf.Packager{}.Segment(t.Context(), j)
		fits := len(aux.Subsamples) == 0 || sum == uint64(size) && len(aux.Subsamples) < 1<<16
		known := ivSize == 8 || ivSize == 16 || ivSize == 0 && (constant == 8 || constant == 16)
		if !fits || !known {
			require.ErrorIs(t, err, media.ErrFormat)
			return
		}
		require.NoError(t, err)
		out, err := body.Bytes(t.Context())
		require.NoError(t, err)
		got, _ := viaMP4FF(t, out)
		require.Equal(t, want(t, j), got)
	})
}
