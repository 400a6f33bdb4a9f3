package vod

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Input is one file of an Asset. The fields after Open override what the file says, where they are not empty.
type Input struct {
	Name   string // in Notes and errors
	Object media.Object
	// Open is called where Object is nil, when the tables are first needed and whenever the object it returned before
	// says that it has changed (media.ErrChanged): then the Asset is read anew, and its Timelines have another Version. An
	// Asset that was refused is read anew with each use; a file that was left out stays out until another of them changes.
	Open     func(ctx context.Context) (media.Object, error)
	Only     []media.Kind // take tracks of these kinds alone; nil: all
	Language string       // BCP 47
	Label    string
	Roles    []string // urn:mpeg:dash:role:2011
	Default  bool     // its audio is the one to play when nothing else decides
	// Keys are those of encrypted tracks (Common Encryption, PIFF): with them samples are read clear, and a track of which
	// one is missing is refused (drm.ErrNoKey). nil: encrypted tracks are served as they are, Track.Crypt says how.
	Keys drm.KeyFinder
}

func (in *Input) open(ctx context.Context) (media.Object, error) {
	switch {
	case in.Object != nil:
		return in.Object, nil
	case in.Open == nil:
		return nil, fmt.Errorf("input %q has neither Object nor Open: %w", in.Name, media.ErrNotFound)
	}
	return in.Open(ctx)
}

// Asset is files that are presented together: renditions of one picture, sound in several languages. It implements
// media.Content; equal plans share one Presentation's Timeline. The tables are read when first asked for and are held as
// long as the Asset. Its fields stay put after first use. Safe for concurrent use.
//
// An Asset of Objects ends with them: when one has changed, whatever reads it fails with media.ErrChanged from then on. Give
// Input.Open instead where files may be replaced:
//
//	film := vod.HTTP{URL: "https://media.example.com/film.mp4"}
//	asset := &vod.Asset{Inputs: []vod.Input{{Name: "film", Open: func(ctx context.Context) (media.Object, error) {
//		return film.Open(ctx)
//	}}}}
type Asset struct {
	Inputs []Input

	cacheOnce sync.Once
	cache     *Cache
}

// Present implements media.Content.
func (a *Asset) Present(p media.Plan) media.Presentation {
	a.cacheOnce.Do(func() {
		again := slices.ContainsFunc(a.Inputs, func(in Input) bool { return in.Object == nil })
		a.cache = &Cache{Bytes: -1, Files: -1, forget: again}
	})
	return present(a.cache, "asset", "asset", p, func(ctx context.Context) (value, error) {
		return openAsset(ctx, a.Inputs, nil)
	})
}

// present is the Presentation of an asset in a cache: key is its name and its files' versions.
func present(c *Cache, name, key string, p media.Plan, build func(context.Context) (value, error)) media.Presentation {
	return media.PresentationFunc(func(ctx context.Context) (*media.Timeline, error) {
		v, err := c.do(ctx, name, key, build)
		if err == nil && v.(*assetIndex).changed() {
			c.drop(key, v)
			v, err = c.do(ctx, name, key, build)
		}
		if err != nil {
			return nil, err
		}
		tl, grown := v.(*assetIndex).timeline(p)
		if grown {
			c.resize(key, v)
		}
		return tl.timeline, tl.err
	})
}

// assetIndex is the tables of an asset's files and the timelines made of them.
type assetIndex struct {
	sources  []*Source
	notes    []media.Note
	fixed    int64     // bytes of the tables
	reopened []*Source // those whose objects can be had anew

	mu    sync.Mutex // guards plans
	plans map[media.Plan]*planned
}

type planned struct {
	once     sync.Once
	timeline *media.Timeline
	size     int64
	err      error
}

var errPlan = errors.New("the asset could not be cut; the first request for it failed")

// maxPlans bounds the timelines kept of one asset: an origin has few endpoints.
const maxPlans = 64

func openAsset(ctx context.Context, inputs []Input, notes []media.Note) (*assetIndex, error) {
	a := &assetIndex{notes: notes, plans: map[media.Plan]*planned{}}
	var refused []error
	for i := range inputs {
		s, err := OpenInput(ctx, inputs[i])
		switch {
		case err == nil:
			for _, st := range s.streams {
				st.input = i
			}
			a.sources = append(a.sources, s)
			if inputs[i].Object == nil {
				a.reopened = append(a.reopened, s)
			}
			a.notes = append(a.notes, s.notes...)
			a.fixed += s.Size()
		case ctx.Err() != nil || errors.Is(err, media.ErrChanged) || len(inputs) == 1:
			return nil, err
		case lasting(err):
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

// changed reports whether an object that can be had anew is not what it was.
func (a *assetIndex) changed() bool {
	for _, s := range a.reopened {
		if c, ok := s.obj.(media.Checker); ok && errors.Is(c.Check(), media.ErrChanged) {
			return true
		}
	}
	return false
}

// files is how many objects are held open.
func (a *assetIndex) files() int { return len(a.sources) }

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
		timeline, size, err := (*media.Timeline)(nil), int64(0), errPlan
		defer func() { // a panic too leaves an answer for those who wait
			a.mu.Lock()
			defer a.mu.Unlock()
			tl.timeline, tl.size, tl.err = timeline, size, err
		}()
		timeline, size, err = plan(a, p)
	})
	return tl, grown
}
