package ts_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

var (
	h264SPS = []byte{0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08, 0x80, 0, 0, 3, 0, 0x80, 0, 0, 0x19, 0x47, 0x8b, 0x16, 0xcb}
	h264PPS = []byte{0x68, 0xef, 0xbc, 0x80}
	avcC    = bytes.Join([][]byte{{1, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0, 24}, h264SPS, {1, 0, 4}, h264PPS}, nil)
)

// clip is a track and its samples' bytes.
type clip struct {
	track   *media.Track
	samples [][]byte
	table   []media.Sample
	dts     int64
	shift   int64
	units   []media.Unit
}

func h264(timescale uint32) *clip {
	return &clip{track: &media.Track{ID: "v1", Kind: media.Video, Timescale: timescale,
		Codec: media.Codec{Coding: media.H264, FourCC: "avc1", Config: avcC}, Video: &media.VideoFormat{NALLength: 4}}}
}

func aac(timescale uint32) *clip {
	return &clip{track: &media.Track{ID: "a1", Kind: media.Audio, Timescale: timescale, Language: "en-GB",
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", Config: []byte{0x11, 0x90}}, Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2}}}
}

func (c *clip) add(data []byte, duration uint32, cto int32, sync bool) *clip {
	s := media.Sample{Size: uint32(len(data)), Duration: duration, CTO: cto, Flags: media.FlagsDelta}
	if sync {
		s.Flags = media.FlagsSync
	}
	for _, d := range c.samples {
		s.Offset += int64(len(d))
	}
	c.samples, c.table = append(c.samples, data), append(c.table, s)
	return c
}

// pictures adds n frames of which each gop-th is sync, with two B-frames after each P where reorder is set.
func (c *clip) pictures(n, gop int, duration uint32, reorder bool) *clip {
	for i := range n {
		cto := int32(0)
		if reorder {
			c.track.Delay = duration
			switch k := i % gop; {
			case k == 0:
			case k%3 == 1 && k+2 < gop:
				cto = 2 * int32(duration)
			case k%3 == 1:
			default:
				cto = -int32(duration)
			}
		}
		kind, size := byte(0x41), 300+i*37%900
		if i%gop == 0 {
			kind, size = 0x65, 4000
		}
		c.add(bmfftest.NAL(append([]byte{kind}, bmfftest.Noise(uint32(i), size)...)), duration, cto, i%gop == 0)
	}
	return c
}

// frames adds n frames of sound.
func (c *clip) frames(n int, duration uint32) *clip {
	for i := range n {
		c.add(bmfftest.Noise(uint32(i)+1000, 200+i*13%100), duration, 0, true)
	}
	return c
}

// unmapped hides that the bytes are in memory. It cannot be compared.
type unmapped struct {
	media.Object
	_ []int
}

func (c *clip) input(mapped bool) packager.Input {
	obj := bmfftest.Object("clip", bytes.Join(c.samples, nil))
	if !mapped {
		obj = unmapped{Object: obj}
	}
	return packager.Input{Track: c.track, Shift: c.shift,
		Runs: []media.Run{{Track: c.track, DTS: c.dts, Samples: c.table, Data: obj, Units: c.units}}}
}

func job(clips ...*clip) *packager.Job {
	j := &packager.Job{Number: 7, Bias: packager.Bias}
	for _, c := range clips {
		j.Inputs = append(j.Inputs, c.input(true))
	}
	return j
}

func segment(t testing.TB, j *packager.Job) []byte {
	body, err := ts.Packager{}.Segment(context.Background(), j)
	require.NoError(t, err)
	b, err := body.Bytes(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, body.Size(), len(b))
	require.Zero(t, len(b)%188)
	return b
}

// pes is one of an elementary stream, as astits reads it.
type pes struct {
	pts, dts int64
	data     []byte
	access   bool
}

type stream struct {
	kind     byte
	pes      []pes
	packets  int
	language string
	registry uint32
}

type pcr struct {
	base int64
	at   int // packet
}

type demuxed struct {
	streams map[uint16]*stream
	pcrPID  uint16
	pcrs    []pcr
}

// demux reads segments with astits and holds each packet against the rules, strictly.
func demux(t testing.TB, b []byte) *demuxed {
	d := &demuxed{streams: map[uint16]*stream{}}
	checkPackets(t, b, d)
	dmx := astits.NewDemuxer(context.Background(), bytes.NewReader(b), astits.DemuxerOptPacketSize(188))
	for {
		data, err := dmx.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return d
		}
		require.NoError(t, err)
		switch {
		case data.PMT != nil:
			d.pcrPID = data.PMT.PCRPID
			for _, es := range data.PMT.ElementaryStreams {
				s := d.stream(es.ElementaryPID)
				s.kind = byte(es.StreamType)
				for _, desc := range es.ElementaryStreamDescriptors {
					if l := desc.ISO639LanguageAndAudioType; l != nil {
						s.language = string(l.Language)
					}
					if r := desc.Registration; r != nil {
						s.registry = r.FormatIdentifier
					}
				}
			}
		case data.PES != nil:
			h := data.PES.Header.OptionalHeader
			p := pes{pts: h.PTS.Base, dts: h.PTS.Base, data: data.PES.Data}
			if h.DTS != nil {
				p.dts = h.DTS.Base
			}
			if a := data.FirstPacket.AdaptationField; a != nil {
				p.access = a.RandomAccessIndicator
			}
			if n := int(data.PES.Header.PacketLength); n > 0 {
				require.Equal(t, n, len(p.data)+3+int(h.HeaderLength))
			} else {
				require.EqualValues(t, 0xE0, data.PES.Header.StreamID, "only video may leave its length open")
			}
			s := d.stream(data.PID)
			s.pes = append(s.pes, p)
		}
	}
}

func (d *demuxed) stream(pid uint16) *stream {
	if d.streams[pid] == nil {
		d.streams[pid] = &stream{}
	}
	return d.streams[pid]
}

// checkPackets: PAT and PMT first, sync bytes, counters without a jump over all of b, PCRs.
func checkPackets(t testing.TB, b []byte, d *demuxed) {
	counters := map[uint16]byte{}
	for i := 0; i+188 <= len(b); i += 188 {
		p := b[i : i+188]
		require.EqualValues(t, 0x47, p[0])
		pid := binary.BigEndian.Uint16(p[1:]) & 0x1FFF
		cc, has := p[3]&15, p[3]&0x10 != 0
		if i == 0 {
			require.EqualValues(t, 0, pid)
		} else if i == 188 {
			require.EqualValues(t, 0x1000, pid)
		}
		if last, ok := counters[pid]; ok && has {
			require.Equal(t, (last+1)&15, cc, "continuity on PID %#x, packet %d", pid, i/188)
		} else if ok {
			require.Equal(t, last, cc, "a packet without payload does not count")
		} else if pid >= 0x100 && pid < 0x1000 && has {
			require.Zero(t, cc, "counters start at 0")
		}
		counters[pid] = cc
		if has && pid >= 0x100 && pid < 0x1000 {
			d.stream(pid).packets++
		}
		if p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x10 != 0 {
			base := int64(p[6])<<25 | int64(p[7])<<17 | int64(p[8])<<9 | int64(p[9])<<1 | int64(p[10])>>7
			require.EqualValues(t, 0x7E, p[10]&0x7F)
			d.pcrs = append(d.pcrs, pcr{base, i / 188})
		}
	}
	for pid, s := range d.streams {
		require.Zero(t, s.packets%16, "packets on PID %#x", pid)
	}
}

// clocks demands PCRs of which none is more than 100 ms from the last, none goes back, and each lies before what is sent
// after it is due.
func (d *demuxed) clocks(t testing.TB) {
	require.NotEmpty(t, d.pcrs)
	require.EqualValues(t, 2, d.pcrs[0].at, "a PCR right after the tables")
	for i := 1; i < len(d.pcrs); i++ {
		step := unwrap(d.pcrs[i].base, d.pcrs[i-1].base)
		require.GreaterOrEqual(t, step, int64(0))
		require.LessOrEqual(t, step, int64(9000))
	}
}

// unwrap is the way from b to a, over the wrap where that is nearer.
func unwrap(a, b int64) int64 {
	d := (a - b) & (1<<33 - 1)
	if d >= 1<<32 {
		d -= 1 << 33
	}
	return d
}

func units(b []byte) (list [][]byte) {
	for len(b) > 0 {
		var u []byte
		u, b = nal.NextAnnexB(b)
		if u == nil {
			return list
		}
		list = append(list, u)
	}
	return list
}

// equalPictures compares access units and times with the source: the delimiter once, parameter sets before sync samples.
func equalPictures(t testing.TB, s *stream, c *clip, bias int64) {
	sets := [][]byte{h264SPS, h264PPS}
	i, dts, first := 0, c.dts+c.shift, true
	for k, sample := range c.table {
		if sample.Size > 0 {
			require.Less(t, i, len(s.pes))
			want := [][]byte{{0x09, 0xF0}}
			own := [][]byte{}
			hasSets := false
			for p := c.samples[k]; len(p) > 0; {
				u, rest, err := nal.Next(p, c.track.Video.NALLength)
				require.NoError(t, err)
				kind := nal.Type(media.H264, u)
				hasSets = hasSets || kind == nal.H264SPS
				if kind != nal.H264AUD && len(u) > 0 {
					own = append(own, bytes.TrimRight(u, "\x00")) // Annex B cannot tell those that a unit should not have
				}
				p = rest
			}
			if (sample.Flags.Sync() || first) && !hasSets {
				want = append(want, sets...)
			}
			want = append(want, own...)
			got := s.pes[i]
			require.Equal(t, want, units(got.data), "picture %d", k)
			require.Equal(t, []byte{0, 0, 0, 1, 9, 0xF0}, got.data[:6])
			require.Equal(t, sample.Flags.Sync(), got.access)
			wantDTS := nearest(dts-int64(c.track.Delay), c.track.Timescale) + bias
			wantPTS := nearest(dts+int64(sample.CTO), c.track.Timescale) + bias
			require.Equal(t, wantPTS&(1<<33-1), got.pts, "PTS of picture %d", k)
			require.Equal(t, wantDTS&(1<<33-1), got.dts, "DTS of picture %d", k)
			i, first = i+1, false
		}
		dts += int64(sample.Duration)
	}
	require.Equal(t, i, len(s.pes))
}

// equalFrames compares ADTS frames with the source, and the times of PES with those of the frames they begin with.
func equalFrames(t testing.TB, s *stream, c *clip, bias int64) {
	k, dts := 0, c.dts+c.shift
	for i, p := range s.pes {
		require.Less(t, k, len(c.table))
		for k < len(c.table) && c.table[k].Size == 0 {
			dts += int64(c.table[k].Duration)
			k++
		}
		begin := k
		require.Equal(t, (nearest(dts, c.track.Timescale)+bias)&(1<<33-1), p.pts, "PTS of PES %d", i)
		for b := p.data; len(b) > 0; k++ {
			n := int(c.table[k].Size)
			if n == 0 {
				dts += int64(c.table[k].Duration)
				continue
			}
			require.Equal(t, []byte{0xFF, 0xF1}, b[:2])
			require.Equal(t, n+7, int(b[3]&3)<<11|int(b[4])<<3|int(b[5])>>5)
			require.Equal(t, c.samples[k], b[7:7+n], "frame %d", k)
			b = b[7+n:]
			dts += int64(c.table[k].Duration)
		}
		require.True(t, len(p.data) <= 16*184-14 || k == begin+1, "%d bytes", len(p.data))
	}
	for k < len(c.table) && c.table[k].Size == 0 {
		k++
	}
	require.Equal(t, len(c.table), k)
}

// nearest converts to 90 kHz, to the nearest tick.
func nearest(v int64, scale uint32) int64 { return (media.Rescale(v, scale, 180000) + 1) >> 1 }
