package drm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ask asks the provider until it answers, refuses, or Attempts are used up.
func (c *Cache) ask(ctx context.Context, req *Request, ahead bool) (*KeySet, error) {
	if c.Provider == nil {
		return nil, fmt.Errorf("key cache without a provider: %w", ErrNoKey)
	}
	wait := or(c.Backoff, 250*time.Millisecond)
	for attempt := 1; ; attempt++ {
		start := time.Now()
		set, err := c.askOnce(ctx, req)
		if c.Observe != nil {
			c.Observe(Fetch{ContentID: req.ContentID, Period: req.Period, Attempt: attempt, Ahead: ahead, Latency: time.Since(start), Err: err})
		}
		if err == nil || !errors.Is(err, ErrUnavailable) || attempt >= or(c.Attempts, 3) || retryAfter(err) > wait {
			return set, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			wait *= 2
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// askOnce sends one request, when there is a slot for it.
func (c *Cache) askOnce(ctx context.Context, req *Request) (*KeySet, error) {
	timeout := or(c.Timeout, 10*time.Second)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("keys of %q: %d requests are on their way: %w", req.ContentID, cap(c.slots), ErrUnavailable)
	}
	set, err := c.provided(ctx, req)
	switch {
	case err == nil:
		if err := set.Check(req); err != nil {
			return nil, fmt.Errorf("keys of %q: %w", req.ContentID, err)
		}
		return set, nil
	case permanent(err) && !errors.Is(err, ErrUnavailable):
		return nil, err
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return nil, fmt.Errorf("keys of %q: key cache is closed: %w", req.ContentID, ErrUnavailable)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// %v: callers must not take it for the end of their own context.
		return nil, fmt.Errorf("keys of %q: no answer in time, which is %v at most: %v: %w", req.ContentID, timeout, err, ErrUnavailable)
	case errors.Is(err, ErrUnavailable):
		return nil, err
	}
	return nil, fmt.Errorf("keys of %q: %w: %w", req.ContentID, err, ErrUnavailable)
}

// permanent reports whether to ask again is of no use. Errors of no kind may come from the network.
func permanent(err error) bool {
	for _, kind := range []error{ErrNoKey, ErrRefused, ErrKeyLength, ErrFormat, ErrIncompatible} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// appendRequest appends a request so that equal ones alone give equal bytes. It allocates nothing where KeyIDs are nil.
func appendRequest(b []byte, r *Request) []byte {
	b = appendText(b, r.ContentID)
	if p := &r.Period; p.Rotates {
		b = append(b, 1)
		b = binary.AppendUvarint(b, p.Index)
		b = binary.AppendVarint(b, int64(p.Start))
		b = binary.AppendVarint(b, int64(p.End))
		b = binary.AppendVarint(b, p.Epoch.Unix())
		b = binary.AppendVarint(b, int64(p.Epoch.Nanosecond()))
	} else {
		b = append(b, 0)
	}
	b = appendText(b, string(r.Scheme))
	b = binary.AppendUvarint(b, uint64(len(r.Systems)))
	for _, s := range r.Systems {
		b = appendText(b, string(s))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Contract)))
	for i := range r.Contract {
		b = appendRule(b, &r.Contract[i])
	}
	if len(r.KeyIDs) > 0 {
		for _, label := range slices.Sorted(maps.Keys(r.KeyIDs)) {
			id := r.KeyIDs[label]
			b = append(appendText(b, label), id[:]...)
		}
	}
	return b
}

func appendRule(b []byte, r *Rule) []byte {
	b = appendText(b, r.Label)
	b = binary.AppendUvarint(b, uint64(len(r.Video)))
	for i := range r.Video {
		f := &r.Video[i]
		for _, n := range [...]int{f.MinPixels, f.MaxPixels, f.MinFPS, f.MaxFPS} {
			b = binary.AppendVarint(b, int64(n))
		}
		switch {
		case f.HDR == nil:
			b = append(b, 0)
		case *f.HDR:
			b = append(b, 2)
		default:
			b = append(b, 1)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(r.Audio)))
	for _, f := range r.Audio {
		b = binary.AppendVarint(b, int64(f.MinChannels))
		b = binary.AppendVarint(b, int64(f.MaxChannels))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// provided asks the provider. One that panics fails those who wait for these keys and nobody else.
func (c *Cache) provided(ctx context.Context, req *Request) (set *KeySet, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the provider panicked (%T): %w", p, ErrUnavailable)
		}
	}()
	return c.Provider.Keys(ctx, *req)
}
