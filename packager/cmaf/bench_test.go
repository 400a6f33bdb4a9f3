package cmaf_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// BenchmarkSegment makes the boxes of 6 s of video, 150 frames interleaved with sound, here and with mp4ff, which is
// given the samples without payload too.
func BenchmarkSegment(b *testing.B) {
	j := job(run(videoTrack(), 1<<33, 400, gop(150, 512)...))
	b.Run("mezzo", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := (cmaf.Packager{}).Segment(context.Background(), j); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("mp4ff", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := peerMoof(io.Discard, &j.Inputs[0].Runs[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func peerMoof(w io.Writer, r *media.Run) error {
	frag, err := mp4.CreateFragment(5, 1)
	if err != nil {
		return err
	}
	dts := uint64(r.DTS)
	for i := range r.Samples {
		s := &r.Samples[i]
		frag.AddSample(mp4.Sample{Flags: uint32(s.Flags), Dur: s.Duration, Size: s.Size, CompositionTimeOffset: s.CTO}, dts)
		dts += uint64(s.Duration)
	}
	frag.EncOptimize = mp4.OptimizeTrun
	if err := frag.Moof.Traf.OptimizeTfhdTrun(); err != nil {
		return err
	}
	frag.SetTrunDataOffsets()
	return frag.Moof.Encode(w)
}

// BenchmarkSend is making and sending that segment, payload gathered from memory.
func BenchmarkSend(b *testing.B) {
	j := job(run(videoTrack(), 0, 400, gop(150, 512)...))
	b.ReportAllocs()
	for b.Loop() {
		body, err := cmaf.Packager{}.Segment(context.Background(), j)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := body.Send(context.Background(), io.Discard); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(body.Size())
	}
}

func BenchmarkInit(b *testing.B) {
	track := videoTrack()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (cmaf.Packager{}).Init(track, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// The peer's moof says the same as ours.
func TestPeerBenchmarkIsFair(t *testing.T) {
	j := job(run(videoTrack(), 1<<33, 400, gop(150, 512)...))
	var b bytes.Buffer
	if err := peerMoof(&b, &j.Inputs[0].Runs[0]); err != nil {
		t.Fatal(err)
	}
	body, err := cmaf.Packager{}.Segment(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if ours, peer := len(body.Pieces()[0].Bytes)-24-8, b.Len(); ours > peer+8 || ours < peer-64 {
		t.Fatalf("moof of %d bytes here, of %d there", ours, peer)
	}
}
