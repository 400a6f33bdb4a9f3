package vod_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// TestWhatBreaksLibraries feeds the shapes on which MP4 libraries panic, spin or take gigabytes: a fragment without track,
// header or tables, sizes beyond the data, encryption tables that lie, counts without content. Each is served or an
// error, quickly, and takes little memory.
func TestWhatBreaksLibraries(t *testing.T) {
	base := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 25)}, Fragment: 25}.Bytes()
	mfhd := bmfftest.FullBox("mfhd", 0, 0, bmfftest.U32(9))
	tfhd := bmfftest.FullBox("tfhd", 0, 0x020000, bmfftest.U32(1))
	tfdt := bmfftest.FullBox("tfdt", 1, 0, bmfftest.U64(50*512))
	mdat := bmfftest.Box("mdat", make([]byte, 64))
	moof := func(children ...[]byte) []byte {
		return append(bmfftest.Box("moof", append([][]byte{mfhd}, children...)...), mdat...)
	}
	trun := func(flags uint32, fields ...uint32) []byte {
		return bmfftest.FullBox("trun", 0, flags, bmfftest.U32(fields...))
	}
	for _, c := range []struct {
		name string
		tail []byte
	}{
		{"moof without traf", moof()},
		{"traf without tfhd", moof(bmfftest.Box("traf", tfdt, trun(0x200, 1, 8)))},
		{"traf without trun", moof(bmfftest.Box("traf", tfhd, tfdt))},
		{"empty traf", moof(bmfftest.Box("traf"))},
		{"sample beyond mdat", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0x201, 1, 120, 0x7fffffff)))},
		{"data before the file", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0x201, 1, 0x80000000, 8)))},
		{"samples without end", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0, 0xffffffff)))},
		{"samples of no size", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0x200, 0x3fffffff)))},
		{"senc that lies", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0x201, 1, 120, 8), bmfftest.FullBox("senc", 0, 2, bmfftest.U32(0xffffffff))))},
		{"senc in moof", moof(bmfftest.FullBox("senc", 0, 2, bmfftest.U32(0xffffff)), bmfftest.Box("traf", tfhd, tfdt, trun(0x201, 1, 120, 8)))},
		{"sgpd that lies", moof(bmfftest.Box("traf", tfhd, tfdt, trun(0x201, 1, 120, 8), bmfftest.FullBox("sgpd", 1, 0, []byte("roll"), bmfftest.U32(0xffffffff, 0xffffffff))))},
		{"sidx that lies", bmfftest.FullBox("sidx", 0, 0, bmfftest.U32(1, 1, 0, 0, 0xffff))},
		{"box of no size", append(bmfftest.U32(0), "free"...)},
		{"box of 64 bits", bmfftest.LargeBox("free", make([]byte, 8))},
		{"box larger than anything", append(bmfftest.U32(1), append([]byte("moof"), bmfftest.U64(1<<63)...)...)},
		{"mfra of noise", bmfftest.Box("mfra", bmfftest.Noise(1, 200))},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			serveAll(t, append(base[:len(base):len(base)], c.tail...))
			runtime.ReadMemStats(&after)
			require.Less(t, time.Since(begin), 5*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
		})
	}
}

// serveAll opens a file and makes each of its segments; errors have to be of the kinds that callers know.
func serveAll(t *testing.T, data []byte) {
	known := func(err error) {
		for _, kind := range []error{media.ErrFormat, media.ErrUnsupported, media.ErrNotFound} {
			if err == nil || errors.Is(err, kind) {
				return
			}
		}
		require.NoError(t, err)
	}
	asset := &vod.Asset{Inputs: []vod.Input{{Name: "hostile.mp4", Object: bmfftest.Object("hostile.mp4", data)}}}
	tl, err := asset.Present(media.Plan{Segment: 2 * time.Second}).Timeline(t.Context())
	known(err)
	if err != nil {
		return
	}
	for _, r := range tl.Periods[0].Renditions {
		_, err := cmaf.Packager{}.Init(r.Track, nil)
		known(err)
		for i := range r.Segments.Len() {
			job, err := packager.Load(t.Context(), []media.Segment{r.Segments.At(i)})
			known(err)
			if err != nil {
				continue
			}
			body, err := cmaf.Packager{}.Segment(t.Context(), job)
			known(err)
			if err == nil {
				_, err = body.Bytes(t.Context())
				known(err)
			}
		}
	}
}
