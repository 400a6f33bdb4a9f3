package nal

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// h264 reads seq_parameter_set_data (14496-10, 7.3.2.1.1).
func (s *SPS) h264(r *bits.Reader) error {
	s.Profile, s.Constraints, s.Level = uint8(r.U(8)), uint8(r.U(8)), uint8(r.U(8))
	if s.id = r.UE(); s.id > 31 {
		return fmt.Errorf("seq_parameter_set_id %d, at most 31 is allowed: %w", s.id, media.ErrFormat)
	}
	s.ChromaFormat, s.BitDepthLuma, s.BitDepthChroma = 1, 8, 8
	if HighProfile(s.Profile) {
		if err := s.h264Format(r); err != nil {
			return err
		}
	}
	n := r.UE()
	if n > 12 {
		return fmt.Errorf("log2_max_frame_num %d, at most 16 is allowed: %w", uint64(n)+4, media.ErrFormat)
	}
	s.frameNumBits = int(n) + 4
	if err := s.h264Order(r); err != nil {
		return err
	}
	r.UE()    // max_num_ref_frames
	r.Skip(1) // gaps_in_frame_num_value_allowed_flag
	width, height := (uint64(r.UE())+1)*16, (uint64(r.UE())+1)*16
	s.units = width / 16 * (height / 16)
	unitX, unitY := s.chromaUnits()
	if s.planes {
		unitX, unitY = 1, 1
	}
	if s.framesOnly = r.Flag(); !s.framesOnly {
		height, unitY = height*2, unitY*2
		r.Skip(1) // mb_adaptive_frame_field_flag
	}
	r.Skip(1) // direct_8x8_inference_flag
	var left, right, top, bottom uint32
	if r.Flag() {
		left, right, top, bottom = r.UE(), r.UE(), r.UE(), r.UE()
	}
	if err := check(r); err != nil {
		return err
	}
	if err := s.crop(width, height, left, right, top, bottom, unitX, unitY); err != nil {
		return err
	}
	if r.Flag() {
		s.vui(r)
	}
	return nil
}

// h264Order reads how pictures are put in order.
func (s *SPS) h264Order(r *bits.Reader) error {
	switch s.orderType = r.UE(); s.orderType {
	case 0:
		n := r.UE()
		if n > 12 {
			return fmt.Errorf("log2_max_pic_order_cnt_lsb %d, at most 16 is allowed: %w", uint64(n)+4, media.ErrFormat)
		}
		s.orderBits = int(n) + 4
	case 1:
		s.orderZero = r.Flag()
		r.SE()
		r.SE()
		n := r.UE()
		if n > 255 {
			return fmt.Errorf("picture order count cycle of %d frames, at most 255 is allowed: %w", n, media.ErrFormat)
		}
		for range n {
			r.SE()
		}
	case 2:
	default:
		return fmt.Errorf("pic_order_cnt_type %d, at most 2 is allowed: %w", s.orderType, media.ErrFormat)
	}
	return nil
}

// HighProfile reports whether profile_idc is one whose sets, and whose avcC, state chroma format and bit depth.
func HighProfile(profile uint8) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

func (s *SPS) h264Format(r *bits.Reader) error {
	chroma := r.UE()
	if chroma > 3 {
		return fmt.Errorf("chroma_format_idc %d, at most 3 is allowed: %w", chroma, media.ErrFormat)
	}
	s.ChromaFormat = uint8(chroma)
	if chroma == 3 {
		s.planes = r.Flag()
	}
	luma, chromaDepth := r.UE(), r.UE()
	if luma > 6 || chromaDepth > 6 {
		return fmt.Errorf("%d bits a sample, at most 14 are allowed: %w", 8+max(luma, chromaDepth), media.ErrFormat)
	}
	s.BitDepthLuma, s.BitDepthChroma = uint8(8+luma), uint8(8+chromaDepth)
	r.Skip(1) // qpprime_y_zero_transform_bypass_flag
	if !r.Flag() {
		return nil
	}
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.Flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		skipH264ScalingList(r, size)
	}
	return nil
}

// skipH264ScalingList follows 14496-10, 7.3.2.1.1.1.
func skipH264ScalingList(r *bits.Reader, size int) {
	last, next := int32(8), int32(8)
	for range size {
		if next != 0 {
			next = (last + r.SE()%256 + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}
