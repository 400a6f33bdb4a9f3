package origin

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// keySetKey names the keys of a presentation for an endpoint in a key period.
type keySetKey struct {
	presentation, endpoint string
	period                 drm.Period
}

const (
	keySetBytes = 16 << 10 // a generous guess
	keyRequests = 8        // at once, for one manifest
)

// keySet asks for the keys of a key period.
func (h *Handler) keySet(ctx context.Context, req request, period drm.Period) (*drm.KeySet, error) {
	key := keySetKey{req.presentation, req.endpoint.Name, period}
	return h.keySets.get(ctx, key, func(ctx context.Context) (*drm.KeySet, int64, error) {
		e := req.endpoint.Encryption
		ask := drm.Request{
			ContentID: e.ResourceID, Period: period, Scheme: e.Method, Systems: e.DRMSystems, Contract: e.contract(),
		}
		if ask.ContentID == "" {
			ask.ContentID = req.presentation
		}
		set, err := h.Keys.Keys(ctx, ask)
		if err != nil {
			return nil, 0, fmt.Errorf("keys of %s: %w", ask.ContentID, err)
		}
		if err := set.Check(&ask); err != nil {
			return nil, 0, fmt.Errorf("keys of %s: %w", ask.ContentID, err)
		}
		return set, keySetBytes, nil
	})
}

// keySetOrPanic is keySet for a goroutine of its own: a provider that panics is an error there too.
func (h *Handler) keySetOrPanic(ctx context.Context, req request, period drm.Period) (set *drm.KeySet, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return h.keySet(ctx, req, period)
}

// manifestKeys is manifest.Options.Key with all keys fetched that it may be asked for; nil where nothing is encrypted.
func (h *Handler) manifestKeys(ctx context.Context, req request, m *Manifest, tl *media.Timeline, v *view) (func(*media.Period, string, uint64) *manifest.Key, error) {
	e := req.endpoint.Encryption
	if e == nil {
		return sourceKeys(tl, m)
	}
	sets, err := h.allKeys(ctx, req, tl, v)
	if err != nil {
		return nil, err
	}
	type name struct {
		period uint64
		label  string
		init   bool
	}
	made := map[name]*manifest.Key{}
	return func(p *media.Period, rendition string, n uint64) *manifest.Key {
		c := v.by[rendition]
		if c == nil || c.label == "" {
			return nil
		}
		at := segmentTime(p, rendition, n)
		if inLead(tl, e, at) {
			return nil
		}
		period := drm.PeriodAt(at, e.KeyRotationInterval, tl.Epoch)
		id := name{period.Index, c.label, !c.offer.NoInit}
		if made[id] == nil {
			k, _ := sets[period.Index].Find(c.label) // all labels were found when it was fetched
			made[id] = e.manifestKey(m, c, period, k)
		}
		return made[id]
	}, nil
}

// sourceKeys is manifestKeys for tracks that are encrypted at their source and sent as they are.
func sourceKeys(tl *media.Timeline, m *Manifest) (func(*media.Period, string, uint64) *manifest.Key, error) {
	type name struct { // tracks of one key are of one AdaptationSet
		scheme string
		id     drm.KeyID
		pssh   string
	}
	nameOf := func(c *media.Crypt) name { return name{c.Scheme, c.KeyID, string(c.PSSH)} }
	made := map[name]*manifest.Key{}
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			c := p.Renditions[i].Track.Crypt
			if c == nil || made[nameOf(c)] != nil {
				continue
			}
			signals, err := drm.SourceSignals(drm.Scheme(c.Scheme), c.KeyID, c.PSSH)
			if err != nil {
				return nil, fmt.Errorf("track %s: %w: %w", p.Renditions[i].Track.ID, media.ErrFormat, err)
			}
			made[nameOf(c)] = &manifest.Key{Scheme: drm.Scheme(c.Scheme), ID: c.KeyID, Signals: m.only(signals)}
		}
	}
	if len(made) == 0 {
		return nil, nil
	}
	return func(p *media.Period, rendition string, _ uint64) *manifest.Key {
		if r, ok := p.Rendition(rendition); ok && r.Track.Crypt != nil {
			return made[nameOf(r.Track.Crypt)]
		}
		return nil
	}, nil
}

// only are the signals for the systems of the manifest.
func (m *Manifest) only(signals []drm.Signal) (list []drm.Signal) {
	for _, s := range signals {
		if m.DRMSystems == nil || slices.Contains(m.DRMSystems, s.System) {
			list = append(list, s)
		}
	}
	return list
}

// manifestKey is what a manifest says of a key.
func (e *Encryption) manifestKey(m *Manifest, c *carrier, period drm.Period, k *drm.TrackKey) *manifest.Key {
	out := &manifest.Key{Scheme: e.Method, ID: k.Key.ID}
	if period.Rotates && !m.InBandKeys || e.bareInit() {
		out.Period = period.Index + 1
	}
	key := k.Key
	key.IV = e.constantIV(&k.Key, c)
	if e.Method == drm.CBCS || e.Method == drm.SampleAES || e.Method == drm.AES128 && key.IV != nil {
		iv := key.ConstantIV()
		out.IV = iv[:]
	}
	out.Signals = m.only(k.Signals)
	return out
}

// allKeys fetches the keys of all key periods of the Timeline.
// After a failure it asks for no more.
func (h *Handler) allKeys(ctx context.Context, req request, tl *media.Timeline, v *view) (map[uint64]*drm.KeySet, error) {
	periods := keyPeriods(req.endpoint.Encryption, tl, v)
	order := slices.Sorted(maps.Keys(periods))
	list, errs := make([]*drm.KeySet, len(order)), make([]error, len(order))
	var next atomic.Int64
	var failed atomic.Bool
	var group sync.WaitGroup
	for range min(keyRequests, len(order)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(order) && !failed.Load(); i = int(next.Add(1)) - 1 {
				if list[i], errs[i] = h.keySetOrPanic(ctx, req, periods[order[i]]); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	group.Wait()
	sets := make(map[uint64]*drm.KeySet, len(order))
	for i, index := range order {
		if errs[i] != nil {
			return nil, errs[i]
		}
		sets[index] = list[i]
	}
	return sets, nil
}

// keyPeriods are those in which something is encrypted, by index.
func keyPeriods(e *Encryption, tl *media.Timeline, v *view) map[uint64]drm.Period {
	periods := map[uint64]drm.Period{}
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			r := &p.Renditions[i]
			if c := v.by[r.ID]; c == nil || c.label == "" {
				continue
			}
			for j := range r.Segments.Len() {
				at := segmentTime(p, r.ID, r.Segments.At(j).Number)
				if inLead(tl, e, at) {
					continue
				}
				d := drm.PeriodAt(at, e.KeyRotationInterval, tl.Epoch)
				periods[d.Index] = d
				if !d.Rotates {
					break
				}
			}
		}
	}
	return periods
}
