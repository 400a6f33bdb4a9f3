package mpegts_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager/media"
)

const pid = 0x101

// write puts PES of the given payload behind tables and returns the packets.
func write(t testing.TB, payload []byte, p mpegts.PES) []byte {
	var out bytes.Buffer
	p.PID, p.Size = pid, int64(len(payload))
	if p.Packets == 0 {
		p.Packets = p.Least()
	}
	size := (2 + p.Packets) * mpegts.PacketSize
	w := new(mpegts.Writer)
	w.Reset(context.Background(), &out, 0, size)
	pat := mpegts.PAT(0x1000, 3)
	pmt, err := mpegts.PMT(0x1000, pid, 3, 1, []mpegts.Stream{{PID: pid, Type: 0x0F, Descriptors: mpegts.Language("eng")}})
	require.NoError(t, err)
	require.NoError(t, w.Packet(&pat))
	require.NoError(t, w.Packet(&pmt))
	require.NoError(t, w.Begin(&p))
	for b := payload; len(b) > 0; { // in odd pieces
		n := min(len(b), 1+len(b)/3)
		require.NoError(t, w.Write(b[:n]))
		b = b[n:]
	}
	require.ErrorIs(t, w.Flush(), mpegts.ErrEnd)
	require.Equal(t, int(size), out.Len())
	return out.Bytes()
}

// read demuxes with astits: the only PES.
func read(t testing.TB, ts []byte) *astits.DemuxerData {
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(ts), astits.DemuxerOptPacketSize(mpegts.PacketSize))
	var pes *astits.DemuxerData
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			require.NotNil(t, pes)
			return pes
		}
		require.NoError(t, err)
		if data.PES != nil {
			require.Nil(t, pes)
			pes = data
		}
	}
}

func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// Sizes around every edge of a packet: stuffing of none, one, two bytes and more, one packet and several.
func TestPESSizes(t *testing.T) {
	stuffed := map[int]bool{}
	for _, form := range []mpegts.PES{
		{StreamID: 0xC0, PTS: 900000, DTS: 900000},
		{StreamID: 0xE0, PTS: 903600, DTS: 900000, HasPCR: true, PCR: 855000, RandomAccess: true},
		{StreamID: 0xE0, PTS: 903600, DTS: 900000, RandomAccess: true},
	} {
		for n := 1; n < 600; n++ {
			want := payload(n)
			ts := write(t, want, form)
			got := read(t, ts)
			require.Equal(t, want, got.PES.Data, "%d bytes", n)
			last := ts[len(ts)-mpegts.PacketSize:]
			if last[3]&0x20 != 0 {
				stuffed[int(last[4])+1] = true
			}
			h := got.PES.Header
			require.Equal(t, form.PTS, h.OptionalHeader.PTS.Base)
			require.True(t, h.OptionalHeader.DataAlignmentIndicator)
			if form.DTS != form.PTS {
				require.Equal(t, form.DTS, h.OptionalHeader.DTS.Base)
			} else {
				require.Nil(t, h.OptionalHeader.DTS)
			}
			if form.HasPCR {
				require.Equal(t, form.PCR, got.FirstPacket.AdaptationField.PCR.Base)
			}
			if form.RandomAccess {
				require.True(t, got.FirstPacket.AdaptationField.RandomAccessIndicator)
			}
		}
	}
	for n := 1; n < 180; n++ {
		require.True(t, stuffed[n], "adaptation field of %d bytes", n)
	}
}

// A PES of any size can be spread over up to 15 packets more.
func TestPESSpread(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 169, 170, 171, 172, 353, 354, 355, 5000} {
		for extra := range int64(16) {
			p := mpegts.PES{PID: pid, StreamID: 0xC0, Size: int64(n), HasPCR: n%2 == 0}
			p.PTS = extra // with one clock, and with two
			p.Packets = p.Least() + extra
			ts := write(t, payload(n), p)
			require.Equal(t, payload(n), read(t, ts).PES.Data)
			first, at := ts[2*mpegts.PacketSize:3*mpegts.PacketSize], 4
			if first[3]&0x20 != 0 {
				at += 1 + int(first[4])
			}
			clocks := 5
			if first[at+7]&0x40 != 0 {
				clocks = 10
			}
			require.GreaterOrEqual(t, mpegts.PacketSize-at, 9+clocks, "the clocks are in the first packet")
			require.LessOrEqual(t, int(first[at+8])-clocks, 32, "stuffing bytes (2.4.3.7)")
		}
	}
}

// PES_packet_length is exact where it fits, and 0 only where it does not.
func TestPESLength(t *testing.T) {
	for n, want := range map[int]int{mpegts.MaxPayload: 0xFFFF, mpegts.MaxPayload + 1: 0, 300_000: 0, 100: 113} {
		got := read(t, write(t, payload(n), mpegts.PES{StreamID: 0xE0, PTS: 2, DTS: 1}))
		require.Equal(t, want, int(got.PES.Header.PacketLength))
		require.Equal(t, payload(n), got.PES.Data)
	}
}

// C1: clocks keep their lower 33 bits. C11: reserved bits of a PCR are 1, its extension is 0.
func TestC1C11Clocks(t *testing.T) {
	const wrap = 1 << 33
	for _, c := range []struct{ pts, dts, wantPTS, wantDTS int64 }{
		{wrap - 1, wrap - 3, wrap - 1, wrap - 3},
		{wrap + 5, wrap - 3, 5, wrap - 3}, // C2: the wrap lies between DTS and PTS
		{wrap*3 + 7200, wrap*3 + 3600, 7200, 3600},
		{1, -2, 1, wrap - 2},
		{0x155555555, 0x0AAAAAAAA, 0x155555555, 0x0AAAAAAAA},
	} {
		ts := write(t, payload(20), mpegts.PES{StreamID: 0xE0, PTS: c.pts, DTS: c.dts, HasPCR: true, PCR: c.dts})
		got := read(t, ts)
		require.Equal(t, c.wantPTS, got.PES.Header.OptionalHeader.PTS.Base)
		require.Equal(t, c.wantDTS, got.PES.Header.OptionalHeader.DTS.Base)
		require.Equal(t, c.wantDTS, got.FirstPacket.AdaptationField.PCR.Base)
		require.Zero(t, got.FirstPacket.AdaptationField.PCR.Extension)
		pcr := ts[2*mpegts.PacketSize+6:]
		require.EqualValues(t, 0x7E, pcr[4]&0x7F)
		require.EqualValues(t, 0, pcr[5])
		pes := ts[3*mpegts.PacketSize-20-19:]
		for _, at := range []int{9, 11, 13, 14, 16, 18} {
			require.EqualValues(t, 1, pes[at]&1, "marker bit in byte %d", at)
		}
		require.EqualValues(t, 3, pes[9]>>4)
		require.EqualValues(t, 1, pes[14]>>4)
	}
}

func TestTables(t *testing.T) {
	pat := mpegts.PAT(0x1000, 21)
	require.Equal(t, []byte{
		0x47, 0x40, 0x00, 0x15, 0x00, // start of a unit on PID 0, counter 21 mod 16; pointer_field
		0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, // table 0, 13 bytes, stream 1, version 0, section 0 of 0
		0x00, 0x01, 0xF0, 0x00, // program 1 on PID 0x1000
		0x2A, 0xB1, 0x04, 0xB2, // CRC
		0xFF,
	}, pat[:22])
	for n := range 3 { // streams that come and go are another version
		pmt, err := mpegts.PMT(0x1000, 0x100, 0, n, make([]mpegts.Stream, n))
		require.NoError(t, err)
		require.EqualValues(t, 0xC1|n<<1, pmt[10])
	}
	_, err := mpegts.PMT(0x1000, 0x100, 0, 40, make([]mpegts.Stream, 40))
	require.ErrorIs(t, err, media.ErrUnsupported)
}

func TestDescriptors(t *testing.T) {
	require.Equal(t, []byte("\x05\x04HEVC"), mpegts.Registration("HEVC"))
	require.Equal(t, []byte("\x05\x06apadxy"), mpegts.Registration("apad", 'x', 'y'))
	require.Equal(t, []byte("\x0F\x04zavc"), mpegts.PrivateData("zavc"))
	require.Equal(t, []byte("\x0A\x04deu\x00"), mpegts.Language("deu"))
}

// Left counts down to nothing, whatever the packets.
func TestWriterLeft(t *testing.T) {
	data := payload(1000)
	w := new(mpegts.Writer)
	w.Reset(context.Background(), io.Discard, 0, 1<<20)
	p := mpegts.PES{PID: pid, StreamID: 0xE0, Size: 1000}
	p.Packets = p.Least() + 3
	require.NoError(t, w.Begin(&p))
	for i := 0; i < len(data); i += 100 {
		require.EqualValues(t, len(data)-i, w.Left())
		require.NoError(t, w.Write(data[i:i+100]))
	}
	require.Zero(t, w.Left())
}

// A Writer sends the wanted range whatever it is, and no more.
func TestWriterRange(t *testing.T) {
	data := payload(400_000)
	p := mpegts.PES{PID: pid, StreamID: 0xE0, PTS: 1, DTS: 1, Size: int64(len(data))}
	p.Packets = p.Least()
	whole := func(off, n int64) []byte {
		var out bytes.Buffer
		w := new(mpegts.Writer)
		w.Reset(context.Background(), &out, off, n)
		err := func() error {
			if err := w.Clock(pid, 15, 7); err != nil {
				return err
			}
			if err := w.Begin(&p); err != nil {
				return err
			}
			if err := w.Write(data); err != nil {
				return err
			}
			return w.Flush()
		}()
		require.ErrorIs(t, err, mpegts.ErrEnd)
		return out.Bytes()
	}
	size := (1 + p.Packets) * mpegts.PacketSize
	all := whole(0, size)
	require.Len(t, all, int(size))
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		off := r.Int64N(size)
		n := 1 + r.Int64N(size-off)
		require.True(t, bytes.Equal(all[off:off+n], whole(off, n)), "%d from %d", n, off)
	}
}

type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWriterErrors(t *testing.T) {
	p := mpegts.PES{PID: pid, StreamID: 0xE0, Size: 1 << 20}
	p.Packets = p.Least()
	size := p.Packets * mpegts.PacketSize
	w := new(mpegts.Writer)

	w.Reset(context.Background(), &failing{mpegts.BufferSize}, 0, size)
	require.NoError(t, w.Begin(&p))
	require.ErrorIs(t, w.Write(make([]byte, 1<<20)), io.ErrClosedPipe)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.Reset(ctx, io.Discard, 0, size)
	require.NoError(t, w.Begin(&p))
	require.ErrorIs(t, w.Write(make([]byte, 1<<20)), context.Canceled)

	w.Reset(context.Background(), io.Discard, 0, 10*size) // more payload than was announced
	require.NoError(t, w.Begin(&p))
	require.ErrorIs(t, w.Write(make([]byte, 1<<20+1000)), io.ErrShortBuffer)
}

// Whatever its fields, a PES comes back from a reader we did not write.
func FuzzPES(f *testing.F) {
	f.Add(uint16(170), int64(5), int64(3), uint8(3))
	f.Add(uint16(0), int64(-5), int64(1<<33), uint8(0xFF))
	f.Fuzz(func(t *testing.T, n uint16, pts, dts int64, flags uint8) {
		p := mpegts.PES{PID: pid, StreamID: 0xE0, PTS: pts, DTS: dts, Size: int64(n%3000) + 1}
		p.HasPCR, p.RandomAccess = flags&1 != 0, flags&2 != 0
		p.Packets = p.Least() + int64(flags>>4)
		want := payload(int(p.Size))
		got := read(t, write(t, want, p))
		require.Equal(t, want, got.PES.Data)
		require.Equal(t, pts&(1<<33-1), got.PES.Header.OptionalHeader.PTS.Base)
	})
}
