package hls

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// group is an audio group: each content once, in one coding, layout and step of bit rate.
type group struct {
	id      string
	members []member
	muxed   string // the rendition that is in the variants themselves; empty: none
	instead bool   // played in place of what is in the variants
}

// member is one rendition of a group.
type member struct {
	*content
	stream *stream
	muxed  bool // in the variant: no URI
}

// content is what is heard, whatever its coding. Its attributes are the same in each group (8216bis, 4.4.6.1.1).
type content struct {
	language  string
	label     string
	roles     string
	name      string
	isDefault bool
	auto      bool
	traits    string // CHARACTERISTICS
}

// encoding is what tells groups apart.
type encoding struct {
	coding   media.Coding
	channels string
	muxed    bool
	step     int // of bit rate, lowest first
}

// audioGroups sorts the audio into groups. They are ordered as the audio is; without a choice of audio beside what is
// multiplexed into the video there are none.
func audioGroups(video, audio []*stream) []*group {
	muxed := muxedAudio(video)
	audio = slices.DeleteFunc(slices.Clone(audio), func(s *stream) bool {
		return slices.ContainsFunc(muxed, func(m *stream) bool { return m.offer.Rendition == s.offer.Rendition })
	})
	if len(audio) == 0 {
		return nil
	}
	all := append(slices.Clone(muxed), audio...)
	contents, of := describe(all)
	steps := steps(audio, of)
	var groups []*group
	find := func(id string) *group {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.id == id })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{id: id})
		}
		return groups[i]
	}
	for _, s := range muxed {
		e := encoding{coding: s.track.Codec.Coding, channels: channels(s.track), muxed: true}
		for slices.ContainsFunc(groups, func(g *group) bool { return g.id == e.id() }) {
			e.step++ // one group for each: a variant holds only one of them
		}
		g := find(e.id())
		g.muxed = s.offer.Rendition
		g.members = append(g.members, member{content: of[s], stream: s, muxed: true})
	}
	if len(muxed) == 0 {
		for _, s := range audio {
			e := encoding{coding: s.track.Codec.Coding, channels: channels(s.track), step: steps[s]}
			g := find(e.id())
			g.members = append(g.members, member{content: of[s], stream: s})
		}
	}
	for _, g := range groups {
		g.complete(contents, audio, of)
	}
	if len(muxed) > 0 {
		groups = append(groups, insteadOf(groups, contents, audio, of, steps)...)
	}
	return groups
}

// insteadOf are groups of the encodings that none of the others has room for, beside variants that have sound of their own:
// players that choose such a group leave that sound alone. A content that is nowhere but in the variants cannot be in it,
// and then there is no such group.
func insteadOf(others []*group, contents []*content, audio []*stream, of map[*stream]*content, steps map[*stream]int) []*group {
	var groups []*group
	for _, s := range audio {
		if slices.ContainsFunc(others, func(g *group) bool { return g.holds(s) }) {
			continue
		}
		e := encoding{coding: s.track.Codec.Coding, channels: channels(s.track), step: steps[s]}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.id == e.id() })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{id: e.id(), instead: true})
		}
		groups[i].members = append(groups[i].members, member{content: of[s], stream: s})
	}
	return slices.DeleteFunc(groups, func(g *group) bool {
		g.complete(contents, audio, of)
		return len(g.members) < len(contents)
	})
}

func (g *group) holds(s *stream) bool {
	return slices.ContainsFunc(g.members, func(m member) bool { return m.stream == s })
}

// muxedAudio is the audio in the video's segments, each rendition once. Its rate counts with the video.
func muxedAudio(video []*stream) []*stream {
	var list []*stream
	seen := map[string]bool{}
	for _, v := range video {
		for _, m := range v.with {
			if m.track.Kind == media.Audio && !seen[m.id] {
				seen[m.id] = true
				list = append(list, &stream{
					offer: manifest.Offer{Rendition: m.id}, track: m.track, set: m.set, codecs: []string{codecString(m.track)},
				})
			}
		}
	}
	return list
}

// complete adds what the group lacks: all groups hold the same contents. The nearest in channels is taken, then the
// first.
func (g *group) complete(contents []*content, audio []*stream, of map[*stream]*content) {
	own := g.members[0].stream.track
	for _, c := range contents {
		if slices.ContainsFunc(g.members, func(m member) bool { return m.content == c }) {
			continue
		}
		var best *stream
		for _, s := range audio {
			if of[s] == c && (best == nil || distance(own, s.track) < distance(own, best.track)) {
				best = s
			}
		}
		if best != nil {
			g.members = append(g.members, member{content: c, stream: best})
		}
	}
}

// distance is how ill b goes where a is expected.
func distance(a, b *media.Track) int {
	d := 0
	if a.Codec.Coding != b.Codec.Coding {
		d += 100
	}
	if a.Audio != nil && b.Audio != nil {
		d += max(a.Audio.Channels-b.Audio.Channels, b.Audio.Channels-a.Audio.Channels)
	}
	return d
}

// fits reports whether the group goes with a video stream: groups with multiplexed audio only with streams that hold it.
func (g *group) fits(v *stream) bool {
	if g.muxed == "" {
		return len(v.with) == 0 || g.instead
	}
	return v.holds(g.muxed)
}

// rate is that of the heaviest member that is fetched beside the variant.
func (g *group) rate() manifest.Rate {
	var r manifest.Rate
	for _, m := range g.members {
		if !m.muxed {
			r.Peak = max(r.Peak, m.stream.rate.Peak)
			r.Average = max(r.Average, m.stream.rate.Average)
		}
	}
	return r
}

func (e encoding) id() string {
	id := string(e.coding) + "-" + strings.ReplaceAll(e.channels, "/", "-")
	if e.muxed {
		id = "muxed-" + id
	}
	if e.step > 0 {
		id += "-" + strconv.Itoa(e.step+1)
	}
	return id
}

// channels is the CHANNELS attribute; "0" where the number is not known.
func channels(t *media.Track) string {
	switch {
	case t.Audio == nil:
		return "0"
	case t.Audio.JOC > 0:
		return strconv.Itoa(t.Audio.JOC) + "/JOC"
	}
	return strconv.Itoa(t.Audio.Channels)
}

// steps numbers the bit rates of renditions that differ in nothing else, from the lowest.
func steps(audio []*stream, of map[*stream]*content) map[*stream]int {
	steps := map[*stream]int{}
	for _, s := range audio {
		for _, other := range audio {
			if of[s] != of[other] || s.track.Codec.Coding != other.track.Codec.Coding || channels(s.track) != channels(other.track) {
				continue
			}
			if c := cmp.Compare(other.rate.Average, s.rate.Average); c < 0 || c == 0 && before(audio, other, s) {
				steps[s]++
			}
		}
	}
	return steps
}

func before(list []*stream, a, b *stream) bool { return slices.Index(list, a) < slices.Index(list, b) }
