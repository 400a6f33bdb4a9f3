package bmff

import (
	"context"
	"fmt"
	"io"

	"github.com/mezzomedia/mezzo/packager/media"
)

// source reads an Object in small steps through one block, as a walk over box headers does. It is an io.ReadSeeker for
// go-mp4.
type source struct {
	ctx  context.Context
	obj  media.Object
	size int64
	pos  int64
	at   int64 // of block in obj
	held []byte
}

// block is how much is read at once where little is asked for: a moof with its header.
const block = 4096

func (s *source) Read(p []byte) (int, error) {
	if s.pos >= s.size {
		return 0, io.EOF
	}
	b, err := s.bytes(s.pos, min(int64(len(p)), s.size-s.pos))
	if err != nil {
		return 0, err
	}
	s.pos += int64(len(b))
	return copy(p, b), nil
}

func (s *source) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += s.pos
	case io.SeekEnd:
		off += s.size
	}
	if off < 0 {
		return 0, fmt.Errorf("seek to %d: %w", off, media.ErrFormat)
	}
	s.pos = off
	return off, nil
}

// bytes is n bytes at off, which are there. They are valid until the next call.
func (s *source) bytes(off, n int64) ([]byte, error) {
	if b, ok := s.obj.(media.Byter); ok {
		if p := b.Bytes(off, n); p != nil {
			return p, s.ctx.Err()
		}
	}
	if off >= s.at && off+n <= s.at+int64(len(s.held)) {
		return s.held[off-s.at:][:n], nil
	}
	want := min(max(n, block), s.size-off)
	if int64(cap(s.held)) < want {
		s.held = make([]byte, want)
	}
	s.held, s.at = s.held[:want], off
	if err := s.obj.ReadAt(s.ctx, s.held, off); err != nil {
		s.held = s.held[:0]
		return nil, err
	}
	return s.held[:n], nil
}
