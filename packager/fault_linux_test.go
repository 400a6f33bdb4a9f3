package packager_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// mapped is a file in memory. It does not notice when the file is cut.
type mapped []byte

func (m mapped) ReadAt(_ context.Context, p []byte, off int64) error {
	return packager.Guard(func() error { copy(p, m[off:]); return nil })
}
func (m mapped) Size() int64               { return int64(len(m)) }
func (m mapped) Version() string           { return "mapped" }
func (m mapped) Bytes(off, n int64) []byte { return m[off : off+n] }

// A file that is cut under its mapping ends a send with ErrChanged, not with a signal.
func TestSendOfAFileThatShrinks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, noise(1<<20), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	data, err := syscall.Mmap(int(f.Fd()), 0, 1<<20, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(data)) }()
	body := packager.NewBody(packager.Piece{Object: mapped(data), Extents: []media.Extent{{Off: 10, Len: 1<<20 - 10}}})

	n, err := body.Send(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, body.Size(), n)
	require.NoError(t, os.Truncate(name, 300_000))
	n, err = body.Send(t.Context(), io.Discard)
	require.ErrorIs(t, err, media.ErrChanged)
	require.Less(t, n, int64(300_000))
}

// What is no fault of a mapping stays the panic that it is.
func TestGuardLeavesOtherPanics(t *testing.T) {
	require.PanicsWithValue(t, "other", func() { _ = packager.Guard(func() error { panic("other") }) })
	require.Panics(t, func() {
		var p *struct{ v int }
		_ = packager.Guard(func() error { p.v = 1; return nil })
	})
	require.ErrorIs(t, packager.Guard(func() error { return io.EOF }), io.EOF)
}
