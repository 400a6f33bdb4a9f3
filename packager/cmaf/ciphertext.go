package cmaf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// ciphertext is the payload of a fragment, encrypted while it is sent.
type ciphertext struct {
	fragment fragment // what it is made of
	objects  []media.Checker
}

// sender is all that it takes to send a ciphertext: bytes that are to be sent, and after them some that have been read
// ahead and are not encrypted yet. Those are never sent.
type sender struct {
	buf    [128 << 10]byte
	fill   int   // encrypted
	ahead  int   // read, after them
	drop   int64 // of the encrypted bytes that follow, nobody asked for
	left   int64 // asked for after those
	w      io.Writer
	check  []media.Checker
	cipher *cenc.Cipher
}

var senders = sync.Pool{New: func() any { return new(sender) }}

// errEnough ends a Send that has sent what was asked for.
var errEnough = errors.New("enough")

func (c *ciphertext) Size() int64 { return c.fragment.payload }

// Send encrypts from the sample on in which off lies; key streams are entered there and then.
func (c *ciphertext) Send(ctx context.Context, w io.Writer, off, n int64) error {
	f := &c.fragment
	off = min(max(off, 0), f.payload)
	if n = min(n, f.payload-off); n <= 0 {
		return nil
	}
	p := f.aux.input.Protect
	cipher, err := cenc.NewEncrypter(p.Key, p.Scheme, f.aux.signal.pattern)
	if err != nil {
		return err
	}
	if n > f.payload/2 { // of less, most would be read in vain
		for r, at := range f.spans(f.aux.input.Runs) {
			media.Warm(r.Data, extents(r.Samples[at.from:at.to]))
		}
	}
	s := senders.Get().(*sender)
	s.fill, s.ahead, s.drop, s.left, s.w, s.check, s.cipher = 0, 0, 0, n, w, c.objects, cipher
	defer s.release()
	err = packager.Guard(func() error { return s.run(ctx, f, off) })
	switch changed := s.changed(); {
	case errors.Is(err, errEnough):
		return nil
	case changed != nil: // what looks like damage is another file's bytes
		return changed
	}
	return err
}

func (s *sender) release() {
	s.w, s.check, s.cipher = nil, nil, nil
	senders.Put(s)
}

func extents(samples []media.Sample) iter.Seq[media.Extent] {
	return (&media.Run{Samples: samples}).Extents()
}

// run sends the samples of f from payload byte off on.
func (s *sender) run(ctx context.Context, f *fragment, off int64) error {
	dts := f.dts
	for r, at := range f.spans(f.aux.input.Runs) {
		s.ahead = 0
		for i := at.from; i < at.to; i++ {
			sample := &r.Samples[i]
			iv, subs := f.aux.of(r, i, f.index+at.before+i-at.from, dts)
			dts += int64(sample.Duration)
			if off >= int64(sample.Size) {
				off -= int64(sample.Size)
				continue
			}
			if err := s.cipher.Begin(iv, subs, int64(sample.Size)); err != nil {
				return sampleError(sample, err)
			}
			skipped := int64(0)
			if off > 0 { // the first
				skipped = s.cipher.Skip(off)
				s.drop, off = off-skipped, 0
			}
			if err := s.sample(ctx, r, i, at.to, skipped); err != nil {
				return err
			}
		}
	}
	return s.flush(ctx)
}

// sample encrypts sample i of the run from pos on. No sample from end on is read ahead.
func (s *sender) sample(ctx context.Context, r *media.Run, i, end int, pos int64) error {
	if r.Data == nil {
		return fmt.Errorf("a run without data: %w", media.ErrFormat)
	}
	size := int64(r.Samples[i].Size)
	var memory []byte
	if b, ok := r.Data.(media.Byter); ok {
		memory = b.Bytes(r.Samples[i].Offset, size)
	}
	for pos < size {
		if len(s.buf)-s.fill < 16 {
			s.ahead = 0
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
		room := s.buf[s.fill:]
		var src []byte
		if memory != nil {
			s.ahead = 0 // its place is taken
			src = memory[pos:min(size, pos+int64(len(room)))]
		} else {
			if int64(s.ahead) < min(16, size-pos) {
				if err := s.read(ctx, r, i, end, pos); err != nil {
					return sampleError(&r.Samples[i], err)
				}
			}
			src = room[:min(int64(s.ahead), size-pos)]
		}
		n := s.cipher.Crypt(room, src)
		s.fill += n
		s.ahead = max(0, s.ahead-n)
		pos += int64(n)
		if int64(s.fill) >= s.drop+s.left {
			return s.flush(ctx)
		}
	}
	return nil
}

// read reads on from pos of sample i, with the samples that adjoin it.
func (s *sender) read(ctx context.Context, r *media.Run, i, end int, pos int64) error {
	from := r.Samples[i].Offset + pos
	to := r.Samples[i].Offset + int64(r.Samples[i].Size)
	for i++; i < end && r.Samples[i].Offset == to; i++ {
		to += int64(r.Samples[i].Size)
	}
	wanted := (s.drop + s.left - int64(s.fill) + 15) &^ 15
	n := min(to-from, int64(len(s.buf)-s.fill), max(wanted, 16))
	s.ahead = 0
	if err := r.Data.ReadAt(ctx, s.buf[s.fill:s.fill+int(n)], from); err != nil {
		return err
	}
	s.ahead = int(n)
	return nil
}

// flush sends what is encrypted.
func (s *sender) flush(ctx context.Context) error {
	b := s.buf[:s.fill]
	s.fill = 0
	n := min(s.drop, int64(len(b)))
	b, s.drop = b[n:], s.drop-n
	b = b[:min(s.left, int64(len(b)))]
	if len(b) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.changed(); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	if s.left -= int64(len(b)); s.left == 0 {
		return errEnough
	}
	return nil
}

// changed tells whether an Object is no longer what it was.
func (s *sender) changed() error {
	for _, o := range s.check {
		if err := o.Check(); err != nil {
			return err
		}
	}
	return nil
}

func sampleError(s *media.Sample, err error) error {
	return fmt.Errorf("sample of %d bytes at %d: %w", s.Size, s.Offset, err)
}

// checkers are the Objects of the runs that can tell whether they changed.
func checkers(runs []media.Run) []media.Checker {
	var out []media.Checker
	for i := range runs {
		if i > 0 && media.Same(runs[i].Data, runs[i-1].Data) {
			continue
		}
		if c, ok := runs[i].Data.(media.Checker); ok {
			out = append(out, c)
		}
	}
	return out
}

var _ packager.Stream = (*ciphertext)(nil)
