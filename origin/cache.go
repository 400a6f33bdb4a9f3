package origin

import (
	"container/list"
	"context"
	"sync"
)

// cache keeps what build made, the least recently used given up first. However many ask for a key at once, it is built
// once; a waiter who leaves does not stop the others. Failures are not kept. Safe for concurrent use.
type cache[K comparable, V any] struct {
	limit int64 // bytes; what is larger by itself is not kept

	mu      sync.Mutex // guards what follows
	entries map[K]*entry[K, V]
	lru     list.List // of *entry, the most recently used first; only built ones
	used    int64
}

type entry[K comparable, V any] struct {
	key  K
	done chan struct{} // closed when v and err are set
	v    V
	err  error
	size int64
	elem *list.Element
}

// get returns the value of key. build gets a context that outlives the first asker.
func (c *cache[K, V]) get(ctx context.Context, key K, build func(context.Context) (V, int64, error)) (V, error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry[K, V]{key: key, done: make(chan struct{})}
		if c.entries == nil {
			c.entries = map[K]*entry[K, V]{}
		}
		c.entries[key] = e
		c.mu.Unlock()
		c.fill(context.WithoutCancel(ctx), e, build)
		return e.v, e.err
	}
	if e.elem != nil {
		c.lru.MoveToFront(e.elem)
	}
	c.mu.Unlock()
	select {
	case <-e.done:
		return e.v, e.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

func (c *cache[K, V]) fill(ctx context.Context, e *entry[K, V], build func(context.Context) (V, int64, error)) {
	e.err = errPanic // unless build returns
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.err != nil || e.size > c.limit {
			delete(c.entries, e.key)
		} else {
			e.elem = c.lru.PushFront(e)
			c.used += e.size
		}
		for c.used > c.limit && c.lru.Len() > 0 {
			last := c.lru.Remove(c.lru.Back()).(*entry[K, V])
			delete(c.entries, last.key)
			c.used -= last.size
		}
		close(e.done)
	}()
	e.v, e.size, e.err = build(ctx)
}
