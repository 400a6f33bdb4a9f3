package packed_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/internal/sampleaes/sampleaestest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/packed"
)

// sampleAES is a protection and what undoes it.
func sampleAES(t testing.TB) (*drm.Protection, *sampleaestest.Undo) {
	u := &sampleaestest.Undo{Key: [16]byte([]byte("0123456789abcdef")), IV: [16]byte([]byte("IV of 16 bytes.."))}
	secret, err := drm.NewSecret(u.Key[:])
	require.NoError(t, err)
	return &drm.Protection{Scheme: drm.SampleAES, Key: drm.Key{ID: drm.KeyID{9}, Value: secret, IV: u.IV[:]}}, u
}

// syncframe is one of E-AC-3.
func syncframe(seed uint32, size int, dependent bool) []byte {
	p := bmfftest.Noise(seed, size)
	n := size/2 - 1
	copy(p, []byte{0x0B, 0x77, byte(n >> 8), byte(n), 0x3F, 0x87})
	if dependent {
		p[2] |= 0x40
	}
	return p
}

// frame192 is one of AC-3, 48 kHz and 192 kbit/s.
func frame192(seed uint32) []byte {
	p := bmfftest.Noise(seed, 768)
	copy(p, []byte{0x0B, 0x77, byte(seed), 2, 20, 0x40, 0x43})
	return p
}

func runOf(t *media.Track, mapped bool, samples ...[]byte) media.Run {
	r := media.Run{Track: t}
	var data []byte
	for _, s := range samples {
		r.Samples = append(r.Samples, media.Sample{Offset: int64(len(data)), Size: uint32(len(s)), Duration: 1536, Flags: media.FlagsSync})
		data = append(data, s...)
	}
	r.Data = bmfftest.Object("dolby", data)
	if !mapped {
		r.Data = unread{r.Data}
	}
	return r
}

func protectedAAC() *media.Track {
	t := aac()
	t.Codec.String = "mp4a.40.2"
	return t
}

const describedSize = 73 + 10 + 37 + 8

// The tag has a second frame, byte for byte, and ranges of the whole are slices of it.
func TestSampleAES(t *testing.T) {
	ac3 := track(media.AC3, 0x10, 0x11, 0x40)
	eac3 := track(media.EAC3, 6, 0, 0x60, 4, 0)
	var dolby, plus [][]byte
	for i := range uint32(200) {
		dolby = append(dolby, frame192(i))
		plus = append(plus, append(syncframe(i, 512+2*int(i), false), syncframe(i+7, 300, true)...))
	}
	plus[3] = nil
	sizes := []int{0, 15, 16, 31, 32, 33, 0, 47, 48, 8184}
	for i := range 600 {
		sizes = append(sizes, 100+i)
	}
	for name, c := range map[string]struct {
		runs  []media.Run
		setup string
		undo  func(u *sampleaestest.Undo, p []byte) ([]byte, error)
	}{
		"AAC":                   {[]media.Run{run(protectedAAC(), 0, 2, sizes...), run(protectedAAC(), 0, 1, 9, 400)}, "7a616163000001021190", (*sampleaestest.Undo).ADTS},
		"AC-3":                  {[]media.Run{runOf(ac3, true, dolby...)}, "7a6163330000010a0b7700021440" + hex.EncodeToString(dolby[0][6:10]), each(dolby)},
		"AC-3, read":            {[]media.Run{runOf(ac3, false, dolby...)}, "7a6163330000010a0b7700021440" + hex.EncodeToString(dolby[0][6:10]), each(dolby)},
		"E-AC-3 in two, mapped": {[]media.Run{runOf(eac3, true, plus...)}, "7a656333000001050600600400", each(plus)},
		"E-AC-3 in two, read":   {[]media.Run{runOf(eac3, false, plus...)}, "7a656333000001050600600400", each(plus)},
	} {
		t.Run(name, func(t *testing.T) {
			p, u := sampleAES(t)
			j := job(c.runs...)
			_, clear := segment(t, j)
			require.NoError(t, packed.Packager{}.Accepts(j.Inputs[0].Track, drm.SampleAES))
			j.Inputs[0].Protect = p
			body, data := segment(t, j)
			setup := len(c.setup) / 2
			size := describedSize - 8 + setup
			require.Equal(t, []byte{byte((size - 10) >> 7), byte(size-10) & 0x7F}, data[8:10])
			require.Equal(t, clear[10:tagSize], data[10:tagSize])
			require.Equal(t, "50524956"+fmt.Sprintf("%08x", 37+setup)+"0000"+
				hex.EncodeToString([]byte("com.apple.streaming.audioDescription\x00"))+c.setup, hex.EncodeToString(data[tagSize:size]))
			require.NotEqual(t, clear[tagSize:], data[size:])
			back, err := c.undo(u, data[size:])
			require.NoError(t, err)
			require.Equal(t, clear[tagSize:], back)
			for _, r := range [][2]int64{{0, 1}, {100, 500}, {int64(size), 40}, {body.Size() / 2, 9000}, {body.Size() - 700, 700}, {body.Size() - 1, 1}} {
				part, err := body.Slice(r[0], r[1]).Bytes(t.Context())
				require.NoError(t, err)
				require.Equal(t, data[r[0]:][:len(part)], part)
			}
			lead := *p
			lead.Clear = true
			j.Inputs[0].Protect = &lead
			_, data = segment(t, j)
			require.Equal(t, clear, data, "a clear lead is as if there was no protection")
		})
	}
}

// each undoes samples of one or two syncframes.
func each(samples [][]byte) func(u *sampleaestest.Undo, p []byte) ([]byte, error) {
	return func(u *sampleaestest.Undo, p []byte) (out []byte, err error) {
		for _, s := range samples {
			frames := []int{len(s)}
			if len(s) > 300 && s[5] == 0x87 {
				frames = []int{len(s) - 300, 300}
			}
			if len(s) == 0 {
				continue
			}
			clear, err := u.Dolby(p[:len(s)], frames...)
			if err != nil {
				return nil, err
			}
			out, p = append(out, clear...), p[len(s):]
		}
		return append(out, p...), nil
	}
}

// The element that tells an unusual layout comes after the ADTS header and is encrypted like payload.
func TestSampleAESLayoutElement(t *testing.T) {
	var w bits.Writer                                          // AudioSpecificConfig (14496-3, 1.6.2.1) with a program_config_element (4.4.1.1)
	for _, f := range [][2]int{{2, 5}, {3, 4}, {0, 4}, {0, 3}, // LC, 48 kHz, channels below, GASpecificConfig
		{0, 4}, {1, 2}, {3, 4}, {1, 4}, {0, 4}, {1, 4}, {0, 2}, {0, 3}, {0, 4}, {0, 3}, // one element in front and one behind
		{1, 1}, {0, 4}, {0, 1}, {0, 4}} { // a pair, a single channel
		w.U(uint32(f[0]), f[1])
	}
	w.Align()
	comment := "it may be long, and then part of the element is encrypted"
	w.U(uint32(len(comment)), 8)
	tr := protectedAAC()
	tr.Codec.Config = append(w.Bytes(), comment...)
	j := job(run(tr, 0, 1, 5, 40, 300, 0))
	_, clear := segment(t, j)
	require.Contains(t, string(clear), comment)
	p, u := sampleAES(t)
	j.Inputs[0].Protect = p
	_, data := segment(t, j)
	require.Contains(t, string(data), string(tr.Codec.Config))
	require.NotContains(t, string(data[len(data)-(len(clear)-tagSize):]), comment)
	back, err := u.ADTS(data[len(data)-(len(clear)-tagSize):])
	require.NoError(t, err)
	require.Equal(t, clear[tagSize:], back)
}

// What should be encrypted and cannot be is refused, and no byte of it is sent.
func TestSampleAESRefused(t *testing.T) {
	p, _ := sampleAES(t)
	with := func(scheme drm.Scheme) *drm.Protection {
		q := *p
		q.Scheme = scheme
		return &q
	}
	encrypted := protectedAAC()
	encrypted.Crypt = &media.Crypt{Scheme: "cbcs"}
	other := protectedAAC()
	other.Codec.String = "mp4a.40.1"
	noKey, shortIV := with(drm.SampleAES), with(drm.SampleAES)
	noKey.Key.Value, shortIV.Key.IV = drm.Secret{}, []byte{1}
	crypt := run(protectedAAC(), 0, 0, 9)
	crypt.Crypt = &media.Crypt{Scheme: "cenc"}
	for name, c := range map[string]struct {
		run     media.Run
		protect *drm.Protection
		err     error
	}{
		"cenc":              {run(protectedAAC(), 0, 0, 9), with(drm.CENC), drm.ErrIncompatible},
		"cbcs":              {run(protectedAAC(), 0, 0, 9), with(drm.CBCS), media.ErrUnsupported},
		"AES-128":           {run(protectedAAC(), 0, 0, 9), with(drm.AES128), drm.ErrIncompatible},
		"no scheme":         {run(protectedAAC(), 0, 0, 9), with(""), drm.ErrIncompatible},
		"MP3":               {run(track(media.MP3), 0, 0, 9), p, drm.ErrIncompatible},
		"AAC Main":          {run(other, 0, 0, 9), p, media.ErrUnsupported},
		"encrypted track":   {run(encrypted, 0, 0, 9), p, drm.ErrIncompatible},
		"encrypted, clear":  {run(encrypted, 0, 0, 9), nil, drm.ErrIncompatible},
		"encrypted samples": {crypt, nil, drm.ErrIncompatible},
		"no key":            {run(protectedAAC(), 0, 0, 9), noKey, drm.ErrNoKey},
		"short IV":          {run(protectedAAC(), 0, 0, 9), shortIV, drm.ErrKeyLength},
		"no AC-3":           {run(track(media.AC3, 0x10, 0x11, 0x40), 0, 0, 900), p, media.ErrFormat},
		"cut AC-3":          {run(track(media.AC3, 0x10, 0x11, 0x40), 0, 0, 4), p, media.ErrFormat},
		"huge E-AC-3":       {run(track(media.EAC3, 6, 0, 0x60, 4, 0), 0, 0, 70_000), p, media.ErrUnsupported},
	} {
		j := job(c.run)
		j.Inputs[0].Protect = c.protect
		body, err := packed.Packager{}.Segment(context.Background(), j)
		require.ErrorIs(t, err, c.err, name)
		require.Zero(t, body.Size(), name)
		require.NotContains(t, err.Error(), "0123456789abcdef", name)
	}
	j := job(run(track(media.EAC3, 6, 0, 0x60, 4, 0), 0, 0, 900)) // noise
	j.Inputs[0].Protect = p
	body, err := packed.Packager{}.Segment(context.Background(), j)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = body.Send(context.Background(), &out)
	require.ErrorIs(t, err, media.ErrFormat)
	require.Less(t, out.Len(), 200, "the tag at most")
}

func TestSampleAESEstimate(t *testing.T) {
	p, _ := sampleAES(t)
	for _, r := range []media.Run{run(protectedAAC(), 0, 0, 100, 200, 300), runOf(track(media.AC3, 0x10, 0x11, 0x40), true, frame192(1))} {
		j := job(r)
		j.Inputs[0].Protect = p
		body, _ := segment(t, j)
		span := media.Span{Track: r.Track, Bytes: r.Bytes(), Samples: len(r.Samples)}
		got := packed.Packager{}.Estimate(drm.SampleAES, span)
		require.GreaterOrEqual(t, got, body.Size())
		require.LessOrEqual(t, got, body.Size()+16)
		_, clear := segment(t, job(r))
		whole, err := packager.AES128(packager.BytesBody(clear), p.Key, [16]byte{})
		require.NoError(t, err)
		require.InDelta(t, whole.Size(), packed.Packager{}.Estimate(drm.AES128, span), 16)
	}
}

// TestSampleAESAllocations: what sending allocates does not depend on how many access units there are.
func TestSampleAESAllocations(t *testing.T) {
	p, _ := sampleAES(t)
	ac3 := track(media.AC3, 0x10, 0x11, 0x40)
	for _, coding := range []media.Coding{media.AAC, media.AC3} {
		sent := func(n int) float64 {
			r := run(protectedAAC(), 0, 0, slices.Repeat([]int{300}, n)...)
			if coding == media.AC3 {
				r = runOf(ac3, true, slices.Repeat([][]byte{frame192(1)}, n)...)
			}
			j := job(r)
			j.Inputs[0].Protect = p
			body, _ := segment(t, j)
			return testing.AllocsPerRun(10, func() { _, _ = body.Send(context.Background(), discard{}) })
		}
		require.InDelta(t, sent(10), sent(1000), 3, coding)
	}
}

// TestWithoutData: a run of a broken source is an error, whatever is asked of it.
func TestWithoutData(t *testing.T) {
	p, _ := sampleAES(t)
	r := runOf(track(media.AC3, 0x10, 0x11, 0x40), true, frame192(1))
	r.Data = nil
	j := job(r)
	j.Inputs[0].Protect = p
	_, err := packed.Packager{}.Segment(t.Context(), j)
	require.ErrorIs(t, err, media.ErrFormat)
}
