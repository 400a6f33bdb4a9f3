package drm_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

type provider interface {
	drm.KeyProvider
	drm.KeyFinder
}

// Every provider answers by the rules: a key for each rule, signals for each system, the same again, and found by its id.
func TestProviders(t *testing.T) {
	contract, err := drm.Preset("PRESET_VIDEO_3", "PRESET_AUDIO_2")
	require.NoError(t, err)
	a, b := known(t)
	ids := map[string]drm.KeyID{"SD": a.ID, "HD": b.ID}
	labels := map[string]drm.Key{}
	for i, label := range []string{"SD", "HD", "UHD", "STEREO_AUDIO", "MULTICHANNEL_AUDIO"} {
		k := key(t, hex.EncodeToString([]byte{15: byte(i + 1)}), hex.EncodeToString([]byte{15: byte(i + 7)}))
		labels[label] = *k
	}
	signals := drm.Signaller{ClearKeyURL: "/drm/clearkey", PlayReadyURL: laURL}
	for name, p := range map[string]provider{
		"Master": &drm.Master{Secret: drm.NewMaterial(make([]byte, 32)), Signals: signals},
		"Seed":   &drm.Seed{Secret: drm.NewMaterial(unbase64(t, seed)), Signals: signals},
		"Static": &drm.Static{Labels: labels, Signals: signals},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[[16]byte]bool{}
			for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS} {
				req := drm.Request{ContentID: "demo", Scheme: scheme, Contract: contract, KeyIDs: ids,
					Systems: []drm.SystemID{drm.PlayReady, drm.Widevine, drm.ClearKey}}
				set, err := p.Keys(t.Context(), req)
				require.NoError(t, err)
				require.NoError(t, set.Check(&req))
				again, err := p.Keys(t.Context(), req)
				require.NoError(t, err)
				require.Equal(t, set, again)
				for i := range set.Keys {
					k := &set.Keys[i].Key
					found, err := p.Key(t.Context(), k.ID)
					require.NoError(t, err)
					require.True(t, found.Value.Equal(k.Value))
					value, ok := k.Value.Reveal()
					require.True(t, ok)
					seen[value] = true
					named, ok := set.Find(set.Keys[i].Label)
					require.True(t, ok)
					require.Same(t, &set.Keys[i], named)
					if name != "Static" {
						require.Equal(t, req.KeyID(set.Keys[i].Label), k.ID)
					}
				}
			}
			want := 5
			if name != "Static" {
				want = 2 + 3*2 // prescribed ids are the same with both schemes
			}
			require.Len(t, seen, want)

			for _, bad := range []drm.Request{
				{Scheme: drm.CENC, Contract: contract},
				{ContentID: "demo", Scheme: drm.CENC},
				{ContentID: "demo", Scheme: drm.CENC, Contract: drm.Contract{{Label: "A"}}},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, Systems: []drm.SystemID{drm.Widevine, drm.Widevine}},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, Systems: []drm.SystemID{"EDEF8BA9-79D6-4ACE-A3C8-27DCD51D21ED"}},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, Systems: []drm.SystemID{"widevine"}},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, KeyIDs: map[string]drm.KeyID{"SD": a.ID, "HD": a.ID}},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, KeyIDs: map[string]drm.KeyID{"SD": {}}},
			} {
				_, err := p.Keys(t.Context(), bad)
				require.ErrorIs(t, err, drm.ErrRefused)
			}
			for _, bad := range []drm.Request{
				{ContentID: "demo", Scheme: "cenx", Contract: contract},
				{ContentID: "demo", Scheme: drm.CENC, Contract: contract, Systems: []drm.SystemID{drm.FairPlay}},
				{ContentID: "demo", Scheme: drm.AES128, Contract: contract, Systems: []drm.SystemID{drm.Widevine}},
			} {
				_, err := p.Keys(t.Context(), bad)
				require.ErrorIs(t, err, drm.ErrIncompatible)
			}
		})
	}
}

// The rule is for ever: content that is out would not play if it changed. Made with openssl:
//
//	printf 'mezzo content key\0\1\2\3\4\5\6\7\x8\x9\xa\xaa\xbb\xcc\xdd\xee\xff' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00..1f
func TestMasterRule(t *testing.T) {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i)
	}
	k, err := (&drm.Master{Secret: drm.NewMaterial(secret)}).Key(t.Context(), id(t, keyA))
	require.NoError(t, err)
	value, _ := k.Value.Reveal()
	require.Equal(t, "2083b251d336646f9ad5acb101c19c44", hex.EncodeToString(value[:]))
}

func TestKeyIDRule(t *testing.T) {
	r := drm.Request{ContentID: "demo/clip", Scheme: drm.CENC}
	seen := map[drm.KeyID]bool{}
	add := func(r drm.Request, label string) {
		id := r.KeyID(label)
		require.Equal(t, byte(8), id[6]>>4, "version")
		require.Equal(t, byte(2), id[8]>>6, "variant")
		require.False(t, seen[id])
		seen[id] = true
	}
	add(r, "ALL")
	add(r, "SD")
	other := r
	other.Scheme = drm.CBCS
	add(other, "ALL")
	other = r
	other.ContentID = "demo/clip2"
	add(other, "ALL")
	for n := range 3 {
		other = r
		other.Period = drm.PeriodAt(time.Duration(n)*time.Minute, time.Minute, time.Time{})
		add(other, "ALL")
	}
	other = r
	other.KeyIDs = map[string]drm.KeyID{"ALL": {1}}
	require.Equal(t, drm.KeyID{1}, other.KeyID("ALL"))
	require.Equal(t, r.KeyID("SD"), other.KeyID("SD"))
}

func TestStatic(t *testing.T) {
	a, b := known(t)
	s := &drm.Static{Labels: map[string]drm.Key{"VIDEO": {Value: a.Value}, "EMPTY": {ID: a.ID}}, IDs: []drm.Key{*b, {ID: a.ID}}}
	contract, err := drm.Preset("PRESET_VIDEO_1", "PRESET_AUDIO_1")
	require.NoError(t, err)
	req := drm.Request{ContentID: "demo", Scheme: drm.CBCS, Contract: contract, KeyIDs: map[string]drm.KeyID{"AUDIO": b.ID}}
	set, err := s.Keys(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, req.KeyID("VIDEO"), set.Keys[0].Key.ID)
	require.True(t, set.Keys[0].Key.Value.Equal(a.Value))
	require.True(t, set.Keys[1].Key.Value.Equal(b.Value))
	require.Empty(t, set.Keys[0].Signals)

	req.KeyIDs = nil
	_, err = s.Keys(t.Context(), req)
	require.ErrorIs(t, err, drm.ErrNoKey)
	req.Contract = drm.Contract{{Label: "EMPTY", Video: []drm.VideoFilter{{}}}}
	_, err = s.Keys(t.Context(), req)
	require.ErrorIs(t, err, drm.ErrNoKey)
	for _, id := range []drm.KeyID{a.ID, {}, {1}} { // id without a key, none, unknown
		_, err = s.Key(t.Context(), id)
		require.ErrorIs(t, err, drm.ErrNoKey)
	}
}

func TestShortSecrets(t *testing.T) {
	for _, p := range []provider{
		&drm.Master{}, &drm.Master{Secret: drm.NewMaterial(make([]byte, 31))},
		&drm.Seed{}, &drm.Seed{Secret: drm.NewMaterial(make([]byte, 29))},
	} {
		_, err := p.Keys(t.Context(), drm.Request{ContentID: "demo", Scheme: drm.CENC, Contract: drm.Shared()})
		require.ErrorIs(t, err, drm.ErrKeyLength)
		_, err = p.Key(t.Context(), drm.KeyID{1})
		require.ErrorIs(t, err, drm.ErrKeyLength)
	}
	for _, n := range []int{0, 15, 17, 32} {
		_, err := drm.NewSecret(make([]byte, n))
		require.ErrorIs(t, err, drm.ErrKeyLength)
	}
	b := make([]byte, 32)
	m := drm.NewMaterial(b)
	before, err := (&drm.Master{Secret: m}).Key(t.Context(), drm.KeyID{1})
	require.NoError(t, err)
	b[0] = 1 // a copy was made
	after, err := (&drm.Master{Secret: m}).Key(t.Context(), drm.KeyID{1})
	require.NoError(t, err)
	require.True(t, before.Value.Equal(after.Value))
	require.False(t, before.Value.Equal(drm.Secret{}))
	require.True(t, drm.Secret{}.Equal(drm.Secret{}))
}

func TestKeySetCheck(t *testing.T) {
	a, b := known(t)
	req := &drm.Request{ContentID: "demo", Scheme: drm.CBCS, Systems: []drm.SystemID{drm.Widevine},
		Contract: drm.Contract{{Label: "A", Video: []drm.VideoFilter{{}}}, {Label: "B", Audio: []drm.AudioFilter{{}}}}}
	signals := []drm.Signal{{System: drm.Widevine}}
	good := func() *drm.KeySet {
		return &drm.KeySet{Keys: []drm.TrackKey{{"A", *a, signals}, {"B", *b, signals}}}
	}
	require.NoError(t, good().Check(req))
	for name, v := range map[string]struct {
		change func(s *drm.KeySet)
		want   error
	}{
		"too few":        {func(s *drm.KeySet) { s.Keys = s.Keys[:1] }, drm.ErrRefused},
		"order":          {func(s *drm.KeySet) { s.Keys[0], s.Keys[1] = s.Keys[1], s.Keys[0] }, drm.ErrRefused},
		"no id":          {func(s *drm.KeySet) { s.Keys[0].Key.ID = drm.KeyID{} }, drm.ErrRefused},
		"no key":         {func(s *drm.KeySet) { s.Keys[0].Key.Value = drm.Secret{} }, drm.ErrRefused},
		"IV":             {func(s *drm.KeySet) { s.Keys[0].Key.IV = make([]byte, 12) }, drm.ErrKeyLength},
		"no signal":      {func(s *drm.KeySet) { s.Keys[0].Signals = nil }, drm.ErrRefused},
		"another system": {func(s *drm.KeySet) { s.Keys[0].Signals = []drm.Signal{{System: drm.PlayReady}} }, drm.ErrRefused},
		"line in HLS":    {func(s *drm.KeySet) { s.Keys[0].Signals = []drm.Signal{{System: drm.Widevine, HLS: "METHOD=NONE\n#X"}} }, drm.ErrRefused},
		"HLS, no UTF-8":  {func(s *drm.KeySet) { s.Keys[0].Signals = []drm.Signal{{System: drm.Widevine, Session: "\xFF"}} }, drm.ErrRefused},
		"two values":     {func(s *drm.KeySet) { s.Keys[1].Key.ID = a.ID }, drm.ErrRefused},
	} {
		s := good()
		v.change(s)
		require.ErrorIs(t, s.Check(req), v.want, name)
	}
	require.ErrorIs(t, (*drm.KeySet)(nil).Check(req), drm.ErrRefused)
}
