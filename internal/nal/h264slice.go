package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// h264SPS is what slice headers depend on in a sequence parameter set.
type h264SPS struct {
	frameNumBits, pocBits int
	pocType               uint32
	deltaZero             bool // delta_pic_order_always_zero_flag
	framesOnly            bool // frame_mbs_only_flag
	planes                bool // separate_colour_plane_flag
	chroma                bool // ChromaArrayType is not 0
	units                 uint64
}

// h264PPS is what slice headers depend on in a picture parameter set.
type h264PPS struct {
	sps         uint32
	cabac       bool
	bottomOrder bool // bottom_field_pic_order_in_frame_present_flag
	refs        [2]uint32
	weighted    bool
	bipred      uint32
	deblocking  bool
	redundant   bool
	groupRate   uint64 // SliceGroupChangeRate of slice group map types 3 to 5; else 0
}

func (s *Sets) addH264SPS(unit []byte) error {
	r, err := s.payload(unit, 1, maxSPS)
	if err == nil {
		profile := uint8(r.U(8))
		r.Skip(16)
		err = fill(s.sps[:], r.UE(), unit, func(set *h264SPS) error { return set.parse(r, profile) })
	}
	if err != nil {
		return fmt.Errorf("sequence parameter set: %w", err)
	}
	return nil
}

// parse reads on from behind seq_parameter_set_id (14496-10, 7.3.2.1.1).
func (s *h264SPS) parse(r *bits.Reader, profile uint8) error {
	*s = h264SPS{chroma: true}
	if HighProfile(profile) {
		var format SPS
		var err error
		if s.planes, err = format.h264Format(r); err != nil {
			return err
		}
		s.chroma = format.ChromaFormat != 0 && !s.planes
	}
	n := r.UE()
	if n > 12 {
		return fmt.Errorf("log2_max_frame_num %d, at most 16 is allowed: %w", uint64(n)+4, media.ErrFormat)
	}
	s.frameNumBits = int(n) + 4
	switch s.pocType = r.UE(); s.pocType {
	case 0:
		if n = r.UE(); n > 12 {
			return fmt.Errorf("log2_max_pic_order_cnt_lsb %d, at most 16 is allowed: %w", uint64(n)+4, media.ErrFormat)
		}
		s.pocBits = int(n) + 4
	case 1:
		s.deltaZero = r.Flag()
		r.UE()
		r.UE()
		if n = r.UE(); n > 255 {
			return fmt.Errorf("picture order count cycle of %d frames, at most 255 is allowed: %w", n, media.ErrFormat)
		}
		for range n {
			r.UE()
		}
	case 2:
	default:
		return fmt.Errorf("pic_order_cnt_type %d, at most 2 is allowed: %w", s.pocType, media.ErrFormat)
	}
	r.UE()    // max_num_ref_frames
	r.Skip(1) // gaps_in_frame_num_value_allowed_flag
	width, height := r.UE(), r.UE()
	if width >= 1<<12 || height >= 1<<12 {
		return fmt.Errorf("a picture of %d x %d macroblocks: %w", uint64(width)+1, uint64(height)+1, media.ErrFormat)
	}
	s.units = (uint64(width) + 1) * (uint64(height) + 1)
	s.framesOnly = r.Flag()
	return check(r)
}

func (s *Sets) addH264PPS(unit []byte) error {
	r, err := s.payload(unit, 1, maxPPS)
	if err == nil {
		err = fill(s.pps[:], r.UE(), unit, func(set *h264PPS) error { return set.parse(r) })
	}
	if err != nil {
		return fmt.Errorf("picture parameter set: %w", err)
	}
	return nil
}

// parse reads on from behind pic_parameter_set_id (14496-10, 7.3.2.2), no further than slice headers ask.
func (p *h264PPS) parse(r *bits.Reader) error {
	*p = h264PPS{sps: r.UE()}
	if p.sps > 31 {
		return fmt.Errorf("seq_parameter_set_id %d, at most 31 is allowed: %w", p.sps, media.ErrFormat)
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

// Types of slices (14496-10, table 7-6), modulo 5.
const (
	h264P = iota
	h264B
	h264I
	h264SP
	h264SI
)

// h264Slice follows slice_header (14496-10, 7.3.3), and for data partitions B and C what precedes slice_data (7.3.2.9).
func (s *Sets) h264Slice(unit []byte) (int, error) {
	r := escaped{p: unit, at: 1}
	t := unit[0] & 0x1F
	if t == h264PartitionB || t == h264PartitionC {
		return s.h264Partition(&r)
	}
	r.UE() // first_mb_in_slice
	kind := r.UE()
	if kind > 9 {
		return 0, fmt.Errorf("slice_type %d, at most 9 is allowed: %w", kind, media.ErrFormat)
	}
	kind %= 5
	id := r.UE()
	if r.over {
		return 0, pastEnd(unit)
	}
	pps, err := get(s.pps[:], id, "picture parameter set")
	if err != nil {
		return 0, err
	}
	sps, err := get(s.sps[:], pps.sps, "sequence parameter set")
	if err != nil {
		return 0, err
	}
	if t == h264PartitionA {
		s.part = id
	}
	sps.order(&r, pps, t == H264IDR)
	if pps.redundant {
		r.UE()
	}
	if err := pps.references(&r, kind, sps.chroma); err != nil {
		return 0, err
	}
	if unit[0]&0x60 != 0 {
		marking(&r, t == H264IDR)
	}
	pps.rest(&r, kind, sps.units)
	if r.over {
		return 0, pastEnd(unit)
	}
	return r.at, nil
}

// order reads on to the picture order count.
func (s *h264SPS) order(r *escaped, pps *h264PPS, idr bool) {
	if s.planes {
		r.Skip(2)
	}
	r.Skip(s.frameNumBits)
	field := false
	if !s.framesOnly {
		if field = r.Flag(); field {
			r.Skip(1)
		}
	}
	if idr {
		r.UE() // idr_pic_id
	}
	switch {
	case s.pocType == 0:
		r.Skip(s.pocBits)
		if pps.bottomOrder && !field {
			r.UE()
		}
	case s.pocType == 1 && !s.deltaZero:
		r.UE()
		if pps.bottomOrder && !field {
			r.UE()
		}
	}
}

// references reads number, order and weights of reference pictures.
func (p *h264PPS) references(r *escaped, kind uint32, chroma bool) error {
	if kind == h264I || kind == h264SI {
		return nil
	}
	lists, refs := 1, p.refs
	if kind == h264B {
		lists = 2
		r.Skip(1) // direct_spatial_mv_pred_flag
	}
	if r.Flag() { // num_ref_idx_active_override_flag
		for i := range lists {
			if refs[i] = r.UE(); refs[i] > 31 {
				return fmt.Errorf("%d reference pictures, at most 32 are allowed: %w", uint64(refs[i])+1, media.ErrFormat)
			}
		}
	}
	for range lists {
		if err := modification(r); err != nil {
			return err
		}
	}
	if p.weighted && kind != h264B || p.bipred == 1 && kind == h264B {
		weights(r, refs[:lists], chroma)
	}
	return nil
}

// modification follows one list of ref_pic_list_modification (14496-10, 7.3.3.1).
func modification(r *escaped) error {
	if !r.Flag() {
		return nil
	}
	for !r.over {
		switch idc := r.UE(); idc {
		case 0, 1, 2:
			r.UE()
		case 3:
			return nil
		default:
			return fmt.Errorf("modification_of_pic_nums_idc %d, at most 3 is allowed: %w", idc, media.ErrFormat)
		}
	}
	return nil
}

// weights follows pred_weight_table (14496-10, 7.3.3.2); last are the numbers of references in each list, minus 1.
func weights(r *escaped, last []uint32, chroma bool) {
	r.UE() // luma_log2_weight_denom
	if chroma {
		r.UE()
	}
	for _, n := range last {
		for range n + 1 {
			if r.Flag() {
				r.UE()
				r.UE()
			}
			if chroma && r.Flag() {
				for range 4 {
					r.UE()
				}
			}
		}
	}
}

// marking follows dec_ref_pic_marking (14496-10, 7.3.3.3).
func marking(r *escaped, idr bool) {
	if idr {
		r.Skip(2)
		return
	}
	if !r.Flag() {
		return
	}
	for !r.over {
		switch r.UE() { // memory_management_control_operation
		case 0:
			return
		case 1, 2, 4, 6:
			r.UE()
		case 3:
			r.UE()
			r.UE()
		}
	}
}

// rest reads on from cabac_init_idc to the end.
func (p *h264PPS) rest(r *escaped, kind uint32, units uint64) {
	if p.cabac && kind != h264I && kind != h264SI {
		r.UE()
	}
	r.UE() // slice_qp_delta
	if kind == h264SP {
		r.Skip(1)
	}
	if kind == h264SP || kind == h264SI {
		r.UE()
	}
	if p.deblocking && r.UE() != 1 { // disable_deblocking_filter_idc
		r.UE()
		r.UE()
	}
	if p.groupRate > 0 {
		n := 0 // Ceil(Log2(PicSizeInMapUnits ÷ SliceGroupChangeRate + 1)), the division exact
		for (1<<n-1)*p.groupRate < units {
			n++
		}
		r.Skip(n)
	}
}

// h264Partition reads the head of partitions B and C, which is written by the sets of partition A before them.
func (s *Sets) h264Partition(r *escaped) (int, error) {
	pps, err := get(s.pps[:], s.part, "picture parameter set")
	if err != nil {
		return 0, err
	}
	sps, err := get(s.sps[:], pps.sps, "sequence parameter set")
	if err != nil {
		return 0, err
	}
	r.UE() // slice_id
	if sps.planes {
		r.Skip(2)
	}
	if pps.redundant {
		r.UE()
	}
	if r.over {
		return 0, pastEnd(r.p)
	}
	return r.at, nil
}

func pastEnd(unit []byte) error {
	return fmt.Errorf("it runs past its NAL unit of %d bytes: %w", len(unit), media.ErrFormat)
}
