package manifest

import "github.com/mezzomedia/mezzo/packager/media"

// Kind is what a Ref names.
type Kind uint8

const (
	Multivariant Kind = iota + 1 // HLS multivariant playlist: Name
	Media                        // HLS media playlist: Name, Rendition
	MPD                          // DASH: Name
	Init                         // initialization segment: Version, Rendition, Period, Key
	Segment                      // media segment: Version, Rendition, Number, Ext
)

// Ref names one fetchable thing of an endpoint. Only the fields that its Kind names are set.
type Ref struct {
	Kind      Kind
	Name      string // of the manifest: [A-Za-z0-9_-]+
	Version   string // of the Timeline: [A-Za-z0-9_-]+
	Rendition string // [A-Za-z0-9_-]+
	Period    string // [A-Za-z0-9_-]+
	Key       uint64 // of an Init: the key period plus one; 0: that of keys that stay, or of all periods (Options.InBandKeys)
	Number    uint64
	Ext       string // file name extension of the segment, [a-z0-9]+
}

// Linker turns Refs into URLs relative to the endpoint's folder and back: Parse(Link(r)) == r for each valid r, and
// Parse is total. Implementations are safe for concurrent use.
type Linker interface {
	Link(r Ref) string
	// Parse returns media.ErrNotFound for anything that Link does not write.
	Parse(path string) (Ref, error)
}

// Templater is a Linker that can write the URLs of all segments of a rendition as one DASH SegmentTemplate.
type Templater interface {
	// Template is Link(r) of a Segment or Init with $RepresentationID$ for its rendition and, for a Segment, $Number$
	// for its number.
	Template(r Ref) string
}

// Options say how an endpoint offers a Timeline. The zero value is good.
type Options struct {
	Name   string // of the manifest; empty: index
	Linker Linker // nil: Paths
	// Offers are the renditions that the endpoint's container can carry, in the order of listing; nil: each rendition
	// that is not Hidden, as CMAF.
	Offers []Offer
	// Key tells under which key a segment of a rendition is; nil, or a nil answer: it is clear. Equal pointers are equal
	// keys, and only those, so that writers need compare nothing else. It is asked in the order of numbers, of gaps too.
	// See KeyRuns for the initialization segments of clear segments.
	Key func(p *media.Period, rendition string, number uint64) *Key
	// InBandKeys says that segments name their keys themselves, under one initialization segment (Ref.Key 0): DASH then
	// has one Period whatever the keys, without default_KID. Else each key period has an initialization segment of its
	// own, and DASH starts a Period with it. It says nothing of AES-128.
	InBandKeys bool
	// NoSessionKeys leaves EXT-X-SESSION-KEY out of multivariant playlists.
	NoSessionKeys bool
	// ReferencedKeys has an MPD describe each key once, and refer to it by @ref (23009-1, 5.8.4.1); else each
	// AdaptationSet says it all, which more players understand. InBandKeys leave nothing to refer to.
	ReferencedKeys bool
	// NumberDuration asks DASH for SegmentTemplate@duration in place of a SegmentTimeline, where the segments are regular
	// enough for it: see package dash.
	NumberDuration bool
}

// Offer is how one rendition is carried. The container decides it, so that writers know no containers.
type Offer struct {
	Rendition string
	Ext       string   // of the segments, without the dot; empty: m4s
	MIME      string   // of the segments; empty: video/mp4 or audio/mp4
	NoInit    bool     // segments need no initialization segment
	With      []string // renditions multiplexed into its segments
	// Size is the size of a segment, bytes, given what Timeline.Segment returns, cut to the rendition and those of
	// With; nil: the payload's size.
	Size func(spans ...media.Span) int64
}

// Extension is Ext or its default.
func (o *Offer) Extension() string {
	if o.Ext == "" {
		return "m4s"
	}
	return o.Ext
}

// ContentType is MIME or its default for the kind of track.
func (o *Offer) ContentType(k media.Kind) string {
	switch {
	case o.MIME != "":
		return o.MIME
	case k == media.Audio:
		return "audio/mp4"
	case k == media.Video:
		return "video/mp4"
	}
	return "application/mp4"
}

// ManifestName is Name or its default.
func (o *Options) ManifestName() string {
	if o == nil || o.Name == "" {
		return "index"
	}
	return o.Name
}

// Links is Linker or its default.
func (o *Options) Links() Linker {
	if o == nil || o.Linker == nil {
		return Paths{}
	}
	return o.Linker
}

// Offered is Offers or its default for this Timeline.
func (o *Options) Offered(tl *media.Timeline) []Offer {
	if o != nil && o.Offers != nil {
		return o.Offers
	}
	var offers []Offer
	seen := map[string]bool{}
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			if r := &p.Renditions[i]; !r.Hidden && !seen[r.ID] {
				seen[r.ID] = true
				offers = append(offers, Offer{Rendition: r.ID})
			}
		}
	}
	return offers
}
