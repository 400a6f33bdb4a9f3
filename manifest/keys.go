package manifest

import (
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Key is what manifests say of the key under which segments are. Read-only.
type Key struct {
	// Period is Ref.Key of the initialization segment: the key period plus one, or 0 for a key that stays. Under AES-128,
	// which encrypts initialization segments too, Ref.Key 0 is the clear one wherever a rendition has clear segments;
	// Period must not be 0 there.
	Period  uint64
	Scheme  drm.Scheme
	ID      drm.KeyID
	IV      []byte       // EXT-X-KEY IV of KEYFORMAT identity, 16 bytes; nil: none is written
	Signals []drm.Signal // of the systems that this manifest is for
}

// KeyRun is consecutive segments of a rendition under one key and one initialization segment.
type KeyRun struct {
	Key   *Key   // nil: clear
	Init  uint64 // Ref.Key of the initialization segment
	First int    // index of the first segment in Rendition.Segments
	Len   int    // number of segments
}

// KeyRuns divides the segments of r, a rendition of p, by key. Clear segments are under the initialization segment of
// the key before them or, in a clear lead, of the first key; under AES-128 they have the one of Ref.Key 0. There is one run
// at least if there are segments. It fails with drm.ErrIncompatible where two keys would be under one initialization segment,
// which noInit says that there is not.
func (o *Options) KeyRuns(p *media.Period, r *media.Rendition, noInit bool) ([]KeyRun, error) {
	n := r.Segments.Len()
	if n == 0 {
		return nil, nil
	}
	if o == nil || o.Key == nil {
		return []KeyRun{{Len: n}}, nil
	}
	var runs []KeyRun
	first := r.Segments.At(0).Number // they are consecutive
	for i := range n {
		k := o.Key(p, r.ID, first+uint64(i))
		if last := len(runs) - 1; last >= 0 && runs[last].Key == k {
			runs[last].Len++
			continue
		}
		runs = append(runs, KeyRun{Key: k, First: i, Len: 1})
	}
	if noInit {
		return runs, nil
	}
	if err := o.inits(runs); err != nil {
		return nil, fmt.Errorf("rendition %s: %w", r.ID, err)
	}
	return runs, nil
}

// inits fills in Init.
func (o *Options) inits(runs []KeyRun) error {
	var last *Key // before, or in a clear lead the first
	for i := range runs {
		if k := runs[i].Key; k != nil {
			last = k
			break
		}
	}
	if last == nil {
		return nil
	}
	held := map[uint64]*Key{} // by Init
	bare := false             // Ref.Key 0 is a clear one beside encrypted ones
	for i := range runs {
		k := runs[i].Key
		if k == nil && last.Scheme == drm.AES128 {
			bare = true
			continue
		}
		if k == nil {
			k = last
		}
		last = k
		if o.InBandKeys && k.Scheme.Common() {
			continue // one for all
		}
		if other := held[k.Period]; other != nil && other != k {
			return fmt.Errorf("key %s has the initialization segment of another, give Key.Period or set InBandKeys: %w", k.ID, drm.ErrIncompatible)
		}
		runs[i].Init, held[k.Period] = k.Period, k
	}
	if k := held[0]; bare && k != nil {
		return fmt.Errorf("key %s: clear segments beside AES-128 have an initialization segment of their own, give Key.Period: %w", k.ID, drm.ErrIncompatible)
	}
	return nil
}
