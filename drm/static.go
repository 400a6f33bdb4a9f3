package drm

import (
	"context"
	"fmt"
)

// Static gives keys that were made elsewhere. It is a KeyProvider and a KeyFinder. Its fields stay as they are after first
// use.
//
// Keys that are listed by label serve every content, scheme and key period alike: fine for tests and for one content, but a
// key must not serve AES-CTR and AES-CBC, nor two contents with AES-CTR.
type Static struct {
	// Labels are keys by the label of their rule: ALL, SD, AUDIO. One without an id gets the one that was asked for.
	Labels map[string]Key
	// IDs are keys by id, for labels that Labels does not have. Request.KeyIDs says which label asks for which.
	IDs     []Key
	Signals Signaller
}

// Keys implements KeyProvider. Errors match ErrNoKey, ErrRefused or ErrIncompatible.
func (s *Static) Keys(_ context.Context, req Request) (*KeySet, error) {
	return provide(&req, &s.Signals, func(label string, id KeyID) (Key, error) {
		k, ok := s.Labels[label]
		switch {
		case !ok:
			return s.find(id)
		case k.Value.IsZero():
			return Key{}, ErrNoKey
		case k.ID.IsZero():
			k.ID = id
		}
		return k, nil
	})
}

// Key implements KeyFinder. Keys of Labels are found if they have an id.
func (s *Static) Key(_ context.Context, id KeyID) (Key, error) {
	for _, k := range s.Labels {
		if k.ID == id && !id.IsZero() && !k.Value.IsZero() {
			return k, nil
		}
	}
	return s.find(id)
}

func (s *Static) find(id KeyID) (Key, error) {
	for _, k := range s.IDs {
		if k.ID == id && !k.Value.IsZero() {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("%s: %w", id, ErrNoKey)
}
