package packed

import (
	"context"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	headerSize = 7         // of ADTS without CRC
	maxFrame   = 1<<13 - 1 // frame_length (14496-3, 1.A.2.2)
)

// stream is AAC with an ADTS header before each access unit. Immutable.
type stream struct {
	adts    codec.ADTS
	payload packager.Body
	ends    []int64 // of each access unit, in payload
}

func newStream(in *packager.Input) (*stream, error) {
	adts, err := codec.NewADTS(in.Track.Codec.Config)
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range in.Runs {
		n += len(in.Runs[i].Samples)
	}
	s := &stream{adts: adts, payload: packager.NewBody(payload(in.Runs)...), ends: make([]int64, 0, n)}
	end := int64(0)
	for i := range in.Runs {
		for j := range in.Runs[i].Samples {
			size := int64(in.Runs[i].Samples[j].Size)
			if size+s.head() > maxFrame {
				return nil, fmt.Errorf("access unit of %d bytes does not fit into ADTS, which counts to %d: %w", size, maxFrame, media.ErrUnsupported)
			}
			end += size
			s.ends = append(s.ends, end)
		}
	}
	return s, nil
}

// head is what is written before each access unit, bytes.
func (s *stream) head() int64 { return headerSize + int64(len(s.adts.PCE)) }

// end is where access unit i ends in the stream.
func (s *stream) end(i int) int64 {
	if i < 0 {
		return 0
	}
	return s.ends[i] + int64(i+1)*s.head()
}

func (s *stream) Size() int64 { return s.end(len(s.ends) - 1) }

// Send finds the access units of the range, asks for their payload and frames it as it comes.
func (s *stream) Send(ctx context.Context, w io.Writer, off, n int64) error {
	if n = min(n, s.Size()-off); n <= 0 {
		return nil
	}
	first := sort.Search(len(s.ends), func(i int) bool { return s.end(i) > off })
	last := sort.Search(len(s.ends), func(i int) bool { return s.end(i) >= off+n })
	from, to := int64(0), s.ends[last]
	if first > 0 {
		from = s.ends[first-1]
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	f := &framer{stream: s, w: w, next: first, buf: buf[:0], skip: off - s.end(first-1), left: n, pos: from}
	if err := f.headers(); err != nil {
		return err
	}
	if _, err := s.payload.Slice(from, to-from).Send(ctx, f); err != nil {
		return err
	}
	return f.flush()
}

const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// framer takes payload in order and writes access units, each behind its header.
type framer struct {
	stream *stream
	w      io.Writer
	buf    []byte
	next   int   // access unit whose header comes next
	pos    int64 // in the payload
	skip   int64 // bytes still to be left out at the start
	left   int64 // bytes still to be written
}

func (f *framer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(int64(len(p)), f.stream.ends[f.next-1]-f.pos)
		if err := f.put(p[:take]); err != nil {
			return 0, err
		}
		p, f.pos = p[take:], f.pos+take
		if err := f.headers(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// headers writes the header of the access unit that begins here, and of empty ones before it.
func (f *framer) headers() error {
	s := f.stream
	for f.next < len(s.ends) && (f.next == 0 || s.ends[f.next-1] == f.pos) {
		size := s.ends[f.next] - f.pos
		h := s.adts.Header(int(size))
		if err := f.put(h[:]); err != nil {
			return err
		}
		if err := f.put(s.adts.PCE); err != nil {
			return err
		}
		f.next++
	}
	return nil
}

// put buffers what of p is in the range.
func (f *framer) put(p []byte) error {
	cut := min(f.skip, int64(len(p)))
	p, f.skip = p[cut:], f.skip-cut
	p = p[:min(f.left, int64(len(p)))]
	f.left -= int64(len(p))
	for len(p) > 0 {
		n := copy(f.buf[len(f.buf):cap(f.buf)], p)
		f.buf, p = f.buf[:len(f.buf)+n], p[n:]
		if len(f.buf) == cap(f.buf) {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *framer) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	_, err := f.w.Write(f.buf)
	f.buf = f.buf[:0]
	return err
}
