package bmff_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

// minutes is ten minutes of a rendition as ffmpeg writes it: 25 frames per second with B-frames, audio after each frame, sizes
// of some 5 Mbit/s without the payload being there.
func minutes() []byte {
	v, a := bmfftest.Video(15_000, 50).Reorder(false), bmfftest.Audio(28_125)
	for i := range v.Samples {
		v.Samples[i].Data, v.Samples[i].Size = nil, 200+i*7919%900
		if v.Samples[i].Sync {
			v.Samples[i].Size = 70_000
		}
	}
	return bmfftest.File{Tracks: []bmfftest.Track{v, a}}.Bytes()
}

func TestIndexSize(t *testing.T) {
	data := minutes()
	m := open(t, data)
	total := m.Tracks[0].Index.Size() + m.Tracks[1].Index.Size()
	t.Logf("video %d bytes, audio %d bytes", m.Tracks[0].Index.Size(), m.Tracks[1].Index.Size())
	require.Less(t, total*6, int64(1_500_000)) // an hour
}

func BenchmarkOpenTenMinutes(b *testing.B) {
	data := minutes()
	obj := bmfftest.Object("long.mp4", data)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bmff.Open(context.Background(), "long.mp4", obj); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	data := minutes()
	m, err := bmff.Open(context.Background(), "long.mp4", bmfftest.Object("long.mp4", data))
	if err != nil {
		b.Fatal(err)
	}
	x := m.Tracks[0].Index
	for _, c := range []struct {
		name string
		from int
	}{{"start", 0}, {"end", x.Len() - 150}} {
		b.Run(c.name, func(b *testing.B) {
			var dst []bmff.Sample
			b.ReportAllocs()
			for b.Loop() {
				dst = x.Append(dst[:0], c.from, c.from+150)
			}
		})
	}
}
