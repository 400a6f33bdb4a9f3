package dash_test

import (
	"encoding/base64"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/packager/media"
)

// descriptor is a ContentProtection as a reader with namespaces finds it.
type descriptor struct {
	Scheme     string `xml:"schemeIdUri,attr"`
	Value      string `xml:"value,attr"`
	KID        string `xml:"urn:mpeg:cenc:2013 default_KID,attr"`
	Robustness string `xml:"robustness,attr"`
	Ref        string `xml:"ref,attr"`
	RefID      string `xml:"refId,attr"`
	PSSH       string `xml:"urn:mpeg:cenc:2013 pssh"`
	PRO        string `xml:"urn:microsoft:playready pro"`
	Laurl      string `xml:"https://dashif.org/CPS Laurl"`
}

type property struct {
	Scheme string `xml:"schemeIdUri,attr"`
	Value  string `xml:"value,attr"`
}

type protectedSet struct {
	ID         string       `xml:"id,attr"`
	Kind       string       `xml:"contentType,attr"`
	Protection []descriptor `xml:"ContentProtection"`
	Properties []property   `xml:"SupplementalProperty"`
	Roles      []property   `xml:"Role"`
	Template   struct {
		Init   string `xml:"initialization,attr"`
		Number uint64 `xml:"startNumber,attr"`
		Offset int64  `xml:"presentationTimeOffset,attr"`
	} `xml:"SegmentTemplate"`
	Representations []struct {
		ID string `xml:"id,attr"`
	} `xml:"Representation"`
}

func (s *protectedSet) property(scheme string) (values []string) {
	for _, p := range s.Properties {
		if p.Scheme == scheme {
			values = append(values, p.Value)
		}
	}
	return values
}

type protectedMPD struct {
	Protection []descriptor `xml:"ContentProtection"`
	Periods    []struct {
		ID       string         `xml:"id,attr"`
		Start    exact          `xml:"start,attr"`
		Duration exact          `xml:"duration,attr"`
		Sets     []protectedSet `xml:"AdaptationSet"`
	} `xml:"Period"`
}

// exact is an xs:duration without rounding.
type exact time.Duration

func (e *exact) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(string(text), "PT")))
	*e = exact(d)
	return err
}

func readProtected(t *testing.T, tl *media.Timeline, opts *manifest.Options) (m protectedMPD) {
	t.Helper()
	text, err := dash.MPD(tl, time.Time{}, opts)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(text, &m))
	return m
}

const (
	generic    = "urn:mpeg:dash:mp4protection:2011"
	switching  = "urn:mpeg:dash:adaptation-set-switching:2016"
	continuity = "urn:mpeg:dash:period-continuity:2015"
)

func signals(scheme drm.Scheme, list ...drm.Signal) *manifest.Options {
	k := &manifest.Key{Scheme: scheme, ID: drm.KeyID{0xAB, 15: 1}, Signals: list}
	return &manifest.Options{Key: func(*media.Period, string, uint64) *manifest.Key { return k }}
}

func TestContentProtection(t *testing.T) {
	box := []byte("\x00\x00\x00\x0Cpssh1234")
	b64 := base64.StdEncoding.EncodeToString(box)
	const cenc = `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">QUJD</cenc:pssh>`
	first := descriptor{Scheme: generic, Value: "cbcs", KID: "ab000000-0000-0000-0000-000000000001"}
	for _, c := range []struct {
		name string
		in   drm.Signal
		want *descriptor
	}{
		{"as the server says", drm.Signal{System: drm.Widevine, DASH: cenc, DASHValue: "Widevine", Robustness: "HW"},
			&descriptor{Scheme: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", Value: "Widevine", Robustness: "HW", PSSH: "QUJD"}},
		{"its pssh, not ours too", drm.Signal{System: drm.Widevine, DASH: cenc, PSSH: box},
			&descriptor{Scheme: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", PSSH: "QUJD"}},
		{"a prefix of its own", drm.Signal{System: drm.Widevine, DASH: `<p xmlns="urn:mpeg:cenc:2013"/><q:pssh xmlns:q="urn:mpeg:cenc:2013">QUJD</q:pssh>`, PSSH: box},
			&descriptor{Scheme: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", PSSH: "QUJD"}},
		{"the prefix of the MPD", drm.Signal{System: drm.Widevine, DASH: `<cenc:pssh>QUJD</cenc:pssh>`},
			&descriptor{Scheme: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", PSSH: "QUJD"}},
		{"a box alone", drm.Signal{System: drm.Irdeto, PSSH: box}, &descriptor{Scheme: "urn:uuid:80a6be7e-1448-4c37-9e70-d5aebe04c8d2", PSSH: b64}},
		{"both of PlayReady", drm.Signal{System: drm.PlayReady, DASHValue: "MSPR 2.0", PSSH: box, DASH: `<mspr:pro xmlns:mspr="urn:microsoft:playready">UFJP</mspr:pro>`},
			&descriptor{Scheme: "urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95", Value: "MSPR 2.0", PSSH: b64, PRO: "UFJP"}},
		{"clear key, by default_KID", drm.Signal{System: drm.ClearKey, PSSH: box, DASH: `<d:Laurl xmlns:d="https://dashif.org/CPS">https://a/b?c=d&amp;e</d:Laurl>`},
			&descriptor{Scheme: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e", Value: "ClearKey1.0", Laurl: "https://a/b?c=d&e"}},
		{"clear key under its DASH name", drm.Signal{System: drm.DASHIFClearKey, PSSH: box, DASHValue: "v"},
			&descriptor{Scheme: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e", Value: "v"}},
		{"nothing to say", drm.Signal{System: drm.FairPlay, HLS: `METHOD=SAMPLE-AES,URI="skd://k"`}, nil},
		{"a key for the asking", drm.Signal{System: drm.Identity, PSSH: box, DASH: cenc}, nil},
		{"and as SPEKE 1 calls it", drm.Signal{System: drm.IdentitySPEKE1, PSSH: box}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := []descriptor{first}
			if c.want != nil {
				want = append(want, *c.want)
			}
			for _, s := range readProtected(t, timelines.Two(), signals(drm.CBCS, c.in, c.in)).Periods[0].Sets {
				require.Equal(t, want, s.Protection, "each system once")
			}
		})
	}
}

func TestProtectionRefused(t *testing.T) {
	for _, scheme := range []drm.Scheme{drm.AES128, drm.SampleAES, "x"} {
		opts := signals(scheme)
		opts.Key(nil, "", 0).Period = 1
		_, err := dash.MPD(timelines.Two(), time.Time{}, opts)
		require.ErrorIs(t, err, drm.ErrIncompatible)
	}
	for _, children := range []string{
		"text", "<a>", "</a>", "<a></b>", `<a/>x`, `<?xml version="1.0"?><a/>`, "<!DOCTYPE a><a/>", "<a>&evil;</a>", "<a b=c/>",
		"<x:a/>", `<a x:b="c"/>`, `<a xmlns:x="u:x"/><x:b/>`, "<a>\x01</a>", "</ContentProtection><ContentProtection>", "<a b='\xff'/>",
	} {
		_, err := dash.MPD(timelines.Two(), time.Time{}, signals(drm.CENC, drm.Signal{System: drm.Widevine, DASH: children}))
		require.ErrorIs(t, err, drm.ErrFormat, "%q", children)
	}
	// one initialization segment cannot be under two keys
	var keys []*manifest.Key
	for i := range 6 {
		keys = append(keys, &manifest.Key{Scheme: drm.CENC, ID: drm.KeyID{byte(i)}})
	}
	opts := &manifest.Options{Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return keys[n] }}
	_, err := dash.MPD(timelines.Two(), time.Time{}, opts)
	require.ErrorIs(t, err, drm.ErrIncompatible)
	opts.InBandKeys = true
	_, err = dash.MPD(timelines.Two(), time.Time{}, opts)
	require.NoError(t, err)
}

// TestF24ClearSets: what is clear says nothing; where nothing is encrypted, the MPD knows no namespace for it.
func TestF24ClearSets(t *testing.T) {
	for _, c := range cases() {
		text, err := dash.MPD(c.Timeline, time.Time{}, c.Options)
		require.NoError(t, err)
		protected := c.Options != nil && c.Options.Key != nil
		require.Equal(t, protected, strings.Contains(string(text), "xmlns:cenc"), c.Name)
		require.Equal(t, protected, strings.Contains(string(text), "ContentProtection"), c.Name)
		require.NotContains(t, string(text), "3ea8778f", "KEYFORMAT identity is for HLS")
	}
	for _, c := range protected() {
		if c.Name == "clearsound" {
			for _, s := range readProtected(t, c.Timeline, c.Options).Periods[0].Sets {
				require.Equal(t, s.Kind == "video", len(s.Protection) > 0)
			}
		}
	}
}

// TestF16F23KeyOfEachSegment: each segment of each protected presentation is listed once, in a set that names its key, under
// the initialization segment of that key.
func TestF16F23KeyOfEachSegment(t *testing.T) {
	for _, c := range protected() {
		t.Run(c.Name, func(t *testing.T) { keyOfEachSegment(t, c) })
	}
}

func keyOfEachSegment(t *testing.T, c timelines.Case) {
	m := readProtected(t, c.Timeline, c.Options)
	ids := map[string]bool{}
	for i, p := range m.Periods {
		require.False(t, ids[p.ID], "Period %s twice", p.ID)
		ids[p.ID] = true
		if i > 0 {
			require.Equal(t, m.Periods[i-1].Start+m.Periods[i-1].Duration, p.Start)
		}
	}
	protection := map[string][]descriptor{} // by Period and Representation
	for _, p := range m.Periods {
		for _, s := range p.Sets {
			for _, r := range s.Representations {
				protection[p.ID+" "+r.ID] = s.Protection
			}
		}
	}
	listed := map[string]int{}
	inits := map[string]uint64{}
	expand(parse(t, c.Timeline, c.Options), func(p *mpd.Period, r *mpd.Representation, _ *mpd.SegmentTemplate, url string, _, d int64) {
		ref, err := manifest.Paths{}.Parse(url)
		require.NoError(t, err)
		where := p.ID + " " + *r.ID
		if d == 0 {
			inits[where] = ref.Key
			return
		}
		listed[url]++
		tp, _, err := c.Timeline.Find(*r.ID, ref.Number)
		require.NoError(t, err)
		k := c.Options.Key(tp, *r.ID, ref.Number)
		if k == nil {
			return // clear, or in a clear lead: see TestLead
		}
		require.NotEmpty(t, protection[where], url)
		first := protection[where][0]
		require.Equal(t, generic, first.Scheme)
		require.EqualValues(t, k.Scheme, first.Value)
		if c.Options.InBandKeys {
			require.Empty(t, first.KID)
			require.Zero(t, inits[where])
			return
		}
		require.Equal(t, k.ID.String(), first.KID, url)
		require.Equal(t, k.Period, inits[where], url)
	})
	total := 0
	for _, p := range c.Timeline.Periods {
		for _, r := range p.Renditions {
			total += r.Segments.Len()
		}
	}
	require.Len(t, listed, total)
	for url, n := range listed {
		require.Equal(t, 1, n, url)
	}
}

// With @ref an MPD says the same as without, once.
func TestReferenced(t *testing.T) {
	for _, c := range protected() {
		if !c.Options.ReferencedKeys {
			continue
		}
		short := readProtected(t, c.Timeline, c.Options)
		require.NotEmpty(t, short.Protection)
		byID := map[string]descriptor{}
		for _, d := range short.Protection {
			require.NotEmpty(t, d.RefID)
			require.NotContains(t, byID, d.RefID)
			byID[d.RefID] = d
		}
		whole := *c.Options
		whole.ReferencedKeys = false
		long := readProtected(t, c.Timeline, &whole)
		require.Empty(t, long.Protection)
		for i, p := range short.Periods {
			for k, s := range p.Sets {
				for j, d := range s.Protection {
					require.Equal(t, d.Scheme != generic, d.Ref != "", "the key id stays where it is")
					if d.Ref != "" {
						require.Empty(t, d.PSSH+d.PRO+d.Laurl)
						d, d.Ref, d.RefID = byID[d.Ref], "", ""
						d.RefID = ""
					}
					require.Equal(t, long.Periods[i].Sets[k].Protection[j], d)
				}
			}
		}
	}
}

// Two descriptions of a key that differ do not share one reference.
func TestReferencedDiffer(t *testing.T) {
	key := func(pssh string) *manifest.Key {
		return &manifest.Key{Scheme: drm.CENC, ID: drm.KeyID{1}, Signals: []drm.Signal{{System: drm.Widevine, PSSH: []byte(pssh)}}}
	}
	keys := map[string]*manifest.Key{"v1": key("one"), "en": key("two"), "fr": key("one")}
	m := readProtected(t, timelines.Two(), &manifest.Options{ReferencedKeys: true, Key: func(_ *media.Period, r string, _ uint64) *manifest.Key { return keys[r] }})
	require.Len(t, m.Protection, 1)
	var refs []bool
	for _, s := range m.Periods[0].Sets {
		refs = append(refs, s.Protection[1].Ref != "")
	}
	require.Equal(t, []bool{true, false, true}, refs)
}

// With keys in band an MPD says which systems there are and nothing of any key.
func TestInBand(t *testing.T) {
	for _, c := range protected() {
		if c.Name != "inband" {
			continue
		}
		m := readProtected(t, c.Timeline, c.Options)
		require.Len(t, m.Periods, 1)
		require.Equal(t, "0", m.Periods[0].ID)
		for _, s := range m.Periods[0].Sets {
			require.Equal(t, []descriptor{
				{Scheme: generic, Value: "cenc"},
				{Scheme: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e", Value: "ClearKey1.0", Laurl: "/drm/clearkey"},
				{Scheme: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"},
				{Scheme: "urn:uuid:9a04f079-9840-4286-ab92-e65be0885f95", Value: "MSPR 2.0"},
			}, s.Protection)
		}
	}
}

// FuzzChildren: whatever a key server says, the MPD that has it is XML with one more element for the system and no other
// change; or there is none.
func FuzzChildren(f *testing.F) {
	for _, c := range protected() {
		for _, s := range c.Options.Key(c.Timeline.Periods[0], "v1", 3).Signals {
			f.Add(s.DASH, false)
		}
	}
	f.Add(`<a xmlns="u:x" b="]]>"><!-- </a> --><![CDATA[</ContentProtection>]]></a>`, true)
	f.Add(`<mspr:pro xmlns:mspr="urn:microsoft:playready"><pssh/></mspr:pro><a/>`, true)
	f.Fuzz(func(t *testing.T, children string, inBand bool) {
		opts := signals(drm.CENC, drm.Signal{System: drm.Widevine, DASH: children, PSSH: []byte("x")})
		opts.InBandKeys = inBand
		text, err := dash.MPD(timelines.Seconds(90000, 90000), time.Time{}, opts)
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		var m protectedMPD
		require.NoError(t, xml.Unmarshal(text, &m))
		require.Len(t, m.Periods, 1)
		require.Len(t, m.Periods[0].Sets, 1)
		s := m.Periods[0].Sets[0]
		require.Len(t, s.Protection, 2)
		require.Equal(t, "urn:uuid:"+string(drm.Widevine), s.Protection[1].Scheme)
		if inBand {
			require.Empty(t, s.Protection[1].PSSH)
		}
		require.Len(t, s.Representations, 1)
	})
}
