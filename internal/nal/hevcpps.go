package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// hevcPPS is what slice headers depend on in a picture parameter set.
type hevcPPS struct {
	id, sps           uint32
	dependent         bool // dependent_slice_segments_enabled_flag
	output            bool // output_flag_present_flag
	extraBits         int  // num_extra_slice_header_bits
	cabacInit         bool
	refs              [2]uint32 // num_ref_idx_default_active_minus1
	chromaQP          bool      // pps_slice_chroma_qp_offsets_present_flag
	weighted          [2]bool   // weighted_pred_flag, weighted_bipred_flag
	entryPoints       bool      // tiles or wavefronts
	loopAcross        bool      // pps_loop_filter_across_slices_enabled_flag
	deblockOverride   bool
	deblockOff        bool
	listsModification bool
	extension         bool // slice_segment_header_extension_present_flag
	chromaQPList      bool // chroma_qp_offset_list_enabled_flag
	currentRef        bool // pps_curr_pic_ref_enabled_flag
	actQP             bool // pps_slice_act_qp_offsets_present_flag
}

// parse follows pic_parameter_set_rbsp (23008-2, 7.3.2.3.1).
func (p *hevcPPS) parse(r *bits.Reader) error {
	*p = hevcPPS{id: r.UE(), sps: r.UE()}
	if p.id > 63 || p.sps > 15 {
		return fmt.Errorf("ids %d and %d, at most 63 and 15 are allowed: %w", p.id, p.sps, media.ErrFormat)
	}
	p.dependent, p.output, p.extraBits = r.Flag(), r.Flag(), int(r.U(3))
	r.Skip(1) // sign_data_hiding_enabled_flag
	p.cabacInit = r.Flag()
	p.refs = [2]uint32{r.UE(), r.UE()}
	if p.refs[0] > 14 || p.refs[1] > 14 {
		return fmt.Errorf("num_ref_idx_default_active of %d, at most 15 is allowed: %w", uint64(max(p.refs[0], p.refs[1]))+1, media.ErrFormat)
	}
	r.UE()    // init_qp_minus26
	r.Skip(1) // constrained_intra_pred_flag
	transformSkip := r.Flag()
	if r.Flag() { // cu_qp_delta_enabled_flag
		r.UE()
	}
	r.UE() // pps_cb_qp_offset
	r.UE() // pps_cr_qp_offset
	p.chromaQP = r.Flag()
	p.weighted = [2]bool{r.Flag(), r.Flag()}
	r.Skip(1) // transquant_bypass_enabled_flag
	if err := p.tiles(r); err != nil {
		return err
	}
	p.loopAcross = r.Flag()
	if r.Flag() { // deblocking_filter_control_present_flag
		p.deblockOverride, p.deblockOff = r.Flag(), r.Flag()
		if !p.deblockOff {
			r.UE()
			r.UE()
		}
	}
	if r.Flag() { // pps_scaling_list_data_present_flag
		skipHEVCScalingLists(r)
	}
	p.listsModification = r.Flag()
	r.UE() // log2_parallel_merge_level_minus2
	p.extension = r.Flag()
	if r.Flag() { // pps_extension_present_flag
		if err := p.extensions(r, transformSkip); err != nil {
			return err
		}
	}
	return check(r)
}

func (p *hevcPPS) tiles(r *bits.Reader) error {
	tiles, wavefronts := r.Flag(), r.Flag()
	p.entryPoints = tiles || wavefronts
	if !tiles {
		return nil
	}
	columns, rows := r.UE(), r.UE()
	if columns > 1<<10 || rows > 1<<10 {
		return fmt.Errorf("%d x %d tiles: %w", uint64(columns)+1, uint64(rows)+1, media.ErrFormat)
	}
	if !r.Flag() { // uniform_spacing_flag
		for range columns + rows {
			r.UE()
		}
	}
	r.Skip(1) // loop_filter_across_tiles_enabled_flag
	return nil
}

// extensions reads those of range and screen content (23008-2, 7.3.2.3.2 and 7.3.2.3.3), and passes over what is between.
func (p *hevcPPS) extensions(r *bits.Reader, transformSkip bool) error {
	rangeExt, multilayer, depth, screen := r.Flag(), r.Flag(), r.Flag(), r.Flag()
	r.Skip(4)
	if rangeExt {
		if transformSkip {
			r.UE()
		}
		r.Skip(1) // cross_component_prediction_enabled_flag
		if p.chromaQPList = r.Flag(); p.chromaQPList {
			r.UE()
			n := r.UE()
			if n > 5 {
				return fmt.Errorf("%d chroma QP offsets, at most 6 are allowed: %w", uint64(n)+1, media.ErrFormat)
			}
			for range 2 * (n + 1) {
				r.UE()
			}
		}
		r.UE()
		r.UE()
	}
	if !screen {
		return nil // nothing of what follows changes slice headers
	}
	if depth {
		return fmt.Errorf("a 3D extension before that of screen content: %w", media.ErrUnsupported)
	}
	if multilayer {
		if err := skipMultilayer(r); err != nil {
			return err
		}
	}
	p.currentRef = r.Flag()
	if r.Flag() { // residual_adaptive_colour_transform_enabled_flag
		p.actQP = r.Flag()
	}
	return nil
}

// skipMultilayer follows pps_multilayer_extension (23008-2, F.7.3.2.3.4).
func skipMultilayer(r *bits.Reader) error {
	if r.Flag() {
		r.Skip(6)
	}
	n := r.UE() // num_ref_loc_offsets
	if n > 62 {
		return fmt.Errorf("%d reference layer offsets, at most 62 are allowed: %w", n, media.ErrFormat)
	}
	for range n {
		r.Skip(6)
		for range 3 {
			if r.Flag() { // offsets of the layer, of its region, phases: four codes each
				for range 4 {
					r.UE()
				}
			}
		}
	}
	if r.Flag() { // colour_mapping_enabled_flag
		return fmt.Errorf("a colour mapping table before the extension of screen content: %w", media.ErrUnsupported)
	}
	return nil
}
