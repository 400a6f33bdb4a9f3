package hls_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafov/m3u8"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager/media"
)

// signalled is one key with these attribute lists for one rendition of a Timeline.
func signalled(scheme drm.Scheme, iv []byte, lists ...string) *manifest.Options {
	k := &manifest.Key{Scheme: scheme, ID: drm.KeyID{1}, IV: iv}
	for _, list := range lists {
		k.Signals = append(k.Signals, drm.Signal{System: drm.Identity, HLS: list})
	}
	return &manifest.Options{Key: func(*media.Period, string, uint64) *manifest.Key { return k }}
}

func ts(opts *manifest.Options) *manifest.Options {
	opts.Offers = []manifest.Offer{{Rendition: "v1", Ext: "ts", NoInit: true, With: []string{"en"}}}
	return opts
}

// lines are those that begin with a tag, without it.
func lines(text []byte, tag string) (list []string) {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, tag+":"); ok {
			list = append(list, strings.TrimSuffix(rest, "\n"))
		}
	}
	return list
}

func TestKeyTags(t *testing.T) {
	iv := []byte{0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd}
	const hex = "0x0000000102030405060708090a0b0c0d"
	for _, c := range []struct {
		name  string
		iv    []byte
		lists []string
		want  []string
	}{
		{"as it is", nil, []string{`METHOD=AES-128,URI="k"`}, []string{`METHOD=AES-128,URI="k"`}},
		{"no system but one in HLS", nil, []string{"", `METHOD=AES-128,URI="k"`}, []string{`METHOD=AES-128,URI="k"`}},
		{"IV", iv, []string{`METHOD=AES-128,URI="k"`}, []string{`METHOD=AES-128,URI="k",IV=` + hex}},
		{"IV of identity by name", iv, []string{`METHOD=SAMPLE-AES,URI="k",KEYFORMAT="identity"`}, []string{`METHOD=SAMPLE-AES,URI="k",KEYFORMAT="identity",IV=` + hex}},
		{"IV is there", iv, []string{`METHOD=AES-128,IV=0xFF,URI="k"`}, []string{`METHOD=AES-128,IV=0xFF,URI="k"`}},
		{"IV in a URI only", iv, []string{`METHOD=AES-128,URI="k,IV=0x1"`}, []string{`METHOD=AES-128,URI="k,IV=0x1",IV=` + hex}},
		{"no IV for another system", iv, []string{`METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"`},
			[]string{`METHOD=SAMPLE-AES,URI="skd://k",KEYFORMAT="com.apple.streamingkeydelivery"`}},
		{"no IV in counter mode", iv, []string{`METHOD=SAMPLE-AES-CTR,URI="k"`}, []string{`METHOD=SAMPLE-AES-CTR,URI="k"`}},
		{"order", nil, []string{`METHOD=SAMPLE-AES,URI="b",KEYFORMAT="b"`, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="a"`},
			[]string{`METHOD=SAMPLE-AES,URI="b",KEYFORMAT="b"`, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="a"`}},
		{"one of a KEYFORMAT", nil, []string{`METHOD=SAMPLE-AES,URI="a"`, `METHOD=SAMPLE-AES,URI="b",KEYFORMAT="identity"`}, []string{`METHOD=SAMPLE-AES,URI="a"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := ts(signalled(drm.AES128, c.iv, c.lists...))
			text, err := hls.Media(timelines.Two(), "v1", opts)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(text, "#EXT-X-KEY"), "once, before the first segment")
			text, err = hls.Multivariant(timelines.Two(), opts)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(text, "#EXT-X-SESSION-KEY"))
		})
	}
}

// What cannot be said is refused: no playlist ever calls clear what is encrypted.
func TestKeysRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		opts *manifest.Options
		want error
	}{
		{"no system", ts(signalled(drm.CBCS, nil)), drm.ErrIncompatible},
		{"none that HLS has", ts(signalled(drm.CBCS, nil, "", "")), drm.ErrIncompatible},
		{"METHOD=NONE", ts(signalled(drm.CBCS, nil, "METHOD=NONE")), drm.ErrFormat},
		{"no METHOD", ts(signalled(drm.CBCS, nil, `URI="METHOD=AES-128"`)), drm.ErrFormat},
		{"two lines", ts(signalled(drm.CBCS, nil, "METHOD=AES-128,URI=\"k\"\n#EXT-X-KEY:METHOD=NONE")), drm.ErrFormat},
		{"a line of another script", ts(signalled(drm.CBCS, nil, "METHOD=AES-128,URI=\"k\u0085\"")), drm.ErrFormat},
		{"no UTF-8", ts(signalled(drm.CBCS, nil, "METHOD=AES-128,URI=\"k\xff\"")), drm.ErrFormat},
		{"two methods", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,URI="k",METHOD=NONE`)), drm.ErrFormat},
		{"text after a quote", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,URI="k"x,KEYFORMAT="identity"`)), drm.ErrFormat},
		{"a quote within", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,URI=k"",KEYFORMAT="identity"`)), drm.ErrFormat},
		{"a comma at the end", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,URI="k",`)), drm.ErrFormat},
		{"a space", ts(signalled(drm.CBCS, nil, `METHOD=AES-128, URI="k"`)), drm.ErrFormat},
		{"no value", ts(signalled(drm.CBCS, nil, `METHOD=,URI="k"`)), drm.ErrFormat},
		{"no URI", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,KEYFORMAT="identity"`)), drm.ErrFormat},
		{"half a quote", ts(signalled(drm.CBCS, nil, `METHOD=AES-128,URI="k`)), drm.ErrFormat},
		{"short IV", ts(signalled(drm.AES128, make([]byte, 8), `METHOD=AES-128,URI="k"`)), drm.ErrKeyLength},
		{"an init segment under AES-128 without IV", signalled(drm.AES128, nil, `METHOD=AES-128,URI="k"`), drm.ErrIncompatible},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := hls.Media(timelines.Two(), "v1", c.opts)
			require.ErrorIs(t, err, c.want)
			require.NotContains(t, err.Error(), `URI=`, "what a key server says stays out of errors")
			if c.name == "an init segment under AES-128 without IV" {
				return // a matter of media playlists
			}
			_, err = hls.Multivariant(timelines.Two(), c.opts)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// state is what a player has when it comes to a segment.
type state struct {
	keys     []string // attribute lists in force, sorted
	init     string
	initKeys []string // those that were in force at the MAP
}

// replay follows a media playlist as a player does (8216bis, 4.4.4.4 and 4.4.4.5) and calls f at each segment.
func replay(t *testing.T, text []byte, f func(uri string, s state)) {
	t.Helper()
	keys := map[string]string{}
	var s state
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case name == "#EXT-X-KEY":
			a := m3u8.DecodeAttributeList(value)
			if a["METHOD"] == "NONE" {
				require.Equal(t, "METHOD=NONE", value)
				require.NotEmpty(t, keys, "nothing to end")
				clear(keys)
			} else {
				format := a["KEYFORMAT"]
				require.NotEqual(t, keys[format], value, "said twice")
				keys[format] = value
			}
			s.keys = nil
			for _, v := range keys {
				s.keys = append(s.keys, v)
			}
			slices.Sort(s.keys)
		case name == "#EXT-X-MAP":
			require.NotEqual(t, s.init, value, "said twice")
			s.init, s.initKeys = m3u8.DecodeAttributeList(value)["URI"], s.keys
		case line != "" && line[0] != '#':
			f(line, s)
		}
	}
}

// TestF16F23F24Keys: of each protected presentation, each segment is under the key that it has, for all systems, and under
// the initialization segment of that key; what is clear is under none.
func TestF16F23F24Keys(t *testing.T) {
	for _, c := range timelines.Protected() {
		t.Run(c.Name, func(t *testing.T) {
			for _, o := range c.Options.Offered(c.Timeline) {
				text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
				require.NoError(t, err)
				seen := 0
				replay(t, text, func(uri string, s state) {
					ref, err := manifest.Paths{}.Parse(uri)
					require.NoError(t, err)
					p, _, err := c.Timeline.Find(o.Rendition, ref.Number)
					if err != nil {
						return // a gap
					}
					seen++
					k := c.Options.Key(p, o.Rendition, ref.Number)
					require.Equal(t, lists(k), s.keys, uri)
					if o.NoInit {
						require.Empty(t, s.init)
						return
					}
					init, err := manifest.Paths{}.Parse(s.init)
					require.NoError(t, err)
					require.Equal(t, p.ID, init.Period)
					switch {
					case k == nil && strings.HasPrefix(c.Name, "aes128"):
						require.Zero(t, init.Key)
						require.Empty(t, s.initKeys, "not encrypted")
					case k != nil && !c.Options.InBandKeys:
						require.Equal(t, k.Period, init.Key)
						if k.Scheme == drm.AES128 {
							require.Equal(t, s.keys, s.initKeys, "the key covers the init segment")
						}
					}
				})
				require.NotZero(t, seen)
			}
		})
	}
}

// lists are the attribute lists of a key as they must be, sorted; nil for none.
func lists(k *manifest.Key) (all []string) {
	if k == nil {
		return nil
	}
	for _, s := range k.Signals {
		list := s.HLS
		if k.IV != nil && s.System == drm.Identity {
			list += fmt.Sprintf(",IV=0x%032x", k.IV)
		}
		if s.HLS != "" {
			all = append(all, list)
		}
	}
	slices.Sort(all)
	return all
}

// TestF25OneKeyTag: a key is named once and not again while it stays, over Periods too, and an IV has 32 digits whatever
// it begins with.
func TestF25OneKeyTag(t *testing.T) {
	tl := timelines.Periods()
	opts := ts(signalled(drm.AES128, []byte{15: 7}, `METHOD=AES-128,URI="k"`))
	text, err := hls.Media(tl, "v1", opts)
	require.NoError(t, err)
	require.Equal(t, []string{`METHOD=AES-128,URI="k",IV=0x00000000000000000000000000000007`}, lines(text, "#EXT-X-KEY"))
	require.Equal(t, 2, strings.Count(string(text), "#EXT-X-DISCONTINUITY\n"))
}

// A system that the next key lacks must not go on with the key before.
func TestSystemsDiffer(t *testing.T) {
	a := signalled(drm.CBCS, nil, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="x"`, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="y"`).Key(nil, "", 0)
	b := signalled(drm.CBCS, nil, `METHOD=SAMPLE-AES,URI="b",KEYFORMAT="y"`).Key(nil, "", 0)
	opts := ts(&manifest.Options{Key: func(_ *media.Period, _ string, n uint64) *manifest.Key { return []*manifest.Key{a, b, a}[(n-1)/2] }})
	text, err := hls.Media(timelines.Two(), "v1", opts)
	require.NoError(t, err)
	x, y := `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="x"`, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="y"`
	require.Equal(t, []string{x, y, "METHOD=NONE", `METHOD=SAMPLE-AES,URI="b",KEYFORMAT="y"`, x, y}, lines(text, "#EXT-X-KEY"))
}

// The lowest version that has all that is written (8216bis, section 8).
func TestKeyVersions(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{`METHOD=AES-128,URI="k"`, "3"},
		{`METHOD=AES-128,URI="k",IV=0x00000000000000000000000000000000`, "3"},
		{`METHOD=AES-128,URI="k",KEYFORMAT="identity"`, "5"},
		{`METHOD=AES-128,URI="k",KEYFORMATVERSIONS="1"`, "5"},
		{`METHOD=SAMPLE-AES,URI="k"`, "5"},
	} {
		opts := ts(signalled(drm.AES128, nil, c.list))
		// segments of whole seconds: the target duration asks for nothing
		opts.Offers[0].With = nil
		text, err := hls.Media(timelines.Two(), "v1", opts)
		require.NoError(t, err)
		require.Equal(t, c.want, read(t, text).tags["#EXT-X-VERSION"], c.list)
		text, err = hls.Multivariant(timelines.Two(), opts)
		require.NoError(t, err)
		require.Equal(t, []string{c.want}, lines(text, "#EXT-X-VERSION"))
	}
}

// Session keys: those of what is offered, each once, with tags that agree with the media playlists'.
func TestSessionKeys(t *testing.T) {
	for _, c := range timelines.Protected() {
		text, err := hls.Multivariant(c.Timeline, c.Options)
		require.NoError(t, err)
		got := lines(text, "#EXT-X-SESSION-KEY")
		require.Equal(t, c.Options.NoSessionKeys, len(got) == 0, c.Name)
		require.Len(t, unique(got), len(got), c.Name)
		var all []string
		for _, o := range c.Options.Offered(c.Timeline) {
			text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
			require.NoError(t, err)
			all = append(all, lines(text, "#EXT-X-KEY")...)
		}
		for _, list := range got {
			require.Contains(t, all, list, c.Name)
		}
		if !strings.Contains(c.Name, "rotation") && c.Name != "inband" && !c.Options.NoSessionKeys {
			want := unique(all)
			delete(want, "METHOD=NONE")
			require.Equal(t, want, unique(got), c.Name)
		}
	}
}

func TestSessionKeyOfItsOwn(t *testing.T) {
	key := func(session string) *manifest.Options {
		opts := signalled(drm.CBCS, nil, `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="1"`)
		opts.Key(nil, "", 0).Signals[0].Session = session
		return opts
	}
	for session, want := range map[string]string{
		`METHOD=SAMPLE-AES,URI="all",KEYFORMAT="f"`:                                         `METHOD=SAMPLE-AES,URI="all",KEYFORMAT="f"`,
		`METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="1",CHARACTERISTICS="x"`: `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="1",CHARACTERISTICS="x"`,
		// one URI, other attributes: a player may not take both
		`METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="2"`: `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="1"`,
		`METHOD=SAMPLE-AES-CTR,URI="a",KEYFORMAT="f"`:                   `METHOD=SAMPLE-AES,URI="a",KEYFORMAT="f",KEYFORMATVERSIONS="1"`,
	} {
		text, err := hls.Multivariant(timelines.Two(), key(session))
		require.NoError(t, err)
		require.Equal(t, []string{want}, lines(text, "#EXT-X-SESSION-KEY"))
	}
	_, err := hls.Multivariant(timelines.Two(), key("METHOD=NONE"))
	require.ErrorIs(t, err, drm.ErrFormat)
}

// What still grows is joined at its end: the newest key is the one to have.
func TestSessionKeyOfLive(t *testing.T) {
	tl := timelines.Ladder(60, 6)
	opts := &manifest.Options{Key: timelines.Keys{Scheme: drm.CBCS, Systems: []drm.SystemID{drm.FairPlay}, Interval: 20}.Key()}
	for _, ended := range []bool{true, false} {
		tl.Ended = ended
		text, err := hls.Multivariant(tl, opts)
		require.NoError(t, err)
		n := map[bool]uint64{true: 1, false: 10}[ended]
		require.Equal(t, lists(opts.Key(tl.Periods[0], "v1", n)), lines(text, "#EXT-X-SESSION-KEY"))
	}
}

func TestOutputProtection(t *testing.T) {
	level := map[string]string{"v1": "NONE", "v2": "TYPE-0", "v3": "TYPE-1", "a1": ""}
	keys := map[string]*manifest.Key{}
	for r, l := range level {
		keys[r] = &manifest.Key{Scheme: drm.CBCS, Period: uint64(len(keys)), Signals: []drm.Signal{
			{HLS: `METHOD=SAMPLE-AES,URI="` + r + `",KEYFORMAT="x"`, HDCPLevel: l, AllowedCPC: map[bool]string{true: "x:" + r + "/all", false: "x:sound,y:sound"}[l != ""]},
			{HLS: `METHOD=SAMPLE-AES,URI="` + r + `",KEYFORMAT="z"`, AllowedCPC: "no colon\""},
		}}
	}
	text, err := hls.Multivariant(timelines.Ladder(60, 6), &manifest.Options{
		Key: func(_ *media.Period, r string, _ uint64) *manifest.Key { return keys[r] },
	})
	require.NoError(t, err)
	for _, line := range lines(text, "#EXT-X-STREAM-INF") {
		a := m3u8.DecodeAttributeList(line)
		r := map[string]string{"640x360": "v1", "1280x720": "v2", "1920x1080": "v3"}[a["RESOLUTION"]]
		require.Equal(t, level[r], a["HDCP-LEVEL"])
		require.Equal(t, "x:"+r+"/all,y:sound", a["ALLOWED-CPC"], "an entry for each KEYFORMAT, the video's first")
	}
}

// Tags come in one order: the discontinuity, the end of the old key, the new key of each system, the map that it covers,
// the date, the segment.
func TestKeyOrder(t *testing.T) {
	segment := `(#EXT-X-GAP\n)?#EXTINF:\d+\.\d{6},\n[^#\n]+\n`
	key := `(#EXT-X-KEY:METHOD=NONE\n)?(#EXT-X-KEY:METHOD=(AES-128|SAMPLE-AES|SAMPLE-AES-CTR),.*\n)*(#EXT-X-MAP:URI="[^"]+"\n)?`
	whole := regexp.MustCompile(`^#EXTM3U\n(#EXT-X-[A-Z-]+:\S+\n){4}(?:(#EXT-X-DISCONTINUITY\n)?` + key + `(?:` + segment + `)+)+#EXT-X-ENDLIST\n$`)
	for _, c := range timelines.Protected() {
		for _, o := range c.Options.Offered(c.Timeline) {
			text, err := hls.Media(c.Timeline, o.Rendition, c.Options)
			require.NoError(t, err)
			require.Regexp(t, whole, string(text), c.Name)
		}
	}
}

// FuzzKeyTag: whatever a key server says, a playlist has it as one line that reads as it was said, or there is none.
func FuzzKeyTag(f *testing.F) {
	for _, c := range timelines.Protected() {
		for _, s := range c.Options.Key(c.Timeline.Periods[0], "v1", 3).Signals {
			f.Add(s.HLS, s.Session, s.AllowedCPC)
		}
	}
	f.Add(`METHOD=AES-128,URI="a=b,METHOD=NONE",IV=0x00`, `METHOD=AES-128`, `a:b/c,"`)
	f.Fuzz(func(t *testing.T, list, session, cpc string) {
		opts := ts(signalled(drm.AES128, make([]byte, 16), list))
		s := &opts.Key(nil, "", 0).Signals[0]
		s.Session, s.AllowedCPC = session, cpc
		text, err := hls.Media(timelines.Seconds(90000, 90000), "v1", opts)
		if err != nil {
			return
		}
		got := lines(text, "#EXT-X-KEY")
		require.Len(t, got, 1)
		require.True(t, strings.HasPrefix(got[0], list))
		require.Equal(t, 9, strings.Count(string(text), "\n"))
		text, err = hls.Multivariant(timelines.Seconds(90000, 90000), opts)
		if err == nil {
			require.Len(t, lines(text, "#EXT-X-SESSION-KEY"), 1)
			require.Equal(t, 6, strings.Count(string(text), "\n"))
		}
	})
}
