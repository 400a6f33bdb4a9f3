package bmff

import "github.com/mezzomedia/mezzo/packager/media"

// builder fills an Index in decode order: chunk, then each sample of it.
type builder struct {
	x       Index
	secrecy secrecy
	codes   map[kind]uint32
	last    kind // the one before, and its code: most samples repeat it
	code    uint32
	open    int   // samples of the chunk so far
	at, end int64 // where the chunk began; where its last sample ends
	closed  int64 // where the chunk before ended
	shown   int64 // latest end of presentation, ticks
	limit   int64 // size of the file
	lost    int   // samples that end beyond it, all at the tail unless
	holes   bool  // samples within the file come after them
}

func (b *builder) len() int { return b.x.clock.n }

// chunk says that the next sample lies at off.
func (b *builder) chunk(off int64) {
	if off == b.end && b.open > 0 {
		return // the same chunk goes on
	}
	b.close()
	b.at, b.end = off, off
}

func (b *builder) close() {
	if b.open == 0 {
		return
	}
	b.x.chunkLen.add(uint64(b.open))
	b.x.chunkGap.add(zigzag(b.at - b.closed))
	b.closed, b.open = b.end, 0
}

// sample adds one. From the first that does not lie within the file on it only counts them.
func (b *builder) sample(size, duration uint32, k kind) {
	fits := b.end >= 0 && b.end <= b.limit-int64(size)
	if !fits || b.lost > 0 {
		b.lost++
		b.holes = b.holes || fits && size > 0
		b.end += int64(size)
		return
	}
	i := b.len()
	if k != b.last || b.codes == nil {
		if b.codes == nil {
			b.codes = map[kind]uint32{}
		}
		code, ok := b.codes[k]
		if !ok {
			code = uint32(len(b.x.kinds))
			b.codes[k] = code
			b.x.kinds = append(b.x.kinds, k)
		}
		b.last, b.code = k, code
	}
	b.x.kind.add(uint64(b.code))
	b.x.size.add(uint64(size))
	b.x.clock.add(duration)
	b.shown = max(b.shown, b.x.clock.end+int64(k.cto))
	if k.flags.Sync() {
		if b.x.all = i == 0 || b.x.all; !b.x.all {
			b.x.sync = append(b.x.sync, uint32(i))
		}
	} else if b.x.all {
		b.x.all = false
		for j := range i {
			b.x.sync = append(b.x.sync, uint32(j))
		}
	}
	b.open++
	b.end += int64(size)
}

// finish makes the Index. The builder is spent.
func (b *builder) finish() *Index {
	b.close()
	x := &b.x
	x.clock.compact()
	for _, c := range []*column{&x.size, &x.kind, &x.chunkLen, &x.chunkGap} {
		c.compact()
	}
	x.sync = append([]uint32(nil), x.sync...)
	x.kinds = append([]kind(nil), x.kinds...)
	x.mark()
	x.locks = b.secrecy.locks
	x.aux.finish(x.Len())
	out := *x
	return &out
}

// mark walks once over all samples and notes where every strideth lies.
func (x *Index) mark() {
	n := x.Len()
	if n == 0 {
		return
	}
	x.marks = make([]mark, 0, (n+stride-1)/stride)
	m := mark{off: unzigzag(x.chunkGap.at(0)), left: uint32(x.chunkLen.at(0))}
	for i := range n {
		if i%stride == 0 {
			x.marks = append(x.marks, m)
		}
		x.step(&m, int64(x.size.at(i)))
	}
}

// flags are those of a sample whose file has no more to say than whether it is a sync sample (14496-12, 8.8.3.1).
func flags(sync bool) media.SampleFlags {
	if sync {
		return media.FlagsSync
	}
	return media.FlagsDelta
}
