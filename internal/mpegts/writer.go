package mpegts

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
)

// BufferSize is that of a Writer: a multiple of 4 packets (47 blocks of AES), small enough for the second-level cache.
const BufferSize = 170 * 4 * PacketSize

// ErrEnd is returned by a Writer once all that is wanted was sent.
var ErrEnd = errors.New("end of the wanted range")

// Writer cuts PES into packets and sends the wanted range of the stream. It is some 128 KB: keep it in a pool. The zero
// value discards everything; Reset makes it ready. After an error the state is undefined until Reset.
type Writer struct {
	ctx   context.Context
	w     io.Writer
	skip  int64 // bytes yet to be made before the first that is wanted
	want  int64 // bytes wanted after these
	fill  int   // of buf
	limit int   // of buf: where to flush; a whole number of packets

	// the PES that is being written
	head    uint32 // packet header with continuity counter 0
	counter uint8
	packets int64 // not begun yet
	rest    int64 // bytes not in a packet yet
	room    int   // left in the packet that ends at fill

	scratch [64]byte
	buf     [BufferSize]byte
}

// Reset prepares for a stream of which n bytes from off go to dst.
func (w *Writer) Reset(ctx context.Context, dst io.Writer, off, n int64) {
	w.ctx, w.w, w.skip, w.want = ctx, dst, off, n
	w.fill, w.packets, w.rest, w.room = 0, 0, 0, 0
	w.setLimit()
}

// Release lets go of what Reset was given.
func (w *Writer) Release() { w.ctx, w.w = nil, nil }

func (w *Writer) setLimit() {
	need := w.skip + w.want
	w.limit = int(min(BufferSize, (need+PacketSize-1)/PacketSize*PacketSize))
}

// Left is how many bytes of the payload of the PES have yet to follow.
func (w *Writer) Left() int64 { return w.rest + int64(w.room) }

// Skip leaves n bytes out if all of them lie before the wanted range, and says whether it did.
func (w *Writer) Skip(n int64) bool {
	if w.fill > 0 || w.skip < n {
		return false
	}
	w.skip -= n
	w.setLimit()
	return true
}

// Packet writes a packet as it is.
func (w *Writer) Packet(p *[PacketSize]byte) error {
	if w.Skip(PacketSize) {
		return nil
	}
	b, err := w.next()
	if err != nil {
		return err
	}
	*b = *p
	return nil
}

// Clock writes a packet that holds nothing but a PCR. counter is that of the PID's packet before it.
func (w *Writer) Clock(pid uint16, counter uint8, pcr int64) error {
	if w.Skip(PacketSize) {
		return nil
	}
	b, err := w.next()
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(b[:], header(pid)|adaptationFlag|uint32(counter&15))
	fillAdaptation(b[4:], 0x10, pcr)
	return nil
}

// Begin starts a PES. Exactly Size bytes of payload must follow by Write and Zeros.
func (w *Writer) Begin(p *PES) error {
	w.head, w.counter = header(p.PID)|payloadFlag, p.Counter&15
	w.packets, w.rest, w.room = p.Packets, p.total(), 0
	flags := byte(0)
	if p.RandomAccess {
		flags |= 0x40
	}
	if p.HasPCR {
		flags |= 0x10
	}
	if err := w.start(startFlag, p.adaptation(), flags, p.PCR); err != nil {
		return err
	}
	return w.Write(p.appendHeader(w.scratch[:0]))
}

// Write adds payload.
func (w *Writer) Write(p []byte) error {
	for len(p) > 0 {
		if w.room == 0 {
			var err error
			if p, err = w.whole(p); err != nil {
				return err
			}
			if len(p) == 0 {
				return nil
			}
			if err := w.start(0, 0, 0, 0); err != nil {
				return err
			}
		}
		n := copy(w.buf[w.fill-w.room:w.fill], p)
		p, w.room = p[n:], w.room-n
	}
	return nil
}

// Zeros adds n zero bytes of payload.
func (w *Writer) Zeros(n int64) error {
	var zero [64]byte
	for n > 0 {
		k := min(n, int64(len(zero)))
		if err := w.Write(zero[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// whole writes as many packets as p fills without an adaptation field and returns what is left of p.
func (w *Writer) whole(p []byte) ([]byte, error) {
	for len(p) >= PayloadSize {
		// of the packets not begun, how many can be full with a byte left for each of the others
		full := (w.rest-w.packets+1-PayloadSize)/(PayloadSize-1) + 1
		if w.rest-w.packets+1 < PayloadSize {
			return p, nil
		}
		if w.fill == w.limit {
			if err := w.Flush(); err != nil {
				return p, err
			}
		}
		n := min(int64(len(p)/PayloadSize), full, w.packets, int64((w.limit-w.fill)/PacketSize))
		dst := w.buf[w.fill : w.fill+int(n)*PacketSize]
		for c := w.counter; len(dst) >= PacketSize && len(p) >= PayloadSize; c = (c + 1) & 15 {
			binary.BigEndian.PutUint32(dst, w.head|uint32(c))
			*(*[PayloadSize]byte)(dst[4:]) = *(*[PayloadSize]byte)(p)
			dst, p = dst[PacketSize:], p[PayloadSize:]
		}
		w.counter = (w.counter + uint8(n)) & 15
		w.fill += int(n) * PacketSize
		w.packets -= n
		w.rest -= n * PayloadSize
	}
	return p, nil
}

// start begins the next packet of the PES: as full as leaves a byte for each packet after it, stuffed by its adaptation
// field (2.4.3.5), of which least bytes are used.
func (w *Writer) start(flag uint32, least int, flags byte, pcr int64) error {
	if w.packets < 1 || w.rest < w.packets {
		return io.ErrShortBuffer // the caller wrote more than Size
	}
	b, err := w.next()
	if err != nil {
		return err
	}
	w.packets--
	w.room = int(min(int64(PayloadSize-least), w.rest-w.packets))
	w.rest -= int64(w.room)
	head := w.head | flag | uint32(w.counter)
	w.counter = (w.counter + 1) & 15
	if w.room < PayloadSize {
		head |= adaptationFlag
		fillAdaptation(b[4:PacketSize-w.room], flags, pcr)
	}
	binary.BigEndian.PutUint32(b[:], head)
	return nil
}

// fillAdaptation makes an adaptation field of all of b: one byte is length 0, two are no flag and no stuffing.
func fillAdaptation(b []byte, flags byte, pcr int64) {
	b[0] = byte(len(b) - 1)
	if len(b) == 1 {
		return
	}
	b[1] = flags
	b = b[2:]
	if flags&0x10 != 0 {
		putPCR(b, pcr)
		b = b[6:]
	}
	for i := range b {
		b[i] = 0xFF
	}
}

// next makes room for a packet.
func (w *Writer) next() (*[PacketSize]byte, error) {
	if w.fill == w.limit {
		if err := w.Flush(); err != nil {
			return nil, err
		}
	}
	b := (*[PacketSize]byte)(w.buf[w.fill:])
	w.fill += PacketSize
	return b, nil
}

// Flush sends what is wanted of the buffer. It returns ErrEnd once nothing more is.
func (w *Writer) Flush() error {
	b := w.buf[:w.fill]
	w.fill = 0
	cut := min(w.skip, int64(len(b)))
	b, w.skip = b[cut:], w.skip-cut
	b = b[:min(int64(len(b)), w.want)]
	if len(b) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n, err := w.w.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return err
		}
		w.want -= int64(len(b))
	}
	if w.want == 0 {
		return ErrEnd
	}
	w.setLimit()
	return nil
}
