package hls

import (
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/manifest"
)

// segmentLinker writes the links of one rendition's segments. Where the Linker has a template, that is cut once into what
// stands before and after the number, and no string is made for each link.
type segmentLinker struct {
	links         manifest.Linker
	ref           manifest.Ref
	before, after string // empty: no template
}

func newSegmentLinker(l manifest.Linker, r manifest.Ref) segmentLinker {
	s := segmentLinker{links: l, ref: r}
	t, ok := l.(manifest.Templater)
	if !ok {
		return s
	}
	text := strings.ReplaceAll(t.Template(r), "$RepresentationID$", r.Rendition)
	before, after, ok := strings.Cut(text, "$Number$")
	r.Number = 10
	if ok && before+"10"+after == l.Link(r) { // the template may hold more than is known here
		s.before, s.after = before, after
	}
	return s
}

func (s *segmentLinker) append(b []byte, number uint64) []byte {
	if s.before+s.after == "" {
		s.ref.Number = number
		return append(b, s.links.Link(s.ref)...)
	}
	b = strconv.AppendUint(append(b, s.before...), number, 10)
	return append(b, s.after...)
}
