package origin_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A file that is cut while its mapping is being sent: the kernel refuses the pages, the response ends, the process lives.
func TestTruncatedWhileSending(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		others []bmfftest.Track
	}{
		"sendfile": {"cmaf/v/v1/1.m4s", nil},
		"writev":   {"cmaf/v/v1/1.m4s", []bmfftest.Track{bmfftest.Audio(75)}},
		"stream":   {"ts/v/v1/1.ts", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "big.mp4")
			h, log := bigHandler(func(p []byte) media.Object {
				require.NoError(t, os.WriteFile(path, p, 0o600))
				o, err := vod.OpenFile(path)
				require.NoError(t, err)
				t.Cleanup(func() { o.Close() })
				return o
			}, c.others...)
			file := resolve(t, h, c.file)
			conn := slowClient(t, h)
			_, err := io.WriteString(conn, "GET "+file+" HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.Equal(t, 200, res.StatusCode)
			_, err = io.CopyN(io.Discard, res.Body, 50_000)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, 4096))
			_, err = io.Copy(io.Discard, res.Body)
			require.Error(t, err, "a part is not taken for the whole")
			require.Contains(t, log.String(), "changed")
			require.NotEqual(t, 200, get(t, h, "GET", file).StatusCode)
		})
	}
}
