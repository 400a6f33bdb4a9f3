package ts

import "strings"

// iso639 is the code of three letters (ISO 639-2/T) for a BCP 47 tag; empty where there is none.
func iso639(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	switch {
	case primary == "und":
		return ""
	case len(primary) == 3 && strings.Trim(primary, "abcdefghijklmnopqrstuvwxyz") == "":
		return primary
	case len(primary) != 2 || strings.Contains(primary, " "):
		return ""
	}
	for i := 0; i < len(languages); i += 6 {
		if languages[i:i+2] == primary {
			return languages[i+2 : i+5]
		}
	}
	return ""
}

// languages holds ISO 639-1, two letters, and 639-2/T, three.
const languages = "" +
	"aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bibis bmbam bnben bobod brbre " +
	"bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng eoepo esspa etest " +
	"eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb hihin hohmo hrhrv hthat " +
	"huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav kakat kgkon kikik kjkua kkkaz " +
	"klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim lnlin lolao ltlit lulub lvlav mgmlg " +
	"mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde nenep ngndo nlnld nnnno nonor nrnbl nvnav nynya " +
	"ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor quque rmroh rnrun roron rurus rwkin sasan scsrd sdsnd sesme " +
	"sgsag sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot susun svswe swswa tatam tetel tgtgk ththa titir tktuk " +
	"tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor " +
	"zazha zhzho zuzul"
