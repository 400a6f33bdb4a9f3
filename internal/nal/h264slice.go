package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Types of slices (14496-10, table 7-6), modulo 5.
const (
	h264P = iota
	h264B
	h264I
	h264SP
	h264SI
)

// h264Slice follows slice_header (14496-10, 7.3.3), and for data partitions B and C what precedes slice_data (7.3.2.9).
func (s *Sets) h264Slice(unit []byte) error {
	r := s.slice.begin(unit, 1)
	t := unit[0] & 0x1F
	if t == h264PartitionB || t == h264PartitionC {
		return s.h264Partition(r)
	}
	r.UE() // first_mb_in_slice
	kind := r.UE()
	if kind > 9 {
		return fmt.Errorf("slice_type %d, at most 9 is allowed: %w", kind, media.ErrFormat)
	}
	kind %= 5
	id := r.UE()
	if r.over {
		return nil
	}
	pps, sps, err := s.h264Sets(id)
	if err != nil {
		return err
	}
	if t == h264PartitionA {
		s.slice.partitioned, s.slice.pps = true, id
	}
	sps.order(r, pps, t == H264IDR)
	if pps.redundant {
		r.UE()
	}
	if err := pps.references(r, kind, sps.chroma()); err != nil {
		return err
	}
	if unit[0]&0x60 != 0 { // nal_ref_idc
		marking(r, t == H264IDR)
	}
	pps.rest(r, kind, sps.units)
	return nil
}

func (s *Sets) h264Sets(id uint32) (*h264PPS, *SPS, error) {
	pps, err := s.h264.get(id, "picture")
	if err != nil {
		return nil, nil, err
	}
	sps, err := s.sps.get(pps.sps, "sequence")
	return pps, sps, err
}

// order reads on to the picture order count.
func (s *SPS) order(r *escaped, pps *h264PPS, idr bool) {
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
	case s.orderType == 0:
		r.Skip(s.orderBits)
		if pps.bottomOrder && !field {
			r.UE()
		}
	case s.orderType == 1 && !s.orderZero:
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

// h264Partition reads the head of partitions B and C, which the sets of partition A before them rule.
func (s *Sets) h264Partition(r *escaped) error {
	if !s.slice.partitioned {
		return fmt.Errorf("data partition B or C without A before it: %w", media.ErrFormat)
	}
	pps, sps, err := s.h264Sets(s.slice.pps)
	if err != nil {
		return err
	}
	r.UE() // slice_id
	if sps.planes {
		r.Skip(2)
	}
	if pps.redundant {
		r.UE()
	}
	return nil
}
