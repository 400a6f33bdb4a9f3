package dash

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// setKey is what the Representations of an AdaptationSet have in common.
type setKey struct {
	set                         string
	kind                        media.Kind
	mime                        string
	coding                      media.Coding
	fourCC                      string
	language, label, roles      string // audio
	channels, joc               int
	primaries, transfer, matrix uint8 // video
	// holder is the first rendition of the content that is under the same key: one that stays when keys change. Empty:
	// clear.
	holder string
}

// content is what sets have in common that differ in their keys only.
func (k setKey) content() setKey {
	k.holder = ""
	return k
}

// set is an AdaptationSet in the making.
type set struct {
	key     setKey
	id      int
	main    bool
	members []listed
}

// sets sorts the renditions of p. Sets keep their id from Period to Period.
func (w *writer) sets(p *stretch) []*set {
	var sets []*set
	for i, l := range p.members {
		key := keyOf(l.Rendition, l.offer)
		if l.key != nil {
			key.holder = holder(p.members[:i+1], key)
		}
		k := slices.IndexFunc(sets, func(s *set) bool { return s.key == key })
		if k < 0 {
			if w.ids[key] == 0 {
				w.ids[key] = len(w.ids) + 1
			}
			k = len(sets)
			sets = append(sets, &set{key: key, id: w.ids[key]})
		}
		sets[k].members = append(sets[k].members, l)
	}
	slices.SortStableFunc(sets, func(a, b *set) int { return cmp.Compare(a.id, b.id) })
	return sets
}

// holder is the first of the members that has the content and the key of the last one.
func holder(members []listed, content setKey) string {
	last := members[len(members)-1]
	i := slices.IndexFunc(members, func(l listed) bool { return l.key == last.key && keyOf(l.Rendition, l.offer) == content })
	return members[i].ID
}

// keyOf is the key of a rendition. One without a Set is in one of its own.
func keyOf(r *media.Rendition, o *manifest.Offer) setKey {
	t := r.Track
	key := setKey{
		set: "set " + r.Set, kind: t.Kind, mime: o.ContentType(t.Kind), coding: t.Codec.Coding, fourCC: t.Codec.FourCC,
	}
	if r.Set == "" {
		key.set = "rendition " + r.ID
	}
	switch {
	case t.Kind == media.Video && t.Video != nil:
		key.primaries, key.transfer, key.matrix = t.Video.Primaries, t.Video.Transfer, t.Video.Matrix
	case t.Kind != media.Video:
		key.language, key.label, key.roles = language(t), t.Label, strings.Join(t.Roles, ",")
		if t.Audio != nil {
			key.channels, key.joc = t.Audio.Channels, t.Audio.JOC
		}
	}
	return key
}

// language is empty where it is not known.
func language(t *media.Track) string {
	if t.Language == "und" {
		return ""
	}
	return t.Language
}

// markMain gives Role main to one set of each kind, where no track says which it is: the default, else the first. Sets that
// differ from it in their key only are the same content.
func markMain(sets []*set) {
	for _, kind := range []media.Kind{media.Video, media.Audio, media.Text} {
		var best *set
		for _, s := range sets {
			if s.key.kind != kind {
				continue
			}
			if s.hasRole("main") {
				best = nil
				break
			}
			if best == nil || s.isDefault() && !best.isDefault() {
				best = s
			}
		}
		for _, s := range sets {
			s.main = s.main || best != nil && s.key.content() == best.key.content()
		}
	}
}

func (s *set) isDefault() bool {
	return slices.ContainsFunc(s.members, func(l listed) bool { return l.Track.Default })
}

func (s *set) hasRole(role string) bool { return slices.Contains(s.members[0].Track.Roles, role) }

func (w *writer) adaptationSet(p *stretch, s *set) (*adaptationSet, error) {
	protection, err := w.protection(s.members[0].key)
	if err != nil {
		return nil, err
	}
	t := s.members[0].Track
	aligned := s.aligned()
	out := &adaptationSet{AdaptationSet: mpd.AdaptationSet{
		ID: text(strconv.Itoa(s.id)), ContentType: text(contentType(t.Kind)), SegmentAlignment: &aligned,
		Lang: text(s.key.language),
	}}
	out.ContentProtection = protection
	out.MimeType = text(s.key.mime)
	out.StartWithSAP = positive(s.sap())
	out.Label = text(s.key.label)
	out.Role, out.Accessibility = s.roles()
	if t.Kind == media.Video {
		s.describeVideo(out)
	}
	templates := make([]*segmentTemplate, len(s.members))
	shared := true
	for i, l := range s.members {
		templates[i] = w.template(p, l)
		shared = shared && templates[i].equal(templates[0])
	}
	if shared {
		out.SegmentTemplate = templates[0]
	}
	for i, l := range s.members {
		r := w.representation(l)
		if !shared {
			r.SegmentTemplate = templates[i]
		}
		out.Representations = append(out.Representations, r)
	}
	return out, nil
}

func contentType(k media.Kind) string {
	if k == media.Meta || k.String() == "unknown" {
		return "application"
	}
	return k.String()
}

// sap is the type of stream access point with which each segment starts: 3 where leading pictures need what is before.
func (s *set) sap() int {
	for _, l := range s.members {
		if v := l.Track.Video; v != nil && v.Leading {
			return 3
		}
	}
	return 1
}

func (s *set) roles() (roles, accessibility []mpd.DescriptorType) {
	const scheme = "urn:mpeg:dash:role:2011"
	if s.main {
		roles = append(roles, descriptor(scheme, "main"))
	}
	for _, r := range s.members[0].Track.Roles {
		roles = append(roles, descriptor(scheme, r))
	}
	if s.key.kind == media.Audio && s.hasRole("description") {
		accessibility = append(accessibility, descriptor("urn:tva:metadata:cs:AudioPurposeCS:2007", "1"))
	}
	return roles, accessibility
}

// describeVideo writes the largest size and rate, the shape of the picture if all have it, and the colours if they are
// not those of standard dynamic range. A display that cannot show PQ must not choose it; HLG looks fine on any.
func (s *set) describeVideo(out *adaptationSet) {
	var width, height int
	var rate media.Ratio
	var shape string
	for i, l := range s.members {
		v := l.Track.Video
		if v == nil {
			return
		}
		width, height = max(width, v.Width), max(height, v.Height)
		if faster(v.FrameRate, rate) {
			rate = v.FrameRate
		}
		if par := aspect(v); i == 0 {
			shape = par
		} else if par != shape {
			shape = ""
		}
	}
	if width > 0 && height > 0 {
		out.MaxWidth, out.MaxHeight = text(strconv.Itoa(width)), text(strconv.Itoa(height))
	}
	out.PAR, out.MaxFrameRate = text(shape), text(frameRate(rate))
	if s.key.transfer < 14 && s.key.primaries != 9 {
		return
	}
	colours := []mpd.DescriptorType{
		descriptor("urn:mpeg:mpegB:cicp:ColourPrimaries", strconv.Itoa(int(s.key.primaries))),
		descriptor("urn:mpeg:mpegB:cicp:TransferCharacteristics", strconv.Itoa(int(s.key.transfer))),
		descriptor("urn:mpeg:mpegB:cicp:MatrixCoefficients", strconv.Itoa(int(s.key.matrix))),
	}
	if s.key.transfer == 16 {
		out.EssentialProperty = colours
	} else {
		out.SupplementalProperty = colours
	}
}

// aspect is the shape of the picture as it is shown, as 16:9.
func aspect(v *media.VideoFormat) string {
	w, h := uint64(v.Width), uint64(v.Height)
	if p := v.PixelAspect; p.Num > 0 && p.Den > 0 {
		w, h = w*uint64(p.Num), h*uint64(p.Den)
	}
	if w == 0 || h == 0 {
		return ""
	}
	d := gcd(w, h)
	return fmt.Sprintf("%d:%d", w/d, h/d)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
