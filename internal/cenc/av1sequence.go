package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// selectTool says that each frame chooses (SELECT_SCREEN_CONTENT_TOOLS, SELECT_INTEGER_MV).
const selectTool = 2

// av1Sequence is what frame headers depend on in a sequence header.
type av1Sequence struct {
	known, reduced           bool
	model, equalInterval     bool // decoder_model_info_present_flag, equal_picture_interval
	removalBits, presentBits int
	points                   int
	pointIDC                 [32]uint16
	pointModel               [32]bool

	widthBits, heightBits, width, height int
	frameIDs                             bool
	idBits, deltaIDBits                  int
	large                                bool // superblocks of 128
	warped, orderHints, refMVs           bool
	screenContent, integerMV             uint32
	orderBits                            int
	superres, cdef, restoration          bool
	mono, subX, subY, separateUV, grain  bool
}

// parse follows sequence_header_obu (AV1, 5.5.1).
func (s *av1Sequence) parse(p []byte) error {
	r := bits.NewReader(p)
	*s = av1Sequence{known: true, points: 1}
	profile := r.U(3)
	r.Skip(1) // still_picture
	if s.reduced = r.Flag(); s.reduced {
		r.Skip(5)
	} else {
		s.operatingPoints(r)
	}
	s.widthBits, s.heightBits = int(r.U(4))+1, int(r.U(4))+1
	s.width, s.height = int(r.U(s.widthBits))+1, int(r.U(s.heightBits))+1
	if s.frameIDs = !s.reduced && r.Flag(); s.frameIDs {
		s.deltaIDBits = int(r.U(4)) + 2
		s.idBits = s.deltaIDBits + int(r.U(3)) + 1
	}
	s.large = r.Flag()
	r.Skip(2) // enable_filter_intra, enable_intra_edge_filter
	s.screenContent, s.integerMV = selectTool, selectTool
	if !s.reduced {
		s.interTools(r)
	}
	s.superres, s.cdef, s.restoration = r.Flag(), r.Flag(), r.Flag()
	s.color(r, profile)
	s.grain = r.Flag()
	if r.Over() || profile > 2 || s.idBits > 16 {
		s.known = false
		return fmt.Errorf("sequence header of %d bytes, profile %d, frame ids of %d bits (AV1, 5.5.1): %w", len(p), profile, s.idBits, media.ErrFormat)
	}
	return nil
}

func (s *av1Sequence) operatingPoints(r *bits.Reader) {
	delayBits := 0
	if r.Flag() { // timing_info_present_flag
		r.Skip(64)
		if s.equalInterval = r.Flag(); s.equalInterval {
			r.UE() // uvlc() is coded alike
		}
		if s.model = r.Flag(); s.model {
			delayBits = int(r.U(5)) + 1
			r.Skip(32)
			s.removalBits, s.presentBits = int(r.U(5))+1, int(r.U(5))+1
		}
	}
	delays := r.Flag() // initial_display_delay_present_flag
	s.points = int(r.U(5)) + 1
	for i := range s.points {
		s.pointIDC[i] = uint16(r.U(12))
		if r.U(5) > 7 { // seq_level_idx
			r.Skip(1)
		}
		if s.model {
			if s.pointModel[i] = r.Flag(); s.pointModel[i] {
				r.Skip(2*delayBits + 1)
			}
		}
		if delays && r.Flag() {
			r.Skip(4)
		}
	}
}

func (s *av1Sequence) interTools(r *bits.Reader) {
	r.Skip(2) // enable_interintra_compound, enable_masked_compound
	s.warped = r.Flag()
	r.Skip(1) // enable_dual_filter
	if s.orderHints = r.Flag(); s.orderHints {
		r.Skip(1) // enable_jnt_comp
		s.refMVs = r.Flag()
	}
	if !r.Flag() { // seq_choose_screen_content_tools
		s.screenContent = r.U(1)
	}
	if s.screenContent > 0 && !r.Flag() { // seq_choose_integer_mv
		s.integerMV = r.U(1)
	}
	if s.orderHints {
		s.orderBits = int(r.U(3)) + 1
	}
}

// color follows color_config (AV1, 5.5.2).
func (s *av1Sequence) color(r *bits.Reader, profile uint32) {
	high := r.Flag()
	twelve := profile == 2 && high && r.Flag()
	s.mono = profile != 1 && r.Flag()
	rgb := false
	if r.Flag() { // color_description_present_flag
		rgb = r.U(24) == 1<<16|13<<8 // BT.709, sRGB, identity
	}
	switch {
	case s.mono:
		r.Skip(1)
		s.subX, s.subY = true, true
		return
	case rgb:
	default:
		r.Skip(1) // color_range
		switch {
		case profile == 0:
			s.subX, s.subY = true, true
		case profile == 2 && twelve:
			s.subX = r.Flag()
			s.subY = s.subX && r.Flag()
		case profile == 2:
			s.subX = true
		}
		if s.subX && s.subY {
			r.Skip(2) // chroma_sample_position
		}
	}
	s.separateUV = r.Flag()
}
