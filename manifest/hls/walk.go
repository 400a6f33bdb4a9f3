package hls

import (
	"fmt"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// entry is one segment as a playlist lists it.
type entry struct {
	period *media.Period
	index  int    // of the period in the Timeline
	number uint64 // in the URL
	us     int64  // EXTINF, microseconds, at least 1
	gap    bool
}

const maxGaps = 1000 // that one hole may become, however long it is

// walk calls f for each entry of the rendition's media playlist, in order. f does not keep the entry.
//
// An entry lasts until the next begins, the first from the Period's start: listed times then equal those of the media
// even where a track begins a little late. Longer holes, and Periods in which the rendition is missing, are listed as
// gaps, so that every playlist keeps the same clock and the same discontinuities.
func walk(tl *media.Timeline, rendition string, f func(*entry)) {
	w := &walker{f: f, longest: max(1, tl.Target.Microseconds())}
	if tl.Target == 0 {
		offers := []manifest.Offer{{Rendition: rendition}}
		w.longest = max(1, manifest.Longest(tl, offers).Microseconds())
	}
	for i, p := range tl.Periods {
		w.entry = entry{period: p, index: i}
		from := micros(p.Start.Ticks, p.Start.Scale)
		to := from + micros(p.Duration.Ticks, p.Duration.Scale)
		r, ok := p.Rendition(rendition)
		if !ok || r.Segments.Len() == 0 {
			w.gaps(from, to, w.next)
			continue
		}
		end := w.period(r, from)
		if i+1 < len(tl.Periods) && to-end > w.longest/2 {
			w.gaps(end, to, w.next)
		}
	}
}

type walker struct {
	f       func(*entry)
	entry   entry  // the one that f is given, again and again
	next    uint64 // number after the last one listed
	longest int64  // microseconds that a gap may last
}

// period lists the segments of r and returns where they end, microseconds.
func (w *walker) period(r *media.Rendition, from int64) int64 {
	scale, n := r.Track.Timescale, r.Segments.Len()
	s := r.Segments.At(0)
	at := micros(s.Start, scale)
	if at-from > w.longest/2 {
		count := uint64(gapCount(at-from, w.longest))
		w.gaps(from, at, s.Number-min(s.Number, count))
	} else if end := micros(s.Start+s.Duration, scale); from < end {
		at = from
	}
	for i := range n {
		end := micros(s.Start+s.Duration, scale)
		e := &w.entry
		e.number, e.gap = s.Number, s.Gap
		if i+1 < n {
			s = r.Segments.At(i + 1)
			end = micros(s.Start, scale)
		}
		e.us = max(1, end-at)
		w.f(e)
		at = end
	}
	w.next = s.Number + 1
	return at
}

// gaps lists the time between two points as gaps, numbered from n.
func (w *walker) gaps(from, to int64, n uint64) {
	length := to - from
	if length <= 0 {
		return
	}
	count := gapCount(length, w.longest)
	for k := range count {
		e := &w.entry
		e.gap, e.number = true, n+uint64(k)
		e.us = max(1, length/count)
		if k == count-1 {
			e.us = max(1, length-length/count*(count-1))
		}
		w.f(e)
	}
	w.next = n + uint64(count)
}

func gapCount(length, longest int64) int64 {
	return min(maxGaps, 1+(length-1)/longest)
}

// micros is an absolute time in microseconds, rounded to the nearest.
func micros(ticks int64, scale uint32) int64 { return media.RescaleNearest(ticks, scale, 1e6) }

// targetDuration is EXT-X-TARGETDURATION of all media playlists: the longest entry of any, rounded to whole seconds.
// rounded says that the longest is longer than that.
func targetDuration(tl *media.Timeline, offers []manifest.Offer) (seconds int64, rounded bool) {
	var longest int64
	for i := range offers {
		walk(tl, offers[i].Rendition, func(e *entry) { longest = max(longest, e.us) })
	}
	seconds = max(1, (longest+500_000)/1_000_000)
	return seconds, longest > seconds*1_000_000
}

// offered returns the offers of renditions that the Timeline has, or an error if there is nothing to play.
func offered(tl *media.Timeline, opts *manifest.Options) ([]manifest.Offer, error) {
	var offers []manifest.Offer
	for _, o := range opts.Offered(tl) {
		if hasMedia(tl, o.Rendition) {
			offers = append(offers, o)
		}
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("playlist: the timeline has no segments that the endpoint can offer: %w", media.ErrNotFound)
	}
	return offers, nil
}

func hasMedia(tl *media.Timeline, rendition string) bool {
	for _, p := range tl.Periods {
		if r, ok := p.Rendition(rendition); ok && r.Segments.Len() > 0 {
			return true
		}
	}
	return false
}
