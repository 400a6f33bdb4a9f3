package mediatest_test

import (
	"testing"

	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

func made() *mediatest.Source {
	data := &mediatest.Memory{Name: "made", Data: make([]byte, 100_000)}
	video := &media.Track{ID: "v", Kind: media.Video, Timescale: 25, Video: &media.VideoFormat{Width: 16, Height: 16}}
	audio := &media.Track{ID: "a", Kind: media.Audio, Timescale: 48000, Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2}}
	src := &mediatest.Source{Runs: []media.Run{{Track: video, Data: data}, {Track: audio, Data: data}}}
	for i := range 100 {
		flags := media.FlagsDelta
		if i%10 == 0 {
			flags = media.FlagsSync
		}
		src.Runs[0].Samples = append(src.Runs[0].Samples, media.Sample{Offset: int64(i) * 500, Size: 400, Duration: 1, Flags: flags})
	}
	for i := range 187 {
		src.Runs[1].Samples = append(src.Runs[1].Samples, media.Sample{Offset: 50_000 + int64(i)*200, Size: 150, Duration: 1024, Flags: media.FlagsSync})
	}
	return src
}

func TestSource(t *testing.T) { mediatest.TestSource(t, made()) }
func TestPresentation(t *testing.T) {
	mediatest.TestPresentation(t, mediatest.Presentation(made(), 25))
}
func TestMemory(t *testing.T) {
	data := []byte("the bytes of an object, in memory")
	mediatest.TestObject(t, &mediatest.Memory{Name: "m", Data: data}, data)
}
