package hls

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// describe tells contents apart by language, label and roles, and names each. Streams of different switching sets that
// have the same coding and layout are different contents, whatever they are called.
func describe(audio []*stream) ([]*content, map[*stream]*content) {
	var list []*content
	of := map[*stream]*content{}
	holder := map[*content][]*stream{}
	for _, s := range audio {
		language, label, roles := language(s.track), quotable(s.track.Label), strings.Join(s.track.Roles, ",")
		for _, c := range list {
			if c.language == language && c.label == label && c.roles == roles && !clashes(s, holder[c]) {
				of[s] = c
				break
			}
		}
		if of[s] == nil {
			of[s] = &content{language: language, label: label, roles: roles, traits: traits(s.track)}
			list = append(list, of[s])
		}
		holder[of[s]] = append(holder[of[s]], s)
	}
	names := map[string]bool{}
	for _, c := range list {
		title := c.title()
		if names[title] && c.language != "" && title != c.language {
			title += " (" + c.language + ")"
		}
		c.name = unique(names, title)
	}
	choose(list, holder)
	return list, of
}

// clashes reports whether s cannot be another encoding of what held streams are.
func clashes(s *stream, held []*stream) bool {
	return slices.ContainsFunc(held, func(h *stream) bool {
		same := h.track.Codec.Coding == s.track.Codec.Coding && channels(h.track) == channels(s.track)
		return same && h.set != s.set
	})
}

// choose settles DEFAULT and AUTOSELECT: one default, the first that is marked so, or else the first that is the
// programme itself. Players choose on their own only among what they can tell apart.
func choose(list []*content, holder map[*content][]*stream) {
	best := list[0]
	score := func(c *content) int {
		n := 0
		if !c.has("description") && !c.has("commentary") {
			n = 1
		}
		if slices.ContainsFunc(holder[c], func(s *stream) bool { return s.track.Default }) {
			n += 2
		}
		return n
	}
	for _, c := range list[1:] {
		if score(c) > score(best) {
			best = c
		}
	}
	best.isDefault, best.auto = true, true
	told := map[string]bool{best.language + "\n" + best.traits: true}
	for _, c := range list {
		key := c.language + "\n" + c.traits
		if !told[key] && !c.has("commentary") {
			told[key], c.auto = true, true
		}
	}
}

func (c *content) has(role string) bool { return slices.Contains(strings.Split(c.roles, ","), role) }

// title is what people see: the label, else the language with what sets it apart from the programme.
func (c *content) title() string {
	switch {
	case strings.TrimSpace(c.label) != "":
		return c.label
	case c.language == "":
		return "audio"
	}
	for _, role := range []string{"description", "commentary"} {
		if c.has(role) {
			return c.language + " (" + role + ")"
		}
	}
	return c.language
}

// unique returns name, or name with the first number that makes it new.
func unique(taken map[string]bool, name string) string {
	for n, try := 2, name; ; n++ {
		if !taken[try] {
			taken[try] = true
			return try
		}
		try = name + " " + strconv.Itoa(n)
	}
}

// language is the LANGUAGE attribute; empty where it is not known.
func language(t *media.Track) string {
	if t.Language == "und" {
		return ""
	}
	return quotable(t.Language)
}

// traits is the CHARACTERISTICS attribute (8216bis, 4.4.6.1).
func traits(t *media.Track) string {
	if slices.Contains(t.Roles, "description") {
		return "public.accessibility.describes-video"
	}
	return ""
}
