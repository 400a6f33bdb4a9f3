package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// vp9 finds the frames in the samples of a VP9 track, given in decode order, and where their uncompressed headers end.
// Such a header depends on the sizes of the frames that it refers to.
type vp9 struct {
	refs [8]vp9Size
}

// vp9Size is that of a frame; zero: none was sent.
type vp9Size struct{ width, height int }

const vp9Sync = 0x498342 // frame_sync_code

// frames protects what follows the uncompressed header of each frame of a sample, compressed header and tiles. Clear is the
// index of a superframe. Bytes that no frame owns are refused unless they are zeros: decoders may find frames in them.
func (v *vp9) frames(w *writer, sample []byte) error {
	sizes, index, width := sample, 0, 0
	if n := len(sample); n > 0 && sample[n-1]&0xE0 == 0xC0 { // superframe_header (VP9, Annex B)
		count := int(sample[n-1]&7) + 1
		width = int(sample[n-1]>>3&3) + 1
		if size := 2 + count*width; size <= n && sample[n-size] == sample[n-1] {
			index, sizes = size, sample[n-size+1:n-1]
		}
	}
	if index == 0 {
		return v.frame(w, sample, 0)
	}
	from, end := 0, len(sample)-index
	for ; len(sizes) > 0; sizes = sizes[width:] {
		size := 0
		for i, b := range sizes[:width] {
			size |= int(b) << (8 * i)
		}
		if size > end-from {
			return fmt.Errorf("a superframe's frame of %d bytes with %d left: %w", size, end-from, media.ErrFormat)
		}
		if size > 0 {
			if err := v.frame(w, sample[:from+size], from); err != nil {
				return err
			}
		}
		from += size
	}
	return unowned(sample[from:end], from)
}

// unowned refuses bytes, which are at from of the sample, in which something could be.
func unowned(p []byte, from int) error {
	for i, b := range p {
		if b != 0 {
			return fmt.Errorf("%d bytes at byte %d of the sample belong to no frame: %w", len(p)-i, from+i, media.ErrFormat)
		}
	}
	return nil
}

// frame protects the frame p[from:].
func (v *vp9) frame(w *writer, p []byte, from int) error {
	h := vp9Reader{Reader: *bits.NewReader(p[from:]), refs: &v.refs}
	err := h.header()
	if err == nil && h.Over() {
		err = fmt.Errorf("it runs past its frame: %w", media.ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("frame of %d bytes at byte %d of the sample: uncompressed header: %w", len(p)-from, from, err)
	}
	if h.existing {
		size := (h.Pos() + 7) / 8 // a header and nothing else
		return unowned(p[from+size:], from+size)
	}
	for i := range v.refs {
		if h.refresh>>i&1 == 1 {
			v.refs[i] = h.size
		}
	}
	w.protect(from+(h.Pos()+7)/8, len(p))
	return nil
}

// vp9Reader reads one uncompressed header (VP9, 6.2).
type vp9Reader struct {
	bits.Reader
	refs      *[8]vp9Size
	profile   uint32
	existing  bool
	resilient bool
	refresh   uint32
	size      vp9Size
}

func (r *vp9Reader) header() error {
	if marker := r.U(2); marker != 2 {
		return fmt.Errorf("frame_marker %d, not 2: %w", marker, media.ErrFormat)
	}
	if r.profile = r.U(1) | r.U(1)<<1; r.profile == 3 {
		r.Skip(1)
	}
	if r.existing = r.Flag(); r.existing {
		r.Skip(3)
		return nil
	}
	inter, shown := r.Flag(), r.Flag()
	r.resilient = r.Flag()
	var err error
	if inter {
		err = r.dependent(shown)
	} else {
		r.refresh = 0xFF
		err = r.independent()
	}
	if err != nil {
		return err
	}
	if !r.resilient {
		r.Skip(2) // refresh_frame_context, frame_parallel_decoding_mode
	}
	r.Skip(2) // frame_context_idx
	r.coding()
	r.tiles()
	if size := r.U(16); int(size) > r.Left()/8 || size == 0 { // header_size_in_bytes
		return fmt.Errorf("compressed header of %d bytes with %d left: %w", size, r.Left()/8, media.ErrFormat)
	}
	return nil
}

// independent reads what a key frame says of itself.
func (r *vp9Reader) independent() error {
	err := r.sync()
	r.color()
	r.frameSize()
	r.renderSize()
	return err
}

// dependent reads on in a frame that is no key frame.
func (r *vp9Reader) dependent(shown bool) error {
	intra := !shown && r.Flag()
	if !r.resilient {
		r.Skip(2) // reset_frame_context
	}
	if intra {
		return r.intraOnly()
	}
	r.refresh = r.U(8)
	var idx [3]uint32
	for i := range idx {
		idx[i] = r.U(3)
		r.Skip(1)
	}
	found := false
	for i := 0; i < len(idx) && !found; i++ {
		if found = r.Flag(); found { // found_ref
			r.size = r.refs[idx[i]]
		}
	}
	if !found {
		r.frameSize()
	}
	if r.size.width == 0 {
		return fmt.Errorf("it has the size of a frame that was not sent: %w", media.ErrFormat)
	}
	r.renderSize()
	r.Skip(1)      // allow_high_precision_mv
	if !r.Flag() { // is_filter_switchable
		r.Skip(2)
	}
	return nil
}

func (r *vp9Reader) intraOnly() error {
	err := r.sync()
	if r.profile > 0 {
		r.color()
	}
	r.refresh = r.U(8)
	r.frameSize()
	r.renderSize()
	return err
}

func (r *vp9Reader) sync() error {
	if code := r.U(24); code != vp9Sync {
		return fmt.Errorf("frame_sync_code %06x, not %06x: %w", code, vp9Sync, media.ErrFormat)
	}
	return nil
}

// color follows color_config (VP9, 6.2.2).
func (r *vp9Reader) color() {
	if r.profile >= 2 {
		r.Skip(1) // ten_or_twelve_bit
	}
	odd := r.profile&1 == 1
	if r.U(3) != 7 { // color_space is not RGB
		r.Skip(1)
		if odd {
			r.Skip(2)
		}
	}
	if odd {
		r.Skip(1) // reserved_zero
	}
}

func (r *vp9Reader) frameSize() {
	r.size = vp9Size{int(r.U(16)) + 1, int(r.U(16)) + 1}
}

func (r *vp9Reader) renderSize() {
	if r.Flag() {
		r.Skip(32)
	}
}

// coding reads loop filter, quantizers and segmentation (VP9, 6.2.8 to 6.2.11).
func (r *vp9Reader) coding() {
	r.Skip(6 + 3)
	if enabled := r.Flag(); enabled && r.Flag() { // loop_filter_delta_enabled, loop_filter_delta_update
		r.optional(4+2, 7)
	}
	r.Skip(8) // base_q_idx
	r.optional(3, 5)
	if !r.Flag() { // segmentation_enabled
		return
	}
	if r.Flag() { // segmentation_update_map
		r.optional(7, 8)
		if r.Flag() { // segmentation_temporal_update
			r.optional(3, 8)
		}
	}
	if r.Flag() { // segmentation_update_data
		r.Skip(1)
		for range 8 {
			for _, width := range [...]int{9, 7, 2, 0} { // with signs
				r.optional(1, width)
			}
		}
	}
}

// optional passes over n fields of a width, each after a flag that says whether it is there.
func (r *vp9Reader) optional(n, width int) {
	for range n {
		if r.Flag() {
			r.Skip(width)
		}
	}
}

// tiles follows tile_info (VP9, 6.2.13).
func (r *vp9Reader) tiles() {
	blocks := (r.size.width + 63) / 64
	least, most := 0, 1
	for 64<<least < blocks {
		least++
	}
	for blocks>>most >= 4 {
		most++
	}
	for n := least; n < most-1 && r.Flag(); n++ { // increment_tile_cols_log2
	}
	if r.Flag() { // tile_rows_log2
		r.Skip(1)
	}
}
