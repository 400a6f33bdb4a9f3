package cmaf

import (
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// brands are those of ftyp, the major one first: the structure (iso6 for default-base-is-moof, cmfc of CMAF, cmf2 where
// there is no edit list, dash), then what is true of the track: av01, the AAC core profile, and the
// brands of its enhancements. Video profiles (cfhd and so on) are not named: they bind also what a sample entry does not
// show, as progressive scan.
func brands(t *media.Track) []string {
	list := []string{"iso6", "cmfc", "cmf2", "dash"}
	if t.Delay > 0 {
		list = []string{"iso6", "cmfc", "dash"}
	}
	switch {
	case t.Codec.Coding == media.AV1:
		list = append(list, "av01") // AV1 in ISOBMFF, 2.1
	case aacCore(t):
		list = append(list, "caac")
	}
	for _, s := range strings.Split(t.Codec.Supplemental, ",") {
		for _, brand := range strings.Split(s, "/")[1:] {
			if brand = strings.TrimSpace(brand); len(brand) == 4 {
				list = append(list, brand)
			}
		}
	}
	return list
}

// aacCore: AAC-LC, HE-AAC or HE-AACv2, up to two channels and 48 kHz (23000-19, 10.4).
func aacCore(t *media.Track) bool {
	a := t.Audio
	if t.Codec.Coding != media.AAC || a == nil || a.Channels < 1 || a.Channels > 2 || a.SampleRate > 48000 {
		return false
	}
	switch t.Codec.String {
	case "mp4a.40.2", "mp4a.40.5", "mp4a.40.29":
		return true
	}
	return false
}
