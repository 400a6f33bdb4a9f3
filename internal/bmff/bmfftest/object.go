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
