package drm

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

// Master makes all keys from one secret: the key of an id is the first half of HMAC-SHA256 over a name and the id. Whoever
// has the secret has every key, of the past and of the future; another name of the content, or another secret, is the only way
// to other keys. Master is a KeyProvider and a KeyFinder, and needs no network. Its fields stay as they are after first use.
type Master struct {
	Secret  Material // at least 32 bytes, from a random source
	Signals Signaller
}

// minMaster is the least of a secret, bytes: as much as HMAC-SHA256 has strength.
const minMaster = 32

// Keys implements KeyProvider. Errors match ErrKeyLength, ErrRefused or ErrIncompatible.
func (m *Master) Keys(_ context.Context, req Request) (*KeySet, error) {
	return provide(&req, &m.Signals, m.key)
}

// Key implements KeyFinder: there is a key for every id.
func (m *Master) Key(_ context.Context, id KeyID) (Key, error) { return m.key("", id) }

func (m *Master) key(_ string, id KeyID) (Key, error) {
	if n := m.Secret.Len(); n < minMaster {
		return Key{}, fmt.Errorf("%w: master secret of %d bytes, at least %d are needed", ErrKeyLength, n, minMaster)
	}
	mac := hmac.New(sha256.New, m.Secret.bytes())
	mac.Write([]byte("mezzo content key\x00"))
	mac.Write(id[:])
	value, err := NewSecret(mac.Sum(nil)[:16])
	return Key{ID: id, Value: value}, err
}

// Seed makes all keys from a PlayReady key seed, as PlayReady test servers do (PlayReady Key Seed). Master is the better
// choice where no server has to know them. It is a KeyProvider and a KeyFinder.
type Seed struct {
	Secret  Material // at least 30 bytes, of which the first 30 count
	Signals Signaller
}

// seedLength is how much of a seed counts, bytes.
const seedLength = 30

// Keys implements KeyProvider. Errors match ErrKeyLength, ErrRefused or ErrIncompatible.
func (s *Seed) Keys(_ context.Context, req Request) (*KeySet, error) {
	return provide(&req, &s.Signals, s.key)
}

// Key implements KeyFinder: there is a key for every id.
func (s *Seed) Key(_ context.Context, id KeyID) (Key, error) { return s.key("", id) }

func (s *Seed) key(_ string, id KeyID) (Key, error) {
	seed := s.Secret.bytes()
	if len(seed) < seedLength {
		return Key{}, fmt.Errorf("%w: key seed of %d bytes, %d are needed", ErrKeyLength, len(seed), seedLength)
	}
	seed = seed[:seedLength]
	guid := id.GUID()
	input := append(append([]byte{}, seed...), guid[:]...)
	var key [16]byte
	for _, more := range [][]byte{seed, guid[:], nil} {
		sum := sha256.Sum256(input)
		for i := range key {
			key[i] ^= sum[i] ^ sum[i+16]
		}
		input = append(input, more...)
	}
	value, err := NewSecret(key[:])
	return Key{ID: id, Value: value}, err
}

// provide answers a request with the keys that key gives by label and id.
func provide(req *Request, signals *Signaller, key func(label string, id KeyID) (Key, error)) (*KeySet, error) {
	if err := req.Check(); err != nil {
		return nil, err
	}
	set := &KeySet{Keys: make([]TrackKey, 0, len(req.Contract))}
	for i := range req.Contract {
		label := req.Contract[i].Label
		k, err := key(label, req.KeyID(label))
		if err != nil {
			return nil, fmt.Errorf("key %s of %q: %w", label, req.ContentID, err)
		}
		set.Keys = append(set.Keys, TrackKey{Label: label, Key: k})
	}
	if err := signals.Fill(req, set); err != nil {
		return nil, err
	}
	return set, set.Check(req)
}
