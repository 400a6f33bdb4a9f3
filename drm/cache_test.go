package drm_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

func master() *drm.Master {
	return &drm.Master{Secret: drm.NewMaterial([]byte("a secret of at least thirty-two bytes")), Signals: drm.Signaller{ClearKeyURL: "/drm/clearkey"}}
}

func request(content string) drm.Request {
	return drm.Request{ContentID: content, Scheme: drm.CENC, Systems: []drm.SystemID{drm.ClearKey}, Contract: drm.Shared()}
}

// counted asks fail, if there is one, before it asks Master.
type counted struct {
	calls atomic.Int64
	fail  func(ctx context.Context, call int64, req drm.Request) error
}

func (c *counted) Keys(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
	n := c.calls.Add(1)
	if c.fail != nil {
		if err := c.fail(ctx, n, req); err != nil {
			return nil, err
		}
	}
	return master().Keys(ctx, req)
}

func down(context.Context, int64, drm.Request) error {
	return fmt.Errorf("connection refused: %w", drm.ErrUnavailable)
}

func TestCacheAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(context.Context, int64, drm.Request) error { time.Sleep(time.Second); return nil }}
		cache := &drm.Cache{Provider: provider}
		defer cache.Close()
		sets := make([]*drm.KeySet, 1000)
		var wg sync.WaitGroup
		for i := range sets {
			wg.Go(func() {
				set, err := cache.Keys(t.Context(), request("demo/clip"))
				if err == nil {
					sets[i] = set
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, provider.calls.Load())
		for _, set := range sets {
			require.NotNil(t, set)
			require.Same(t, sets[0], set)
		}
		other := request("demo/clip")
		other.Scheme = drm.CBCS
		set, err := cache.Keys(t.Context(), other)
		require.NoError(t, err)
		require.NotEqual(t, sets[0].Keys[0].Key.ID, set.Keys[0].Key.ID)
		require.EqualValues(t, 2, provider.calls.Load())
	})
}

// Every field of a request tells it from others.
func TestCacheKey(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	period := drm.PeriodAt(0, time.Minute, epoch)
	yes := true
	change := []func(r *drm.Request){
		func(r *drm.Request) {},
		func(r *drm.Request) { r.ContentID = "other" },
		func(r *drm.Request) { r.Scheme = drm.CBCS },
		func(r *drm.Request) { r.Systems = nil },
		func(r *drm.Request) { r.Systems = []drm.SystemID{drm.ClearKey, drm.Widevine} },
		func(r *drm.Request) { r.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{}}}} },
		func(r *drm.Request) {
			r.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{HDR: &yes}}}}
		},
		func(r *drm.Request) {
			r.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{MinPixels: 7}}}}
		},
		func(r *drm.Request) { r.Contract = drm.Contract{{Label: "VIDEO", Audio: []drm.AudioFilter{{}}}} },
		func(r *drm.Request) {
			r.Contract = drm.Contract{{Label: "VIDEO", Audio: []drm.AudioFilter{{MaxChannels: 2}}}}
		},
		func(r *drm.Request) { r.Period = period },
		func(r *drm.Request) { r.Period = period; r.Period.End *= 2 },
		func(r *drm.Request) { r.Period = period; r.Period.Epoch = epoch.Add(1) },
		func(r *drm.Request) { r.KeyIDs = map[string]drm.KeyID{"ALL": {1}} },
		func(r *drm.Request) { r.KeyIDs = map[string]drm.KeyID{"ALL": {2}} },
	}
	provider := &counted{}
	cache := &drm.Cache{Provider: drm.KeyProviderFunc(func(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
		if req.Period.Index > 0 { // fetched ahead
			return nil, drm.ErrNoKey
		}
		return provider.Keys(ctx, req)
	})}
	defer cache.Close()
	for range 2 {
		for _, f := range change {
			r := request("demo/clip")
			f(&r)
			_, err := cache.Keys(t.Context(), r)
			require.NoError(t, err)
		}
	}
	require.EqualValues(t, len(change), provider.calls.Load())
}

func TestCacheCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(ctx context.Context, _ int64, _ drm.Request) error {
			select {
			case <-time.After(5 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		cache := &drm.Cache{Provider: provider}
		defer cache.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := cache.Keys(ctx, request("demo/clip"))
			first <- err
		}()
		synctest.Wait()
		second := make(chan error)
		go func() {
			_, err := cache.Keys(t.Context(), request("demo/clip"))
			second <- err
		}()
		require.ErrorIs(t, <-first, context.DeadlineExceeded)
		require.NoError(t, <-second)
		require.EqualValues(t, 1, provider.calls.Load())
	})
}

// The schedule: 0, 250 ms, 750 ms, then silence for 1 s, 2 s, ... 30 s.
func TestCacheDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []drm.Fetch
		provider := &counted{fail: down}
		cache := &drm.Cache{Provider: provider, Observe: func(f drm.Fetch) { asked = append(asked, f) }}
		defer cache.Close()
		start := time.Now()
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			want *= time.Second
			_, err := cache.Keys(t.Context(), request("demo/clip"))
			require.ErrorIs(t, err, drm.ErrUnavailable)
			var u *drm.UnavailableError
			require.ErrorAs(t, err, &u)
			require.Equal(t, want, u.RetryAfter)
			require.EqualValues(t, 3*(i+1), provider.calls.Load())

			time.Sleep(want / 2)
			_, err = cache.Keys(t.Context(), request("demo/clip")) // at once, and nobody is asked
			require.ErrorAs(t, err, &u)
			require.Equal(t, want/2, u.RetryAfter)
			require.Contains(t, err.Error(), "connection refused")
			require.EqualValues(t, 3*(i+1), provider.calls.Load())
			time.Sleep(want / 2)
		}
		require.Equal(t, 7*750*time.Millisecond+91*time.Second, time.Since(start))
		require.Equal(t, 3, asked[2].Attempt)
		require.Equal(t, "demo/clip", asked[2].ContentID)
		require.ErrorIs(t, asked[2].Err, drm.ErrUnavailable)
	})
}

// What was given goes on while the provider is down; other contents are asked for.
func TestCacheKeepsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{}
		cache := &drm.Cache{Provider: provider}
		defer cache.Close()
		first, err := cache.Keys(t.Context(), request("demo/clip"))
		require.NoError(t, err)
		provider.fail = down
		for range 10 {
			time.Sleep(time.Hour)
			set, err := cache.Keys(t.Context(), request("demo/clip"))
			require.NoError(t, err)
			require.Same(t, first, set)
			_, err = cache.Keys(t.Context(), request("demo/other"))
			require.ErrorIs(t, err, drm.ErrUnavailable)
		}
	})
}

func TestCacheFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(ctx context.Context, n int64, req drm.Request) error {
			if n%2 == 1 {
				return down(ctx, n, req)
			}
			return nil
		}}
		cache := &drm.Cache{Provider: provider}
		defer cache.Close()
		for i := range 10 {
			start := time.Now()
			_, err := cache.Keys(t.Context(), request(fmt.Sprint(i)))
			require.NoError(t, err)
			require.Equal(t, 250*time.Millisecond, time.Since(start))
		}
	})
}

func TestCacheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(ctx context.Context, _ int64, _ drm.Request) error { <-ctx.Done(); return ctx.Err() }}
		cache := &drm.Cache{Provider: provider, Timeout: time.Second, Parallel: 2}
		defer cache.Close()
		var wg sync.WaitGroup
		for i := range 4 { // two have to wait for a slot
			wg.Go(func() {
				_, err := cache.Keys(t.Context(), request(fmt.Sprint(i)))
				require.ErrorIs(t, err, drm.ErrUnavailable)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		start := time.Now()
		wg.Wait()
		require.Less(t, time.Since(start), 10*time.Second)
	})
}

func TestCacheErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, v := range []struct {
		name     string
		err      error
		is       error
		calls    int64 // of the first
		again    time.Duration
		answered bool // malformed answer in place of an error
	}{
		{"no key", drm.ErrNoKey, drm.ErrNoKey, 1, 5 * time.Second, false},
		{"refused", fmt.Errorf("other contract: %w", drm.ErrRefused), drm.ErrRefused, 1, 5 * time.Second, false},
		{"of no kind", broken, drm.ErrUnavailable, 3, time.Second, false},
		{"says when", &drm.UnavailableError{RetryAfter: time.Minute}, drm.ErrUnavailable, 1, time.Minute, false},
		{"says too long", &drm.UnavailableError{RetryAfter: 100 * time.Hour, Err: broken}, drm.ErrUnavailable, 1, 5 * time.Minute, false},
		{"answers nothing", nil, drm.ErrRefused, 1, 5 * time.Second, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := int64(0)
				cache := &drm.Cache{Provider: drm.KeyProviderFunc(func(context.Context, drm.Request) (*drm.KeySet, error) {
					calls++
					return nil, v.err
				})}
				defer cache.Close()
				ask := func() {
					_, err := cache.Keys(t.Context(), request("demo/clip"))
					require.ErrorIs(t, err, v.is)
					if v.err == broken {
						require.ErrorIs(t, err, broken)
					}
				}
				ask()
				time.Sleep(v.again - time.Nanosecond)
				ask()
				require.Equal(t, v.calls, calls)
				time.Sleep(time.Nanosecond)
				ask()
				require.Equal(t, 2*v.calls, calls)
			})
		})
	}
}

// A server that refuses is asked less and less: 5, 10, 20, 30, 30 s.
func TestCacheRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(context.Context, int64, drm.Request) error { return drm.ErrRefused }}
		cache := &drm.Cache{Provider: provider}
		defer cache.Close()
		for i, wait := range []time.Duration{5, 10, 20, 30, 30} {
			for range 2 { // the second hears what the first was told
				_, err := cache.Keys(t.Context(), request("demo/clip"))
				require.ErrorIs(t, err, drm.ErrRefused)
				require.EqualValues(t, i+1, provider.calls.Load())
				time.Sleep(wait * time.Second / 2)
			}
		}
		provider.fail = nil
		_, err := cache.Keys(t.Context(), request("demo/clip"))
		require.NoError(t, err)
	})
}

// The keys of the next period are there before anybody needs them, though the provider goes down at the rotation.
func TestCacheRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead []uint64
		provider := &counted{}
		cache := &drm.Cache{Provider: provider, Observe: func(f drm.Fetch) {
			if f.Ahead {
				ahead = append(ahead, f.Period.Index)
			}
		}}
		defer cache.Close()
		epoch := time.Now().Add(-time.Hour)
		at := func() drm.Request {
			r := request("demo/live")
			r.Period = drm.PeriodAt(time.Since(epoch), 10*time.Second, epoch)
			return r
		}
		seen := map[drm.KeyID]bool{}
		for second := range 40 { // one request a second
			set, err := cache.Keys(t.Context(), at())
			require.NoError(t, err)
			seen[set.Keys[0].Key.ID] = true
			synctest.Wait()
			require.EqualValues(t, 1+(second+5)/10, provider.calls.Load(), "second %d", second)
			time.Sleep(time.Second)
		}
		require.Len(t, seen, 4)
		require.Equal(t, []uint64{361, 362, 363, 364}, ahead)

		provider.fail = down
		_, err := cache.Keys(t.Context(), at())
		require.NoError(t, err, "fetched ahead")
		time.Sleep(10 * time.Second)
		_, err = cache.Keys(t.Context(), at())
		require.ErrorIs(t, err, drm.ErrUnavailable)
		last := at()
		last.Period = drm.PeriodAt(last.Period.Start-1, 10*time.Second, epoch)
		_, err = cache.Keys(t.Context(), last)
		require.NoError(t, err, "what was given goes on")
	})
}

func TestCacheFindsKeys(t *testing.T) {
	cache := &drm.Cache{Provider: &counted{}} // finds none itself
	defer cache.Close()
	set, err := cache.Keys(t.Context(), request("demo/clip"))
	require.NoError(t, err)
	k, err := cache.Key(t.Context(), set.Keys[0].Key.ID)
	require.NoError(t, err)
	require.True(t, k.Value.Equal(set.Keys[0].Key.Value))
	_, err = cache.Key(t.Context(), drm.KeyID{1})
	require.ErrorIs(t, err, drm.ErrNoKey)

	finder := &drm.Cache{Provider: master()}
	defer finder.Close()
	_, err = finder.Key(t.Context(), drm.KeyID{1})
	require.NoError(t, err)

	empty := &drm.Cache{}
	defer empty.Close()
	_, err = empty.Keys(t.Context(), request("demo/clip"))
	require.ErrorIs(t, err, drm.ErrNoKey)
}

func BenchmarkCacheHit(b *testing.B) {
	cache := &drm.Cache{Provider: master()}
	defer cache.Close()
	r := request("demo/clip")
	r.Period = drm.PeriodAt(0, time.Minute, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cache.Keys(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
