package speketest_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
)

// Each fault: its error, within time and memory, and the next request is served.
func TestFaults(t *testing.T) {
	c, key := certificate(t)
	contract, err := drm.Preset("PRESET_VIDEO_2", "PRESET_AUDIO_1")
	require.NoError(t, err)
	want := map[speketest.Kind]error{
		speketest.Status: drm.ErrUnavailable, speketest.Hang: drm.ErrUnavailable, speketest.Drop: drm.ErrUnavailable,
		speketest.Truncated: drm.ErrUnavailable, speketest.Unfinished: drm.ErrFormat, speketest.Endless: drm.ErrFormat,
		speketest.Huge: drm.ErrFormat, speketest.Malformed: drm.ErrFormat, speketest.Entities: drm.ErrFormat, speketest.Deep: drm.ErrFormat,
		speketest.HTML: drm.ErrFormat, speketest.NoHeaders: drm.ErrRefused, speketest.Redirect: drm.ErrRefused,
		speketest.WrongVersion: drm.ErrRefused, speketest.OtherContent: drm.ErrRefused, speketest.WrongKeyID: drm.ErrRefused,
		speketest.ReplaceKeyIDs: nil, speketest.StaleKeyIDs: drm.ErrRefused, speketest.MissingKey: drm.ErrRefused, speketest.NoValue: drm.ErrRefused,
		speketest.ShortKey: drm.ErrKeyLength, speketest.DoubleKey: drm.ErrFormat, speketest.OtherScheme: drm.ErrRefused,
		speketest.MissingSystem: drm.ErrRefused, speketest.EmptyElement: drm.ErrRefused, speketest.WrongPSSH: drm.ErrRefused,
		speketest.WrongHLS: drm.ErrRefused, speketest.OtherContract: drm.ErrRefused, speketest.OtherPeriod: drm.ErrRefused,
		speketest.ClearKeys: drm.ErrRefused, speketest.WrongMAC: drm.ErrRefused,
	}
	server := start(t, nil)
	for _, version := range []speke.Version{speke.V20, speke.V21} {
		for _, kind := range speketest.Kinds() {
			t.Run(string(version)+" "+string(kind), func(t *testing.T) {
				require.Contains(t, want, kind)
				timeout := 10 * time.Second
				if kind == speketest.Hang {
					timeout = 100 * time.Millisecond
				}
				client := &speke.Client{URL: server.URL, Version: version, Timeout: timeout}
				if kind == speketest.ClearKeys || kind == speketest.WrongMAC {
					client.Certificate, client.PrivateKey = c, key
				}
				req := request("c", contract, drm.CENC)
				req.Period = drm.PeriodAt(0, time.Minute, time.Time{})
				server.SetFaults(speketest.Fault{Kind: kind, Times: 1})
				before, begun := allocated(), time.Now()
				set, err := client.Keys(t.Context(), req)
				require.Less(t, time.Since(begun), timeout+2*time.Second)
				require.Less(t, allocated()-before, uint64(64<<20), "bytes, of server and client")
				require.ErrorIs(t, err, want[kind])
				if want[kind] == nil {
					require.NotEqual(t, req.KeyID("AUDIO"), set.Keys[2].Key.ID)
					return
				}
				require.True(t, errors.Is(err, drm.ErrRefused) || errors.Is(err, drm.ErrUnavailable), "%v", err)
				require.Nil(t, set)
				leaksNothing(t, err, &req)
				if kind == speketest.Status {
					var answered *speke.Error
					require.ErrorAs(t, err, &answered)
					require.Equal(t, 500, answered.Status)
				}
				client.Timeout = 0
				_, err = client.Keys(t.Context(), req)
				require.NoError(t, err, "the next request")
			})
		}
	}
}

// allocated is what the process has allocated so far, bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// leaksNothing looks for the keys of a request in an error.
func leaksNothing(t *testing.T, err error, req *drm.Request) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, err)
	for _, r := range req.Contract {
		k, err := speketest.Keys().Key(t.Context(), req.KeyID(r.Label))
		require.NoError(t, err)
		v, _ := k.Value.Reveal()
		for _, form := range []string{string(v[:]), hex.EncodeToString(v[:]), base64.StdEncoding.EncodeToString(v[:])[:20], fmt.Sprint(v[:8])} {
			require.NotContains(t, text, strings.Trim(form, "[]"))
		}
	}
}

// SPEKE 1 has fewer rules; what it has is kept.
func TestFaultsV1(t *testing.T) {
	server := start(t, nil)
	for kind, want := range map[speketest.Kind]error{
		speketest.Drop: drm.ErrUnavailable, speketest.OtherContent: drm.ErrRefused, speketest.WrongKeyID: drm.ErrRefused,
		speketest.MissingSystem: drm.ErrRefused, speketest.ShortKey: drm.ErrKeyLength, speketest.NoValue: drm.ErrRefused,
		speketest.OtherContract: drm.ErrRefused, speketest.EmptyElement: drm.ErrRefused, speketest.ReplaceKeyIDs: nil,
	} {
		server.SetFaults(speketest.Fault{Kind: kind})
		req := request("c", drm.Shared(), drm.CENC)
		req.Period = drm.PeriodAt(0, time.Minute, time.Time{})
		_, err := (&speke.Client{URL: server.URL, Version: speke.V1}).Keys(t.Context(), req)
		require.ErrorIs(t, err, want, string(kind))
	}
}

func TestWhichRequestsFail(t *testing.T) {
	server := start(t, nil)
	client := &speke.Client{URL: server.URL}
	ask := func(content string) error {
		_, err := client.Keys(t.Context(), request(content, drm.Shared(), drm.CENC))
		return err
	}
	server.SetFaults(speketest.Fault{Kind: speketest.Status, Status: 429, RetryAfter: 7, Message: "secret detail", Content: "bad"}, speketest.Fault{Kind: speketest.Drop, Content: "flaky", Every: 3, Times: 2})
	err := ask("bad")
	var answered *speke.Error
	require.ErrorAs(t, err, &answered)
	require.Equal(t, 7*time.Second, answered.RetryAfter)
	require.NotContains(t, err.Error(), "secret detail")
	require.NoError(t, ask("good"))
	for i := 1; i <= 12; i++ {
		require.Equal(t, i == 3 || i == 6, ask("flaky") != nil, i)
	}
	server.SetFaults(speketest.Fault{Delay: 50 * time.Millisecond})
	begun := time.Now()
	require.NoError(t, ask("slow"))
	require.GreaterOrEqual(t, time.Since(begun), 50*time.Millisecond)
}

// 1,000 callers of one content make one request; those of others go on while one is down.
func TestCache(t *testing.T) {
	server := start(t, nil)
	server.SetFaults(speketest.Fault{Kind: speketest.Hang, Content: "down"}, speketest.Fault{Delay: 50 * time.Millisecond})
	cache := &drm.Cache{Provider: &speke.Client{URL: server.URL}, Attempts: 1}
	defer cache.Close()

	down, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() { _, _ = cache.Keys(down, request("down", drm.Shared(), drm.CENC)) })

	errs := make(chan error, 1000)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			set, err := cache.Keys(t.Context(), request("up", drm.Shared(), drm.CENC))
			if err == nil && len(set.Keys) != 1 {
				err = errors.New("no keys")
			}
			errs <- err
		})
	}
	wg.Wait()
	for range 1000 {
		require.NoError(t, <-errs)
	}
	n := 0
	for _, r := range server.Requests() {
		if r.Content == "up" {
			n++
		}
	}
	require.Equal(t, 1, n)
	cancel()
	waiting.Wait()
}
