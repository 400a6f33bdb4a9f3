package ts_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

const bias = packager.Bias

// Two seconds of video and sound in one segment, in either order of inputs.
func TestMuxed(t *testing.T) {
	for _, reorder := range []bool{false, true} {
		v, a := h264(12800).pictures(50, 25, 512, reorder), aac(48000).frames(94, 1024)
		b := segment(t, job(v, a))
		require.Equal(t, b, segment(t, job(a, v)), "the order of inputs does not matter")
		d := demux(t, b)
		require.Len(t, d.streams, 2)
		require.EqualValues(t, 0x100, d.pcrPID)
		require.EqualValues(t, 0x1B, d.streams[0x100].kind)
		require.EqualValues(t, 0x0F, d.streams[0x101].kind)
		require.Equal(t, "eng", d.streams[0x101].language)
		equalPictures(t, d.streams[0x100], v, bias)
		equalFrames(t, d.streams[0x101], a, bias)
		d.clocks(t)
		require.Less(t, len(d.streams[0x101].pes), 12, "frames share PES")
	}
}

// Counters run on over segments, and the tables count by number.
func TestContinuityOverSegments(t *testing.T) {
	var all []byte
	for n := range 40 {
		v := h264(90000).pictures(10+n, 10, 3600, true)
		a := aac(44100).frames(20+n, 1024)
		v.dts, a.dts = int64(n)*180000, int64(n)*88200
		j := job(v, a)
		j.Number = uint64(n)
		all = append(all, segment(t, j)...)
	}
	demux(t, all)
}

// A track that has no samples in a segment is listed nevertheless: players that take the tracks of the first segment for
// those of all find the sound that begins later.
func TestTrackWithoutSamples(t *testing.T) {
	v, a := h264(90000).pictures(10, 10, 3600, true), aac(48000)
	j := job(v, a)
	j.Inputs[1].Runs = nil
	d := demux(t, segment(t, j))
	require.Len(t, d.streams, 2)
	require.EqualValues(t, 0x0F, d.streams[0x101].kind)
	require.Empty(t, d.streams[0x101].pes)
	equalPictures(t, d.streams[0x100], v, bias)
}

func TestAudioOnly(t *testing.T) {
	for _, c := range []struct {
		name      string
		timescale uint32
		duration  uint32
	}{{"48 kHz", 48000, 1024}, {"44.1 kHz", 44100, 1024}, {"44.1 kHz at 1000", 1000, 23}, {"HE-AAC", 44100, 2048}, {"8 kHz", 8000, 1024}} {
		t.Run(c.name, func(t *testing.T) {
			a := aac(c.timescale).frames(101, c.duration)
			d := demux(t, segment(t, job(a)))
			require.EqualValues(t, 0x100, d.pcrPID)
			equalFrames(t, d.streams[0x100], a, bias)
			d.clocks(t)
			for _, p := range d.streams[0x100].pes {
				require.True(t, p.access)
			}
		})
	}
}

func TestCodings(t *testing.T) {
	for _, c := range []struct {
		coding   media.Coding
		rate     int
		kind     byte
		registry string
		pes      byte
	}{
		{media.AC3, 48000, 0x81, "AC-3", 0xBD},
		{media.EAC3, 48000, 0x87, "EAC3", 0xBD},
		{media.MP3, 44100, 0x03, "", 0xC0},
		{media.MP3, 22050, 0x04, "", 0xC0},
	} {
		a := aac(48000).frames(30, 1536)
		a.track.Codec, a.track.Audio = media.Codec{Coding: c.coding}, &media.AudioFormat{SampleRate: c.rate}
		b := segment(t, job(a))
		s := demux(t, b).streams[0x100]
		require.Equal(t, c.kind, s.kind)
		if c.registry != "" {
			r := s.registry
			require.Equal(t, c.registry, string([]byte{byte(r >> 24), byte(r >> 16), byte(r >> 8), byte(r)}))
		}
		require.Contains(t, string(b), string([]byte{0, 0, 1, c.pes}))
		var got []byte
		for _, p := range s.pes {
			got = append(got, p.data...)
		}
		require.Equal(t, bytes.Join(a.samples, nil), got)
	}
	for _, c := range []media.Coding{media.AV1, media.VP9, media.Opus, media.FLAC} {
		err := ts.Packager{}.Accepts(&media.Track{ID: "x", Timescale: 1, Codec: media.Codec{Coding: c}}, "")
		require.ErrorIs(t, err, media.ErrUnsupported)
		require.ErrorContains(t, err, string(c))
	}
	ext, mime := ts.Packager{}.Type(nil)
	require.Equal(t, "ts video/mp2t", ext+" "+mime)
}

// C1 to C4: a segment that the 33-bit clock wraps in, between pictures and between DTS and PTS of one picture, keeps all
// differences; and so it does where a segment begins just before or after.
func TestC1toC4Wrap(t *testing.T) {
	const wrap = 1 << 33
	for _, start := range []int64{wrap - bias - 90000, wrap - bias - 3600, wrap - bias - 3601, wrap - bias, 5*wrap - bias - 40000} {
		v, a := h264(90000).pictures(50, 25, 3600, true), aac(90000).frames(94, 1920)
		v.dts, v.shift, a.dts = start, 0, start
		d := demux(t, segment(t, job(v, a)))
		equalPictures(t, d.streams[0x100], v, bias)
		equalFrames(t, d.streams[0x101], a, bias)
		d.clocks(t)
		for i, p := range d.streams[0x100].pes {
			require.Less(t, unwrap(p.pts, p.dts), int64(90000))
			require.GreaterOrEqual(t, unwrap(p.pts, p.dts), int64(0))
			if i > 0 {
				require.EqualValues(t, 3600, unwrap(p.dts, d.streams[0x100].pes[i-1].dts))
			}
		}
	}
}

// Times come from absolute ones: at 30000/1001 the 90 kHz clock of the hundredth hour is exact to the tick.
func TestTimesDoNotDrift(t *testing.T) {
	v := h264(30000).pictures(60, 30, 1001, true)
	v.dts = 100 * 3600 * 30000
	a := aac(44100).frames(87, 1024)
	a.dts = 100 * 3600 * 44100
	d := demux(t, segment(t, job(v, a)))
	equalPictures(t, d.streams[0x100], v, bias)
	equalFrames(t, d.streams[0x101], a, bias)
}

// C11: no PCR is more than 100 ms from the last, whatever the rate of pictures, and none counts as a packet with payload.
func TestC11ClockCadence(t *testing.T) {
	for _, duration := range []uint32{1, 3, 10, 30} { // pictures a tenth to three seconds long
		v := h264(10).pictures(9, 3, duration, false)
		demux(t, segment(t, job(v))).clocks(t)
		a := aac(48000).frames(100, 1024)
		demux(t, segment(t, job(v, a))).clocks(t)
	}
	hole := h264(1).pictures(3, 3, 1_000_000, false) // eleven days: PCRs do not fill that
	require.Less(t, len(segment(t, job(hole))), 1<<17)
}

// B2: a segment without samples is an error, never tables alone. B3: sound that starts late keeps its time, and so do
// pictures; the clock begins with what is first.
func TestB2B3LateStart(t *testing.T) {
	_, err := ts.Packager{}.Segment(context.Background(), job(h264(90000)))
	require.ErrorIs(t, err, media.ErrNotFound)

	for _, late := range []struct{ v, a int64 }{{0, 63000}, {63000, 0}, {-9000, 0}} {
		v, a := h264(90000).pictures(25, 25, 3600, true), aac(90000).frames(40, 1920)
		v.dts, a.dts = late.v, late.a
		d := demux(t, segment(t, job(v, a)))
		equalPictures(t, d.streams[0x100], v, bias)
		equalFrames(t, d.streams[0x101], a, bias)
		d.clocks(t)
	}

	v, a := h264(90000), aac(48000).frames(20, 1024) // the pictures ended a segment ago
	d := demux(t, segment(t, job(v, a)))
	require.EqualValues(t, 0x101, d.pcrPID)
	equalFrames(t, d.streams[0x101], a, bias)
	d.clocks(t)
}

// B4: the delay of reordering is taken from DTS; PTS are those of the source, for pictures and sound alike.
func TestB4Reordering(t *testing.T) {
	v, a := h264(90000).pictures(12, 12, 3600, true), aac(90000).frames(20, 1920)
	d := demux(t, segment(t, job(v, a)))
	require.EqualValues(t, bias, d.streams[0x100].pes[0].pts)
	require.EqualValues(t, bias-3600, d.streams[0x100].pes[0].dts)
	require.EqualValues(t, bias, d.streams[0x101].pes[0].pts)

	v.track.Delay = 0 // a source that is wrong about it: DTS is never after PTS
	for _, p := range demux(t, segment(t, job(v, a))).streams[0x100].pes {
		require.GreaterOrEqual(t, p.pts, p.dts)
	}
}

// Shapes of samples that leave one packet, a whole turn of counters, no payload, a PES longer than its length field.
func TestOddSamples(t *testing.T) {
	huge := bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(1, 299_000)...))
	tiny := bmfftest.NAL([]byte{0x41, 0x9A})
	for name, v := range map[string]*clip{
		"one tiny":        h264(90000).add(tiny, 3600, 0, false),
		"one huge":        h264(90000).add(huge, 3600, 0, true),
		"empty first":     h264(90000).add(nil, 3600, 0, true).add(tiny, 3600, 0, false).add(tiny, 3600, 0, true),
		"empty last":      h264(90000).add(huge, 3600, 0, true).add(tiny, 3600, 0, false).add(nil, 3600, 0, false),
		"empty between":   h264(90000).add(tiny, 3600, 0, true).add(nil, 3600, 0, false).add(nil, 3600, 0, false).add(tiny, 3600, 0, false),
		"of no duration":  h264(90000).add(tiny, 0, 0, true).add(tiny, 0, 0, false).add(tiny, 0, 0, false),
		"an empty unit":   h264(90000).add(bmfftest.NAL([]byte{0x65, 1}, nil, []byte{0x65, 2}), 3600, 0, true),
		"only empty unit": h264(90000).add(bmfftest.NAL(nil), 3600, 0, true),
	} {
		t.Run(name, func(t *testing.T) {
			d := demux(t, segment(t, job(v)))
			equalPictures(t, d.streams[0x100], v, bias)
			d.clocks(t)
		})
	}
	for n := 1; n < 400; n++ { // every stuffing of the last packets
		v := h264(90000).add(bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(1, n)...)), 3600, 0, true)
		a := aac(48000).add(bmfftest.Noise(2, n), 1024, 0, true)
		d := demux(t, segment(t, job(v, a)))
		equalPictures(t, d.streams[0x100], v, bias)
		equalFrames(t, d.streams[0x101], a, bias)
	}
	a := aac(48000).add([]byte{1}, 1024, 0, true)
	a.track.Codec = media.Codec{Coding: media.MP3}
	require.Equal(t, []byte{1}, demux(t, segment(t, job(a))).streams[0x100].pes[0].data)

	odd := aac(48000).frames(5, 1024)
	odd.add([]byte{1, 2, 3}, 500, 0, true).add([]byte{4}, 1024, 0, true).add(nil, 1024, 0, true).add([]byte{5}, 1024, 0, true)
	equalFrames(t, demux(t, segment(t, job(odd))).streams[0x100], odd, bias)

	long := aac(48000).add(make([]byte, 8185), 1024, 0, true)
	_, err := ts.Packager{}.Segment(context.Background(), job(long))
	require.ErrorIs(t, err, media.ErrUnsupported)
	require.ErrorContains(t, err, "track a1: sample[0]")
}

// Several runs, with a jump in time between them, from several objects.
func TestRuns(t *testing.T) {
	v1, v2 := h264(90000).pictures(10, 10, 3600, true), h264(90000).pictures(10, 10, 3600, true)
	a1, a2 := aac(48000).frames(20, 1024), aac(48000).frames(20, 1024)
	v2.dts, a2.dts = 45000, 24000
	j := job(v1, a1)
	j.Inputs[0].Runs = append(j.Inputs[0].Runs, v2.input(false).Runs...)
	j.Inputs[1].Runs = append(j.Inputs[1].Runs, a2.input(false).Runs...)
	d := demux(t, segment(t, j))
	d.clocks(t)
	v, a := d.streams[0x100].pes, d.streams[0x101].pes
	require.Len(t, v, 20)
	require.EqualValues(t, 45000+bias, v[10].pts)
	found := false
	for _, p := range a {
		found = found || p.pts == 45000+bias
	}
	require.True(t, found, "a PES begins with the second run")
}

// Mapped, read, and read from a file where the streams lie far apart: the same bytes. Every slice is that slice.
func TestSlices(t *testing.T) {
	v := h264(90000).pictures(30, 10, 3600, true).add(bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(3, 300_000)...)), 3600, 0, false)
	a := aac(48000).frames(60, 1024)
	j := job(v, a)
	all := segment(t, j)
	read := job()
	read.Inputs = []packager.Input{v.input(false), a.input(false)}
	require.True(t, bytes.Equal(all, segment(t, read)))

	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	for _, j := range []*packager.Job{j, read} {
		body, err := ts.Packager{}.Segment(ctx, j)
		require.NoError(t, err)
		for i := range 150 {
			off := r.Int64N(body.Size())
			n := 1 + r.Int64N(body.Size()-off)
			switch i {
			case 0:
				off, n = 0, 1
			case 1:
				off, n = body.Size()-1, 1
			case 2:
				off, n = 188, 376
			}
			got, err := body.Slice(off, n).Bytes(ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(all[off:off+n], got), "%d from %d", n, off)
		}
	}
}

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// A client that goes away and a request that ends are errors, and do not harm the next.
func TestSendErrors(t *testing.T) {
	v := h264(90000).pictures(50, 10, 3600, true).add(bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(3, 300_000)...)), 3600, 0, false)
	all := segment(t, job(v))
	body, err := ts.Packager{}.Segment(context.Background(), job(v))
	require.NoError(t, err)
	_, err = body.Send(context.Background(), &failing{100_000})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = body.Send(ctx, io.Discard)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, all, segment(t, job(v)))
}

// A source that is cut short is an error that names the sample at which it was read.
func TestTruncatedSource(t *testing.T) {
	for _, mapped := range []bool{true, false} {
		v := h264(90000).pictures(50, 10, 3600, true)
		v.table[49].Offset += 10_000
		j := job()
		j.Inputs = []packager.Input{v.input(mapped)}
		body, err := ts.Packager{}.Segment(context.Background(), j)
		require.NoError(t, err)
		_, err = body.Bytes(context.Background())
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "track v1: sample[")
	}
}

func TestEstimate(t *testing.T) {
	span := func(c *clip) media.Span {
		r := c.input(true).Runs[0]
		return media.Span{Track: c.track, Duration: r.Duration(), Bytes: r.Bytes(), Samples: len(r.Samples)}
	}
	below := 0
	r := rand.New(rand.NewPCG(1, 2))
	const rounds = 60
	for range rounds {
		n, size := 1+r.IntN(200), 20+r.IntN(6000)
		v, a, dolby := h264(90000), aac(48000), aac(48000)
		for i := range n {
			v.add(bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(uint32(i), 1+r.IntN(2*size))...)), 3600, 0, i%50 == 0)
		}
		a.frames(1+n*2, 1024)
		dolby.track.Codec = media.Codec{Coding: media.AC3}
		for range 1 + n {
			dolby.add(make([]byte, 768), 1536, 0, true)
		}
		for _, clips := range [][]*clip{{v}, {a}, {dolby}, {v, a}, {v, dolby}} {
			var spans []media.Span
			for _, c := range clips {
				spans = append(spans, span(c))
			}
			exact, got := int64(len(segment(t, job(clips...)))), ts.Packager{}.Estimate("", spans...)
			if got < exact {
				below++
			}
			turn := int64(len(clips)) * 16 * 188
			require.GreaterOrEqual(t, got, exact-turn, "%d pictures of %d", n, size)
			require.LessOrEqual(t, got, exact+turn+exact/50, "%d pictures of %d", n, size)
		}
	}
	require.Less(t, below, rounds*5/50, "too low is the exception")
	slow := h264(90000)
	for range 5 {
		slow.add(bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(1, 900)...)), 900_000, 0, true)
	}
	require.InEpsilon(t, len(segment(t, job(slow))), ts.Packager{}.Estimate("", span(slow)), 0.05, "clocks between pictures")
	require.Positive(t, ts.Packager{}.Estimate("", media.Span{Track: aac(48000).track, Duration: 48000 * 6, Bytes: 96000}))
}

// replaced is in memory and becomes another file after some checks.
type replaced struct {
	media.Object
	left *int
}

func (o replaced) Bytes(off, n int64) []byte { return o.Object.(media.Byter).Bytes(off, n) }

func (o replaced) Check() error {
	if *o.left--; *o.left < 0 {
		return media.ErrChanged
	}
	return nil
}

// A mapped file that is replaced while it is sent: none of its bytes leave from then on, and what they look like by then
// is not reported as damage.
func TestSourceThatChanges(t *testing.T) {
	v := h264(90000).pictures(50, 10, 3600, true).add(bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(3, 300_000)...)), 3600, 0, false)
	broken := h264(90000).add([]byte{0, 0, 0, 9, 0x65}, 3600, 0, true)
	for name, c := range map[string]struct {
		clip *clip
		good int
	}{"at once": {v, 0}, "on the way": {v, 2}, "with another layout": {broken, 0}} {
		t.Run(name, func(t *testing.T) {
			j := job(c.clip)
			run := &j.Inputs[0].Runs[0]
			good := c.good
			run.Data = replaced{run.Data, &good}
			body, err := ts.Packager{}.Segment(context.Background(), j)
			require.NoError(t, err)
			var out bytes.Buffer
			_, err = body.Send(context.Background(), &out)
			require.ErrorIs(t, err, media.ErrChanged)
			require.Equal(t, c.good*mpegts.BufferSize, out.Len())
		})
	}
}
