package bmff

import "github.com/mezzomedia/mezzo/internal/language"

// packedLanguage is the BCP 47 tag of a packed ISO 639-2 code (14496-12, 8.4.2.3) or an old Macintosh language code;
// empty: undetermined.
func packedLanguage(code uint16) string {
	if code < 0x400 || code == 0x7fff {
		if at := 2 * int(code); at < len(macLanguages) {
			return macLanguages[at : at+2]
		}
		return ""
	}
	l := [3]byte{byte(code>>10&31) + 0x60, byte(code>>5&31) + 0x60, byte(code&31) + 0x60}
	for _, c := range l {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	return language.Tag(string(l[:]))
}

// macLanguages is the Macintosh language codes of the QuickTime file format, two letters each, as far as they are common.
const macLanguages = "enfrdeitnlsvesdaptnohejaarfielismttrhrzhurhithko"
