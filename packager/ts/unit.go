package ts

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// peekSize is how much of a sample is searched for a delimiter and parameter sets.
const peekSize = 4 << 10

// opening is what a sample of video begins with.
type opening struct {
	delimiter int64  // bytes of its own delimiter with length field, at its start; 0: none
	sets      uint64 // a bit for each type of parameter set before the first slice
}

// open looks at the first units of a sample. What it cannot make sense of is left to those who copy the units.
func (e *elementary) open(head []byte, size int64) (o opening) {
	coding := e.input.Track.Codec.Coding
	for pos := int64(0); pos+int64(e.lengths) < int64(len(head)); {
		n := unitLength(head[pos : pos+int64(e.lengths)])
		next := pos + int64(e.lengths) + n
		if n == 0 {
			pos = next
			continue
		}
		kind := nal.Type(coding, head[pos+int64(e.lengths):])
		switch {
		case nal.IsSlice(coding, kind):
			return o
		case pos == 0 && nal.IsAUD(coding, kind) && next <= size:
			o.delimiter = next
		case nal.IsParameterSet(coding, kind):
			o.sets |= 1 << kind
		}
		pos = next
	}
	return o
}

// unitError says that a unit does not fit into what is left of its sample.
func unitError(length, left int64) error {
	return fmt.Errorf("NAL unit of %d bytes with %d left in the sample (14496-15, 4.3.2): %w", length, left, media.ErrFormat)
}

func tailError(left int64) error {
	return fmt.Errorf("%d bytes after the last NAL unit (14496-15, 4.3.2): %w", left, media.ErrFormat)
}

// countUnits finds by how much samples grow whose length fields are shorter than start codes.
func (e *elementary) countUnits(ctx context.Context) error {
	return packager.Guard(func() error {
		r := payload{e: e}
		index := 0
		for i := range e.input.Runs {
			run := &e.input.Runs[i]
			units := run.Units
			for j := range run.Samples {
				r.at = place{run: i, sample: j, index: index}
				n, err := int64(0), error(nil)
				if run.Units != nil {
					n, units, err = e.known(units, int64(run.Samples[j].Size))
				} else {
					n, err = e.count(ctx, &r, int64(run.Samples[j].Size))
				}
				if err != nil {
					return err
				}
				if err := e.grow(&r.at, n*int64(len(startCode)-e.lengths)); err != nil {
					return err
				}
				index++
			}
		}
		return nil
	})
}

// grow notes by how much the next sample grows.
func (e *elementary) grow(p *place, n int64) error {
	if int64(int32(n)) != n {
		return e.sampleError(p, fmt.Errorf("%d bytes more in MPEG-TS than in its source: %w", n, media.ErrUnsupported))
	}
	e.growth = append(e.growth, int32(n))
	return nil
}

// known counts the units of a sample of the given size in a list, and returns the rest of the list.
func (e *elementary) known(units []media.Unit, size int64) (n int64, rest []media.Unit, err error) {
	for left := size; left > 0; n++ {
		if len(units) == 0 || int64(units[0].Size)+int64(e.lengths) > left {
			return 0, nil, trackError(e.input.Track, "units do not add up to their samples: %w", media.ErrFormat)
		}
		left -= int64(units[0].Size) + int64(e.lengths)
		units = units[1:]
	}
	return n, units, nil
}

// count reads the length fields of a sample.
func (e *elementary) count(ctx context.Context, r *payload, size int64) (n int64, err error) {
	for pos := int64(0); pos < size; n++ {
		length, err := r.unit(ctx, pos, size)
		if err != nil {
			return 0, err
		}
		pos += int64(e.lengths) + length
	}
	return n, nil
}

// unit reads the length field at pos of a sample of the given size.
func (r *payload) unit(ctx context.Context, pos, size int64) (int64, error) {
	width := int64(r.e.lengths)
	if size-pos < width {
		return 0, r.e.sampleError(&r.at, tailError(size-pos))
	}
	field, err := r.peek(ctx, pos, width)
	if err != nil {
		return 0, err
	}
	n := unitLength(field)
	if left := size - pos - width; n > left {
		return 0, r.e.sampleError(&r.at, unitError(n, left))
	}
	return n, nil
}
