package packed_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/packed"
)

func track(coding media.Coding, config ...byte) *media.Track {
	return &media.Track{
		ID: "a", Kind: media.Audio, Timescale: 48000,
		Codec: media.Codec{Coding: coding, Config: config},
		Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2},
	}
}

func aac() *media.Track { return track(media.AAC, 0x11, 0x90) }

// unread is an Object without Bytes.
type unread struct{ media.Object }

// run lays access units of these sizes into an Object, gap bytes apart.
func run(t *media.Track, dts int64, gap int, sizes ...int) media.Run {
	var data []byte
	r := media.Run{Track: t, DTS: dts}
	for i, n := range sizes {
		data = append(data, make([]byte, gap)...)
		r.Samples = append(r.Samples, media.Sample{Offset: int64(len(data)), Size: uint32(n), Duration: 1024, Flags: media.FlagsSync})
		data = append(data, bmfftest.Noise(uint32(dts)+uint32(i), n)...)
	}
	r.Data = bmfftest.Object(fmt.Sprint(dts), data)
	if gap%2 == 1 {
		r.Data = unread{r.Data}
	}
	return r
}

func job(in ...media.Run) *packager.Job {
	return &packager.Job{Number: 3, Bias: packager.Bias, Inputs: []packager.Input{{Track: in[0].Track, Runs: in}}}
}

func segment(t testing.TB, j *packager.Job) (packager.Body, []byte) {
	body, err := packed.Packager{}.Segment(context.Background(), j)
	require.NoError(t, err)
	data, err := body.Bytes(context.Background())
	require.NoError(t, err)
	require.Equal(t, body.Size(), int64(len(data)))
	return body, data
}

func payloads(t testing.TB, j *packager.Job) (out [][]byte) {
	for _, r := range j.Inputs[0].Runs {
		for _, s := range r.Samples {
			p := make([]byte, s.Size)
			if s.Size > 0 {
				require.NoError(t, r.Data.ReadAt(context.Background(), p, s.Offset))
			}
			out = append(out, p)
		}
	}
	return out
}

// frames takes ADTS apart by its own lengths (14496-3, 1.A.2.2).
func frames(t testing.TB, data []byte) (out [][]byte) {
	out = [][]byte{}
	for len(data) > 0 {
		require.GreaterOrEqual(t, len(data), 7)
		require.EqualValues(t, 0xFFF1, binary.BigEndian.Uint16(data))
		n := int(binary.BigEndian.Uint32(data[2:6])>>5) & 0x1FFF
		require.GreaterOrEqual(t, n, 7)
		require.LessOrEqual(t, n, len(data))
		out, data = append(out, data[7:n]), data[n:]
	}
	return out
}

const tagSize = 73

// The tag, byte for byte.
func TestTag(t *testing.T) {
	_, data := segment(t, job(run(aac(), 48000, 0, 9)))
	require.Equal(t, "494433"+"0400"+"00"+"0000003f"+ // ID3, 2.4, flags, size
		"50524956"+"00000035"+"0000"+ // PRIV, size, flags
		hex.EncodeToString([]byte("com.apple.streaming.transportStreamTimestamp\x00"))+
		"00000000000f1b30", // 900000 + 90000
		hex.EncodeToString(data[:tagSize]))
}

// C5: the time has 33 bits, also after 30 hours and before zero; it is converted as an absolute time, not added up.
func TestEdgeC5Timestamp(t *testing.T) {
	for _, c := range []struct {
		dts, shift int64
		scale      uint32
		bias       int64
		want       uint64
	}{
		{0, 0, 48000, 0, 0}, {0, 0, 48000, 900000, 900000}, {1024, 0, 48000, 0, 1920}, {1, 0, 48000, 0, 2}, {1024, 0, 44100, 0, 2090},
		{30 * 3600 * 48000, 0, 48000, 0, 30*3600*90000 - 1<<33}, {30*3600*48000 - 7, 7, 48000, 900000, 30*3600*90000 + 900000 - 1<<33},
		{1<<33 - 1, 0, 90000, 0, 1<<33 - 1}, {1<<33 - 1, 0, 90000, 1, 0}, {1 << 33, 0, 90000, 0, 0}, {-1024, 0, 48000, 0, 1<<33 - 1920},
		{-1024, 1024, 48000, 5, 5},
	} {
		tr := aac()
		tr.Timescale = c.scale
		j := job(run(tr, c.dts, 0, 5))
		j.Bias, j.Inputs[0].Shift = c.bias, c.shift
		_, data := segment(t, j)
		require.Equal(t, c.want, binary.BigEndian.Uint64(data[tagSize-8:]), c)
	}
}

func TestADTS(t *testing.T) {
	long := make([]int, 700)
	for i := range long {
		long[i] = 100 + i%900
	}
	for name, j := range map[string]*packager.Job{
		"one":                job(run(aac(), 0, 0, 9)),
		"empty access units": job(run(aac(), 0, 0, 0, 0, 7, 0, 8, 0)),
		"only empty":         job(run(aac(), 0, 0, 0, 0)),
		"largest":            job(run(aac(), 0, 0, 8184, 1, 8184)),
		"six seconds, held":  job(run(aac(), 0, 30, long...)),
		"six seconds, read":  job(run(aac(), 0, 31, long...)),
		"several objects":    job(run(aac(), 0, 1, 9, 10), run(aac(), 2048, 0), run(aac(), 2048, 0, 3, 4), run(aac(), 4096, 1, 0, 8)),
	} {
		t.Run(name, func(t *testing.T) {
			_, data := segment(t, j)
			require.Equal(t, payloads(t, j), frames(t, data[tagSize:]))
			_, again := segment(t, j)
			require.Equal(t, data, again)
		})
	}
}

// AC-3, E-AC-3 and MP3 follow the tag as they are.
func TestAsTheyAre(t *testing.T) {
	for _, coding := range []media.Coding{media.AC3, media.EAC3, media.MP3} {
		j := job(run(track(coding), 0, 3, 768, 0, 9000, 768), run(track(coding), 4096, 0, 768))
		body, data := segment(t, j)
		require.Equal(t, bytes.Join(payloads(t, j), nil), data[tagSize:])
		for _, p := range body.Pieces()[1:] {
			require.NotNil(t, p.Object)
		}
	}
}

func TestSlices(t *testing.T) {
	for name, j := range map[string]*packager.Job{
		"adts":  job(run(aac(), 0, 1, 9, 0, 10, 300), run(aac(), 4096, 2, 40, 0, 0, 3)),
		"as is": job(run(track(media.MP3), 0, 1, 9, 10, 300)),
	} {
		body, data := segment(t, j)
		check := func(off, n int64) {
			got, err := body.Slice(off, n).Bytes(t.Context())
			require.NoError(t, err)
			require.True(t, bytes.Equal(data[off:off+n], got), "%s %d %d", name, off, n)
		}
		for off := int64(0); off <= body.Size(); off++ {
			check(off, body.Size()-off)
			check(0, off)
			check(off, min(1, body.Size()-off))
			check(off, min(13, body.Size()-off))
		}
	}
	sizes := make([]int, 400)
	for i := range sizes {
		sizes[i] = 10 + i*7%700
	}
	body, data := segment(t, job(run(aac(), 0, 5, sizes...)))
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		off := r.Int64N(body.Size())
		n := r.Int64N(body.Size() - off + 1)
		got, err := body.Slice(off, n).Bytes(t.Context())
		require.NoError(t, err)
		require.True(t, bytes.Equal(data[off:off+n], got))
	}
}

func TestEstimate(t *testing.T) {
	for _, tr := range []*media.Track{aac(), track(media.MP3), track(media.AC3), track(media.EAC3)} {
		r := run(tr, 0, 0, 300, 301, 302)
		body, _ := segment(t, job(r))
		require.Equal(t, body.Size(), packed.Packager{}.Estimate("", media.Span{Track: tr, Bytes: r.Bytes(), Samples: 3}))
	}
}

func TestAcceptsAndType(t *testing.T) {
	for _, c := range []struct {
		track     *media.Track
		ext, mime string
	}{
		{aac(), "aac", "audio/aac"}, {track(media.AC3), "ac3", "audio/ac3"}, {track(media.EAC3), "eac3", "audio/eac3"}, {track(media.MP3), "mp3", "audio/mpeg"},
	} {
		require.NoError(t, packed.Packager{}.Accepts(c.track, ""))
		ext, mime := packed.Packager{}.Type(c.track)
		require.Equal(t, []string{c.ext, c.mime}, []string{ext, mime})
	}
	for _, coding := range []media.Coding{media.Opus, media.FLAC, media.H264, ""} {
		require.ErrorIs(t, packed.Packager{}.Accepts(track(coding), ""), media.ErrUnsupported, coding)
	}
	require.Error(t, packed.Packager{}.Accepts(track(media.AAC), ""), "no AudioSpecificConfig")
}

func TestErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	timeless := aac()
	timeless.Timescale = 0
	good := job(run(aac(), 0, 0, 9))
	for name, c := range map[string]struct {
		ctx  context.Context
		job  *packager.Job
		want error
	}{
		"no input":             {t.Context(), &packager.Job{}, media.ErrUnsupported},
		"two inputs":           {t.Context(), &packager.Job{Inputs: append(good.Inputs[:1:1], good.Inputs[0])}, media.ErrUnsupported},
		"no samples":           {t.Context(), job(run(aac(), 0, 0)), media.ErrNotFound},
		"access unit too long": {t.Context(), job(run(aac(), 0, 0, 8185)), media.ErrUnsupported},
		"timescale 0":          {t.Context(), job(run(timeless, 0, 0, 1)), media.ErrFormat},
		"video":                {t.Context(), job(run(track(media.H264), 0, 0, 1)), media.ErrUnsupported},
		"cancelled":            {cancelled, good, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := packed.Packager{}.Segment(c.ctx, c.job)
			require.ErrorIs(t, err, c.want)
		})
	}
	t.Run("object that is shorter", func(t *testing.T) {
		r := run(aac(), 0, 1, 100, 100)
		r.Samples[1].Size = math.MaxUint16 / 10
		body, err := packed.Packager{}.Segment(t.Context(), job(r))
		require.NoError(t, err)
		_, err = body.Bytes(t.Context())
		require.Error(t, err)
	})
}

// Sending does not allocate by the number of access units.
func TestSendAllocations(t *testing.T) {
	sizes := make([]int, 2000)
	for i := range sizes {
		sizes[i] = 300
	}
	body, _ := segment(t, job(run(aac(), 0, 0, sizes...)))
	n := testing.AllocsPerRun(20, func() {
		if _, err := body.Send(context.Background(), discard{}); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, n, 8.0)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func FuzzSegment(f *testing.F) {
	f.Add([]byte{1, 2, 0, 0, 255}, uint16(0), uint16(100))
	f.Add(bytes.Repeat([]byte{200, 0, 3}, 300), uint16(70), uint16(60000))
	f.Fuzz(func(t *testing.T, b []byte, off, n uint16) {
		if len(b) == 0 || len(b) > 2000 {
			return
		}
		var sizes []int
		for _, c := range b {
			sizes = append(sizes, int(c)*int(c)%8185)
		}
		half := len(sizes) / 2
		j := job(run(aac(), 0, int(b[0])%4, sizes[:half]...), run(aac(), int64(half)*1024, 1, sizes[half:]...))
		body, data := segment(t, j)
		require.Equal(t, payloads(t, j), frames(t, data[tagSize:]))
		got, err := body.Slice(int64(off), int64(n)).Bytes(context.Background())
		require.NoError(t, err)
		from := min(int(off), len(data))
		require.True(t, bytes.Equal(data[from:min(from+int(n), len(data))], got))

		p, u := sampleAES(t)
		j.Inputs[0].Protect = p
		for i := range j.Inputs[0].Runs {
			j.Inputs[0].Runs[i].Track = protectedAAC()
		}
		j.Inputs[0].Track = protectedAAC()
		body, sealed := segment(t, j)
		back, err := u.ADTS(sealed[len(sealed)-(len(data)-tagSize):])
		require.NoError(t, err)
		require.True(t, bytes.Equal(data[tagSize:], back))
		got, err = body.Slice(int64(off), int64(n)).Bytes(context.Background())
		require.NoError(t, err)
		from = min(int(off), len(sealed))
		require.True(t, bytes.Equal(sealed[from:min(from+int(n), len(sealed))], got))
	})
}

// Noise as frames of Dolby sound is an error, encrypted; a frame comes back.
func FuzzDolby(f *testing.F) {
	f.Add(syncframe(1, 300, false), byte(3))
	f.Add(append(syncframe(1, 300, false), syncframe(2, 100, true)...), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		p, _ := sampleAES(t)
		for _, c := range []media.Coding{media.AC3, media.EAC3} {
			tr := track(c, 6, 0, 0x60, 4, 0)
			n := min(int(cut), len(b))
			j := job(runOf(tr, cut%2 == 0, b[:n], b[n:]))
			j.Inputs[0].Protect = p
			body, err := packed.Packager{}.Segment(context.Background(), j)
			if err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
				continue
			}
			if _, err := body.Send(context.Background(), discard{}); err != nil {
				require.ErrorIs(t, err, media.ErrFormat)
			}
		}
	})
}

func BenchmarkSegment(b *testing.B) {
	sizes := make([]int, 282)
	for i := range sizes {
		sizes[i] = 340
	}
	j := job(run(protectedAAC(), 0, 100, sizes...))
	p, _ := sampleAES(b)
	for name, p := range map[string]*drm.Protection{"clear": nil, "SAMPLE-AES": p} {
		j.Inputs[0].Protect = p
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := packed.Packager{}.Segment(context.Background(), j)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := body.Send(context.Background(), discard{}); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(body.Size())
			}
		})
	}
}
