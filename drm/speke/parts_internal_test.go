package speke

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

func TestFragment(t *testing.T) {
	const cenc, mspr = ` xmlns:cenc="urn:mpeg:cenc:2013"`, ` xmlns:mspr="urn:microsoft:playready"`
	for name, tt := range map[string]struct{ in, out string }{
		"declared":            {`<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`, `<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`},
		"not declared":        {`<cenc:pssh>AAAA</cenc:pssh>`, `<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`},
		"several roots":       {"<cenc:pssh>AAAA</cenc:pssh>\n <mspr:pro>AA\nAA</mspr:pro>\n", `<cenc:pssh` + cenc + `>AAAA</cenc:pssh><mspr:pro` + mspr + `>AAAA</mspr:pro>`},
		"another prefix":      {`<a:pssh xmlns:a="urn:mpeg:cenc:2013">AAAA</a:pssh>`, `<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`},
		"default namespace":   {`<pssh xmlns="urn:mpeg:cenc:2013">AAAA</pssh>`, `<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`},
		"unknown namespace":   {`<x:a xmlns:x="urn:x"><x:b c="&lt;1" x:d="2"/></x:a>`, `<a xmlns="urn:x"><b c="&lt;1" xmlns:ns6="urn:x" ns6:d="2"></b></a>`},
		"no namespace":        {`<a><b xmlns="urn:b"/><c/></a>`, `<a><b xmlns="urn:b"></b><c></c></a>`},
		"declaration of XML":  {"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<a/>", `<a></a>`},
		"comments":            {`<!-- Widevine --><a>1<!-- -->2</a>`, `<a>12</a>`},
		"licence server":      {`<dashif:Laurl>https://example.com/a?b=1&amp;c=2</dashif:Laurl>`, `<dashif:Laurl xmlns:dashif="https://dashif.org/CPS">https://example.com/a?b=1&amp;c=2</dashif:Laurl>`},
		"the element as well": {`<ContentProtection xmlns="urn:mpeg:dash:schema:mpd:2011" schemeIdUri="urn:uuid:x" value="v" robustness="SW"><cenc:pssh>AAAA</cenc:pssh></ContentProtection>`, `<cenc:pssh` + cenc + `>AAAA</cenc:pssh>`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parseFragment([]byte(tt.in))
			require.NoError(t, err)
			require.Equal(t, tt.out, f.xml)
			again, err := parseFragment([]byte(f.xml))
			require.NoError(t, err)
			require.Equal(t, f.xml, again.xml)
			if name == "the element as well" {
				require.Equal(t, "v", f.value)
				require.Equal(t, "SW", f.robustness)
			}
		})
	}
	for name, in := range map[string]string{
		"not closed": "<a>", "closed twice": "<a/></fragment><fragment>", "more at the end": "<a/></fragment><b/>",
		"text": "hello", "prefix": "<x:a/>", "prefix of an attribute": `<a x:b="1"/>`, "no base64": "<cenc:pssh>!</cenc:pssh>",
		"document type": "<!DOCTYPE a><a/>", "entity": "<a>&x;</a>", "deep": strings.Repeat("<a>", 30) + strings.Repeat("</a>", 30),
		"attribute twice": `<a b="1" b="2"/>`, "attribute twice in a namespace": `<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>`,
		"empty prefix": "<:a/>", "empty name": "<a:/>", "attribute without prefix": `<a :b="1"/>`, "the namespace of namespaces": `<x:a xmlns:x="http://www.w3.org/2000/xmlns/"/>`,
		"attributes": "<a" + strings.Repeat(` b="1"`, 100) + "/>",
		"long":       strings.Repeat("<a/>", 300),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFragment([]byte(in))
			require.ErrorIs(t, err, drm.ErrFormat)
		})
	}
}

func FuzzFragment(f *testing.F) {
	for _, in := range []string{"<cenc:pssh>AAAA</cenc:pssh><mspr:pro>AAAA</mspr:pro>", `<x:a xmlns:x="urn:x" x:b="c"><d xmlns="urn:d">e</d></x:a>`, `<ContentProtection value="1"><a/></ContentProtection>`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := parseFragment(in)
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		// It stands alone, whatever is around it.
		require.NoError(t, xml.Unmarshal([]byte("<x>"+got.xml+"</x>"), &struct{}{}), "%s", got.xml)
	})
}

func TestTag(t *testing.T) {
	for in, want := range map[string]string{
		`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a,b=c",KEYFORMAT="x"`: `METHOD=SAMPLE-AES,URI="skd://a,b=c",KEYFORMAT="x"`,
		"#EXT-X-KEY:URI=\"u\", METHOD=AES-128,IV=0x01\r\n":             `METHOD=AES-128,URI="u",IV=0x01`,
		"\xEF\xBB\xBF#EXT-X-KEY:METHOD=NONE":                           "METHOD=NONE",
		`#EXT-X-KEY:METHOD=AES-128,URI=""`:                             `METHOD=AES-128,URI=""`,
	} {
		a, err := parseTag([]byte(in), "#EXT-X-KEY")
		require.NoError(t, err, in)
		require.Equal(t, want, a.String())
	}
	for _, in := range []string{
		"", "#EXT-X-KEY", "#EXT-X-KEY:", "METHOD=NONE", "#EXT-X-SESSION-KEY:METHOD=NONE", `#EXT-X-KEY:URI="u"`, "#EXT-X-KEY:METHOD", "#EXT-X-KEY:METHOD=",
		"#EXT-X-KEY:METHOD=NONE,", "#EXT-X-KEY:METHOD=NONE,,A=1", "#EXT-X-KEY:METHOD=NONE,METHOD=NONE", `#EXT-X-KEY:METHOD=NONE,URI="u`, `#EXT-X-KEY:METHOD=NONE,URI="u"x`,
		"#EXT-X-KEY:METHOD=NONE,A=\"1\n#X\"", "#EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=NONE", `#EXT-X-KEY:METHOD=NONE,A=b"c`, "#EXT-X-KEY:METHOD=NONE,URI=\"\xFF\"",
		"#EXT-X-KEY:METHOD=NONE,URI=\"a\r#EXT-X-ENDLIST\"", "#EXT-X-KEY:method=NONE", "#EXT-X-KEY:METHOD=A B",
	} {
		_, err := parseTag([]byte(in), "#EXT-X-KEY")
		require.ErrorIs(t, err, drm.ErrFormat, in)
	}
}

func FuzzTag(f *testing.F) {
	f.Add([]byte(`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a,b=c",KEYFORMAT="x",IV=0x01`))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := parseTag(in, "#EXT-X-KEY")
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		text := a.String()
		require.NotContains(t, text, "\n")
		again, err := parseTag([]byte("#EXT-X-KEY:"+text), "#EXT-X-KEY")
		require.NoError(t, err, text)
		require.Equal(t, a, again)
	})
}

func TestMessage(t *testing.T) {
	require.Equal(t, "Missing CPIX@contentId", message(`{"message":"Missing CPIX@contentId"}`))
	require.Empty(t, message("key 0123 is wrong"))
}

// A tag without KEYFORMAT would have players ask for the bare key.
func TestTagOfUnknownSystem(t *testing.T) {
	q := &query{client: &Client{}, req: &drm.Request{Scheme: drm.CBCS}}
	const unknown = drm.SystemID("00000000-0000-0000-0000-000000000001")
	for format, ok := range map[string]bool{"": false, `,KEYFORMAT=""`: false, `,KEYFORMAT="urn:x"`: true} {
		a, err := parseAttributes(`METHOD=SAMPLE-AES,URI="u"` + format)
		require.NoError(t, err)
		_, err = q.fitTag(unknown, a, &drm.Key{})
		require.Equal(t, ok, err == nil, format)
	}
}

// A list of many attributes is refused before it is searched for those that stand twice.
func TestManyAttributes(t *testing.T) {
	var b strings.Builder
	b.WriteString("METHOD=NONE")
	for i := range 100_000 {
		fmt.Fprintf(&b, ",A%X=1", i)
	}
	start := time.Now()
	_, err := parseAttributes(b.String())
	require.ErrorIs(t, err, drm.ErrFormat)
	require.Less(t, time.Since(start), 2*time.Second)
}
