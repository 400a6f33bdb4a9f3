package dash

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	namespace = "urn:mpeg:dash:schema:mpd:2011"
	scte214   = "urn:scte:dash:scte214-extensions"
	profiles  = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"
)

// MPD writes the MPD of what opts offer. It fails with media.ErrNotFound where there is nothing to play, and with
// media.ErrUnsupported where the Timeline still grows, an offer is not fragmented MP4 or the Linker is no
// manifest.Templater. A static MPD does not depend on now.
func MPD(tl *media.Timeline, now time.Time, opts *manifest.Options) ([]byte, error) {
	w, err := newWriter(tl, opts)
	if err != nil {
		return nil, err
	}
	doc := &document{MPD: mpd.MPD{
		XMLNs:         text(namespace),
		Profiles:      text(profiles),
		Type:          text("static"),
		MinBufferTime: text(duration(int64(w.longest))),
	}}
	doc.MaxSegmentDuration = doc.MinBufferTime
	for _, p := range tl.Periods {
		list, err := w.divide(p)
		if err != nil {
			return nil, fmt.Errorf("MPD: %w", err)
		}
		for _, s := range list {
			dp, err := w.period(s)
			if err != nil {
				return nil, err
			}
			doc.Periods = append(doc.Periods, dp)
		}
	}
	if len(doc.Periods) == 0 {
		return nil, fmt.Errorf("MPD: the timeline has no segments that the endpoint can offer: %w", media.ErrNotFound)
	}
	doc.MediaPresentationDuration = text(duration(w.end))
	doc.ContentProtection = w.definitions
	if w.supplemental {
		doc.XMLNSScte214 = text(scte214)
	}
	if w.cenc {
		doc.XMLNSCenc = text(cencNamespace)
	}
	body, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("MPD: %w", err)
	}
	return slices.Concat([]byte(xml.Header), body, []byte("\n")), nil
}

// writer is what one MPD is made with.
type writer struct {
	tl        *media.Timeline
	links     manifest.Templater
	offers    []manifest.Offer
	rates     map[string]manifest.Rate // by rendition
	numbered  bool                     // Options.NumberDuration
	longest   time.Duration            // segment
	firstTime int64                    // nanoseconds: presentation time of the first Period
	end       int64                    // of the last Period written, nanoseconds of MPD time

	ids          map[setKey]int
	before       []int // ids of the sets of the Period written last
	supplemental bool

	opts        *manifest.Options
	inBand      bool // Options.InBandKeys
	referenced  bool // Options.ReferencedKeys
	cenc        bool // something is protected
	protections map[*manifest.Key][]contentProtection
	definitions []contentProtection // under the MPD
}

func newWriter(tl *media.Timeline, opts *manifest.Options) (*writer, error) {
	if !tl.Ended {
		return nil, fmt.Errorf("MPD of a timeline that still grows: %w", media.ErrUnsupported)
	}
	links, ok := opts.Links().(manifest.Templater)
	if !ok {
		return nil, fmt.Errorf("MPD: links of type %T give no template, add method Template: %w", opts.Links(), media.ErrUnsupported)
	}
	w := &writer{
		tl: tl, links: links, offers: opts.Offered(tl), rates: map[string]manifest.Rate{}, ids: map[setKey]int{},
		opts: opts, protections: map[*manifest.Key][]contentProtection{},
	}
	if opts != nil {
		w.numbered, w.inBand = opts.NumberDuration, opts.InBandKeys
		w.referenced = opts.ReferencedKeys && !opts.InBandKeys // then there is nothing long to refer to
	}
	w.longest = manifest.Longest(tl, w.offers)
	target := max(time.Second, w.longest.Round(time.Second))
	for _, o := range w.offers {
		if o.NoInit || len(o.With) > 0 {
			return nil, fmt.Errorf("MPD: rendition %s is not offered as fragmented MP4: %w", o.Rendition, media.ErrUnsupported)
		}
		w.rates[o.Rendition] = manifest.Measure(tl, o, target)
	}
	if len(tl.Periods) > 0 {
		w.firstTime = nanos(tl.Periods[0].Start)
	}
	return w, nil
}

func (w *writer) period(p *stretch) (*period, error) {
	sets := w.sets(p)
	w.end = p.to
	out := &period{Start: duration(p.from), Duration: duration(p.to - p.from)}
	out.ID = p.id
	markMain(sets)
	for _, s := range sets {
		as, err := w.adaptationSet(p, s)
		if err != nil {
			return nil, err
		}
		as.SupplementalProperty = append(as.SupplementalProperty, w.related(p, s, sets)...)
		out.AdaptationSets = append(out.AdaptationSets, as)
	}
	w.before = w.before[:0]
	for _, s := range sets {
		w.before = append(w.before, s.id)
	}
	return out, nil
}

// related says which sets a player may switch to although their key is another (23009-1, 5.3.3.5), and that the set goes on
// where the one of the same id before it ended (5.3.2.4): only the key is new.
func (w *writer) related(p *stretch, s *set, sets []*set) (list []mpd.DescriptorType) {
	var others []string
	for _, o := range sets {
		if o != s && o.key.content() == s.key.content() {
			others = append(others, strconv.Itoa(o.id))
		}
	}
	if len(others) > 0 {
		list = append(list, descriptor("urn:mpeg:dash:adaptation-set-switching:2016", strings.Join(others, ",")))
	}
	if p.follows != "" && slices.Contains(w.before, s.id) {
		list = append(list, descriptor("urn:mpeg:dash:period-continuity:2015", p.follows))
	}
	return list
}

// length is the Period's duration; where the Period does not say, to the end of the longest rendition.
func (w *writer) length(p *media.Period) media.Time {
	if p.Duration.Ticks > 0 {
		return p.Duration
	}
	var longest media.Time
	for i := range w.offers {
		if r, ok := p.Rendition(w.offers[i].Rendition); ok && r.Segments.Len() > 0 {
			s := r.Segments.At(r.Segments.Len() - 1)
			scale := r.Track.Timescale
			if d := (media.Time{Ticks: s.Start + s.Duration - p.Start.In(scale), Scale: scale}); d.Compare(longest) > 0 {
				longest = d
			}
		}
	}
	return longest
}

// nanos is t in nanoseconds, rounded up.
func nanos(t media.Time) int64 { return media.RescaleUp(t.Ticks, t.Scale, 1e9) }

// duration is nanoseconds as xs:duration, exact, without an exponent or trailing zeros.
func duration(ns int64) string {
	ns = max(0, ns)
	b := append(make([]byte, 0, 24), "PT"...)
	s := ns / 1e9
	if h := s / 3600; h > 0 {
		b = append(strconv.AppendInt(b, h, 10), 'H')
	}
	if m := s / 60 % 60; m > 0 {
		b = append(strconv.AppendInt(b, m, 10), 'M')
	}
	s, frac := s%60, ns%1e9
	if s == 0 && frac == 0 && len(b) > 2 {
		return string(b)
	}
	b = strconv.AppendInt(b, s, 10)
	if frac > 0 {
		b = append(b, '.')
		for div := int64(1e8); frac > 0; div /= 10 {
			b = append(b, byte('0'+frac/div))
			frac %= div
		}
	}
	return string(append(b, 'S'))
}
