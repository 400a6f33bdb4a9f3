package vod

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Input is one file of an Asset. The fields after Object override what the file says, where they are not empty.
type Input struct {
	Name     string // in Notes and errors
	Object   media.Object
	Only     []media.Kind // take tracks of these kinds alone; nil: all
	Language string       // BCP 47
	Label    string
	Roles    []string // urn:mpeg:dash:role:2011
	Default  bool     // its audio is the one to play when nothing else decides
}

// Asset is files that are presented together: renditions of one picture, sound in several languages. It implements
// media.Content; equal plans share one Presentation's Timeline. The tables are read when first asked for and are held as
// long as the Asset. Its fields stay put after first use. Safe for concurrent use.
type Asset struct {
	Inputs []Input

	cacheOnce sync.Once
	cache     *Cache
}

// Present implements media.Content.
func (a *Asset) Present(p media.Plan) media.Presentation {
	a.cacheOnce.Do(func() { a.cache = &Cache{Bytes: -1} })
	return present(a.cache, "asset", p, func(context.Context) ([]Input, []media.Note, error) { return a.Inputs, nil, nil })
}

// present is the Presentation of an asset in a cache: key names the asset and its files' versions.
func present(c *Cache, key string, p media.Plan, inputs func(context.Context) ([]Input, []media.Note, error)) media.Presentation {
	return media.PresentationFunc(func(ctx context.Context) (*media.Timeline, error) {
		v, err := c.do(ctx, key, func(ctx context.Context) (value, error) {
			in, notes, err := inputs(ctx)
			if err != nil {
				return nil, err
			}
			return openAsset(ctx, in, notes)
		})
		if err != nil {
			return nil, err
		}
		tl, grown := v.(*assetIndex).timeline(p)
		if grown {
			c.resize(key)
		}
		return tl.timeline, tl.err
	})
}

// assetIndex is the tables of an asset's files and the timelines made of them.
type assetIndex struct {
	sources []*Source
	notes   []media.Note
	fixed   int64 // bytes of the tables

	mu    sync.Mutex // guards plans
	plans map[media.Plan]*planned
}

type planned struct {
	once     sync.Once
	timeline *media.Timeline
	size     int64
	err      error
}

// maxPlans bounds the timelines kept of one asset: an origin has few endpoints.
const maxPlans = 64

func openAsset(ctx context.Context, inputs []Input, notes []media.Note) (*assetIndex, error) {
	a := &assetIndex{notes: notes, plans: map[media.Plan]*planned{}}
	var refused []error
	for i := range inputs {
		s, err := open(ctx, inputs[i])
		switch {
		case err == nil:
			for _, st := range s.streams {
				st.input = i
			}
			a.sources = append(a.sources, s)
			a.notes = append(a.notes, s.notes...)
			a.fixed += s.Size()
		case ctx.Err() != nil || errors.Is(err, media.ErrChanged) || len(inputs) == 1:
			return nil, err
		case errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported):
			a.notes = append(a.notes, media.Note{Subject: inputs[i].Name, Text: "left out: " + err.Error()})
			refused = append(refused, err)
		default: // storage trouble: half an asset would be cached as if it were whole
			return nil, err
		}
	}
	if len(a.sources) == 0 {
		return nil, fmt.Errorf("no file of the asset can be served: %w", errors.Join(append(refused, media.ErrUnsupported)...))
	}
	a.chooseDefault()
	return a, nil
}

// chooseDefault marks one audio track as the default: the first that an Input asks for, else the first.
func (a *assetIndex) chooseDefault() {
	var best *stream
	for _, s := range a.sources {
		for _, st := range s.streams {
			t := st.parts[0].track
			if t.Kind == media.Audio && (best == nil || t.Default && !best.parts[0].track.Default) {
				best = st
			}
		}
	}
	for _, s := range a.sources {
		for _, st := range s.streams {
			for _, p := range st.parts {
				if p.track.Kind == media.Audio {
					p.track.Default = st == best
				}
			}
		}
	}
}

func (a *assetIndex) size() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.fixed
	for _, p := range a.plans {
		n += p.size
	}
	return n
}

// timeline makes the one of a plan, once; grown says that it is new.
func (a *assetIndex) timeline(p media.Plan) (tl *planned, grown bool) {
	a.mu.Lock()
	tl = a.plans[p]
	if tl == nil {
		tl = &planned{}
		if len(a.plans) < maxPlans {
			a.plans[p] = tl
		}
	}
	a.mu.Unlock()
	tl.once.Do(func() {
		grown = true
		timeline, size, err := plan(a, p)
		a.mu.Lock()
		tl.timeline, tl.size, tl.err = timeline, size, err
		a.mu.Unlock()
	})
	return tl, grown
}
