package ts

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// muxer is all that it takes to send a segment. Some 128 KB, and as much for each stream whose Object has to be read.
type muxer struct {
	plan   schedule
	inputs []payload
	out    mpegts.Writer
	seal   sealer
	now    packet
	dst    checked
}

var muxers = sync.Pool{New: func() any { return new(muxer) }}

func (s *segment) Size() int64 { return s.size }

// Send makes the segment from its beginning, passing over whole PES before off without touching their payload.
func (s *segment) Send(ctx context.Context, w io.Writer, off, n int64) error {
	off = min(max(off, 0), s.size)
	if n = min(n, s.size-off); n <= 0 {
		return nil
	}
	m := muxers.Get().(*muxer)
	defer m.release()
	m.plan.reset(s)
	m.dst = checked{w, s.checks}
	m.out.Reset(ctx, &m.dst, off, n)
	if len(m.inputs) < len(s.streams) {
		m.inputs = append(m.inputs, make([]payload, len(s.streams)-len(m.inputs))...)
	}
	for i, e := range s.streams {
		m.inputs[i].reset(e)
		if n > s.size/2 { // of less, most would be read in vain
			e.warm()
		}
	}
	err := packager.Guard(func() error { return m.run(ctx) })
	switch changed := m.dst.check(); {
	case errors.Is(err, mpegts.ErrEnd):
		return nil
	case changed != nil: // what looks like damage is another file's bytes
		return changed
	}
	return err
}

// checked is a writer to which nothing goes once an Object is no longer what it was.
type checked struct {
	w       io.Writer
	objects []media.Checker
}

func (c *checked) check() error {
	for _, o := range c.objects {
		if err := o.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *checked) Write(p []byte) (int, error) {
	if err := c.check(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}

// release forgets what belongs to the request.
func (m *muxer) release() {
	m.plan.seg = nil
	m.out.Release()
	m.dst = checked{}
	for i := range m.inputs {
		m.inputs[i].reset(nil)
	}
	muxers.Put(m)
}

func (m *muxer) run(ctx context.Context) error {
	s := m.plan.seg
	for i := range s.tables {
		if err := m.out.Packet(&s.tables[i]); err != nil {
			return err
		}
	}
	p := &m.now
	for m.plan.next(p) {
		if p.clock {
			if err := m.out.Clock(p.PID, p.Counter, p.PCR); err != nil {
				return err
			}
			continue
		}
		if m.out.Skip(p.size()) {
			continue
		}
		if err := m.send(ctx, p); err != nil {
			return err
		}
	}
	return m.out.Flush()
}

// send writes a PES: one access unit of video, or some frames of audio.
func (m *muxer) send(ctx context.Context, p *packet) error {
	r := &m.inputs[p.stream]
	r.at = p.first
	if err := m.out.Begin(&p.PES); err != nil {
		return err
	}
	if r.e.video {
		return m.picture(ctx, r)
	}
	for i := range p.samples {
		if i > 0 {
			r.e.advance(&r.at)
		}
		if err := m.frame(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (m *muxer) frame(ctx context.Context, r *payload) error {
	size := int64(r.e.sample(&r.at).Size)
	if r.e.key != nil {
		return m.seal.frame(ctx, r, &m.out)
	}
	if r.e.framing > 0 {
		head := r.e.adts.Header(int(size))
		if err := m.out.Write(head[:]); err != nil {
			return err
		}
		if err := m.out.Write(r.e.adts.PCE); err != nil {
			return err
		}
	}
	return pass(ctx, r, 0, size, &m.out)
}

// picture writes delimiter, parameter sets and units, and zeros for what the sample brought itself.
func (m *muxer) picture(ctx context.Context, r *payload) error {
	e, sample := r.e, r.e.sample(&r.at)
	size, width := int64(sample.Size), int64(e.lengths)
	head, err := r.peek(ctx, 0, min(size, peekSize))
	if err != nil {
		return err
	}
	o := e.open(head, size)
	zeros, keyed := int64(0), e.keyed(&r.at, sample)
	if o.delimiter > 0 {
		zeros += o.delimiter - width + int64(len(startCode))
	}
	if keyed && o.sets&e.setTypes == e.setTypes {
		keyed = false
		zeros += int64(len(e.sets))
	}
	if err := m.out.Write(e.delimiter); err != nil {
		return err
	}
	if err := m.out.Zeros(zeros); err != nil {
		return err
	}
	if keyed {
		if err := m.out.Write(e.sets); err != nil {
			return err
		}
	}
	if err := m.units(ctx, r, o.delimiter, size); err != nil {
		return err
	}
	if m.out.Left() != 0 { // it was measured before
		return e.sampleError(&r.at, media.ErrChanged)
	}
	return nil
}

// units writes the units of a sample from pos with start codes. An empty one becomes zeros, as a start code needs a
// unit.
func (m *muxer) units(ctx context.Context, r *payload, pos, size int64) error {
	for pos < size {
		n, err := r.unit(ctx, pos, size)
		if err != nil {
			return err
		}
		pos += int64(r.e.lengths)
		switch {
		case r.e.key != nil:
			_, err = m.seal.unit(ctx, r, pos, n, &m.out)
		case n == 0:
			err = m.out.Zeros(int64(len(startCode)))
		default:
			if err = m.out.Write(startCode); err == nil {
				err = pass(ctx, r, pos, n, &m.out)
			}
		}
		if err != nil {
			return err
		}
		pos += n
	}
	return nil
}
