package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// The cache holds no more than its limit, whatever it is asked for, and gives up what was not used for longest.
func TestCacheBound(t *testing.T) {
	c := cache[int, int]{limit: 100}
	built := 0
	ask := func(key int, size int64) {
		v, err := c.get(t.Context(), key, func(context.Context) (int, int64, error) { built++; return key, size, nil })
		require.NoError(t, err)
		require.Equal(t, key, v)
		require.LessOrEqual(t, c.used, c.limit)
		require.Equal(t, c.lru.Len(), len(c.entries))
	}
	for i := range 1000 {
		ask(i, int64(i%40))
	}
	ask(5000, 101) // too large to be kept, and nothing is given up for it
	require.Positive(t, c.lru.Len())
	ask(1, 60)
	ask(2, 40)
	ask(1, 60)
	ask(3, 10) // takes the place of 2
	built = 0
	ask(1, 60)
	ask(3, 10)
	require.Zero(t, built)
	ask(2, 40)
	require.Equal(t, 1, built)
}

// However many ask, it is built once; who leaves does not stop it; failures and panics are not kept.
func TestCacheBuildsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache[string, int]{limit: 100}
		var built atomic.Int64
		open := make(chan bool)
		build := func(ctx context.Context) (int, int64, error) {
			built.Add(1)
			<-open
			return 7, 1, ctx.Err()
		}
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				v, err := c.get(first, "x", build)
				if err == nil {
					require.Equal(t, 7, v)
				} else {
					require.ErrorIs(t, err, context.Canceled)
				}
			})
		}
		synctest.Wait()
		leave()
		close(open)
		wg.Wait()
		v, err := c.get(t.Context(), "x", build)
		require.NoError(t, err)
		require.Equal(t, 7, v)
		require.EqualValues(t, 1, built.Load())
	})
	c := cache[string, int]{limit: 100}
	require.Panics(t, func() {
		_, _ = c.get(t.Context(), "y", func(context.Context) (int, int64, error) { panic("bug") })
	})
	_, err := c.get(t.Context(), "y", func(context.Context) (int, int64, error) { return 0, 0, errors.New("trouble") })
	require.ErrorContains(t, err, "trouble")
	require.Empty(t, c.entries)
}

// CacheBytes holds for any number of presentations.
func TestPagesAreBounded(t *testing.T) {
	library := Map{}
	file := bmfftest.Object("x", bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 50), bmfftest.Audio(94)}}.Bytes())
	for i := range 100 {
		library[fmt.Sprintf("g/%d", i)] = &vod.Asset{Inputs: []vod.Input{{Name: "x", Object: file}}}
	}
	h := &Handler{Library: library, CacheBytes: 20_000}
	for name := range library {
		for _, p := range h.Playables(name) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, p.Path, nil))
			require.Equal(t, 200, w.Code)
			require.LessOrEqual(t, h.pages.used, h.CacheBytes)
		}
	}
	require.Greater(t, h.pages.used, h.CacheBytes/2, "it is used")
	require.LessOrEqual(t, h.views.used, int64(viewCacheBytes))
}
