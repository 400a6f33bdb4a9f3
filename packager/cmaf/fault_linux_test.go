package cmaf_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
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

// A file that is cut under its mapping ends encryption with ErrChanged, not with a signal, whichever cipher touches it.
func TestEncryptedFileShrinks(t *testing.T) {
	const size = 1 << 20
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, bmfftest.Noise(1, size), 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(data)) }()
	r := media.Run{Track: audioTrack(), Data: mapped(data)}
	for off := int64(0); off < size; off += 4096 + 512 {
		r.Samples = append(r.Samples, media.Sample{Offset: off, Size: uint32(min(4096+512, size-off)), Duration: 1024, Flags: media.FlagsSync})
	}
	for _, v := range variants() {
		require.NoError(t, f.Truncate(size))
		body, err := cmaf.Packager{}.Segment(t.Context(), encrypted(protect(t, v.scheme, v.iv), r))
		require.NoError(t, err)
		_, err = body.Send(t.Context(), io.Discard)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(300_000))
		n, err := body.Send(t.Context(), io.Discard)
		require.ErrorIs(t, err, media.ErrChanged)
		require.Less(t, n, int64(320_000))
	}
}
