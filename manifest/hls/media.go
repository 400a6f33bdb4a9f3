package hls

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Media writes the media playlist of a rendition (8216bis, 4.4.3 and 4.4.4). It fails with media.ErrNotFound where the
// rendition has no segments or opts do not offer it. A Timeline that has ended is written as VOD.
func Media(tl *media.Timeline, rendition string, opts *manifest.Options) ([]byte, error) {
	offers, err := offered(tl, opts)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(offers, func(o manifest.Offer) bool { return o.Rendition == rendition })
	if i < 0 {
		return nil, fmt.Errorf("playlist of rendition %q: not offered: %w", rendition, media.ErrNotFound)
	}
	target, rounded := targetDuration(tl, offers)
	w := mediaWriter{
		tl: tl, links: opts.Links(), rendition: rendition, noInit: offers[i].NoInit, dated: dated(tl),
		target: target, version: version(offers[i].NoInit, rounded), period: -1,
	}
	w.segment = newSegmentLinker(w.links, manifest.Ref{
		Kind: manifest.Segment, Version: tl.Version, Rendition: rendition, Ext: offers[i].Extension(),
	})
	w.b = make([]byte, 0, 512+w.bytesPerEntry()*segments(tl, rendition))
	walk(tl, rendition, w.entry)
	if tl.Ended {
		w.b = append(w.b, "#EXT-X-ENDLIST\n"...)
	}
	return w.b, nil
}

// mediaWriter appends a media playlist.
type mediaWriter struct {
	b         []byte
	tl        *media.Timeline
	links     manifest.Linker
	segment   segmentLinker
	rendition string
	noInit    bool
	dated     bool
	target    int64
	version   int
	period    int // index of the Period of the last entry; -1: none yet
}

func (w *mediaWriter) entry(e *entry) {
	if w.period < 0 {
		w.head(e)
	}
	if e.index != w.period {
		w.startPeriod(e)
	}
	if e.gap {
		w.b = append(w.b, "#EXT-X-GAP\n"...)
	}
	w.b = append(w.b, "#EXTINF:"...)
	w.b = appendMicros(w.b, e.us)
	w.b = append(w.b, ",\n"...)
	w.b = append(w.segment.append(w.b, e.number), '\n')
}

// head writes what precedes the first entry.
func (w *mediaWriter) head(first *entry) {
	w.b = append(w.b, "#EXTM3U\n#EXT-X-VERSION:"...)
	w.b = strconv.AppendInt(w.b, int64(w.version), 10)
	w.b = append(w.b, "\n#EXT-X-TARGETDURATION:"...)
	w.b = strconv.AppendInt(w.b, w.target, 10)
	w.b = append(w.b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	w.b = strconv.AppendUint(w.b, first.number, 10)
	if n := w.tl.Periods[0].Index; n > 0 {
		w.b = append(w.b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
		w.b = strconv.AppendUint(w.b, n, 10)
	}
	if w.tl.Ended {
		w.b = append(w.b, "\n#EXT-X-PLAYLIST-TYPE:VOD"...)
	}
	w.b = append(w.b, '\n')
}

// startPeriod marks the discontinuity, names the init segment of the Period and its date, where there is one.
func (w *mediaWriter) startPeriod(e *entry) {
	if w.period >= 0 {
		w.b = append(w.b, "#EXT-X-DISCONTINUITY\n"...)
	}
	w.period = e.index
	r, here := e.period.Rendition(w.rendition)
	if !w.noInit && here && r.Segments.Len() > 0 {
		w.b = append(w.b, `#EXT-X-MAP:URI="`...)
		w.b = append(w.b, w.links.Link(manifest.Ref{
			Kind: manifest.Init, Version: w.tl.Version, Rendition: w.rendition, Period: e.period.ID,
		})...)
		w.b = append(w.b, "\"\n"...)
	}
	if w.dated {
		w.b = append(w.b, "#EXT-X-PROGRAM-DATE-TIME:"...)
		w.b = e.period.Wall.UTC().AppendFormat(w.b, "2006-01-02T15:04:05.000Z07:00")
		w.b = append(w.b, '\n')
	}
}

// bytesPerEntry is about what one entry takes.
func (w *mediaWriter) bytesPerEntry() int {
	return len(w.segment.append(nil, 1<<20)) + len("#EXTINF:10.000000,\n\n")
}

// version is EXT-X-VERSION: decimal durations need 3; EXT-X-MAP needs 6, and so does a target duration that is only not
// exceeded once durations are rounded (8216bis, section 8).
func version(noInit, rounded bool) int {
	if noInit && !rounded {
		return 3
	}
	return 6
}

// dated reports whether every Period has a date: playlists have all dates or none.
func dated(tl *media.Timeline) bool {
	return !slices.ContainsFunc(tl.Periods, func(p *media.Period) bool { return p.Wall.IsZero() })
}

func segments(tl *media.Timeline, rendition string) int {
	n := 0
	for _, p := range tl.Periods {
		if r, ok := p.Rendition(rendition); ok {
			n += r.Segments.Len()
		}
	}
	return n
}

// appendMicros prints microseconds as seconds with six decimals: never an exponent, never a rounded sum.
func appendMicros(b []byte, us int64) []byte {
	b = strconv.AppendInt(b, us/1_000_000, 10)
	frac := uint32(us % 1_000_000)
	digits := [7]byte{0: '.'}
	for i := 6; i > 0; i-- {
		digits[i] = byte('0' + frac%10)
		frac /= 10
	}
	return append(b, digits[:]...)
}
