package bmff

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mezzomedia/mezzo/internal/language"
	"github.com/mezzomedia/mezzo/packager/media"
)

// identity is the matrix that moves nothing (14496-12, 6.2.2).
func identity() [9]int32 { return [9]int32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} }

// tkhd is 14496-12, 8.3.2.
func (t *Track) tkhd(b *box) {
	f := fields{b: b.body}
	version, fl := f.full()
	f.take(8 << min(version, 1))
	t.ID, t.Enabled = f.u32(), fl&1 != 0
	f.take(4 + 4<<min(version, 1) + 16)
	var m [9]int32
	for i := range m {
		m[i] = int32(f.u32())
	}
	w, h := f.u32(), f.u32()
	if !f.short {
		t.Matrix, t.Width, t.Height = m, w, h
	}
}

// udta reads name and kind (14496-12, 8.10.1 and 8.10.4). What is malformed in it is passed over.
func (t *Track) udta(b *box) {
	for c := range b.children(0) {
		switch c.typ {
		case "name":
			if s := clean(c.body); s != "" {
				t.Name = s
			}
		case "kind":
			if len(c.body) < 4 {
				continue
			}
			scheme, value, _ := strings.Cut(string(c.body[4:]), "\x00")
			value, _, _ = strings.Cut(value, "\x00")
			if scheme == "urn:mpeg:dash:role:2011" && value != "" && utf8.ValidString(value) {
				t.Roles = append(t.Roles, value)
			}
		}
	}
}

// mdia reads what a track is, and returns its timescale and the boxes of its stbl.
func (p *parser) mdia(t *Track, b *box) (scale uint32, stbl []*box, err error) {
	list, err := p.sound(b)
	if err != nil {
		return 0, nil, err
	}
	for _, c := range list {
		f := fields{b: c.body}
		switch c.typ {
		case "mdhd":
			version, _ := f.full()
			f.take(8 << min(version, 1))
			scale = f.u32()
			f.take(4 << min(version, 1))
			if t.Language == "" {
				t.Language = packedLanguage(f.u16())
			}
		case "hdlr":
			f.full()
			f.u32()
			t.Handler = string(f.take(4))
			f.take(12)
			if t.Name == "" {
				t.Name = clean(f.b)
			}
		case "elng":
			if len(c.body) > 4 {
				if s := language.Tag(clean(c.body[4:])); s != "" {
					t.Language = s
				}
			}
		case "minf":
			minf, err := p.sound(c)
			if err != nil {
				return 0, nil, err
			}
			for _, m := range minf {
				if m.typ == "stbl" {
					if stbl, err = p.sound(m); err != nil {
						return 0, nil, err
					}
				}
			}
		}
	}
	return scale, stbl, nil
}

// clean is the text in b, which may end with zeros or none and may be a Pascal string, its length before it.
func clean(b []byte) string {
	if n := len(b); n > 0 && int(b[0]) <= n-1 && b[0] > 0 && (b[0] < 0x20 || int(b[0]) == n-1) {
		b = b[1 : 1+int(b[0])]
	}
	s, _, _ := strings.Cut(string(b), "\x00")
	s = strings.ToValidUTF8(s, "")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}

// rawEdit is an entry of elst as it stands there: duration in movie ticks.
type rawEdit struct {
	duration uint64
	media    int64
	rate     uint32
}

// elst is 14496-12, 8.6.6.
func (p *parser) elst(b *box) []rawEdit {
	if b == nil {
		return nil
	}
	f := fields{b: b.body}
	version, _ := f.full()
	size := 12
	if version == 1 {
		size = 20
	}
	n, body, err := b.entries(size)
	if err != nil {
		p.warn(b.path(), "edit list not read: %v", err)
		return nil
	}
	edits := make([]rawEdit, n)
	f = fields{b: body}
	for i := range edits {
		e := &edits[i]
		if version == 1 {
			e.duration, e.media = f.u64(), int64(f.u64())
		} else {
			e.duration, e.media = uint64(f.u32()), int64(int32(f.u32()))
		}
		e.rate = f.u32()
	}
	return edits
}

// edits converts those of a track to its ticks. Edits that take no time are left out; the last one, if it reaches the end
// of the media to a tick of the movie, is to the end.
func (p *parser) edits(fr *fragmented, i int) []Edit {
	var out []Edit
	path := trakPath(i) + "/edts/elst"
	movie, scale := p.movie.Timescale, fr.track.Timescale
	for j, e := range fr.elst {
		last := j == len(fr.elst)-1
		ticks := media.Rescale(int64(min(e.duration, 1<<62)), movie, scale)
		switch {
		case e.rate == 0 && e.media >= 0 && ticks > 0:
			p.warn(path, "entry %d holds a picture (rate 0): it becomes an empty edit", j)
			e.media = -1
		case e.rate != 0x10000 && e.rate != 0:
			p.warn(path, "entry %d plays at another rate: normal speed is taken", j)
		}
		switch {
		case e.media < 0 && ticks > 0:
			out = append(out, Edit{Media: -1, Duration: ticks})
		case e.media < 0:
		case last && p.toEnd(fr, e.media, ticks):
			out = append(out, Edit{Media: e.media})
		case ticks > 0:
			out = append(out, Edit{Media: e.media, Duration: ticks})
		default:
			p.warn(path, "entry %d takes no time: it is left out", j)
		}
	}
	return out
}

// toEnd says whether the edit reaches the end of the media, or of those in moov, to a tick of the movie.
func (p *parser) toEnd(fr *fragmented, from, ticks int64) bool {
	if ticks == 0 || p.movie.Timescale == 0 {
		return true
	}
	slack := media.RescaleUp(1, p.movie.Timescale, fr.track.Timescale)
	end := from + ticks
	if end >= fr.b.shown-slack {
		return true
	}
	return p.movie.Fragmented && fr.moov > 0 && end >= fr.moov-slack && end <= fr.moov+slack
}
