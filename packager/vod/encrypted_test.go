package vod_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// Schemes as they are met. The IV of eight bytes is followed by zeros.
var (
	cenc = bmfftest.Crypt{Scheme: "cenc", KeyID: [16]byte{1}, Key: [16]byte{0xA1, 2, 3}, IVSize: 8}
	cbc1 = bmfftest.Crypt{Scheme: "cbc1", KeyID: [16]byte{2}, Key: [16]byte{0xA2, 2, 3}, IVSize: 16}
	cens = bmfftest.Crypt{Scheme: "cens", KeyID: [16]byte{3}, Key: [16]byte{0xA3, 2, 3}, IVSize: 16, Crypt: 1, Skip: 9}
	cbcs = bmfftest.Crypt{Scheme: "cbcs", KeyID: [16]byte{4}, Key: [16]byte{0xA4, 2, 3}, ConstantIV: []byte("12345678"), Crypt: 1, Skip: 9}
	piff = bmfftest.Crypt{Scheme: "piff", KeyID: [16]byte{5}, Key: [16]byte{0xA5, 2, 3}, IVSize: 8, Place: bmfftest.InUUID}
)

// ring finds the keys of what it lists.
type ring []bmfftest.Crypt

func (r ring) Key(_ context.Context, id drm.KeyID) (drm.Key, error) {
	for _, c := range r {
		if drm.KeyID(c.KeyID) == id {
			secret, err := drm.NewSecret(c.Key[:])
			return drm.Key{ID: id, Value: secret}, err
		}
	}
	return drm.Key{}, fmt.Errorf("key %s: %w", id, drm.ErrNoKey)
}

// read is the payload of all samples of a track.
func read(t testing.TB, src media.Source, track *media.Track) (out [][]byte) {
	t.Helper()
	runs, err := src.Samples(ctx, track, media.Interval{From: -1 << 60, To: 1 << 60})
	require.NoError(t, err)
	for i := range runs {
		for _, s := range runs[i].Samples {
			p := make([]byte, s.Size)
			require.NoError(t, runs[i].Data.ReadAt(ctx, p, s.Offset))
			out = append(out, p)
		}
	}
	return out
}

func plaintexts(t bmfftest.Track) (out [][]byte) {
	for i := range t.Samples {
		out = append(out, t.Samples[i].Bytes())
	}
	return out
}

// TestEncrypted: every scheme, with auxiliary information wherever it may lie, read as it is and read clear.
func TestEncrypted(t *testing.T) {
	video, audio := bmfftest.Video(60, 12), bmfftest.Audio(110)
	for _, c := range []bmfftest.Crypt{cenc, cbc1, cens, cbcs, piff} {
		for _, place := range []bmfftest.Place{bmfftest.InSenc, bmfftest.InSencOnly, bmfftest.InUUID, bmfftest.Apart} {
			for _, f := range []bmfftest.File{{}, {Chunk: 7}, {Fragment: 12}, {Fragment: 5, OneTraf: true, Offsets: bmfftest.FromBase}, {Fragment: 12, InMoov: 12}} {
				t.Run(fmt.Sprintf("%s %d %d %d %d", c.Scheme, place, f.Chunk, f.Fragment, f.InMoov), func(t *testing.T) {
					c.Place = place
					f.Tracks = []track{video.Encrypt(c), audio.Encrypt(c)}
					testEncrypted(t, f, c)
				})
			}
		}
	}
}

func testEncrypted(t *testing.T, f bmfftest.File, c bmfftest.Crypt) {
	obj := bmfftest.Object("locked.mp4", f.Bytes())
	src, err := vod.Open(ctx, "locked.mp4", obj)
	require.NoError(t, err)
	mediatest.TestSource(t, src)
	require.Len(t, src.Tracks(), 2)
	for i, track := range src.Tracks() {
		require.Equal(t, plaintexts(f.Tracks[i]), read(t, src, track), "as it lies")
		require.NotNil(t, track.Crypt)
		require.Equal(t, c.KeyID, track.Crypt.KeyID)
		runs, err := src.Samples(ctx, track, media.Interval{From: -1 << 60, To: 1 << 60})
		require.NoError(t, err)
		for _, r := range runs {
			require.Same(t, track.Crypt, r.Crypt)
			require.Len(t, r.Aux, len(r.Samples))
		}
	}
	open, err := vod.OpenInput(ctx, vod.Input{Name: "locked.mp4", Object: obj, Keys: ring{c}})
	require.NoError(t, err)
	mediatest.TestSource(t, open)
	want := [][][]byte{plaintexts(bmfftest.Video(60, 12)), plaintexts(bmfftest.Audio(110))}
	for i, track := range open.Tracks() {
		require.Nil(t, track.Crypt)
		require.Equal(t, want[i], read(t, open, track))
	}
}

// TestDecryptingAllocates: what is decrypted, of however many samples, is decrypted into memory that is used again.
func TestDecryptingAllocates(t *testing.T) {
	v := bmfftest.Video(2000, 10)
	for i := range v.Samples {
		v.Samples[i].Data = bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(uint32(i), 2_000)...))
	}
	for _, c := range []bmfftest.Crypt{cenc, cbcs} {
		src := unlocked(t, object("x", v.Encrypt(c)), ring{c})
		runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{To: 1 << 40})
		require.NoError(t, err)
		data, p := runs[0].Data, make([]byte, 128<<10)
		n := testing.AllocsPerRun(3, func() {
			for off := int64(0); off < data.Size(); off += int64(len(p)) {
				if err := data.ReadAt(ctx, p[:min(int64(len(p)), data.Size()-off)], off); err != nil {
					panic(err)
				}
			}
		})
		require.Less(t, n, 200.0, "%s", c.Scheme) // none, but where the collector or the race detector empties pools
	}
}
