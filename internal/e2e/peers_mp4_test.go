package e2e

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/packager/media"
)

// sealedTrack is a track in fragmented MP4.
type sealedTrack struct{ samples []sealedSample }

type sealedSample struct {
	data   []byte
	sealed bool
	iv     []byte // nil: constant
	subs   []media.Subsample
	key    string // named by a sample group
}

// readSealed reads a file, and writes down what its boxes say of encryption. IVs have ivSize bytes, 0: they are constant.
func readSealed(t *testing.T, data []byte, ivSize int, kind string, facts map[string]string) *sealedTrack {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	var entries []string
	for _, e := range f.Init.Moov.Trak.Mdia.Minf.Stbl.Stsd.Children {
		entries = append(entries, entryFact(e))
	}
	facts[kind+" sample entries"] = strings.Join(entries, ", ")
	facts[kind+" pssh in moov"] = psshFact(t, f.Init.Moov.Psshs)
	out := &sealedTrack{}
	number := map[bool][]string{}
	boxes := map[bool]string{}
	last := int64(-1)
	for _, seg := range f.Segments {
		for _, frag := range seg.Fragments {
			at := int64(frag.Moof.Traf.Tfdt.BaseMediaDecodeTime())
			if at <= last {
				facts[kind+" fragments"] = "those before come again in each segment"
				continue
			}
			last = at
			out.fragment(t, f.Init, frag, ivSize, kind, facts, number, boxes)
		}
	}
	facts[kind+" boxes of a clear fragment"], facts[kind+" boxes of a protected fragment"] = boxes[false], boxes[true]
	facts[kind+" sample descriptions of clear fragments"] = strings.Join(slices.Compact(number[false]), " ")
	facts[kind+" sample descriptions of protected fragments"] = strings.Join(slices.Compact(number[true]), " ")
	return out
}

func entryFact(e mp4.Box) string {
	var sinf *mp4.SinfBox
	switch e := e.(type) {
	case *mp4.VisualSampleEntryBox:
		sinf = e.Sinf
	case *mp4.AudioSampleEntryBox:
		sinf = e.Sinf
	}
	if sinf == nil {
		return e.Type()
	}
	c := sinf.Schi.Tenc
	return fmt.Sprintf("%s(%s, %s version %x, tenc version %d: pattern %d:%d, protected %d, IVs of %d, key %x, constant IV %x)", e.Type(),
		sinf.Frma.DataFormat, sinf.Schm.SchemeType, sinf.Schm.SchemeVersion, c.Version, c.DefaultCryptByteBlock, c.DefaultSkipByteBlock,
		c.DefaultIsProtected, c.DefaultPerSampleIVSize, []byte(c.DefaultKID), c.DefaultConstantIV)
}

func psshFact(t *testing.T, list []*mp4.PsshBox) string {
	var all []string
	for _, p := range list {
		var b bytes.Buffer
		require.NoError(t, p.Encode(&b))
		text := base64.StdEncoding.EncodeToString(b.Bytes())
		if len(text) > 120 {
			text = fmt.Sprintf("%s… (%d characters)", text[:40], len(text))
		}
		all = append(all, drm.SystemID(p.SystemID.String()).Name()+" "+text)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (tr *sealedTrack) fragment(t *testing.T, init *mp4.InitSegment, frag *mp4.Fragment, ivSize int, kind string, facts map[string]string,
	descriptions map[bool][]string, boxes map[bool]string) {
	traf := frag.Moof.Traf
	has, _ := traf.ContainsSencBox()
	senc := traf.Senc
	if has && senc.ReadButNotParsed() {
		require.NoError(t, senc.ParseReadBox(byte(ivSize), traf.Saiz))
	}
	samples, err := frag.GetFullSamples(init.Moov.Mvex.Trex)
	require.NoError(t, err)
	index := uint32(1)
	if traf.Tfhd.HasSampleDescriptionIndex() {
		index = traf.Tfhd.SampleDescriptionIndex
	}
	entries := init.Moov.Trak.Mdia.Minf.Stbl.Stsd.Children
	sealed := int(index) <= len(entries) && strings.HasPrefix(entries[index-1].Type(), "enc")
	key := ""
	for _, box := range traf.Children {
		if g, ok := box.(*mp4.SgpdBox); ok && g.GroupingType == "seig" {
			e := g.SampleGroupEntries[0].(*mp4.SeigSampleGroupEntry)
			key = fmt.Sprintf("%x", []byte(e.KID))
			sealed = e.IsProtected == 1
			if sealed {
				facts[kind+" seig group"] = fmt.Sprintf("pattern %d:%d, IVs of %d, constant IV %x", e.CryptByteBlock, e.SkipByteBlock, e.PerSampleIVSize, e.ConstantIV)
			}
		}
	}
	descriptions[sealed] = append(descriptions[sealed], fmt.Sprint(index))
	var names []string
	for _, b := range frag.Moof.Children {
		if p, ok := b.(*mp4.PsshBox); ok {
			name, what := " pssh in moof of a clear segment", "there"
			if sealed {
				name, what = " pssh in moof of a protected segment", "of another key"
				if slices.ContainsFunc(p.KIDs, func(id mp4.UUID) bool { return fmt.Sprintf("%x", []byte(id)) == key }) {
					what = "of the key that the group names"
				}
			}
			facts[kind+name] = what
		}
		if b.Type() == "traf" {
			for _, c := range traf.Children {
				names = append(names, c.Type())
			}
			continue
		}
	}
	slices.Sort(names)
	boxes[sealed] = strings.Join(slices.Compact(names), " ")
	if has && traf.Saio != nil {
		at := map[bool]string{true: "the first of senc", false: "elsewhere"}[frag.Moof.StartPos+uint64(traf.Saio.Offset[0]) == senc.StartPos+16]
		facts[kind+" saio points at"] = at
	}
	for i, s := range samples {
		one := sealedSample{data: s.Data, sealed: sealed, key: key}
		if sealed && has && len(senc.IVs) > 0 {
			one.iv = senc.IVs[i]
		}
		size := ivSize
		if sealed && has && len(senc.SubSamples) > 0 {
			size += 2 + 6*len(senc.SubSamples[i])
			for _, sub := range senc.SubSamples[i] {
				one.subs = append(one.subs, media.Subsample{Clear: uint32(sub.BytesOfClearData), Protected: sub.BytesOfProtectedData})
			}
		}
		if sealed && traf.Saiz != nil {
			said := traf.Saiz.DefaultSampleInfoSize
			if said == 0 {
				said = traf.Saiz.SampleInfo[i]
			}
			require.EqualValues(t, size, said, "saiz of sample %d", i)
		}
		tr.samples = append(tr.samples, one)
	}
}

// peerFiles are the files of a stream: one, or an initialization segment and segments; nil: the case has none.
func peerFiles(t *testing.T, folder, kind, ext string) (list []string) {
	t.Helper()
	for _, pattern := range []string{"*-" + kind + "-init.mp4", "*-" + kind + "-[0-9]" + ext, "*-" + kind + ".mp4"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		require.NoError(t, err)
		for _, f := range files {
			if !strings.HasPrefix(filepath.Base(f), "decrypted-") {
				list = append(list, f)
			}
		}
	}
	return list
}

// ownFiles are the URLs of the same.
func ownFiles(t *testing.T, folder, kind string) []string {
	t.Helper()
	for _, l := range readHLS(t, folder+"index.m3u8") {
		if l.Kind == kind {
			return slices.Compact(l.urls())
		}
	}
	return nil
}

func (c *sealedPeer) compareMP4(t *testing.T, folder, base string, theirs, own map[string]string) {
	ivSize := 0
	if c.method == drm.CENC {
		ivSize = 8
	}
	for _, kind := range []string{"audio", "video"} {
		files := peerFiles(t, folder, kind, ".m4s")
		if files == nil {
			continue
		}
		var raw [4][]byte // theirs; ours clear, with lead, all
		for at, f := range files {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			raw[0] = append(raw[0], c.whole(t, data, at == 0, kind, theirs)...)
		}
		for i, endpoint := range []string{"clear", "lead", "all"} {
			facts := map[string]string{}
			if endpoint == "lead" {
				facts = own
			}
			for at, u := range ownFiles(t, base+"f/"+endpoint+"/", kind) {
				data, _ := harness.Get(t, u)
				raw[i+1] = append(raw[i+1], c.whole(t, data, at == 0, kind, facts)...)
			}
		}
		peer := readSealed(t, raw[0], ivSize, kind, theirs)
		plain := readSealed(t, raw[1], 0, kind, map[string]string{})
		lead := readSealed(t, raw[2], ivSize, kind, own)
		all := readSealed(t, raw[3], ivSize, kind, map[string]string{})
		if c.method == drm.AES128 {
			clearSample := func(s sealedSample) []byte { return s.data }
			agree(theirs, own, kind+" samples, decrypted", peer.samples, plain.samples, clearSample)
			require.Equal(t, len(plain.samples), len(all.samples))
			continue
		}
		mediaKind := media.Audio
		if kind == "video" {
			mediaKind = media.Video
		}
		c.compareSamples(t, kind, mediaKind, peer, plain, lead, all, theirs, own)
	}
}

// whole undoes AES-128, and writes down what was encrypted. Of several initialization segments it gives the first.
func (c *sealedPeer) whole(t *testing.T, data []byte, first bool, kind string, facts map[string]string) []byte {
	if c.method != drm.AES128 {
		return data
	}
	state := "clear"
	if !isMP4(data) {
		data, state = wholeSegment(t, data), "encrypted"
	}
	name := kind + " media segments"
	if string(data[4:8]) == "ftyp" {
		name = kind + " initialization segments"
	}
	facts[name] = strings.TrimPrefix(facts[name]+", "+state, ", ")
	if string(data[4:8]) == "ftyp" && !first {
		return nil
	}
	return data
}

// agree writes down that two lists have the same of each sample, or where they first differ.
func agree(theirs, own map[string]string, name string, a, b []sealedSample, of func(sealedSample) []byte) {
	theirs[name] = fmt.Sprint(len(a))
	own[name] = fmt.Sprint(len(b))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(of(a[i]), of(b[i])) {
			own[name] += fmt.Sprintf(", sample %d differs", i)
			return
		}
	}
}

// compareSamples encrypts our plain samples with the IVs of the peer: that gives the peer's ciphertext.
func (c *sealedPeer) compareSamples(t *testing.T, kind string, mk media.Kind, peer, plain, lead, all *sealedTrack, theirs, own map[string]string) {
	require.Len(t, peer.samples, len(plain.samples), kind)
	require.Len(t, lead.samples, len(plain.samples), kind)
	require.Len(t, all.samples, len(plain.samples), kind)
	firstSealed := func(tr *sealedTrack) string {
		i := slices.IndexFunc(tr.samples, func(s sealedSample) bool { return s.sealed })
		if i < 0 {
			return fmt.Sprintf("all %d", len(tr.samples))
		}
		return fmt.Sprintf("%d of %d", i, len(tr.samples))
	}
	theirs[kind+" clear lead, samples"], own[kind+" clear lead, samples"] = firstSealed(peer), firstSealed(lead)
	first := func(tr *sealedTrack) string {
		for _, s := range tr.samples {
			if s.iv != nil {
				if fmt.Sprintf("%x", s.iv) == peerIV {
					return "of 8 bytes, counted up from " + peerIV
				}
				return fmt.Sprintf("of %d bytes, of lane and decode time", len(s.iv))
			}
		}
		return "not sent"
	}
	theirs[kind+" IVs"], own[kind+" IVs"] = first(peer), first(lead)
	clearSamples, maps, ciphertext, keys := 0, 0, 0, 0
	problems := map[string]string{}
	problem := func(what, format string, args ...any) {
		if problems[what] == "" {
			problems[what] = ": " + fmt.Sprintf(format, args...)
		}
	}
	for i, s := range peer.samples {
		if !s.sealed {
			clearSamples++
			if !bytes.Equal(s.data, plain.samples[i].data) {
				problem("clear", "sample %d differs", i)
			}
			continue
		}
		require.True(t, all.samples[i].sealed)
		maps++
		if own := all.samples[i].subs; !slices.Equal(s.subs, own) {
			if c.method != drm.CENC || !aligned(stretches(s.subs), stretches(own)) {
				problem("maps", "sample %d: peer %v, mezzo %v", i, s.subs, own)
			}
			problem("maps", "as many blocks of each slice, up to 15 bytes later")
		}
		if s.key != "" {
			keys++
			if s.key != all.samples[i].key {
				problem("keys", "sample %d: peer %s, mezzo %s", i, s.key, all.samples[i].key)
			}
		}
		ciphertext++
		if got := c.encrypt(t, kind, mk, s.key, s.iv, s.subs, plain.samples[i].data); !bytes.Equal(s.data, got) {
			problem("ciphertext", "sample %d differs", i)
		}
		if own := all.samples[i]; c.method == drm.CBCS && !bytes.Equal(s.data, own.data) {
			problem("sent", "sample %d differs", i)
		} else if got := c.encrypt(t, kind, mk, own.key, own.iv, own.subs, plain.samples[i].data); !bytes.Equal(own.data, got) {
			problem("sent", "sample %d is not its plain text under its own IV", i)
		}
	}
	for name, what := range map[string]struct {
		n   int
		key string
	}{"clear payloads": {clearSamples, "clear"}, "subsample maps": {maps, "maps"}, "ciphertext under the peer's IVs": {ciphertext, "ciphertext"},
		"keys named by segments": {keys, "keys"}} {
		if what.n > 0 {
			theirs[kind+" "+name] = fmt.Sprint(what.n)
			own[kind+" "+name] = fmt.Sprint(what.n) + problems[what.key]
		}
	}
	if ciphertext == 0 {
		return
	}
	name := " ciphertext as sent"
	if c.method != drm.CBCS {
		name = " ciphertext as sent, under our IVs"
	}
	theirs[kind+name], own[kind+name] = fmt.Sprint(ciphertext), fmt.Sprint(ciphertext)+problems["sent"]
}

// stretches are where protected bytes begin, and how many there are.
func stretches(subs []media.Subsample) (list [][2]uint32) {
	at := uint32(0)
	for _, s := range subs {
		if at += s.Clear; s.Protected > 0 {
			list = append(list, [2]uint32{at, s.Protected})
		}
		at += s.Protected
	}
	return list
}

// aligned reports whether each stretch of ours is as long as the peer's and begins up to 15 bytes later.
func aligned(peer, own [][2]uint32) bool {
	for i := range min(len(peer), len(own)) {
		if peer[i][1] != own[i][1] || own[i][0] < peer[i][0] || own[i][0] > peer[i][0]+15 {
			return false
		}
	}
	return len(peer) == len(own)
}

func (c *sealedPeer) encrypt(t *testing.T, kind string, mk media.Kind, key string, iv []byte, subs []media.Subsample, data []byte) []byte {
	t.Helper()
	keys, id := shakaKeys, peerKeyID
	if c.labels != nil {
		keys, id = c.labels, map[string]string{"audio": "10111213141516171819202122232425", "video": "20212223242526272829303132333435"}[kind]
	}
	if c.rotate {
		keys, id = rotated(peerKeyID, peerKey, 16), key
	}
	parsed, err := drm.ParseKeyID(id)
	require.NoError(t, err)
	k, err := keys.Key(context.Background(), parsed)
	require.NoError(t, err)
	p := &drm.Protection{Scheme: c.method, Key: k}
	enc, err := cenc.NewEncrypter(k, c.method, p.PatternOf(mk))
	require.NoError(t, err)
	var full [16]byte
	if copy(full[:], iv); iv == nil {
		constant, err := hex.DecodeString(peerIV)
		require.NoError(t, err)
		copy(full[:], constant)
	}
	require.NoError(t, enc.Begin(full, subs, int64(len(data))))
	out := make([]byte, len(data))
	require.Equal(t, len(data), enc.Crypt(out, data))
	return out
}

// isMP4 reports whether the data begins with a box that files and segments begin with.
func isMP4(data []byte) bool {
	return len(data) >= 8 && slices.Contains([]string{"ftyp", "styp", "sidx", "moof", "prft", "emsg"}, string(data[4:8]))
}

// wholeSegment undoes AES-128 under the peer's key and IV, which has zeros after its 8 bytes.
func wholeSegment(t *testing.T, data []byte) []byte {
	t.Helper()
	key, err := hex.DecodeString(peerKey)
	require.NoError(t, err)
	iv, err := hex.DecodeString(peerIV)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	require.Zero(t, len(data)%16)
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, append(iv, make([]byte, 8)...)).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	require.True(t, pad >= 1 && pad <= 16, "padding of %d", pad)
	return out[:len(out)-pad]
}
