package vod

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/packager/media"
)

// edit is a stretch of a track's composition times that is presented at a time, ticks served.
type edit struct {
	media, end int64 // [media, end)
	at         int64
}

const (
	// prerollRate: a picture that is decoded and not shown takes 1/prerollRate second.
	prerollRate = 10_000
	// maxGiven bounds the samples whose times are kept one by one, beyond the number of samples in the file.
	maxGiven = 1 << 16
)

// flattener makes a table of a track and its edits.
type flattener struct {
	table
	f       *facts
	video   bool
	step    int64 // of a hidden picture
	preroll int64 // of an audio decoder in mid-stream, ticks
	given   int
	shift0  int64 // composition offset of the first sync sample, ticks served
}

// flatten applies the edits. It returns nil and no error if they present nothing.
func flatten(t *bmff.Track, f *facts, kind media.Kind, coding media.Coding) (*table, uint32, error) {
	fl := &flattener{f: f, video: kind == media.Video}
	fl.x, fl.zeros, fl.nominal, fl.scale = t.Index, f.zeros > 0, f.nominal, f.spread
	if fl.video && uint64(t.Timescale)*uint64(fl.scale) < prerollRate && !fl.plain(t.Edits) {
		fl.scale *= ceilDiv(prerollRate, int64(t.Timescale)*fl.scale)
	}
	timescale := int64(t.Timescale) * fl.scale
	fl.step = max(1, timescale/prerollRate)
	fl.shift0 = f.cto0 * fl.scale
	if coding == media.Opus {
		fl.preroll = timescale * 80 / 1000 // RFC 7845, section 4.6
	}
	edits, err := fl.edits(t.Edits)
	if err != nil {
		return nil, 0, err
	}
	for k, e := range edits {
		last := k == len(edits)-1
		if fl.video {
			err = fl.addVideo(e, last)
		} else if err = fl.spend(1); err == nil {
			fl.addAudio(e, timescale)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if len(fl.pieces) == 0 {
		return nil, 0, nil
	}
	if err := fl.join(); err != nil {
		return nil, 0, err
	}
	fl.delay = max(fl.delay, fl.shift0-f.minCTO*fl.scale, 0)
	fl.delay += f.zeros // a sample that has a tick for each such before it is that much later
	if fl.delay > math.MaxInt32 {
		return nil, 0, fmt.Errorf("composition offsets of %d ticks: %w", fl.delay, media.ErrUnsupported)
	}
	return &fl.table, uint32(timescale), nil
}

// plain reports whether the edits only shift the track: no picture of it is hidden.
func (fl *flattener) plain(list []bmff.Edit) bool {
	n := 0
	for _, e := range list {
		if e.Media < 0 {
			continue
		}
		if n++; n > 1 || e.Media > fl.f.minPTS || e.Duration > 0 && e.Media+e.Duration < fl.f.end {
			return false
		}
	}
	return true
}

// edits converts the list to ticks served, with empty edits taken out and those that go on where the one before ended
// merged.
func (fl *flattener) edits(list []bmff.Edit) ([]edit, error) {
	end := fl.f.end * fl.scale
	if !fl.video || fl.zeros {
		end = max(end, fl.at(fl.x.Len())+fl.f.maxCTO*fl.scale)
	}
	if len(list) == 0 {
		return []edit{{media: min(0, fl.f.minPTS*fl.scale), end: end, at: min(0, fl.f.minPTS*fl.scale)}}, nil
	}
	var out []edit
	var at int64
	for _, e := range list {
		if e.Media > maxTime || e.Duration > maxTime || at > maxTime*2 {
			return nil, fmt.Errorf("edit of %d ticks at %d (14496-12, 8.6.6): %w", e.Duration, e.Media, media.ErrUnsupported)
		}
		d := max(0, e.Duration) * fl.scale
		if e.Media < 0 {
			at += d
			continue
		}
		m := e.Media * fl.scale
		if e.Duration <= 0 {
			d = max(0, end-m)
		}
		if n := len(out); n > 0 && out[n-1].end == m && out[n-1].at+out[n-1].end-out[n-1].media == at {
			out[n-1].end = m + d
		} else {
			out = append(out, edit{media: m, end: m + d, at: at})
		}
		at += d
	}
	return out, nil
}

// pts is the composition time of sample i before any shift.
func (fl *flattener) pts(buf []bmff.Sample, i int) int64 {
	return (buf[i].DTS + int64(buf[i].CTO)) * fl.scale
}

// spend counts samples that are looked at or kept one by one: lists of edits may ask for the same ones again and again.
func (fl *flattener) spend(n int) error {
	if fl.given += n; fl.given > maxGiven+8*fl.x.Len() {
		return fmt.Errorf("edit list of too many cuts, one by one or inside groups of pictures: %w", media.ErrUnsupported)
	}
	return nil
}

// addVideo adds the pictures that begin within e, and those that they need.
func (fl *flattener) addVideo(e edit, last bool) error {
	minCTO, maxCTO := fl.f.minCTO*fl.scale, fl.f.maxCTO*fl.scale
	a, a2 := fl.searchRaw(e.media-maxCTO), fl.searchRaw(e.media-minCTO) // before a none is shown, from a2 on all are
	b2, b := fl.searchRaw(e.end-maxCTO), fl.searchRaw(e.end-minCTO)     // the same of the end
	from, err := fl.firstShown(e, a, b)
	if err != nil || from == b {
		return err
	}
	sync := fl.syncFor(e, from)
	y, err := fl.lastHidden(e, sync, min(a2, b))
	if err != nil {
		return err
	}
	z, to, err := fl.tail(e, max(b2, from), b)
	if err != nil {
		return err
	}
	if z < y { // short: head and tail overlap
		z = to
		if y < to {
			y = to
		}
	}
	shift := fl.shift0 - e.media + e.at
	if sync < y {
		if err := fl.head(e, sync, y, to, shift); err != nil {
			return err
		}
	}
	if y < z {
		fl.pieces = append(fl.pieces, piece{from: y, to: z, shift: shift, cto: fl.shift0, dts: fl.at(y) + shift, end: fl.at(z) + shift})
	}
	if z < to && y <= z {
		if err := fl.tailPiece(e, z, to, shift); err != nil {
			return err
		}
	}
	p := &fl.pieces[len(fl.pieces)-1]
	if to < fl.x.Len() { // cut short: what is left lasts until the edit ends
		p.end = max(fl.dts(p, p.to-1)+1, e.at+e.end-e.media)
	}
	start := e.at + max(0, fl.f.minPTS*fl.scale-e.media)
	if fl.end == 0 && len(fl.pieces) > 0 && fl.start == 0 {
		fl.start = start
	}
	fl.end = e.at + min(e.end, max(fl.f.end*fl.scale, e.media)) - e.media
	return nil
}

// searchRaw is the least sample whose decode time in the file is not before v.
func (fl *flattener) searchRaw(v int64) int { return fl.x.Search(ceilDiv(v, fl.scale)) }

func (fl *flattener) firstShown(e edit, a, b int) (int, error) {
	var buf []bmff.Sample
	for from := a; from < b; from += 64 {
		buf = fl.x.Append(buf[:0], from, min(from+64, b))
		if err := fl.spend(1); err != nil {
			return 0, err
		}
		for i := range buf {
			if p := fl.pts(buf, i); p >= e.media && p < e.end {
				return from + i, nil
			}
		}
	}
	return b, nil
}

// syncFor is the sync sample at which decoding must start for sample i to be shown.
func (fl *flattener) syncFor(e edit, i int) int {
	s := fl.prevSync(i)
	if !fl.f.leading || s == 0 {
		return s
	}
	// leading pictures of s that are shown need the group before
	buf := fl.x.Append(nil, s, min(max(i, s)+16, fl.x.Len()))
	for j := 1; j < len(buf); j++ {
		if p := fl.pts(buf, j); p >= e.media && p < fl.pts(buf, 0) {
			return fl.prevSync(s - 1)
		}
	}
	return s
}

// prevSync is the last sync sample not after i; 0 where there is none.
func (fl *flattener) prevSync(i int) int {
	for step := 1; ; step *= 2 {
		lo := max(0, i-step)
		s := fl.x.NextSync(lo)
		if s > i {
			if lo == 0 {
				return 0
			}
			continue
		}
		for {
			next := fl.x.NextSync(s + 1)
			if next > i {
				return s
			}
			s = next
		}
	}
}

// lastHidden is the sample after the last of [from, to) that is presented before the edit; from where none is.
func (fl *flattener) lastHidden(e edit, from, to int) (int, error) {
	if to <= from {
		return from, nil
	}
	if err := fl.spend(to - from); err != nil {
		return 0, err
	}
	buf := fl.x.Append(nil, from, to)
	for i := len(buf) - 1; i >= 0; i-- {
		if fl.pts(buf, i) < e.media {
			return from + i + 1, nil
		}
	}
	return from, nil
}

// tail returns the first sample of [from, to) that is presented after the edit, and the one after the last that is
// presented within it. The first is the second where nothing hidden has to be kept.
func (fl *flattener) tail(e edit, from, to int) (z, end int, err error) {
	if err := fl.spend(max(0, to-from)); err != nil {
		return 0, 0, err
	}
	buf := fl.x.Append(nil, from, to)
	end = from
	for i := range buf {
		if fl.pts(buf, i) < e.end {
			end = from + i + 1
		}
	}
	for i := range buf[:end-from] {
		if fl.pts(buf, i) >= e.end {
			return from + i, end, nil
		}
	}
	return end, end, nil
}

// head adds samples [from, y) one by one: the last of them is hidden, the sample y is not. Hidden pictures are shown for
// a step each right before the edit, in their order; decoding is squeezed before the edit.
func (fl *flattener) head(e edit, from, y, to int, shift int64) error {
	if err := fl.spend(y - from); err != nil {
		return err
	}
	buf := fl.x.Append(nil, from, y)
	start := e.at
	if y < to && fl.at(y)+shift < start {
		start = fl.at(y) + shift
	}
	pts := fl.squeeze(buf, e, shift)
	given := make([]times, len(buf))
	for i := range buf {
		d := start - int64(len(buf)-i)*fl.step
		given[i] = times{d, pts[i] - d}
	}
	fl.pieces = append(fl.pieces, piece{from: from, to: y, given: given, dts: given[0].dts, end: start})
	return nil
}

// tailPiece adds samples [z, to) one by one: some are presented after the edit but needed by others.
func (fl *flattener) tailPiece(e edit, z, to int, shift int64) error {
	if err := fl.spend(to - z); err != nil {
		return err
	}
	buf := fl.x.Append(nil, z, to)
	pts := fl.squeeze(buf, e, shift)
	given := make([]times, len(buf))
	for i := range buf {
		d := fl.at(z+i) + shift
		given[i] = times{d, pts[i] - d}
	}
	fl.pieces = append(fl.pieces, piece{from: z, to: to, given: given, dts: given[0].dts, end: fl.at(to) + shift})
	return nil
}

// squeeze returns the presentation times of the samples: those before the edit a step each right before it, those after
// it a step each at its very end, in their order.
func (fl *flattener) squeeze(buf []bmff.Sample, e edit, shift int64) []int64 {
	pts := make([]int64, len(buf))
	var before, after []int
	for i := range buf {
		p := fl.pts(buf, i)
		pts[i] = p - e.media + e.at
		switch {
		case p < e.media:
			before = append(before, i)
		case p >= e.end:
			after = append(after, i)
		}
	}
	byTime := func(a, b int) int { return cmp.Compare(pts[a], pts[b]) }
	slices.SortStableFunc(before, byTime)
	slices.SortStableFunc(after, byTime)
	for k, i := range before {
		pts[i] = e.at - int64(len(before)-k)*fl.step
	}
	for k, i := range after {
		pts[i] = e.at + e.end - e.media - int64(len(after)-k)*fl.step
	}
	return pts
}

// addAudio adds the access units that overlap e. Before the first edit it keeps what a decoder needs to be settled; at
// later ones the units of the edit before are that.
func (fl *flattener) addAudio(e edit, timescale int64) {
	shift := fl.shift0 - e.media + e.at
	media0, end := e.media-fl.shift0, e.end-fl.shift0 // decode times
	from, to := max(0, fl.search(media0+1)-1), fl.search(end)
	if from >= to {
		return
	}
	if fl.at(from+1) <= media0 { // the media end before the edit
		return
	}
	if n := len(fl.pieces); n == 0 {
		switch {
		case media0-fl.at(0) <= timescale/10: // priming
			from = 0
		case fl.preroll > 0:
			from = max(0, fl.search(media0-fl.preroll+1)-1)
		default:
			from = max(0, from-1)
		}
	} else {
		prev := &fl.pieces[n-1]
		for from < to && (fl.at(from)+shift < prev.end-fl.nominal*fl.scale/2 || fl.at(from)+shift <= fl.dts(prev, prev.to-1)) {
			from++
		}
		if from == to {
			return
		}
	}
	if len(fl.pieces) == 0 {
		fl.start = max(e.at, fl.at(from)+shift)
	}
	fl.end = min(e.at+e.end-e.media, fl.at(to)+shift)
	fl.pieces = append(fl.pieces, piece{from: from, to: to, shift: shift, cto: fl.shift0, dts: fl.at(from) + shift, end: fl.at(to) + shift})
}

// join makes decode times rise across pieces and each piece end where the next begins. Samples that would be decoded
// after the next piece begins are moved before it, a tick each; what is presented when stays.
func (fl *flattener) join() error {
	back := make([]piece, 0, len(fl.pieces)) // from the last to the first
	for k := len(fl.pieces) - 1; k >= 0; k-- {
		p := fl.pieces[k]
		if len(back) > 0 {
			limit := back[len(back)-1].dts
			if fl.dts(&p, p.to-1) < limit {
				p.end = limit
			} else if q, err := fl.move(&p, limit); err != nil {
				return err
			} else if p.from == p.to {
				p = q
			} else {
				back = append(back, q)
			}
		}
		back = append(back, p)
	}
	slices.Reverse(back)
	fl.pieces = back
	for k := range fl.pieces {
		for _, g := range fl.pieces[k].given {
			fl.delay = max(fl.delay, -g.cto)
		}
		if p := &fl.pieces[k]; p.end <= fl.dts(p, p.to-1) {
			p.end = fl.dts(p, p.to-1) + 1
		}
	}
	return nil
}

// move takes off p, as a piece of their own, the last samples that would not be decoded before limit.
func (fl *flattener) move(p *piece, limit int64) (piece, error) {
	n := 0
	for at := limit; n < p.to-p.from && fl.dts(p, p.to-1-n) >= at; n++ {
		at = min(at-1, fl.dts(p, p.to-1-n))
	}
	if err := fl.spend(n); err != nil {
		return piece{}, err
	}
	moved := fl.take(p, n)
	for i, at := n-1, limit; i >= 0; i-- {
		pts := moved[i].dts + moved[i].cto
		at = min(at-1, moved[i].dts)
		moved[i] = times{at, pts - at}
	}
	q := piece{from: p.to - n, to: p.to, given: moved, dts: moved[0].dts, end: limit}
	p.to -= n
	p.given = p.given[:max(0, len(p.given)-n)]
	if len(p.given) == 0 {
		p.given = nil
	}
	p.end = q.dts
	return q, nil
}

// take returns the times of the last n samples of p.
func (fl *flattener) take(p *piece, n int) []times {
	if p.given != nil {
		return slices.Clone(p.given[len(p.given)-n:])
	}
	out := make([]times, n)
	buf := fl.x.Append(nil, p.to-n, p.to)
	for i := range buf {
		d := fl.dts(p, p.to-n+i)
		out[i] = times{d, (buf[i].DTS+int64(buf[i].CTO))*fl.scale - p.cto + p.shift - d}
	}
	return out
}
