package cmaf_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// memory is a Source of one track that is all in memory. Package vod has Sources of files.
type memory struct{ run media.Run }

func (m memory) Tracks() []*media.Track { return []*media.Track{m.run.Track} }

func (m memory) Samples(_ context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	out := media.Run{Track: t, DTS: iv.From, Data: m.run.Data}
	dts := m.run.DTS
	for _, s := range m.run.Samples {
		if dts >= iv.From && dts < iv.To {
			out.Samples = append(out.Samples, s)
		}
		dts += int64(s.Duration)
	}
	return []media.Run{out}, nil
}

// From a Source to the bytes of an init segment and a media segment.
func Example() {
	ctx := context.Background()
	track := &media.Track{
		ID: "sound", Kind: media.Audio, Timescale: 48000,
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2", Entry: bmfftest.MP4A()},
	}
	var samples []media.Sample
	for i := range 100 {
		samples = append(samples, media.Sample{Offset: int64(i) * 256, Size: 256, Duration: 1024, Flags: media.FlagsSync})
	}
	source := memory{media.Run{Track: track, Samples: samples, Data: bmfftest.Object("sound", bmfftest.Noise(1, 25600))}}
	span := media.Span{Source: source, Track: track, Media: media.Interval{From: 10240, To: 20480}, Start: 10240, Duration: 10240}

	p := cmaf.Packager{}
	init, err := p.Init(track, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := packager.Load(ctx, []media.Segment{{Span: span, Number: 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := p.Segment(ctx, job)
	if err != nil {
		fmt.Println(err)
		return
	}
	var out bytes.Buffer
	for _, b := range []packager.Body{init, body} {
		if _, err := b.Send(ctx, &out); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(init.Size(), body.Size(), out.Len())
	// Output: 588 2782 3370
}
