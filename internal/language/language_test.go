package language_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/language"
)

func TestLanguages(t *testing.T) {
	for _, c := range []struct{ in, tag, code string }{
		{"", "", ""}, {"und", "", ""}, {"UND", "", ""}, {"und-Latn", "", ""},
		{"en", "en", "eng"}, {"eng", "en", "eng"}, {"EN", "en", "eng"}, {"ENG", "en", "eng"},
		{"de", "de", "deu"}, {"deu", "de", "deu"}, {"ger", "de", "deu"}, {"fre", "fr", "fra"}, {"chi", "zh", "zho"}, {"slo", "sk", "slk"},
		{"wel", "cy", "cym"}, {"aa", "aa", "aar"}, {"zu", "zu", "zul"}, {"alb", "sq", "sqi"},
		{"en-GB", "en-GB", "eng"}, {"eng-GB", "en-GB", "eng"}, {"zh-Hant-TW", "zh-Hant-TW", "zho"}, {"pt-BR", "pt-BR", "por"},
		{"gsw", "gsw", "gsw"}, {"qaa", "qaa", "qaa"}, {"mul", "mul", "mul"}, {"qaa-x-foo", "qaa-x-foo", "qaa"},
		{"xx", "xx", ""}, {"x-klingon", "x-klingon", ""}, {"english", "english", ""}, {"e1", "e1", ""},
		{"e", "", ""}, {"-", "", ""}, {"en-", "", "eng"}, {"a\x00b", "", ""}, {"é", "", ""}, {"\u212Ao", "", ""}, {"e n", "", ""}, {"en\"", "", ""},
	} {
		require.Equal(t, c.tag, language.Tag(c.in), "tag of %q", c.in)
		require.Equal(t, c.code, language.Code(c.in), "code of %q", c.in)
	}
}

// Every code comes back from its tag, and a tag from its code.
func TestThereAndBack(t *testing.T) {
	n := 0
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			tag := string([]rune{a, b})
			code := language.Code(tag)
			if code == "" {
				continue
			}
			n++
			require.Len(t, code, 3)
			require.Equal(t, tag, language.Tag(code), code)
			require.Equal(t, code, language.Code(code))
		}
	}
	require.Equal(t, 184, n, "languages with a code of two letters")
}

func TestWellFormed(t *testing.T) {
	for tag, want := range map[string]bool{
		"en": true, "zh-Hant-TW": true, "x-a": true, "": false, "e": false, "en--GB": false, "en_GB": false, "en-GB ": false,
		"abcdefgh-abcdefgh-abcdefgh-abcdefgh-abcdefgh-abcdefgh-abcdefgh-abcdefgh": false,
	} {
		require.Equal(t, want, language.WellFormed(tag), tag)
	}
}

// FuzzTag: what is made of anything is well-formed, and its own shortest form.
func FuzzTag(f *testing.F) {
	for _, s := range []string{"", "ger", "en-GB", "eng-x", "\u212A", "a-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag := language.Tag(s)
		if tag != "" {
			require.True(t, language.WellFormed(tag), "%q", tag)
		}
		require.Equal(t, tag, language.Tag(tag))
		if code := language.Code(s); code != "" {
			require.Len(t, code, 3)
		}
	})
}
