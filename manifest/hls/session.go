package hls

import (
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// sessionKey is the key that a player of the rendition needs first in a Period: of what has ended the first, of what still
// grows that of the newest segment. With keys that rotate the others come when their time does. nil: it is clear.
func sessionKey(tl *media.Timeline, p *media.Period, r *media.Rendition, opts *manifest.Options) *manifest.Key {
	if opts == nil || opts.Key == nil {
		return nil
	}
	n := r.Segments.Len()
	if !tl.Ended {
		return opts.Key(p, r.ID, r.Segments.At(n-1).Number)
	}
	first := r.Segments.At(0).Number // they are consecutive
	for i := range n {
		if k := opts.Key(p, r.ID, first+uint64(i)); k != nil {
			return k
		}
	}
	return nil
}

// sessionTags are the attribute lists of EXT-X-SESSION-KEY (8216bis, 4.4.6.5): one for each key and system, none twice.
// version is what they need.
func sessionTags(streams []*stream) (list []string, version int, err error) {
	for _, s := range streams {
		for _, k := range s.keys {
			t, err := newTags(k)
			if err != nil {
				return nil, 0, err
			}
			version = max(version, t.version())
			list = appendNew(list, t.session...)
		}
	}
	return list, version, nil
}

// hdcpLevel is the HDCP-LEVEL of a variant, the highest that any of its keys asks for; empty: none says.
func hdcpLevel(keys []*manifest.Key) string {
	levels := []string{"", "NONE", "TYPE-0", "TYPE-1"}
	best := 0
	for _, k := range keys {
		for i := range k.Signals {
			best = max(best, slices.Index(levels, k.Signals[i].HDCPLevel))
		}
	}
	return levels[best]
}

// allowedCPC is the ALLOWED-CPC of a variant: an entry for each KEYFORMAT, of the first key that says one.
func allowedCPC(keys []*manifest.Key) string {
	var list, formats []string
	for _, k := range keys {
		for i := range k.Signals {
			for entry := range strings.SplitSeq(quotable(k.Signals[i].AllowedCPC), ",") {
				format := entry[:max(0, strings.LastIndexByte(entry, ':'))]
				if format != "" && !slices.Contains(formats, format) {
					formats, list = append(formats, format), append(list, entry)
				}
			}
		}
	}
	return strings.Join(list, ",")
}
