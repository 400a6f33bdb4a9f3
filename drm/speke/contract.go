package speke

import (
	"cmp"
	"slices"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// checkContract wants the usage rules back as they were sent, in any order, and fills in the key id of each.
func (q *query) checkContract(d *cpix.Document, kids []drm.KeyID) error {
	if len(d.Rules) != len(q.asked.Rules) {
		return refused("the encryption contract came back with %d rules, not %d", len(d.Rules), len(q.asked.Rules))
	}
	for i := range q.asked.Rules {
		asked := &q.asked.Rules[i]
		j := slices.IndexFunc(d.Rules, func(r cpix.UsageRule) bool { return r.Track == asked.Track })
		if j < 0 {
			return refused("the encryption contract came back without %s", asked.Track)
		}
		got := &d.Rules[j]
		if !sameVideo(asked.Video, got.Video) || !sameAudio(asked.Audio, got.Audio) {
			return refused("the encryption contract came back with other filters for %s", asked.Track)
		}
		if !slices.Equal(asked.Periods, got.Periods) && !(q.client.Lenient && got.Periods == nil) {
			return refused("the encryption contract came back with another key period for %s", asked.Track)
		}
		kids[i] = got.KID
	}
	return nil
}

// sameVideo compares filters as sets of tracks. Two ranges of pixels that adjoin are one, as some servers write SD+HD1; and
// the upper end of a range may be missing, as some write HD: a rule for more pixels follows it.
func sameVideo(asked, got []drm.VideoFilter) bool {
	a, b := mergeVideo(asked), mergeVideo(got)
	return slices.EqualFunc(a, b, func(x, y drm.VideoFilter) bool {
		return x.MinPixels == y.MinPixels && (x.MaxPixels == y.MaxPixels || y.MaxPixels == 0) && sameRest(x, y)
	})
}

func sameRest(x, y drm.VideoFilter) bool {
	return x.MinFPS == y.MinFPS && x.MaxFPS == y.MaxFPS && hdr(x) == hdr(y)
}

// hdr is the three states of the attribute as a number.
func hdr(f drm.VideoFilter) int {
	switch {
	case f.HDR == nil:
		return 0
	case *f.HDR:
		return 2
	}
	return 1
}

func mergeVideo(filters []drm.VideoFilter) []drm.VideoFilter {
	sorted := slices.Clone(filters)
	slices.SortFunc(sorted, func(x, y drm.VideoFilter) int {
		return cmp.Or(cmp.Compare(hdr(x), hdr(y)), cmp.Compare(x.MinFPS, y.MinFPS), cmp.Compare(x.MaxFPS, y.MaxFPS), cmp.Compare(x.MinPixels, y.MinPixels))
	})
	merged := sorted[:0]
	for _, f := range sorted {
		if n := len(merged); n > 0 && sameRest(merged[n-1], f) && merged[n-1].MaxPixels != 0 && f.MinPixels == merged[n-1].MaxPixels+1 {
			merged[n-1].MaxPixels = f.MaxPixels
			continue
		}
		merged = append(merged, f)
	}
	return merged
}

func sameAudio(asked, got []drm.AudioFilter) bool {
	order := func(x, y drm.AudioFilter) int {
		return cmp.Or(cmp.Compare(x.MinChannels, y.MinChannels), cmp.Compare(x.MaxChannels, y.MaxChannels))
	}
	return slices.Equal(slices.SortedFunc(slices.Values(asked), order), slices.SortedFunc(slices.Values(got), order))
}
