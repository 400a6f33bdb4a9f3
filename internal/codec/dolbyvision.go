package codec

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// dolbyVision reads the Dolby Vision configuration (Dolby Vision streams within ISOBMFF, 2.2). If decoders without Dolby
// Vision understand the base layer, the entry is that of the base layer and the enhancement is Supplemental; if not
// (profile 5), codec and entry are Dolby Vision's own.
func (e *entryReader) dolbyVision(s *Stream, children []box) error {
	b, ok := find(children, "dvvC", "dvcC", "dvwC")
	own := e.kind == "dvh1" || e.kind == "dvhe" || e.kind == "dav1" || e.kind == "dva1" || e.kind == "dvav"
	if !ok || len(b.payload) < 5 {
		if own {
			return malformed(e.kind, "no Dolby Vision configuration (dvcC or dvvC): %w", media.ErrFormat)
		}
		return nil
	}
	v := be.Uint16(b.payload[2:])
	profile, level, compatible := v>>9, v>>3&0x3F, b.payload[4]>>4
	kind := map[string]string{"hvc1": "dvh1", "hev1": "dvhe", "avc1": "dva1", "avc3": "dvav", "av01": "dav1"}[s.Codec.FourCC]
	name := fmt.Sprintf("%s.%02d.%02d", kind, profile, level)
	if compatible == 0 && own {
		s.Codec.FourCC, s.Codec.String = kind, name
		return nil
	}
	brand := map[byte]string{1: "db1p", 2: "db2g", 4: "db4h"}[compatible]
	if compatible == 4 && s.Video.Transfer == 14 {
		brand = "db4g"
	}
	// an enhancement layer in a track or unit of its own (profiles 4 and 7) is nothing that a manifest can offer
	if singleLayer := profile == 8 || profile == 9 || profile == 10 || profile == 20; singleLayer && brand != "" {
		s.Codec.Supplemental = name + "/" + brand
	}
	return nil
}
