package cmaf_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

func videoTrack() *media.Track {
	return &media.Track{
		ID: "v", Kind: media.Video, Timescale: 12800, Delay: 512,
		Codec: media.Codec{Coding: media.H264, FourCC: "avc1", String: "avc1.4d401e", Entry: bmfftest.AVC1()},
		Video: &media.VideoFormat{Width: 640, Height: 360, NALLength: 4, FrameRate: media.Ratio{Num: 25, Den: 1}},
	}
}

func audioTrack() *media.Track {
	return &media.Track{
		ID: "a", Kind: media.Audio, Timescale: 48000, Language: "en",
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2", Config: []byte{0x11, 0x90}, Entry: bmfftest.MP4A()},
		Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2},
	}
}

// tracks are one track of each coding.
func tracks() map[media.Coding]*media.Track {
	out := map[media.Coding]*media.Track{media.H264: videoTrack(), media.AAC: audioTrack()}
	for coding, entry := range map[media.Coding][]byte{media.HEVC: bmfftest.HVC1(), media.AV1: bmfftest.AV01(), media.VP9: bmfftest.VP09()} {
		t := videoTrack()
		t.Codec = media.Codec{Coding: coding, FourCC: string(entry[4:8]), Entry: entry}
		out[coding] = t
	}
	for coding, entry := range map[media.Coding][]byte{media.AC3: bmfftest.AC3(), media.EAC3: bmfftest.EAC3(), media.Opus: bmfftest.Opus(),
		media.FLAC: bmfftest.FLAC(), media.MP3: bmfftest.MP3()} {
		t := audioTrack()
		t.Codec = media.Codec{Coding: coding, FourCC: string(entry[4:8]), Entry: entry}
		out[coding] = t
	}
	return out
}

// run lays the samples into an Object with gap bytes before each, and payload that tells them apart.
func run(track *media.Track, dts int64, gap int, samples ...media.Sample) media.Run {
	var data []byte
	for i := range samples {
		data = append(data, make([]byte, gap)...)
		samples[i].Offset = int64(len(data))
		data = append(data, bmfftest.Noise(uint32(dts)+uint32(i), int(samples[i].Size))...)
	}
	return media.Run{Track: track, DTS: dts, Samples: samples, Data: bmfftest.Object(fmt.Sprint(track.ID, dts), data)}
}

// gop is n frames of I P B B P B B with negative offsets.
func gop(n int, duration uint32) []media.Sample {
	s := make([]media.Sample, n)
	for i := range s {
		s[i] = media.Sample{Size: uint32(200 + i%7), Duration: duration, Flags: media.FlagsDelta}
		switch {
		case i == 0:
			s[i].Size, s[i].Flags = 900, media.FlagsSync
		case i%3 == 1:
			s[i].CTO = int32(2 * duration)
		default:
			s[i].CTO = -int32(duration)
		}
	}
	return s
}

func frames(n int, duration uint32) []media.Sample {
	s := make([]media.Sample, n)
	for i := range s {
		s[i] = media.Sample{Size: uint32(150 + i%37), Duration: duration, Flags: media.FlagsSync}
	}
	return s
}

func job(in ...media.Run) *packager.Job {
	return &packager.Job{Number: 5, Inputs: []packager.Input{{Track: in[0].Track, Runs: in}}}
}

func segment(t testing.TB, j *packager.Job) []byte {
	body, err := cmaf.Packager{}.Segment(t.Context(), j)
	require.NoError(t, err)
	data, err := body.Bytes(t.Context())
	require.NoError(t, err)
	require.Equal(t, body.Size(), int64(len(data)))
	return data
}

// sample is what a segment has to give back.
type sample struct {
	DTS      int64
	CTO      int32
	Duration uint32
	Flags    media.SampleFlags
	Sum      uint32 // of the payload
	Size     int
}

// want is what the job holds.
func want(t testing.TB, j *packager.Job) []sample {
	var out []sample
	in := &j.Inputs[0]
	for i := range in.Runs {
		r := &in.Runs[i]
		dts := r.DTS + in.Shift
		for _, s := range r.Samples {
			p := make([]byte, s.Size)
			if s.Size > 0 {
				require.NoError(t, r.Data.ReadAt(context.Background(), p, s.Offset))
			}
			out = append(out, sample{dts, s.CTO + int32(in.Track.Delay), s.Duration, s.Flags, crc32.ChecksumIEEE(p), len(p)})
			dts += int64(s.Duration)
		}
	}
	return out
}

// viaMP4FF reads a segment with one parser, and the fragments' lengths in samples.
func viaMP4FF(t testing.TB, data []byte) (out []sample, fragments []int) {
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	require.Len(t, f.Segments, 1)
	for _, frag := range f.Segments[0].Fragments {
		samples, err := frag.GetFullSamples(nil)
		require.NoError(t, err)
		fragments = append(fragments, len(samples))
		for _, s := range samples {
			out = append(out, sample{int64(s.DecodeTime), s.CompositionTimeOffset, s.Dur, media.SampleFlags(s.Flags), crc32.ChecksumIEEE(s.Data), len(s.Data)})
		}
	}
	return out, fragments
}

// viaGoMP4 reads it with another, following data offsets.
func viaGoMP4(t testing.TB, data []byte) (out []sample) {
	var moof uint64
	var tfhd *gomp4.Tfhd
	var clock int64
	_, err := gomp4.ReadBoxStructure(bytes.NewReader(data), func(h *gomp4.ReadHandle) (any, error) {
		switch h.BoxInfo.Type.String() {
		case "moof":
			moof = h.BoxInfo.Offset
			return h.Expand()
		case "traf":
			return h.Expand()
		case "tfhd", "tfdt", "trun":
		default:
			return nil, nil
		}
		box, _, err := h.ReadPayload()
		if err != nil {
			return nil, err
		}
		switch b := box.(type) {
		case *gomp4.Tfhd:
			tfhd = b
		case *gomp4.Tfdt:
			require.EqualValues(t, 1, b.Version)
			clock = int64(b.BaseMediaDecodeTimeV1)
		case *gomp4.Trun:
			require.EqualValues(t, 1, b.Version)
			at := int64(moof) + int64(b.DataOffset)
			for i, e := range b.Entries {
				s := sample{DTS: clock, CTO: e.SampleCompositionTimeOffsetV1, Duration: tfhd.DefaultSampleDuration, Flags: media.SampleFlags(tfhd.DefaultSampleFlags)}
				if b.CheckFlag(0x100) {
					s.Duration = e.SampleDuration
				}
				if b.CheckFlag(0x400) {
					s.Flags = media.SampleFlags(e.SampleFlags)
				}
				if b.CheckFlag(0x004) && i == 0 {
					s.Flags = media.SampleFlags(b.FirstSampleFlags)
				}
				s.Size = int(e.SampleSize)
				s.Sum = crc32.ChecksumIEEE(data[at : at+int64(e.SampleSize)])
				at += int64(e.SampleSize)
				clock += int64(s.Duration)
				out = append(out, s)
			}
		}
		return nil, nil
	})
	require.NoError(t, err)
	return out
}

// same checks the segment of the job with both parsers and returns the samples in each fragment.
func same(t testing.TB, j *packager.Job) []int {
	data := segment(t, j)
	expected := want(t, j)
	got, fragments := viaMP4FF(t, data)
	require.Equal(t, expected, got)
	require.Equal(t, expected, viaGoMP4(t, data))
	return fragments
}
