package mediatest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

// TestObject checks that obj holds want, whatever way it is read.
func TestObject(t testing.TB, obj media.Object, want []byte) {
	t.Helper()
	ctx := context.Background()
	size := int64(len(want))
	require.Equal(t, size, obj.Size(), "Size")
	require.NotEmpty(t, obj.Version(), "Version names the bytes")
	require.Equal(t, obj.Version(), obj.Version(), "Version holds")
	read := func(off, n int64) error {
		p := make([]byte, n)
		if err := obj.ReadAt(ctx, p, off); err != nil {
			return fmt.Errorf("%d bytes at %d: %w", n, off, err)
		}
		if !bytes.Equal(want[off:off+n], p) {
			return fmt.Errorf("%d bytes at %d are others", n, off)
		}
		return nil
	}
	require.NoError(t, read(0, size), "the whole")
	require.NoError(t, read(size, 0), "nothing, at the end")
	for _, c := range [][2]int64{{size, 1}, {size - 1, 2}, {-1, 1}, {0, size + 1}, {1 << 62, 1}} {
		require.Error(t, obj.ReadAt(ctx, make([]byte, c[1]), c[0]), "%d bytes at %d of %d", c[1], c[0], size)
	}
	rnd := rand.New(rand.NewSource(1))
	ranges := make([]media.Extent, 200)
	for i := range ranges {
		off := rnd.Int63n(size + 1)
		ranges[i] = media.Extent{Off: off, Len: rnd.Int63n(size - off + 1)}
	}
	testConcurrent(t, ranges, read)
	testBytes(t, obj, want, ranges)
	if w, ok := obj.(media.Warmer); ok {
		w.Warm(0, size)
		w.Warm(size/2, size*2) // hints may reach beyond the end
		w.Warm(-1, 1)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if size > 0 {
		require.ErrorIs(t, obj.ReadAt(canceled, make([]byte, 1), 0), context.Canceled, "a cancelled context")
	}
	require.NoError(t, read(0, size), "the whole, again")
}

func testConcurrent(t testing.TB, ranges []media.Extent, read func(off, n int64) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for g := range 8 {
		wg.Go(func() {
			for i := range ranges {
				r := ranges[(i+g*25)%len(ranges)]
				if err := read(r.Off, r.Len); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err, "reads at the same time")
	}
}

func testBytes(t testing.TB, obj media.Object, want []byte, ranges []media.Extent) {
	t.Helper()
	b, ok := obj.(media.Byter)
	if !ok {
		return
	}
	for _, r := range ranges {
		if p := b.Bytes(r.Off, r.Len); p != nil {
			require.True(t, bytes.Equal(want[r.Off:r.Off+r.Len], p), "Bytes(%d, %d)", r.Off, r.Len)
		}
	}
	require.Nil(t, b.Bytes(0, obj.Size()+1), "Bytes beyond the end")
	require.Nil(t, b.Bytes(-1, 1), "Bytes before the start")
}

// Memory is a media.Object of held bytes.
type Memory struct {
	Name string // part of the Version
	Data []byte
}

func (m *Memory) Size() int64     { return int64(len(m.Data)) }
func (m *Memory) Version() string { return fmt.Sprintf("%s-%d", m.Name, len(m.Data)) }

// Bytes implements media.Byter.
func (m *Memory) Bytes(off, n int64) []byte {
	if off < 0 || n < 0 || off > m.Size() || n > m.Size()-off {
		return nil
	}
	return m.Data[off : off+n : off+n]
}

func (m *Memory) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b := m.Bytes(off, int64(len(p)))
	if b == nil {
		return fmt.Errorf("%d bytes at %d of %d: %w", len(p), off, len(m.Data), io.ErrUnexpectedEOF)
	}
	copy(p, b)
	return nil
}
