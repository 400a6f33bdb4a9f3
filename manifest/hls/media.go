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
	keys, keyVersion, err := stretches(tl, &offers[i], opts)
	if err != nil {
		return nil, err
	}
	w := mediaWriter{
		tl: tl, links: opts.Links(), rendition: rendition, noInit: offers[i].NoInit, dated: dated(tl),
		target: target, version: max(version(offers[i].NoInit, rounded), keyVersion), period: -1, keys: keys,
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

	keys     [][]stretch // by Period
	at       int         // of the last entry in keys[period]
	now      stretch     // what the tags so far say
	iv       string      // and the IV that they state, of statedIV
	sequence uint64      // media sequence number of the entry
}

func (w *mediaWriter) entry(e *entry) {
	if w.period < 0 {
		w.head(e)
		w.sequence = e.number
	}
	if e.index != w.period {
		w.startPeriod(e)
	} else if list := w.keys[w.period]; w.at+1 < len(list) && e.number >= list[w.at+1].first {
		w.at++
		w.under(e, &list[w.at], list[w.at].init != w.now.init)
	} else if w.now.tags != nil && w.now.tags.counts && !e.gap {
		w.under(e, &w.now, false)
	}
	w.sequence++
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

// startPeriod marks the discontinuity, names the key and the init segment of the Period and its date, where there is one.
func (w *mediaWriter) startPeriod(e *entry) {
	if w.period >= 0 {
		w.b = append(w.b, "#EXT-X-DISCONTINUITY\n"...)
	}
	w.period, w.at = e.index, 0
	if list := w.keys[w.period]; len(list) > 0 {
		w.under(e, &list[0], true)
	}
	if w.dated {
		w.b = append(w.b, "#EXT-X-PROGRAM-DATE-TIME:"...)
		w.b = e.period.Wall.UTC().AppendFormat(w.b, "2006-01-02T15:04:05.000Z07:00")
		w.b = append(w.b, '\n')
	}
}

// under writes the key of what follows, if it is another than before, and then the init segment, which the key covers too
// (8216bis, 4.4.4.4).
func (w *mediaWriter) under(e *entry, s *stretch, initToo bool) {
	if iv := w.statedIV(e, s); s.key != w.now.key || iv != w.iv {
		w.keyTags(s, iv)
		w.iv = iv
	}
	if initToo && !w.noInit {
		w.b = append(w.b, `#EXT-X-MAP:URI="`...)
		w.b = append(w.b, w.links.Link(manifest.Ref{
			Kind: manifest.Init, Version: w.tl.Version, Rendition: w.rendition, Period: w.tl.Periods[w.period].ID, Key: s.init,
		})...)
		w.b = append(w.b, "\"\n"...)
	}
	w.now = *s
}

// statedIV is the IV attribute for a segment that is encrypted under its number where that is not its media sequence number,
// which players would take: after a hole that became more or fewer gaps than it has numbers. Empty: they may.
func (w *mediaWriter) statedIV(e *entry, s *stretch) string {
	if s.tags == nil || !s.tags.counts || e.gap || e.number == w.sequence {
		return ""
	}
	return fmt.Sprintf(",IV=0x%032x", e.number)
}

// keyTags ends what was in force, if nothing takes its place or not in each KEYFORMAT, and writes EXT-X-KEY of each system.
func (w *mediaWriter) keyTags(s *stretch, iv string) {
	if old := w.now.tags; old != nil && (s.key == nil || !containsAll(s.tags.formats, old.formats)) {
		w.b = append(w.b, "#EXT-X-KEY:METHOD=NONE\n"...)
	}
	if s.key == nil {
		return
	}
	for _, list := range s.tags.media {
		w.b = append(w.b, "#EXT-X-KEY:"...)
		w.b = append(w.b, list...)
		if _, has := attribute(list, "IV"); !has {
			w.b = append(w.b, iv...)
		}
		w.b = append(w.b, '\n')
	}
}

func containsAll(list, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(list, s) })
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
