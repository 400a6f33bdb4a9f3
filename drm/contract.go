package drm

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Contract says which tracks share a key: a CPIX list of usage rules (SPEKE 2.0, encryption contract). Of the rules that
// match a track the last one counts; a track that none matches stays clear.
type Contract []Rule

// Rule gives one key to the tracks that its filters match: any of the filters of their kind.
type Rule struct {
	Label string // intendedTrackType, unique in a Contract: ALL, VIDEO, AUDIO, SD, HD, SD+HD1
	Video []VideoFilter
	Audio []AudioFilter
}

// VideoFilter matches tracks between the limits, which belong to it except MinFPS; 0: no limit.
type VideoFilter struct {
	MinPixels, MaxPixels int // width times height
	MinFPS, MaxFPS       int // frames per second; MinFPS itself is excluded
	HDR                  *bool
}

// AudioFilter matches tracks between the limits, which belong to it; 0: no limit.
type AudioFilter struct{ MinChannels, MaxChannels int }

// Shared is one key for all (preset SHARED).
func Shared() Contract {
	return Contract{{Label: "ALL", Video: []VideoFilter{{}}, Audio: []AudioFilter{{}}}}
}

// Label is that of the rule that counts for the track; false where none matches: the track stays clear.
//
// What a track does not say of itself counts as 0. If no rule matches then, the last counts that would if it were said: a
// track is not sent clear because nothing is known of it.
func (c Contract) Label(t *media.Track) (string, bool) {
	for _, doubt := range []bool{false, true} {
		for i := len(c) - 1; i >= 0; i-- {
			if c[i].matches(t, doubt) {
				return c[i].Label, true
			}
		}
	}
	return "", false
}

// matches reports whether a filter takes the track; in doubt, whatever is not known is within limits.
func (r *Rule) matches(t *media.Track, doubt bool) bool {
	switch t.Kind {
	case media.Video:
		v := t.Video
		if v == nil {
			v = &media.VideoFormat{}
		}
		return slices.ContainsFunc(r.Video, func(f VideoFilter) bool { return f.matches(v, doubt) })
	case media.Audio:
		channels := 0
		if t.Audio != nil {
			channels = t.Audio.Channels
		}
		return slices.ContainsFunc(r.Audio, func(f AudioFilter) bool {
			return doubt && channels <= 0 || channels >= f.MinChannels && (f.MaxChannels == 0 || channels <= f.MaxChannels)
		})
	}
	return false
}

func (f *VideoFilter) matches(v *media.VideoFormat, doubt bool) bool {
	pixels := v.Width * v.Height
	fps := func(limit int) int64 { // compares the frame rate with a limit
		return int64(v.FrameRate.Num) - int64(limit)*int64(max(1, v.FrameRate.Den))
	}
	size := pixels >= f.MinPixels && (f.MaxPixels == 0 || pixels <= f.MaxPixels)
	rate := (f.MinFPS == 0 || fps(f.MinFPS) > 0) && (f.MaxFPS == 0 || fps(f.MaxFPS) <= 0)
	hdr := f.HDR == nil || *f.HDR == (v.Range() != "SDR")
	if doubt {
		size, rate = size || pixels <= 0, rate || v.FrameRate.Num <= 0
		hdr = hdr || v.Transfer == 0 || v.Transfer == 2 // 2: unspecified (23091-2, 8.2)
	}
	return size && rate && hdr
}

// Check says what is wrong with a Contract: labels are unique, a rule has as many filters as its label has parts joined by
// "+", limits are in order, and ALL stands alone with an empty filter for video and one for audio. The error matches
// ErrRefused.
func (c Contract) Check() error {
	seen := map[string]bool{}
	for i := range c {
		r := &c[i]
		if r.Label == "" || seen[r.Label] {
			return fmt.Errorf("malformed encryption contract: label %q is empty or twice: %w", r.Label, ErrRefused)
		}
		seen[r.Label] = true
		if r.Label == "ALL" {
			if len(c) > 1 || !reflect.DeepEqual(c, Shared()) {
				return fmt.Errorf("malformed encryption contract: ALL stands alone, with one empty filter for video and one for audio: %w", ErrRefused)
			}
			continue
		}
		parts := 1 + strings.Count(r.Label, "+")
		if n := len(r.Video) + len(r.Audio); n != parts {
			return fmt.Errorf("malformed encryption contract: %s has %d filters, its name %d parts: %w", r.Label, n, parts, ErrRefused)
		}
		for _, f := range r.Video {
			if backwards(f.MinPixels, f.MaxPixels) || backwards(f.MinFPS, f.MaxFPS) {
				return fmt.Errorf("malformed encryption contract: limits of %s: %w", r.Label, ErrRefused)
			}
		}
		for _, f := range r.Audio {
			if backwards(f.MinChannels, f.MaxChannels) {
				return fmt.Errorf("malformed encryption contract: limits of %s: %w", r.Label, ErrRefused)
			}
		}
	}
	return nil
}

// backwards reports whether nothing can be between two limits.
func backwards(low, high int) bool { return low < 0 || high < 0 || high != 0 && low > high }
