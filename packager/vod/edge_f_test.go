package vod_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func unlocked(t testing.TB, obj media.Object, keys drm.KeyFinder) *vod.Source {
	t.Helper()
	src, err := vod.OpenInput(ctx, vod.Input{Name: "locked.mp4", Object: obj, Keys: keys})
	require.NoError(t, err)
	return src
}

// TestF18EncryptedInput: nothing of the old protection is left in what is made of a track, keys are found by their ids and
// not by the place of the track, and what is read clear has another Version.
func TestF18EncryptedInput(t *testing.T) {
	video, audio := bmfftest.Video(50, 10), bmfftest.Audio(94)
	f := bmfftest.File{Tracks: []track{audio.Encrypt(cenc), video.Encrypt(cbcs)}, Fragment: 25}
	obj := bmfftest.Object("f18.mp4", f.Bytes())
	locked, err := vod.Open(ctx, "f18.mp4", obj)
	require.NoError(t, err)
	src := unlocked(t, obj, ring{piff, cbcs, cenc})
	for i, want := range []track{audio, video} {
		for _, s := range []*vod.Source{locked, src} {
			tr := s.Tracks()[i]
			require.NotContains(t, string(tr.Codec.Entry), "sinf")
			require.Equal(t, string(want.Entries[0][4:8]), tr.Codec.FourCC)
		}
		require.Equal(t, plaintexts(want), read(t, src, src.Tracks()[i]))
		runs, err := src.Samples(ctx, src.Tracks()[i], media.Interval{To: 1 << 40})
		require.NoError(t, err)
		require.Len(t, runs, 1)
		require.Nil(t, runs[0].Crypt)
		require.Nil(t, runs[0].Aux)
		require.NotEqual(t, obj.Version(), runs[0].Data.Version())
		_, mapped := runs[0].Data.(media.Byter)
		require.False(t, mapped, "nobody gets the bytes around the cipher")
		mediatest.TestObject(t, runs[0].Data, bytes.Join(plaintexts(want), nil))
	}
	plain := &vod.Asset{Inputs: []vod.Input{{Name: "x", Object: obj}}}
	keyed := &vod.Asset{Inputs: []vod.Input{{Name: "x", Object: obj, Keys: ring{cbcs, cenc}}}}
	require.NotEqual(t, timeline(t, plain, time.Second).Version, timeline(t, keyed, time.Second).Version)
	mediatest.TestPresentation(t, keyed.Present(media.Plan{Segment: time.Second}))
}

// TestF18Keys: a track whose key is missing is refused and others are served; a key that cannot be right is noticed where
// the sample shows it.
func TestF18Keys(t *testing.T) {
	video, audio := bmfftest.Video(50, 10), bmfftest.Audio(94)
	both := bmfftest.Object("x", bmfftest.File{Tracks: []track{video.Encrypt(cbcs), audio.Encrypt(cenc)}}.Bytes())
	src := unlocked(t, both, ring{cenc})
	require.Len(t, src.Tracks(), 1)
	require.Equal(t, media.Audio, src.Tracks()[0].Kind)
	noted(t, src, "key 04000000-0000-0000-0000-000000000000: no key")
	_, err := vod.OpenInput(ctx, vod.Input{Name: "locked.mp4", Object: both, Keys: ring{}})
	require.ErrorIs(t, err, drm.ErrNoKey)

	whole := cenc // NAL lengths are encrypted too
	plain := bmfftest.Video(50, 10)
	plain.Handler = "soun"
	locked := plain.Encrypt(whole)
	locked.Handler = "vide"
	locked.Entries = video.Encrypt(cenc).Entries
	obj := bmfftest.Object("x", bmfftest.File{Tracks: []track{locked}}.Bytes())
	src = unlocked(t, obj, ring{cenc})
	require.Equal(t, plaintexts(video), read(t, src, src.Tracks()[0]))
	wrong := cenc
	wrong.Key[7]++
	_, err = vod.OpenInput(ctx, vod.Input{Name: "locked.mp4", Object: obj, Keys: ring{wrong}})
	require.ErrorIs(t, err, media.ErrFormat)
	require.ErrorContains(t, err, "another key")
	require.NotContains(t, err.Error(), fmt.Sprintf("%x", wrong.Key))
}

// TestF19CutEncrypted: whatever is cut out of an encrypted file, each sample keeps its IV and subsamples.
func TestF19CutEncrypted(t *testing.T) {
	for _, c := range []bmfftest.Crypt{cenc, cbcs} {
		for _, place := range []bmfftest.Place{bmfftest.InSenc, bmfftest.Apart} {
			for _, fragment := range []int{0, 7, 25} {
				c.Place = place
				v := edited(bmfftest.Video(200, 10).Reorder(false).Encrypt(c), bmfftest.Edit{Media: 3 * frame})
				src := openBytes(t, bmfftest.File{Tracks: []track{v}, Fragment: fragment}.Bytes())
				tr := src.Tracks()[0]
				whole, err := src.Samples(ctx, tr, media.Interval{From: -1 << 60, To: 1 << 60})
				require.NoError(t, err)
				require.Len(t, whole, 1)
				dts := []int64{whole[0].DTS}
				for i, s := range whole[0].Samples {
					dts = append(dts, dts[i]+int64(s.Duration))
				}
				for i, n := 0, len(whole[0].Samples); i < n; i += 13 {
					to := min(i+13, n)
					part, err := src.Samples(ctx, tr, media.Interval{From: dts[i], To: dts[to]})
					require.NoError(t, err)
					require.Len(t, part, 1)
					require.Equal(t, whole[0].Samples[i:to], part[0].Samples)
					require.Equal(t, whole[0].Aux[i:to], part[0].Aux)
				}
			}
		}
	}
}

// TestF15ClearLead: a track that is clear at first, by a second sample entry, is one Track; its runs say where it is not.
func TestF15ClearLead(t *testing.T) {
	v := bmfftest.Video(50, 10)
	v.Entries = append(v.Entries, bmfftest.AVC1())
	for i := range v.Samples[:20] {
		v.Samples[i].Entry = 1
	}
	obj := bmfftest.Object("lead", bmfftest.File{Tracks: []track{v.Encrypt(cbcs)}, Fragment: 10}.Bytes())
	src, err := vod.Open(ctx, "lead.mp4", obj)
	require.NoError(t, err)
	mediatest.TestSource(t, src)
	require.Len(t, src.Tracks(), 1)
	runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{To: 1 << 40})
	require.NoError(t, err)
	require.Len(t, runs, 2)
	require.Nil(t, runs[0].Crypt)
	require.Len(t, runs[0].Samples, 20)
	require.Same(t, src.Tracks()[0].Crypt, runs[1].Crypt)
	open := unlocked(t, obj, ring{cbcs})
	require.Equal(t, plaintexts(bmfftest.Video(50, 10)), read(t, open, open.Tracks()[0]))
}

// TestF16Rotation: a key for each of many groups of samples, and one group that is clear.
func TestF16Rotation(t *testing.T) {
	c := cenc
	keys := ring{c}
	for i := range 6 {
		g := cenc
		g.KeyID[15], g.Key[15] = byte(i+1), byte(i+1)
		g.Clear = i == 3
		if g.Clear {
			g.IVSize = 0
		}
		keys = append(keys, g)
		c.Groups = append(c.Groups, &g)
	}
	for _, local := range []bool{true, false} {
		c.LocalGroups = local
		v := bmfftest.Video(80, 10)
		for i := range v.Samples {
			v.Samples[i].Group = i / 10 % 7
		}
		obj := bmfftest.Object("rotated", bmfftest.File{Tracks: []track{v.Encrypt(c)}, Fragment: 10}.Bytes())
		src, err := vod.Open(ctx, "rotated.mp4", obj)
		require.NoError(t, err)
		mediatest.TestSource(t, src)
		runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{To: 1 << 40})
		require.NoError(t, err)
		require.Len(t, runs, 8)
		require.Nil(t, runs[4].Crypt)
		require.Equal(t, byte(3), runs[3].Crypt.KeyID[15])
		open := unlocked(t, obj, keys)
		require.Equal(t, plaintexts(bmfftest.Video(80, 10)), read(t, open, open.Tracks()[0]))
		_, err = vod.OpenInput(ctx, vod.Input{Name: "x", Object: obj, Keys: keys[:3]})
		require.ErrorIs(t, err, drm.ErrNoKey)
	}
}

// TestDecryptedReads: any range of a decrypted object, by many at once, while it holds no more than it may.
func TestDecryptedReads(t *testing.T) {
	v := bmfftest.Video(400, 10)
	for i := range v.Samples {
		v.Samples[i].Data = bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(uint32(i), 20_000+i*7)...))
	}
	want := bytes.Join(plaintexts(v), nil) // 8 MB
	obj := bmfftest.Object("large", bmfftest.File{Tracks: []track{v.Encrypt(cenc)}, Fragment: 10}.Bytes())
	src := unlocked(t, obj, ring{cenc})
	runs, err := src.Samples(ctx, src.Tracks()[0], media.Interval{To: 1 << 40})
	require.NoError(t, err)
	data := runs[0].Data
	require.EqualValues(t, len(want), data.Size())
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				off := (i*7919*101 + g*1_000_003) % len(want)
				n := min([]int{1, 4, 20_000, 70_000, 131_072, 300_000}[(i+g)%6], len(want)-off)
				p := make([]byte, n)
				if err := data.ReadAt(ctx, p, int64(off)); err != nil || !bytes.Equal(want[off:off+n], p) {
					t.Errorf("%d bytes at %d: %v", n, off, err)
				}
			}
		})
	}
	wg.Wait()
	require.Error(t, data.ReadAt(ctx, make([]byte, 2), data.Size()-1))
	require.Error(t, data.ReadAt(ctx, make([]byte, 2), -1))
}

// TestManyKeys: nobody makes the key provider, or the ciphers, do more than a day of rotation asks for.
func TestManyKeys(t *testing.T) {
	const n = 10_001
	c := cbcs
	c.Groups = make([]*bmfftest.Crypt, n)
	v := bmfftest.Video(n, 10)
	for i := range n {
		g := cbcs
		g.KeyID[0], g.KeyID[1], g.KeyID[2] = 0xEE, byte(i>>8), byte(i)
		c.Groups[i] = &g
		v.Samples[i].Group = i + 1
	}
	_, err := vod.OpenInput(ctx, vod.Input{Name: "x", Object: object("x", v.Encrypt(c)), Keys: unasked{t}})
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "10001 ways")
}

type unasked struct{ t *testing.T }

func (u unasked) Key(context.Context, drm.KeyID) (drm.Key, error) {
	u.t.Error("asked for a key")
	return drm.Key{}, drm.ErrNoKey
}

// TestEmptyEncrypted: samples without a byte cost no more to be found than others do.
func TestEmptyEncrypted(t *testing.T) {
	v := bmfftest.Video(20_000, 10)
	for i := range v.Samples {
		v.Samples[i].Data = []byte{}
	}
	v.Samples[9_000].Data = bmfftest.NAL([]byte{0x65, 1, 2, 3})
	v.Samples[19_999].Data = bmfftest.NAL([]byte{0x41, 4, 5, 6})
	src := unlocked(t, object("x", v.Encrypt(cbcs)), ring{cbcs})
	require.Equal(t, plaintexts(v), read(t, src, src.Tracks()[0]))
	tr := src.Tracks()[0]
	used := allocated(func() {
		for i := range int64(100) {
			runs, err := src.Samples(ctx, tr, media.Interval{From: (19_900 + i) * frame, To: (19_901 + i) * frame})
			require.NoError(t, err)
			require.Len(t, runs, 1)
		}
	})
	require.Less(t, used, int64(100*(1<<10)*160), "of each only the samples of its batch")
}

// TestLargeEncrypted: a first sample that is longer than what is looked at is not taken for one of another key.
func TestLargeEncrypted(t *testing.T) {
	v := bmfftest.Video(2, 1)
	v.Samples[0].Data = slices.Concat(bmfftest.NAL([]byte{0x06, 1}), bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(1, 5<<20)...)))
	src := unlocked(t, object("x", v.Encrypt(cenc)), ring{cenc})
	require.Equal(t, plaintexts(v), read(t, src, src.Tracks()[0]))
}
