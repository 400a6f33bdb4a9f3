package origin

import (
	"context"
	"io"
	"net"
	"slices"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	sendfileMin = 256 << 10 // shorter ranges are cheaper by writev
	maxVectors  = 1024      // of one writev (IOV_MAX)
)

// gather is a body on its way into a connection. net/http hands ReadFrom's source down to the TCP connection, which calls
// WriteTo with a writer that has the connection's own writev; with any other writer it still works, by plain writes.
type gather struct {
	ctx   context.Context
	body  packager.Body
	pacer *pacer
	pos   int64 // of Read
}

// Read serves connections that do not call WriteTo.
func (g *gather) Read(p []byte) (int, error) {
	if g.pos >= g.body.Size() {
		return 0, io.EOF
	}
	part := g.body.Slice(g.pos, int64(len(p)))
	if g.pos+part.Size() == g.body.Size() {
		if err := check(g.body); err != nil {
			return 0, err
		}
	}
	_ = g.pacer.step(part.Size())
	n, err := part.Send(g.ctx, &filler{p: p})
	g.pos += n
	return int(n), err
}

// filler writes into a slice.
type filler struct{ p []byte }

func (f *filler) Write(p []byte) (int, error) {
	n := copy(f.p, p)
	f.p = f.p[n:]
	if n < len(p) {
		return n, io.ErrShortBuffer
	}
	return n, nil
}

// WriteTo implements io.WriterTo.
func (g *gather) WriteTo(dst io.Writer) (int64, error) {
	v := &vectors{dst: dst, out: &chunks{w: dst, pacer: g.pacer, body: g.body, left: g.body.Size()}}
	for _, p := range g.body.Pieces() {
		if err := g.ctx.Err(); err != nil {
			return v.n, err
		}
		if err := v.piece(g.ctx, p); err != nil {
			return v.n, err
		}
	}
	err := v.flush()
	return v.n, err
}

// vectors collects bytes for one writev of up to chunkSize.
type vectors struct {
	dst  io.Writer
	out  *chunks
	list net.Buffers
	size int64 // of list
	n    int64 // written
}

func (v *vectors) piece(ctx context.Context, p packager.Piece) error {
	switch {
	case p.Stream != nil:
		return v.copy(ctx, p)
	case p.Object == nil:
		return v.add(p.Bytes)
	}
	media.Warm(p.Object, slices.Values(p.Extents))
	file := fileOf(p.Object)
	m, mapped := p.Object.(media.Byter)
	for _, e := range p.Extents {
		if file != nil && e.Len >= sendfileMin {
			done, err := v.file(ctx, p.Object, e)
			if err != nil {
				return err
			}
			if e.Off, e.Len = e.Off+done, e.Len-done; e.Len == 0 {
				continue
			}
		}
		var b []byte
		if mapped {
			b = m.Bytes(e.Off, e.Len)
		}
		err := error(nil)
		if b != nil {
			err = v.add(b)
		} else {
			err = v.copy(ctx, packager.Piece{Object: p.Object, Extents: []media.Extent{e}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add puts b into the list, and writes when a chunk is full.
func (v *vectors) add(b []byte) error {
	for len(b) > 0 {
		n := min(int64(len(b)), chunkSize-v.size)
		v.list = append(v.list, b[:n])
		v.size += n
		b = b[n:]
		if v.size == chunkSize || len(v.list) == maxVectors {
			if err := v.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes the list.
func (v *vectors) flush() error {
	if v.size == 0 {
		return nil
	}
	if err := v.out.before(v.size); err != nil {
		return err
	}
	list := v.list
	n, err := list.WriteTo(v.dst) // consumes its copy of the header; v.list keeps the array
	v.n += n
	clear(v.list)
	v.list, v.size = v.list[:0], 0
	return lost(err)
}

// copy sends a piece by way of memory.
func (v *vectors) copy(ctx context.Context, p packager.Piece) error {
	if err := v.flush(); err != nil {
		return err
	}
	n, err := packager.NewBody(p).Send(ctx, v.out)
	v.n += n
	return err
}

// file sends as much of the extent by sendfile as the system can: all or nothing, errors aside.
func (v *vectors) file(ctx context.Context, o media.Object, e media.Extent) (done int64, err error) {
	if err := v.flush(); err != nil {
		return 0, err
	}
	for done < e.Len {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		step := min(chunkSize, e.Len-done)
		if !canSendfile(v.dst) {
			return done, nil
		}
		if err := v.out.before(step); err != nil {
			return done, err
		}
		n, err := sendfile(v.dst, fileOf(o), e.Off+done, step)
		done += n
		v.n += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
