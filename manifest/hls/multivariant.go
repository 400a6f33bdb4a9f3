package hls

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Multivariant writes the multivariant playlist of what opts offer (8216bis, 4.4.6). It fails with media.ErrNotFound
// where there is nothing to play.
//
// BANDWIDTH and AVERAGE-BANDWIDTH are measured: manifest.Measure of the video and of the heaviest rendition of the audio
// group, added up.
func Multivariant(tl *media.Timeline, opts *manifest.Options) ([]byte, error) {
	offers, err := offered(tl, opts)
	if err != nil {
		return nil, err
	}
	seconds, rounded := targetDuration(tl, offers)
	target := time.Duration(seconds) * time.Second
	var video, audio []*stream
	noInit, independent := true, true
	for _, o := range offers {
		s := newStream(tl, o, target, opts)
		noInit = noInit && o.NoInit
		switch s.track.Kind {
		case media.Video:
			video = append(video, s)
			independent = independent && !s.leading
		case media.Audio:
			audio = append(audio, s)
		}
	}
	var groups []*group
	var variants []variant
	if len(video) > 0 {
		groups = audioGroups(video, audio)
		variants = videoVariants(video, groups)
	} else {
		groups = audioGroups(nil, audio)
		variants, groups = audioVariants(groups)
	}
	if len(variants) == 0 {
		return nil, errNothing
	}
	session, keyVersion, err := sessionTags(slices.Concat(video, audio))
	if err != nil {
		return nil, err
	}
	w := indexWriter{links: opts.Links(), name: opts.ManifestName(), ranges: slices.ContainsFunc(video, (*stream).hdr)}
	w.add("#EXTM3U\n#EXT-X-VERSION:", strconv.Itoa(max(version(noInit, rounded), keyVersion)), "\n")
	if independent {
		w.add("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	if opts == nil || !opts.NoSessionKeys {
		for _, list := range session {
			w.add("#EXT-X-SESSION-KEY:", list, "\n")
		}
	}
	for _, g := range groups {
		w.group(g)
	}
	for i := range variants {
		w.variant(&variants[i])
	}
	return w.b, nil
}

// variant is a stream with the audio group that goes with it.
type variant struct {
	*stream
	group *group // nil: none, or all of the audio is in the stream
}

func (v *variant) rate() manifest.Rate {
	r := v.stream.rate
	if v.group != nil {
		heaviest := v.group.rate()
		r.Peak += heaviest.Peak
		r.Average += heaviest.Average
	}
	return r
}

func (v *variant) codecs() []string {
	list := slices.Clone(v.stream.codecs)
	if v.group != nil {
		for _, m := range v.group.members {
			list = appendNew(list, m.stream.codecs...)
		}
	}
	return list
}

// keys are those of the stream, then those of its group.
func (v *variant) keys() []*manifest.Key {
	list := slices.Clone(v.stream.keys)
	if v.group != nil {
		for _, m := range v.group.members {
			for _, k := range m.stream.keys {
				if !slices.Contains(list, k) {
					list = append(list, k)
				}
			}
		}
	}
	return list
}

// videoVariants is each video stream with each group that fits it, in the order in which they are listed.
func videoVariants(video []*stream, groups []*group) []variant {
	sorted := slices.Clone(video)
	slices.SortStableFunc(sorted, func(a, b *stream) int { return cmp.Compare(a.rate.Peak, b.rate.Peak) })
	var list []variant
	for _, v := range sorted {
		if len(groups) == 0 {
			list = append(list, variant{stream: v})
		}
	}
	for _, g := range groups {
		for _, v := range sorted {
			if g.fits(v) {
				list = append(list, variant{v, g})
			}
		}
	}
	for _, v := range sorted { // none fits: play what is in it
		if !slices.ContainsFunc(list, func(l variant) bool { return l.stream == v }) {
			list = append(list, variant{stream: v})
		}
	}
	return startFirst(list)
}

// audioVariants is one variant for each group: its default rendition. Where there is one rendition of each group, the
// groups say nothing more and are left out.
func audioVariants(groups []*group) ([]variant, []*group) {
	var list []variant
	choice := false
	for _, g := range groups {
		choice = choice || len(g.members) > 1
	}
	for _, g := range groups {
		m := g.members[0]
		for _, other := range g.members {
			if other.isDefault {
				m = other
			}
		}
		v := variant{stream: m.stream}
		if choice {
			v.group = g
		}
		list = append(list, v)
	}
	if !choice {
		groups = nil
	}
	return list, groups
}

// startRate is what the first variant, with which players start, may need: bits per second.
const startRate = 2_500_000

// startFirst moves the variant with which to start to the front: of those with the first group, and H.264 if there is
// any, the best within startRate, or else the leanest.
func startFirst(list []variant) []variant {
	if len(list) == 0 {
		return list
	}
	best := -1
	better := func(v, than *variant) bool {
		if a, b := v.track.Codec.Coding == media.H264, than.track.Codec.Coding == media.H264; a != b {
			return a
		}
		a, b := v.rate().Peak, than.rate().Peak
		if (a <= startRate) != (b <= startRate) {
			return a <= startRate
		}
		return (a <= startRate && a > b) || (a > startRate && a < b)
	}
	for i := range list {
		if list[i].group == list[0].group && (best < 0 || better(&list[i], &list[best])) {
			best = i
		}
	}
	start := list[best]
	copy(list[1:best+1], list[:best])
	list[0] = start
	return list
}
