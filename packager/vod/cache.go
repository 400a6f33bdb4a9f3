package vod

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/mezzomedia/mezzo/packager/media"
)

// DefaultCacheBytes is the bound of a Cache that has none.
const DefaultCacheBytes = 256 << 20

// Cache holds the tables and timelines of assets, the least recently used given up first. However many ask for an asset
// at once, its tables are read once; one who stops waiting does not stop the others. Files that are given up are
// released when the last reader has let go of them. The zero value is ready; one Cache may serve several Dirs. Safe for
// concurrent use.
type Cache struct {
	// Bytes bounds what is kept; 0 is DefaultCacheBytes, negative no bound. The asset used last is kept even
	// where it is larger by itself.
	Bytes int64

	users atomic.Int64 // Dirs so far

	mu      sync.Mutex // guards what follows
	entries map[string]*entry
	lru     list.List // of *entry, the most recently used first
	used    int64
}

// value is what a Cache holds.
type value interface{ size() int64 }

type entry struct {
	key  string
	done chan struct{} // closed when the fields below are set
	v    value
	err  error
	panc any

	bytes int64 // counted in used; 0 while building
	elem  *list.Element
}

const failureBytes = 512 // what a remembered failure counts for

// Used is the number of bytes held.
func (c *Cache) Used() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// do returns the value of key, made by build where there is none. Failures that lie in the bytes are remembered too.
func (c *Cache) do(ctx context.Context, key string, build func(context.Context) (value, error)) (value, error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry{key: key, done: make(chan struct{})}
		if c.entries == nil {
			c.entries = map[string]*entry{}
		}
		c.entries[key] = e
		go c.build(context.WithoutCancel(ctx), e, build)
	} else if e.elem != nil {
		c.lru.MoveToFront(e.elem)
	}
	c.mu.Unlock()
	select {
	case <-e.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e.panc != nil {
		panic(e.panc) // in the goroutine of those who asked, who know what to do about it
	}
	return e.v, e.err
}

func (c *Cache) build(ctx context.Context, e *entry, build func(context.Context) (value, error)) {
	defer func() {
		if r := recover(); r != nil {
			e.panc = fmt.Sprintf("building %s: %v\n%s", e.key, r, debug.Stack())
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case e.panc != nil:
		case e.err == nil:
			e.bytes = e.v.size()
		case errors.Is(e.err, media.ErrFormat) || errors.Is(e.err, media.ErrUnsupported):
			e.bytes = failureBytes
		}
		if e.bytes == 0 {
			delete(c.entries, e.key)
		} else {
			e.elem = c.lru.PushFront(e)
			c.used += e.bytes
			c.evict()
		}
		close(e.done)
	}()
	e.v, e.err = build(ctx)
}

// resize counts an entry that grew.
func (c *Cache) resize(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil || e.elem == nil || e.v == nil {
		return
	}
	n := e.v.size()
	c.used += n - e.bytes
	e.bytes = n
	c.evict()
}

func (c *Cache) evict() {
	bound := c.Bytes
	if bound == 0 {
		bound = DefaultCacheBytes
	}
	for bound > 0 && c.used > bound && c.lru.Len() > 1 {
		e := c.lru.Remove(c.lru.Back()).(*entry)
		e.elem = nil
		c.used -= e.bytes
		delete(c.entries, e.key)
	}
}
