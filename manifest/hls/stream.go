package hls

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

var errNothing = fmt.Errorf("playlist: the endpoint offers neither video nor audio: %w", media.ErrNotFound)

// stream is an offered rendition and what the multivariant playlist says of it, over all Periods.
type stream struct {
	offer        manifest.Offer
	track        *media.Track // of the first Period that has it
	with         []muxed      // multiplexed into it
	rate         manifest.Rate
	codecs       []string // of track and with, each once
	supplemental []string
	width        int
	height       int
	frameRate    media.Ratio // highest
	videoRange   string
	leading      bool
	set          string
	keys         []*manifest.Key // with which it can be played: see sessionKey
}

func newStream(tl *media.Timeline, o manifest.Offer, target time.Duration, opts *manifest.Options) *stream {
	s := &stream{offer: o, rate: manifest.Measure(tl, o, target), videoRange: "SDR"}
	for _, p := range tl.Periods {
		r, ok := p.Rendition(o.Rendition)
		if !ok || r.Segments.Len() == 0 {
			continue
		}
		if s.track == nil {
			s.track, s.set = r.Track, r.Set
		}
		s.add(r.Track)
		if k := sessionKey(tl, p, r, opts); k != nil && !slices.Contains(s.keys, k) {
			s.keys = append(s.keys, k)
		}
		for _, id := range o.With {
			if w, ok := p.Rendition(id); ok {
				s.codecs = appendNew(s.codecs, codecString(w.Track))
				if !s.holds(id) {
					s.with = append(s.with, muxed{id, w.Set, w.Track})
				}
			}
		}
	}
	return s
}

// add takes up what one Period's track needs: a variant declares the most of any.
func (s *stream) add(t *media.Track) {
	s.codecs = appendNew(s.codecs, codecString(t))
	if t.Codec.Supplemental != "" {
		s.supplemental = appendNew(s.supplemental, t.Codec.Supplemental)
	}
	v := t.Video
	if v == nil {
		return
	}
	if w, h := v.DisplaySize(); w*h > s.width*s.height {
		s.width, s.height = w, h
	}
	if faster(v.FrameRate, s.frameRate) {
		s.frameRate = v.FrameRate
	}
	if r := v.Range(); r != "SDR" {
		s.videoRange = r
	}
	s.leading = s.leading || v.Leading
}

// muxed is a rendition that is multiplexed into a stream.
type muxed struct {
	id, set string
	track   *media.Track
}

// holds reports whether the rendition is multiplexed into s.
func (s *stream) holds(rendition string) bool {
	return slices.ContainsFunc(s.with, func(m muxed) bool { return m.id == rendition })
}

func (s *stream) hdr() bool { return s.videoRange != "SDR" }

func faster(a, b media.Ratio) bool {
	if a.Den == 0 || b.Den == 0 {
		return a.Den != 0
	}
	return uint64(a.Num)*uint64(b.Den) > uint64(b.Num)*uint64(a.Den)
}

// codecString is the CODECS of a track as HLS names it: MP3 is mp4a.40.34 whatever carries it.
func codecString(t *media.Track) string {
	if t.Codec.Coding == media.MP3 {
		return "mp4a.40.34"
	}
	return quotable(t.Codec.String)
}

// appendNew appends what list does not hold yet.
func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// quotable is s without what a quoted string may not hold (8216bis, 4.2): quotes and control characters.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r == 0x7f || r == '\ufffd':
			return -1
		}
		return r
	}, s)
}
