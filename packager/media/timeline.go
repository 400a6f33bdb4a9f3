package media

import (
	"context"
	"fmt"
	"sort"
	"time"
)

// Span plays Media of Track from Source, starting at Start; all in ticks of Track.
type Span struct {
	Source   Source
	Track    *Track
	Media    Interval // source time: From is the first sample's decode time
	Start    int64    // presentation time; Start-Media.From is the shift
	Duration int64    // exact sum of sample durations
	Bytes    int64    // payload size, for bit rates; 0: unknown
	Samples  int      // number of samples, for bit rates; 0: unknown
	Chunk    int64    // longest fragment, ticks; 0: one fragment
}

// Segment is a Span with its number.
type Segment struct {
	Span
	Number uint64 // equal numbers are aligned in time across renditions of a Set; none is skipped
	Gap    bool   // announced without media
	Last   bool   // end marked by the source
}

// Segments is an immutable list. At makes the value, so that an implementation can keep columns.
type Segments interface {
	Len() int
	At(i int) Segment
}

// SegmentSlice is Segments held as they are.
type SegmentSlice []Segment

func (s SegmentSlice) Len() int         { return len(s) }
func (s SegmentSlice) At(i int) Segment { return s[i] }

// Rendition is a Track as it is offered within a Period.
type Rendition struct {
	ID    string   // in URLs, [A-Za-z0-9_-]+; the same in each Period in which the rendition goes on
	Track *Track   // of this Period
	Set   string   // switching set: same content, seamless; HLS groups and AdaptationSets are derived from it and Track
	With  []string // renditions that formats which multiplex put into its segments, joined by Number
	// Hidden renditions are not listed: they exist to be named in With.
	Hidden   bool
	Segments Segments
}

// Period is a stretch in which tracks and clock hold: a new one is a discontinuity in HLS and a Period in DASH.
type Period struct {
	ID         string    // [A-Za-z0-9_-]+, stable while the Period exists
	Index      uint64    // periods before it, also those that left the window
	Start      Time      // exact presentation time; DASH presentationTimeOffset of each track is Start.In(Timescale)
	Duration   Time      // of the presentation, from Start to the end of what is presented; zero: still open
	Wall       time.Time // wall clock of Start; zero: none
	Renditions []Rendition
}

// Timeline is what exists at one instant; immutable.
type Timeline struct {
	// Version is in every media URL and changes when the bytes under a number would.
	Version string
	Epoch   time.Time     // wall clock of presentation time zero; zero for VOD
	Target  time.Duration // no segment is ever longer
	Periods []*Period
	Ended   bool            // nothing will be added
	Stale   <-chan struct{} // closed once a newer Timeline exists; nil: never
	// Notes say what was left out, repaired or is not as it should be, for logs and Inspect.
	Notes []Note
}

// Note is a remark on a presentation: renditions that do not align, tracks that cannot be served.
type Note struct {
	Subject string // file, track or rendition
	Text    string // what is so, and what to do about it
}

func (n Note) String() string { return n.Subject + ": " + n.Text }

// Rendition returns the rendition of that ID in p.
func (p *Period) Rendition(id string) (*Rendition, bool) {
	for i := range p.Renditions {
		if p.Renditions[i].ID == id {
			return &p.Renditions[i], true
		}
	}
	return nil, false
}

// Find returns the Period in which the rendition has segment n, and the segment.
func (tl *Timeline) Find(rendition string, n uint64) (*Period, Segment, error) {
	known := false
	var first, last uint64
	for _, p := range tl.Periods {
		r, ok := p.Rendition(rendition)
		if !ok || r.Segments.Len() == 0 {
			known = known || ok
			continue
		}
		lo := r.Segments.At(0).Number
		if !known {
			first = lo
		}
		known = true
		last = lo + uint64(r.Segments.Len()) - 1
		if n >= lo && n <= last {
			return p, r.Segments.At(int(n - lo)), nil
		}
	}
	what := fmt.Sprintf("segment %d of rendition %q", n, rendition)
	switch {
	case !known:
		return nil, Segment{}, fmt.Errorf("rendition %q: %w", rendition, ErrNotFound)
	case n < first && first > 0 && !tl.Epoch.IsZero():
		return nil, Segment{}, fmt.Errorf("%s: %w", what, ErrGone)
	case n > last && !tl.Ended:
		return nil, Segment{}, fmt.Errorf("%s: %w", what, ErrNotYet)
	}
	return nil, Segment{}, fmt.Errorf("%s: %w", what, ErrNotFound)
}

// Segment returns segment n of the rendition, then one of each rendition in With: a Gap where that has no media under the
// number, so that what is multiplexed keeps its tracks. Errors: ErrNotFound, ErrNotYet, ErrGone.
func (tl *Timeline) Segment(rendition string, n uint64) ([]Segment, error) {
	p, s, err := tl.Find(rendition, n)
	if err != nil {
		return nil, err
	}
	segs := []Segment{s}
	r, _ := p.Rendition(rendition)
	for _, id := range r.With {
		if w, ok := p.Rendition(id); ok {
			segs = append(segs, w.Numbered(n))
		}
	}
	return segs, nil
}

// Numbered returns segment n, or a Gap of the Track if there is none.
func (r *Rendition) Numbered(n uint64) Segment {
	if s, ok := ByNumber(r.Segments, n); ok {
		return s
	}
	return Segment{Span: Span{Track: r.Track}, Number: n, Gap: true}
}

// ByNumber finds a segment in a list whose numbers are consecutive.
func ByNumber(s Segments, n uint64) (Segment, bool) {
	if s == nil || s.Len() == 0 {
		return Segment{}, false
	}
	lo := s.At(0).Number
	if n < lo || n-lo >= uint64(s.Len()) {
		return Segment{}, false
	}
	return s.At(int(n - lo)), true
}

// At finds the segment that is playing at presentation time t, in ticks of the track; false where none is.
func At(s Segments, t int64) (Segment, bool) {
	i := sort.Search(s.Len(), func(i int) bool { return s.At(i).Start > t }) - 1
	if i < 0 {
		return Segment{}, false
	}
	seg := s.At(i)
	return seg, t < seg.Start+seg.Duration
}

// Presentation returns what exists now. Safe for concurrent use; equal calls return the same Timeline until it is Stale.
type Presentation interface {
	Timeline(ctx context.Context) (*Timeline, error)
}

// PresentationFunc is a Presentation made of a function.
type PresentationFunc func(ctx context.Context) (*Timeline, error)

func (f PresentationFunc) Timeline(ctx context.Context) (*Timeline, error) { return f(ctx) }

// Content is cut as each endpoint asks. Equal plans share one Presentation.
type Content interface{ Present(p Plan) Presentation }

// ContentFunc is Content made of a function.
type ContentFunc func(p Plan) Presentation

func (f ContentFunc) Present(p Plan) Presentation { return f(p) }

// Fixed is Content that has its own cuts whatever the plan.
func Fixed(p Presentation) Content { return ContentFunc(func(Plan) Presentation { return p }) }

// Plan is how Content is to be cut. Comparable: it is a cache key.
type Plan struct {
	Segment time.Duration // wanted length; 0: 6 s
	// Chunk is the wanted length of the fragments (moof and mdat) within a segment; 0: one fragment a segment.
	Chunk time.Duration
}
