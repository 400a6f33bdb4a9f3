package nal

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// hevc reads seq_parameter_set_rbsp (23008-2, 7.3.2.2) of the base layer.
func (s *SPS) hevc(p []byte) error {
	r := bits.NewReader(p)
	r.Skip(4) // sps_video_parameter_set_id
	layers := r.U(3)
	if layers > 6 {
		return fmt.Errorf("%d temporal layers, at most 7 are allowed: %w", layers+1, media.ErrFormat)
	}
	s.TemporalLayers, s.TemporalNested = uint8(layers+1), r.Flag()
	if len(p) >= 13 {
		s.ProfileTierLevel = bytes.Clone(p[1:13])
	}
	skipProfileTierLevel(r, int(layers))
	if s.id = r.UE(); s.id > 15 {
		return fmt.Errorf("sps_seq_parameter_set_id %d, at most 15 is allowed: %w", s.id, media.ErrFormat)
	}
	chroma := r.UE()
	if chroma > 3 {
		return fmt.Errorf("chroma_format_idc %d, at most 3 is allowed: %w", chroma, media.ErrFormat)
	}
	s.ChromaFormat = uint8(chroma)
	unitX, unitY := s.chromaUnits()
	if chroma == 3 {
		s.planes = r.Flag() // the window is in luma samples either way
	}
	width, height := uint64(r.UE()), uint64(r.UE())
	var left, right, top, bottom uint32
	if r.Flag() {
		left, right, top, bottom = r.UE(), r.UE(), r.UE(), r.UE()
	}
	luma, chromaDepth := r.UE(), r.UE()
	if luma > 8 || chromaDepth > 8 {
		return fmt.Errorf("%d bits a sample, at most 16 are allowed: %w", 8+max(luma, chromaDepth), media.ErrFormat)
	}
	s.BitDepthLuma, s.BitDepthChroma = uint8(8+luma), uint8(8+chromaDepth)
	if err := check(r); err != nil {
		return err
	}
	if err := s.crop(width, height, left, right, top, bottom, unitX, unitY); err != nil {
		return err
	}
	if err := s.hevcTail(r, int(layers), width, height); err != nil {
		return err
	}
	return s.screenContent(r, p, int(layers))
}

// hevcTail reads on from log2_max_pic_order_cnt_lsb_minus4 to the usability information.
func (s *SPS) hevcTail(r *bits.Reader, layers int, width, height uint64) error {
	pocBits := r.UE()
	if pocBits > 12 {
		return fmt.Errorf("log2_max_pic_order_cnt_lsb %d, at most 16 is allowed: %w", uint64(pocBits)+4, media.ErrFormat)
	}
	s.orderBits = int(pocBits) + 4
	from := layers
	if r.Flag() { // sps_sub_layer_ordering_info_present_flag
		from = 0
	}
	for range layers - from + 1 {
		r.UE()
		r.UE()
		r.UE()
	}
	block, grow := r.UE(), r.UE() // log2_min_luma_coding_block_size_minus3, log2_diff_max_min_luma_coding_block_size
	if block > 3 || grow > 3 || block+grow > 3 {
		return fmt.Errorf("coding blocks of 2^%d growing by 2^%d, at most 2^6 is allowed: %w", uint64(block)+3, grow, media.ErrFormat)
	}
	tree := uint64(8) << (block + grow) // CtbSizeY
	s.units = ((width + tree - 1) / tree) * ((height + tree - 1) / tree)
	for range 4 { // sizes and depths of transform blocks
		r.UE()
	}
	if enabled := r.Flag(); enabled && r.Flag() { // sps_scaling_list_data_present_flag
		skipHEVCScalingLists(r)
	}
	r.Skip(1) // amp_enabled_flag
	s.offsets = r.Flag()
	if r.Flag() { // pcm_enabled_flag
		r.Skip(8)
		r.UE()
		r.UE()
		r.Skip(1)
	}
	if err := s.referenceSets(r); err != nil {
		return err
	}
	if s.longTerm = r.Flag(); s.longTerm { // long_term_ref_pics_present_flag
		n := r.UE()
		if n > 32 {
			return fmt.Errorf("%d long-term reference pictures, at most 32 are allowed: %w", n, media.ErrFormat)
		}
		s.longTerms = int(n)
		for i := range s.longTerms {
			r.Skip(s.orderBits)
			s.longTermUsed |= r.U(1) << i
		}
	}
	s.temporalMVP = r.Flag()
	r.Skip(1) // strong_intra_smoothing_enabled_flag
	if err := check(r); err != nil {
		return err
	}
	if s.hasVUI = r.Flag(); s.hasVUI {
		s.vui(r)
	}
	return nil
}

// skipProfileTierLevel follows 23008-2, 7.3.3.
func skipProfileTierLevel(r *bits.Reader, layers int) {
	r.Skip(96) // general profile, constraints and level
	if layers == 0 {
		return
	}
	flags := r.U(16) // two bits for each of eight layers: profile and level present
	for i := range layers {
		if flags>>(15-2*i)&1 == 1 {
			r.Skip(88)
		}
		if flags>>(14-2*i)&1 == 1 {
			r.Skip(8)
		}
	}
}

// skipHEVCScalingLists follows 23008-2, 7.3.4.
func skipHEVCScalingLists(r *bits.Reader) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6; matrix += step {
			if !r.Flag() { // scaling_list_pred_mode_flag
				r.UE()
				continue
			}
			if size > 1 {
				r.SE()
			}
			for range min(64, 1<<(4+2*size)) {
				r.SE()
			}
		}
	}
}
