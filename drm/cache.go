package drm

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Cache stands before a provider that is asked over a network, and keeps what it gave: equal requests ask once, however many
// callers wait and whoever of them leaves. It asks again after ErrUnavailable, fetches the keys of the next key period before
// they are needed (where the request leaves their ids to mezzo), and goes on giving what it has while the provider is down.
// It never gives the key of one period for another: nodes would differ.
//
// Errors of Keys match ErrUnavailable, as an *UnavailableError with the time to wait, or what the provider's error matches.
// An answer that breaks the rules of the request (KeySet.Check) is refused.
//
// Only Provider is required. Fields stay as they are after first use. Safe for concurrent use. Close ends its goroutines.
type Cache struct {
	Provider KeyProvider // heeds its context
	// Max is how many key sets are kept, 0: 4096; the longest unused leave first. As many requests may be on their way, or
	// have failed: whoever asks for contents that are not there drives out no keys, and hears ErrUnavailable when it is too
	// many.
	Max      int
	Parallel int // requests to Provider at one time; 0: 32. Others wait, up to Timeout
	// Idle is how long keys of a rotating period are kept after their last use; 0: one hour.
	Idle time.Duration
	// Timeout bounds one request to Provider; 0: 10 s.
	Timeout time.Duration
	// Attempts is how often Provider is asked before callers hear that it is unavailable; 0: 3. They hear after Attempts
	// times Timeout and the Backoff between, if not before: 31 s where nothing else is said.
	Attempts int
	// Backoff is the time before the second attempt, which doubles with each; 0: 250 ms. Once callers have heard, Provider
	// is left alone for four times as long, which doubles up to MaxBackoff, 0: 30 s, or for as long as it says itself.
	Backoff, MaxBackoff time.Duration
	// Negative is how long other errors are kept, 0: 5 s; it doubles with each in a row, up to MaxBackoff.
	Negative time.Duration
	// Observe is told of each request to Provider, for logs and metrics; nil: nobody is. It must not block.
	Observe func(Fetch)

	once    sync.Once
	base    context.Context // of all requests; ends with Close
	stop    context.CancelFunc
	slots   chan struct{} // one for each of Parallel
	running sync.WaitGroup

	mu      sync.Mutex // guards the rest
	closed  bool
	entries map[string]*entry
	recent  *list.List // of *entry with keys, latest use first
	pending *list.List // of *entry without, likewise
}

// Fetch is one request to a provider.
type Fetch struct {
	ContentID string
	Period    Period
	Attempt   int // 1 up
	Ahead     bool
	Latency   time.Duration
	Err       error // nil: it gave the keys
}

// entry is what the cache knows of one request.
type entry struct {
	key      string
	place    *list.Element // in recent or pending
	rotates  bool
	used     time.Time
	flight   *flight   // nil: nobody asks
	set      *KeySet   // nil: none yet
	err      error     // of the last flight
	until    time.Time // err holds
	failures int       // flights that brought no keys, in a row
}

// flight is a request on its way; set and err are there once done is closed.
type flight struct {
	done chan struct{}
	set  *KeySet
	err  error
}

func (c *Cache) prepare() {
	c.once.Do(func() {
		c.base, c.stop = context.WithCancel(context.Background())
		c.slots = make(chan struct{}, or(c.Parallel, 32))
		c.entries = map[string]*entry{}
		c.recent, c.pending = list.New(), list.New()
	})
}

func or[T int | time.Duration](v, standard T) T {
	if v > 0 {
		return v
	}
	return standard
}

// Keys implements KeyProvider. A caller whose context ends leaves with its error; the request goes on for others.
func (c *Cache) Keys(ctx context.Context, req Request) (*KeySet, error) {
	c.prepare()
	var scratch [512]byte
	key := appendRequest(scratch[:0], &req)
	c.mu.Lock()
	e := c.entry(key, req.Period.Rotates)
	if e == nil {
		c.mu.Unlock()
		return nil, c.full(req.ContentID)
	}
	now := time.Now()
	e.used = now
	c.recent.MoveToFront(e.place) // one of the two has it
	c.pending.MoveToFront(e.place)
	set, f, err := e.set, e.flight, e.err
	switch {
	case set != nil || f != nil:
		err = nil
	case err != nil && now.Before(e.until):
		err = waiting(err, e.until.Sub(now))
	default:
		f, err = c.start(ctx, e, req, false), nil
	}
	c.ahead(ctx, &req, now)
	c.mu.Unlock()
	if set != nil || err != nil {
		return set, err
	}
	select {
	case <-f.done:
		return f.set, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("keys of %q: %w", req.ContentID, context.Cause(ctx))
	}
}

// Prefetch asks for keys that will be needed, and returns at once.
func (c *Cache) Prefetch(ctx context.Context, req Request) {
	c.prepare()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetchAhead(ctx, req)
}

// Key implements KeyFinder: among the keys that are kept, then with the Provider, if it is a KeyFinder too.
func (c *Cache) Key(ctx context.Context, id KeyID) (Key, error) {
	c.prepare()
	if k, ok := c.kept(id); ok {
		return k, nil
	}
	if finder, ok := c.Provider.(KeyFinder); ok {
		return finder.Key(ctx, id)
	}
	return Key{}, fmt.Errorf("%s was not asked for lately: %w", id, ErrNoKey)
}

func (c *Cache) kept(id KeyID) (Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := c.recent.Front(); p != nil; p = p.Next() {
		set := p.Value.(*entry).set
		for i := range set.Keys {
			if set.Keys[i].Key.ID == id {
				return set.Keys[i].Key, true
			}
		}
	}
	return Key{}, false
}

// Close ends requests that are on their way, and waits for them. What is kept is given still.
func (c *Cache) Close() {
	c.prepare()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.running.Wait()
}

// entry finds that of a request, or makes one; nil: there is no room. c.mu is held.
func (c *Cache) entry(key []byte, rotates bool) *entry {
	if e, ok := c.entries[string(key)]; ok {
		return e
	}
	limit := or(c.Max, 4096)
	for p := c.pending.Back(); p != nil && c.pending.Len() >= limit; {
		e := p.Value.(*entry)
		p = p.Prev()
		if e.flight == nil {
			c.drop(c.pending, e)
		}
	}
	if c.pending.Len() >= limit {
		return nil
	}
	e := &entry{key: string(key), rotates: rotates, used: time.Now()}
	e.place = c.pending.PushFront(e)
	c.entries[e.key] = e
	return e
}

// full is what callers hear for whom there is no entry.
func (c *Cache) full(content string) error {
	return &UnavailableError{
		RetryAfter: 4 * or(c.Backoff, 250*time.Millisecond),
		Err:        fmt.Errorf("keys of %q: %d requests are on their way: %w", content, or(c.Max, 4096), ErrUnavailable),
	}
}

// keep moves an entry to those that have keys, of which the longest unused leave. c.mu is held.
func (c *Cache) keep(e *entry) {
	c.pending.Remove(e.place)
	e.place = c.recent.PushFront(e)
	now, idle := time.Now(), or(c.Idle, time.Hour)
	for p := c.recent.Back(); p != nil; {
		e := p.Value.(*entry)
		p = p.Prev()
		over := c.recent.Len() > or(c.Max, 4096)
		if !over && now.Sub(e.used) <= idle {
			break
		}
		if over || e.rotates {
			c.drop(c.recent, e)
		}
	}
}

func (c *Cache) drop(from *list.List, e *entry) {
	from.Remove(e.place)
	delete(c.entries, e.key)
}

// ahead fetches the next key period once this one is half over, on the wall clock if there is one. c.mu is held.
func (c *Cache) ahead(ctx context.Context, req *Request, now time.Time) {
	p := req.Period
	interval := p.End - p.Start
	if !p.Rotates || interval <= 0 || len(req.KeyIDs) > 0 { // ids of the next period are not known
		return
	}
	if !p.Epoch.IsZero() && now.Sub(p.Epoch) < p.Start+interval/2 {
		return
	}
	next := *req
	next.Period.Index++
	next.Period.Start, next.Period.End = p.End, p.End+interval
	c.fetchAhead(ctx, next)
}

// fetchAhead asks unless the keys are there or were asked for just now. c.mu is held.
func (c *Cache) fetchAhead(ctx context.Context, req Request) {
	var scratch [512]byte
	key := appendRequest(scratch[:0], &req)
	e := c.entry(key, req.Period.Rotates)
	if e != nil && e.set == nil && e.flight == nil && !time.Now().Before(e.until) {
		c.start(ctx, e, req, true)
	}
}

// start sends a request on its way. It lives as long as the cache, not as its first caller. c.mu is held.
func (c *Cache) start(ctx context.Context, e *entry, req Request, ahead bool) *flight {
	f := &flight{done: make(chan struct{})}
	if c.closed {
		f.err = fmt.Errorf("key cache is closed: %w", ErrUnavailable)
		close(f.done)
		return f
	}
	e.flight = f
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(c.base, cancel)
	c.running.Go(func() {
		defer cancel()
		defer unhook()
		set, err := c.ask(ctx, &req, ahead)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.land(e, set, err)
		f.set, f.err = e.set, e.err
		close(f.done)
	})
	return f
}

// land keeps the result of a flight. c.mu is held.
func (c *Cache) land(e *entry, set *KeySet, err error) {
	e.flight = nil
	e.set, e.err = set, err
	switch {
	case err == nil:
		e.failures = 0
		c.keep(e)
	case errors.Is(err, ErrUnavailable):
		wait := or(c.Backoff, 250*time.Millisecond) << min(2+e.failures, 20)
		wait = min(wait, or(c.MaxBackoff, 30*time.Second))
		wait = max(wait, min(retryAfter(err), longestWait))
		e.failures++
		e.until = time.Now().Add(wait)
		e.err = waiting(err, wait)
	default:
		negative := or(c.Negative, 5*time.Second)
		e.until = time.Now().Add(min(negative<<min(e.failures, 10), max(negative, or(c.MaxBackoff, 30*time.Second))))
		e.failures++
	}
}

// longestWait is how long a provider may ask to be left alone.
const longestWait = 5 * time.Minute

// retryAfter is what the provider said of when to ask again; 0: nothing.
func retryAfter(err error) time.Duration {
	var u *UnavailableError
	if errors.As(err, &u) {
		return u.RetryAfter
	}
	return 0
}

// waiting tells an ErrUnavailable how long to wait from now on; other errors stay.
func waiting(err error, d time.Duration) error {
	if !errors.Is(err, ErrUnavailable) {
		return err
	}
	if u, ok := err.(*UnavailableError); ok && u.Err != nil { // its own wrapper alone is taken off
		err = u.Err
	}
	return &UnavailableError{RetryAfter: d, Err: err}
}
