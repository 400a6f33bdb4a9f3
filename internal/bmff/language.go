package bmff

import "strings"

// language is the BCP 47 tag of a packed ISO 639-2 code (14496-12, 8.4.2.3) or an old Macintosh language code; empty:
// undetermined.
func language(code uint16) string {
	if code < 0x400 || code == 0x7fff {
		if int(code) < len(macLanguages) {
			return macLanguages[code]
		}
		return ""
	}
	l := string([]byte{byte(code>>10&31) + 0x60, byte(code>>5&31) + 0x60, byte(code&31) + 0x60})
	for _, c := range l {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	if l == "und" {
		return ""
	}
	// BCP 47 wants the two-letter code where there is one (RFC 5646, 2.2.1).
	for from := 0; ; {
		i := strings.Index(iso639[from:], l)
		if i < 0 {
			return l
		}
		if i += from; i%6 == 0 {
			return iso639[i+3 : i+5]
		}
		from = i + 1
	}
}

// macLanguages is the Macintosh language codes of the QuickTime file format, as far as they are common.
var macLanguages = []string{"en", "fr", "de", "it", "nl", "sv", "es", "da", "pt", "no", "he", "ja", "ar", "fi", "el", "is",
	"mt", "tr", "hr", "zh", "ur", "hi", "th", "ko"}

// iso639 is each three-letter code of ISO 639-2 that has one of two letters, bibliographic and terminological, with it: six bytes each.
const iso639 = "aaraa abkab afraf akaak albsq amham araar argan armhy asmas avaav aveae aymay azeaz bakba bambm baqeu belbe benbn " +
	"bihbh bisbi bodbo bosbs brebr bulbg burmy catca cescs chach chece chizh chucu chvcv corkw cosco crecr cymcy czecs " +
	"danda deude divdv dutnl dzodz ellel engen epoeo estet euseu eweee faofo fasfa fijfj finfi frafr frefr fryfy fulff " +
	"geoka gerde glagd glega glggl glvgv greel grngn gujgu hatht hauha hebhe herhz hinhi hmoho hrvhr hunhu hyehy iboig " +
	"iceis idoio iiiii ikuiu ileie inaia indid ipkik islis itait javjv jpnja kalkl kankn kasks katka kaukr kazkk khmkm " +
	"kikki kinrw kirky komkv konkg korko kuakj kurku laolo latla lavlv limli linln litlt ltzlb lublu luglg macmk mahmh " +
	"malml maomi marmr mayms mkdmk mlgmg mltmt monmn mrimi msams myamy nauna navnv nblnr ndend ndong nepne nldnl nnonn " +
	"nobnb norno nyany ocioc ojioj orior ormom ossos panpa perfa plipi polpl porpt pusps quequ rohrm ronro rumro runrn " +
	"rusru sagsg sansa sinsi slksk slosk slvsl smese smosm snasn sndsd somso sotst spaes sqisq srdsc srpsr sswss sunsu " +
	"swasw swesv tahty tamta tattt telte tgktg tgltl thath tibbo tirti tonto tsntn tsots tuktk turtr twitw uigug ukruk " +
	"urdur uzbuz venve vievi volvo welcy wlnwa wolwo xhoxh yidyi yoryo zhaza zhozh zulzu "
