package cmaf

import "strings"

// ISO 639-1 codes, each with its ISO 639-2/T code.
const iso639 = "aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbih bibis " +
	"bmbam bnben bobod brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe " +
	"elell eneng eoepo esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv " +
	"hahau heheb hihin hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku " +
	"jajpn jvjav kakat kgkon kikik kjkua kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz " +
	"lglug lilim lnlin lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob " +
	"ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor " +
	"quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd sesme sgsag sisin skslk slslv smsmo snsna sosom sqsqi srsrp " +
	"ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah " +
	"uguig ukukr ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor zazha zhzho zuzul "

// language splits a BCP 47 tag into the code of mdhd (ISO 639-2/T) and what elng has to say because mdhd cannot
// (14496-12, 8.4.2 and 8.4.6); extended is empty where the code says all.
func language(tag string) (code, extended string) {
	primary, _, more := strings.Cut(strings.ToLower(tag), "-")
	code = "und"
	switch {
	case !letters(primary):
	case len(primary) == 3:
		code = primary
	case len(primary) == 2:
		for i := 0; i < len(iso639); i += 6 {
			if iso639[i:i+2] == primary {
				code = iso639[i+2 : i+5]
			}
		}
	}
	if wellFormed(tag) && (more || code == "und" && primary != "und") {
		extended = tag
	}
	return code, extended
}

func letters(s string) bool {
	for _, c := range []byte(s) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// wellFormed: letters, digits and hyphens, as long as tags are in earnest (RFC 5646, 4.4.1).
func wellFormed(tag string) bool {
	for _, c := range []byte(strings.ToLower(tag)) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(tag) >= 2 && len(tag) <= 64
}
