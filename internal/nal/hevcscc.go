package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// screenContent reads on from behind the head of the usability information to the screen content extension, the only one
// that changes slice headers, where the profile allows it: what other profiles have there is for no decoder to read
// (23008-2, 7.4.3.2.1).
func (s *SPS) screenContent(r *bits.Reader, payload []byte, layers int) error {
	if profile := payload[1] & 0x1F; profile >= 1 && profile <= 8 {
		return nil
	}
	if s.hasVUI {
		if err := skipHEVCVUI(r, layers); err != nil {
			return err
		}
	}
	if !r.Flag() { // sps_extension_present_flag
		return nil
	}
	rangeExt, multilayer, depth, screen := r.Flag(), r.Flag(), r.Flag(), r.Flag()
	r.Skip(4)
	if r.Over() || !screen {
		return nil
	}
	if rangeExt {
		r.Skip(9)
	}
	if multilayer {
		r.Skip(1)
	}
	if depth {
		skipDepthExtension(r)
	}
	r.Skip(1)     // sps_curr_pic_ref_enabled_flag: that of the PPS says it again
	if r.Flag() { // palette_mode_enabled_flag
		r.UE()
		r.UE()
		if r.Flag() { // sps_palette_predictor_initializers_present_flag
			n := int64(r.UE()) + 1
			size := n * int64(s.BitDepthLuma)
			if s.ChromaFormat != 0 {
				size += 2 * n * int64(s.BitDepthChroma)
			}
			if size > int64(r.Left()) {
				return fmt.Errorf("a palette of %d in %d bits: %w", n, r.Left(), media.ErrFormat)
			}
			r.Skip(int(size))
		}
	}
	s.integerMV = r.U(2) == 2 // motion_vector_resolution_control_idc
	return check(r)
}

// skipDepthExtension follows sps_3d_extension (23008-2, I.7.3.2.2.5).
func skipDepthExtension(r *bits.Reader) {
	r.Skip(2)
	r.UE()
	r.Skip(4)
	r.Skip(3) // those of depth layers
	r.UE()
	r.Skip(5)
}

// skipHEVCVUI follows vui_parameters (23008-2, E.2.1) from chroma_loc_info_present_flag on.
func skipHEVCVUI(r *bits.Reader, layers int) error {
	if r.Flag() {
		r.UE()
		r.UE()
	}
	r.Skip(3)
	if r.Flag() { // default_display_window_flag
		for range 4 {
			r.UE()
		}
	}
	if r.Flag() { // vui_timing_info_present_flag
		r.Skip(64)
		if r.Flag() {
			r.UE()
		}
		if r.Flag() {
			if err := skipHRD(r, layers); err != nil {
				return err
			}
		}
	}
	if r.Flag() { // bitstream_restriction_flag
		r.Skip(3)
		for range 5 {
			r.UE()
		}
	}
	return nil
}

// skipHRD follows hrd_parameters with common information (23008-2, E.2.2).
func skipHRD(r *bits.Reader, layers int) error {
	nalHRD, vclHRD, subPictures := r.Flag(), r.Flag(), false
	if nalHRD || vclHRD {
		if subPictures = r.Flag(); subPictures {
			r.Skip(8 + 5 + 1 + 5)
		}
		r.Skip(8)
		if subPictures {
			r.Skip(4)
		}
		r.Skip(15)
	}
	for range layers + 1 {
		fixed, lowDelay, buffers := r.Flag(), false, uint32(0)
		if !fixed {
			fixed = r.Flag() // fixed_pic_rate_within_cvs_flag
		}
		if fixed {
			r.UE()
		} else {
			lowDelay = r.Flag()
		}
		if !lowDelay {
			if buffers = r.UE(); buffers > 31 {
				return fmt.Errorf("%d coded picture buffers, at most 32 are allowed: %w", uint64(buffers)+1, media.ErrFormat)
			}
		}
		for _, present := range [2]bool{nalHRD, vclHRD} {
			if !present {
				continue
			}
			for range buffers + 1 {
				r.UE()
				r.UE()
				if subPictures {
					r.UE()
					r.UE()
				}
				r.Skip(1)
			}
		}
	}
	return nil
}
