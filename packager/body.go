package packager

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
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
// it lies. It ends with the context's error, w's, the Object's or the Stream's; a Stream that does not keep to its size is
// an error that matches io.ErrUnexpectedEOF or io.ErrShortWrite, and nothing is written beyond that size.
func (b Body) Send(ctx context.Context, w io.Writer) (int64, error) {
	c := &counter{w: w}
	for i := range b.pieces {
		if err := ctx.Err(); err != nil {
			return c.n, err
		}
		p := &b.pieces[i]
		before, size := c.n, p.size()
		c.left = size
		var err error
		switch {
		case p.Stream != nil:
			err = p.Stream.Send(ctx, c, 0, size)
		case p.Object != nil:
			err = sendExtents(ctx, c, p.Object, p.Extents)
		default:
			_, err = c.Write(p.Bytes)
		}
		if err == nil && c.left > 0 {
			err = fmt.Errorf("piece %d of %d bytes sent %d: %w", i, size, c.n-before, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return c.n, err
		}
	}
	return c.n, nil
}

// Bytes returns the whole Body, for caches and tests: read-only, it may be the held bytes themselves. Ranges are compared
// with the size of their Object before memory is taken for them.
func (b Body) Bytes(ctx context.Context) ([]byte, error) {
	if len(b.pieces) == 1 && b.pieces[0].Stream == nil && b.pieces[0].Object == nil {
		return b.pieces[0].Bytes, nil
	}
	for i := range b.pieces {
		p := &b.pieces[i]
		if p.Stream != nil || p.Object == nil {
			continue
		}
		size := p.Object.Size()
		for _, e := range p.Extents {
			if e.Off < 0 || e.Off > size || e.Len > size-e.Off {
				return nil, fmt.Errorf("%d bytes at %d of an object of %d: %w", e.Len, e.Off, size, media.ErrChanged)
			}
		}
	}
	out := &appender{p: make([]byte, 0, b.size)}
	_, err := b.Send(ctx, out)
	return out.p, err
}

// counter counts what w took of the whole, and holds a piece to its size.
type counter struct {
	w       io.Writer
	n, left int64
}

func (c *counter) Write(p []byte) (int, error) {
	over := int64(len(p)) > c.left
	if over {
		p = p[:c.left]
	}
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.left -= int64(n)
	if err == nil && (over || n < len(p)) {
		err = io.ErrShortWrite
	}
	return n, err
}

type appender struct{ p []byte }

func (a *appender) Write(p []byte) (int, error) { a.p = append(a.p, p...); return len(p), nil }

// gap is how much that nobody asked for is read along to spare a read of its own.
const gap = 16 << 10

// sendExtents gathers ranges into one buffer.
func sendExtents(ctx context.Context, w io.Writer, obj media.Object, extents []media.Extent) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	media.Warm(obj, slices.Values(extents))
	if m, ok := obj.(media.Byter); ok {
		sent, err := sendMapped(ctx, w, m, extents, buf)
		if err != nil {
			return err
		}
		extents = extents[sent:]
	}
	return sendRead(ctx, w, obj, extents, buf)
}

// sendRead reads; ranges that lie close together are fetched by one read.
func sendRead(ctx context.Context, w io.Writer, obj media.Object, extents []media.Extent, buf *[bufferSize]byte) error {
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
		end, n := near(extents, start)
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

// near tells how many ranges fit into the buffer from start on with what lies between them, and where the last ends.
func near(extents []media.Extent, start int64) (end int64, n int) {
	end, n = extents[0].Off+extents[0].Len, 1
	for _, e := range extents[1:] {
		if e.Off < end || e.Off-end > gap || e.Len > bufferSize || e.Off+e.Len-start > bufferSize {
			break
		}
		end, n = e.Off+e.Len, n+1
	}
	return end, n
}

// sendMapped writes from memory; small ranges go through the buffer, so that w sees few large writes, each checked after
// the copy and before it leaves. It stops before the first range whose bytes cannot be had like that, with all before it
// written, and returns how many those were.
func sendMapped(ctx context.Context, w io.Writer, m media.Byter, extents []media.Extent, buf *[bufferSize]byte) (int, error) {
	defer runtime.KeepAlive(m)
	check, _ := m.(media.Checker)
	fill, sent := 0, 0
	flush := func() error {
		if fill == 0 {
			return nil
		}
		n := fill
		fill = 0
		if err := ctx.Err(); err != nil {
			return err
		}
		if check != nil {
			if err := check.Check(); err != nil {
				return err
			}
		}
		_, err := w.Write(buf[:n])
		return err
	}
	for _, e := range extents {
		p := m.Bytes(e.Off, e.Len)
		if p == nil {
			break
		}
		sent++
		for len(p) > 0 {
			n := min(len(p), bufferSize-fill)
			if err := guardedCopy(buf[fill:fill+n], p[:n]); err != nil {
				return sent, err
			}
			p, fill = p[n:], fill+n
			if fill == bufferSize {
				if err := flush(); err != nil {
					return sent, err
				}
			}
		}
	}
	return sent, flush()
}
