package packager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// memObject is an Object without Bytes. It counts reads.
type memObject struct {
	data []byte
	mu   sync.Mutex
	read []media.Extent // guarded by mu
}

func (o *memObject) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.mu.Lock()
	o.read = append(o.read, media.Extent{Off: off, Len: int64(len(p))})
	o.mu.Unlock()
	if off < 0 || off+int64(len(p)) > int64(len(o.data)) {
		return fmt.Errorf("read %d at %d: %w", len(p), off, media.ErrChanged)
	}
	copy(p, o.data[off:])
	return nil
}
func (o *memObject) Size() int64     { return int64(len(o.data)) }
func (o *memObject) Version() string { return "v" }

// heldObject has Bytes, up to an offset.
type heldObject struct {
	memObject
	held int64
}

func (o *heldObject) Bytes(off, n int64) []byte {
	if off+n > o.held {
		return nil
	}
	return o.data[off : off+n]
}

// pattern is a Stream whose byte i is i mod 251, and which sends short or over by a number of bytes.
type pattern struct{ n, wrong int64 }

func (p pattern) Size() int64 { return p.n }
func (p pattern) Send(ctx context.Context, w io.Writer, off, n int64) error {
	for i := off; i < off+n+p.wrong; i++ {
		if _, err := w.Write([]byte{byte(i % 251)}); err != nil {
			return err
		}
	}
	return nil
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// bodies are one Body of each make, with the bytes it has to have.
func bodies() map[string]struct {
	body packager.Body
	want []byte
} {
	data := noise(1 << 20)
	var scattered, backwards []media.Extent
	var s, b []byte
	for off := int64(5); off+3000 < int64(len(data)); off += 3000 + off%40000 {
		e := media.Extent{Off: off, Len: 1 + off%3000}
		scattered = append(scattered, e)
		s = append(s, data[e.Off:e.Off+e.Len]...)
	}
	for off := int64(len(data)) - 700; off > 0; off -= 50_000 {
		e := media.Extent{Off: off, Len: 700}
		backwards = append(backwards, e)
		b = append(b, data[e.Off:e.Off+e.Len]...)
	}
	long := []media.Extent{{Off: 1, Len: 1000}, {Off: 1001, Len: 600_000}, {Off: 700_000, Len: 128 << 10}, {Off: 900_000, Len: 9}}
	l := append(bytes.Clone(data[1:601_001]), data[700_000:700_000+128<<10]...)
	l = append(l, data[900_000:900_009]...)
	made := make([]byte, 999)
	for i := range made {
		made[i] = byte(i % 251)
	}
	read, held := &memObject{data: data}, &heldObject{memObject{data: data}, 1 << 20}
	half := &heldObject{memObject{data: data}, 1 << 19}
	type entry = struct {
		body packager.Body
		want []byte
	}
	object := func(o media.Object, e []media.Extent) packager.Body {
		return packager.NewBody(packager.Piece{Object: o, Extents: e})
	}
	return map[string]entry{
		"empty":                    {packager.Body{}, nil},
		"bytes":                    {packager.BytesBody(data[:1000]), data[:1000]},
		"stream":                   {packager.StreamBody(pattern{n: 999}), made},
		"scattered, read":          {object(read, scattered), s},
		"scattered, held":          {object(held, scattered), s},
		"scattered, half held":     {object(half, scattered), s},
		"backwards, read":          {object(read, backwards), b},
		"backwards, held":          {object(held, backwards), b},
		"long, read":               {object(read, long), l},
		"long, held":               {object(held, long), l},
		"long, half held":          {object(half, long), l},
		"no extents":               {object(read, nil), nil},
		"all kinds, empty between": {packager.NewBody(packager.Piece{Bytes: data[:100]}, packager.Piece{}, packager.Piece{Object: read, Extents: scattered}, packager.Piece{Stream: pattern{n: 999}}, packager.Piece{Object: held, Extents: long}, packager.Piece{Bytes: data[7:9]}), bytes.Join([][]byte{data[:100], s, made, l, data[7:9]}, nil)},
	}
}

func TestBodySizeAndBytes(t *testing.T) {
	for name, c := range bodies() {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, int64(len(c.want)), c.body.Size())
			var out bytes.Buffer
			n, err := c.body.Send(t.Context(), &out)
			require.NoError(t, err)
			require.Equal(t, c.body.Size(), n)
			require.True(t, bytes.Equal(c.want, out.Bytes()))
			got, err := c.body.Bytes(t.Context())
			require.NoError(t, err)
			require.True(t, bytes.Equal(c.want, got))
		})
	}
}

// Any Slice is that slice, also of a slice, and asking beyond the end is cut to it.
func TestBodySlice(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, c := range bodies() {
		t.Run(name, func(t *testing.T) {
			size := int64(len(c.want))
			check := func(b packager.Body, want []byte) {
				require.Equal(t, int64(len(want)), b.Size())
				got, err := b.Bytes(t.Context())
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
			}
			check(c.body.Slice(0, size), c.want)
			check(c.body.Slice(0, math.MaxInt64), c.want)
			check(c.body.Slice(-5, size), c.want)
			check(c.body.Slice(size, 1), nil)
			check(c.body.Slice(0, -1), nil)
			check(c.body.Slice(math.MaxInt64, math.MaxInt64), nil)
			for range 60 {
				off := r.Int64N(size + 1)
				n := r.Int64N(size - off + 1)
				s := c.body.Slice(off, n)
				check(s, c.want[off:off+n])
				in := r.Int64N(n + 1)
				check(s.Slice(in, n), c.want[off+in:off+n])
			}
		})
	}
}

func TestBodySlicesJoin(t *testing.T) {
	for name, c := range bodies() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for off := int64(0); off < c.body.Size(); off += 9973 {
				_, err := c.body.Slice(off, 9973).Send(t.Context(), &out)
				require.NoError(t, err)
			}
			require.True(t, bytes.Equal(c.want, out.Bytes()))
		})
	}
}

func TestBodySendAtOnce(t *testing.T) {
	c := bodies()["all kinds, empty between"]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := c.body.Bytes(t.Context())
			if err != nil || !bytes.Equal(c.want, got) {
				t.Errorf("%v, or other bytes", err)
			}
		})
	}
	wg.Wait()
}

// Scattered ranges are few reads and few writes.
func TestBodyGathers(t *testing.T) {
	o := &memObject{data: noise(1 << 20)}
	var near []media.Extent
	for off := int64(0); off < 1<<20; off += 1000 {
		near = append(near, media.Extent{Off: off, Len: 300})
	}
	w := &writes{}
	_, err := packager.NewBody(packager.Piece{Object: o, Extents: near}).Send(t.Context(), w)
	require.NoError(t, err)
	require.Less(t, len(o.read), 10)
	require.Less(t, w.n, 10)

	var far []media.Extent
	for off := int64(0); off < 1<<20; off += 100_000 {
		far = append(far, media.Extent{Off: off, Len: 300})
	}
	o.read = nil
	_, err = packager.NewBody(packager.Piece{Object: o, Extents: far}).Send(t.Context(), w)
	require.NoError(t, err)
	require.Equal(t, far, o.read, "what lies far apart is not read along")
}

type writes struct{ n int }

func (w *writes) Write(p []byte) (int, error) { w.n++; return len(p), nil }

func TestBodyErrors(t *testing.T) {
	short := &memObject{data: noise(1000)}
	beyond := packager.NewBody(packager.Piece{Bytes: []byte("head")}, packager.Piece{Object: short, Extents: []media.Extent{{Off: 900, Len: 200}}})
	for name, c := range map[string]struct {
		body packager.Body
		want error
	}{
		"object that is shorter":       {beyond, media.ErrChanged},
		"held object that is shorter":  {packager.NewBody(packager.Piece{Object: &heldObject{memObject{data: noise(9)}, 9}, Extents: []media.Extent{{Off: 5, Len: 5}}}), media.ErrChanged},
		"stream that sends too little": {packager.NewBody(packager.Piece{Stream: pattern{9, -1}}, packager.Piece{Bytes: []byte("x")}), io.ErrUnexpectedEOF},
		"stream that sends too much":   {packager.NewBody(packager.Piece{Stream: pattern{9, 1}}, packager.Piece{Bytes: []byte("x")}), io.ErrShortWrite},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := c.body.Send(t.Context(), &out)
			require.ErrorIs(t, err, c.want)
			require.Equal(t, int64(out.Len()), n)
			require.LessOrEqual(t, n, c.body.Size())
			require.NotContains(t, out.String(), "x")
			_, err = c.body.Bytes(t.Context())
			require.ErrorIs(t, err, c.want)
		})
	}
	t.Run("sizes that lie take no memory", func(t *testing.T) {
		b := packager.NewBody(packager.Piece{Object: short, Extents: []media.Extent{{Off: 0, Len: 1 << 60}}})
		_, err := b.Bytes(t.Context())
		require.ErrorIs(t, err, media.ErrChanged)
	})
	t.Run("writer that fails", func(t *testing.T) {
		broken := errors.New("broken pipe")
		for name, c := range bodies() {
			if c.body.Size() > 0 {
				_, err := c.body.Send(t.Context(), failing{broken})
				require.ErrorIs(t, err, broken, name)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, c := range bodies() {
			if len(c.body.Pieces()) > 0 {
				n, err := c.body.Send(ctx, io.Discard)
				require.ErrorIs(t, err, context.Canceled, name)
				require.Zero(t, n)
			}
		}
	})
	t.Run("cancelled on the way", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n, err := bodies()["long, held"].body.Send(ctx, cancelling{cancel})
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, n, int64(300_000))
	})
}

// What changed while it was copied does not leave.
func TestBodyChecksBeforeItWrites(t *testing.T) {
	o := &checked{heldObject: heldObject{memObject{data: noise(1 << 20)}, 1 << 20}, good: 2}
	n, err := packager.NewBody(packager.Piece{Object: o, Extents: []media.Extent{{Off: 0, Len: 1 << 20}}}).Send(t.Context(), io.Discard)
	require.ErrorIs(t, err, media.ErrChanged)
	require.EqualValues(t, 2*128<<10, n)
}

// checked changes after some checks.
type checked struct {
	heldObject
	good int
}

func (o *checked) Check() error {
	if o.good--; o.good < 0 {
		return media.ErrChanged
	}
	return nil
}

type failing struct{ err error }

func (w failing) Write(p []byte) (int, error) { return 0, w.err }

type cancelling struct{ cancel context.CancelFunc }

func (w cancelling) Write(p []byte) (int, error) { w.cancel(); return len(p), nil }

// A send takes a constant number of small allocations, however many ranges there are.
func TestBodySendAllocations(t *testing.T) {
	for _, name := range []string{"scattered, read", "scattered, held", "long, held", "bytes"} {
		b := bodies()[name].body
		var o io.Writer = io.Discard
		if held, ok := b.Pieces()[0].Object.(*memObject); ok {
			held.read = make([]media.Extent, 0, 1<<16)
		}
		n := testing.AllocsPerRun(50, func() { b.Send(t.Context(), o) })
		require.LessOrEqual(t, n, 4.0, name)
	}
}

func BenchmarkSend(b *testing.B) {
	data := noise(8 << 20)
	var e []media.Extent
	for off := int64(0); off < 8<<20; off += 42_000 {
		e = append(e, media.Extent{Off: off, Len: 21_000})
	}
	for name, o := range map[string]media.Object{"held": &heldObject{memObject{data: data}, 8 << 20}, "read": quiet{&memObject{data: data}}} {
		b.Run(name, func(b *testing.B) {
			body := packager.NewBody(packager.Piece{Object: o, Extents: e[:180]})
			b.SetBytes(body.Size())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := body.Send(b.Context(), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// quiet does not count.
type quiet struct{ *memObject }

func (o quiet) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, o.data[off:])
	return nil
}
