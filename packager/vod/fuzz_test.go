package vod_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// FuzzEdits holds the contract of sources and presentations under any edit list and odd durations.
func FuzzEdits(f *testing.F) {
	f.Add([]byte{1, 12, 14, 0, 3, 200, 33, 0, 0, 0, 255, 255, 1, 0}, uint8(0))
	f.Add([]byte{0, 7, 255, 255, 10, 0, 0, 0, 100, 0, 9, 0, 20, 0}, uint8(3))
	f.Add([]byte{2, 50, 30, 1, 9, 0}, uint8(7))
	f.Fuzz(func(t *testing.T, p []byte, shape uint8) {
		if len(p) < 2 || len(p) > 60 {
			return
		}
		video, audio := bmfftest.Video(60, 1+int(p[1])%60), bmfftest.Audio(120)
		if shape&1 != 0 {
			video = video.Reorder(shape&2 != 0)
		}
		if shape&4 != 0 {
			for i := range video.Samples {
				video.Samples[i].Duration = uint32(p[i%len(p)]) % 5 * 256
			}
		}
		if shape&8 != 0 {
			video.Timescale = 25
			for i := range video.Samples {
				video.Samples[i].Duration /= 512
				video.Samples[i].CTO /= 512
			}
		}
		var edits []bmfftest.Edit
		for q := p[2:]; len(q) >= 4; q = q[4:] {
			at := int64(int16(binary.LittleEndian.Uint16(q)))
			edits = append(edits, bmfftest.Edit{Media: max(-1, at), Duration: uint64(binary.LittleEndian.Uint16(q[2:])) % 3000})
		}
		video.Edits, audio.Edits = edits, edits
		obj := object("x.mp4", video, audio)
		src, err := vod.Open(ctx, "x.mp4", obj)
		if err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported), "%v", err)
			return
		}
		mediatest.TestSource(t, src)
		a := &vod.Asset{Inputs: []vod.Input{{Name: "x.mp4", Object: obj}}}
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: time.Second}))
	})
}
