package ts

import (
	"context"
	"fmt"
	"io"

	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	windowSize = 128 << 10
	windowGap  = 16 << 10 // bytes between samples that are read along to spare a read
)

// payload reads the samples of one elementary stream in order: in place where the Object has its bytes in memory, else
// by large reads into a window.
type payload struct {
	e      *elementary
	at     place // the sample
	run    int   // whose bytes the window holds; an Object need not be comparable
	window []byte
	base   int64 // of window in the run's Object
	buffer []byte
	tail   [64]byte
	chain  sampleaes.Chain // for a stream with a key
}

// reset prepares for a stream. The buffer stays.
func (r *payload) reset(e *elementary) {
	r.e, r.run, r.window = e, 0, nil
	if e != nil {
		r.chain.Reset(e.key)
	} else {
		r.chain.Reset(nil)
	}
}

// some returns between 1 and n bytes at off of the sample; no more than are in one piece.
func (r *payload) some(ctx context.Context, off, n int64) ([]byte, error) {
	have, err := r.from(ctx, off, 1)
	return have[:min(n, int64(len(have)))], err
}

// peek returns n bytes at off of the sample, at most peekSize.
func (r *payload) peek(ctx context.Context, off, n int64) ([]byte, error) {
	have, err := r.from(ctx, off, n)
	if err != nil {
		return nil, err
	}
	return have[:n], nil
}

// from returns the window from off of the sample, filled again where it has less than n bytes of it.
func (r *payload) from(ctx context.Context, off, n int64) ([]byte, error) {
	run := &r.e.input.Runs[r.at.run]
	abs := run.Samples[r.at.sample].Offset + off
	if r.window != nil && r.run == r.at.run && abs >= r.base && abs+n <= r.base+int64(len(r.window)) {
		return r.window[abs-r.base:], nil
	}
	if err := r.fill(ctx, run, off, abs); err != nil {
		return nil, r.e.sampleError(&r.at, err)
	}
	if int64(len(r.window)) < n {
		return nil, r.e.sampleError(&r.at, io.ErrUnexpectedEOF)
	}
	return r.window, nil
}

// fill makes the window begin at byte off of the sample, which is abs of the object.
func (r *payload) fill(ctx context.Context, run *media.Run, off, abs int64) error {
	r.run, r.base, r.window = r.at.run, abs, nil
	if run.Data == nil {
		return fmt.Errorf("a run without data: %w", media.ErrFormat)
	}
	size := int64(run.Samples[r.at.sample].Size)
	if m, ok := run.Data.(media.Byter); ok {
		if r.window = m.Bytes(abs, size-off); r.window != nil {
			return nil
		}
	}
	end := abs + size - off
	for i := r.at.sample + 1; i < len(run.Samples) && end-abs < windowSize; i++ {
		s := &run.Samples[i]
		if s.Offset < end || s.Offset-end > windowGap || s.Offset+int64(s.Size)-abs > windowSize {
			break
		}
		end = s.Offset + int64(s.Size)
	}
	if r.buffer == nil {
		r.buffer = make([]byte, windowSize)
	}
	b := r.buffer[:min(end-abs, windowSize)]
	if err := run.Data.ReadAt(ctx, b, abs); err != nil {
		return err
	}
	r.window = b
	return nil
}

// read fills p from off of the sample.
func (r *payload) read(ctx context.Context, p []byte, off int64) error {
	for len(p) > 0 {
		b, err := r.some(ctx, off, int64(len(p)))
		if err != nil {
			return err
		}
		n := copy(p, b)
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// trimmed is n less the number of zeros that the n bytes at off of the sample end with. The window stays where it is.
func (r *payload) trimmed(ctx context.Context, off, n int64) (int64, error) {
	for n > 0 {
		k := min(n, int64(len(r.tail)))
		p, err := r.aside(ctx, off+n-k, k)
		if err != nil {
			return 0, err
		}
		for ; k > 0 && p[k-1] == 0; k-- {
			n--
		}
		if k > 0 {
			break
		}
	}
	return n, nil
}

// aside returns n bytes at off of the sample, at most len(tail), from the window if it has them.
func (r *payload) aside(ctx context.Context, off, n int64) ([]byte, error) {
	run := &r.e.input.Runs[r.at.run]
	abs := run.Samples[r.at.sample].Offset + off
	if r.window != nil && r.run == r.at.run && abs >= r.base && abs+n <= r.base+int64(len(r.window)) {
		return r.window[abs-r.base:][:n], nil
	}
	p := r.tail[:n]
	if err := run.Data.ReadAt(ctx, p, abs); err != nil {
		return nil, r.e.sampleError(&r.at, err)
	}
	return p, nil
}
