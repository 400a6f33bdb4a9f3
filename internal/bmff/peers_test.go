package bmff_test

import (
	"bytes"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

// seen is what a reader says of a sample.
type seen struct {
	dts      int64
	duration uint32
	cto      int32
	size     uint32
	sync     bool
	data     string
}

func ours(data []byte, t *bmff.Track) []seen {
	var out []seen
	for _, s := range all(t) {
		out = append(out, seen{s.DTS, s.Duration, s.CTO, s.Size, s.Flags.Sync(), string(data[s.Offset : s.Offset+int64(s.Size)])})
	}
	return out
}

// theirs is what mp4ff says of a track.
func theirs(t *testing.T, data []byte, f *mp4.File, trak *mp4.TrakBox) []seen {
	t.Helper()
	var out []seen
	stbl, dts := trak.Mdia.Minf.Stbl, int64(0)
	if n := stbl.Stsz.GetNrSamples(); n > 0 {
		list, err := trak.GetSampleData(1, n)
		require.NoError(t, err)
		ranges, err := trak.GetRangesForSampleInterval(1, n)
		require.NoError(t, err)
		var payload []byte
		for _, r := range ranges {
			payload = append(payload, data[r.Offset:r.Offset+r.Size]...)
		}
		for _, s := range list {
			sync := stbl.Stss == nil || !mp4.DecodeSampleFlags(s.Flags).SampleIsNonSync
			out = append(out, seen{dts, s.Dur, s.CompositionTimeOffset, s.Size, sync, string(payload[:s.Size])})
			payload = payload[s.Size:]
			dts += int64(s.Dur)
		}
	}
	for _, seg := range f.Segments {
		for _, fr := range seg.Fragments {
			trex, ok := f.Init.Moov.Mvex.GetTrex(trak.Tkhd.TrackID)
			require.True(t, ok)
			list, err := fr.GetFullSamples(trex)
			require.NoError(t, err)
			for _, s := range list {
				sync := !mp4.DecodeSampleFlags(s.Flags).SampleIsNonSync
				out = append(out, seen{int64(s.DecodeTime), s.Dur, s.CompositionTimeOffset, s.Size, sync, string(s.Data)})
			}
		}
	}
	return out
}

// peerShapes are those that other readers can read too.
func peerShapes() map[string]bmfftest.File {
	v, a := bmfftest.Video(60, 25).Reorder(false), bmfftest.Audio(112)
	neg := bmfftest.Video(60, 25).Reorder(true)
	tracks := []bmfftest.Track{v, a}
	vary := bmfftest.Audio(50)
	for i := range vary.Samples {
		vary.Samples[i].Duration = uint32(1000 + i*i%97)
	}
	late := bmfftest.Video(60, 25)
	late.Start = 1 << 40
	return map[string]bmfftest.File{
		"progressive":       {Tracks: tracks},
		"audio first":       {Tracks: []bmfftest.Track{a, v}},
		"negative ctts":     {Tracks: []bmfftest.Track{neg, a}},
		"moov at end":       {Tracks: tracks, MoovAtEnd: true},
		"co64":              {Tracks: tracks, CO64: true, LargeMdat: true},
		"chunks":            {Tracks: tracks, Chunk: 7},
		"uniform sizes":     {Tracks: []bmfftest.Track{sized(12, 12, 12, 12)}},
		"varying durations": {Tracks: []bmfftest.Track{vary}, Chunk: 3},
		"fragments":         {Tracks: tracks, Fragment: 25},
		"sidx and mfra":     {Tracks: tracks, Fragment: 25, Sidx: true, Mfra: true},
		"moof per track":    {Tracks: tracks, Fragment: 25, OneTraf: true},
		"from base":         {Tracks: tracks, Fragment: 25, Offsets: bmfftest.FromBase},
		"trex":              {Tracks: tracks, Fragment: 25, Trex: true},
		"negative trun":     {Tracks: []bmfftest.Track{neg, a}, Fragment: 10, Trex: true},
		"late":              {Tracks: []bmfftest.Track{late}, Fragment: 25},
	}
}

// TestPeerReader: mp4ff reads the same samples.
func TestPeerReader(t *testing.T) {
	for name, f := range peerShapes() {
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			m := open(t, data)
			peer, err := mp4.DecodeFile(bytes.NewReader(data))
			require.NoError(t, err)
			moov := peer.Moov
			if peer.IsFragmented() {
				moov = peer.Init.Moov
			}
			require.Len(t, moov.Traks, len(m.Tracks))
			for i, tr := range m.Tracks {
				require.Equal(t, theirs(t, data, peer, moov.Traks[i]), ours(data, tr))
				require.Equal(t, moov.Traks[i].Tkhd.TrackID, tr.ID)
				require.Equal(t, moov.Traks[i].Mdia.Mdhd.Timescale, tr.Timescale)
				require.Equal(t, moov.Traks[i].Mdia.Hdlr.HandlerType, tr.Handler)
			}
		})
	}
}

// TestPeerProbe: go-mp4 finds the same samples, chunks, edits and fragments.
func TestPeerProbe(t *testing.T) {
	shapes := peerShapes()
	delete(shapes, "uniform sizes") // go-mp4 does not read those, nor defaults of trex
	delete(shapes, "trex")
	delete(shapes, "negative trun")
	for name, f := range shapes {
		f.OneTraf = true // it reads one traf of each moof
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			m := open(t, data)
			info, err := gomp4.Probe(bytes.NewReader(data))
			require.NoError(t, err)
			require.Equal(t, m.Timescale, info.Timescale)
			require.Len(t, info.Tracks, len(m.Tracks))
			for i, p := range info.Tracks {
				tr := m.Tracks[i]
				list := all(tr)
				require.Equal(t, tr.Timescale, p.Timescale)
				require.Len(t, p.EditList, len(f.Tracks[i].Edits))
				if f.Fragment == 0 {
					require.Len(t, p.Samples, len(list))
				}
				for j, s := range p.Samples {
					require.Equal(t, list[j].Size, s.Size)
					require.Equal(t, list[j].Duration, s.TimeDelta)
					require.Equal(t, int64(list[j].CTO), s.CompositionTimeOffset)
				}
				first := 0
				for _, c := range p.Chunks {
					if f.Fragment == 0 {
						require.Equal(t, int64(c.DataOffset), list[first].Offset)
						first += int(c.SamplesPerChunk)
					}
				}
				for _, seg := range info.Segments {
					if seg.TrackID != p.TrackID {
						continue
					}
					require.Equal(t, int64(seg.BaseMediaDecodeTime), list[first].DTS)
					var size, duration uint32
					for _, s := range list[first : first+int(seg.SampleCount)] {
						size, duration = size+s.Size, duration+s.Duration
					}
					require.Equal(t, seg.Size, size)
					require.Equal(t, seg.Duration, duration)
					first += int(seg.SampleCount)
				}
				require.Equal(t, len(list), first)
			}
		})
	}
}
