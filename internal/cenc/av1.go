package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Types of open bitstream units (AV1, 6.2.2).
const (
	obuSequence  = 1
	obuHeader    = 3
	obuTiles     = 4
	obuFrame     = 6
	obuRedundant = 7
	obuTileList  = 8
)

// av1 finds the tiles in the samples of an AV1 track, given in decode order. The header of a frame is read whole, since
// its size says where the tiles begin, and it depends on the frames that it refers to.
type av1 struct {
	seq   av1Sequence
	refs  [8]av1Ref
	frame av1Frame
	// open says that tiles of frame, from next on, are still to come.
	open bool
	next int
}

// reset takes the sequence header from an AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3), where there is one.
func (a *av1) reset(conf []byte) error {
	*a = av1{}
	if len(conf) < 4 {
		return nil
	}
	for p := conf[4:]; len(p) > 0; {
		o, err := nextOBU(p)
		if err != nil {
			return fmt.Errorf("av1C: %w", err)
		}
		if o.kind == obuSequence {
			if err := a.seq.parse(p[o.head:o.size]); err != nil {
				return fmt.Errorf("av1C: %w", err)
			}
		}
		p = p[o.size:]
	}
	return nil
}

// obu is the place of a unit: its header with its size field, and all of it, bytes.
type obu struct {
	kind              uint8
	temporal, spatial uint8
	head, size        int
}

// nextOBU reads the head of a unit (AV1, 5.3). One without a size reaches to the end.
func nextOBU(p []byte) (obu, error) {
	o := obu{kind: p[0] >> 3 & 0xF, head: 1, size: len(p)}
	if p[0]&0x80 != 0 {
		return o, fmt.Errorf("OBU header %#02x, obu_forbidden_bit must be 0 (AV1, 6.2.2): %w", p[0], media.ErrFormat)
	}
	if p[0]&4 != 0 { // obu_extension_flag
		if len(p) < 2 {
			return o, fmt.Errorf("OBU that ends in its header: %w", media.ErrFormat)
		}
		o.temporal, o.spatial, o.head = p[1]>>5, p[1]>>3&3, 2
	}
	if p[0]&2 == 0 { // obu_has_size_field
		return o, nil
	}
	n, size := uint64(0), 0
	for i, b := range p[o.head:min(len(p), o.head+8)] {
		n |= uint64(b&0x7F) << (7 * i)
		if b&0x80 == 0 {
			size = i + 1
			break
		}
	}
	if o.head += size; size == 0 || n > uint64(len(p)-o.head) {
		return o, fmt.Errorf("OBU of type %d and %d bytes with %d left: %w", o.kind, n, len(p)-o.head, media.ErrFormat)
	}
	o.size = o.head + int(n)
	return o, nil
}

// tiles protects each decode_tile of a sample (AV1 in ISOBMFF, 4.1); all else is clear.
func (a *av1) tiles(w *writer, sample []byte) error {
	for at := 0; at < len(sample); {
		o, err := nextOBU(sample[at:])
		if err == nil {
			err = a.obu(w, sample[:at+o.size], at+o.head, o)
		}
		if err != nil {
			return fmt.Errorf("OBU at byte %d of the sample: %w", at, err)
		}
		at += o.size
	}
	if a.open {
		return fmt.Errorf("the last frame of the sample has tiles up to %d of %d: %w", a.next, a.frame.tiles(), media.ErrFormat)
	}
	return nil
}

// obu reads the unit that ends with p and whose payload begins at from.
func (a *av1) obu(w *writer, p []byte, from int, o obu) error {
	switch o.kind {
	case obuSequence:
		return a.seq.parse(p[from:])
	case obuHeader:
		if a.open {
			return nil // a copy
		}
		_, err := a.header(p[from:], o)
		return err
	case obuFrame:
		if a.open {
			return fmt.Errorf("a frame while one has tiles up to %d of %d: %w", a.next, a.frame.tiles(), media.ErrFormat)
		}
		size, err := a.header(p[from:], o)
		if err != nil {
			return err
		}
		if !a.open {
			return fmt.Errorf("show_existing_frame in a frame OBU (AV1, 6.10): %w", media.ErrFormat)
		}
		return a.tileGroup(w, p, from+size)
	case obuTiles:
		if !a.open {
			return fmt.Errorf("a tile group without a frame header before it: %w", media.ErrFormat)
		}
		return a.tileGroup(w, p, from)
	case obuTileList:
		return fmt.Errorf("a tile list, which ISO media cannot carry: %w", media.ErrUnsupported)
	}
	return nil
}

// header reads frame_header_obu and returns its size with the bits that align it, bytes.
func (a *av1) header(p []byte, o obu) (int, error) {
	if !a.seq.known {
		return 0, fmt.Errorf("a frame without a sequence header before it: %w", media.ErrFormat)
	}
	h := av1Reader{Reader: *bits.NewReader(p), seq: &a.seq, refs: &a.refs, frame: &a.frame, temporal: o.temporal, spatial: o.spatial}
	if err := h.header(); err != nil {
		return 0, fmt.Errorf("frame header: %w", err)
	}
	if h.Over() {
		return 0, fmt.Errorf("frame header: it runs past its OBU of %d bytes: %w", len(p), media.ErrFormat)
	}
	a.refresh()
	a.open, a.next = !a.frame.existing, 0
	return (h.Pos() + 7) / 8, nil
}

// refresh keeps the frame where later ones refer to it (AV1, 7.20).
func (a *av1) refresh() {
	for i := range a.refs {
		if a.frame.refresh>>i&1 == 1 {
			a.refs[i] = a.frame.av1Ref
		}
	}
}

// tileGroup protects the tiles of tile_group_obu (AV1, 5.11.1) at p[from:].
func (a *av1) tileGroup(w *writer, p []byte, from int) error {
	f := &a.frame
	r := bits.NewReader(p[from:])
	first, last := 0, f.tiles()-1
	if last > 0 && r.Flag() { // tile_start_and_end_present_flag
		n := f.columnsLog + f.rowsLog
		first, last = int(r.U(n)), int(r.U(n))
	}
	if r.Over() || first != a.next || last < first || last >= f.tiles() {
		return fmt.Errorf("tiles %d to %d where %d to %d are due: %w", first, last, a.next, f.tiles()-1, media.ErrFormat)
	}
	from += (r.Pos() + 7) / 8
	for tile := first; tile <= last; tile++ {
		size := len(p) - from
		if tile < last {
			if size < f.sizeBytes {
				return fmt.Errorf("tile %d runs past its OBU: %w", tile, media.ErrFormat)
			}
			size = 1 // tile_size_minus_1, little endian
			for i, b := range p[from : from+f.sizeBytes] {
				size += int(b) << (8 * i)
			}
			from += f.sizeBytes
		}
		if size <= 0 || size > len(p)-from {
			return fmt.Errorf("tile %d of %d bytes with %d left: %w", tile, size, len(p)-from, media.ErrFormat)
		}
		w.protect(from, from+size)
		from += size
	}
	a.next = last + 1
	a.open = a.next < f.tiles()
	return nil
}
