package ts_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/internal/sampleaes/sampleaestest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// sampleAES is a protection and what undoes it.
func sampleAES(t testing.TB, seed byte) (*drm.Protection, *sampleaestest.Undo) {
	u := &sampleaestest.Undo{}
	for i := range 16 {
		u.Key[i], u.IV[i] = seed+byte(i), seed^byte(i*17)
	}
	secret, err := drm.NewSecret(u.Key[:])
	require.NoError(t, err)
	return &drm.Protection{Scheme: drm.SampleAES, Key: drm.Key{ID: drm.KeyID{seed}, Value: secret, IV: u.IV[:]}}, u
}

func protect(j *packager.Job, p *drm.Protection) *packager.Job {
	for i := range j.Inputs {
		j.Inputs[i].Protect = p
	}
	return j
}

// lc is AAC that says what it is.
func lc(timescale uint32) *clip {
	a := aac(timescale)
	a.track.Codec.String = "mp4a.40.2"
	return a
}

// undoPictures and undoFrames decrypt what was demuxed.
func undoPictures(t testing.TB, s *stream, u *sampleaestest.Undo) *stream {
	for i := range s.pes {
		clear, err := u.Picture(s.pes[i].data)
		require.NoError(t, err)
		s.pes[i].data = clear
	}
	return s
}

func undoFrames(t testing.TB, s *stream, u *sampleaestest.Undo) *stream {
	for i := range s.pes {
		clear, err := u.ADTS(s.pes[i].data)
		require.NoError(t, err)
		s.pes[i].data = clear
	}
	return s
}

// equalSealed demuxes and decrypts a segment of video and sound and compares it with the source.
func equalSealed(t testing.TB, b []byte, v, a *clip, u *sampleaestest.Undo) {
	d := demux(t, b)
	if v != nil && len(v.table) > 0 {
		equalPictures(t, undoPictures(t, d.stream(0x100), u), v, bias)
	}
	if a != nil {
		equalFrames(t, undoFrames(t, d.stream(0x101), u), a, bias)
	}
}

// untilZeros are pictures that end in zeros, or consist of units that do, which no NAL unit may, and yet some do.
func untilZeros(c *clip) *clip {
	for i := range 40 {
		unit := append([]byte{0x41}, bmfftest.Noise(uint32(i), 40+i)...)
		c.add(bmfftest.NAL(append(unit, make([]byte, i%7)...), nil, append(bytes.Clone(unit), make([]byte, 160+i)...)), 3600, 0, i == 0)
	}
	return c
}

// escapeful are pictures whose units need much emulation prevention, of every size up to 300 bytes and more.
func escapeful(c *clip) *clip {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 320 {
		p := make([]byte, 1+i)
		for k := range p {
			p[k] = byte(r.IntN(5) * r.IntN(2))
		}
		p[0] = 0x41
		p[len(p)-1] |= 0x40
		c.add(bmfftest.NAL(append(p[:1:1], nal.Escape(nil, p[1:])...)), 3600, 0, i == 0)
	}
	return c
}

func width(c *clip, n int) *clip {
	c.track.Video.NALLength = n
	for i, s := range c.samples {
		var out []byte
		for len(s) > 0 {
			u, rest, err := nal.Next(s, 4)
			if err != nil {
				panic(err)
			}
			for k := n - 1; k >= 0; k-- {
				out = append(out, byte(len(u)>>(8*k)))
			}
			out, s = append(out, u...), rest
		}
		c.samples[i], c.table[i].Size = out, uint32(len(out))
		if i > 0 {
			c.table[i].Offset = c.table[i-1].Offset + int64(c.table[i-1].Size)
		}
	}
	return c
}

func TestSampleAES(t *testing.T) {
	large := h264(90000).add(bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(9, 400_000)...), append([]byte{0x41}, bmfftest.Noise(8, 200_001)...)), 3600, 0, true)
	sets := h264(90000).add(bmfftest.NAL([]byte{0x09, 0x10}, h264SPS, h264PPS, []byte{6, 5, 4, 3, 2, 1}, append([]byte{0x65}, bmfftest.Noise(9, 900)...)), 3600, 0, true)
	for name, v := range map[string]*clip{
		"pictures":            h264(12800).pictures(50, 25, 512, true),
		"escapes":             escapeful(h264(90000)),
		"trailing zeros":      untilZeros(h264(90000)),
		"large":               large,
		"its own sets":        sets,
		"lengths of 2 bytes":  width(escapeful(h264(90000)), 2),
		"lengths of 2, zeros": width(untilZeros(h264(90000)), 2),
		"with empty samples":  h264(90000).pictures(3, 3, 3600, false).add(nil, 3600, 0, false).pictures(3, 3, 3600, false),
	} {
		t.Run(name, func(t *testing.T) {
			a := lc(48000).frames(94, 1024).add(bmfftest.Noise(1, 16), 1024, 0, true).add(bmfftest.Noise(1, 33), 1024, 0, true)
			p, u := sampleAES(t, byte(len(name)))
			j := protect(job(v, a), p)
			b := segment(t, j)
			d := demux(t, b)
			require.EqualValues(t, 0xDB, d.streams[0x100].kind)
			require.EqualValues(t, 0xCF, d.streams[0x101].kind)
			require.Equal(t, "eng", d.streams[0x101].language)
			d.clocks(t)
			equalSealed(t, b, v, a, u)
			require.Equal(t, b, segment(t, j), "equal jobs give equal bytes")
			for i, c := range []*clip{v, a} { // the same where the bytes are read
				j.Inputs[i] = c.input(false)
			}
			require.True(t, bytes.Equal(b, segment(t, protect(j, p))))
			body, err := ts.Packager{}.Segment(context.Background(), j)
			require.NoError(t, err)
			for _, r := range [][2]int64{{0, 1}, {188*2 + 5, 1000}, {body.Size() / 3, 3000}, {body.Size() - 1, 1}, {100, body.Size()}} {
				part, err := body.Slice(r[0], r[1]).Bytes(context.Background())
				require.NoError(t, err)
				require.True(t, bytes.Equal(b[r[0]:][:len(part)], part), "%v", r)
			}
		})
	}
}

// Only what is to be encrypted is: parameter sets, delimiters, SEI and slices up to 48 bytes are sent as they came.
func TestF2ClearUnits(t *testing.T) {
	sei, short := append([]byte{6}, bmfftest.Noise(1, 200)...), append([]byte{0x41}, bmfftest.Noise(2, 47)...)
	slice := append([]byte{0x41}, bmfftest.Noise(3, 48)...)
	v := h264(90000).add(bmfftest.NAL(sei, short, slice), 3600, 0, true)
	p, _ := sampleAES(t, 1)
	got := units(demux(t, segment(t, protect(job(v), p))).streams[0x100].pes[0].data)
	require.Equal(t, [][]byte{{9, 0xF0}, h264SPS, h264PPS, sei, short}, got[:5])
	require.Len(t, got, 6)
	require.Equal(t, slice[:32], got[5][:32])
	require.NotEqual(t, slice[32:48], got[5][32:48])
	require.Equal(t, slice[48:], got[5][len(got[5])-1:])
}

// syncframe is one of AC-3 (48 kHz, 192 kbit/s) or E-AC-3.
func syncframe(coding media.Coding, seed uint32) []byte {
	p := bmfftest.Noise(seed, 768)
	if coding == media.AC3 {
		copy(p, []byte{0x0B, 0x77, byte(seed), 2, 20, 0x40, 0x43})
	} else {
		copy(p, []byte{0x0B, 0x77, 1, 0x7F, 0x3F, 0x87})
	}
	return p
}

// F14: what the program map says of each coding, byte for byte, and what comes back.
func TestF14Descriptors(t *testing.T) {
	p, u := sampleAES(t, 7)
	for name, c := range map[string]struct {
		codec media.Codec
		kind  byte
		want  string // descriptors
		bare  string // those of a segment without samples
	}{
		"AC-3":   {media.Codec{Coding: media.AC3, FourCC: "ac-3", String: "ac-3", Config: []byte{0x10, 0x11, 0x40}}, 0xC1, "0f0461633364" + "051661706164" + "7a6163330000010a" + hex.EncodeToString(syncframe(media.AC3, 0)[:10]), "0b770000144040000000"},
		"E-AC-3": {media.Codec{Coding: media.EAC3, FourCC: "ec-3", String: "ec-3", Config: []byte{6, 0, 0x60, 4, 0}}, 0xC2, "0f0465633364" + "051161706164" + "7a65633300000105" + "0600600400", ""},
		"AAC":    {media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2", Config: []byte{0x11, 0x90}}, 0xCF, "0f0461616364" + "050e61706164" + "7a61616300000102" + "1190", ""},
		"HE-AAC": {media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.5", Config: []byte{0x2B, 0x11, 0x88, 0}}, 0xCF, "0f0461616364" + "051061706164" + "7a61636800000104" + "2b118800", ""},
		"v2":     {media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.29", Config: []byte{0xEB, 0x11, 0x88, 0}}, 0xCF, "0f0461616364" + "051061706164" + "7a61637000000104" + "eb118800", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := aac(48000)
			a.track.Codec, a.track.Language = c.codec, ""
			a.track.Audio = &media.AudioFormat{SampleRate: 48000, Channels: 2}
			for i := range uint32(30) {
				if c.codec.Coding == media.AAC {
					a.add(bmfftest.Noise(i, 100+int(i)), 1024, 0, true)
				} else {
					a.add(syncframe(c.codec.Coding, i), 1536, 0, true)
				}
			}
			require.NoError(t, ts.Packager{}.Accepts(a.track, drm.SampleAES))
			for _, mapped := range []bool{true, false} {
				b := segment(t, protect(&packager.Job{Bias: bias, Inputs: []packager.Input{a.input(mapped)}}, p))
				d := demux(t, b)
				want, _ := hex.DecodeString(c.want)
				require.Equal(t, c.kind, d.streams[0x100].kind)
				require.EqualValues(t, len(want), b[188+21], "ES_info_length")
				require.Equal(t, c.want, hex.EncodeToString(b[188+22:][:len(want)]))
				require.EqualValues(t, 0xC1|17<<1, b[188+10], "version: one stream, encrypted")
				var got []byte
				for _, pes := range d.streams[0x100].pes {
					data := pes.data
					if c.codec.Coding == media.AAC {
						clear, err := u.ADTS(data)
						require.NoError(t, err)
						for len(clear) > 0 {
							k := int(clear[3]&3)<<11 | int(clear[4])<<3 | int(clear[5])>>5
							got, clear = append(got, clear[7:k]...), clear[k:]
						}
						continue
					}
					for ; len(data) > 0; data = data[768:] {
						clear, err := u.Dolby(data[:768], 768)
						require.NoError(t, err)
						got = append(got, clear...)
					}
				}
				require.True(t, bytes.Equal(bytes.Join(a.samples, nil), got))
			}
			// beside video, before it begins
			j := protect(job(h264(90000).pictures(2, 2, 3600, false), a), p)
			j.Inputs[1].Runs = nil
			b := segment(t, j)
			want, _ := hex.DecodeString(c.want)
			if c.bare != "" {
				bare, _ := hex.DecodeString(c.bare)
				copy(want[len(want)-len(bare):], bare)
			}
			require.Contains(t, string(b[188:376]), string(want))
		})
	}
}

// Inputs are protected each by itself, and a clear lead is as if nothing was.
func TestMixedProtection(t *testing.T) {
	v, a := h264(90000).pictures(20, 10, 3600, true), lc(48000).frames(40, 1024)
	p, u := sampleAES(t, 7)
	q, w := sampleAES(t, 70)
	clear := segment(t, job(v, a))

	j := job(v, a)
	j.Inputs[0].Protect = p
	b := segment(t, j)
	d := demux(t, b)
	require.EqualValues(t, 0xDB, d.streams[0x100].kind)
	require.EqualValues(t, 0x0F, d.streams[0x101].kind)
	equalPictures(t, undoPictures(t, d.streams[0x100], u), v, bias)
	equalFrames(t, d.streams[0x101], a, bias)

	j.Inputs[1].Protect = q
	d = demux(t, segment(t, j))
	equalPictures(t, undoPictures(t, d.streams[0x100], u), v, bias)
	equalFrames(t, undoFrames(t, d.streams[0x101], w), a, bias)

	lead := *p
	lead.Clear = true
	require.True(t, bytes.Equal(clear, segment(t, protect(job(v, a), &lead))))
	require.NotEqual(t, clear[188+10], b[188+10], "the program map is another version")
}

// What should be encrypted and cannot be is refused before anything is sent.
func TestSampleAESRefused(t *testing.T) {
	p, _ := sampleAES(t, 5)
	with := func(change func(*drm.Protection)) *drm.Protection {
		q := *p
		change(&q)
		return &q
	}
	hevc := h264(90000).pictures(2, 2, 3600, false)
	hevc.track.Codec = media.Codec{Coding: media.HEVC, FourCC: "hvc1"}
	mp3 := aac(48000).frames(2, 1152)
	mp3.track.Codec = media.Codec{Coding: media.MP3}
	encrypted := h264(90000).pictures(2, 2, 3600, false)
	encrypted.track.Crypt = &media.Crypt{Scheme: "cbcs"}
	noise := aac(48000).frames(2, 1536)
	noise.track.Codec = media.Codec{Coding: media.AC3, Config: []byte{0x10, 0x11, 0x40}}
	good := func() *clip { return h264(90000).pictures(2, 2, 3600, false) }
	partition := h264(90000).add(bmfftest.NAL(append([]byte{0x42}, bmfftest.Noise(3, 90)...)), 3600, 0, true)
	layer := good().add(bmfftest.NAL(append([]byte{0x74}, bmfftest.Noise(3, 90)...)), 3600, 0, false)
	for name, c := range map[string]struct {
		clip    *clip
		protect *drm.Protection
		err     error
	}{
		"cenc":            {good(), with(func(q *drm.Protection) { q.Scheme, q.IVSize = drm.CENC, 8 }), drm.ErrIncompatible},
		"cbcs":            {good(), with(func(q *drm.Protection) { q.Scheme = drm.CBCS }), media.ErrUnsupported},
		"AES-128":         {good(), with(func(q *drm.Protection) { q.Scheme = drm.AES128 }), drm.ErrIncompatible},
		"no scheme":       {good(), with(func(q *drm.Protection) { q.Scheme = "" }), drm.ErrIncompatible},
		"cbcs lead":       {good(), with(func(q *drm.Protection) { q.Scheme, q.Clear = drm.CBCS, true }), drm.ErrIncompatible},
		"no key":          {good(), with(func(q *drm.Protection) { q.Key.Value = drm.Secret{} }), drm.ErrNoKey},
		"IV of 7 bytes":   {good(), with(func(q *drm.Protection) { q.Key.IV = make([]byte, 7) }), drm.ErrKeyLength},
		"HEVC":            {hevc, p, media.ErrUnsupported},
		"MP3":             {mp3, p, drm.ErrIncompatible},
		"encrypted":       {encrypted, p, drm.ErrIncompatible},
		"encrypted clear": {encrypted, nil, drm.ErrIncompatible},
		"no AC-3":         {noise, p, media.ErrFormat},
		"data partition":  {partition, p, drm.ErrIncompatible},
		"another layer":   {layer, p, media.ErrUnsupported},
		"unit too long":   {good().add([]byte{0, 0, 1, 0, 0x41, 1}, 3600, 0, false), p, media.ErrFormat},
		"tail":            {good().add([]byte{0, 0, 0}, 3600, 0, false), p, media.ErrFormat},
	} {
		body, err := ts.Packager{}.Segment(context.Background(), protect(job(c.clip), c.protect))
		require.ErrorIs(t, err, c.err, name)
		require.Zero(t, body.Size(), name)
	}
	for _, s := range []drm.Scheme{drm.CENC, drm.CENS, drm.CBC1, drm.CBCS, drm.AES128} {
		err := ts.Packager{}.Accepts(good().track, s)
		require.ErrorIs(t, err, drm.ErrIncompatible)
		require.ErrorIs(t, err, media.ErrUnsupported)
	}
	samples := job(good())
	samples.Inputs[0].Runs[0].Crypt = &media.Crypt{}
	_, err := ts.Packager{}.Segment(context.Background(), samples)
	require.ErrorIs(t, err, drm.ErrIncompatible)
}

// changing is an Object whose bytes are others at the second reading, as no Object may be.
type changing struct {
	media.Object
	reads *int
}

func (c changing) ReadAt(ctx context.Context, p []byte, off int64) error {
	err := c.Object.ReadAt(ctx, p, off)
	if *c.reads++; *c.reads > 1 {
		for i := range p {
			if i > 100 {
				p[i] = 0
			}
		}
	}
	return err
}

// What was counted and what is sent have to be the same.
func TestSampleAESChanged(t *testing.T) {
	v := h264(90000).add(bmfftest.NAL(append([]byte{0x65}, bmfftest.Noise(1, 2000)...)), 3600, 0, true)
	p, _ := sampleAES(t, 5)
	j := protect(job(v), p)
	j.Inputs[0].Runs[0].Data = changing{j.Inputs[0].Runs[0].Data, new(int)}
	body, err := ts.Packager{}.Segment(context.Background(), j)
	require.NoError(t, err)
	_, err = body.Send(context.Background(), io.Discard)
	require.Error(t, err)
}

// The whole segment under AES-128, tables and all (F12).
func TestF12AES128(t *testing.T) {
	v, a := h264(90000).pictures(20, 10, 3600, true), aac(48000).frames(40, 1024)
	clear := segment(t, job(v, a))
	p, _ := sampleAES(t, 7)
	q := *p
	q.Scheme = drm.AES128
	body, err := packager.Render(context.Background(), ts.Packager{}, protect(job(v, a), &q))
	require.NoError(t, err)
	got, err := body.Bytes(context.Background())
	require.NoError(t, err)
	require.Len(t, got, len(clear)/16*16+16)
	require.NotEqual(t, clear[:16], got[:16])
	want, err := packager.AES128(packager.BytesBody(clear), p.Key, p.Key.ConstantIV())
	require.NoError(t, err)
	b, err := want.Bytes(context.Background())
	require.NoError(t, err)
	require.True(t, bytes.Equal(b, got))
}

// No sample costs memory: what is allocated does not depend on how many there are, but for the growth of pictures, one
// slice.
func TestSampleAESAllocations(t *testing.T) {
	p, _ := sampleAES(t, 7)
	count := func(n int) (segment, send float64) {
		j := protect(job(h264(90000).pictures(n, 10, 3600, true), lc(48000).frames(2*n, 1024)), p)
		body, err := ts.Packager{}.Segment(context.Background(), j)
		require.NoError(t, err)
		segment = testing.AllocsPerRun(10, func() { _, _ = ts.Packager{}.Segment(context.Background(), j) })
		return segment, testing.AllocsPerRun(10, func() { _, _ = body.Send(context.Background(), io.Discard) })
	}
	few, fewSent := count(10)
	many, manySent := count(500)
	require.InDelta(t, few, many, 4)
	require.InDelta(t, fewSent, manySent, 4)
}

// Counting ends with the request, and damage that comes of another file is told as that.
func TestSampleAESCounting(t *testing.T) {
	p, _ := sampleAES(t, 7)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := ts.Packager{}.Segment(ctx, protect(job(h264(90000).pictures(5, 5, 3600, false)), p))
	require.ErrorIs(t, err, context.Canceled)

	j := protect(job(h264(90000).add([]byte{9, 9, 9, 9, 9}, 3600, 0, true)), p)
	_, err = ts.Packager{}.Segment(context.Background(), j)
	require.ErrorIs(t, err, media.ErrFormat)
	j.Inputs[0].Runs[0].Data = replaced{j.Inputs[0].Runs[0].Data, new(int)}
	_, err = ts.Packager{}.Segment(context.Background(), j)
	require.ErrorIs(t, err, media.ErrChanged)
}

// counting counts what is read of an Object.
type counting struct {
	media.Object
	read *int64
}

func (c counting) ReadAt(ctx context.Context, p []byte, off int64) error {
	*c.read += int64(len(p))
	return c.Object.ReadAt(ctx, p, off)
}

// first remembers how much had been read when the first byte left.
type first struct {
	read *int64
	at   int64
}

func (f *first) Write(p []byte) (int, error) {
	if f.at == 0 {
		f.at = *f.read
	}
	return len(p), nil
}

// The first byte leaves before the segment is whole: when no more was read than a window or two.
func TestFirstByte(t *testing.T) {
	v := h264(90000)
	for i := range 60 {
		v.add(bmfftest.NAL(append([]byte{0x41}, bmfftest.Noise(uint32(i), 40_000)...)), 3600, 0, i == 0)
	}
	p, _ := sampleAES(t, 7)
	for _, scheme := range []drm.Scheme{"", drm.SampleAES, drm.AES128} {
		var read int64
		j := job(v)
		j.Inputs[0].Runs[0].Data = counting{bmfftest.Object("x", bytes.Join(v.samples, nil)), &read}
		if q := *p; scheme != "" {
			q.Scheme = scheme
			protect(j, &q)
		}
		body, err := packager.Render(context.Background(), ts.Packager{}, j)
		require.NoError(t, err)
		if scheme != drm.SampleAES {
			require.Zero(t, read, "the size is known without payload")
		}
		read = 0
		w := &first{read: &read}
		_, err = body.Send(context.Background(), w)
		require.NoError(t, err)
		require.Greater(t, w.at, int64(0))
		require.LessOrEqual(t, w.at, int64(400_000), "%s: of %d", scheme, read)
	}
}
