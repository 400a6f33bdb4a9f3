package hls

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// tags are what playlists say of one key: an attribute list for each KEYFORMAT, in the order of Key.Signals. Of systems
// that share a KEYFORMAT the first counts.
type tags struct {
	media, session []string
	formats        []string
	counts         bool // AES-128 that takes a segment's number for its IV
}

func newTags(k *manifest.Key) (*tags, error) {
	t := &tags{}
	for i := range k.Signals {
		s := &k.Signals[i]
		if s.HLS == "" {
			continue
		}
		list, err := attributesOf(k, s.HLS)
		if err != nil {
			return nil, fmt.Errorf("EXT-X-KEY of %s for key %s: %w", s.System.Name(), k.ID, err)
		}
		format := keyFormat(list)
		if slices.Contains(t.formats, format) {
			continue
		}
		session := list
		if s.Session != "" {
			if session, err = attributesOf(k, s.Session); err != nil {
				return nil, fmt.Errorf("EXT-X-SESSION-KEY of %s for key %s: %w", s.System.Name(), k.ID, err)
			}
		}
		if disagree(list, session) {
			session = list
		}
		_, iv := attribute(list, "IV")
		t.counts = t.counts || !iv && k.Scheme == drm.AES128
		t.formats, t.media, t.session = append(t.formats, format), append(t.media, list), append(t.session, session)
	}
	if len(t.media) == 0 {
		return nil, fmt.Errorf("playlist: key %s has no system that HLS can name, add one: %w", k.ID, drm.ErrIncompatible)
	}
	return t, nil
}

// attributesOf is the attribute list with the IV of the key, where that belongs into it and is missing.
func attributesOf(k *manifest.Key, list string) (string, error) {
	if !wellFormed(list) {
		return "", fmt.Errorf("attribute list: %w", drm.ErrFormat)
	}
	method, ok := attribute(list, "METHOD")
	if !ok || method == "" || method == "NONE" {
		return "", fmt.Errorf("METHOD is %q, the media is encrypted: %w", method, drm.ErrFormat)
	}
	if uri, _ := attribute(list, "URI"); uri == "" {
		return "", fmt.Errorf("there is no URI: %w", drm.ErrFormat)
	}
	_, has := attribute(list, "IV")
	if k.IV == nil || has || keyFormat(list) != identity || method == "SAMPLE-AES-CTR" {
		return list, nil
	}
	if len(k.IV) != 16 {
		return "", fmt.Errorf("%w: IV of %d bytes, EXT-X-KEY takes 16", drm.ErrKeyLength, len(k.IV))
	}
	return list + ",IV=0x" + hex.EncodeToString(k.IV), nil
}

// wellFormed reports whether list is an attribute list (8216bis, 4.2) that all players read alike: one line, each name once,
// nothing between a value and the next comma.
func wellFormed(list string) bool {
	if !utf8.ValidString(list) || strings.IndexFunc(list, unicode.IsControl) >= 0 {
		return false
	}
	var seen []string
	for {
		name, rest, ok := strings.Cut(list, "=")
		if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" || name == "" || slices.Contains(seen, name) {
			return false
		}
		seen = append(seen, name)
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			_, rest, ok = strings.Cut(quoted, `"`)
		} else {
			n := strings.IndexAny(rest+",", `," `)
			ok, rest = n > 0, rest[n:]
		}
		switch {
		case !ok || rest != "" && rest[0] != ',':
			return false
		case rest == "":
			return true
		}
		list = rest[1:]
	}
}

const identity = "identity"

func keyFormat(list string) string {
	if f, ok := attribute(list, "KEYFORMAT"); ok {
		return f
	}
	return identity
}

// disagree reports whether two tags with one URI differ in what has to be equal then (8216bis, 4.4.6.5).
func disagree(a, b string) bool {
	value := func(list, name string) string { v, _ := attribute(list, name); return v }
	if value(a, "URI") != value(b, "URI") {
		return false
	}
	return value(a, "METHOD") != value(b, "METHOD") || keyFormat(a) != keyFormat(b) ||
		value(a, "KEYFORMATVERSIONS") != value(b, "KEYFORMATVERSIONS")
}

// attribute is the value of a name in an attribute list (8216bis, 4.2), without quotes.
func attribute(list, name string) (string, bool) {
	for list != "" {
		n, rest, ok := strings.Cut(list, "=")
		if !ok {
			return "", false
		}
		var value string
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			value, rest, _ = strings.Cut(quoted, `"`)
			rest = strings.TrimPrefix(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		if strings.TrimSpace(n) == name {
			return value, true
		}
		list = rest
	}
	return "", false
}

// version is what the tags need (8216bis, section 8): 5 for KEYFORMAT and SAMPLE-AES, 2 for an IV.
func (t *tags) version() int {
	v := 1
	for _, list := range t.media {
		method, _ := attribute(list, "METHOD")
		_, format := attribute(list, "KEYFORMAT")
		_, versions := attribute(list, "KEYFORMATVERSIONS")
		_, iv := attribute(list, "IV")
		switch {
		case method != "AES-128" || format || versions:
			return 5
		case iv:
			v = 2
		}
	}
	return v
}

// stretch is consecutive segments of a Period under one key, with what is to be written of it.
type stretch struct {
	key   *manifest.Key
	tags  *tags
	init  uint64 // Ref.Key
	first uint64 // number
}

// stretches divides a rendition by key, Period by Period; nil for a Period without segments of it. version is the highest
// that any of the tags needs.
func stretches(tl *media.Timeline, o *manifest.Offer, opts *manifest.Options) (list [][]stretch, version int, err error) {
	list = make([][]stretch, len(tl.Periods))
	var last stretch // with a key
	for i, p := range tl.Periods {
		r, ok := p.Rendition(o.Rendition)
		if !ok {
			continue
		}
		runs, err := opts.KeyRuns(p, r, o.NoInit)
		if err != nil {
			return nil, 0, fmt.Errorf("playlist: %w", err)
		}
		for _, run := range runs {
			s := stretch{key: run.Key, init: run.Init, first: r.Segments.At(run.First).Number}
			switch {
			case s.key == nil:
			case s.key == last.key:
				s.tags = last.tags
			default:
				if s.tags, err = newTags(s.key); err != nil {
					return nil, 0, err
				}
				if err = coversInit(&s, o.NoInit); err != nil {
					return nil, 0, err
				}
				version, last = max(version, s.tags.version()), s
			}
			list[i] = append(list[i], s)
		}
	}
	return list, version, nil
}

// coversInit fails if an initialization segment is under AES-128 without an IV: it has no number to take one from
// (8216bis, 4.4.4.5).
func coversInit(s *stretch, noInit bool) error {
	if noInit || s.key.Scheme != drm.AES128 {
		return nil
	}
	for _, list := range s.tags.media {
		if _, ok := attribute(list, "IV"); !ok {
			return fmt.Errorf("playlist: key %s: AES-128 of an initialization segment needs an IV, give Key.IV: %w", s.key.ID, drm.ErrIncompatible)
		}
	}
	return nil
}
