package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// h264PPS is what slice headers depend on in a picture parameter set.
type h264PPS struct {
	id, sps     uint32
	cabac       bool
	bottomOrder bool // bottom_field_pic_order_in_frame_present_flag
	refs        [2]uint32
	weighted    bool
	bipred      uint32
	deblocking  bool
	redundant   bool
	groupRate   uint64 // SliceGroupChangeRate of slice group map types 3 to 5; else 0
}

// parse follows pic_parameter_set_rbsp (14496-10, 7.3.2.2), no further than slice headers ask.
func (p *h264PPS) parse(r *bits.Reader) error {
	*p = h264PPS{id: r.UE(), sps: r.UE()}
	if p.id > 255 || p.sps > 31 {
		return fmt.Errorf("ids %d and %d, at most 255 and 31 are allowed: %w", p.id, p.sps, media.ErrFormat)
	}
	p.cabac, p.bottomOrder = r.Flag(), r.Flag()
	if groups := r.UE(); groups > 7 {
		return fmt.Errorf("%d slice groups, at most 8 are allowed: %w", uint64(groups)+1, media.ErrFormat)
	} else if groups > 0 {
		if err := p.sliceGroups(r, int(groups)); err != nil {
			return err
		}
	}
	p.refs = [2]uint32{r.UE(), r.UE()}
	if p.refs[0] > 31 || p.refs[1] > 31 {
		return fmt.Errorf("num_ref_idx_default_active of %d, at most 31 is allowed: %w", max(p.refs[0], p.refs[1]), media.ErrFormat)
	}
	p.weighted, p.bipred = r.Flag(), r.U(2)
	r.UE() // pic_init_qp_minus26
	r.UE() // pic_init_qs_minus26
	r.UE() // chroma_qp_index_offset
	p.deblocking = r.Flag()
	r.Skip(1) // constrained_intra_pred_flag
	p.redundant = r.Flag()
	return check(r)
}

// sliceGroups passes over the map of groups, of which there are last+1.
func (p *h264PPS) sliceGroups(r *bits.Reader, last int) error {
	switch t := r.UE(); t {
	case 0:
		for range last + 1 {
			r.UE()
		}
	case 1:
	case 2:
		for range 2 * last {
			r.UE()
		}
	case 3, 4, 5:
		r.Skip(1) // slice_group_change_direction_flag
		p.groupRate = uint64(r.UE()) + 1
	case 6:
		n, width := int64(r.UE())+1, 1 // Ceil(Log2(groups))
		for 1<<width < last+1 {
			width++
		}
		if n*int64(width) > int64(r.Left()) {
			return fmt.Errorf("slice groups of %d units in %d bits: %w", n, r.Left(), media.ErrFormat)
		}
		r.Skip(int(n) * width)
	default:
		return fmt.Errorf("slice_group_map_type %d, at most 6 is allowed: %w", t, media.ErrFormat)
	}
	return nil
}
