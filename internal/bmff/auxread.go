package bmff

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// entries are the subsamples in the auxiliary information p of a sample, 6 bytes each (23001-7, 7.1); none where p is the IV
// alone. They must add up to the size of the sample.
func entries(c *media.Crypt, p []byte, size uint64) ([]byte, error) {
	switch {
	case c == nil:
		return nil, nil // nobody needs it
	case len(p) < c.IVSize:
		return nil, fmt.Errorf("%d bytes of auxiliary information do not hold an IV of %d (23001-7, 7.1): %w", len(p), c.IVSize, media.ErrFormat)
	case len(p) == c.IVSize:
		return nil, nil
	case len(p) < c.IVSize+2 || len(p) != c.IVSize+2+6*int(binary.BigEndian.Uint16(p[c.IVSize:])):
		return nil, fmt.Errorf("%d bytes of auxiliary information are no IV of %d and subsamples (23001-7, 7.1): %w", len(p), c.IVSize, media.ErrFormat)
	}
	list := p[c.IVSize+2:]
	sum := uint64(0)
	for e := list; len(e) >= 6; e = e[6:] {
		sum += uint64(binary.BigEndian.Uint16(e)) + uint64(binary.BigEndian.Uint32(e[2:]))
	}
	if len(list) > 0 && sum != size {
		return nil, fmt.Errorf("subsamples of %d bytes in a sample of %d (23001-7, 9.5): %w", sum, size, media.ErrFormat)
	}
	return list, nil
}

// Aux reads the auxiliary information of samples [from, from+len(samples)), which Append gave; of those that are clear it is
// zero. Errors match media.ErrFormat where it cannot be that of the samples. It takes one read for each fragment, and two
// allocations beyond what is returned.
func (x *Index) Aux(ctx context.Context, obj media.Object, from int, samples []media.Sample) ([]media.Aux, error) {
	var b AuxBuffer
	return b.Read(ctx, x, obj, from, samples)
}

// AuxBuffer is memory for auxiliary information that is used again and again. The zero value has none yet.
type AuxBuffer struct {
	aux  []media.Aux
	subs []media.Subsample
	data []byte
}

// Read is Aux; what it returns is good until the next call.
func (b *AuxBuffer) Read(ctx context.Context, x *Index, obj media.Object, from int, samples []media.Sample) ([]media.Aux, error) {
	b.aux = grown(b.aux, len(samples))
	out := b.aux
	clear(out)
	data, err := b.read(ctx, x, obj, from, from+len(samples))
	if err != nil {
		return nil, err
	}
	var room int
	for i := range samples {
		room += max(0, x.auxSize(from+i)-2) / 6
	}
	b.subs = grown(b.subs, room)
	subs := b.subs[:0]
	var c *media.Crypt
	for i, next := 0, 0; i < len(samples); i++ {
		if i >= next {
			c, next = x.Crypt(from + i)
			next -= from
		}
		size := x.auxSize(from + i)
		p := data[:size]
		data = data[size:]
		list, err := entries(c, p, uint64(samples[i].Size))
		if err != nil {
			return nil, &media.FormatError{Path: "auxiliary information", Offset: -1, Err: fmt.Errorf("sample %d: %w", from+i+1, err)}
		}
		switch {
		case c == nil:
			continue
		case c.IVSize == 0:
			copy(out[i].IV[:], c.ConstantIV)
		default:
			copy(out[i].IV[:], p[:c.IVSize])
		}
		first := len(subs)
		for ; len(list) >= 6; list = list[6:] {
			subs = append(subs, media.Subsample{Clear: uint32(binary.BigEndian.Uint16(list)), Protected: binary.BigEndian.Uint32(list[2:])})
		}
		if len(subs) > first {
			out[i].Subsamples = subs[first:len(subs):len(subs)]
		}
	}
	return out, nil
}

func (x *Index) auxSize(i int) int {
	if i >= x.aux.size.n {
		return 0
	}
	return int(x.aux.size.at(i))
}

// grown is s with n elements, whatever they are.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// read is the bytes of the auxiliary information of samples [from, to), one after the other.
func (b *AuxBuffer) read(ctx context.Context, x *Index, obj media.Object, from, to int) ([]byte, error) {
	total := 0
	for i := from; i < to; i++ {
		total += x.auxSize(i)
	}
	b.data = grown(b.data, total)
	data := b.data
	for i, at := from, 0; at < total; {
		off, next := x.aux.at(i)
		n := 0
		for ; i < min(next, to); i++ {
			n += x.auxSize(i)
		}
		if n == 0 {
			continue
		}
		if err := obj.ReadAt(ctx, data[at:at+n], off); err != nil {
			return nil, err
		}
		at += n
	}
	return data, nil
}
