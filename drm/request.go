package drm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// KeyProvider gives keys. Equal requests get equal keys, whoever asks and whenever. Safe for concurrent use.
type KeyProvider interface {
	// Keys returns a key for each rule of the Contract, and for each of the Systems what it needs to be told. Errors
	// match ErrNoKey, ErrRefused or ErrUnavailable; ErrIncompatible or ErrKeyLength where the settings are wrong.
	Keys(ctx context.Context, req Request) (*KeySet, error)
}

// KeyProviderFunc is a KeyProvider made of a function.
type KeyProviderFunc func(ctx context.Context, req Request) (*KeySet, error)

// Keys implements KeyProvider.
func (f KeyProviderFunc) Keys(ctx context.Context, req Request) (*KeySet, error) { return f(ctx, req) }

// KeyFinder gives a key by its id: what a licence server and a decrypter need. Errors match ErrNoKey or ErrUnavailable.
// Safe for concurrent use.
type KeyFinder interface {
	Key(ctx context.Context, id KeyID) (Key, error)
}

// Request asks for the keys of one content in one key period. Read-only.
type Request struct {
	ContentID string
	Period    Period
	Scheme    Scheme
	Systems   []SystemID
	Contract  Contract // which keys: one for each rule
	// KeyIDs prescribe the ids by label; labels that are missing get KeyID's.
	KeyIDs map[string]KeyID
}

// Check says what is wrong with a request: no content id, a malformed contract, systems that are misspelt or do not go with
// the scheme, or labels that were given the same id, or none. Errors match ErrRefused or ErrIncompatible. Providers call it before they answer.
func (r *Request) Check() error {
	switch {
	case r.ContentID == "":
		return fmt.Errorf("key request without a content id: %w", ErrRefused)
	case len(r.Contract) == 0:
		return fmt.Errorf("missing encryption contract: %w", ErrRefused)
	case !r.Scheme.Common() && r.Scheme != AES128 && r.Scheme != SampleAES:
		return fmt.Errorf("scheme %q: %w", r.Scheme, ErrIncompatible)
	}
	if err := r.Contract.Check(); err != nil {
		return err
	}
	for i, system := range r.Systems {
		if id, err := ParseSystemID(string(system)); err != nil || id != system {
			return fmt.Errorf("system %.40q is no UUID in lower case with hyphens: %w", system, ErrRefused)
		}
		if err := Compatible(r.Scheme, system); err != nil {
			return err
		}
		if slices.Contains(r.Systems[:i], system) {
			return fmt.Errorf("%s is asked for twice: %w", system.Name(), ErrRefused)
		}
	}
	labels := map[KeyID]string{}
	for i := range r.Contract {
		label := r.Contract[i].Label
		id := r.KeyID(label)
		if id.IsZero() {
			return fmt.Errorf("%s with the key id zero: %w", label, ErrRefused)
		}
		if other, ok := labels[id]; ok {
			return fmt.Errorf("%s and %s with the same key id %s: %w", other, label, id, ErrRefused)
		}
		labels[id] = label
	}
	return nil
}

// Period is a key period: a stretch of time with keys of its own. The zero value is a content whose keys stay.
type Period struct {
	Rotates bool
	Index   uint64        // counted from time zero of the presentation, which for epoch-locked channels is the Unix epoch
	Start   time.Duration // from time zero of the presentation; End-Start is the rotation interval
	End     time.Duration
	Epoch   time.Time // wall clock of time zero of the presentation; zero for VOD
}

// PeriodAt is the key period of a presentation time with keys that stay for interval; 0: they stay for ever.
func PeriodAt(t, interval time.Duration, epoch time.Time) Period {
	if interval <= 0 {
		return Period{}
	}
	n := max(t, 0) / interval
	return Period{Rotates: true, Index: uint64(n), Start: n * interval, End: (n + 1) * interval, Epoch: epoch}
}

// KeyID is the id to ask for under a label: one of KeyIDs, or else a UUID (version 8, RFC 9562) that follows from content,
// scheme, key period and label. The scheme is part of it since clients and security suffer when one key serves AES-CTR and
// AES-CBC.
func (r *Request) KeyID(label string) KeyID {
	if id, ok := r.KeyIDs[label]; ok {
		return id
	}
	period := "-"
	if r.Period.Rotates {
		period = fmt.Sprint(r.Period.Index)
	}
	h := sha256.New()
	for _, s := range []string{"key id", r.ContentID, string(r.Scheme), period, label} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	id := KeyID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0F | 0x80
	id[8] = id[8]&0x3F | 0x80
	return id
}

// KeySet is the answer to a Request. Read-only.
type KeySet struct {
	Keys []TrackKey // one for each rule of the contract, in its order
}

// Check says why a set does not answer the request: it has one key with its bytes for each rule, in the order of the
// contract, and signals of each system in the order of the request, none of which can break a line of a playlist. Errors match ErrRefused or ErrKeyLength.
func (s *KeySet) Check(req *Request) error {
	if s == nil || len(s.Keys) != len(req.Contract) {
		return fmt.Errorf("key set does not follow the contract: %w", ErrRefused)
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		switch n := len(k.Key.IV); {
		case k.Label != req.Contract[i].Label:
			return fmt.Errorf("key set has %q where the contract has %q: %w", k.Label, req.Contract[i].Label, ErrRefused)
		case k.Key.ID.IsZero() || k.Key.Value.IsZero():
			return fmt.Errorf("key set without the key of %s: %w", k.Label, ErrRefused)
		case n != 0 && n != 8 && n != 16:
			return fmt.Errorf("%s: IV of %d bytes: %w", k.Key, n, ErrKeyLength)
		case len(k.Signals) != len(req.Systems):
			return fmt.Errorf("%s: signals of %d systems, %d were asked for: %w", k.Key, len(k.Signals), len(req.Systems), ErrRefused)
		}
		for n := range k.Signals {
			s := &k.Signals[n]
			if s.System != req.Systems[n] {
				return fmt.Errorf("%s: signal of %s in the place of %s: %w", k.Key, s.System.Name(), req.Systems[n].Name(), ErrRefused)
			}
			for _, text := range []string{s.DASHValue, s.Robustness, s.HLS, s.Session, s.AllowedCPC, s.HDCPLevel} {
				if !plain(text) {
					return fmt.Errorf("%s: signal of %s breaks a line, or is not UTF-8: %w", k.Key, s.System.Name(), ErrRefused)
				}
			}
		}
		for n := range i {
			if o := &s.Keys[n].Key; o.ID == k.Key.ID && !o.Value.Equal(k.Key.Value) {
				return fmt.Errorf("%s has two values: %w", o, ErrRefused)
			}
		}
	}
	return nil
}

// TrackKey is the key of the tracks with a label.
type TrackKey struct {
	Label   string
	Key     Key
	Signals []Signal // one for each system that was asked for, in that order
}

// Find returns the key under a label.
func (s *KeySet) Find(label string) (*TrackKey, bool) {
	for i := range s.Keys {
		if s.Keys[i].Label == label {
			return &s.Keys[i], true
		}
	}
	return nil, false
}

// Signal is what boxes and manifests say of one key for one system. Read-only.
type Signal struct {
	System SystemID
	PSSH   []byte // the whole pssh box (23001-7, 8.1); nil: none
	// DASH is the children of ContentProtection as XML text, namespaces declared; DASHValue its @value.
	DASH       string
	DASHValue  string
	Robustness string // ContentProtection@robustness
	// HLS is the attribute list of EXT-X-KEY, METHOD first; empty: the system has no place in HLS. Session is that of
	// EXT-X-SESSION-KEY; empty: equal to HLS.
	HLS, Session string
	Smooth       []byte // the PlayReady object of a Smooth manifest; nil: none
	AllowedCPC   string // EXT-X-STREAM-INF:ALLOWED-CPC, the part of this system
	HDCPLevel    string // EXT-X-STREAM-INF:HDCP-LEVEL
}
