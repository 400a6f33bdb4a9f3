package origin

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"weak"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// view is a Timeline as an Endpoint offers it. Immutable. It does not hold the Timeline, so that a cache of views keeps no
// media open.
type view struct {
	version string // in media URLs
	offers  []manifest.Offer
	by      map[string]*carrier // by rendition
	lanes   map[string]uint16   // of IVs, by rendition
	salt    uint64              // of IVs
}

// show is the Timeline under the version of the view, for manifests.
func (v *view) show(tl *media.Timeline) *media.Timeline {
	shown := *tl
	shown.Version = v.version
	return &shown
}

// versionOf names all that decides the bytes below an endpoint: the Timeline's Version, the packagers, and what they put
// together. Two endpoints that make the same bytes may have the same.
func versionOf(tl *media.Timeline, ep *Endpoint, offers []manifest.Offer) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %s %s\n", tl.Version, revision, ep.Container)
	if ep.Encryption != nil {
		fmt.Fprintf(h, "%s\n", ep.Encryption.digest())
	}
	for i := range offers {
		fmt.Fprintf(h, "%s %s %q\n", offers[i].Rendition, offers[i].Ext, offers[i].With)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:10]))
}

// carrier is what makes the segments of one rendition.
type carrier struct {
	offer    *manifest.Offer
	packager packager.Packager
	label    string // of the key in the encryption contract; empty: segments are clear
}

// viewKey names a view. Timelines are told apart by identity: equal calls return the same one.
type viewKey struct {
	timeline weak.Pointer[media.Timeline]
	endpoint string
}

const viewBytes = 4 << 10 // a generous guess

// view returns the view of tl. What is left out, and what the source has to say, is logged when it is made: once for each
// Timeline.
func (h *Handler) view(ctx context.Context, name string, ep *Endpoint, tl *media.Timeline) (*view, error) {
	return h.views.get(ctx, keyOf(tl, ep), func(ctx context.Context) (*view, int64, error) {
		log := h.log().With("presentation", name, "endpoint", ep.Name)
		for _, n := range tl.Notes {
			log.WarnContext(ctx, n.Text, "subject", n.Subject)
		}
		v, left := newView(tl, ep)
		for _, n := range left {
			log.WarnContext(ctx, "left out: "+n.Text, "rendition", n.Subject)
		}
		if len(v.offers) == 0 {
			return nil, 0, fmt.Errorf("%s can carry none of its tracks: %w", ep.Container, media.ErrUnsupported)
		}
		return v, viewBytes, nil
	})
}

// newView decides which renditions the container carries, and how. left says what it cannot.
func newView(tl *media.Timeline, ep *Endpoint) (v *view, left []media.Note) {
	f := formats[ep.Container]
	muxed := ""
	if f.mux {
		muxed = defaultAudio(tl, ep, f.main)
		if f.mux = covered(tl, muxed); !f.mux {
			muxed = ""
		}
	}
	v = &view{by: map[string]*carrier{}, lanes: lanes(tl), salt: salt(tl.Version)}
	seen := map[string]bool{}
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			r := &p.Renditions[i]
			if r.Hidden || seen[r.ID] {
				continue
			}
			seen[r.ID] = true
			pk, err := choose(tl, r, ep, f)
			if err != nil {
				left = append(left, media.Note{Subject: r.ID, Text: err.Error()})
				continue
			}
			if r.ID == muxed {
				continue // is in each video rendition
			}
			o, label := newOffer(p, r, ep, pk, with(p, r, ep, f, muxed))
			v.offers = append(v.offers, o)
			v.by[r.ID] = &carrier{packager: pk, label: label}
		}
	}
	for i := range v.offers {
		v.by[v.offers[i].Rendition].offer = &v.offers[i]
	}
	v.version = versionOf(tl, ep, v.offers)
	return v, left
}

// choose returns what packages the rendition, which it must accept in each Period.
func choose(tl *media.Timeline, r *media.Rendition, ep *Endpoint, f format) (packager.Packager, error) {
	if ep.PackedAudio && f.packed != nil && r.Track.Kind == media.Audio && accepts(tl, r.ID, ep, f.packed) == nil {
		return f.packed, nil
	}
	return f.main, accepts(tl, r.ID, ep, f.main)
}

// schemeOf is how the packager itself is to encrypt a track; label is that of its key. Whole segments are encrypted by
// packager.Render.
func schemeOf(ep *Endpoint, t *media.Track) (s drm.Scheme, label string) {
	if ep.Encryption == nil {
		return "", ""
	}
	label, ok := ep.Encryption.contract().Label(t)
	if !ok {
		return "", ""
	}
	if ep.Encryption.Method == drm.AES128 {
		return "", label
	}
	return ep.Encryption.Method, label
}

func accepts(tl *media.Timeline, rendition string, ep *Endpoint, pk packager.Packager) error {
	for _, p := range tl.Periods {
		if r, ok := p.Rendition(rendition); ok {
			if ep.Encryption != nil && r.Track.Crypt != nil {
				return fmt.Errorf("track %s is encrypted at its source: give the source its keys to encrypt it anew: %w", r.Track.ID, media.ErrUnsupported)
			}
			scheme, _ := schemeOf(ep, r.Track)
			if err := pk.Accepts(r.Track, scheme); err != nil {
				return err
			}
		}
	}
	return nil
}

// defaultAudio is the rendition that is multiplexed into video: of those that pk accepts the one marked as default, or the
// first. Empty where there is no video or no audio.
func defaultAudio(tl *media.Timeline, ep *Endpoint, pk packager.Packager) string {
	first, video := "", false
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			r := &p.Renditions[i]
			video = video || r.Track.Kind == media.Video && !r.Hidden && accepts(tl, r.ID, ep, pk) == nil
			if r.Track.Kind != media.Audio || r.Hidden || accepts(tl, r.ID, ep, pk) != nil {
				continue
			}
			if first == "" || r.Track.Default && !isDefault(p, first) {
				first = r.ID
			}
		}
	}
	if !video {
		return ""
	}
	return first
}

// covered reports whether each video rendition has a segment for each of the audio's. Sound that begins a segment or more
// before the picture, or goes on so long after it, would be lost if it were in the picture's segments alone.
func covered(tl *media.Timeline, audio string) bool {
	for _, p := range tl.Periods {
		a, ok := p.Rendition(audio)
		if !ok || a.Segments.Len() == 0 {
			continue
		}
		for i := range p.Renditions {
			v := &p.Renditions[i]
			if v.Track.Kind != media.Video || len(v.With) > 0 && v.With[0] != audio {
				continue // what goes with it is cut as it is
			}
			if _, ok := media.ByNumber(v.Segments, a.Segments.At(0).Number); !ok {
				return false
			}
			if _, ok := media.ByNumber(v.Segments, a.Segments.At(a.Segments.Len()-1).Number); !ok {
				return false
			}
		}
	}
	return true
}

func isDefault(p *media.Period, rendition string) bool {
	r, ok := p.Rendition(rendition)
	return ok && r.Track.Default
}

// with is what is multiplexed into r: what the Timeline says, or the default audio into video.
func with(p *media.Period, r *media.Rendition, ep *Endpoint, f format, muxed string) []string {
	if !f.mux || r.Track.Kind != media.Video {
		return nil
	}
	var list []string
	for _, id := range r.With {
		if w, ok := p.Rendition(id); ok {
			if s, _ := schemeOf(ep, w.Track); f.main.Accepts(w.Track, s) == nil {
				list = append(list, id)
			}
		}
	}
	if len(list) == 0 && muxed != "" {
		list = []string{muxed}
	}
	return list
}

// newOffer also returns the label of the segments' key: that of the first track which has one.
func newOffer(p *media.Period, r *media.Rendition, ep *Endpoint, pk packager.Packager, with []string) (manifest.Offer, string) {
	tracks := []*media.Track{r.Track}
	for _, id := range with {
		if w, ok := p.Rendition(id); ok {
			tracks = append(tracks, w.Track)
		}
	}
	o := manifest.Offer{Rendition: r.ID, With: with}
	label := ""
	var scheme drm.Scheme
	for _, t := range tracks {
		if s, l := schemeOf(ep, t); label == "" {
			scheme, label = s, l
		}
	}
	more := ep.Encryption.boxes()
	o.Size = func(spans ...media.Span) int64 { return pk.Estimate(scheme, spans...) + more }
	if label != "" && scheme == "" { // whole segments, padded (RFC 8216, 4.3.2.4)
		o.Size = func(spans ...media.Span) int64 { return pk.Estimate("", spans...)&^15 + 16 }
	}
	o.Ext, o.MIME = pk.Type(tracks...)
	_, init := pk.(packager.Initializer)
	o.NoInit = !init
	return o, label
}

// segments are segment n of the rendition and of what is multiplexed into it.
func (c *carrier) segments(tl *media.Timeline, n uint64) ([]media.Segment, error) {
	p, s, err := tl.Find(c.offer.Rendition, n)
	if err != nil {
		return nil, err
	}
	segs := []media.Segment{s}
	for _, id := range slices.Compact(c.offer.With) {
		if r, ok := p.Rendition(id); ok {
			segs = append(segs, r.Numbered(n))
		}
	}
	return segs, nil
}
