package origin_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/origin"
)

var update = flag.Bool("update", false, "write the golden list of hashes")

// The bytes of media may change only with the revision, for caches keep them for ever. After a change raise revision in
// formats.go and run the test with -update.
func TestRevisionHoldsBytes(t *testing.T) {
	hls := []origin.Manifest{{Format: origin.HLS}}
	h := serveDir(film(t),
		origin.Endpoint{Name: "cmaf", Container: origin.CMAF, Manifests: hls},
		origin.Endpoint{Name: "ts", Container: origin.TS, Manifests: hls},
		origin.Endpoint{Name: "packed", Container: origin.TS, Manifests: hls, PackedAudio: true})
	var b strings.Builder
	fmt.Fprintf(&b, "revision %s\n", origin.Revision)
	for _, p := range crawl(t, h) {
		if strings.HasSuffix(p, ".m3u8") {
			continue
		}
		ep := endpointOf(p)
		body := bodyOf(t, get(t, h, "GET", p))
		name := strings.TrimPrefix(p, origin.Prefix+"films/one/"+ep+"/"+version(t, h, "films/one", ep)+"/")
		fmt.Fprintf(&b, "%-7s%-14s%7d %x\n", ep, name, len(body), sha256.Sum256([]byte(body)))
	}
	const golden = "testdata/revision.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(b.String(), "\n"), "raise revision in formats.go, then go test -update")
}
