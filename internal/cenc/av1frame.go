package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Types of frames (AV1, 6.8.2).
const (
	keyFrame = iota
	interFrame
	intraFrame
	switchFrame
)

const noPrimary = 7 // PRIMARY_REF_NONE

// av1Ref is what headers depend on in a frame that they refer to.
type av1Ref struct {
	known         bool
	kind          uint32
	upscaled      int // width before superres was undone
	width, height int
	order         uint32
	altQ          [8]int16 // segmentation feature SEG_LVL_ALT_Q
	altQEnabled   uint8    // a bit for each segment
}

// av1Frame is a frame header as far as what follows it depends on it.
type av1Frame struct {
	av1Ref
	existing            bool // show_existing_frame
	refresh             uint8
	columns, rows       int // tiles
	columnsLog, rowsLog int
	sizeBytes           int // of tile_size_minus_1
}

func (f *av1Frame) tiles() int { return f.columns * f.rows }

// av1Reader reads one frame header (AV1, 5.9.2).
type av1Reader struct {
	bits.Reader
	seq               *av1Sequence
	refs              *[8]av1Ref
	frame             *av1Frame
	temporal, spatial uint8

	shown, showable, resilient bool
	screenContent, integerMV   bool
	sizeOverride, intraCopy    bool
	precise                    bool // allow_high_precision_mv
	primary                    uint32
	idx                        [7]uint32 // ref_frame_idx
	baseQ                      int
	deltaQ                     bool // one of the offsets of quantizers is not 0
	segmented                  bool
	codedLossless              bool
	compound                   bool // reference_select
}

func (r *av1Reader) intra() bool { return r.frame.kind == keyFrame || r.frame.kind == intraFrame }

func (r *av1Reader) header() error {
	f := r.frame
	*f = av1Frame{av1Ref: av1Ref{known: true}}
	if err := r.kind(); err != nil || f.existing {
		return err
	}
	if f.kind == keyFrame && r.shown {
		for i := range r.refs {
			r.refs[i] = av1Ref{}
		}
	}
	noUpdate := r.Flag() // disable_cdf_update
	r.tools()
	if r.seq.frameIDs {
		r.Skip(r.seq.idBits)
	}
	r.sizeOverride = f.kind == switchFrame || !r.seq.reduced && r.Flag()
	f.order = r.U(r.seq.orderBits)
	r.primary = noPrimary
	if !r.intra() && !r.resilient {
		r.primary = r.U(3)
	}
	r.removalTimes()
	f.refresh = 0xFF
	if f.kind != switchFrame && (f.kind != keyFrame || !r.shown) {
		f.refresh = uint8(r.U(8))
	}
	if (!r.intra() || f.refresh != 0xFF) && r.resilient && r.seq.orderHints {
		r.orderHints()
	}
	if err := r.prediction(); err != nil {
		return err
	}
	if !r.seq.reduced && !noUpdate {
		r.Skip(1) // disable_frame_end_update_cdf
	}
	if r.primary != noPrimary { // load_previous (AV1, 7.21), as far as it matters
		ref := &r.refs[r.idx[r.primary]]
		f.altQ, f.altQEnabled = ref.altQ, ref.altQEnabled
	}
	if err := r.tileInfo(); err != nil {
		return err
	}
	r.coding()
	return nil
}

// kind reads what the frame is, and whether it is one that there is already.
func (r *av1Reader) kind() error {
	f, s := r.frame, r.seq
	if s.reduced {
		f.kind, r.shown, r.resilient = keyFrame, true, true
		return nil
	}
	timed := s.model && !s.equalInterval
	if r.Flag() { // show_existing_frame
		ref := r.refs[r.U(3)]
		if timed {
			r.Skip(s.presentBits)
		}
		if s.frameIDs {
			r.Skip(s.idBits)
		}
		if !ref.known {
			return fmt.Errorf("it shows a frame that was not sent: %w", media.ErrFormat)
		}
		f.existing, f.av1Ref = true, ref
		if ref.kind == keyFrame {
			f.refresh = 0xFF
		}
		return nil
	}
	f.kind = r.U(2)
	if r.shown = r.Flag(); r.shown {
		if timed {
			r.Skip(s.presentBits)
		}
		r.showable = f.kind != keyFrame
	} else {
		r.showable = r.Flag()
	}
	r.resilient = f.kind == switchFrame || f.kind == keyFrame && r.shown || r.Flag()
	return nil
}

func (r *av1Reader) tools() {
	if r.screenContent = r.seq.screenContent == 1; r.seq.screenContent == selectTool {
		r.screenContent = r.Flag()
	}
	if r.screenContent {
		if r.integerMV = r.seq.integerMV == 1; r.seq.integerMV == selectTool {
			r.integerMV = r.Flag()
		}
	}
}

func (r *av1Reader) removalTimes() {
	s := r.seq
	if !s.model || !r.Flag() { // buffer_removal_time_present_flag
		return
	}
	for i := range s.points {
		idc := s.pointIDC[i]
		in := idc>>r.temporal&1 == 1 && idc>>(r.spatial+8)&1 == 1
		if s.pointModel[i] && (idc == 0 || in) {
			r.Skip(s.removalBits)
		}
	}
}

// orderHints reads ref_order_hint. A reference of another order was lost; decoders put one of the sequence's size there.
func (r *av1Reader) orderHints() {
	for i := range r.refs {
		if order, ref := r.U(r.seq.orderBits), &r.refs[i]; !ref.known || ref.order != order {
			*ref = av1Ref{known: true, kind: interFrame, order: order, upscaled: r.seq.width, width: r.seq.width, height: r.seq.height}
		}
	}
}

// prediction reads size and references.
func (r *av1Reader) prediction() error {
	if r.intra() {
		r.frameSize()
		r.renderSize()
		r.intraCopy = r.screenContent && r.frame.upscaled == r.frame.width && r.Flag()
		return nil
	}
	short := r.seq.orderHints && r.Flag() // frame_refs_short_signaling
	if short {
		last, gold := r.U(3), r.U(3)
		if err := r.inferReferences(last, gold); err != nil {
			return err
		}
	}
	for i := range r.idx {
		if !short {
			r.idx[i] = r.U(3)
		}
		if r.seq.frameIDs {
			r.Skip(r.seq.deltaIDBits)
		}
	}
	for _, i := range r.idx {
		if !r.refs[i].known {
			return fmt.Errorf("it refers to a frame that was not sent: %w", media.ErrFormat)
		}
	}
	if r.sizeOverride && !r.resilient {
		r.sizeWithRefs()
	} else {
		r.frameSize()
		r.renderSize()
	}
	r.precise = !r.integerMV && r.Flag()
	if !r.Flag() { // is_filter_switchable
		r.Skip(2)
	}
	r.Skip(1) // is_motion_mode_switchable
	if !r.resilient && r.seq.refMVs {
		r.Skip(1) // use_ref_frame_mvs
	}
	return nil
}

func (r *av1Reader) frameSize() {
	f := r.frame
	f.width, f.height = r.seq.width, r.seq.height
	if r.sizeOverride {
		f.width, f.height = int(r.U(r.seq.widthBits))+1, int(r.U(r.seq.heightBits))+1
	}
	r.superres()
}

// superres reads superres_params (AV1, 5.9.8).
func (r *av1Reader) superres() {
	f := r.frame
	f.upscaled = f.width
	if r.seq.superres && r.Flag() {
		denom := int(r.U(3)) + 9
		f.width = (f.upscaled*8 + denom/2) / denom
	}
}

func (r *av1Reader) renderSize() {
	if r.Flag() {
		r.Skip(32)
	}
}

func (r *av1Reader) sizeWithRefs() {
	for _, i := range r.idx {
		if r.Flag() { // found_ref
			r.frame.width, r.frame.height = r.refs[i].upscaled, r.refs[i].height
			r.superres()
			return
		}
	}
	r.frameSize()
	r.renderSize()
}
