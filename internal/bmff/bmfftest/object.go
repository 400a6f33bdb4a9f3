package bmfftest

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Object holds data as a media.Object that also is a media.Byter. Its Version is made of name and data.
func Object(name string, data []byte) media.Object {
	return &memory{data: data, version: fmt.Sprintf("%s-%d-%08x", name, len(data), crc32.ChecksumIEEE(data))}
}

type memory struct {
	data    []byte
	version string
}

func (m *memory) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b := m.Bytes(off, int64(len(p)))
	if b == nil {
		return fmt.Errorf("read %d bytes at %d of %d: %w", len(p), off, len(m.data), io.ErrUnexpectedEOF)
	}
	copy(p, b)
	return nil
}

func (m *memory) Size() int64     { return int64(len(m.data)) }
func (m *memory) Version() string { return m.version }

func (m *memory) Bytes(off, n int64) []byte {
	if off < 0 || n < 0 || off > int64(len(m.data)) || n > int64(len(m.data))-off {
		return nil
	}
	return m.data[off : off+n : off+n]
}

// Ranged is data as a media.Object that can only be read at offsets, as a remote one is. It counts what is asked of it. Not
// for concurrent use.
type Ranged struct {
	Data  []byte
	Reads int   // calls of ReadAt
	Read  int64 // bytes that they asked for
	Warms []int64
}

// ReadAt implements media.Object.
func (r *Ranged) ReadAt(ctx context.Context, p []byte, off int64) error {
	r.Reads++
	r.Read += int64(len(p))
	return (&memory{data: r.Data}).ReadAt(ctx, p, off)
}

func (r *Ranged) Size() int64     { return int64(len(r.Data)) }
func (r *Ranged) Version() string { return "ranged" }

// Warm implements media.Warmer: it notes the offset.
func (r *Ranged) Warm(off, _ int64) { r.Warms = append(r.Warms, off) }

// Sparse is a media.Object of any length that holds bytes in few places, and zeros between them. Not for concurrent use.
type Sparse struct {
	Length int64
	Parts  map[int64][]byte // by offset; none overlap
	Reads  int
}

// ReadAt implements media.Object.
func (s *Sparse) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Reads++
	end := off + int64(len(p))
	if off < 0 || end > s.Length {
		return fmt.Errorf("read %d bytes at %d of %d: %w", len(p), off, s.Length, io.ErrUnexpectedEOF)
	}
	clear(p)
	for at, b := range s.Parts {
		from, to := max(at, off), min(at+int64(len(b)), end)
		if from < to {
			copy(p[from-off:], b[from-at:to-at])
		}
	}
	return nil
}

func (s *Sparse) Size() int64     { return s.Length }
func (s *Sparse) Version() string { return "sparse" }
