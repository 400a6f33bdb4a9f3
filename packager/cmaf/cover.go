package cmaf

import (
	"context"
	"fmt"
	"sync"

	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// cover is what of each sample of a segment is encrypted here: the subsamples of sample i end at ends[i] of subs. The zero
// value is samples that are encrypted whole.
type cover struct {
	subs []media.Subsample
	ends []uint32
}

// of are the subsamples of sample i of the segment; nil: the whole of it.
func (c *cover) of(i int) []media.Subsample {
	if c.ends == nil {
		return nil
	}
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.subs[from:c.ends[i]]
}

var mappers = sync.Pool{New: func() any { return new(mapper) }}

// mapper is a cenc.Mapper with memory for a sample that lies in no memory.
type mapper struct {
	cenc.Mapper
	buffer []byte
}

const keptBuffer = 1 << 20 // of more than that a pooled mapper lets go

// mapped finds the cover of the samples of an Input that is to be encrypted. Only headers are read, where the Object has its
// bytes in memory; else sample by sample.
func mapped(ctx context.Context, in *packager.Input) (cover, error) {
	if in.Track.Kind == media.Audio {
		return cover{}, nil
	}
	m := mappers.Get().(*mapper)
	defer mappers.Put(m)
	if err := m.Reset(in.Track, in.Scheme()); err != nil {
		return cover{}, err
	}
	n := 0
	for i := range in.Runs {
		n += len(in.Runs[i].Samples)
	}
	c := cover{subs: make([]media.Subsample, 0, n+n/4), ends: make([]uint32, 0, n)}
	for i := range in.Runs {
		if err := ctx.Err(); err != nil {
			return cover{}, err
		}
		if _, ok := in.Runs[i].Data.(media.Byter); !ok { // all of it is read here, and then held for Send
			media.Warm(in.Runs[i].Data, in.Runs[i].Extents())
		}
		err := packager.Guard(func() error { return m.run(ctx, &c, &in.Runs[i]) })
		if check, ok := in.Runs[i].Data.(media.Checker); ok {
			if changed := check.Check(); changed != nil { // what looks like damage is another file's bytes
				err = changed
			}
		}
		if err != nil {
			return cover{}, fmt.Errorf("track %s: %w", in.Track.ID, err)
		}
	}
	if cap(m.buffer) > keptBuffer {
		m.buffer = nil
	}
	return c, nil
}

func (m *mapper) run(ctx context.Context, c *cover, r *media.Run) error {
	for i := range r.Samples {
		b, err := m.sample(ctx, r, &r.Samples[i])
		if err == nil {
			c.subs, err = m.Map(c.subs, b)
		}
		if err != nil {
			return fmt.Errorf("sample of %d bytes at %d: %w", r.Samples[i].Size, r.Samples[i].Offset, err)
		}
		c.ends = append(c.ends, uint32(len(c.subs)))
	}
	return nil
}

// sample returns the bytes of a sample, until the next call.
func (m *mapper) sample(ctx context.Context, r *media.Run, s *media.Sample) ([]byte, error) {
	if s.Size == 0 {
		return nil, nil
	}
	if r.Data == nil {
		return nil, fmt.Errorf("a run without data: %w", media.ErrFormat)
	}
	size := int64(s.Size)
	if b, ok := r.Data.(media.Byter); ok {
		if p := b.Bytes(s.Offset, size); p != nil {
			return p, nil
		}
	}
	if s.Offset < 0 || s.Offset > r.Data.Size() || size > r.Data.Size()-s.Offset {
		return nil, fmt.Errorf("beyond an object of %d bytes: %w", r.Data.Size(), media.ErrFormat)
	}
	if int64(cap(m.buffer)) < size {
		m.buffer = make([]byte, size)
	}
	b := m.buffer[:size]
	return b, r.Data.ReadAt(ctx, b, s.Offset)
}
