package drm_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

func TestProtectionCheck(t *testing.T) {
	for _, v := range []struct {
		name string
		p    *drm.Protection
		want error
	}{
		{"none", nil, nil},
		{"cenc", &drm.Protection{Scheme: drm.CENC, IVSize: 8}, nil},
		{"cenc, long IV", &drm.Protection{Scheme: drm.CENC, IVSize: 16}, nil},
		{"cbcs", &drm.Protection{Scheme: drm.CBCS, Key: drm.Key{IV: make([]byte, 16)}}, nil},
		{"cbcs 10:0", &drm.Protection{Scheme: drm.CBCS, Pattern: drm.Pattern{Crypt: 10}}, nil},
		{"cbcs with IVs", &drm.Protection{Scheme: drm.CBCS, IVSize: 16}, nil},
		{"AES-128", &drm.Protection{Scheme: drm.AES128}, nil},
		{"SAMPLE-AES", &drm.Protection{Scheme: drm.SampleAES}, nil},
		{"no scheme", &drm.Protection{}, drm.ErrIncompatible},
		{"unknown scheme", &drm.Protection{Scheme: "piff"}, drm.ErrIncompatible},
		{"cenc without IVs", &drm.Protection{Scheme: drm.CENC}, drm.ErrIncompatible},
		{"cens without IVs", &drm.Protection{Scheme: drm.CENS, Key: drm.Key{IV: make([]byte, 16)}}, drm.ErrIncompatible},
		{"IV of 12", &drm.Protection{Scheme: drm.CENC, IVSize: 12}, drm.ErrKeyLength},
		{"constant IV of 4", &drm.Protection{Scheme: drm.CBCS, Key: drm.Key{IV: make([]byte, 4)}}, drm.ErrKeyLength},
		{"0:9", &drm.Protection{Scheme: drm.CBCS, Pattern: drm.Pattern{Skip: 9}}, drm.ErrIncompatible},
		{"16:0", &drm.Protection{Scheme: drm.CBCS, Pattern: drm.Pattern{Crypt: 16}}, drm.ErrIncompatible},
		{"1:16", &drm.Protection{Scheme: drm.CBCS, Pattern: drm.Pattern{Crypt: 1, Skip: 16}}, drm.ErrIncompatible},
	} {
		if err := v.p.Check(); v.want == nil {
			require.NoError(t, err, v.name)
		} else {
			require.ErrorIs(t, err, v.want, v.name)
		}
	}
	require.Empty(t, (*drm.Protection)(nil).Of())
	require.Equal(t, drm.CBCS, (&drm.Protection{Scheme: drm.CBCS}).Of())
}

func TestPatternOf(t *testing.T) {
	half := drm.Pattern{Crypt: 5, Skip: 5}
	for _, v := range []struct {
		scheme  drm.Scheme
		pattern drm.Pattern
		kind    media.Kind
		want    drm.Pattern
	}{
		{drm.CBCS, drm.Pattern{}, media.Video, drm.Pattern{Crypt: 1, Skip: 9}},
		{drm.CENS, drm.Pattern{}, media.Video, drm.Pattern{Crypt: 1, Skip: 9}},
		{drm.CBCS, half, media.Video, half},
		{drm.CBCS, half, media.Audio, drm.Pattern{}},
		{drm.CENC, half, media.Video, drm.Pattern{}},
		{drm.CBC1, half, media.Video, drm.Pattern{}},
	} {
		p := &drm.Protection{Scheme: v.scheme, Pattern: v.pattern}
		require.Equal(t, v.want, p.PatternOf(v.kind), "%s %s", v.scheme, v.kind)
	}
}

// No two samples of a content have an IV in common, and the low half is left to the counter.
func TestIVs(t *testing.T) {
	seen := map[[16]byte]bool{}
	for lane := range uint16(4) {
		p := &drm.Protection{Scheme: drm.CENC, IVSize: 8, Lane: lane * 0x5555, Salt: 0xF0E1D2C3B4A59687}
		for _, dts := range []int64{0, 1, 512, 1 << 31, 1<<48 - 1} {
			iv := p.IV(dts)
			require.False(t, seen[iv])
			seen[iv] = true
			require.Zero(t, [8]byte(iv[8:]))
			require.Equal(t, iv, p.IV(dts))
		}
	}
	prescribed := &drm.Protection{Scheme: drm.CBCS, Key: drm.Key{IV: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}
	require.Equal(t, [16]byte{1, 2, 3, 4, 5, 6, 7, 8}, prescribed.IV(77), "zeros follow")
	a, b := drm.Key{ID: drm.KeyID{1}}, drm.Key{ID: drm.KeyID{2}}
	require.NotEqual(t, a.ConstantIV(), b.ConstantIV())
	require.Equal(t, a.ConstantIV(), (&drm.Protection{Scheme: drm.CBCS, Key: a}).IV(5))
	long := drm.Key{IV: bytes.Repeat([]byte{7}, 16)}
	require.Equal(t, [16]byte(long.IV), long.ConstantIV())
}

func TestSchemes(t *testing.T) {
	for _, v := range []struct {
		scheme                     drm.Scheme
		common, counter, patterned bool
		method, cpix               string
	}{
		{drm.CENC, true, true, false, "SAMPLE-AES-CTR", "cenc"},
		{drm.CBC1, true, false, false, "", "cbc1"},
		{drm.CENS, true, true, true, "", "cens"},
		{drm.CBCS, true, false, true, "SAMPLE-AES", "cbcs"},
		{drm.AES128, false, false, false, "AES-128", "cbc1"},
		{drm.SampleAES, false, false, false, "SAMPLE-AES", "cbcs"},
	} {
		require.Equal(t, v.common, v.scheme.Common(), v.scheme)
		require.Equal(t, v.counter, v.scheme.Counter(), v.scheme)
		require.Equal(t, v.patterned, v.scheme.Patterned(), v.scheme)
		require.Equal(t, v.method, v.scheme.Method(), v.scheme)
		require.Equal(t, v.cpix, v.scheme.CPIX(), v.scheme)
	}
}

func TestPeriodAt(t *testing.T) {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, drm.Period{}, drm.PeriodAt(time.Hour, 0, epoch))
	require.Equal(t, drm.Period{Rotates: true, Index: 0, Start: 0, End: time.Minute, Epoch: epoch}, drm.PeriodAt(-time.Second, time.Minute, epoch))
	require.Equal(t, drm.Period{Rotates: true, Index: 0, Start: 0, End: time.Minute}, drm.PeriodAt(time.Minute-1, time.Minute, time.Time{}))
	require.Equal(t, drm.Period{Rotates: true, Index: 61, Start: 61 * time.Minute, End: 62 * time.Minute}, drm.PeriodAt(61*time.Minute, time.Minute, time.Time{}))
}

func TestErrors(t *testing.T) {
	why := &drm.UnavailableError{RetryAfter: 2 * time.Second, Err: drm.ErrNoKey}
	require.ErrorIs(t, why, drm.ErrUnavailable)
	require.ErrorIs(t, why, drm.ErrNoKey)
	require.EqualError(t, why, "no key, ask again in 2s")
	require.EqualError(t, &drm.UnavailableError{}, "key provider unavailable")
	require.EqualError(t, &drm.UnavailableError{RetryAfter: time.Second}, "key provider unavailable, ask again in 1s")
	require.EqualError(t, &drm.UnavailableError{Err: drm.ErrNoKey}, "no key")
}
