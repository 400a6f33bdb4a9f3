package drm_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

func TestCacheBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{}
		cache := &drm.Cache{Provider: provider, Max: 4}
		defer cache.Close()
		ask := func(content string, asked bool) {
			before := provider.calls.Load()
			_, err := cache.Keys(t.Context(), request(content))
			require.NoError(t, err)
			require.Equal(t, asked, provider.calls.Load() > before, content)
		}
		for _, content := range []string{"a", "b", "c", "d"} {
			ask(content, true)
		}
		ask("a", false)
		ask("e", true)
		ask("a", false) // used since
		ask("b", true)  // the longest unused has left
	})
}

// Contents that are not there, or cannot be had while the provider is down, drive out no keys.
func TestCacheFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{}
		cache := &drm.Cache{Provider: provider, Max: 4}
		defer cache.Close()
		for _, content := range []string{"a", "b", "c", "d"} {
			_, err := cache.Keys(t.Context(), request(content))
			require.NoError(t, err)
		}
		for _, err := range []error{drm.ErrNoKey, drm.ErrUnavailable} {
			provider.fail = func(context.Context, int64, drm.Request) error { return err }
			for i := range 100 {
				_, got := cache.Keys(t.Context(), request(fmt.Sprint(i)))
				require.ErrorIs(t, got, err)
			}
			for _, content := range []string{"a", "b", "c", "d"} {
				_, err := cache.Keys(t.Context(), request(content))
				require.NoError(t, err, content)
			}
		}
	})
}

// A provider that hangs has no more than Max requests, and as many goroutines; callers that find no room hear so at once.
func TestCacheFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(ctx context.Context, _ int64, _ drm.Request) error { <-ctx.Done(); return ctx.Err() }}
		cache := &drm.Cache{Provider: provider, Max: 4, Attempts: 1}
		defer cache.Close()
		before := runtime.NumGoroutine()
		for i := range 1000 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // callers leave, their requests go on
			_, err := cache.Keys(ctx, request(fmt.Sprint(i)))
			require.Error(t, err)
			if i >= 4 {
				require.ErrorIs(t, err, drm.ErrUnavailable)
				var u *drm.UnavailableError
				require.ErrorAs(t, err, &u)
				require.Equal(t, time.Second, u.RetryAfter)
			}
			cache.Prefetch(t.Context(), request(fmt.Sprint(i, " ahead")))
		}
		synctest.Wait()
		require.LessOrEqual(t, runtime.NumGoroutine()-before, 8)
		time.Sleep(time.Minute)
		provider.fail = nil
		_, err := cache.Keys(t.Context(), request("demo/clip"))
		require.NoError(t, err, "room again")
	})
}

func TestCacheIdlePeriods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{}
		cache := &drm.Cache{Provider: provider, Idle: time.Minute}
		defer cache.Close()
		old := request("demo/live")
		old.Period = drm.PeriodAt(0, time.Second, time.Now().Add(time.Hour)) // its middle is far: nothing is fetched ahead
		stays := request("demo/clip")
		for range 2 {
			for _, r := range []drm.Request{old, stays} {
				_, err := cache.Keys(t.Context(), r)
				require.NoError(t, err)
			}
		}
		require.EqualValues(t, 2, provider.calls.Load())
		time.Sleep(2 * time.Minute)
		_, err := cache.Keys(t.Context(), request("another")) // makes the sweep
		require.NoError(t, err)
		for _, r := range []drm.Request{stays, old} {
			_, err := cache.Keys(t.Context(), r)
			require.NoError(t, err)
		}
		require.EqualValues(t, 4, provider.calls.Load())
	})
}

// A provider whose own deadline ends, or whose request Close cancels, is unavailable: no caller may take that for the end of
// its own context.
func TestCacheHidesContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{fail: func(ctx context.Context, _ int64, _ drm.Request) error {
			<-ctx.Done()
			return fmt.Errorf("%w: %w", drm.ErrUnavailable, ctx.Err())
		}}
		cache := &drm.Cache{Provider: provider, Attempts: 1, Timeout: time.Second}
		ask := func(content string) error {
			_, err := cache.Keys(t.Context(), request(content))
			return err
		}
		closed := make(chan error, 1)
		errs := []error{ask("late")}
		go func() { closed <- ask("closed") }()
		synctest.Wait()
		cache.Close()
		for _, err := range append(errs, <-closed) {
			require.ErrorIs(t, err, drm.ErrUnavailable)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, context.Canceled)
		}
	})
}

func TestCacheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &counted{}
		cache := &drm.Cache{Provider: provider}
		kept, err := cache.Keys(t.Context(), request("kept"))
		require.NoError(t, err)
		provider.fail = func(ctx context.Context, _ int64, _ drm.Request) error { <-ctx.Done(); return ctx.Err() }
		waits := make(chan error, 1)
		go func() {
			_, err := cache.Keys(t.Context(), request("waits"))
			waits <- err
		}()
		cache.Prefetch(t.Context(), request("ahead"))
		synctest.Wait()
		require.EqualValues(t, 3, provider.calls.Load())
		start := time.Now()
		cache.Close()
		require.Zero(t, time.Since(start))
		require.ErrorIs(t, <-waits, drm.ErrUnavailable)

		set, err := cache.Keys(t.Context(), request("kept"))
		require.NoError(t, err)
		require.Same(t, kept, set)
		_, err = cache.Keys(t.Context(), request("new"))
		require.ErrorIs(t, err, drm.ErrUnavailable)
		cache.Close()
	})
}

// Many callers, contents, deadlines and failures at once, for the race detector.
func TestCacheMany(t *testing.T) {
	provider := &counted{fail: func(ctx context.Context, n int64, req drm.Request) error {
		switch n % 4 {
		case 0:
			return drm.ErrNoKey
		case 1:
			return down(ctx, n, req)
		}
		return nil
	}}
	cache := &drm.Cache{Provider: provider, Max: 8, Parallel: 2, Backoff: time.Microsecond, MaxBackoff: 2 * time.Microsecond, Negative: time.Microsecond,
		Observe: func(drm.Fetch) {}}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(n%5)*time.Millisecond)
				r := request(fmt.Sprint(n % 13))
				r.Period = drm.PeriodAt(time.Duration(n)*time.Second, time.Second, time.Time{})
				_, _ = cache.Keys(ctx, r)
				_, _ = cache.Key(ctx, drm.KeyID{byte(i)})
				cancel()
			}
		})
	}
	wg.Wait()
	cache.Close()
}

func TestCachePanickingProvider(t *testing.T) {
	c := &drm.Cache{Attempts: 1, Provider: drm.KeyProviderFunc(func(context.Context, drm.Request) (*drm.KeySet, error) {
		panic("of a provider, with what it knows")
	})}
	defer c.Close()
	_, err := c.Keys(t.Context(), drm.Request{ContentID: "c", Scheme: drm.CENC, Systems: []drm.SystemID{drm.ClearKey}, Contract: drm.Shared()})
	require.ErrorIs(t, err, drm.ErrUnavailable)
	require.NotContains(t, err.Error(), "knows")
}
