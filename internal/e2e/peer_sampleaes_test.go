package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/internal/sampleaes/sampleaestest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/packed"
	"github.com/mezzomedia/mezzo/packager/ts"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// Keys of the peer's files, and its IV of 8 bytes, after which it puts zeros.
const (
	peerKey = "32333435363738393021323334353637"
	peerIV  = "3334353637383930"
)

// elementaryOf is the only elementary stream of a segment, as a PES each, and what its program map says.
type elementaryOf struct {
	kind        byte
	descriptors []byte
	pes         [][]byte
}

func demuxOne(t testing.TB, data []byte) (e elementaryOf) {
	t.Helper()
	pmt := data[188+4:]
	if data[188+3]&0x20 != 0 { // an adaptation field
		pmt = pmt[1+pmt[0]:]
	}
	pmt = pmt[1+pmt[0]:] // pointer_field
	e.kind = pmt[12]
	n := int(pmt[15]&15)<<8 | int(pmt[16])
	e.descriptors = pmt[17 : 17+n]
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	for {
		next, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return e
		}
		require.NoError(t, err)
		if next.PES != nil {
			e.pes = append(e.pes, next.PES.Data)
		}
	}
}

// annexB are the NAL units of an access unit without its delimiter.
func annexB(p []byte) (list [][]byte) {
	for {
		unit, rest := nal.NextAnnexB(p)
		if unit == nil {
			return list
		}
		if unit[0]&31 != nal.H264AUD {
			list = append(list, unit)
		}
		p = rest
	}
}

// oneTrack is a Job of these samples.
func oneTrack(track *media.Track, protect *drm.Protection, samples [][]byte) *packager.Job {
	run := media.Run{Track: track, Data: bmfftest.Object("peer", bytes.Join(samples, nil))}
	at := int64(0)
	for i, s := range samples {
		flags := media.FlagsDelta
		if i == 0 {
			flags = media.FlagsSync
		}
		run.Samples = append(run.Samples, media.Sample{Offset: at, Size: uint32(len(s)), Duration: track.Timescale / 30, Flags: flags})
		at += int64(len(s))
	}
	return &packager.Job{Bias: packager.Bias, Inputs: []packager.Input{{Track: track, Runs: []media.Run{run}, Protect: protect}}}
}

func rendered(t testing.TB, p packager.Packager, job *packager.Job) []byte {
	t.Helper()
	body, err := packager.Render(context.Background(), p, job)
	require.NoError(t, err)
	data, err := body.Bytes(context.Background())
	require.NoError(t, err)
	return data
}

// peer is the clear and the encrypted form of the same segments, by another packager.
type peer struct {
	root    string
	protect *drm.Protection
	undo    *sampleaestest.Undo
}

func (p *peer) read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.root, "golden", "shaka-packager", name))
	require.NoError(t, err)
	return data
}

// TestPeerSampleAES undoes what Shaka Packager encrypted, to its clear form, and encrypts that again: the same bytes, and the
// same words in program map and ID3 tag.
func TestPeerSampleAES(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // the same transforms are proven by TestDecryptTS
	}
	p := &peer{root: root, protect: protection(t, drm.SampleAES, peerKey, peerIV)}
	key, _ := p.protect.Key.Value.Reveal()
	p.undo = &sampleaestest.Undo{Key: key, IV: p.protect.Key.ConstantIV()}
	for _, n := range []string{"2", "3"} {
		t.Run("video "+n, func(t *testing.T) {
			p.video(t, p.read(t, "avc-ts-with-encryption/bear-640x360-video-"+n+".ts"), p.read(t, "avc-aac-ts/bear-640x360-video-"+n+".ts"))
		})
		t.Run("AAC "+n, func(t *testing.T) {
			p.aac(t, p.read(t, "avc-ts-with-encryption/bear-640x360-audio-"+n+".ts"), p.read(t, "avc-aac-ts/bear-640x360-audio-"+n+".ts"),
				p.read(t, "avc-ts-aac-packed-audio-with-encryption/bear-640x360-audio-"+n+".aac"))
		})
		t.Run("AC-3 "+n, func(t *testing.T) {
			p.ac3(t, p.read(t, "avc-ac3-ts-with-encryption/bear-640x360-ac3-audio-"+n+".ts"), n == "2")
		})
		t.Run("E-AC-3 packed "+n, func(t *testing.T) {
			p.eac3(t, p.read(t, "ec3-packed-audio-encrypted/bear-640x360-ec3-audio-"+n+".ec3"))
		})
	}
}

func (p *peer) video(t *testing.T, sealed, clear []byte) {
	theirs, plain := demuxOne(t, sealed), demuxOne(t, clear)
	require.Len(t, theirs.pes, len(plain.pes))
	var samples [][]byte
	var sps, pps []byte
	for i, pes := range theirs.pes {
		back, err := p.undo.Picture(pes)
		require.NoError(t, err)
		units := annexB(back)
		require.Equal(t, annexB(plain.pes[i]), units, "picture %d", i)
		for _, u := range units {
			switch u[0] & 31 {
			case nal.H264SPS:
				sps = u
			case nal.H264PPS:
				pps = u
			}
		}
		samples = append(samples, bmfftest.NAL(units...))
	}
	config := append([]byte{1, sps[1], sps[2], sps[3], 0xFF, 0xE1, 0, byte(len(sps))}, sps...)
	config = append(append(config, 1, 0, byte(len(pps))), pps...)
	track := &media.Track{ID: "v", Kind: media.Video, Timescale: 90000, Video: &media.VideoFormat{NALLength: 4},
		Codec: media.Codec{Coding: media.H264, FourCC: "avc1", Config: config}}
	ours := demuxOne(t, rendered(t, ts.Packager{}, oneTrack(track, p.protect, samples)))
	require.Equal(t, theirs.kind, ours.kind)
	require.Equal(t, theirs.descriptors, ours.descriptors)
	require.Len(t, ours.pes, len(theirs.pes))
	differ := 0
	for i := range ours.pes {
		require.Equal(t, annexB(theirs.pes[i]), annexB(ours.pes[i]), "picture %d", i)
		if !bytes.Equal(theirs.pes[i], plain.pes[i]) {
			differ++
		}
	}
	t.Logf("%d pictures, of which %d are encrypted", len(ours.pes), differ)
}

func (p *peer) aac(t *testing.T, sealed, clear, inPacked []byte) {
	theirs, plain := demuxOne(t, sealed), demuxOne(t, clear)
	frames := bytes.Join(theirs.pes, nil)
	back, err := p.undo.ADTS(frames)
	require.NoError(t, err)
	require.Equal(t, bytes.Join(plain.pes, nil), back)
	var samples [][]byte
	for rest := back; len(rest) > 0; {
		head, end, _, _, err := nextADTS(rest)
		require.NoError(t, err)
		samples, rest = append(samples, rest[head:end]), rest[end:]
	}
	track := &media.Track{ID: "a", Kind: media.Audio, Timescale: 44100, Audio: &media.AudioFormat{SampleRate: 44100, Channels: 2},
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2", Config: []byte{0x12, 0x10}}}
	job := oneTrack(track, p.protect, samples)
	ours := demuxOne(t, rendered(t, ts.Packager{}, job))
	require.Equal(t, theirs.kind, ours.kind)
	require.Equal(t, theirs.descriptors, ours.descriptors)
	require.Equal(t, payloadsOf(t, frames), payloadsOf(t, bytes.Join(ours.pes, nil)))
	data := rendered(t, packed.Packager{}, job)
	require.Equal(t, noTime(inPacked[:130]), noTime(data[:130]), "ID3 tag")
	require.Equal(t, payloadsOf(t, inPacked[130:]), payloadsOf(t, data[130:]))
	t.Logf("%d frames", len(samples))
}

// payloadsOf are ADTS frames without their headers, in which packagers tell the fullness of a buffer as they like.
func payloadsOf(t testing.TB, p []byte) (list [][]byte) {
	t.Helper()
	for len(p) > 0 {
		head, end, _, _, err := nextADTS(p)
		require.NoError(t, err)
		list, p = append(list, p[head:end]), p[end:]
	}
	return list
}

// noTime blanks the time in a tag.
func noTime(tag []byte) []byte {
	tag = bytes.Clone(tag)
	clear(tag[65:73])
	return tag
}

func (p *peer) ac3(t *testing.T, sealed []byte, first bool) {
	theirs := demuxOne(t, sealed)
	source, err := os.ReadFile(filepath.Join(p.root, "ts", "shaka-packager", "bear-640x360-ac3.ts"))
	require.NoError(t, err)
	all, err := harnessAC3(source)
	require.NoError(t, err)
	var samples [][]byte
	for _, pes := range theirs.pes {
		size, _, _, _, err := syncframe(pes)
		require.NoError(t, err)
		require.Equal(t, len(pes), size)
		back, err := p.undo.Dolby(pes, size)
		require.NoError(t, err)
		require.Contains(t, string(all), string(back), "a frame of the source")
		samples = append(samples, back)
	}
	track := &media.Track{ID: "a", Kind: media.Audio, Timescale: 44100, Audio: &media.AudioFormat{SampleRate: 44100, Channels: 2},
		Codec: media.Codec{Coding: media.AC3, FourCC: "ac-3", String: "ac-3", Config: []byte{0x50, 0x11, 0x40}}}
	ours := demuxOne(t, rendered(t, ts.Packager{}, oneTrack(track, p.protect, samples)))
	require.Equal(t, theirs.kind, ours.kind)
	require.Len(t, ours.descriptors, len(theirs.descriptors))
	// of the first 10 bytes of a frame, two are its CRC and the one with frmsizecod tells its padding: they take the frame
	// from the start of the stream, mezzo that of the segment
	blank := func(d []byte) []byte {
		d = bytes.Clone(d)
		clear(d[22:25])
		return d
	}
	require.Equal(t, blank(theirs.descriptors), blank(ours.descriptors))
	require.Equal(t, theirs.pes, splitDolby(t, ours.pes))
	t.Logf("%d frames", len(samples))
}

// harnessAC3 is the sound of a transport stream in one piece.
func harnessAC3(data []byte) (all []byte, err error) {
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	for {
		next, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if next.PES != nil && next.PES.Header.StreamID == 0xBD {
			all = append(all, next.PES.Data...)
		}
	}
}

func splitDolby(t testing.TB, pes [][]byte) (list [][]byte) {
	t.Helper()
	for p := bytes.Join(pes, nil); len(p) > 0; {
		size, _, _, _, err := syncframe(p)
		require.NoError(t, err)
		list, p = append(list, p[:size]), p[size:]
	}
	return list
}

func (p *peer) eac3(t *testing.T, sealed []byte) {
	f, err := vod.OpenFile(filepath.Join(p.root, "mp4", "shaka-packager", "bear-640x360-ec3.mp4"))
	require.NoError(t, err)
	defer f.Close()
	src, err := vod.Open(context.Background(), "bear", f)
	require.NoError(t, err)
	var track *media.Track
	for _, tr := range src.Tracks() {
		if tr.Codec.Coding == media.EAC3 {
			track = tr
		}
	}
	runs, err := src.Samples(context.Background(), track, media.Interval{From: -1 << 60, To: 1 << 60})
	require.NoError(t, err)
	var all []byte
	for i := range runs {
		for _, s := range runs[i].Samples {
			b := make([]byte, s.Size)
			require.NoError(t, runs[i].Data.ReadAt(context.Background(), b, s.Offset))
			all = append(all, b...)
		}
	}
	const tag = 133
	var samples [][]byte
	for _, frame := range splitDolby(t, [][]byte{sealed[tag:]}) {
		back, err := p.undo.Dolby(frame, len(frame))
		require.NoError(t, err)
		samples = append(samples, back)
	}
	require.Contains(t, string(all), string(bytes.Join(samples, nil)), "a stretch of the source")
	data := rendered(t, packed.Packager{}, oneTrack(track, p.protect, samples))
	require.Equal(t, noTime(sealed[:tag]), noTime(data[:tag]), "ID3 tag")
	require.Equal(t, sealed[tag:], data[tag:])
	t.Logf("%d frames", len(samples))
}

// TestPeerAES128 has the whole segments that Shaka Packager encrypted: the clear form encrypted is theirs, byte for byte.
func TestPeerAES128(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return // TestDecryptTS has ffmpeg decrypt ours
	}
	p := &peer{root: root}
	protect := protection(t, drm.AES128, peerKey, peerIV)
	key, _ := protect.Key.Value.Reveal()
	iv := protect.Key.ConstantIV()
	for name, clearName := range map[string]string{
		"avc-ts-with-aes128-encryption/bear-640x360-video-1.ts": "avc-aac-ts/bear-640x360-video-1.ts",
		"avc-ts-with-aes128-encryption/bear-640x360-video-2.ts": "avc-aac-ts/bear-640x360-video-2.ts",
		"avc-ts-with-aes128-encryption/bear-640x360-video-3.ts": "avc-aac-ts/bear-640x360-video-3.ts",
		"avc-ts-with-aes128-encryption/bear-640x360-audio-1.ts": "avc-aac-ts/bear-640x360-audio-1.ts",
		"avc-ts-with-aes128-encryption/bear-640x360-audio-2.ts": "avc-aac-ts/bear-640x360-audio-2.ts",
		"avc-ts-with-aes128-encryption/bear-640x360-audio-3.ts": "avc-aac-ts/bear-640x360-audio-3.ts",
	} {
		t.Run(name, func(t *testing.T) {
			theirs, plain := p.read(t, name), p.read(t, clearName)
			out := harness.Run(t, "openssl", "enc", "-d", "-aes-128-cbc", "-K", hex.EncodeToString(key[:]), "-iv", hex.EncodeToString(iv[:]),
				"-in", filepath.Join(root, "golden", "shaka-packager", name))
			if bytes.Equal(theirs, plain) { // their clear lead
				return
			}
			body, err := packager.AES128(packager.BytesBody(out), protect.Key, iv)
			require.NoError(t, err)
			data, err := body.Bytes(context.Background())
			require.NoError(t, err)
			require.True(t, bytes.Equal(theirs, data))
			require.True(t, bytes.Equal(plain, out), "%d bytes, the clear form %d", len(out), len(plain))
		})
	}
}
