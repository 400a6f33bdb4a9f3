package cmaf_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

const secret = "secret of a test"

func protect(t testing.TB, s drm.Scheme, ivSize int) *drm.Protection {
	value, err := drm.NewSecret([]byte(secret))
	require.NoError(t, err)
	return &drm.Protection{Scheme: s, IVSize: ivSize, Lane: 2, Salt: 1 << 60, Key: drm.Key{ID: drm.KeyID{0xAB, 1, 2, 3}, Value: value}}
}

// pssh is a box of the common system for one key.
func pssh(id drm.KeyID) []byte {
	system := drm.ClearKey.Bytes()
	return bmfftest.FullBox("pssh", 1, 0, system[:], bmfftest.U32(1), id[:], bmfftest.U32(0))
}

// sliced is videoTrack with parameter sets that a mapper can read.
func sliced() *media.Track {
	t := videoTrack()
	t.Delay = 0
	t.Codec.Config = t.Codec.Entry[86+8 : 86+binary.BigEndian.Uint32(t.Codec.Entry[86:])]
	return t
}

// pictures are n samples of a message and an IDR slice of these sizes, in one Object with gap bytes before each.
func pictures(track *media.Track, dts int64, gap int, sizes ...int) media.Run {
	var data []byte
	r := media.Run{Track: track, DTS: dts}
	for i, size := range sizes {
		data = append(data, make([]byte, gap)...)
		slice := append([]byte{0x65, 0x88, 0x84, 0x00, 0x33, 0xff}, bmfftest.Noise(uint32(i), size)...)
		sample := bmfftest.NAL(append([]byte{6}, bmfftest.Noise(7, 20)...), slice)
		r.Samples = append(r.Samples, media.Sample{Offset: int64(len(data)), Size: uint32(len(sample)), Duration: 512, Flags: media.FlagsSync})
		data = append(data, sample...)
	}
	r.Data = bmfftest.Object(fmt.Sprint(track.ID, dts), data)
	return r
}

// slices are n samples of IDR slices, each of that many bytes.
func slices(track *media.Track, n, each, size int) media.Run {
	var data []byte
	r := media.Run{Track: track}
	for i := range n {
		from := len(data)
		for k := range each {
			data = append(data, bmfftest.NAL(append([]byte{0x65, 0x88, 0x84, 0x00, 0x33, 0xff}, bmfftest.Noise(uint32(i*each+k), size)...))...)
		}
		r.Samples = append(r.Samples, media.Sample{Offset: int64(from), Size: uint32(len(data) - from), Duration: 512, Flags: media.FlagsSync})
	}
	r.Data = bmfftest.Object(fmt.Sprint("slices", n, each, size), data)
	return r
}

// read hides what an Object has in memory.
type read struct{ media.Object }

func unmapped(r media.Run) media.Run { r.Data = read{r.Data}; return r }

func encrypted(p *drm.Protection, in ...media.Run) *packager.Job {
	j := job(in...)
	j.Inputs[0].Protect = p
	return j
}

// decrypt undoes a segment with what its senc says, read by mp4ff, and our own Cipher; it returns the payloads and IVs.
func decrypt(t testing.TB, data []byte, p *drm.Protection, kind media.Kind) (payloads [][]byte, ivs [][16]byte) {
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	dec, err := cenc.NewDecrypter(p.Key, p.Scheme, p.PatternOf(kind))
	require.NoError(t, err)
	for _, frag := range f.Segments[0].Fragments {
		samples, err := frag.GetFullSamples(nil)
		require.NoError(t, err)
		senc := frag.Moof.Traf.Senc
		require.NotNil(t, senc)
		if senc.ReadButNotParsed() {
			require.NoError(t, senc.ParseReadBox(byte(p.IVSize), frag.Moof.Traf.Saiz))
		}
		for i, s := range samples {
			iv := p.Key.ConstantIV()
			if p.IVSize > 0 {
				iv = [16]byte{}
				copy(iv[:], senc.IVs[i])
			}
			var subs []media.Subsample
			if len(senc.SubSamples) > 0 {
				for _, sub := range senc.SubSamples[i] {
					subs = append(subs, media.Subsample{Clear: uint32(sub.BytesOfClearData), Protected: sub.BytesOfProtectedData})
				}
			}
			require.NoError(t, dec.Begin(iv, subs, int64(len(s.Data))))
			require.Equal(t, len(s.Data), dec.Crypt(s.Data, s.Data))
			payloads, ivs = append(payloads, s.Data), append(ivs, iv)
		}
	}
	return payloads, ivs
}

func payloads(t testing.TB, runs ...media.Run) (out [][]byte) {
	for _, r := range runs {
		for _, s := range r.Samples {
			p := make([]byte, s.Size)
			require.NoError(t, r.Data.ReadAt(t.Context(), p, s.Offset))
			out = append(out, p)
		}
	}
	return out
}

type variant struct {
	scheme  drm.Scheme
	iv      int
	pattern drm.Pattern
}

func variants() []variant {
	return []variant{
		{drm.CENC, 8, drm.Pattern{}}, {drm.CENC, 16, drm.Pattern{}}, {drm.CENS, 8, drm.Pattern{}}, {drm.CENS, 16, drm.Pattern{Crypt: 5, Skip: 5}},
		{drm.CBC1, 8, drm.Pattern{}}, {drm.CBC1, 16, drm.Pattern{}}, {drm.CBC1, 0, drm.Pattern{}},
		{drm.CBCS, 0, drm.Pattern{}}, {drm.CBCS, 8, drm.Pattern{}}, {drm.CBCS, 16, drm.Pattern{Crypt: 10}},
	}
}

// All schemes, video and audio, from memory and by reading, in fragments, with samples beyond the buffer: what comes out is
// decrypted to what went in; every slice of the Body is that slice; and it is as long as it said.
func TestEncryptedSegment(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	video, audio := sliced(), audioTrack()
	for _, v := range variants() {
		for _, kind := range []media.Kind{media.Video, media.Audio} {
			t.Run(fmt.Sprintf("%s-%d-%d:%d-%s", v.scheme, v.iv, v.pattern.Crypt, v.pattern.Skip, kind), func(t *testing.T) {
				p := protect(t, v.scheme, v.iv)
				p.Pattern = v.pattern
				runs := []media.Run{pictures(video, 0, 0, 90_000, 5, 16, 300_000, 1000), pictures(video, 5*512, 3, 700, 800, 14, 150_001)}
				chunk := int64(4 * 512)
				if kind == media.Audio {
					runs = []media.Run{run(audio, 0, 0, frames(40, 1024)...), run(audio, 40*1024, 7, frames(900, 1024)...)}
					chunk = 500 * 1024
				}
				for _, hide := range []bool{false, true} {
					if hide {
						runs = []media.Run{unmapped(runs[0]), unmapped(runs[1])}
					}
					j := encrypted(p, runs...)
					j.Chunk = chunk
					body, err := cmaf.Packager{}.Segment(t.Context(), j)
					require.NoError(t, err)
					data, err := body.Bytes(t.Context())
					require.NoError(t, err)
					require.EqualValues(t, body.Size(), len(data))
					got, _ := decrypt(t, data, p, kind)
					require.Equal(t, payloads(t, runs...), got)
					for range 30 {
						off := r.Int64N(int64(len(data)))
						n := r.Int64N(int64(len(data)) - off + 1)
						if r.IntN(2) == 0 {
							n = min(n, 40)
						}
						part, err := body.Slice(off, n).Bytes(t.Context())
						require.NoError(t, err)
						require.True(t, bytes.Equal(data[off:off+n], part), "%d bytes at %d", n, off)
					}
				}
			})
		}
	}
}

// No payload of a protected sample leaves as it was, but for what has to be clear.
func TestNothingInClear(t *testing.T) {
	for _, v := range variants() {
		p := protect(t, v.scheme, v.iv)
		a, b := run(audioTrack(), 0, 0, frames(5, 1024)...), pictures(sliced(), 0, 0, 500, 600)
		for _, r := range []media.Run{a, b} {
			data := segment(t, encrypted(p, r))
			for _, plain := range payloads(t, r) {
				require.False(t, bytes.Contains(data, plain[50:]), "%s", v.scheme)
			}
		}
	}
}

// Over many tracks, segments and fragments under one key no counter comes twice.
func TestNoCounterTwice(t *testing.T) {
	for _, size := range []int{8, 16} {
		seen := map[[16]byte]string{}
		for lane := range uint16(20) {
			for seg := range int64(10) {
				p := protect(t, drm.CENC, size)
				p.Lane = lane
				r := run(audioTrack(), seg*50*1024, 0, frames(50, 1024)...)
				j := encrypted(p, r)
				j.Chunk = 7 * 1024
				_, ivs := decrypt(t, segment(t, j), p, media.Audio)
				require.Len(t, ivs, 50)
				for i, iv := range ivs {
					for block := range uint64(r.Samples[i].Size+15) / 16 {
						c := iv
						binary.BigEndian.PutUint64(c[8:], binary.BigEndian.Uint64(iv[8:])+block)
						at := fmt.Sprintf("lane %d segment %d sample %d", lane, seg, i)
						if before, ok := seen[c]; ok {
							t.Fatalf("%s has a counter of %s", at, before)
						}
						seen[c] = at
					}
				}
			}
		}
	}
}

// What should be protected and cannot be is refused.
func TestRefusesToProtect(t *testing.T) {
	audio, video := audioTrack(), sliced()
	sound := func() media.Run { return run(audio, 0, 0, frames(3, 1024)...) }
	carries := *audio
	carries.Crypt = &media.Crypt{Scheme: "cenc", IVSize: 8}
	still := sound()
	still.Samples[1].Duration = 0
	crypt := sound()
	crypt.Crypt = &media.Crypt{Scheme: "cenc", IVSize: 8}
	broken := pictures(video, 0, 0, 100)
	broken.Samples[0].Size -= 5 // the slice runs past the sample
	beyond := unmapped(pictures(video, 0, 0, 100))
	beyond.Samples[0].Size = 1 << 31
	nameless := protect(t, drm.CBCS, 0)
	nameless.Key.ID = drm.KeyID{}
	rotating := *nameless
	rotating.Group = true
	unsaid := sound()
	unsaid.Track = &carries
	unsaid.Crypt = &media.Crypt{}
	none := protect(t, drm.CBCS, 0)
	none.Key.Value = drm.Secret{}
	group := protect(t, drm.CBCS, 0)
	group.Group, group.PSSH = true, []byte("no box at all, and longer than eight bytes")
	for name, c := range map[string]struct {
		job  *packager.Job
		want error
	}{
		"AES-128":              {encrypted(protect(t, drm.AES128, 0), sound()), drm.ErrIncompatible},
		"SAMPLE-AES":           {encrypted(protect(t, drm.SampleAES, 0), sound()), media.ErrUnsupported},
		"constant counter":     {encrypted(protect(t, drm.CENC, 0), sound()), drm.ErrIncompatible},
		"size of IV":           {encrypted(protect(t, drm.CENC, 4), sound()), drm.ErrKeyLength},
		"no key":               {encrypted(none, sound()), drm.ErrNoKey},
		"encrypted twice":      {encrypted(protect(t, drm.CBCS, 0), func() media.Run { r := sound(); r.Track = &carries; return r }()), drm.ErrIncompatible},
		"one IV for two":       {encrypted(protect(t, drm.CENC, 8), still), media.ErrFormat},
		"overlap":              {encrypted(protect(t, drm.CENC, 8), sound(), sound()), media.ErrFormat},
		"run encrypted":        {encrypted(protect(t, drm.CENC, 8), crypt), media.ErrFormat},
		"run of a clear track": {job(crypt), media.ErrFormat},
		"slice beyond sample":  {encrypted(protect(t, drm.CBCS, 0), broken), media.ErrFormat},
		"sample beyond object": {encrypted(protect(t, drm.CBCS, 0), beyond), media.ErrFormat},
		"pssh":                 {encrypted(group, sound()), drm.ErrFormat},
		"no key id":            {encrypted(nameless, sound()), drm.ErrNoKey},
		"no key id in a group": {encrypted(&rotating, sound()), drm.ErrNoKey},
		"scheme of a run":      {job(unsaid), media.ErrFormat},
		"too many slices":      {encrypted(protect(t, drm.CBCS, 0), slices(video, 1, 1<<16, 30)), media.ErrFormat},
	} {
		_, err := cmaf.Packager{}.Segment(t.Context(), c.job)
		require.ErrorIs(t, err, c.want, name)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, c.job.Inputs[0].Protect), secret)
	}
	_, err := cmaf.Packager{}.Init(audio, group)
	require.ErrorIs(t, err, drm.ErrFormat)
	_, err = cmaf.Packager{}.Init(audio, nameless)
	require.ErrorIs(t, err, drm.ErrNoKey)
	carriesUnsaid := *audio
	carriesUnsaid.Crypt = &media.Crypt{}
	_, err = cmaf.Packager{}.Init(&carriesUnsaid, nil)
	require.ErrorIs(t, err, media.ErrFormat)
	_, err = cmaf.Packager{}.Init(&carries, protect(t, drm.CBCS, 0))
	require.ErrorIs(t, err, drm.ErrIncompatible)
	require.ErrorIs(t, err, media.ErrUnsupported)
}

// A sample far beyond the buffer costs no more memory than others.
func TestSendIsBounded(t *testing.T) {
	r := unmapped(run(audioTrack(), 0, 0, media.Sample{Size: 64 << 20, Duration: 1024}))
	body, err := cmaf.Packager{}.Segment(t.Context(), encrypted(protect(t, drm.CBCS, 0), r))
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = body.Send(t.Context(), io.Discard)
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(400<<10))
}

type changing struct {
	media.Object
	left int
}

func (c *changing) Bytes(off, n int64) []byte { return c.Object.(media.Byter).Bytes(off, n) }
func (c *changing) Check() error {
	if c.left--; c.left < 0 {
		return media.ErrChanged
	}
	return nil
}

// Nothing of another file's bytes is sent.
func TestEncryptedFileChanges(t *testing.T) {
	r := pictures(sliced(), 0, 0, 200_000, 200_000)
	c := &changing{r.Data, 2}
	r.Data = c
	body, err := cmaf.Packager{}.Segment(t.Context(), encrypted(protect(t, drm.CBCS, 0), r))
	require.NoError(t, err)
	n, err := body.Send(t.Context(), io.Discard)
	require.ErrorIs(t, err, media.ErrChanged)
	require.Less(t, n, int64(200_000))
	c.left = 0
	_, err = cmaf.Packager{}.Segment(t.Context(), encrypted(protect(t, drm.CBCS, 0), r))
	require.ErrorIs(t, err, media.ErrChanged)
}

func TestSendEnds(t *testing.T) {
	body, err := cmaf.Packager{}.Segment(t.Context(), encrypted(protect(t, drm.CENC, 8), pictures(sliced(), 0, 0, 300_000)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range body.Pieces() {
		if p.Stream != nil {
			require.ErrorIs(t, p.Stream.Send(ctx, io.Discard, 0, p.Stream.Size()), context.Canceled)
		}
	}
}

// Estimates are not too low, nor by much too high.
func TestEncryptedEstimate(t *testing.T) {
	for _, v := range variants() {
		if v.scheme == drm.CBCS && v.iv > 0 {
			continue // taken for constant
		}
		for _, r := range []media.Run{run(audioTrack(), 0, 0, frames(200, 1024)...), pictures(sliced(), 0, 0, make([]int, 50)...),
			slices(sliced(), 50, 8, 20), slices(sliced(), 30, 40, 1200)} {
			for _, chunk := range []int64{0, 5 * 1024} {
				p := protect(t, v.scheme, v.iv)
				p.Group = true
				j := encrypted(p, r)
				j.Chunk = chunk
				real := int64(len(segment(t, j)))
				got := cmaf.Packager{}.Estimate(v.scheme, media.Span{Track: r.Track, Duration: r.Duration(), Bytes: r.Bytes(), Samples: len(r.Samples), Chunk: chunk})
				require.GreaterOrEqual(t, got, real, "%s", v.scheme)
				if r.Bytes() > 1<<20 {
					require.LessOrEqual(t, got, real+real/50, "%s", v.scheme)
				}
			}
		}
	}
}

// Making and sending a segment of 560 samples takes about as many allocations as one of 28: none for a sample.
func TestEncryptedSegmentAllocates(t *testing.T) {
	allocations := func(j *packager.Job) float64 {
		return testing.AllocsPerRun(5, func() {
			body, err := cmaf.Packager{}.Segment(t.Context(), j)
			if err == nil {
				_, err = body.Send(t.Context(), io.Discard)
			}
			if err != nil {
				panic(err)
			}
		})
	}
	sizes := func(n int) []int {
		s := make([]int, n)
		for i := range s {
			s[i] = 900 * (i % 3) // with and without whole groups of a pattern
		}
		return s
	}
	for _, v := range variants() {
		p := protect(t, v.scheme, v.iv)
		for name, of := range map[string]func(n int) media.Run{
			"audio":     func(n int) media.Run { return run(audioTrack(), 0, 0, frames(n, 1024)...) },
			"video":     func(n int) media.Run { return pictures(sliced(), 0, 0, sizes(n)...) },
			"unmapped":  func(n int) media.Run { return unmapped(run(audioTrack(), 0, 0, frames(n, 1024)...)) },
			"scattered": func(n int) media.Run { return run(audioTrack(), 0, 9, frames(n, 1024)...) },
		} {
			few, many := allocations(encrypted(p, of(28))), allocations(encrypted(p, of(560)))
			require.Less(t, few, 40.0, "%s, %s", v.scheme, name) // far fewer, but where the race detector empties pools
			require.Less(t, many, few+20, "%s, %s", v.scheme, name)
		}
	}
}

// One Body is sent many times at once.
func TestSendsAtOnce(t *testing.T) {
	for _, v := range variants() {
		p := protect(t, v.scheme, v.iv)
		r := pictures(sliced(), 0, 0, 300_000, 20, 70_000)
		body, err := cmaf.Packager{}.Segment(t.Context(), encrypted(p, r))
		require.NoError(t, err)
		want, err := body.Bytes(t.Context())
		require.NoError(t, err)
		var group sync.WaitGroup
		got := make([][]byte, 8)
		for i := range got {
			group.Go(func() { got[i], _ = body.Slice(int64(i*1000), body.Size()).Bytes(t.Context()) })
		}
		group.Wait()
		for i := range got {
			require.True(t, bytes.Equal(want[i*1000:], got[i]), "%s", v.scheme)
		}
	}
}
