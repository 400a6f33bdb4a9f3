package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/internal/nal"
)

// sealedStream is an elementary stream over several segments.
type sealedStream struct {
	kind        byte   // stream type; 0: packed audio
	descriptors string // hex
	tag         []byte // of packed audio
	units       [][]byte
}

// elementary takes segments apart: pictures as their NAL units in one, or audio frames.
func elementary(t *testing.T, kind string, segments [][]byte) (s sealedStream) {
	t.Helper()
	for _, data := range segments {
		var payload []byte
		if data[0] == 'I' {
			size := 10 + int(data[6])<<21 + int(data[7])<<14 + int(data[8])<<7 + int(data[9])
			s.tag, payload = data[:size], data[size:]
		} else {
			var pictures [][]byte
			pictures, payload = s.demux(t, kind, data)
			s.units = append(s.units, pictures...)
		}
		for len(payload) > 0 {
			if head, end, _, _, err := nextADTS(payload); err == nil {
				s.units, payload = append(s.units, payload[head:end]), payload[end:]
				continue
			}
			size, _, _, _, err := syncframe(payload)
			require.NoError(t, err)
			s.units, payload = append(s.units, payload[:size]), payload[size:]
		}
	}
	return s
}

// demux reads the stream of a kind; pictures for video, else the sound in one piece.
func (s *sealedStream) demux(t *testing.T, kind string, data []byte) (pictures [][]byte, sound []byte) {
	t.Helper()
	pid := uint16(0)
	for p := data; len(p) >= 188; p = p[188:] { // the program map, as it is
		if p[1]&0x40 == 0 || p[3]&0x10 == 0 {
			continue
		}
		body := p[4:188]
		if p[3]&0x20 != 0 {
			body = body[1+body[0]:]
		}
		if body[0] != 0 || body[1] != 2 {
			continue
		}
		body = body[1:]
		end := 3 + int(body[1]&15)<<8 + int(body[2]) - 4
		for at := 12 + int(body[10]&15)<<8 + int(body[11]); at < end; {
			n := int(body[at+3]&15)<<8 | int(body[at+4])
			video := slices.Contains([]byte{0x1B, 0xDB, 0x24}, body[at])
			if video == (kind == "video") {
				pid = uint16(body[at+1]&31)<<8 | uint16(body[at+2])
				s.kind, s.descriptors = body[at], fmt.Sprintf("%x", body[at+5:at+5+n])
			}
			at += 5 + n
		}
		break
	}
	require.NotZero(t, pid)
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(data), astits.DemuxerOptPacketSize(188))
	for {
		next, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return pictures, sound
		}
		require.NoError(t, err)
		switch {
		case next.PES == nil || next.PID != pid:
		case kind == "video":
			pictures = append(pictures, next.PES.Data)
		default:
			sound = append(sound, next.PES.Data...)
		}
	}
}

// slicesOf are the slices of a picture, joined; what else is in an access unit packagers write as they like.
func slicesOf(picture []byte) []byte {
	var all [][]byte
	for _, u := range annexB(picture) {
		if kind := u[0] & 31; kind == nal.H264IDR || kind == nal.H264Slice {
			all = append(all, u)
		}
	}
	return bytes.Join(all, []byte{0, 0, 1})
}

func (c *sealedPeer) compareTS(t *testing.T, folder, base string, theirs, own map[string]string) {
	for _, kind := range []string{"audio", "video"} {
		var files []string
		for _, ext := range []string{".ts", ".aac", ".ec3"} {
			files = append(files, peerFiles(t, folder, kind, ext)...)
		}
		if files == nil {
			continue
		}
		var peer, clear, lead, all [][]byte
		for _, f := range files {
			data, err := os.ReadFile(f)
			require.NoError(t, err)
			peer = append(peer, c.unwrap(t, data))
		}
		presentation, from := "f/", "video" // has the sound with it
		if c.packed && kind == "audio" {
			presentation, from = "sound/", kind
		}
		for endpoint, list := range map[string]*[][]byte{"clear": &clear, "lead": &lead, "all": &all} {
			for _, u := range ownFiles(t, base+presentation+endpoint+"/", from) {
				data, _ := harness.Get(t, u)
				*list = append(*list, c.unwrap(t, data))
			}
		}
		c.compareStreams(t, kind, [4][][]byte{peer, clear, lead, all}, theirs, own)
	}
}

// unwrap undoes AES-128.
func (c *sealedPeer) unwrap(t *testing.T, data []byte) []byte {
	if c.method == drm.AES128 && (data[0] != 0x47 || len(data)%188 != 0) {
		return wholeSegment(t, data)
	}
	return data
}

// compareStreams compares the first segment, which is clear, and all others, in what each says and has.
func (c *sealedPeer) compareStreams(t *testing.T, kind string, raw [4][][]byte, theirs, own map[string]string) {
	for i, facts := range map[int]map[string]string{0: theirs, 2: own} {
		for when, s := range map[string]sealedStream{"clear": elementary(t, kind, raw[i][:1]), "protected": elementary(t, kind, raw[i][1:2])} {
			name := kind + " in " + when + " segments"
			if s.tag != nil {
				facts[name] = fmt.Sprintf("ID3 tag %x", noTime(s.tag))
				continue
			}
			facts[name] = fmt.Sprintf("stream type 0x%02x, descriptors %s", s.kind, s.descriptors)
		}
	}
	peerClear, peerSealed := elementary(t, kind, raw[0][:1]), elementary(t, kind, raw[0][1:])
	clear, all := elementary(t, kind, raw[1]), elementary(t, kind, raw[3])
	c.inOrder(kind+" payloads in clear segments", kind, peerClear.units, clear.units, theirs, own)
	c.inOrder(kind+" payloads in protected segments", kind, peerSealed.units, all.units, theirs, own)
	lead := elementary(t, kind, raw[2][:1])
	theirs[kind+" clear lead"], own[kind+" clear lead"] = fmt.Sprint(len(peerClear.units)), fmt.Sprint(len(lead.units))
}

// inOrder looks for the peer's payloads, one after the other, among ours.
func (c *sealedPeer) inOrder(name, kind string, peer, ours [][]byte, theirs, own map[string]string) {
	of := func(p []byte) []byte { return p }
	if kind == "video" {
		of = slicesOf
	}
	theirs[name], own[name] = fmt.Sprint(len(peer)), ""
	at, found := 0, 0
	for i, p := range peer {
		n := slices.IndexFunc(ours[at:], func(o []byte) bool { return bytes.Equal(of(p), of(o)) })
		if n < 0 {
			own[name] = fmt.Sprintf(", number %d is not there", i)
			continue
		}
		found++
		at += n + 1
	}
	own[name] = fmt.Sprint(found) + own[name]
}
