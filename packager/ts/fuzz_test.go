package ts_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// Jobs made of the fuzzer's bytes, four for each sample, come back from another demuxer as they went in, and so they do
// encrypted.
func FuzzSegment(f *testing.F) {
	f.Add([]byte{0x80, 10, 200, 0, 1, 3, 20, 0, 0x80, 255, 255, 9}, int64(0), uint32(90000), uint32(3600))
	f.Add([]byte{1, 0, 0, 0, 0x41, 0, 1, 3, 0x41, 0, 2, 3}, int64(1<<33-900000-5000), uint32(44100), uint32(1024))
	f.Fuzz(func(t *testing.T, data []byte, dts int64, timescale, duration uint32) {
		timescale, duration = timescale%1_000_000+1, duration%100_000
		dts %= 1 << 40
		v, a := h264(timescale), aac(timescale)
		v.dts, a.dts = dts, dts
		v.track.Delay = duration
		for i := 0; i+4 <= len(data) && i < 4*64; i += 4 {
			n := (int(data[i+1])<<8 | int(data[i+2])) % 5000
			if data[i]&1 == 0 {
				body := append([]byte{0x41}, bmfftest.Noise(uint32(i), n)...)
				if n == 0 {
					body = nil
				}
				v.add(bmfftest.NAL(body), duration, int32(int8(data[i+3]))*int32(duration/128), data[i]&0x80 != 0)
				continue
			}
			a.add(bmfftest.Noise(uint32(i), n), duration, 0, true)
		}
		body, err := ts.Packager{}.Segment(context.Background(), job(v, a))
		if err != nil {
			require.ErrorIs(t, err, media.ErrNotFound)
			return
		}
		b, err := body.Bytes(context.Background())
		require.NoError(t, err)
		d := demux(t, b)
		if len(v.table) > 0 {
			equalPictures(t, d.stream(0x100), v, bias)
		}
		equalFrames(t, d.stream(0x101), a, bias)
		off, n := int64(len(data)*31)%body.Size(), body.Size()/3
		part, err := body.Slice(off, n).Bytes(context.Background())
		require.NoError(t, err)
		require.True(t, bytes.Equal(b[off:off+int64(len(part))], part))

		p, u := sampleAES(t, byte(dts))
		a.track.Codec.String = "mp4a.40.2"
		sealed, err := ts.Packager{}.Segment(context.Background(), protect(job(v, a), p))
		require.NoError(t, err)
		b, err = sealed.Bytes(context.Background())
		require.NoError(t, err)
		equalSealed(t, b, v, a, u)
		off %= sealed.Size()
		part, err = sealed.Slice(off, n).Bytes(context.Background())
		require.NoError(t, err)
		require.True(t, bytes.Equal(b[off:off+int64(len(part))], part))
	})
}

// Tables and payload that lie: an error or a segment of the announced size, never a panic.
func FuzzHostile(f *testing.F) {
	f.Add(bmfftest.NAL(aud, idr), uint32(500), int64(0), uint8(4), uint32(1), int32(0))
	f.Add([]byte{0, 0, 0, 9, 9}, uint32(5), int64(-1), uint8(2), uint32(1<<31), int32(-1<<31))
	f.Fuzz(func(t *testing.T, payload []byte, size uint32, off int64, width uint8, timescale uint32, cto int32) {
		v := h264(timescale)
		v.track.Video.NALLength = int(width % 6)
		obj := bmfftest.Object("x", payload)
		samples := []media.Sample{
			{Offset: off, Size: size % 70_000, Duration: timescale, CTO: cto},
			{Offset: 0, Size: uint32(len(payload)), Duration: size, CTO: -cto, Flags: media.FlagsDelta},
		}
		sealed, _ := sampleAES(t, width)
		for i, o := range []media.Object{obj, unmapped{Object: obj}, obj, unmapped{Object: obj}} {
			in := packager.Input{Track: v.track, Shift: off, Runs: []media.Run{{Track: v.track, DTS: off, Samples: samples, Data: o}}}
			if i >= 2 {
				in.Protect = sealed
			}
			body, err := ts.Packager{}.Segment(context.Background(), &packager.Job{Inputs: []packager.Input{in}})
			if err != nil {
				continue
			}
			require.Less(t, body.Size(), int64(10<<20))
			b, err := body.Bytes(context.Background())
			if err == nil {
				require.EqualValues(t, body.Size(), len(b))
			}
			if i >= 2 {
				require.NoError(t, err, "what was counted is what is sent")
			}
		}
	})
}
