package bmfftest

import "cmp"

func (f *File) moov(chunks []chunk, n func(*Track) int) []byte {
	var longest uint64
	var traks, trexs [][]byte
	for i := range f.Tracks {
		t := &f.Tracks[i]
		var own []chunk
		for _, c := range chunks {
			if c.track == i {
				own = append(own, c)
			}
		}
		samples := t.Samples[:min(n(t), len(t.Samples))]
		dur := ticks(samples)
		movie := dur * uint64(f.Timescale) / uint64(max(t.Timescale, 1))
		longest = max(longest, movie)
		traks = append(traks, f.trak(t, samples, own, dur, movie))
		trexs = append(trexs, f.trex(t))
	}
	parts := [][]byte{FullBox("mvhd", 1, 0, U64(0, 0), U32(f.Timescale), U64(longest), U32(0x10000), U16(0x100, 0),
		U64(0), identity(), make([]byte, 24), U32(uint32(len(f.Tracks)+1)))}
	parts = append(parts, traks...)
	if f.Fragment > 0 {
		parts = append(parts, Box("mvex", trexs...))
	}
	return Box("moov", append(parts, f.MoovTail...)...)
}

func ticks(s []Sample) (n uint64) {
	for i := range s {
		n += uint64(s[i].Duration)
	}
	return n
}

func identity() []byte { return U32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000) }

func (f *File) trak(t *Track, samples []Sample, chunks []chunk, dur, movie uint64) []byte {
	flags, volume, matrix := uint32(7), uint16(0), identity()
	if t.Disabled {
		flags = 6
	}
	if t.Handler == "soun" {
		volume = 0x100
	}
	if t.Matrix != [9]uint32{} {
		matrix = U32(t.Matrix[:]...)
	}
	parts := [][]byte{FullBox("tkhd", 1, flags, U64(0, 0), U32(t.ID, 0), U64(movie), U64(0), U16(0, 0, volume, 0), matrix,
		U32(t.Width, t.Height))}
	if len(t.Refs) > 0 {
		var refs [][]byte
		for _, r := range t.Refs {
			refs = append(refs, Box(r.Type, U32(r.IDs...)))
		}
		parts = append(parts, Box("tref", refs...))
	}
	if len(t.Edits) > 0 {
		parts = append(parts, Box("edts", t.elst()))
	}
	header := map[string][]byte{"vide": FullBox("vmhd", 0, 1, make([]byte, 8)), "soun": FullBox("smhd", 0, 0, make([]byte, 4))}[t.Handler]
	if header == nil {
		header = FullBox("nmhd", 0, 0)
	}
	dinf := Box("dinf", FullBox("dref", 0, 0, U32(1), FullBox("url ", 0, 1)))
	lang := cmp.Or(t.Language, "und")
	code := uint16(lang[0]-0x60)<<10 | uint16(lang[1]-0x60)<<5 | uint16(lang[2]-0x60)
	parts = append(parts, Box("mdia",
		FullBox("mdhd", 1, 0, U64(0, 0), U32(t.Timescale), U64(dur), U16(code, 0)),
		FullBox("hdlr", 0, 0, U32(0), []byte(t.Handler), make([]byte, 12), append([]byte(t.Name), 0)),
		Box("minf", header, dinf, f.stbl(t, samples, chunks))))
	if len(t.Kinds) > 0 {
		var kinds [][]byte
		for _, k := range t.Kinds {
			kinds = append(kinds, FullBox("kind", 0, 0, []byte(k.Scheme+"\x00"+k.Value+"\x00")))
		}
		parts = append(parts, Box("udta", kinds...))
	}
	return Box("trak", parts...)
}

func (t *Track) elst() []byte {
	body := U32(uint32(len(t.Edits)))
	for _, e := range t.Edits {
		if t.EditsV1 {
			body = append(body, U64(e.Duration, uint64(e.Media))...)
		} else {
			body = append(body, U32(uint32(e.Duration), uint32(e.Media))...)
		}
		body = append(body, U32(cmp.Or(e.Rate, 0x10000))...)
	}
	version := uint8(0)
	if t.EditsV1 {
		version = 1
	}
	return FullBox("elst", version, 0, body)
}

func (f *File) stbl(t *Track, samples []Sample, chunks []chunk) []byte {
	var parts [][]byte
	if t.Entries != nil {
		parts = append(parts, FullBox("stsd", 0, 0, append([][]byte{U32(uint32(len(t.Entries)))}, t.Entries...)...))
	}
	parts = append(parts, t.stts(samples))
	if b := t.ctts(samples); b != nil {
		parts = append(parts, b)
	}
	if b := t.stss(samples); b != nil {
		parts = append(parts, b)
	}
	if t.SDTP != nil {
		parts = append(parts, FullBox("sdtp", 0, 0, t.SDTP))
	}
	parts = append(parts, t.stsz(samples))
	if t.Crypt != nil {
		parts = append(parts, t.Crypt.boxes(samples, 0, t.apart(samples, chunks), false)...)
	}
	return Box("stbl", append(parts, t.stsc(samples, chunks, f.CO64)...)...)
}

// apart is where the auxiliary information of each chunk lies.
func (t *Track) apart(samples []Sample, chunks []chunk) (out []uint64) {
	at, next := t.auxAt, 0
	for _, c := range chunks {
		for ; next < c.from; next++ {
			at += uint64(len(samples[next].Aux))
		}
		out = append(out, at)
	}
	return out
}

// runs calls add for each stretch of samples of which value is the same.
func runs(samples []Sample, value func(*Sample) uint32) (n uint32, body []byte) {
	for i := 0; i < len(samples); {
		j, v := i+1, value(&samples[i])
		for j < len(samples) && value(&samples[j]) == v {
			j++
		}
		body = append(body, U32(uint32(j-i), v)...)
		n++
		i = j
	}
	return n, body
}

func (t *Track) stts(samples []Sample) []byte {
	n, body := runs(samples, func(s *Sample) uint32 { return s.Duration })
	return FullBox("stts", 0, 0, U32(n), body)
}

func (t *Track) ctts(samples []Sample) []byte {
	any, version := false, uint8(max(t.CTTS, 0))
	for i := range samples {
		any = any || samples[i].CTO != 0
		if samples[i].CTO < 0 && t.CTTS >= 0 {
			version = 1
		}
	}
	if !any {
		return nil
	}
	n, body := runs(samples, func(s *Sample) uint32 { return uint32(s.CTO) })
	return FullBox("ctts", version, 0, U32(n), body)
}

func (t *Track) stss(samples []Sample) []byte {
	if t.EmptySTSS {
		return FullBox("stss", 0, 0, U32(0))
	}
	var list []uint32
	for i := range samples {
		if samples[i].Sync {
			list = append(list, uint32(i)+1)
		}
	}
	if t.NoSTSS || len(list) == len(samples) {
		return nil
	}
	return FullBox("stss", 0, 0, U32(uint32(len(list))), U32(list...))
}

func (t *Track) stsz(samples []Sample) []byte {
	n := uint32(len(samples))
	if t.STZ2 > 0 {
		var b []byte
		for i := range samples {
			size := samples[i].size()
			switch {
			case t.STZ2 == 16:
				b = append(b, U16(uint16(size))...)
			case t.STZ2 == 8:
				b = append(b, byte(size))
			case i%2 == 0:
				b = append(b, byte(size)<<4)
			default:
				b[i/2] |= byte(size) & 15
			}
		}
		return FullBox("stz2", 0, 0, U32(uint32(t.STZ2), n), b)
	}
	uniform := n > 0 && !t.NoUniform
	sizes := make([]uint32, n)
	for i := range samples {
		sizes[i] = uint32(samples[i].size())
		uniform = uniform && sizes[i] == sizes[0] && sizes[i] > 0
	}
	if uniform {
		return FullBox("stsz", 0, 0, U32(sizes[0], n))
	}
	return FullBox("stsz", 0, 0, U32(0, n), U32(sizes...))
}

// stsc is stsc and the chunk offsets. A chunk whose samples have more than one entry is written as several.
func (t *Track) stsc(samples []Sample, chunks []chunk, co64 bool) [][]byte {
	var offsets []uint64
	var body []byte
	var n, lastLen, lastEntry uint32
	for _, c := range chunks {
		at := c.at
		for i := c.from; i < c.to; {
			j := i + 1
			for j < c.to && samples[j].Entry == samples[i].Entry {
				j++
			}
			offsets = append(offsets, at)
			if l, e := uint32(j-i), uint32(samples[i].Entry)+1; l != lastLen || e != lastEntry {
				body = append(body, U32(uint32(len(offsets)), l, e)...)
				n++
				lastLen, lastEntry = l, e
			}
			for ; i < j; i++ {
				at += uint64(samples[i].size())
			}
		}
	}
	table := FullBox("co64", 0, 0, U32(uint32(len(offsets))), U64(offsets...))
	if !co64 {
		table = FullBox("stco", 0, 0, U32(uint32(len(offsets))), narrow(offsets))
	}
	return [][]byte{FullBox("stsc", 0, 0, U32(n), body), table}
}

func narrow(v []uint64) []byte {
	var b []byte
	for _, x := range v {
		b = append(b, U32(uint32(x))...)
	}
	return b
}
