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
	if id := r.UE(); id > 15 {
		return fmt.Errorf("sps_seq_parameter_set_id %d, at most 15 is allowed: %w", id, media.ErrFormat)
	}
	chroma := r.UE()
	if chroma > 3 {
		return fmt.Errorf("chroma_format_idc %d, at most 3 is allowed: %w", chroma, media.ErrFormat)
	}
	s.ChromaFormat = uint8(chroma)
	unitX, unitY := s.chromaUnits()
	if chroma == 3 {
		r.Skip(1) // separate_colour_plane_flag: the window is in luma samples either way
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
	return s.hevcTail(r, int(layers))
}

// hevcTail reads on from log2_max_pic_order_cnt_lsb_minus4 to the usability information.
func (s *SPS) hevcTail(r *bits.Reader, layers int) error {
	pocBits := r.UE() + 4
	if pocBits > 16 {
		return fmt.Errorf("log2_max_pic_order_cnt_lsb %d, at most 16 is allowed: %w", pocBits, media.ErrFormat)
	}
	from := layers
	if r.Flag() { // sps_sub_layer_ordering_info_present_flag
		from = 0
	}
	for range layers - from + 1 {
		r.UE()
		r.UE()
		r.UE()
	}
	for range 6 { // sizes of coding and transform blocks
		r.UE()
	}
	if enabled := r.Flag(); enabled && r.Flag() { // sps_scaling_list_data_present_flag
		skipHEVCScalingLists(r)
	}
	r.Skip(2)     // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if r.Flag() { // pcm_enabled_flag
		r.Skip(8)
		r.UE()
		r.UE()
		r.Skip(1)
	}
	if err := skipReferenceSets(r); err != nil {
		return err
	}
	if r.Flag() { // long_term_ref_pics_present_flag
		n := r.UE()
		if n > 32 {
			return fmt.Errorf("%d long-term reference pictures, at most 32 are allowed: %w", n, media.ErrFormat)
		}
		r.Skip(int(n) * (int(pocBits) + 1))
	}
	r.Skip(2) // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
	if err := check(r); err != nil {
		return err
	}
	if r.Flag() {
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

// skipReferenceSets follows st_ref_pic_set (23008-2, 7.3.7): a set may be predicted from the one before, and its length
// then is that of the other, so the number of pictures of each is kept.
func skipReferenceSets(r *bits.Reader) error {
	n := r.UE()
	if n > 64 {
		return fmt.Errorf("%d short-term reference picture sets, at most 64 are allowed: %w", n, media.ErrFormat)
	}
	var before uint32
	for i := range n {
		var pictures uint32
		if i > 0 && r.Flag() { // inter_ref_pic_set_prediction_flag
			r.Skip(1) // delta_rps_sign
			r.UE()    // abs_delta_rps_minus1
			for range before + 1 {
				if used := r.Flag(); used || r.Flag() { // used_by_curr_pic_flag, else use_delta_flag
					pictures++
				}
			}
		} else {
			negative, positive := r.UE(), r.UE()
			if negative > 16 || positive > 16 {
				return fmt.Errorf("a reference picture set of %d and %d, at most 16 are allowed: %w", negative, positive, media.ErrFormat)
			}
			pictures = negative + positive
			for range pictures {
				r.UE()
				r.Skip(1)
			}
		}
		before = min(pictures, 32)
		if r.Over() {
			return check(r)
		}
	}
	return nil
}
