package packager_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// keyA is a key with a value; every byte of it is known to be that of the published vectors.
func keyA(t testing.TB) drm.Key {
	b, err := hex.DecodeString("1947f5eba3d06f1fac8010038f204cbf")
	require.NoError(t, err)
	secret, err := drm.NewSecret(b)
	require.NoError(t, err)
	return drm.Key{ID: drm.KeyID{1, 2, 3}, Value: secret}
}

// undo decrypts what AES128 made, with the padding checked.
func undo(t testing.TB, key drm.Key, iv [16]byte, p []byte) []byte {
	t.Helper()
	k, _ := key.Value.Reveal()
	block, err := aes.NewCipher(k[:])
	require.NoError(t, err)
	require.Zero(t, len(p)%16)
	out := make([]byte, len(p))
	cipher.NewCBCDecrypter(block, iv[:]).CryptBlocks(out, p)
	n := int(out[len(out)-1])
	require.True(t, n >= 1 && n <= 16)
	require.Equal(t, bytes.Repeat([]byte{byte(n)}, n), out[len(out)-n:])
	return out[:len(out)-n]
}

func bodyBytes(t testing.TB, b packager.Body) []byte {
	t.Helper()
	p, err := b.Bytes(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, b.Size(), len(p))
	return p
}

// openssl enc -aes-128-cbc says the same.
func TestAES128Vector(t *testing.T) {
	b, err := packager.AES128(packager.BytesBody([]byte("hello segment")), keyA(t), packager.SegmentIV(&drm.Protection{}, 1))
	require.NoError(t, err)
	require.Equal(t, "4c3e5e4c7b5ffaab12358667f988fdb7", hex.EncodeToString(bodyBytes(t, b)))
}

// Sizes around every edge of a block and of the buffer, sent in pieces of any kind, and every kind of range.
func TestAES128(t *testing.T) {
	key, iv := keyA(t), [16]byte{9: 7}
	for _, n := range []int64{0, 1, 15, 16, 17, 31, 32, 1000, 128<<10 - 1, 128 << 10, 128<<10 + 1, 300_001} {
		clear := packager.NewBody(
			packager.Piece{Bytes: []byte("head")[:min(n, 4)]},
			packager.Piece{Stream: pattern{n: max(0, n-4)}})
		want := bodyBytes(t, clear)
		b, err := packager.AES128(clear, key, iv)
		require.NoError(t, err)
		require.Equal(t, n/16*16+16, b.Size())
		got := bodyBytes(t, b)
		require.Equal(t, want, undo(t, key, iv, got))
		for _, r := range [][2]int64{{0, 1}, {1, 15}, {15, 2}, {16, 16}, {n - 1, 40}, {n, 16}, {b.Size() - 1, 1}, {5, n}, {-3, 20}, {n + 16, 4}} {
			part := b.Slice(r[0], r[1])
			require.Equal(t, got[min(max(r[0], 0), b.Size()):][:part.Size()], bodyBytes(t, part)[:part.Size()], "%v of %d", r, n)
		}
	}
	_, err := packager.AES128(packager.Body{}, drm.Key{ID: drm.KeyID{4}}, iv)
	require.ErrorIs(t, err, drm.ErrNoKey)
}

// Errors of the clear Body and of the writer come through, and no more is asked for than what is wanted.
func TestAES128Errors(t *testing.T) {
	key := keyA(t)
	obj := &memObject{data: make([]byte, 1<<20)}
	b, err := packager.AES128(packager.NewBody(packager.Piece{Object: obj, Extents: []media.Extent{{Off: 0, Len: 1 << 20}}}), key, [16]byte{})
	require.NoError(t, err)
	_, err = b.Slice(0, 20).Send(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []media.Extent{{Off: 0, Len: 32}}, obj.read)
	_, err = b.Send(t.Context(), failing{io.ErrClosedPipe})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	obj.data = obj.data[:1000]
	_, err = b.Send(t.Context(), io.Discard)
	require.ErrorIs(t, err, media.ErrChanged)
}

// format is a Packager whose segments are a line of text. It refuses whatever is not clear.
type format struct{}

func (format) Accepts(*media.Track, drm.Scheme) error   { return nil }
func (format) Type(...*media.Track) (string, string)    { return "txt", "text/plain" }
func (format) Estimate(drm.Scheme, ...media.Span) int64 { return 0 }
func (format) Segment(_ context.Context, job *packager.Job) (packager.Body, error) {
	for i := range job.Inputs {
		if s := job.Inputs[i].Scheme(); s != "" && s != drm.CBCS {
			return packager.Body{}, fmt.Errorf("%s: %w", s, media.ErrUnsupported)
		}
	}
	return packager.BytesBody(fmt.Appendf(nil, "segment %d of %d", job.Number, len(job.Inputs))), nil
}

// initFormat has initialization segments too.
type initFormat struct{ format }

func (initFormat) Init(t *media.Track, p *drm.Protection) (packager.Body, error) {
	return packager.BytesBody(fmt.Appendf(nil, "init of %s %s", t.ID, p.Of())), nil
}

func TestRender(t *testing.T) {
	key := keyA(t)
	with := func(p ...*drm.Protection) *packager.Job {
		job := &packager.Job{Number: 77}
		for i := range p {
			job.Inputs = append(job.Inputs, packager.Input{Track: &media.Track{ID: fmt.Sprint("t", i)}, Protect: p[i]})
		}
		return job
	}
	p := &drm.Protection{Scheme: drm.AES128, Key: key}
	lead := &drm.Protection{Scheme: drm.AES128, Key: key, Clear: true}
	other := &drm.Protection{Scheme: drm.AES128, Key: key}
	other.Key.ID[0]++
	fixed := &drm.Protection{Scheme: drm.AES128, Key: key}
	fixed.Key.IV = []byte{1, 2, 3, 4, 5, 6, 7, 8}

	clear := "segment 77 of 2"
	for name, c := range map[string]struct {
		p  packager.Packager
		in []*drm.Protection
		iv [16]byte
	}{
		"number":      {format{}, []*drm.Protection{p, p}, [16]byte{15: 77}},
		"prescribed":  {format{}, []*drm.Protection{fixed, fixed}, [16]byte{1, 2, 3, 4, 5, 6, 7, 8}},
		"with init":   {initFormat{}, []*drm.Protection{p, p}, key.ConstantIV()},
		"both, fixed": {initFormat{}, []*drm.Protection{fixed, fixed}, [16]byte{1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		job := with(c.in...)
		b, err := packager.Render(t.Context(), c.p, job)
		require.NoError(t, err, name)
		require.Equal(t, clear, string(undo(t, key, c.iv, bodyBytes(t, b))), name)
		require.Same(t, c.in[0], job.Inputs[0].Protect, "the job is as it was")
	}
	for name, in := range map[string][]*drm.Protection{"none": {nil, nil}, "lead": {lead, lead}, "cbcs": {{Scheme: drm.CBCS}, nil}} {
		b, err := packager.Render(t.Context(), format{}, with(in...))
		require.NoError(t, err, name)
		require.Equal(t, clear, string(bodyBytes(t, b)), name)
	}
	for name, c := range map[string]struct {
		in  []*drm.Protection
		err error
	}{
		"half":         {[]*drm.Protection{p, nil}, drm.ErrIncompatible},
		"other half":   {[]*drm.Protection{nil, p}, drm.ErrIncompatible},
		"two keys":     {[]*drm.Protection{p, other}, drm.ErrIncompatible},
		"two IVs":      {[]*drm.Protection{p, fixed}, drm.ErrIncompatible},
		"half a lead":  {[]*drm.Protection{p, lead}, drm.ErrIncompatible},
		"two schemes":  {[]*drm.Protection{p, {Scheme: drm.CBCS}}, drm.ErrIncompatible},
		"no key":       {[]*drm.Protection{{Scheme: drm.AES128}}, drm.ErrNoKey},
		"bad IV":       {[]*drm.Protection{{Scheme: drm.AES128, Key: drm.Key{Value: key.Value, IV: []byte{1}}}}, drm.ErrKeyLength},
		"no scheme":    {[]*drm.Protection{{Key: key}}, drm.ErrIncompatible},
		"not possible": {[]*drm.Protection{{Scheme: drm.SampleAES, Key: key}}, media.ErrUnsupported},
	} {
		b, err := packager.Render(t.Context(), format{}, with(c.in...))
		require.ErrorIs(t, err, c.err, name)
		require.Zero(t, b.Size(), name)
		require.NotContains(t, err.Error(), "1947f5", name)
	}
}

func TestRenderInit(t *testing.T) {
	key, track := keyA(t), &media.Track{ID: "v"}
	b, err := packager.RenderInit(initFormat{}, track, &drm.Protection{Scheme: drm.AES128, Key: key})
	require.NoError(t, err)
	require.Equal(t, "init of v ", string(undo(t, key, key.ConstantIV(), bodyBytes(t, b))))
	for _, c := range []struct {
		p    *drm.Protection
		want string
	}{
		{nil, "init of v "},
		{&drm.Protection{Scheme: drm.CBCS}, "init of v cbcs"},
		{&drm.Protection{Scheme: drm.AES128, Key: key, Clear: true}, "init of v "},
	} {
		b, err := packager.RenderInit(initFormat{}, track, c.p)
		require.NoError(t, err)
		require.Equal(t, c.want, string(bodyBytes(t, b)))
	}
	_, err = packager.RenderInit(initFormat{}, track, &drm.Protection{Scheme: drm.CENC})
	require.ErrorIs(t, err, drm.ErrIncompatible)
	_, err = packager.RenderInit(initFormat{}, track, &drm.Protection{Scheme: drm.AES128})
	require.ErrorIs(t, err, drm.ErrNoKey)
}

// What AES-128 costs beside the cipher alone.
func BenchmarkAES128(b *testing.B) {
	key, data := keyA(b), make([]byte, 4<<20)
	k, _ := key.Value.Reveal()
	block, _ := aes.NewCipher(k[:])
	b.Run("cipher", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		out := make([]byte, 128<<10)
		for range b.N {
			mode := cipher.NewCBCEncrypter(block, make([]byte, 16))
			for off := 0; off < len(data); off += len(out) {
				mode.CryptBlocks(out, data[off:off+len(out)])
			}
		}
	})
	body, err := packager.AES128(packager.BytesBody(data), key, [16]byte{})
	require.NoError(b, err)
	b.Run("body", func(b *testing.B) {
		b.SetBytes(body.Size())
		b.ReportAllocs()
		for range b.N {
			_, err := body.Send(b.Context(), io.Discard)
			require.NoError(b, err)
		}
	})
}
