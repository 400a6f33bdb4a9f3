package mediatest

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Source is a media.Source of runs held in memory, whatever they are of. Fill Runs with each track's samples in decode
// order.
type Source struct {
	Runs []media.Run
}

// Tracks implements media.Source: those of Runs, each once.
func (s *Source) Tracks() []*media.Track {
	var out []*media.Track
	seen := map[*media.Track]bool{}
	for i := range s.Runs {
		if t := s.Runs[i].Track; !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// Samples implements media.Source.
func (s *Source) Samples(ctx context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out []media.Run
	known := false
	for i := range s.Runs {
		r := s.Runs[i]
		if r.Track != t {
			continue
		}
		known = true
		from, to, dts, start := 0, 0, r.DTS, r.DTS
		for k := range r.Samples {
			if dts < iv.From {
				from = k + 1
				start = dts + int64(r.Samples[k].Duration)
			}
			if dts < iv.To {
				to = k + 1
			}
			dts += int64(r.Samples[k].Duration)
		}
		if from < to {
			r.DTS, r.Samples = start, r.Samples[from:to]
			out = append(out, r)
		}
	}
	if !known {
		return nil, fmt.Errorf("track %s: %w", t.ID, media.ErrNotFound)
	}
	return out, nil
}

// Presentation is a Timeline of src cut every segment ticks of its first track's timescale: video at the sync samples
// that are at or after those times, other tracks beside it. All is one Period and one set of each Kind.
func Presentation(src media.Source, segment int64) media.Presentation {
	return media.PresentationFunc(func(ctx context.Context) (*media.Timeline, error) {
		tracks := src.Tracks()
		if len(tracks) == 0 {
			return nil, fmt.Errorf("no tracks: %w", media.ErrNotFound)
		}
		period := &media.Period{ID: "p1"}
		tl := &media.Timeline{Version: "synthetic", Ended: true, Periods: []*media.Period{period}}
		count := map[media.Kind]int{}
		var cuts []int64
		for _, t := range tracks {
			samples, err := src.Samples(ctx, t, everything)
			if err != nil {
				return nil, err
			}
			count[t.Kind]++
			if cuts == nil {
				cuts = boundaries(samples, segment)
			}
			segs := segments(src, t, samples, cuts, tracks[0].Timescale)
			id := fmt.Sprintf("%c%d", t.Kind.String()[0], count[t.Kind])
			period.Renditions = append(period.Renditions, media.Rendition{ID: id, Track: t, Set: t.Kind.String(), Segments: segs})
			for _, s := range segs {
				tl.Target = max(tl.Target, media.Duration(s.Duration, t.Timescale))
				if end := (media.Time{Ticks: s.Start + s.Duration, Scale: t.Timescale}); end.Compare(period.Duration) > 0 {
					period.Duration = end
				}
			}
		}
		return tl, nil
	})
}

func boundaries(runs []media.Run, every int64) []int64 {
	var cuts []int64
	for i := range runs {
		dts := runs[i].DTS
		for k := range runs[i].Samples {
			s := &runs[i].Samples[k]
			if len(cuts) == 0 || s.Flags.Sync() && dts-cuts[len(cuts)-1] >= every {
				cuts = append(cuts, dts)
			}
			dts += int64(s.Duration)
		}
	}
	return cuts
}

func segments(src media.Source, t *media.Track, runs []media.Run, cuts []int64, scale uint32) media.SegmentSlice {
	var segs media.SegmentSlice
	slot := -1
	for i := range runs {
		dts := runs[i].DTS
		for k := range runs[i].Samples {
			s := &runs[i].Samples[k]
			for len(segs) == 0 || slot+1 < len(cuts) && dts >= media.RescaleUp(cuts[slot+1], scale, t.Timescale) {
				slot++
				segs = append(segs, media.Segment{Number: uint64(slot + 1), Span: media.Span{
					Source: src, Track: t, Start: dts, Media: media.Interval{From: dts, To: dts},
				}})
			}
			seg := &segs[len(segs)-1]
			dts += int64(s.Duration)
			seg.Media.To, seg.Duration = dts, dts-seg.Media.From
			seg.Bytes += int64(s.Size)
			seg.Samples++
		}
	}
	return segs
}
