package vod

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
)

// DefaultSegment is the wanted segment length of a Plan that names none.
const DefaultSegment = 6 * time.Second

// lane is a stream on its way into a Period.
type lane struct {
	src   *Source
	st    *stream
	id    string
	shift int64        // presentation less source time, ticks
	track *media.Track // of the Period
	iv    media.Interval
}

// now in presentation time, ticks of the lane's track
func (l *lane) from() media.Time {
	return media.Time{Ticks: l.iv.From + l.shift, Scale: l.track.Timescale}
}
func (l *lane) to() media.Time { return media.Time{Ticks: l.iv.To + l.shift, Scale: l.track.Timescale} }

func (l *lane) scale() uint32 { return l.st.parts[0].track.Timescale }

// planner cuts an asset as a Plan asks.
type planner struct {
	plan   media.Plan
	video  []*lane // the reference first: most pixels
	audio  []*lane // the default first
	tl     *media.Timeline
	offset int64 // whole seconds added to all times so that none is negative
	size   int64
	number uint64 // first of the next Period
}

// plan makes the timeline of an asset and says how many bytes it holds.
func plan(a *assetIndex, p media.Plan) (*media.Timeline, int64, error) {
	if p.Segment <= 0 {
		p.Segment = DefaultSegment
	}
	pl := &planner{plan: p, number: 1, size: 1024}
	pl.tl = &media.Timeline{Version: version(a, p), Ended: true, Notes: slices.Clone(a.notes)}
	pl.lanes(a)
	if len(pl.all()) == 0 {
		return nil, 0, fmt.Errorf("asset has no video and no audio: %w", media.ErrUnsupported)
	}
	start := pl.shift()
	for i, b := range pl.periods() {
		pl.period(i, b, start)
		start = b.end
	}
	pl.finish()
	return pl.tl, pl.size, nil
}

// version names all that decides what is under a number: the files, what was said of them, and the plan.
func version(a *assetIndex, p media.Plan) string {
	h := sha256.New()
	fmt.Fprintf(h, "vod 1 %d %d\n", p.Segment, p.Chunk)
	for _, s := range a.sources {
		fmt.Fprintf(h, "%q\n", s.version)
		for _, t := range s.tracks {
			fmt.Fprintf(h, "%s %q %q %q %v\n", t.ID, t.Language, t.Label, t.Roles, t.Default)
		}
	}
	sum := h.Sum(nil)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:8]))
}

// lanes orders the streams and names them.
func (pl *planner) lanes(a *assetIndex) {
	for _, s := range a.sources {
		for _, st := range s.streams {
			l := &lane{src: s, st: st, track: st.parts[0].track}
			if l.track.Kind == media.Video {
				pl.video = append(pl.video, l)
			} else {
				pl.audio = append(pl.audio, l)
			}
		}
	}
	slices.SortStableFunc(pl.video, func(a, b *lane) int {
		return cmp.Or(-cmp.Compare(pixels(a), pixels(b)), -cmp.Compare(weight(a), weight(b)))
	})
	slices.SortStableFunc(pl.audio, func(a, b *lane) int { return -cmp.Compare(chosen(a), chosen(b)) })
	for i, l := range pl.video {
		l.id = fmt.Sprintf("v%d", i+1)
	}
	for i, l := range pl.audio {
		l.id = fmt.Sprintf("a%d", i+1)
	}
}

func pixels(l *lane) int { return l.track.Video.Width * l.track.Video.Height }

// weight orders renditions of one size: payload of the first minute.
func weight(l *lane) int64 {
	var n int64
	from := l.st.table.first()
	l.st.table.each(media.Interval{From: from, To: from + 60*int64(l.track.Timescale)}, func(s *sample) { n += int64(s.Size) })
	return n
}

func chosen(l *lane) int {
	if l.track.Default {
		return 1
	}
	return 0
}

func (pl *planner) all() []*lane { return append(slices.Clip(pl.video), pl.audio...) }

func (pl *planner) reference() *lane { return pl.all()[0] }

// shift adds the least whole seconds to all lanes that leave nothing negative, and returns the presentation's start: the
// earliest that any track presents.
func (pl *planner) shift() media.Time {
	var start media.Time
	for i, l := range pl.all() {
		t := l.st.table
		least := min(t.first(), t.start)
		pl.offset = max(pl.offset, -media.Rescale(least, l.scale(), 1))
		if s := (media.Time{Ticks: t.start, Scale: l.scale()}); i == 0 || s.Compare(start) < 0 {
			start = s
		}
	}
	for _, l := range pl.all() {
		l.shift = pl.offset * int64(l.scale())
	}
	if start.Ticks%int64(start.Scale) == 0 {
		return media.Time{Ticks: start.Ticks/int64(start.Scale) + pl.offset, Scale: 1}
	}
	return media.Time{Ticks: start.Ticks + pl.offset*int64(start.Scale), Scale: start.Scale}
}

// bounds are those of a Period: decode times of the reference, and the presentation time at which it ends.
type bounds struct {
	from, to    int64
	last        bool
	end         media.Time
	part        []int // of each lane, in the order of all; -1: not in this Period
	opens, ends []bool
}

// periods finds where sample descriptions change. Those of the reference change where they do, those of other tracks at
// the reference's next sync sample.
func (pl *planner) periods() []bounds {
	ref := pl.reference()
	whole := media.Interval{From: ref.st.table.first(), To: ref.st.table.last()}
	var syncs []int64
	lanes := pl.all()
	starts := make([][]int64, len(lanes)) // of each part on the reference's clock
	at := []int64{whole.From}
	for i, l := range lanes {
		starts[i] = append(starts[i], whole.From)
		for _, p := range l.st.parts[1:] {
			b := p.interval.From
			if l != ref {
				if syncs == nil {
					syncs = ref.st.table.syncs(whole)
				}
				want := media.RescaleUp(b, l.scale(), ref.scale())
				k := sort.Search(len(syncs), func(k int) bool { return syncs[k] >= want })
				if k == len(syncs) {
					pl.note(l.src.name, "left out from where its sample description changes: the reference video ends before")
					break
				}
				b = syncs[k]
			}
			starts[i] = append(starts[i], b)
			at = append(at, b)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	out := make([]bounds, len(at))
	for k := range out {
		b := &out[k]
		b.from, b.to, b.last = at[k], whole.To, k == len(at)-1
		if !b.last {
			b.to = at[k+1]
			b.end = media.Time{Ticks: b.to + ref.shift, Scale: ref.scale()}
		}
		for i := range lanes {
			p := sort.Search(len(starts[i]), func(p int) bool { return starts[i][p] > b.from }) - 1
			b.part = append(b.part, p)
			b.opens = append(b.opens, starts[i][p] == b.from)
			b.ends = append(b.ends, p+1 < len(starts[i]) && starts[i][p+1] == b.to)
		}
	}
	return out
}

func (pl *planner) note(subject, text string) {
	pl.tl.Notes = append(pl.tl.Notes, media.Note{Subject: subject, Text: text})
}

// enter sets the lanes to a Period and returns those that have samples in it.
func (pl *planner) enter(index int, b bounds) (video, audio []*lane) {
	ref := pl.reference()
	for i, l := range pl.all() {
		p := l.st.parts[b.part[i]]
		l.track, l.iv = p.track, p.interval
		if !b.opens[i] {
			l.iv.From = max(l.iv.From, l.st.table.next(media.RescaleUp(b.from, ref.scale(), l.scale())))
		}
		if !b.last && !b.ends[i] {
			l.iv.To = min(l.iv.To, l.st.table.next(media.RescaleUp(b.to, ref.scale(), l.scale())))
		}
		switch {
		case l.iv.From >= l.iv.To:
		case l.track.Kind == media.Video:
			video = append(video, l)
		default:
			audio = append(audio, l)
		}
	}
	return video, audio
}

// period adds one to the timeline.
func (pl *planner) period(index int, b bounds, start media.Time) {
	video, audio := pl.enter(index, b)
	p := &media.Period{ID: fmt.Sprintf("p%d", index+1), Index: uint64(index), Start: start}
	lead := audio
	if len(video) > 0 {
		lead = video
	}
	if len(lead) == 0 {
		return
	}
	sets := pl.sets(video)
	if len(sets) == 0 {
		sets = []*set{{ref: lead[0], sync: lead[0].st.table.syncs(lead[0].iv)}}
	}
	first := pl.number
	for k, s := range sets {
		g := newGrid(s, append(slices.Clip(s.lanes), audio...), pl.plan.Segment)
		with := pl.with(k, s, audio)
		for _, l := range s.lanes {
			pl.add(p, l, media.Rendition{ID: l.id, Set: s.lanes[0].id, With: with}, g, first)
		}
		for i, l := range audio {
			switch {
			case k == 0:
				pl.add(p, l, media.Rendition{ID: l.id, Set: l.id}, g, first)
			case i == 0:
				pl.add(p, l, media.Rendition{ID: with[0], Set: with[0], Hidden: true}, g, first)
			}
		}
	}
	slices.SortStableFunc(p.Renditions, func(a, b media.Rendition) int { return cmp.Compare(rank(&a), rank(&b)) })
	pl.sameContent(p)
	p.Duration = pl.duration(p, b)
	pl.tl.Periods = append(pl.tl.Periods, p)
}

// with names the audio that goes with the video of set k where a format multiplexes.
func (pl *planner) with(k int, s *set, audio []*lane) []string {
	switch {
	case len(audio) == 0 || len(s.lanes) == 0:
		return nil
	case k == 0:
		return []string{audio[0].id}
	}
	return []string{audio[0].id + s.lanes[0].id}
}

func rank(r *media.Rendition) int {
	switch {
	case r.Hidden:
		return 2
	case r.Track.Kind == media.Audio:
		return 1
	}
	return 0
}

// sameContent puts audio of one language, label and role into one set.
func (pl *planner) sameContent(p *media.Period) {
	sets := map[string]string{}
	for i := range p.Renditions {
		r := &p.Renditions[i]
		if r.Track.Kind != media.Audio || r.Hidden {
			continue
		}
		key := fmt.Sprintf("%q %q %q", r.Track.Language, r.Track.Label, r.Track.Roles)
		if sets[key] == "" {
			sets[key] = r.ID
		}
		r.Set = sets[key]
	}
}

// duration is from the Period's start to the end of what is presented in it.
func (pl *planner) duration(p *media.Period, b bounds) media.Time {
	end := b.end
	if b.last {
		for i, l := range pl.all() {
			if e := (media.Time{Ticks: l.st.table.end + l.shift, Scale: l.scale()}); i == 0 || e.Compare(end) > 0 {
				end = e
			}
		}
	}
	if p.Start.Scale != end.Scale && end.Scale%max(1, p.Start.Scale) != 0 {
		// a scale that holds both exactly, where 32 bits allow
		if common := uint64(p.Start.Scale) / uint64(gcd(p.Start.Scale, end.Scale)) * uint64(end.Scale); common <= 1<<32-1 {
			end = media.Time{Ticks: end.Ticks * int64(common/uint64(end.Scale)), Scale: uint32(common)}
		}
	}
	return media.Time{Ticks: end.Ticks - p.Start.In(end.Scale), Scale: end.Scale}
}

func gcd(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// add appends a rendition cut by the grid.
func (pl *planner) add(p *media.Period, l *lane, r media.Rendition, g *grid, first uint64) {
	c := g.columns(l, first)
	if c == nil {
		return
	}
	c.chunk = media.Ticks(pl.plan.Chunk, l.track.Timescale)
	r.Track, r.Segments = l.track, c
	p.Renditions = append(p.Renditions, r)
	pl.size += c.size()
	pl.number = max(pl.number, c.first+uint64(c.Len()))
	pl.tl.Target = max(pl.tl.Target, c.longest())
}

// finish drops With that names nothing and marks the last segments.
func (pl *planner) finish() {
	for k, p := range pl.tl.Periods {
		for i := range p.Renditions {
			r := &p.Renditions[i]
			var with []string
			for _, id := range r.With {
				if _, ok := p.Rendition(id); ok {
					with = append(with, id)
				}
			}
			r.With = with
			if c, ok := r.Segments.(*columns); ok && k == len(pl.tl.Periods)-1 {
				c.last = true
			}
		}
	}
}
