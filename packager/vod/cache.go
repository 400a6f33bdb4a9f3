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

// Bounds of a Cache that has none.
const (
	DefaultCacheBytes = 256 << 20
	DefaultCacheFiles = 500
)

// Cache holds the tables and timelines of assets, the least recently used given up first, and that of an asset's older
// version with the first use of the newer. However many ask for an asset at once, its tables are read once; one who stops
// waiting does not stop the others. Files that are given up are released when the last reader has let go of them. The zero
// value is ready; one Cache may serve several Dirs. Safe for concurrent use.
type Cache struct {
	// Bytes bounds what is kept; 0 is DefaultCacheBytes, here and below negative is no bound. The asset used last is kept even
	// where it is larger by itself.
	Bytes int64
	// Files bounds the files that are kept open, in the same way; 0 is DefaultCacheFiles.
	Files int

	users  atomic.Int64 // Dirs so far
	forget bool         // failures are not remembered: keys do not name versions

	mu      sync.Mutex // guards what follows
	entries map[string]*entry
	latest  map[string]*entry // of each asset, what was built last
	lru     list.List         // of *entry, the most recently used first
	used    int64
	files   int
}

// value is what a Cache holds.
type value interface {
	size() int64
	files() int // held open
}

type entry struct {
	name string        // of the asset
	key  string        // and the version of its files
	done chan struct{} // closed when the fields below are set
	v    value
	err  error
	panc any

	bytes int64 // counted in used; 0 while building
	files int
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
func (c *Cache) do(ctx context.Context, name, key string, build func(context.Context) (value, error)) (value, error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry{name: name, key: key, done: make(chan struct{})}
		if c.entries == nil {
			c.entries, c.latest = map[string]*entry{}, map[string]*entry{}
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
		case !c.forget && (errors.Is(e.err, media.ErrFormat) || errors.Is(e.err, media.ErrUnsupported)):
			e.bytes = failureBytes
		}
		if e.bytes == 0 {
			delete(c.entries, e.key)
		} else {
			c.add(e)
		}
		close(e.done)
	}()
	e.v, e.err = build(ctx)
}

// add counts what was built, and gives up the asset's older version.
func (c *Cache) add(e *entry) {
	if e.err == nil {
		e.files = e.v.files()
	}
	if old := c.latest[e.name]; old != nil {
		c.remove(old)
	}
	c.latest[e.name] = e
	e.elem = c.lru.PushFront(e)
	c.used += e.bytes
	c.files += e.files
	c.evict()
}

// remove gives up an entry that add has counted.
func (c *Cache) remove(e *entry) {
	c.lru.Remove(e.elem)
	e.elem = nil
	c.used -= e.bytes
	c.files -= e.files
	delete(c.entries, e.key)
	delete(c.latest, e.name)
}

// drop gives up key if v is what it holds.
func (c *Cache) drop(key string, v value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.held(key, v); e != nil {
		c.remove(e)
	}
}

// resize counts an entry that grew.
func (c *Cache) resize(key string, v value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.held(key, v)
	if e == nil {
		return
	}
	n := v.size()
	c.used += n - e.bytes
	e.bytes = n
	c.evict()
}

// held is the entry of key where v is its value and is counted.
func (c *Cache) held(key string, v value) *entry {
	if e := c.entries[key]; e != nil && e.elem != nil && e.v == v {
		return e
	}
	return nil
}

func (c *Cache) evict() {
	bytes, files := c.Bytes, c.Files
	if bytes == 0 {
		bytes = DefaultCacheBytes
	}
	if files == 0 {
		files = DefaultCacheFiles
	}
	for c.lru.Len() > 1 && (bytes > 0 && c.used > bytes || files > 0 && c.files > files) {
		c.remove(c.lru.Back().Value.(*entry))
	}
}
