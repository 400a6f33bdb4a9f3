package origin_test

import (
	"encoding/binary"
	"regexp"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
)

// rows of endpoints: how each container is listed.
func allEndpoints() []origin.Endpoint {
	return []origin.Endpoint{
		{Name: "cmaf", Container: origin.CMAF, Manifests: []origin.Manifest{{Format: origin.HLS}, {Format: origin.DASH}}},
		{Name: "ts", Container: origin.TS, Manifests: []origin.Manifest{{Format: origin.HLS}}},
		{Name: "packed", Container: origin.TS, PackedAudio: true, Manifests: []origin.Manifest{{Format: origin.HLS}}},
	}
}

// TestE31Matrix: each coding in each container and each kind of manifest is carried, with its codecs string, or refused
// with 422 and the reason. Nothing is listed that cannot be fetched.
func TestE31Matrix(t *testing.T) {
	sound := func(entry []byte, samples uint32) []bmfftest.Track {
		return []bmfftest.Track{bmfftest.Sound(entry, 96, samples, 48000)}
	}
	picture := func(entry []byte) []bmfftest.Track {
		v := bmfftest.Video(50, 25)
		v.Entries = [][]byte{entry}
		if string(entry[4:8]) == "hvc1" {
			for i := range v.Samples {
				head := []byte{0x02, 0x01}
				if v.Samples[i].Sync {
					head = []byte{0x26, 0x01}
				}
				v.Samples[i].Data = bmfftest.NAL(append(head, bmfftest.Noise(uint32(i), 300)...))
			}
		}
		return []bmfftest.Track{v}
	}
	other := func(typ string) []byte { return bmfftest.AudioEntry(typ, 2, 48000) }
	const no = "" // refused
	for _, c := range []struct {
		name                  string
		tracks                []bmfftest.Track
		hls, dash, ts, packed string // the codecs, or no
		ext                   string // of packed audio
	}{
		{"H.264", picture(bmfftest.AVC1()), "avc1.4d401e", "avc1.4d401e", "avc1.4d401e", "avc1.4d401e", "ts"},
		{"HEVC", picture(bmfftest.HVC1()), "hvc1.1.6.L93.90", "hvc1.1.6.L93.90", "hvc1.1.6.L93.90", "hvc1.1.6.L93.90", "ts"},
		{"AV1", picture(bmfftest.AV01()), "av01.0.01M.08", "av01.0.01M.08", no, no, ""},
		{"VP9", picture(bmfftest.VP09()), "vp09.00.21.08", "vp09.00.21.08", no, no, ""},
		{"AAC", sound(bmfftest.MP4A(), 1024), "mp4a.40.2", "mp4a.40.2", "mp4a.40.2", "mp4a.40.2", "aac"},
		{"MP3", sound(bmfftest.MP3(), 1152), "mp4a.40.34", "mp4a.6B", "mp4a.40.34", "mp4a.40.34", "mp3"},
		{"AC-3", sound(bmfftest.AC3(), 1536), "ac-3", "ac-3", "ac-3", "ac-3", "ac3"},
		{"E-AC-3", sound(bmfftest.EAC3(), 1536), "ec-3", "ec-3", "ec-3", "ec-3", "eac3"},
		{"Opus", sound(bmfftest.Opus(), 960), "Opus", "Opus", no, no, ""},
		{"FLAC", sound(bmfftest.FLAC(), 1152), "fLaC", "fLaC", no, no, ""},
		{"ALAC", sound(other("alac"), 4096), no, no, no, no, ""},
		{"DTS", sound(other("dtsc"), 512), no, no, no, no, ""},
		{"DTS:X", sound(other("dtsx"), 512), no, no, no, no, ""},
		{"AC-4", sound(other("ac-4"), 2048), no, no, no, no, ""},
		{"MPEG-H", sound(other("mhm1"), 1024), no, no, no, no, ""},
		{"PCM", sound(other("sowt"), 1), no, no, no, no, ""},
		{"AMR", sound(other("samr"), 160), no, no, no, no, ""},
		{"MPEG-4 Visual", picture(bmfftest.VisualEntry("mp4v", 640, 360)), no, no, no, no, ""},
		{"ProRes", picture(bmfftest.VisualEntry("apcn", 640, 360)), no, no, no, no, ""},
		{"VVC", picture(bmfftest.VisualEntry("vvc1", 640, 360)), no, no, no, no, ""},
		{"Motion JPEG", picture(bmfftest.VisualEntry("jpeg", 640, 360)), no, no, no, no, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHandler(fileAsset(c.tracks))
			h.Endpoints = allEndpoints()
			for file, want := range map[string]string{"cmaf/index.m3u8": c.hls, "cmaf/index.mpd": c.dash, "ts/index.m3u8": c.ts, "packed/index.m3u8": c.packed} {
				res := get(t, h, "GET", origin.Prefix+"films/one/"+file)
				text := bodyOf(t, res)
				if want == no {
					require.Equal(t, 422, res.StatusCode, "%s: %s", file, text)
					require.Contains(t, text, "unsupported: ")
					require.Greater(t, len(text), 40, "a reason")
					continue
				}
				require.Equal(t, 200, res.StatusCode, "%s: %s", file, text)
				require.Regexp(t, `(?i)codecs="`+regexp.QuoteMeta(want)+`"`, text, file)
			}
			if c.hls == no {
				return
			}
			exts := map[string]string{}
			for _, p := range crawlable(t, h) {
				require.Equal(t, 200, get(t, h, "GET", p).StatusCode, p)
				if endpoint := endpointOf(p); !strings.Contains(p, "/index.") && !strings.HasSuffix(p, ".mp4") {
					exts[endpoint] = p[strings.LastIndexByte(p, '.')+1:]
				}
			}
			require.Equal(t, "m4s", exts["cmaf"])
			require.Equal(t, c.ext, exts["packed"])
		})
	}
}

// crawlable is crawl of those endpoints that can carry anything.
func crawlable(t *testing.T, h *origin.Handler) []string {
	t.Helper()
	var can []origin.Endpoint
	for _, p := range h.Playables("films/one") {
		if p.Format == origin.HLS && get(t, h, "GET", p.Path).StatusCode == 200 {
			for _, ep := range allEndpoints() {
				if ep.Name == p.Endpoint {
					can = append(can, ep)
				}
			}
		}
	}
	return crawl(t, &origin.Handler{Library: h.Library, Endpoints: can, Logger: quiet()})
}

// TestE31LeftOut: where a container cannot hold one of several tracks the others are served, and it is in no list.
func TestE31LeftOut(t *testing.T) {
	opus := bmfftest.Sound(bmfftest.Opus(), 500, 960, 48000)
	h := newHandler(fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(469), opus}))
	h.Endpoints = allEndpoints()
	require.Contains(t, bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/cmaf/index.m3u8")), "Opus")
	ts := bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/ts/index.m3u8"))
	require.Contains(t, ts, `CODECS="avc1.4d401e,mp4a.40.2"`)
	require.NotContains(t, ts, "Opus")
	require.NotContains(t, ts, "a2")
	require.Equal(t, 404, get(t, h, "GET", origin.Prefix+"films/one/ts/index.a2.m3u8").StatusCode)
}

// TestG15CodecGroups: AAC and E-AC-3 beside AVC and HEVC: a group for each coding of sound, and each picture with each.
func TestG15CodecGroups(t *testing.T) {
	hevc := bmfftest.Video(250, 50)
	hevc.Entries = [][]byte{bmfftest.HVC1()}
	h := newHandler(fileAsset([]bmfftest.Track{bmfftest.Video(250, 50), bmfftest.Audio(469)}, []bmfftest.Track{hevc},
		[]bmfftest.Track{bmfftest.Sound(bmfftest.EAC3(), 312, 1536, 48000)}))
	text := bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/cmaf/index.m3u8"))
	groups := map[string]string{} // by URI
	for _, m := range regexp.MustCompile(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="([^"]+)".*,URI="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		require.Empty(t, groups[m[2]])
		groups[m[2]] = m[1]
	}
	require.Len(t, groups, 2)
	require.NotEqual(t, groups["index.a1.m3u8"], groups["index.a2.m3u8"])
	var got []string
	for _, m := range regexp.MustCompile(`CODECS="([^"]+)".*,AUDIO="([^"]+)"`).FindAllStringSubmatch(text, -1) {
		got = append(got, m[1]+" "+m[2])
	}
	aac, dolby := groups["index.a1.m3u8"], groups["index.a2.m3u8"]
	require.ElementsMatch(t, []string{
		"avc1.4d401e,mp4a.40.2 " + aac, "hvc1.1.6.L93.90,mp4a.40.2 " + aac, "avc1.4d401e,ec-3 " + dolby, "hvc1.1.6.L93.90,ec-3 " + dolby,
	}, got)
}

// TestE28EachItsOwn: what is said of a rendition is its own, not the last file's.
func TestE28EachItsOwn(t *testing.T) {
	hevc := bmfftest.Video(250, 50)
	hevc.Entries = [][]byte{bmfftest.HVC1()}
	hevc.Language = "fra"
	text := bodyOf(t, get(t, newHandler(fileAsset([]bmfftest.Track{bmfftest.Video(250, 50)}, []bmfftest.Track{hevc})), "GET", origin.Prefix+"films/one/cmaf/index.mpd"))
	for id, want := range map[string][]string{"v1": {`codecs="hvc1.`, `width="1280"`}, "v2": {`codecs="avc1.`, `width="640"`}} {
		tag := regexp.MustCompile(`<Representation[^>]* id="` + id + `"[^>]*>`).FindString(text)
		for _, attr := range want {
			require.Contains(t, tag, attr)
		}
	}
}

// withExtendedLanguage puts an elng before the hdlr of the last track. The moov is at the end, so that no offset moves.
func withExtendedLanguage(data []byte, tag string) []byte {
	if tag == "" {
		return data
	}
	elng := bmfftest.FullBox("elng", 0, 0, append([]byte(tag), 0))
	for _, typ := range []string{"moov", "trak", "mdia"} {
		size := data[strings.LastIndex(string(data), typ)-4:]
		binary.BigEndian.PutUint32(size, binary.BigEndian.Uint32(size)+uint32(len(elng)))
	}
	at := strings.LastIndex(string(data), "hdlr") - 4
	return append(data[:at:at], append(elng, data[at:]...)...)
}

// TestG14Languages: the tag of elng goes before the code of mdhd, and comes out alike in HLS, DASH and the init segment.
func TestG14Languages(t *testing.T) {
	for _, c := range []struct{ mdhd, elng, want, code string }{
		{"eng", "", "en", "eng"}, {"eng", "en-GB", "en-GB", "eng"}, {"ger", "", "de", "deu"}, {"zho", "zh-Hant-TW", "zh-Hant-TW", "zho"},
		{"und", "pt-BR", "pt-BR", "por"}, {"gsw", "", "gsw", "gsw"}, {"und", "", "", "und"},
	} {
		t.Run(c.mdhd+" "+c.elng, func(t *testing.T) {
			sound := bmfftest.Audio(469)
			sound.Language = c.mdhd
			data := withExtendedLanguage(bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(250, 50), sound}, MoovAtEnd: true}.Bytes(), c.elng)
			a := fileAsset(nil)
			a.Inputs[0].Object = bmfftest.Object("x.mp4", data)
			h := newHandler(a)
			folder := origin.Prefix + "films/one/cmaf/"
			index, m := bodyOf(t, get(t, h, "GET", folder+"index.m3u8")), bodyOf(t, get(t, h, "GET", folder+"index.mpd"))
			if c.want == "" {
				require.NotContains(t, index, "LANGUAGE")
				require.NotContains(t, m, "lang=")
			} else {
				require.Contains(t, index, `LANGUAGE="`+c.want+`"`)
				require.Contains(t, m, `lang="`+c.want+`"`)
			}
			f, err := mp4.DecodeFile(strings.NewReader(bodyOf(t, get(t, h, "GET", resolve(t, h, "cmaf/v/a1/p1.init.mp4")))))
			require.NoError(t, err)
			mdia := f.Init.Moov.Trak.Mdia
			require.Equal(t, c.code, mdia.Mdhd.GetLanguage())
			if c.elng != "" {
				require.NotNil(t, mdia.Elng)
				require.Equal(t, c.elng, mdia.Elng.Language)
			}
		})
	}
}

// TestD17OpenGOPManifests: segments that need the one before them are not said to be independent: startWithSAP is 3, and
// HLS leaves the tag out.
func TestD17OpenGOPManifests(t *testing.T) {
	open := bmfftest.Video(250, 250).Reorder(true)
	for i := 49; i < 250; i += 48 {
		open.Samples[i].Sync = true
	}
	for _, c := range []struct {
		track bmfftest.Track
		sap   string
		tag   bool
	}{{bmfftest.Video(250, 50).Reorder(true), `startWithSAP="1"`, true}, {open, `startWithSAP="3"`, false}} {
		h := shortSegments(fileAsset([]bmfftest.Track{c.track}))
		require.Contains(t, bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/cmaf/index.mpd")), c.sap)
		for _, endpoint := range []string{"cmaf", "ts"} {
			text := bodyOf(t, get(t, h, "GET", origin.Prefix+"films/one/"+endpoint+"/index.m3u8"))
			require.Equal(t, c.tag, strings.Contains(text, "#EXT-X-INDEPENDENT-SEGMENTS\n"))
		}
	}
}
