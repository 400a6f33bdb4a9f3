package e2e

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A peerCase is an output of Shaka Packager in the corpus and the file it was made from.
type peerCase struct{ golden, input string }

var peerCases = []peerCase{
	{"live-profile", "mp4/shaka-packager/bear-640x360.mp4"},
	{"audio-video", "mp4/shaka-packager/bear-640x360.mp4"},
	{"acc-he", "mp4/shaka-packager/bear-640x360-aac_he-silent_right.mp4"},
	{"av1-mp4", "mp4/shaka-packager/bear-av1.mp4"},
	{"video-non-square-pixel", "mp4/shaka-packager/bear-640x360-non_square_pixel-with_pasp.mp4"},
	{"dolby-vision-profile-8-supplemental-codecs", "mp4/shaka-packager/sparks_dovi_8.mp4"},
	{"avc-aac-ts", "mp4/shaka-packager/bear-640x360.mp4"},
}

// TestPeerGoldens packages what a peer packaged and writes down in what the two differ: docs/peer-goldens.md. Each
// difference has its reason in reasons; one without fails the test.
func TestPeerGoldens(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		return
	}
	var b strings.Builder
	b.WriteString(peerPreamble)
	for _, c := range peerCases {
		fmt.Fprintf(&b, "\n## %s\n\n| what | Shaka Packager | mezzo | why |\n|---|---|---|---|\n", c.golden)
		ours := servePeer(t, filepath.Join(dir, c.input))
		folder := filepath.Join(dir, "golden/shaka-packager", c.golden)
		same := 0
		theirFacts, ourFacts := peerFacts(t, folder), ownFacts(t, ours)
		for _, k := range keysOf(theirFacts, ourFacts) {
			theirs, own := theirFacts[k], ourFacts[k]
			if group, _, _ := strings.Cut(k, " "); !has(theirFacts, group) {
				continue // the case has no such manifest
			}
			if theirs == own {
				same++
				continue
			}
			why := reasonFor(k, theirs, own)
			if why == "" {
				t.Errorf("%s: %s: Shaka Packager %q, mezzo %q: explain it or mend it", c.golden, k, theirs, own)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", k, cell(theirs), cell(own), why)
		}
		fmt.Fprintf(&b, "\n%d facts are equal.\n", same)
	}
	b.WriteString(sealedPreamble + sealedSection(t, dir))
	if !t.Failed() {
		harness.Golden(t, "docs/peer-goldens.md", b.String())
	}
}

const peerPreamble = `# Peer goldens

Written by the end-to-end test. The same files packaged by Shaka Packager (its own goldens) and by mezzo, with segments of
one second, compared in structure: manifests, boxes of initialization segments, times, sample tables, TS tables. Only what
differs is listed, each with its reason.
`

func cell(s string) string {
	if s == "" {
		return "absent"
	}
	return strings.ReplaceAll(s, "|", "\\|")
}

// reasons explain differences by the start of their name.
var reasons = []struct{ prefix, why string }{
	{"HLS I-frame", "no trick play yet"},
	{"MPD type", "the peer's golden is of its live mode; ours is VOD"},
	{"MPD profiles", "the peer names the profile of its mode; ours are isoff-live segments in one CMAF presentation"},
	{"audio bandwidth", "both measure; the peer counts its own boxes"},
	{"video bandwidth", "both measure; the peer counts its own boxes"},
	{"HLS CLOSED-CAPTIONS", "nothing is said of captions in the picture that were not looked for"},
	{"HLS INDEPENDENT-SEGMENTS", "true here, and said"},
	{"audio segmentAlignment", "the peer's case is of whole files; segments align here"},
	{"video segmentAlignment", "the peer's case is of whole files; segments align here"},
	{"audio startWithSAP", "segments start with a sync sample, and say so"},
	{"video startWithSAP", "segments start with a sync sample, and say so"},
	{"audio timescale", "the peer's case is of whole files, with a timescale that its SegmentBase does not show; ours is that of the source"},
	{"video timescale", "the peer's case is of whole files, with a timescale that its SegmentBase does not show; ours is that of the source"},
	{"audio S", "the peer puts priming on the presentation's clock and drops its edit; ours puts presentation time zero one second in and priming before it, and joins a short tail to the segment before it"},
	{"video S", "ours starts one second in, because audio priming lies before zero; durations are equal"},
	{"audio init", "boxes that carry nothing here are left out, or policy differs: see packager/cmaf"},
	{"video init", "boxes that carry nothing here are left out, or policy differs: see packager/cmaf"},
	{"TS stream", "the peer's TS holds the picture alone; ours has the default sound with it"},
}

func reasonFor(key, theirs, own string) string {
	for _, r := range reasons {
		if strings.HasPrefix(key, r.prefix) {
			return r.why
		}
	}
	return ""
}

// has says whether there are facts whose name begins with a word.
func has(facts map[string]string, word string) bool {
	for k := range facts {
		if strings.HasPrefix(k, word+" ") {
			return true
		}
	}
	return false
}

func keysOf(maps ...map[string]string) (keys []string) {
	for _, m := range maps {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// servePeer serves a file in segments of one second and returns the URL of its folder.
func servePeer(t *testing.T, path string) string {
	f, err := vod.OpenFile(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	endpoints := origin.DefaultEndpoints()
	for i := range endpoints {
		endpoints[i].Plan = media.Plan{Segment: time.Second}
	}
	return serveHandler(t, &origin.Handler{Endpoints: endpoints, Library: origin.Map{
		"t/f": &vod.Asset{Inputs: []vod.Input{{Name: filepath.Base(path), Object: f}}}}}) + "/out/v1/t/f/"
}

// peerFacts reads a folder of goldens.
func peerFacts(t *testing.T, dir string) map[string]string {
	facts := map[string]string{}
	if data, err := os.ReadFile(filepath.Join(dir, "output.mpd")); err == nil && bytes.Contains(data, []byte("<Representation")) &&
		!bytes.Contains(data, []byte("MP2T")) {
		mpdFacts(t, data, facts, func(name string) []byte {
			data, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			return data
		})
	}
	if data, err := os.ReadFile(filepath.Join(dir, "output.m3u8")); err == nil {
		hlsFacts(string(data), facts)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*video-1.ts")); len(files) == 1 {
		data, err := os.ReadFile(files[0])
		require.NoError(t, err)
		psiFacts(t, data, facts)
	}
	return facts
}

func ownFacts(t *testing.T, base string) map[string]string {
	facts := map[string]string{}
	data, _ := harness.Get(t, base+"cmaf/index.mpd")
	mpdFacts(t, data, facts, func(name string) []byte {
		body, _ := harness.Get(t, harness.Resolve(t, base+"cmaf/index.mpd", name))
		return body
	})
	data, _ = harness.Get(t, base+"cmaf/index.m3u8")
	hlsFacts(string(data), facts)
	if _, _, err := harness.TryGet(base + "ts/index.m3u8"); err == nil {
		data, _ = harness.Get(t, readHLS(t, base+"ts/index.m3u8")[0].Pieces[0].Segments[0].URL)
		psiFacts(t, data, facts)
	}
	return facts
}

// mpdShape is what of an MPD is compared.
type mpdShape struct {
	Type string `xml:"type,attr"`
	Sets []struct {
		Type  string     `xml:"contentType,attr"`
		Attrs []xml.Attr `xml:",any,attr"`
		Reps  []struct {
			ID       string     `xml:"id,attr"`
			Attrs    []xml.Attr `xml:",any,attr"`
			Base     string     `xml:"BaseURL"`
			Channels struct {
				Value string `xml:"value,attr"`
			} `xml:"AudioChannelConfiguration"`
			Template *template `xml:"SegmentTemplate"`
		} `xml:"Representation"`
		Template *template `xml:"SegmentTemplate"`
		Channels struct {
			Value string `xml:"value,attr"`
		} `xml:"AudioChannelConfiguration"`
	} `xml:"Period>AdaptationSet"`
}

// setAttributes may stand on the set or on its Representation: they are compared as one.
var setAttributes = []string{"width", "height", "frameRate", "sar", "codecs", "mimeType", "audioSamplingRate", "lang", "startWithSAP",
	"segmentAlignment", "supplementalCodecs"}

func mpdFacts(t *testing.T, data []byte, facts map[string]string, get func(name string) []byte) {
	var m mpdShape
	require.NoError(t, xml.Unmarshal(data, &m))
	facts["MPD type"] = m.Type
	for _, set := range m.Sets {
		for _, rep := range set.Reps {
			for _, a := range append(set.Attrs, rep.Attrs...) {
				if slices.Contains(setAttributes, a.Name.Local) && a.Value != "" {
					facts[set.Type+" "+a.Name.Local] = a.Value
				}
			}
			if v := rep.Channels.Value + set.Channels.Value; v != "" {
				facts[set.Type+" channels"] = v
			}
			tpl := rep.Template
			if tpl == nil {
				tpl = set.Template
			}
			if tpl == nil {
				facts[set.Type+" init"] = tree(t, get(rep.Base))
				continue
			}
			facts[set.Type+" timescale"] = fmt.Sprint(tpl.Timescale)
			var s []string
			for _, e := range tpl.Timeline {
				for range e.R + 1 {
					s = append(s, fmt.Sprint(e.D))
				}
			}
			facts[set.Type+" S durations"] = strings.Join(s, " ")
			facts[set.Type+" init"] = tree(t, get(strings.ReplaceAll(tpl.Initialization, "$RepresentationID$", rep.ID)))
		}
	}
}

// tree is the names of the boxes of a moov, as moov(mvhd trak(…)).
func tree(t *testing.T, data []byte) string {
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	moov := f.Moov
	if moov == nil {
		moov = f.Init.Moov
	}
	var walk func(b mp4.Box) string
	walk = func(b mp4.Box) string {
		c, ok := b.(interface{ GetChildren() []mp4.Box })
		if !ok || b.Type() == "udta" {
			return b.Type()
		}
		var names []string
		for _, child := range c.GetChildren() {
			names = append(names, walk(child))
		}
		return b.Type() + "(" + strings.Join(names, " ") + ")"
	}
	return walk(moov)
}

func hlsFacts(text string, facts map[string]string) {
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		a := attributes(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-VERSION"):
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF"):
			for _, k := range []string{"CODECS", "RESOLUTION", "FRAME-RATE", "SUPPLEMENTAL-CODECS", "VIDEO-RANGE", "CLOSED-CAPTIONS"} {
				facts["HLS "+k] = a[k]
			}
		case strings.HasPrefix(line, "#EXT-X-MEDIA:TYPE=AUDIO"):
			facts["HLS audio CHANNELS"] = a["CHANNELS"]
			facts["HLS audio AUTOSELECT"] = a["AUTOSELECT"]
		case strings.HasPrefix(line, "#EXT-X-I-FRAME-STREAM-INF"):
			facts["HLS I-frame playlist"] = "yes"
		case line == "#EXT-X-INDEPENDENT-SEGMENTS":
			facts["HLS INDEPENDENT-SEGMENTS"] = "yes"
		}
	}
}

// psiFacts reads the program of a transport stream.
func psiFacts(t *testing.T, data []byte, facts map[string]string) {
	demux := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	for {
		d, err := demux.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return
		}
		require.NoError(t, err)
		if d.PMT != nil {
			for _, es := range d.PMT.ElementaryStreams {
				facts[fmt.Sprintf("TS stream type 0x%02x", uint8(es.StreamType))] = "yes"
			}
			return
		}
	}
}
