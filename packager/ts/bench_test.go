package ts_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"slices"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// benchSegments are n segments of 6 s, 5 Mbit/s of H.264 at 30 frames a second and 128 kbit/s of AAC, in one Object, the
// streams alternating by frame as encoders write them.
func benchSegments(n int) (jobs []*packager.Job, bytes int64) {
	const frame, sound = 20_833, 341
	v, a := h264(90000), aac(48000)
	var data []byte
	unit := bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(1, frame-5)...))
	voice := bmfftest.Noise(2, sound)
	var vs, as []media.Sample
	for range n {
		k := 0
		for i := range 180 {
			flags := media.FlagsDelta
			if i%60 == 0 {
				flags = media.FlagsSync
			}
			vs = append(vs, media.Sample{Offset: int64(len(data)), Size: frame, Duration: 3000, Flags: flags})
			data = append(data, unit...)
			for ; k*1024*180 < (i+1)*6*48000; k++ {
				as = append(as, media.Sample{Offset: int64(len(data)), Size: sound, Duration: 1024})
				data = append(data, voice...)
			}
		}
	}
	obj := bmfftest.Object("bench", data)
	na := len(as) / n
	for i := range n {
		jobs = append(jobs, &packager.Job{Number: uint64(i), Bias: packager.Bias, Inputs: []packager.Input{
			{Track: v.track, Runs: []media.Run{{Track: v.track, DTS: int64(i) * 540000, Samples: vs[i*180 : (i+1)*180], Data: obj}}},
			{Track: a.track, Runs: []media.Run{{Track: a.track, DTS: int64(i) * int64(na) * 1024, Samples: as[i*na : (i+1)*na], Data: obj}}},
		}})
	}
	return jobs, int64(len(data)) / int64(n)
}

// The source in the second-level cache, as near as a segment comes to it, and in memory far larger than any cache.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
	}{{"cache", 1}, {"memory", 64}} {
		jobs, size := benchSegments(c.n)
		var bodies []packager.Body
		for _, j := range jobs {
			body, err := ts.Packager{}.Segment(context.Background(), j)
			require.NoError(b, err)
			bodies = append(bodies, body)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := bodies[i%c.n].Send(context.Background(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Encryption beside the clear path, from bytes in the cache: ratios of one run count, not rates. Of SAMPLE-AES it is the
// second pass; the first is BenchmarkSize.
func BenchmarkProtected(b *testing.B) {
	jobs, size := benchSegments(1)
	for _, c := range []struct {
		name   string
		scheme drm.Scheme
	}{{"clear", ""}, {"SAMPLE-AES", drm.SampleAES}, {"AES-128", drm.AES128}} {
		body, err := packager.Render(context.Background(), ts.Packager{}, benchProtect(b, jobs[0], c.scheme))
		require.NoError(b, err)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := body.Send(context.Background(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	key, iv := make([]byte, 16), make([]byte, 16)
	block, err := aes.NewCipher(key)
	require.NoError(b, err)
	b.Run("cipher alone", func(b *testing.B) { // of AES-128; SAMPLE-AES has a tenth of it
		data := make([]byte, 64<<10)
		mode := cipher.NewCBCEncrypter(block, iv)
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			mode.CryptBlocks(data, data)
		}
	})
}

// benchProtect is a job under a scheme.
func benchProtect(t testing.TB, j *packager.Job, s drm.Scheme) *packager.Job {
	out := *j
	out.Inputs = slices.Clone(j.Inputs)
	if s == "" {
		return &out
	}
	p, _ := sampleAES(t, 1)
	p.Scheme = s
	a := *out.Inputs[1].Track
	a.Codec.String = "mp4a.40.2"
	out.Inputs[1].Track = &a
	return protect(&out, p)
}

// What HEAD costs: the exact size from the sample tables, and under SAMPLE-AES from the ciphertext.
func BenchmarkSize(b *testing.B) {
	jobs, size := benchSegments(1)
	for name, scheme := range map[string]drm.Scheme{"clear": "", "SAMPLE-AES": drm.SampleAES} {
		j := benchProtect(b, jobs[0], scheme)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (ts.Packager{}).Segment(context.Background(), j); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The muxer of astits on the same samples: one PES for each, as its users write them. It is given Annex B and ADTS ready
// made.
func BenchmarkAstits(b *testing.B) {
	jobs, size := benchSegments(1)
	in := jobs[0].Inputs
	obj := in[0].Runs[0].Data.(media.Byter)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		m := astits.NewMuxer(context.Background(), io.Discard)
		for i, kind := range []astits.StreamType{astits.StreamTypeH264Video, astits.StreamTypeAACAudio} {
			require.NoError(b, m.AddElementaryStream(astits.PMTElementaryStream{ElementaryPID: uint16(0x100 + i), StreamType: kind}))
		}
		m.SetPCRPID(0x100)
		_, err := m.WriteTables()
		require.NoError(b, err)
		for k, id := range []uint8{0xE0, 0xC0} {
			dts := in[k].Runs[0].DTS
			for _, s := range in[k].Runs[0].Samples {
				clock := media.Rescale(dts, in[k].Track.Timescale, 90000) + packager.Bias
				d := &astits.MuxerData{PID: uint16(0x100 + k), PES: &astits.PESData{Data: obj.Bytes(s.Offset, int64(s.Size)),
					Header: &astits.PESHeader{StreamID: id, OptionalHeader: &astits.PESOptionalHeader{MarkerBits: 2,
						PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: &astits.ClockReference{Base: clock}}}}}
				if k == 0 {
					d.AdaptationField = &astits.PacketAdaptationField{HasPCR: true, PCR: &astits.ClockReference{Base: clock - 45000}}
				}
				if _, err := m.WriteData(d); err != nil {
					b.Fatal(err)
				}
				dts += int64(s.Duration)
			}
		}
	}
}
