package cenc

// coding reads from quantization_params to the end of the frame header (AV1, 5.9.12 to 5.9.31).
func (r *av1Reader) coding() {
	r.quantization()
	r.segmentation()
	if r.baseQ > 0 && r.Flag() { // delta_q_present
		r.Skip(2)
		if !r.intraCopy && r.Flag() { // delta_lf_present
			r.Skip(3)
		}
	}
	r.lossless()
	filtered := !r.codedLossless && !r.intraCopy
	if filtered {
		r.loopFilter()
	}
	if filtered && r.seq.cdef {
		r.cdef()
	}
	if !r.intraCopy && r.seq.restoration && (!r.codedLossless || r.frame.width != r.frame.upscaled) {
		r.restoration()
	}
	if !r.codedLossless {
		r.Skip(1) // tx_mode_select
	}
	r.compound = !r.intra() && r.Flag()
	if r.skipModeAllowed() {
		r.Skip(1)
	}
	if !r.intra() && !r.resilient && r.seq.warped {
		r.Skip(1) // allow_warped_motion
	}
	r.Skip(1) // reduced_tx_set
	if !r.intra() {
		for range 7 {
			r.globalMotion()
		}
	}
	if r.seq.grain && (r.shown || r.showable) {
		r.filmGrain()
	}
}

func (r *av1Reader) chroma() bool { return !r.seq.mono }

// quantization follows quantization_params (AV1, 5.9.12).
func (r *av1Reader) quantization() {
	r.baseQ = int(r.U(8))
	r.quantizer() // of luma, DC
	if r.chroma() {
		offsets := 2 // DC and AC
		if r.seq.separateUV && r.Flag() {
			offsets = 4 // of U and of V
		}
		for range offsets {
			r.quantizer()
		}
	}
	if r.Flag() { // using_qmatrix
		r.Skip(8)
		if r.seq.separateUV {
			r.Skip(4)
		}
	}
}

// quantizer follows read_delta_q (AV1, 5.9.13).
func (r *av1Reader) quantizer() {
	if r.Flag() && r.su(7) != 0 {
		r.deltaQ = true
	}
}

// segmentation follows segmentation_params (AV1, 5.9.14). Of the features the quantizer is kept, which decides what is
// lossless.
func (r *av1Reader) segmentation() {
	f := r.frame
	if r.segmented = r.Flag(); !r.segmented {
		f.altQ, f.altQEnabled = [8]int16{}, 0
		return
	}
	if r.primary != noPrimary {
		if r.Flag() { // segmentation_update_map
			r.Skip(1)
		}
		if !r.Flag() { // segmentation_update_data
			return
		}
	}
	f.altQ, f.altQEnabled = [8]int16{}, 0
	for segment := range f.altQ {
		if r.Flag() {
			f.altQEnabled |= 1 << segment
			f.altQ[segment] = int16(r.su(9))
		}
		for _, width := range [...]int{7, 7, 7, 7, 3, 0, 0} { // loop filter levels, reference, skip, global motion
			if r.Flag() {
				r.Skip(width)
			}
		}
	}
}

func (r *av1Reader) lossless() {
	r.codedLossless = !r.deltaQ
	for segment, alt := range r.frame.altQ {
		q := r.baseQ
		if r.segmented && r.frame.altQEnabled>>segment&1 == 1 {
			q = min(max(q+int(alt), 0), 255)
		}
		r.codedLossless = r.codedLossless && q == 0
	}
}

func (r *av1Reader) loopFilter() {
	if y := [2]uint32{r.U(6), r.U(6)}; r.chroma() && y[0]+y[1] > 0 {
		r.Skip(12)
	}
	r.Skip(3)                                     // loop_filter_sharpness
	if enabled := r.Flag(); enabled && r.Flag() { // loop_filter_delta_enabled, loop_filter_delta_update
		for range 8 + 2 { // of references and modes
			if r.Flag() {
				r.Skip(7)
			}
		}
	}
}

func (r *av1Reader) cdef() {
	r.Skip(2)
	size := 6
	if r.chroma() {
		size = 12
	}
	r.Skip(size << r.U(2)) // cdef_bits
}

// restoration follows lr_params (AV1, 5.9.20).
func (r *av1Reader) restoration() {
	luma := r.U(2) != 0
	chroma := r.chroma() && r.U(4) != 0
	if !luma && !chroma {
		return
	}
	if r.Flag() && !r.seq.large { // lr_unit_shift
		r.Skip(1)
	}
	if chroma && r.seq.subX && r.seq.subY {
		r.Skip(1) // lr_uv_shift
	}
}

// globalMotion follows global_motion_params (AV1, 5.9.24) for one reference.
func (r *av1Reader) globalMotion() {
	if !r.Flag() { // is_global
		return
	}
	translation, params := false, 4 // 2 of rotation and zoom
	if !r.Flag() {
		if translation = r.Flag(); translation {
			params = 2
		} else {
			params = 6 // affine
		}
	}
	for range params - 2 {
		r.subexp(12)
	}
	width := 12
	if translation {
		if width = 9; !r.precise {
			width = 8
		}
	}
	r.subexp(width)
	r.subexp(width)
}

// subexp passes over decode_signed_subexp_with_ref (AV1, 5.9.26) of a parameter of n bits and a sign. The parameter of the
// frame before changes its value, not its size.
func (r *av1Reader) subexp(n int) {
	symbols := 2<<n + 1
	for i, from, width := 0, 0, 3; ; i++ {
		if i > 0 {
			width = 3 + i - 1
		}
		step := 1 << width
		if symbols <= from+3*step {
			r.ns(symbols - from)
			return
		}
		if !r.Flag() { // subexp_more_bits
			r.Skip(width)
			return
		}
		from += step
	}
}

// filmGrain follows film_grain_params (AV1, 5.9.30).
func (r *av1Reader) filmGrain() {
	if !r.Flag() { // apply_grain
		return
	}
	r.Skip(16)                                   // grain_seed
	if r.frame.kind == interFrame && !r.Flag() { // update_grain
		r.Skip(3)
		return
	}
	luma := int(r.U(4)) // num_y_points
	r.Skip(16 * luma)
	fromLuma := r.chroma() && r.Flag() // chroma_scaling_from_luma
	cb, cr := 0, 0
	if r.chroma() && !fromLuma && (luma > 0 || !r.seq.subX || !r.seq.subY) {
		cb = int(r.U(4))
		r.Skip(16 * cb)
		cr = int(r.U(4))
		r.Skip(16 * cr)
	}
	r.Skip(2) // grain_scaling_minus_8
	lag := int(r.U(2))
	coefficients := 2 * lag * (lag + 1)
	if luma > 0 {
		r.Skip(8 * coefficients)
		coefficients++
	}
	for _, points := range [...]int{cb, cr} {
		if fromLuma || points > 0 {
			r.Skip(8 * coefficients)
		}
	}
	r.Skip(4) // ar_coeff_shift_minus_6, grain_scale_shift
	for _, points := range [...]int{cb, cr} {
		if points > 0 {
			r.Skip(25)
		}
	}
	r.Skip(2) // overlap_flag, clip_to_restricted_range
}
