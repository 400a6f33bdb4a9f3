package packed

import (
	"context"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	headerSize = 7         // of ADTS without CRC
	maxFrame   = 1<<13 - 1 // frame_length (14496-3, 1.A.2.2)
)

// stream is access units one after the other, AAC with an ADTS header before each. Immutable.
type stream struct {
	coding  media.Coding
	adts    codec.ADTS     // of AAC
	key     *sampleaes.Key // nil: clear
	payload packager.Body
	ends    []int64 // of each access unit, in payload
}

func newStream(in *packager.Input, key *sampleaes.Key) (*stream, error) {
	s := &stream{coding: in.Track.Codec.Coding, key: key, payload: packager.NewBody(payload(in.Runs)...)}
	largest, what := int64(maxSealed), "what is encrypted at once"
	if s.coding == media.AAC {
		adts, err := codec.NewADTS(in.Track.Codec.Config)
		if err != nil {
			return nil, err
		}
		s.adts, largest, what = adts, maxFrame, "ADTS"
	}
	n := 0
	for i := range in.Runs {
		n += len(in.Runs[i].Samples)
	}
	s.ends = make([]int64, 0, n)
	end := int64(0)
	for i := range in.Runs {
		for j := range in.Runs[i].Samples {
			size := int64(in.Runs[i].Samples[j].Size)
			if size+s.head() > largest {
				return nil, fmt.Errorf("access unit of %d bytes does not fit into %s, at most %d: %w", size, what, largest, media.ErrUnsupported)
			}
			end += size
			s.ends = append(s.ends, end)
		}
	}
	return s, nil
}

// head is what is written before each access unit, bytes.
func (s *stream) head() int64 {
	if s.coding != media.AAC {
		return 0
	}
	return headerSize + int64(len(s.adts.PCE))
}

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
	if s.key != nil {
		f.seal = sealers.Get().(*sealer)
		f.seal.fill = 0
		f.seal.chain.Reset(s.key)
		defer func() {
			f.seal.chain.Reset(nil)
			sealers.Put(f.seal)
		}()
	}
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
	next   int     // access unit whose header comes next
	pos    int64   // in the payload
	skip   int64   // bytes still to be left out at the start
	left   int64   // bytes still to be written
	seal   *sealer // nil: clear
}

func (f *framer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(int64(len(p)), f.stream.ends[f.next-1]-f.pos)
		if err := f.content(p[:take]); err != nil {
			return 0, err
		}
		p, f.pos = p[take:], f.pos+take
		if f.pos == f.stream.ends[f.next-1] {
			if err := f.close(); err != nil {
				return 0, err
			}
		}
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
		if s.coding == media.AAC {
			h := s.adts.Header(int(size))
			if err := f.put(h[:]); err != nil {
				return err
			}
			if err := f.content(s.adts.PCE); err != nil {
				return err
			}
		}
		f.next++
		if size == 0 {
			if err := f.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// content takes what may be encrypted.
func (f *framer) content(p []byte) error {
	if f.seal == nil {
		return f.put(p)
	}
	f.seal.add(p)
	return nil
}

// close ends an access unit.
func (f *framer) close() error {
	if f.seal == nil {
		return nil
	}
	p, err := f.seal.end(f.stream.coding)
	if err != nil {
		return fmt.Errorf("access unit %d: %w", f.next-1, err)
	}
	return f.put(p)
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
