package bmff

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/mezzomedia/mezzo/packager/media"
)

// needed are boxes without which a track cannot be read; any other may be malformed.
func needed(typ string) bool {
	switch typ {
	case "mvhd", "trak", "mdia", "mdhd", "minf", "stbl", "stsd", "stts", "stsz", "stz2", "stsc", "stco", "co64", "ctts", "stss",
		"mvex", "trex", "traf", "tfhd", "tfdt", "trun":
		return true
	}
	return false
}

// sound is the children of b. A header that cannot be true is an error where the box is needed, else a warning.
func (p *parser) sound(b *box) ([]*box, error) {
	if b == nil {
		return nil, nil
	}
	var list []*box
	for c := range b.children(0) {
		if c.typ != badBox {
			list = append(list, c)
			continue
		}
		c.typ = string(c.body[4:8])
		if needed(c.typ) {
			return nil, c.errorf("its size does not fit into %s: %w", b.typ, media.ErrFormat)
		}
		p.warn(b.path(), "malformed box at byte %d; the rest of %s is not read", c.off, b.typ)
	}
	return list, nil
}

func (p *parser) readMoov(at, size, head int64) error {
	if p.moov {
		p.warn("moov", "a second moov at byte %d is not read", at)
		return nil
	}
	b, err := p.whole("moov", at, size, head)
	if err != nil {
		return err
	}
	p.moov = true
	if c := b.child("cmov"); c != nil {
		if b, err = inflate(c); err != nil {
			return err
		}
	}
	list, err := p.sound(b)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.typ == "mvhd" {
			f := fields{b: c.body}
			version, _ := f.full()
			f.take(8 << min(version, 1))
			p.movie.Timescale = f.u32()
		}
	}
	if p.movie.Timescale == 0 {
		p.warn("moov/mvhd", "no movie timescale: durations of edits are not known")
	}
	p.movie.PSSH = p.once(psshs(list))
	trexs := map[uint32]trex{}
	for _, c := range list {
		if c.typ == "mvex" {
			readTrex(c, trexs)
		}
	}
	chapters := map[uint32]bool{}
	for _, c := range list {
		if c.typ == "trak" {
			if err := p.trak(c, trexs, chapters); err != nil {
				return err
			}
		}
	}
	for _, t := range p.movie.Tracks {
		t.Chapters = chapters[t.ID]
	}
	return nil
}

// maxInflated bounds a compressed moov, which may say anything of its size. Those that there are, of QuickTime exports of
// the nineties, are small.
const maxInflated = 8 << 20

// inflate is the moov in a compressed one (QuickTime cmov: dcom, cmvd).
func inflate(c *box) (*box, error) {
	d := c.child("cmvd")
	if d == nil || len(d.body) < 4 {
		return nil, c.errorf("compressed movie without cmvd: %w", media.ErrFormat)
	}
	if m := c.child("dcom"); m == nil || string(m.body) != "zlib" {
		return nil, c.errorf("movie compressed by something else than zlib: %w", media.ErrUnsupported)
	}
	n, err := io.Copy(io.Discard, inflated(d)) // how much it is, so that it is allocated once
	switch {
	case err != nil:
		return nil, d.errorf("%w: %w", media.ErrFormat, err)
	case n > maxInflated:
		return nil, d.errorf("more than %d bytes when inflated: %w", maxInflated, media.ErrUnsupported)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(inflated(d), data); err != nil {
		return nil, d.errorf("%w: %w", media.ErrFormat, err)
	}
	in := (&box{typ: "cmvd", body: data, off: -1}).child("moov")
	if in == nil {
		return nil, d.errorf("no moov in the compressed movie: %w", media.ErrFormat)
	}
	in.parent = nil
	return in, nil
}

// inflated reads what a cmvd holds, as far as is allowed.
func inflated(d *box) io.Reader {
	r, err := zlib.NewReader(bytes.NewReader(d.body[4:]))
	if err != nil {
		return failed{err}
	}
	return io.LimitReader(r, maxInflated+1)
}

// failed is a reader of something that cannot be read.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// trak adds a track. What is wrong with it is an error where it carries sound, pictures or text, else a warning.
func (p *parser) trak(b *box, trexs map[uint32]trex, chapters map[uint32]bool) error {
	t := &Track{Index: &Index{}, Timescale: 1, Matrix: identity()}
	p.movie.Tracks = append(p.movie.Tracks, t)
	list, err := p.sound(b)
	if err != nil {
		return err
	}
	var elst *box
	var stbl []*box
	scale := uint32(0)
	for _, c := range list {
		switch c.typ {
		case "tkhd":
			t.tkhd(c)
		case "tref":
			for r := range c.children(0) {
				for f := (fields{b: r.body}); r.typ == "chap" && len(f.b) >= 4; {
					chapters[f.u32()] = true
				}
			}
		case "edts":
			elst = c.child("elst")
		case "udta":
			t.udta(c)
		case "mdia":
			if scale, stbl, err = p.mdia(t, c); err != nil {
				return err
			}
		}
	}
	bd := &builder{limit: p.src.size}
	if scale == 0 {
		if len(trexs) > 0 || samples(stbl) > 0 {
			return b.errorf("mdhd has timescale 0 (14496-12, 8.4.2.3): %w", media.ErrFormat)
		}
		p.warn(b.path(), "timescale 0 in a track without samples")
	} else {
		t.Timescale = scale
		if err := p.tables(t, stbl, bd); err != nil {
			if essential(t.Handler) {
				return err
			}
			p.warn(b.path(), "track of handler %q left out: %v", t.Handler, err)
			bd = &builder{limit: p.src.size}
		}
	}
	p.add(b, t, bd, trexs[t.ID], elst)
	return nil
}

func essential(handler string) bool {
	switch handler {
	case "vide", "soun", "text", "subt", "sbtl", "clcp":
		return true
	}
	return false
}

// add keeps what is needed to finish the track.
func (p *parser) add(b *box, t *Track, bd *builder, tx trex, elst *box) {
	fr := &fragmented{track: t, b: bd, trex: tx, moov: bd.shown}
	fr.elst = p.elst(elst)
	p.order = append(p.order, fr)
	if p.byID[t.ID] != nil {
		p.warn(b.path(), "track ID %d is used twice (14496-12, 8.3.2.3)", t.ID)
		return
	}
	p.byID[t.ID] = fr
}

// finish cuts what the end of the file cuts, and makes indexes and edits.
func (p *parser) finish() error {
	p.movie.Fragmented = p.moofs > 0
	for i, fr := range p.order {
		fr.track.Index = fr.b.finish()
		switch lost := fr.b.lost; {
		case lost == 0:
		case fr.b.holes || fr.track.Index.Len() == 0:
			err := fmt.Errorf("samples lie beyond the end of the file, %d bytes: it is cut short, still being written, or its tables are wrong: %w", p.src.size, media.ErrFormat)
			return &media.FormatError{Path: trakPath(i), Offset: -1, Err: err}
		default:
			p.warn(trakPath(i), "the file ends before the last %d samples: they are left out", lost)
		}
		fr.track.Edits = p.edits(fr, i)
	}
	return nil
}
