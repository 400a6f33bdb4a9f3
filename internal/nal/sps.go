package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// maxSPS is more than any encoder writes; what is longer is not read, so that a hostile one costs nothing.
const maxSPS = 4 << 10

// SPS is what manifests and sample entries need of a sequence parameter set.
type SPS struct {
	// Profile, Constraints and Level are the bytes of the set in H.264; in HEVC they are zero, since hvcC has them.
	Profile, Constraints, Level uint8
	ChromaFormat                uint8 // 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
	BitDepthLuma                uint8
	BitDepthChroma              uint8
	Width, Height               int // pixels, after cropping
	// Color is that of the video usability information.
	Color Color
	// PixelAspect is the shape of a pixel; zero: unknown.
	PixelAspect media.Ratio
	// ProfileTierLevel is the HEVC profile_tier_level as hvcC repeats it: 12 bytes; nil in H.264.
	ProfileTierLevel []byte
	TemporalLayers   uint8 // HEVC, 1 to 7
	TemporalNested   bool  // HEVC

	id uint32 // seq_parameter_set_id
	pictureCoding
}

// pictureCoding is what slice headers depend on.
type pictureCoding struct {
	planes       bool   // separate_colour_plane_flag
	orderBits    int    // log2_max_pic_order_cnt_lsb
	frameNumBits int    // H.264: log2_max_frame_num
	orderType    uint32 // H.264: pic_order_cnt_type
	orderZero    bool   // H.264: delta_pic_order_always_zero_flag
	framesOnly   bool   // H.264: frame_mbs_only_flag
	units        uint64 // H.264: PicSizeInMapUnits; HEVC: PicSizeInCtbsY
	// HEVC:
	offsets      bool // sample_adaptive_offset_enabled_flag
	refSets      []refSet
	longTerm     bool   // long_term_ref_pics_present_flag
	longTerms    int    // num_long_term_ref_pics_sps
	longTermUsed uint32 // used_by_curr_pic_lt_sps_flag, a bit for each
	temporalMVP  bool   // sps_temporal_mvp_enabled_flag
	hasVUI       bool
	integerMV    bool // slices choose use_integer_mv_flag
}

// chroma reports whether ChromaArrayType is not 0.
func (s *SPS) chroma() bool { return s.ChromaFormat != 0 && !s.planes }

// Color is the meaning of sample values, as in ISO/IEC 23091-2; 2 is unspecified.
type Color struct {
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
}

var unspecified = Color{Primaries: 2, Transfer: 2, Matrix: 2}

// ParseSPS reads an SPS unit of H.264 or HEVC, with its header and emulation prevention. Errors match media.ErrFormat.
func ParseSPS(c media.Coding, unit []byte) (*SPS, error) {
	if len(unit) > maxSPS {
		return nil, fmt.Errorf("sequence parameter set of %d bytes: %w", len(unit), media.ErrFormat)
	}
	s := &SPS{Color: unspecified}
	var err error
	switch {
	case c == media.H264 && Type(c, unit) == H264SPS:
		err = s.h264(bits.NewReader(Unescape(nil, unit[1:])))
	case c == media.HEVC && Type(c, unit) == HEVCSPS && len(unit) > 2:
		err = s.hevc(Unescape(nil, unit[2:]))
	default:
		return nil, fmt.Errorf("NAL unit of type %d is no sequence parameter set of %s: %w", Type(c, unit), c, media.ErrFormat)
	}
	if err != nil {
		return nil, fmt.Errorf("sequence parameter set: %w", err)
	}
	return s, nil
}

// crop takes the window of a coded size: offsets in units of unitX and unitY pixels.
func (s *SPS) crop(width, height uint64, left, right, top, bottom uint32, unitX, unitY uint64) error {
	x, y := (uint64(left)+uint64(right))*unitX, (uint64(top)+uint64(bottom))*unitY
	if x >= width || y >= height || width > 1<<16 || height > 1<<16 {
		return fmt.Errorf("a picture of %d x %d cropped by %d x %d: %w", width, height, x, y, media.ErrFormat)
	}
	s.Width, s.Height = int(width-x), int(height-y)
	return nil
}

// chromaUnits is how many luma samples a chroma sample covers.
func (s *SPS) chromaUnits() (x, y uint64) {
	x, y = 1, 1
	if s.ChromaFormat == 1 || s.ChromaFormat == 2 {
		x = 2
	}
	if s.ChromaFormat == 1 {
		y = 2
	}
	return x, y
}

// aspects are the pixel shapes of aspect_ratio_idc (23091-2, table 8); 255 is written out.
var aspects = [...]media.Ratio{1: {Num: 1, Den: 1}, {Num: 12, Den: 11}, {Num: 10, Den: 11}, {Num: 16, Den: 11},
	{Num: 40, Den: 33}, {Num: 24, Den: 11}, {Num: 20, Den: 11}, {Num: 32, Den: 11}, {Num: 80, Den: 33},
	{Num: 18, Den: 11}, {Num: 15, Den: 11}, {Num: 64, Den: 33}, {Num: 160, Den: 99}, {Num: 4, Den: 3},
	{Num: 3, Den: 2}, {Num: 2, Den: 1}}

// vui reads the head of the video usability information, which H.264 (E.1.1) and HEVC (E.2.1) share. What follows is
// timing and buffering, which containers say themselves. A set that ends inside it keeps what was read whole.
func (s *SPS) vui(r *bits.Reader) {
	var aspect media.Ratio
	if r.Flag() {
		if idc := r.U(8); idc == 255 {
			aspect = media.Ratio{Num: r.U(16), Den: r.U(16)}
		} else if int(idc) < len(aspects) {
			aspect = aspects[idc]
		}
	}
	if !r.Over() && aspect.Num > 0 && aspect.Den > 0 {
		s.PixelAspect = aspect
	}
	if r.Flag() {
		r.Skip(1) // overscan_appropriate_flag
	}
	if !r.Flag() {
		return
	}
	r.Skip(3) // video_format
	c := Color{FullRange: r.Flag(), Primaries: 2, Transfer: 2, Matrix: 2}
	if r.Flag() {
		c.Primaries, c.Transfer, c.Matrix = uint8(r.U(8)), uint8(r.U(8)), uint8(r.U(8))
	}
	if !r.Over() {
		s.Color = c
	}
}

// check turns what a parser met into an error.
func check(r *bits.Reader) error {
	if r.Over() {
		return fmt.Errorf("it ends early: %w", media.ErrFormat)
	}
	return nil
}
