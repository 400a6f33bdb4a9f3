package e2e

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A sealedPeer is an encrypted output of Shaka Packager, and what mezzo has to be told to make the same.
type sealedPeer struct {
	golden  string
	inputs  []string // in the corpus
	unlock  ring     // the keys of inputs that are encrypted
	method  drm.Scheme
	systems []drm.SystemID
	signals drm.Signaller
	labels  ring   // key ids and keys of audio and video, where they have their own
	rotate  bool   // the keys change with each segment
	pssh    string // of the key provider
	packed  bool   // packed audio
	ts      bool
}

const (
	peerKeyID  = "31323334353637383930313233343536"
	peerKeyURI = "data:text/plain;base64,MTIzNDU2Nzg5MDEyMzQ1Ng=="
	bear       = "mp4/shaka-packager/bear-640x360"
)

// Shaka Packager writes the common pssh box where it is told no system, and for whole segments the URI that it is given.
var (
	common      = []drm.SystemID{drm.ClearKey}
	identity    = []drm.SystemID{drm.Identity}
	commonLinks = drm.Signaller{ClearKeyURL: "https://keys.example.com/clearkey"}
	wholeLinks  = drm.Signaller{KeyURL: "https://keys.example.com/stream.key"}
	sampleLinks = drm.Signaller{KeyURL: peerKeyURI}
)

// TS inputs of the peer, which mezzo does not read, are taken in the MP4 form they were made from, or that the peer made.
func sealedPeers() []sealedPeer {
	cmaf := func(golden string, inputs ...string) sealedPeer {
		return sealedPeer{golden: golden, inputs: inputs, method: drm.CENC, systems: common, signals: commonLinks}
	}
	ts := func(golden string, packed bool, inputs ...string) sealedPeer {
		return sealedPeer{golden: golden, inputs: inputs, method: drm.SampleAES, systems: identity, signals: sampleLinks, ts: true, packed: packed}
	}
	cbcs := cmaf("encryption-cbcs", bear+".mp4")
	cbcs.method = drm.CBCS
	multi := cmaf("encryption-multi-keys", bear+".mp4")
	multi.labels = multiKeys
	explicit := cmaf("encryption-using-explicit-pssh", bear+".mp4")
	explicit.pssh = "AAAAIHBzc2gAAAAAEHfv7MCyTQKs4zweUuL7SwAAAAA="
	systems := cmaf("encryption-with-multi-drms", bear+".mp4")
	systems.systems, systems.signals = []drm.SystemID{drm.PlayReady, drm.Widevine}, drm.Signaller{}
	rotation := cmaf("live-profile-and-key-rotation", bear+".mp4")
	rotation.rotate = true
	vp9 := cmaf("opus-vp9-mp4-with-encryption", shaka+"opus-vp9-mp4-with-encryption/bear-320x240-vp9-opus-audio.mp4",
		shaka+"opus-vp9-mp4-with-encryption/bear-320x240-vp9-opus-video.mp4")
	vp9.unlock = shakaKeys
	whole := cmaf("fmp4-hls-with-aes128-encryption", bear+".mp4")
	whole.method, whole.systems, whole.signals = drm.AES128, identity, wholeLinks
	wholeTS := ts("avc-ts-with-aes128-encryption", false, bear+".mp4")
	wholeTS.method, wholeTS.signals = drm.AES128, wholeLinks
	return []sealedPeer{
		cmaf("encryption", bear+".mp4"), cbcs, multi, explicit, systems,
		cmaf("hls-single-segment-mp4-encrypted", bear+".mp4"), cmaf("live-profile-and-encryption", bear+".mp4"), rotation,
		cmaf("av1-mp4-with-encryption", "mp4/shaka-packager/bear-av1.mp4"), cmaf("hevc-with-encryption", bear+"-hevc.mp4"),
		cmaf("flac-with-encryption", "mp4/shaka-packager/bear-flac.mp4"), vp9, whole, wholeTS,
		ts("avc-ts-with-encryption", false, bear+".mp4"), ts("avc-ts-aac-packed-audio-with-encryption", true, bear+".mp4"),
		ts("avc-ac3-ts-with-encryption", false, shaka+"avc-ac3-ts-to-mp4/bear-640x360-ac3-audio.mp4", shaka+"avc-ac3-ts-to-mp4/bear-640x360-ac3-video.mp4"),
		ts("ec3-packed-audio-encrypted", true, bear+"-ec3.mp4"),
	}
}

// Keys implements drm.KeyProvider with the peer's keys and its IV of 8 bytes.
func (c *sealedPeer) Keys(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
	iv, err := hex.DecodeString(peerIV)
	if err != nil {
		return nil, err
	}
	static := &drm.Static{Labels: map[string]drm.Key{}, Signals: c.signals}
	for i := range req.Contract {
		label := req.Contract[i].Label
		keys, ids := c.labels, map[string]string{"AUDIO": "10111213141516171819202122232425", "VIDEO": "20212223242526272829303132333435"}
		if keys == nil {
			keys, ids = shakaKeys, map[string]string{label: peerKeyID}
		}
		id, err := drm.ParseKeyID(ids[label])
		if err != nil {
			return nil, err
		}
		k, err := keys.Key(ctx, id)
		if err != nil {
			return nil, err
		}
		if c.rotate { // the second segment, of the second second, has the first key; the peer turns it by a byte for each more
			by := int(req.Period.Index+14) % 16
			value, _ := k.Value.Reveal()
			k.ID = drm.KeyID(append(slices.Clone(id[by:]), id[:by]...))
			if k.Value, err = drm.NewSecret(append(slices.Clone(value[by:]), value[:by]...)); err != nil {
				return nil, err
			}
		}
		k.IV = iv
		static.Labels[label] = k
	}
	set, err := static.Keys(ctx, req)
	if err == nil && c.pssh != "" {
		if set.Keys[0].Signals[0].PSSH, err = base64.StdEncoding.DecodeString(c.pssh); err != nil {
			return nil, err
		}
	}
	return set, err
}

// serve offers the input, f, and its sound alone, clear, with the peer's clear lead, and all of it encrypted.
func (c *sealedPeer) serve(t *testing.T, dir string) string {
	t.Helper()
	asset, sound := &vod.Asset{}, &vod.Asset{}
	for _, name := range c.inputs {
		f, err := vod.OpenFile(filepath.Join(dir, name))
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		in := vod.Input{Name: filepath.Base(name), Object: f}
		if c.unlock != nil {
			in.Keys = c.unlock
		}
		asset.Inputs = append(asset.Inputs, in)
		in.Only = []media.Kind{media.Audio}
		sound.Inputs = append(sound.Inputs, in)
	}
	lead := &origin.Encryption{Method: c.method, DRMSystems: c.systems, ClearLead: 800 * time.Millisecond}
	if c.labels != nil {
		lead.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{}}}, {Label: "AUDIO", Audio: []drm.AudioFilter{{}}}}
	}
	if c.rotate {
		lead.KeyRotationInterval = time.Second
	}
	all := *lead
	all.ClearLead = 0
	container, manifests := origin.CMAF, []origin.Manifest{{Format: origin.HLS, InBandKeys: c.rotate}, {Format: origin.DASH, InBandKeys: c.rotate}}
	if c.ts {
		container = origin.TS
	}
	if c.ts || c.method == drm.AES128 {
		manifests = manifests[:1]
	}
	var endpoints []origin.Endpoint
	for name, e := range map[string]*origin.Encryption{"clear": nil, "lead": lead, "all": &all} {
		list := slices.Clone(manifests)
		if e == nil {
			list = []origin.Manifest{{Format: origin.HLS}}
		}
		endpoints = append(endpoints, origin.Endpoint{Name: name, Container: container, Manifests: list, Encryption: e,
			PackedAudio: c.packed, Plan: media.Plan{Segment: time.Second}})
	}
	h := &origin.Handler{Endpoints: endpoints, Keys: c, Library: origin.Map{"t/f": asset, "t/sound": sound}}
	require.NoError(t, h.Validate())
	return serveHandler(t, h) + "/out/v1/t/"
}

// sealedFacts compares an encrypted case: what both say of it, by name.
func sealedFacts(t *testing.T, dir string, c *sealedPeer) (theirs, own map[string]string) {
	theirs, own = map[string]string{}, map[string]string{}
	folder := filepath.Join(dir, "golden/shaka-packager", c.golden)
	base := c.serve(t, dir)
	if data, err := os.ReadFile(filepath.Join(folder, "output.mpd")); err == nil {
		protectionFacts(t, data, theirs)
		data, _ := harness.Get(t, base+"f/lead/index.mpd")
		protectionFacts(t, data, own)
	}
	if data, err := os.ReadFile(filepath.Join(folder, "output.m3u8")); err == nil {
		keyFacts(t, data, theirs, func(name string) []byte {
			data, err := os.ReadFile(filepath.Join(folder, name))
			require.NoError(t, err)
			return data
		})
		presentations := []string{"f/"}
		if c.packed {
			presentations = append(presentations, "sound/")
		}
		for _, p := range presentations {
			data, _ := harness.Get(t, base+p+"lead/index.m3u8")
			keyFacts(t, data, own, func(name string) []byte {
				data, _ := harness.Get(t, harness.Resolve(t, base+p+"lead/index.m3u8", name))
				return data
			})
		}
	}
	if c.ts {
		c.compareTS(t, folder, base, theirs, own)
	} else {
		c.compareMP4(t, folder, base, theirs, own)
	}
	return theirs, own
}

// protectionFacts are the ContentProtection elements of an MPD.
func protectionFacts(t *testing.T, data []byte, facts map[string]string) {
	type protection struct {
		Scheme string `xml:"schemeIdUri,attr"`
		Value  string `xml:"value,attr"`
		KID    string `xml:"default_KID,attr"`
		PSSH   string `xml:"pssh"`
		Pro    string `xml:"pro"`
		Laurl  string `xml:"Laurl"`
		Other  string `xml:"laurl"`
		Marlin string `xml:"MarlinContentIds>MarlinContentId"`
	}
	var m struct {
		Sets []struct {
			Type       string       `xml:"contentType,attr"`
			Protection []protection `xml:"ContentProtection"`
		} `xml:"Period>AdaptationSet"`
	}
	require.NoError(t, xml.Unmarshal(data, &m))
	for _, set := range m.Sets {
		for _, p := range set.Protection {
			name := "mp4protection"
			if uuid, ok := strings.CutPrefix(p.Scheme, "urn:uuid:"); ok {
				name = drm.SystemID(strings.ToLower(uuid)).Name()
			}
			facts[set.Type+" ContentProtection of "+name] = words("value", p.Value, "default_KID", p.KID, "pssh", p.PSSH, "pro", p.Pro,
				"laurl", p.Laurl+p.Other, "Marlin", p.Marlin)
		}
	}
}

// words are names and values that are not empty; long values are told by their length and end.
func words(list ...string) string {
	var out []string
	for i := 0; i < len(list); i += 2 {
		if v := strings.TrimSpace(list[i+1]); v != "" {
			if len(v) > 120 {
				v = fmt.Sprintf("%s… (%d characters)", v[:40], len(v))
			}
			out = append(out, list[i]+"="+v)
		}
	}
	if out == nil {
		return "named only"
	}
	return strings.Join(out, " ")
}

// keyFacts are the key tags of the first video and the first audio playlist.
func keyFacts(t *testing.T, multivariant []byte, facts map[string]string, get func(name string) []byte) {
	lines := strings.Split(string(multivariant), "\n")
	for i, line := range lines {
		a := attributes(line)
		kind, uri := "video", ""
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:TYPE=AUDIO"):
			kind, uri = "audio", a["URI"]
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF"):
			uri = lines[i+1]
			if a["RESOLUTION"] == "" {
				kind = "audio"
			}
		}
		if uri == "" {
			continue
		}
		at := 1
		for _, line := range strings.Split(string(get(uri)), "\n") {
			a := attributes(line)
			switch {
			case strings.HasPrefix(line, "#EXT-X-KEY"):
				format := a["KEYFORMAT"]
				if format == "" {
					format = "identity"
				}
				name := fmt.Sprintf("HLS %s key for %s", kind, format)
				if facts[name] == "" {
					facts[name] = words("METHOD", a["METHOD"], "URI", a["URI"], "IV", strings.ToLower(a["IV"]), "KEYID", a["KEYID"])
				}
				facts["HLS "+kind+" key from segment"] = fmt.Sprint(at)
			case line == "#EXT-X-DISCONTINUITY":
				facts["HLS "+kind+" discontinuity at the key"] = "yes"
			case line != "" && line[0] != '#':
				at++
			}
		}
	}
}

// sealedReasons explain differences of encrypted cases: by case, name and what mezzo has; the first that matches counts.
var sealedReasons = []struct{ golden, name, own, why string }{
	{"av1-.*", "video ContentProtection of .*", "", "the only segment is in the clear lead, so that no key is needed; the peer names one"},
	{".*multi-drms", ".*com.apple.streamingkeydelivery", "", "FairPlay decrypts cbcs alone: under cenc mezzo refuses it"},
	{".*multi-drms", ".*Marlin", "", "a Marlin key server says what Marlin is told; without one mezzo refuses it"},
	{".*multi-drms", "HLS .* key for urn:uuid:edef8ba9.*", "METHOD=SAMPLE-AES-CTR URI=data:[^ ]*", "KEYID is of an older convention: the pssh box has it"},
	{".*", "HLS .* key from segment", "2", "the tag stands where the key begins; under clear segments a player must not wait for a licence"},
	{".*-ts-with.*", "HLS audio (key|disc).*", "", "the sound is in the segments of the picture, and in their playlist"},
	{".*", "HLS .* key for org.w3.clearkey", ".+", "HLS has a name for Clear Key, which players know; the peer signals nothing, and no player could find the key"},
	{".*", "HLS .* key for identity", ".*IV=0x[0-9a-f]{32}.*", "an IV has 128 bits (RFC 8216, 4.3.2.4): the 8 bytes are followed by those zeros that both encrypt with"},
	{".*", "HLS .* discontinuity.*", "", "neither timestamps nor the coding change where a key begins"},
	{".*", ".* ContentProtection of ClearKey", "value=ClearKey1.0 laurl=.*", "Clear Key is signalled as DASH-IF does, with where licences are; a pssh box there has dash.js take it for key ids"},
	{".*multi-keys", ".* pssh in moov", "ClearKey AAAANHBzc2gB[^ ]*", "the header of a track names its own key; the peer's box lists those of all tracks"},
	{".*", ".* IVs", "of 8 bytes, of lane and decode time", "the peer counts from the IV it is given; mezzo's follow from rendition and time, so that nodes, restarts and renditions never share one"},
	{".*", "video subsample maps", "[0-9]+: as many blocks of each slice, up to 15 bytes later", "both protect whole blocks behind the header; what is left over stays clear at their start here, as the bindings of AV1 and VP9 want it, and at their end with the peer"},
	{"live-profile-and-key-rotation", "audio keys named by segments", "74: sample 45: peer 3233.* mezzo 3132.*", "sound changes keys with the picture's segments; the peer rotates each track by its own decode times"},
	{".*", "audio boxes of a .*", "(saio saiz )?sbgp (senc )?sgpd tfdt tfhd trun", "segments of sound say how far decoders have to roll (sample group roll)"},
	{"encryption-cbcs", ".* sample entries", `.*constant IV 33343536373839300000000000000000\), (avc1|mp4a)`, "a constant IV is written with 16 bytes: the same 8 and the zeros that follow them in the cipher (23001-7, 9.1)"},
	{"hevc.*", "video sample entries", "enc.\\(hvc1.*", "parameter sets are in the sample entry alone, and hvc1 says so, as Apple asks"},
	{"opus.*", "audio clear lead, samples", "52 of 139", "the lead ends with a segment, and the sound is cut with the picture's presentation times"},
	{"fmp4.*", ".* initialization segments", "clear, encrypted", "the key applies to the initialization segments behind its tag (8216bis, 4.4.4.4), so that protected segments get one of their own; the peer's stands before the tag"},
	{"fmp4.*", ".* media segments", "clear, encrypted, encrypted", "the lead is clear, as the playlists say; the peer encrypts it all the same"},
	{"fmp4.*", ".* fragments", "", "each segment is itself; the peer's hold all before them once more"},
	{"fmp4.*", ".* sample descriptions .*", "1", "there is one description; the peer names a second, which its header does not have"},
	{".*-ts.*", "audio clear lead", "30|43|45", "the peer's TS input begins with fewer frames and is cut by its own clock"},
	{".*", "audio in protected segments", ".*121056e500", "the setup data is the whole AudioSpecificConfig of the input, which says that there is no SBR; the peer makes one of the ADTS header"},
	{".*-ac3-.*", "audio in clear segments", ".*050441432d33", "stream type 0x81 is a user's: a registration descriptor says whose (ATSC A/52, A.3)"},
	{".*-ac3-.*", "audio in protected segments", "stream type 0xc1, descriptors 0f04616333640516617061647a6163330000010a0b77[0-9a-f]{6}4043e106f5", "of the first 10 bytes of a frame, the setup data, 3 are its checksum and padding: the peer takes the first frame of the stream, mezzo of the segment"},
}

const sealedPreamble = `
# Encrypted

The encrypted goldens, under the peer's keys, IV, schemes and clear lead. For each sample that the peer encrypts, mezzo's clear
sample encrypted with the peer's IV and subsamples is the peer's ciphertext, byte for byte; under cbcs and SAMPLE-AES, where
IVs are prescribed, what mezzo sends is compared itself. Whole segments differ in how they are multiplexed, and are compared
decrypted.
`

// sealedSection is what a page says of the encrypted cases.
func sealedSection(t *testing.T, dir string) string {
	var b strings.Builder
	for _, c := range sealedPeers() {
		theirs, own := sealedFacts(t, dir, &c)
		fmt.Fprintf(&b, "\n## %s\n\n| what | Shaka Packager | mezzo | why |\n|---|---|---|---|\n", c.golden)
		var same []string
		for _, k := range keysOf(theirs, own) {
			if words := strings.Fields(strings.TrimPrefix(k, "HLS ")); !has(theirs, words[0]) && !strings.HasPrefix(k, "HLS") {
				continue // a track that the case leaves out
			}
			if theirs[k] == own[k] {
				if theirs[k] != "" {
					same = append(same, k)
				}
				continue
			}
			why := sealedReason(c.golden, k, own[k])
			if why == "" {
				t.Errorf("%s: %s: Shaka Packager %q, mezzo %q: explain it or mend it", c.golden, k, theirs[k], own[k])
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", k, cell(theirs[k]), cell(own[k]), why)
		}
		fmt.Fprintf(&b, "\nEqual:\n\n")
		for _, k := range same {
			fmt.Fprintf(&b, "- %s: %s\n", k, theirs[k])
		}
	}
	return b.String()
}

func sealedReason(golden, name, own string) string {
	for _, r := range sealedReasons {
		if matches(r.golden, golden) && matches(r.name, name) && matches(r.own, own) {
			return r.why
		}
	}
	return ""
}

// matches says whether a pattern is all of a text.
func matches(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}
