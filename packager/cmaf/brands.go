package cmaf

import (
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// brands are those of ftyp, the major one first: the structure (iso6 for signed composition offsets and
// default-base-is-moof, cmfc and cmf2 of CMAF, dash), then what is true of the track. A CMAF media profile is named only
// where the decoder configuration and the format show that the track keeps to it.
func brands(t *media.Track) []string {
	list := []string{"iso6", "cmfc", "cmf2", "dash"}
	if p := profile(t); p != "" {
		list = append(list, p)
	}
	if t.Codec.Coding == media.AV1 {
		list = append(list, "av01") // AV1 in ISOBMFF, 2.1
	}
	for _, s := range strings.Fields(strings.ReplaceAll(t.Codec.Supplemental, ",", " ")) {
		_, b, _ := strings.Cut(s, "/")
		for _, b := range strings.Split(b, "/") {
			if len(b) == 4 {
				list = append(list, b)
			}
		}
	}
	return list
}

// profile is the brand of the least media profile that holds the track (23000-19, Annex A and B, 10.4); empty: none, or
// not known.
func profile(t *media.Track) string {
	c := t.Codec.Config
	switch v, a := t.Video, t.Audio; {
	case t.Codec.Coding == media.H264 && v != nil && len(c) > 3:
		return avcProfile(c[1], c[2], c[3], v)
	case t.Codec.Coding == media.HEVC && v != nil && len(c) > 12:
		// general_profile_space, tier and profile_idc in one byte: Main profile, Main tier
		if c[1] == 1 && c[12] <= 123 && fits(v, 1920, 1080) && v.Primaries <= 2 {
			return "chhd"
		}
	case t.Codec.Coding == media.AAC && a != nil:
		if a.Channels >= 1 && a.Channels <= 2 && a.SampleRate <= 48000 && aacCore(t.Codec.String) {
			return "caac"
		}
	}
	return ""
}

// avcProfile: High or what it contains, up to level 3.1 (cfsd), 4.0 (cfhd) or 4.2 (chdf).
func avcProfile(idc, constraints, level byte, v *media.VideoFormat) string {
	high := idc == 100 || idc == 77 || idc == 66 && constraints&0x40 != 0
	bt709 := v.Primaries <= 2
	switch {
	case !high:
		return ""
	case level <= 31 && fits(v, 864, 576) && (bt709 || v.Primaries == 5 || v.Primaries == 6):
		return "cfsd"
	case level <= 40 && fits(v, 1920, 1080) && bt709:
		return "cfhd"
	case level <= 42 && fits(v, 1920, 1080) && bt709:
		return "chdf"
	}
	return ""
}

// fits: no larger, no more than 60 frames a second (a frame rate that is not known does not fit), standard range.
func fits(v *media.VideoFormat, width, height int) bool {
	r := v.FrameRate
	return v.Width <= width && v.Height <= height && r.Num > 0 && uint64(r.Num) <= 60*uint64(r.Den) && v.Range() == "SDR"
}

// aacCore: AAC-LC, HE-AAC and HE-AACv2.
func aacCore(codec string) bool {
	return codec == "mp4a.40.2" || codec == "mp4a.40.5" || codec == "mp4a.40.29"
}
