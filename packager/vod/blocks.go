package vod

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/mezzomedia/mezzo/packager/media"
)

// HTTPObject is a media.Object read by range requests. Bytes are fetched in blocks, several in one request where reads
// follow one another or Warm asks for them; those who want the same block wait for one request. What a server sends whole
// whatever the range is held whole, up to 16 MiB. A resource that changed
// gives media.ErrChanged, from the first request that notices: open it anew, as an Asset does with Input.Open. Safe for
// concurrent use.
type HTTPObject struct {
	h        HTTP
	size     int64
	version  string
	etag     string
	modified string
	requests atomic.Int64
	changed  atomic.Bool
	whole    atomic.Pointer[[]byte] // from a server that ignores Range; nil: none
	blocks   blocks
}

// Check returns media.ErrChanged once a request has shown that the resource is not what it was. It makes none itself.
func (o *HTTPObject) Check() error {
	if o.changed.Load() {
		return fmt.Errorf("%s: %w", o.name(), media.ErrChanged)
	}
	return nil
}

func (o *HTTPObject) Size() int64     { return o.size }
func (o *HTTPObject) Version() string { return o.version }

// Requests is the number of requests made so far.
func (o *HTTPObject) Requests() int64 { return o.requests.Load() }

// ReadAt implements media.Object.
func (o *HTTPObject) ReadAt(ctx context.Context, p []byte, off int64) error {
	if !inside(off, int64(len(p)), o.size) {
		return fmt.Errorf("%s: %d bytes at %d of %d: %w", o.name(), len(p), off, o.size, io.ErrUnexpectedEOF)
	}
	if whole := o.whole.Load(); whole != nil && ctx.Err() == nil {
		copy(p, (*whole)[off:])
		return nil
	}
	for len(p) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := off / o.h.Block
		data, err := o.block(ctx, n, (off+int64(len(p))-1)/o.h.Block-n+1)
		if err != nil {
			return err
		}
		k := copy(p, data[off-n*o.h.Block:])
		p, off = p[k:], off+int64(k)
	}
	return nil
}

// Warm fetches a range in the background, as far as one request and a quarter of the cache allow.
func (o *HTTPObject) Warm(off, n int64) {
	n = min(n, fetchLimit, o.h.Cache/4)
	if off = max(off, 0); n <= 0 || off >= o.size || o.whole.Load() != nil {
		return
	}
	end := min(off+n, o.size)
	first, last := off/o.h.Block, (end-1)/o.h.Block
	o.blocks.mu.Lock()
	defer o.blocks.mu.Unlock()
	for first <= last && o.blocks.has(first) {
		first++
	}
	if first <= last {
		o.start(first, last-first+1)
	}
}

// flight is one request on its way.
type flight struct {
	first, n int64 // blocks
	done     chan struct{}
	data     []byte
	err      error
}

// block returns block n; want is how many from there on the caller is going to read.
func (o *HTTPObject) block(ctx context.Context, n, want int64) ([]byte, error) {
	b := &o.blocks
	b.mu.Lock()
	if data := b.get(n); data != nil {
		b.mu.Unlock()
		return data, nil
	}
	f := b.flights[n]
	if f == nil {
		if n == b.next { // reads follow one another: fetch more at once
			want = max(want, 2*b.length)
		}
		f = o.start(n, want)
	}
	b.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	at := (n - f.first) * o.h.Block
	return f.data[at:min(at+o.h.Block, int64(len(f.data)))], nil
}

// start begins to fetch up to n blocks, until one that is there already; the lock is held.
func (o *HTTPObject) start(first, n int64) *flight {
	b := &o.blocks
	n = min(n, max(1, fetchLimit/o.h.Block), max(1, o.h.Cache/4/o.h.Block), (o.size+o.h.Block-1)/o.h.Block-first)
	f := &flight{first: first, n: 1, done: make(chan struct{})}
	for f.n < n && !b.has(first+f.n) {
		f.n++
	}
	if b.flights == nil {
		b.flights = map[int64]*flight{}
	}
	for i := range f.n {
		b.flights[first+i] = f
	}
	b.next, b.length = first+f.n, f.n
	go o.fly(f)
	return f
}

// fly makes the request of a flight. Nobody's context ends it: others may wait for it too.
func (o *HTTPObject) fly(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	off := f.first * o.h.Block
	f.data, f.err = o.fetch(ctx, off, min(f.n*o.h.Block, o.size-off))
	if errors.Is(f.err, media.ErrChanged) {
		o.changed.Store(true)
	}
	b := &o.blocks
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range f.n {
		delete(b.flights, f.first+i)
		if f.err == nil {
			// a copy, so that a block that is kept does not keep its neighbours
			b.put(f.first+i, append([]byte(nil), f.data[i*o.h.Block:min((i+1)*o.h.Block, int64(len(f.data)))]...))
		}
	}
	close(f.done)
}

// blocks keeps the blocks used last.
type blocks struct {
	limit int64

	mu      sync.Mutex // guards what follows
	held    map[int64]*list.Element
	lru     list.List // of *held, the most recently used first
	used    int64
	flights map[int64]*flight
	next    int64 // the block after the last flight, and how many that had
	length  int64
}

type held struct {
	n    int64
	data []byte
}

func (b *blocks) has(n int64) bool { return b.held[n] != nil || b.flights[n] != nil }

func (b *blocks) get(n int64) []byte {
	e := b.held[n]
	if e == nil {
		return nil
	}
	b.lru.MoveToFront(e)
	return e.Value.(*held).data
}

func (b *blocks) put(n int64, data []byte) {
	if b.held == nil {
		b.held = map[int64]*list.Element{}
	}
	if b.held[n] != nil {
		return
	}
	b.held[n] = b.lru.PushFront(&held{n, data})
	b.used += int64(len(data))
	for b.used > b.limit && b.lru.Len() > 1 {
		old := b.lru.Remove(b.lru.Back()).(*held)
		b.used -= int64(len(old.data))
		delete(b.held, old.n)
	}
}
