// Package language translates between the tags of BCP 47, which manifests and the model speak, and the codes of three
// letters of ISO 639-2, which boxes and descriptors hold.
//
//	language.Tag("ger")    // de
//	language.Code("de-AT") // deu
//
// It knows the primary languages that have a code of two letters; all others have one of three letters, which is tag and
// code alike. Scripts, regions and variants are passed on as they are, and nothing says whether a code is assigned.
package language

import "strings"

// Tag is the shortest BCP 47 tag (RFC 5646, 2.2.1) for an ISO 639-2 code, bibliographic or terminological, or for a tag
// that begins with one. What is not of the form of a language gives an empty string, as und does: undetermined.
func Tag(code string) string {
	primary, rest, more := strings.Cut(code, "-")
	primary = lower(primary)
	switch {
	case !WellFormed(code) || primary == "und":
		return ""
	case len(primary) == 3:
		primary = two(terminological(primary))
	}
	if more {
		return primary + "-" + rest
	}
	return primary
}

// Code is the ISO 639-2/T code for a BCP 47 tag's primary language; empty where there is none, or it is und.
func Code(tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	primary = lower(primary)
	switch {
	case !letters(primary) || primary == "und":
		return ""
	case len(primary) == 3:
		return terminological(primary)
	case len(primary) == 2:
		for i := 0; i < len(codes); i += 6 {
			if codes[i:i+2] == primary {
				return codes[i+2 : i+5]
			}
		}
	}
	return ""
}

// WellFormed reports whether tag is of the form of one in earnest: letters, digits and hyphens, 2 to 64 of them
// (RFC 5646, 2.1 and 4.4.1), and no empty subtag.
func WellFormed(tag string) bool {
	for sub := range strings.SplitSeq(tag, "-") {
		if sub == "" || !alphanumeric(sub) {
			return false
		}
	}
	return len(tag) >= 2 && len(tag) <= 64
}

// two is the code of two letters for one of three, or that itself.
func two(code string) string {
	for i := 0; i < len(codes); i += 6 {
		if codes[i+2:i+5] == code {
			return codes[i : i+2]
		}
	}
	return code
}

// terminological is the ISO 639-2/T code for a bibliographic one; any other is returned as it is.
func terminological(code string) string {
	for i := 0; i < len(bibliographic); i += 7 {
		if bibliographic[i:i+3] == code {
			return bibliographic[i+3 : i+6]
		}
	}
	return code
}

// lower leaves all but ASCII alone: a Kelvin sign is no k.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func letters(s string) bool {
	for _, c := range []byte(s) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

func alphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// bibliographic holds the codes of ISO 639-2/B that have another of 639-2/T, each before that.
const bibliographic = "albsqi armhye baqeus burmya chizho czeces dutnld frefra geokat gerdeu greell iceisl macmkd maomri " +
	"maymsa perfas rumron sloslk tibbod welcym "

// codes holds each code of ISO 639-1 before its code of ISO 639-2/T.
const codes = "" +
	"aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbih bibis bmbam bnben bobod " +
	"brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng eoepo esspa " +
	"etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin hohmo hrhrv " +
	"hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat kgkon kikik kjkua " +
	"kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin lolao ltlit lulub lvlav " +
	"mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav " +
	"nynya ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd " +
	"sesme sgsag sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir " +
	"tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid " +
	"yoyor zazha zhzho zuzul "
