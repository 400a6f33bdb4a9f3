package nal

import (
	"fmt"
	mathbits "math/bits"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Types of slices (23008-2, table 7-7).
const (
	hevcB = iota
	hevcP
	hevcI
)

// hevcHeader is a slice segment header while it is read.
type hevcHeader struct {
	*escaped
	sps  *SPS
	pps  *hevcPPS
	kind uint32
	refs [2]uint32 // num_ref_idx_active_minus1
	// total is NumPicTotalCurr, the pictures that may be referred to.
	total       int
	temporalMVP bool
	// current are the places in each list at which the current picture itself stands (screen content).
	current [2]uint32
}

// hevcSlice follows slice_segment_header (23008-2, 7.3.6.1).
func (s *Sets) hevcSlice(unit []byte) error {
	h := hevcHeader{escaped: s.slice.begin(unit, 2)}
	t := Type(media.HEVC, unit)
	first := h.Flag() // first_slice_segment_in_pic_flag
	if IsRandomAccess(media.HEVC, t) {
		h.Skip(1) // no_output_of_prior_pics_flag
	}
	id := h.UE()
	if h.over {
		return nil
	}
	var err error
	if h.pps, err = s.hevc.get(id, "picture"); err != nil {
		return err
	}
	if h.sps, err = s.sps.get(h.pps.sps, "sequence"); err != nil {
		return err
	}
	dependent := false
	if !first {
		dependent = h.pps.dependent && h.Flag()
		h.Skip(mathbits.Len64(h.sps.units - 1)) // slice_segment_address
	}
	if !dependent {
		if err := h.independent(t, &s.slice.set); err != nil {
			return err
		}
	}
	return h.tail()
}

// independent reads what a dependent slice segment takes from the one before.
func (h *hevcHeader) independent(t uint8, set *refSet) error {
	h.Skip(h.pps.extraBits)
	if h.kind = h.UE(); h.kind > hevcI {
		return fmt.Errorf("slice_type %d, at most 2 is allowed: %w", h.kind, media.ErrFormat)
	}
	if h.pps.output {
		h.Skip(1)
	}
	if h.sps.planes {
		h.Skip(2)
	}
	if t != HEVCIDR && t != HEVCIDRNLP {
		if err := h.pictures(set); err != nil {
			return err
		}
	}
	if h.pps.currentRef {
		h.total++
	}
	offsets := false
	if h.sps.offsets {
		offsets = h.Flag()
		if h.sps.chroma() {
			offsets = h.Flag() || offsets
		}
	}
	if h.kind != hevcI {
		if err := h.references(); err != nil {
			return err
		}
	}
	h.quantization()
	h.filters(offsets)
	return nil
}

// pictures reads the reference picture set.
func (h *hevcHeader) pictures(set *refSet) error {
	s := h.sps
	h.Skip(s.orderBits)
	n := len(s.refSets)
	if h.Flag() { // short_term_ref_pic_set_sps_flag
		i := 0
		if n > 1 {
			i = int(h.U(mathbits.Len(uint(n - 1))))
		}
		if i >= n {
			return fmt.Errorf("short-term reference picture set %d of %d: %w", i, n, media.ErrFormat)
		}
		h.total = s.refSets[i].inUse()
	} else {
		if err := set.parse(h.escaped, s.refSets, true); err != nil {
			return err
		}
		h.total = set.inUse()
	}
	if s.longTerm {
		if err := h.longTerms(); err != nil {
			return err
		}
	}
	h.temporalMVP = s.temporalMVP && h.Flag()
	return nil
}

func (h *hevcHeader) longTerms() error {
	s, known := h.sps, uint32(0)
	if s.longTerms > 0 {
		known = h.UE() // num_long_term_sps
	}
	n := h.UE() // num_long_term_pics
	if known > 32 || n > 32 {
		return fmt.Errorf("%d and %d long-term reference pictures, at most 32 are allowed: %w", known, n, media.ErrFormat)
	}
	for i := range known + n {
		if i < known {
			place := uint32(0)
			if s.longTerms > 1 {
				place = h.U(mathbits.Len(uint(s.longTerms - 1)))
			}
			h.total += int(s.longTermUsed >> place & 1)
		} else {
			h.Skip(s.orderBits)
			h.total += int(h.U(1)) // used_by_curr_pic_lt_flag
		}
		if h.Flag() { // delta_poc_msb_present_flag
			h.UE()
		}
	}
	return nil
}

// references reads number, order and weights of reference pictures, and how motion refers to them.
func (h *hevcHeader) references() error {
	lists := 1
	if h.kind == hevcB {
		lists = 2
	}
	h.refs = h.pps.refs
	if h.Flag() { // num_ref_idx_active_override_flag
		for i := range lists {
			if h.refs[i] = h.UE(); h.refs[i] > 14 {
				return fmt.Errorf("%d reference pictures, at most 15 are allowed: %w", uint64(h.refs[i])+1, media.ErrFormat)
			}
		}
	}
	for i := range lists {
		h.list(i, h.pps.listsModification && h.total > 1 && h.Flag())
	}
	if h.kind == hevcB {
		h.Skip(1) // mvd_l1_zero_flag
	}
	if h.pps.cabacInit {
		h.Skip(1)
	}
	if h.temporalMVP {
		from := 0
		if h.kind == hevcB && !h.Flag() { // collocated_from_l0_flag
			from = 1
		}
		if h.refs[from] > 0 {
			h.UE() // collocated_ref_idx
		}
	}
	if h.kind == hevcP && h.pps.weighted[0] || h.kind == hevcB && h.pps.weighted[1] {
		h.weights(lists)
	}
	h.UE() // five_minus_max_num_merge_cand
	if h.sps.integerMV {
		h.Skip(1)
	}
	return nil
}

// list reads ref_pic_lists_modification (23008-2, 7.3.6.2) of one list and notes where in it the current picture stands:
// where pictures may refer to themselves it is the last of those in use, again and again (8.3.4).
func (h *hevcHeader) list(i int, modified bool) {
	h.current[i] = 0
	width := mathbits.Len(uint(max(h.total-1, 0)))
	for k := range int(h.refs[i]) + 1 {
		place := k
		if modified {
			place = int(h.U(width))
		}
		if h.pps.currentRef && place%h.total == h.total-1 {
			h.current[i] |= 1 << k
		}
	}
	if last := int(h.refs[i]); h.pps.currentRef && i == 0 && !modified && h.total > last+1 {
		h.current[i] |= 1 << last
	}
}

// weights follows pred_weight_table (23008-2, 7.3.6.3). The current picture has no weights as its own reference.
func (h *hevcHeader) weights(lists int) {
	chroma := h.sps.chroma()
	h.UE() // luma_log2_weight_denom
	if chroma {
		h.UE()
	}
	for i := range lists {
		n := int(h.refs[i]) + 1
		luma, both := h.weightFlags(n, h.current[i]), uint32(0)
		if chroma {
			both = h.weightFlags(n, h.current[i])
		}
		for k := range n {
			if luma>>k&1 == 1 {
				h.UE()
				h.UE()
			}
			if both>>k&1 == 1 {
				for range 4 {
					h.UE()
				}
			}
		}
	}
}

func (h *hevcHeader) weightFlags(n int, without uint32) (flags uint32) {
	for k := range n {
		if without>>k&1 == 0 {
			flags |= h.U(1) << k
		}
	}
	return flags
}

func (h *hevcHeader) quantization() {
	h.UE() // slice_qp_delta
	if h.pps.chromaQP {
		h.UE()
		h.UE()
	}
	if h.pps.actQP {
		h.UE()
		h.UE()
		h.UE()
	}
	if h.pps.chromaQPList {
		h.Skip(1) // cu_chroma_qp_offset_enabled_flag
	}
}

// filters reads on to the loop filter across slices, of which is said nothing where no filter is on.
func (h *hevcHeader) filters(offsets bool) {
	off := h.pps.deblockOff
	if h.pps.deblockOverride && h.Flag() { // deblocking_filter_override_flag
		if off = h.Flag(); !off {
			h.UE()
			h.UE()
		}
	}
	if h.pps.loopAcross && (offsets || !off) {
		h.Skip(1)
	}
}

// tail reads on from the entry points to byte_alignment, with which the header ends.
func (h *hevcHeader) tail() error {
	if h.pps.entryPoints {
		n := h.UE() // num_entry_point_offsets
		if uint64(n) > h.sps.units*64 {
			return fmt.Errorf("%d entry points in %d coding trees: %w", n, h.sps.units, media.ErrFormat)
		}
		if n > 0 {
			width := uint64(h.UE()) + 1
			if width > 32 {
				return fmt.Errorf("entry points of %d bits, at most 32 are allowed: %w", width, media.ErrFormat)
			}
			for i := uint32(0); i < n && !h.over; i++ {
				h.Skip(int(width))
			}
		}
	}
	if h.pps.extension {
		n := h.UE()
		if n > 256 {
			return fmt.Errorf("slice header extension of %d bytes, at most 256 are allowed: %w", n, media.ErrFormat)
		}
		h.Skip(8 * int(n))
	}
	if !h.over && !h.Flag() && !h.over {
		return fmt.Errorf("it does not end in the bit that ends it, so it was misread or is broken: %w", media.ErrFormat)
	}
	return nil // the zeros after it fill the byte
}
