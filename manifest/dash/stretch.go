package dash

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// stretch is a Period of the MPD: a media.Period, or what of it lies in one key period.
type stretch struct {
	period   *media.Period
	id       string
	start    media.Time // presentation time
	from, to int64      // nanoseconds of MPD time
	members  []listed
	follows  string // id of the stretch of the same media.Period before it; empty: none
}

// listed is an offered rendition in a stretch.
type listed struct {
	*media.Rendition // Segments are those of the stretch
	offer            *manifest.Offer
	key              *manifest.Key // nil: clear
	init             uint64        // Ref.Key
}

// keyed is an offered rendition of a media.Period with its keys.
type keyed struct {
	*media.Rendition
	offer *manifest.Offer
	runs  []manifest.KeyRun
}

// divide cuts p wherever a rendition goes on under another initialization segment. All are cut there, each at the segment
// that starts nearest: audio at the number at which the video is. Clear segments stay with the key whose initialization
// segment they are under.
func (w *writer) divide(p *media.Period) ([]*stretch, error) {
	var all []keyed
	for i := range w.offers {
		o := &w.offers[i]
		r, ok := p.Rendition(o.Rendition)
		if !ok || r.Segments.Len() == 0 {
			continue
		}
		runs, err := w.opts.KeyRuns(p, r, false)
		if err != nil {
			return nil, err
		}
		all = append(all, keyed{r, o, runs})
	}
	if len(all) == 0 {
		return nil, nil
	}
	end := nanos(p.Start) - w.firstTime + nanos(w.length(p))
	starts := append([]media.Time{p.Start}, boundaries(all)...)
	var list []*stretch
	for i, t := range starts {
		s := &stretch{period: p, start: t, from: nanos(t) - w.firstTime, to: end}
		if i+1 < len(starts) {
			s.to = nanos(starts[i+1]) - w.firstTime
		}
		for k := range all {
			r := &all[k]
			first, last := 0, r.Segments.Len()
			if i > 0 {
				first = nearest(r.Rendition, t)
			}
			if i+1 < len(starts) {
				last = nearest(r.Rendition, starts[i+1])
			}
			if first < last {
				s.members = append(s.members, r.part(first, last))
			}
		}
		s.id = p.ID + keyPeriods(s.members)
		if slices.ContainsFunc(list, func(o *stretch) bool { return o.id == s.id }) { // cuts that differ
			m := s.members[0]
			s.id += "." + m.ID + "-" + strconv.FormatUint(m.Segments.At(0).Number, 10)
		}
		if n := len(list); n > 0 {
			s.follows = list[n-1].id
		}
		list = append(list, s)
	}
	return list, nil
}

// boundaries are the presentation times at which any of the renditions changes its initialization segment, ascending. Those
// of the first video come first: one of another rendition that is cut at the same segment is the same.
func boundaries(all []keyed) []media.Time {
	var list []media.Time
	add := func(r *keyed) {
		cut := map[int]bool{} // where it is already
		for _, t := range list {
			cut[nearest(r.Rendition, t)] = true
		}
		for i := 1; i < len(r.runs); i++ {
			at := r.runs[i].First
			if r.runs[i].Init != r.runs[i-1].Init && !cut[at] {
				list = append(list, media.Time{Ticks: r.Segments.At(at).Start, Scale: r.Track.Timescale})
			}
		}
	}
	lead := max(0, slices.IndexFunc(all, func(r keyed) bool { return r.Track.Kind == media.Video }))
	add(&all[lead])
	for i := range all {
		if i != lead {
			add(&all[i])
		}
	}
	slices.SortFunc(list, media.Time.Compare)
	return list
}

// nearest is the index of the segment that starts nearest to t; of two as near, the later.
func nearest(r *media.Rendition, t media.Time) int {
	at, n := t.In(r.Track.Timescale), r.Segments.Len()
	i := sort.Search(n, func(i int) bool { return r.Segments.At(i).Start >= at })
	if i == n {
		s := r.Segments.At(n - 1)
		if s.Start+s.Duration-at <= at-s.Start {
			return n
		}
		return n - 1
	}
	if i > 0 && at-r.Segments.At(i-1).Start < r.Segments.At(i).Start-at {
		return i - 1
	}
	return i
}

// part is the rendition from the segment with index first up to last.
func (r *keyed) part(first, last int) listed {
	l := listed{Rendition: r.Rendition, offer: r.offer}
	if first > 0 || last < r.Segments.Len() {
		clipped := *r.Rendition
		clipped.Segments = window{r.Segments, first, last - first}
		l.Rendition = &clipped
	}
	i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].First > first }) - 1
	l.init = r.runs[i].Init
	for ; i < len(r.runs) && r.runs[i].First < last && l.key == nil; i++ {
		l.key = r.runs[i].Key
	}
	return l
}

// window is consecutive entries of a list.
type window struct {
	list     media.Segments
	first, n int
}

func (w window) Len() int               { return w.n }
func (w window) At(i int) media.Segment { return w.list.At(w.first + i) }

// keyPeriods is what tells stretches of one media.Period apart: the key period, or that of each rendition where they
// differ. It says nothing where keys do not rotate.
func keyPeriods(members []listed) string {
	var list []string
	differ := false
	for _, l := range members {
		if l.key != nil && l.init > 0 {
			list = append(list, strconv.FormatUint(l.init-1, 10))
			differ = differ || list[0] != list[len(list)-1]
		}
	}
	switch {
	case len(list) == 0:
		return ""
	case !differ:
		return ".k" + list[0]
	}
	return ".k" + strings.Join(list, "-")
}
