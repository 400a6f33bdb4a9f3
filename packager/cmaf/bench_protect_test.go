package cmaf_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

// BenchmarkEncrypt makes and sends 6 s of video, and of sound, under each scheme. "x-clear" is how many times as long as
// sending it clear that takes, "x-raw" how many times as long as the cipher of the standard library over the same bytes.
func BenchmarkEncrypt(b *testing.B) {
	sizes := make([]int, 150)
	for i := range sizes {
		sizes[i] = 12_000 + 71*i%5000
	}
	sizes[0] = 90_000
	inputs := map[string]media.Run{"video": pictures(sliced(), 0, 0, sizes...), "audio": run(audioTrack(), 0, 0, frames(280, 1024)...)}
	for _, name := range []string{"video", "audio"} {
		in := inputs[name]
		send := func(p *drm.Protection) func() {
			var j *packager.Job
			if j = job(in); p != nil {
				j = encrypted(p, in)
			}
			return func() {
				body, err := cmaf.Packager{}.Segment(context.Background(), j)
				require.NoError(b, err)
				_, err = body.Send(context.Background(), io.Discard)
				require.NoError(b, err)
			}
		}
		clear := best(send(nil))
		block, err := aes.NewCipher([]byte(secret))
		require.NoError(b, err)
		data := make([]byte, in.Bytes()&^15)
		mode := cipher.NewCBCEncrypter(block, data[:16])
		ctr := best(func() { cipher.NewCTR(block, data[:16]).XORKeyStream(data, data) })
		cbc := best(func() { mode.CryptBlocks(data, data) })
		for _, v := range []variant{{drm.CENC, 8, drm.Pattern{}}, {drm.CENS, 8, drm.Pattern{}}, {drm.CBC1, 16, drm.Pattern{}}, {drm.CBCS, 0, drm.Pattern{}}} {
			b.Run(fmt.Sprintf("%s/%s", name, v.scheme), func(b *testing.B) {
				f := send(protect(b, v.scheme, v.iv))
				b.ReportAllocs()
				b.SetBytes(in.Bytes())
				for b.Loop() {
					f()
				}
				raw := cbc
				if v.scheme.Counter() {
					raw = ctr
				}
				each := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				b.ReportMetric(each/clear, "x-clear")
				b.ReportMetric(each/raw, "x-raw")
			})
		}
	}
}

// best is the shortest time that f took, nanoseconds.
func best(f func()) float64 {
	least := math.Inf(1)
	for range 30 {
		begin := time.Now()
		f()
		least = min(least, float64(time.Since(begin).Nanoseconds()))
	}
	return least
}
