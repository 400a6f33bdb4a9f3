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
	ctx   context.Context
	obj   media.Object
	size  int64
	pos   int64
	at    int64 // of held in obj
	held  []byte
	ahead int64 // read at once where less is asked for
	usual int64 // what a fragment needs, as far as is known
}

const (
	block    = 4096      // read at once where nothing is known yet
	maxBlock = 256 << 10 // most that is read beyond what is asked for
	near     = 64 << 10  // a gap that costs less to read than another request does
	look     = 8         // fragments that are asked for before they are read
	boxHead  = int64(16) // most bytes of a box header
)

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
	end := s.at + int64(len(s.held))
	if off >= s.at && off+n <= end {
		return s.held[off-s.at:][:n], nil
	}
	if len(s.held) > 0 && off >= end && off-end < near {
		s.ahead = min(2*s.ahead, maxBlock) // small boxes follow one another: several in a read
	} else {
		s.ahead = max(block, s.usual)
	}
	want := min(max(n+boxHead, s.ahead), s.size-off)
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

// expect says how large a fragment was: the next is read in one piece if it is not larger.
func (s *source) expect(n int64) { s.usual = max(s.usual, min(n+boxHead, maxBlock)) }
