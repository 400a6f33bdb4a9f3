package bmfftest

import "slices"

// same returns the value that all samples of t share.
func (t *Track) same(value func(*Sample) uint32) (uint32, bool) {
	for i := range t.Samples {
		if value(&t.Samples[i]) != value(&t.Samples[0]) {
			return 0, false
		}
	}
	if len(t.Samples) == 0 {
		return 0, false
	}
	return value(&t.Samples[0]), true
}

func duration(s *Sample) uint32 { return s.Duration }
func size(s *Sample) uint32     { return uint32(s.size()) }

func (f *File) trex(t *Track) []byte {
	v := U32(t.ID, 1, 0, 0, 0)
	if f.Trex {
		d, _ := t.same(duration)
		s, _ := t.same(size)
		fl, _ := t.same((*Sample).flags)
		v = U32(t.ID, 1, d, s, fl)
	}
	return FullBox("trex", 0, 0, v)
}

// part is samples [from, to) of a track in one moof.
type part struct {
	track    int
	from, to int
}

// fragments adds the moofs and their mdats.
func (f *File) fragments(out []byte) []byte {
	next := make([]int, len(f.Tracks))
	for i := range f.Tracks {
		next[i] = min(f.InMoov, len(f.Tracks[i].Samples))
	}
	var moofs [][]part
	for more := true; more; {
		var moof []part
		more = false
		end := -1.0
		for i := range f.Tracks {
			t := &f.Tracks[i]
			from := next[i]
			to := min(from+f.Fragment, len(t.Samples))
			if i == 0 && to < len(t.Samples) {
				end = t.dts(to) / float64(t.Timescale)
			}
			if i > 0 {
				for to = from; to < len(t.Samples) && (end < 0 || t.dts(to)/float64(t.Timescale) < end); to++ {
				}
			}
			next[i] = to
			more = more || to < len(t.Samples)
			if to > from {
				moof = append(moof, part{i, from, to})
			}
		}
		if f.OneTraf {
			for _, p := range moof {
				moofs = append(moofs, []part{p})
			}
		} else if len(moof) > 0 {
			moofs = append(moofs, moof)
		}
	}
	var body []byte
	var refs []reference
	base := len(out)
	if f.Sidx {
		base += len(f.sidx(make([]reference, len(moofs))))
	}
	for i, m := range moofs {
		b := f.fragment(uint32(i)+1, m, uint64(base+len(body)))
		if m[0].track == 0 {
			refs = append(refs, reference{size: len(b), at: base + len(body), samples: f.Tracks[0].Samples[m[0].from:m[0].to]})
		} else if len(refs) > 0 {
			refs[len(refs)-1].size += len(b)
		}
		body = append(body, b...)
	}
	if f.Sidx {
		for len(refs) < len(moofs) { // keeps the size that was counted on
			refs = append(refs, reference{})
		}
		out = append(out, f.sidx(refs)...)
	}
	out = append(out, body...)
	if f.Mfra {
		out = append(out, f.mfra(refs)...)
	}
	return out
}

type reference struct {
	size, at int
	samples  []Sample
}

func (f *File) sidx(refs []reference) []byte {
	t := &f.Tracks[0]
	b := append(U32(t.ID, t.Timescale), U64(uint64(t.Start), 0)...)
	b = append(b, U16(0, uint16(len(refs)))...)
	for _, r := range refs {
		b = append(b, U32(uint32(r.size), uint32(ticks(r.samples)), 0x90000000)...)
	}
	return FullBox("sidx", 1, 0, b)
}

func (f *File) mfra(refs []reference) []byte {
	t := &f.Tracks[0]
	b, at := U32(t.ID, 0, uint32(len(refs))), uint64(t.Start)
	for _, r := range refs {
		b = append(b, U64(at, uint64(r.at))...)
		b = append(b, 1, 1, 1)
		at += ticks(r.samples)
	}
	tfra := FullBox("tfra", 1, 0, b)
	return Box("mfra", tfra, FullBox("mfro", 0, 0, U32(uint32(8+len(tfra)+16))))
}

// fragment is a moof that stands at the place in the file, and its mdat.
func (f *File) fragment(seq uint32, parts []part, at uint64) []byte {
	moof := f.moof(seq, parts, at, 0)
	head := 8
	if f.LargeMdat {
		head = 16
	}
	moof = f.moof(seq, parts, at, len(moof)+head)
	var data []byte
	for _, p := range parts {
		data = append(data, f.Tracks[p.track].bytes(p.from, p.to)...)
	}
	return append(moof, f.mdat(data)...)
}

// moof has data that begin offset bytes after it began.
func (f *File) moof(seq uint32, parts []part, at uint64, offset int) []byte {
	boxes := [][]byte{FullBox("mfhd", 0, 0, U32(seq))}
	for i, p := range parts {
		t := &f.Tracks[p.track]
		flags, head := uint32(0x20000), U32(t.ID)
		switch f.Offsets {
		case FromBase:
			flags, head = 1, append(head, U64(at)...)
		case FromPrevious, FromMoofUnsaid:
			flags = 0
		}
		e := t.Samples[p.from].Entry
		flags, head = flags|2, append(head, U32(uint32(e)+1)...)
		traf := [][]byte{FullBox("tfhd", 0, flags, head)}
		if !f.NoTfdt {
			traf = append(traf, FullBox("tfdt", 1, 0, U64(uint64(t.dts(p.from)))))
		}
		from := offset
		if f.Offsets == FromPrevious && i > 0 {
			from = 0
		}
		traf = append(traf, f.trun(t, t.Samples[p.from:p.to], from))
		if t.Crypt != nil {
			place := 8 + 8 // headers of moof and traf
			for _, b := range slices.Concat(boxes, traf) {
				place += len(b)
			}
			traf = append(traf, t.Crypt.boxes(t.Samples[p.from:p.to], place, nil, true)...)
		}
		boxes = append(boxes, Box("traf", traf...))
		for _, s := range t.Samples[p.from:p.to] {
			offset += s.size()
		}
	}
	return Box("moof", boxes...)
}

func (f *File) trun(t *Track, samples []Sample, offset int) []byte {
	flags, version := uint32(0x701), uint8(0)
	if f.Trex {
		for bit, value := range map[uint32]func(*Sample) uint32{0x100: duration, 0x200: size, 0x400: (*Sample).flags} {
			if _, ok := t.same(value); ok {
				flags &^= bit
			}
		}
	}
	for i := range samples {
		if samples[i].CTO != 0 {
			flags |= 0x800
		}
		if samples[i].CTO < 0 && t.CTTS >= 0 {
			version = 1
		}
	}
	b := U32(uint32(len(samples)), uint32(offset))
	for i := range samples {
		s := &samples[i]
		for _, field := range []struct {
			bit uint32
			v   uint32
		}{{0x100, s.Duration}, {0x200, size(s)}, {0x400, s.flags()}, {0x800, uint32(s.CTO)}} {
			if flags&field.bit != 0 {
				b = append(b, U32(field.v)...)
			}
		}
	}
	return FullBox("trun", version, flags, b)
}
