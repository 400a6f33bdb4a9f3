package vod_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A file that shrinks between its opening and the reading of its tables is an error: the tables are read from the mapping,
// whose pages are not there any more.
func TestShrunkBeforeTablesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "film.mp4")
	replace(t, path, marked('a', 50, 20_000), time.Now())
	obj, err := vod.OpenFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	_, err = vod.Open(ctx, "film", obj)
	require.ErrorIs(t, err, media.ErrChanged)
	_, err = vod.Inspect(ctx, "film", obj)
	require.ErrorIs(t, err, media.ErrChanged)
}
