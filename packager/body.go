package packager

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Body is the bytes of a segment, manifest or init segment: generated ones, ranges of Objects, and streams that are made
// while they are sent. Its size is known before the first byte leaves. Immutable: it may be sent many times at once.
type Body struct {
	pieces []Piece
	size   int64
}

// Piece is one of three: held bytes, ranges of an Object, or a Stream.
type Piece struct {
	Bytes   []byte         // generated and held: box headers, manifests
	Object  media.Object   // with Extents
	Extents []media.Extent // ranges of Object, in order, none empty
	Stream  Stream
}

// Stream is bytes made while they are sent. It keeps no state between calls and is safe for concurrent use.
type Stream interface {
	Size() int64
	// Send writes the n bytes from off. w may be given small slices and keeps none of them.
	Send(ctx context.Context, w io.Writer, off, n int64) error
}

// NewBody puts pieces together. It keeps the slices.
func NewBody(pieces ...Piece) Body {
	b := Body{pieces: pieces}
	for i := range pieces {
		b.size += pieces[i].size()
	}
	return b
}

// BytesBody is a Body of held bytes.
func BytesBody(p []byte) Body { return NewBody(Piece{Bytes: p}) }

// StreamBody is a Body made while it is sent.
func StreamBody(s Stream) Body { return NewBody(Piece{Stream: s}) }

func (p *Piece) size() int64 {
	switch {
	case p.Stream != nil:
		return p.Stream.Size()
	case p.Object != nil:
		var n int64
		for _, e := range p.Extents {
			n += e.Len
		}
		return n
	}
	return int64(len(p.Bytes))
}

// Size is the exact number of bytes.
func (b Body) Size() int64 { return b.size }

// Pieces are what the Body consists of, for transports that can do better than Send. Read-only.
func (b Body) Pieces() []Piece { return b.pieces }

// Slice is the n bytes from off, as a Range request asks for them; it shares what it can. The range is cut to the Body.
func (b Body) Slice(off, n int64) Body {
	off = min(max(off, 0), b.size)
	n = min(max(n, 0), b.size-off)
	if off == 0 && n == b.size {
		return b
	}
	out := Body{size: n}
	for i := range b.pieces {
		if n == 0 {
			break
		}
		p := &b.pieces[i]
		size := p.size()
		if off >= size {
			off -= size
			continue
		}
		take := min(n, size-off)
		out.pieces = append(out.pieces, p.slice(off, take))
		n -= take
		off = 0
	}
	return out
}

func (p *Piece) slice(off, n int64) Piece {
	switch {
	case p.Stream != nil:
		return Piece{Stream: &window{p.Stream, off, n}}
	case p.Object == nil:
		return Piece{Bytes: p.Bytes[off : off+n]}
	}
	out := Piece{Object: p.Object}
	for _, e := range p.Extents {
		if off >= e.Len {
			off -= e.Len
			continue
		}
		take := min(n, e.Len-off)
		if take == 0 {
			break
		}
		out.Extents = append(out.Extents, media.Extent{Off: e.Off + off, Len: take})
		n -= take
		off = 0
	}
	return out
}

// window is a part of a Stream.
type window struct {
	s      Stream
	off, n int64
}

func (w *window) Size() int64 { return w.n }
func (w *window) Send(ctx context.Context, dst io.Writer, off, n int64) error {
	return w.s.Send(ctx, dst, w.off+off, n)
}

// Buffers of the size in which payload is moved: they stay in the second-level cache with several requests in flight.
const bufferSize = 128 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Send writes the Body to w and returns how much was written. Payload goes through one pooled buffer, however scattered
// it lies.
func (b Body) Send(ctx context.Context, w io.Writer) (int64, error) {
	c := &counter{w: w}
	for i := range b.pieces {
		p := &b.pieces[i]
		var err error
		switch {
		case p.Stream != nil:
			err = p.Stream.Send(ctx, c, 0, p.Stream.Size())
		case p.Object != nil:
			err = sendExtents(ctx, c, p.Object, p.Extents)
		default:
			_, err = c.Write(p.Bytes)
		}
		if err != nil {
			return c.n, err
		}
	}
	if c.n != b.size {
		return c.n, fmt.Errorf("body of %d bytes sent %d: %w", b.size, c.n, io.ErrUnexpectedEOF)
	}
	return c.n, nil
}

// Bytes returns the whole Body, for caches and tests.
func (b Body) Bytes(ctx context.Context) ([]byte, error) {
	if len(b.pieces) == 1 && b.pieces[0].Stream == nil && b.pieces[0].Object == nil {
		return b.pieces[0].Bytes, nil
	}
	out := &appender{p: make([]byte, 0, b.size)}
	_, err := b.Send(ctx, out)
	return out.p, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

type appender struct{ p []byte }

func (a *appender) Write(p []byte) (int, error) { a.p = append(a.p, p...); return len(p), nil }

// gap is how much that nobody asked for is read along to spare a read of its own.
const gap = 16 << 10

// sendExtents gathers ranges into one buffer. Ranges that lie close together are fetched by one read.
func sendExtents(ctx context.Context, w io.Writer, obj media.Object, extents []media.Extent) error {
	if m, ok := obj.(media.Byter); ok {
		if sent, err := sendMapped(ctx, w, m, extents); sent {
			return err
		}
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	var off int64 // within extents[0]
	for len(extents) > 0 {
		start := extents[0].Off + off
		if rest := extents[0].Len - off; rest >= bufferSize {
			if err := obj.ReadAt(ctx, buf[:], start); err != nil {
				return err
			}
			if _, err := w.Write(buf[:]); err != nil {
				return err
			}
			if off += bufferSize; off == extents[0].Len {
				extents, off = extents[1:], 0
			}
			continue
		}
		// the following extents that fit into the buffer with what lies between them
		end, n := extents[0].Off+extents[0].Len, 1
		for n < len(extents) && extents[n].Off >= end && extents[n].Off-end <= gap && extents[n].Off+extents[n].Len-start <= bufferSize {
			end = extents[n].Off + extents[n].Len
			n++
		}
		if err := obj.ReadAt(ctx, buf[:end-start], start); err != nil {
			return err
		}
		fill := int64(0)
		for i, e := range extents[:n] {
			if i == 0 {
				e.Off, e.Len = e.Off+off, e.Len-off
			}
			fill += int64(copy(buf[fill:], buf[e.Off-start:e.Off-start+e.Len]))
		}
		if _, err := w.Write(buf[:fill]); err != nil {
			return err
		}
		extents, off = extents[n:], 0
	}
	return nil
}

// sendMapped writes from memory; small ranges go through a buffer, so that w sees few large writes. It reports false,
// with nothing written, where the object cannot give its bytes.
func sendMapped(ctx context.Context, w io.Writer, m media.Byter, extents []media.Extent) (bool, error) {
	if len(extents) == 0 {
		return true, nil
	}
	if m.Bytes(extents[0].Off, extents[0].Len) == nil {
		return false, nil
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	fill := 0
	flush := func() error {
		if fill == 0 {
			return nil
		}
		n := fill
		fill = 0
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := w.Write(buf[:n])
		return err
	}
	for _, e := range extents {
		p := m.Bytes(e.Off, e.Len)
		if p == nil {
			return true, fmt.Errorf("bytes %d to %d: %w", e.Off, e.Off+e.Len, media.ErrChanged)
		}
		for len(p) > 0 {
			n := min(len(p), bufferSize-fill)
			if err := guardedCopy(buf[fill:fill+n], p[:n]); err != nil {
				return true, err
			}
			p, fill = p[n:], fill+n
			if fill == bufferSize {
				if err := flush(); err != nil {
					return true, err
				}
			}
		}
	}
	return true, flush()
}
