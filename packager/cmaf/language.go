package cmaf

import (
	"cmp"
	"strings"

	iso639 "github.com/mezzomedia/mezzo/internal/language"
)

// language splits a BCP 47 tag into the code of mdhd (ISO 639-2/T) and what elng has to say because mdhd cannot
// (14496-12, 8.4.2 and 8.4.6); extended is empty where the code says all.
func language(tag string) (code, extended string) {
	code = cmp.Or(iso639.Code(tag), "und")
	primary, _, more := strings.Cut(strings.ToLower(tag), "-")
	if iso639.WellFormed(tag) && (more || code == "und" && primary != "und") {
		extended = tag
	}
	return code, extended
}
