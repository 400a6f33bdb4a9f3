package bmff

import (
	"encoding/binary"
	"math"

	"github.com/mezzomedia/mezzo/packager/media"
)

// trex is the defaults of a track's fragments (14496-12, 8.8.3).
type trex struct{ entry, duration, size, flags uint32 }

func readTrex(mvex *box, out map[uint32]trex) {
	for c := range mvex.children(0) {
		f := fields{b: c.body}
		f.full()
		id := f.u32()
		if tx := (trex{f.u32(), f.u32(), f.u32(), f.u32()}); c.typ == "trex" && !f.short {
			out[id] = tx
		}
	}
}

// fragmented is a track while its samples are collected.
type fragmented struct {
	track *Track
	b     *builder
	trex  trex
	elst  []rawEdit
	moov  int64 // end of presentation of the samples in moov
	// counts says that Smooth times are not used: those of ffmpeg begin below zero, by an edit that the file has not.
	counts bool
}

// maxEmpty is how many samples a file may have that take no byte of it.
const maxEmpty = 1 << 20

// moof reads one fragment (14496-12, 8.8.4).
func (p *parser) moof(at, size, head int64) error {
	b, err := p.whole("moof", at, size, head)
	if err != nil {
		return err
	}
	b.nth = p.moofs
	p.moofs++
	list, err := p.sound(b)
	if err != nil {
		return err
	}
	implicit, pssh := at, p.once(psshs(list))
	if pssh == nil {
		pssh = p.movie.PSSH
	}
	for _, c := range list {
		if c.typ != "traf" {
			continue
		}
		if implicit, err = p.traf(c, at, implicit, pssh); err != nil {
			return err
		}
	}
	return nil
}

// fragment is what trun boxes take from their traf.
type fragment struct {
	trex
	base, next int64
	moof       int64 // where it begins
	runs       []int // first sample of each trun, where they are encrypted
	total      int   // samples of all of them
	implicit   bool  // base is the end of the traf before: neither tfhd nor a flag says otherwise
}

// traf reads the samples of a track in a moof that begins at moof and holds these pssh boxes, or moov does; implicit
// is where the data of the traf before ended.
func (p *parser) traf(b *box, moof, implicit int64, pssh []byte) (int64, error) {
	h := b.child("tfhd")
	if h == nil {
		return 0, b.errorf("no tfhd (14496-12, 8.8.7): %w", media.ErrFormat)
	}
	f := fields{b: h.body}
	_, fl := f.full()
	id := f.u32()
	fr := p.byID[id]
	if fr == nil {
		p.warn("moof/traf", "fragments of track %d, which moov does not have, are left out", id)
		return implicit, nil
	}
	fg := fragment{trex: fr.trex, base: implicit, moof: moof, implicit: fl&0x20001 == 0}
	if fl&0x20000 != 0 {
		fg.base = moof
	}
	if fl&1 != 0 {
		fg.base = int64(min(f.u64(), math.MaxInt64/2))
	}
	for _, d := range []struct {
		flag uint32
		to   *uint32
	}{{2, &fg.entry}, {8, &fg.duration}, {0x10, &fg.size}, {0x20, &fg.flags}} {
		if fl&d.flag != 0 {
			*d.to = f.u32()
		}
	}
	if f.short {
		return 0, h.errorf("%d bytes are too few for flags %#x: %w", len(h.body), fl, media.ErrFormat)
	}
	if t := b.child("tfdt"); t != nil {
		if err := p.tfdt(fr, t); err != nil {
			return 0, err
		}
	} else if dts, ok := smoothTime(b); ok && !fr.counts {
		if fr.counts = fr.b.len() == 0 && int64(dts) < 0; !fr.counts {
			if err := p.startAt(fr, b, dts); err != nil {
				return 0, err
			}
		}
	}
	fg.next = fg.base
	first := fr.b.len()
	list, err := p.sound(b)
	if err != nil {
		return 0, err
	}
	for _, c := range list {
		if c.typ == "trun" {
			if err := p.trun(fr, &fg, c); err != nil {
				return 0, err
			}
		}
	}
	if t := fr.track; t.Protections != nil && t.Refused == nil {
		t.refuse(p.secrets(t, fr.b, &secret{boxes: list, from: first, total: fg.total, runs: fg.runs, base: fg.base, pssh: pssh}))
	}
	return fg.next, nil
}

func (p *parser) tfdt(fr *fragmented, t *box) error {
	f := fields{b: t.body}
	version, _ := f.full()
	dts := uint64(0)
	if version == 1 {
		dts = f.u64()
	} else {
		dts = uint64(f.u32())
	}
	if f.short {
		return t.errorf("%d bytes are too few: %w", len(t.body), media.ErrFormat)
	}
	return p.startAt(fr, t, dts)
}

// tfxd is the type of the uuid box in which Smooth Streaming says the time of a fragment (MS-SSTR, 2.2.4.4).
const tfxd = "\x6d\x1d\x9b\x05\x42\xd5\x44\xe6\x80\xe2\x14\x1d\xaf\xf7\x57\xb2"

func smoothTime(traf *box) (uint64, bool) {
	for c := range traf.children(0) {
		if c.typ != "uuid" || len(c.body) < 24 || string(c.body[:16]) != tfxd {
			continue
		}
		f := fields{b: c.body[16:]}
		if version, _ := f.full(); version == 1 {
			return f.u64(), !f.short
		}
		return uint64(f.u32()), true
	}
	return 0, false
}

// startAt says that the next sample is decoded at dts. The one before is made longer or shorter to end there; a time that
// goes back further is not followed.
func (p *parser) startAt(fr *fragmented, b *box, dts uint64) error {
	if dts > math.MaxInt64/4 {
		return b.errorf("decode time %d: %w", dts, media.ErrUnsupported)
	}
	c, at := &fr.b.x.clock, int64(dts)
	switch gap := at - c.end; {
	case fr.b.lost > 0 || gap == 0:
	case c.n == 0:
		c.end = at
		fr.b.shown = at
	case at < c.last():
		p.warn(trackOf(fr), "a fragment's decode time goes back: it is taken to follow the one before")
	case at-c.last() > math.MaxUint32:
		return b.errorf("decode times jump by %d ticks, more than a sample can last: %w", gap, media.ErrUnsupported)
	default:
		if was := c.end - c.last(); gap > was || -gap > was/2 {
			p.warn(trackOf(fr), "decode times of fragments leave gaps or overlap: the samples before them are made longer or shorter")
		}
		c.relast(uint32(at - c.last()))
	}
	return nil
}

func trackOf(fr *fragmented) string { return "moof/traf of " + fr.track.Handler }

// claim counts samples of which no table has an entry, so that a few boxes could make any number of them out of the same
// bytes: there may be some times as many as the file has bytes.
func (p *parser) claim(b *box, n int64) error {
	if p.claimed += n; p.claimed > 4*p.src.size {
		return b.errorf("%d samples so far that have no entries, in a file of %d bytes: %w", p.claimed, p.src.size, media.ErrFormat)
	}
	return nil
}

// trun reads a run of samples (14496-12, 8.8.8).
func (p *parser) trun(fr *fragmented, fg *fragment, b *box) error {
	f := fields{b: b.body}
	version, fl := f.full()
	n := int64(f.u32())
	if fl&1 != 0 {
		offset := int64(int32(f.u32()))
		if fg.implicit && offset != 0 && fg.moof+offset == fg.base {
			// by the letter there would be a hole as large as all before it: the writer meant the moof
			p.warn(trackOf(fr), "data offsets count from the moof, and default-base-is-moof is not set")
			fg.base, fg.implicit = fg.moof, false
		}
		fg.next = fg.base + offset
	}
	first, firstFlags := fl&4 != 0, uint32(0)
	if first {
		firstFlags = f.u32()
	}
	width := int64(0)
	for bit := uint32(0x100); bit <= 0x800; bit <<= 1 {
		if fl&bit != 0 {
			width += 4
		}
	}
	if f.short || n*width > int64(len(f.b)) {
		return b.errorf("%d samples of %d bytes do not fit into %d bytes: %w", n, width, len(f.b), media.ErrFormat)
	}
	if width == 0 && fg.size > 0 && n > p.src.size/int64(fg.size)+1 {
		return b.errorf("%d samples of %d bytes do not fit into the file: %w", n, fg.size, media.ErrFormat)
	}
	if width == 0 && fg.size > 0 {
		if err := p.claim(b, n); err != nil {
			return err
		}
	}
	if width == 0 && fg.size == 0 {
		if p.empty += n; p.empty > maxEmpty {
			return b.errorf("more than %d samples without bytes: %w", maxEmpty, media.ErrUnsupported)
		}
	}
	if int64(fr.b.len())+n >= math.MaxInt32 {
		return b.errorf("too many samples: %w", media.ErrUnsupported)
	}
	entry := uint16(0)
	if fg.entry > 1 && fg.entry <= uint32(len(fr.track.Entries)) {
		entry = uint16(fg.entry - 1)
	}
	if fr.track.Protections != nil {
		fg.runs = append(fg.runs, fr.b.len())
		fg.total += int(n)
	}
	fr.b.chunk(fg.next)
	rest := f.b
	take := func(bit, value uint32) uint32 {
		if fl&bit == 0 {
			return value
		}
		v := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		return v
	}
	for i := range n {
		duration, size := take(0x100, fg.duration), take(0x200, fg.size)
		flags := fg.flags
		if first && i == 0 {
			flags = firstFlags
		}
		flags = take(0x400, flags)
		cto := int32(take(0x800, 0))
		if cto < 0 && version == 0 {
			p.warn("moof/traf/trun", "version 0 with offsets above 2^31: they are read as negative")
		}
		fr.b.sample(size, duration, kind{media.SampleFlags(flags), cto, entry})
		fg.next += int64(size)
	}
	return nil
}
