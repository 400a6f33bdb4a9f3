package vod_test

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// bare is n samples of one byte each.
func bare(t track, n, gop int, duration, timescale uint32) track {
	t.Timescale, t.Samples = timescale, make([]bmfftest.Sample, n)
	for i := range t.Samples {
		t.Samples[i] = bmfftest.Sample{Size: 1, Duration: duration, Sync: i%gop == 0}
	}
	return t
}

// cutTogether demands that each segment of sound begins with the first unit at or after the cut of the picture: exactly,
// as fractions of a second.
func cutTogether(t testing.TB, tl *media.Timeline, video, audio string, unit int64) {
	t.Helper()
	p := tl.Periods[0]
	v, _ := p.Rendition(video)
	a, _ := p.Rendition(audio)
	require.Equal(t, v.Segments.Len(), a.Segments.Len())
	for k := range v.Segments.Len() {
		vs, as := v.Segments.At(k), a.Segments.At(k)
		require.Equal(t, vs.Number, as.Number)
		cut := media.Time{Ticks: vs.Start, Scale: v.Track.Timescale}
		require.LessOrEqual(t, cut.Compare(media.Time{Ticks: as.Start, Scale: a.Track.Timescale}), 0, "segment %d", vs.Number)
		if k > 0 {
			before := media.Time{Ticks: as.Start - unit, Scale: a.Track.Timescale}
			require.Positive(t, cut.Compare(before), "segment %d: the unit before belongs to the segment before", vs.Number)
		}
	}
}

// TestD8FifteenHours: 44.1 kHz beside 29.97 frames a second for fifteen hours.
func TestD8FifteenHours(t *testing.T) {
	const seconds = 15 * 3600
	video := bare(bmfftest.Video(1, 1), seconds*30000/1001, 60, 1001, 30000)
	audio := bare(bmfftest.Audio(1), seconds*44100/aac, 1, aac, 44100)
	a := &vod.Asset{}
	for i, tr := range []track{video, audio} {
		name := fmt.Sprint(i)
		a.Inputs = append(a.Inputs, vod.Input{Name: name, Object: bmfftest.Object(name, bmfftest.File{Tracks: []track{tr}, Chunk: 10_000}.Bytes())})
	}
	tl := timeline(t, a, 6*time.Second)
	n, _ := lengths(t, tl, "v1")
	require.Greater(t, len(n), 8900)
	cutTogether(t, tl, "v1", "a1", aac)
	r, _ := tl.Periods[0].Rendition("a1")
	var units int
	for k := range r.Segments.Len() {
		s := r.Segments.At(k)
		require.Equal(t, int64(s.Samples*aac), s.Duration)
		units += s.Samples
	}
	require.Equal(t, len(audio.Samples), units)
}

// TestD9LongGroups: where groups of pictures are longer than the target, and where their lengths vary, what is
// multiplexed is cut where the picture is.
func TestD9LongGroups(t *testing.T) {
	irregular := bmfftest.Video(900, 1000)
	for _, i := range []int{130, 150, 410, 411, 700, 899} {
		irregular.Samples[i].Sync = true
	}
	for _, video := range []track{bmfftest.Video(900, 250), irregular} {
		a := asset([]track{video, bmfftest.Audio(1688)})
		tl := timeline(t, a, 4*time.Second)
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 4 * time.Second}))
		cutTogether(t, tl, "v1", "a1", aac)
		segs, err := tl.Segment("v1", 2)
		require.NoError(t, err)
		require.Len(t, segs, 2)
		require.Equal(t, "a1", tl.Periods[0].Renditions[0].With[0])
		require.InDelta(t, media.Rescale(segs[0].Start, 12800, 48000), segs[1].Start, aac)
	}
}

// TestI6SampleRates: sound of any rate is cut at the picture's cuts.
func TestI6SampleRates(t *testing.T) {
	for _, rate := range []uint32{8000, 11025, 22050, 32000, 44100, 48000, 88200, 96000} {
		for _, fps := range [][2]uint32{{25, 1}, {30000, 1001}, {24000, 1001}, {60, 1}} {
			video := bare(bmfftest.Video(1, 1), int(fps[0]/fps[1]*20), int(fps[0]/fps[1]), fps[1], fps[0])
			audio := bare(bmfftest.Audio(1), int(20*rate/aac), 1, aac, rate)
			a := asset([]track{video, audio})
			mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
			cutTogether(t, timeline(t, a, 2*time.Second), "v1", "a1", aac)
		}
	}
}

// TestI7OneSecond: segments of a little less and a little more than a second are neither doubled nor halved.
func TestI7OneSecond(t *testing.T) {
	for _, c := range []struct {
		frames, gop         int
		duration, timescale uint32
	}{{480, 24, 40, 1000}, {500, 25, 40, 1000}, {480, 24, 1001, 24000}, {600, 30, 1001, 30000}} {
		a := asset([]track{bare(bmfftest.Video(1, 1), c.frames, c.gop, c.duration, c.timescale)})
		_, d := lengths(t, timeline(t, a, time.Second), "v1")
		require.Len(t, d, 20)
		for _, v := range d {
			require.Equal(t, int64(c.gop)*int64(c.duration), v)
		}
	}
}

// TestD17E26OpenGOP: leading pictures are found, stay in the segment of their random access point with their times, and
// the track says that its segments are not independent. Reordering alone is no open group.
func TestD17E26OpenGOP(t *testing.T) {
	closed := bmfftest.Video(100, 25).Reorder(true)
	require.False(t, source(t, closed).Tracks()[0].Video.Leading)
	for _, negative := range []bool{false, true} {
		open := bmfftest.Video(100, 100).Reorder(negative)
		for _, i := range []int{25, 49, 73} { // P becomes I: the two B-frames after it are shown before it
			require.Equal(t, 1, i%3)
			open.Samples[i].Sync = true
		}
		src := source(t, open)
		require.True(t, src.Tracks()[0].Video.Leading)
		a := asset([]track{open})
		mediatest.TestPresentation(t, a.Present(media.Plan{Segment: time.Second}))
		tl := timeline(t, a, time.Second)
		all, leading, sync := played(t, tl, "v1"), 0, int64(0)
		require.Len(t, all, 100)
		seen := map[int64]bool{}
		for i, s := range all {
			if i == 0 || s.segment != all[i-1].segment {
				require.True(t, s.Flags.Sync())
				sync = s.pts
			}
			if s.pts < sync {
				leading++
			}
			seen[s.pts] = true
		}
		require.Equal(t, 6, leading)
		require.Len(t, seen, 100)
	}
}

// TestD20D21EverySampleOnce: each sample of a file is in one segment, in order, whatever begins, ends or changes on the
// way.
func TestD20D21EverySampleOnce(t *testing.T) {
	change := bmfftest.Video(200, 25)
	change.Entries = [][]byte{bmfftest.AVC1(), bmfftest.AVC3()}
	for i := 75; i < 125; i++ {
		change.Samples[i].Entry = 1
	}
	odd := bmfftest.Video(201, 7).Reorder(false)
	offset := []bmfftest.Edit{{Media: -1, Duration: 2345}, {}}
	for name, tracks := range map[string][]track{
		"plain":                 {bmfftest.Video(250, 50), bmfftest.Audio(469)},
		"odd":                   {odd, bmfftest.Audio(377)},
		"description changes":   {change, bmfftest.Audio(375)},
		"sound much longer":     {bmfftest.Video(50, 25), bmfftest.Audio(1000)},
		"picture much longer":   {bmfftest.Video(500, 25), bmfftest.Audio(50)},
		"sound later":           {bmfftest.Video(250, 50), edited(bmfftest.Audio(400), offset...)},
		"picture later":         {edited(bmfftest.Video(250, 50), offset...), bmfftest.Audio(600)},
		"one picture":           {bmfftest.Video(1, 1), bmfftest.Audio(2)},
		"no sync sample but 1":  {bmfftest.Video(300, 300), bmfftest.Audio(563)},
		"each is a sync sample": {bmfftest.Video(99, 1), bmfftest.Audio(188)},
	} {
		t.Run(name, func(t *testing.T) {
			a := asset(tracks)
			tl := timeline(t, a, time.Second)
			for k, id := range []string{"v1", "a1"} {
				all := played(t, tl, id)
				require.Len(t, all, len(tracks[k].Samples), id)
				for i, s := range all {
					require.Equal(t, len(tracks[k].Samples[i].Data), int(s.Size), "sample %d of %s", i, id)
					require.True(t, i == 0 || s.Offset > all[i-1].Offset && s.segment >= all[i-1].segment)
				}
			}
		})
	}
}

// TestD22Stall: media that stand still for long do not make numbers jump.
func TestD22Stall(t *testing.T) {
	video := bmfftest.Video(250, 25)
	video.Samples[99].Duration = 40 * 12800
	a := asset([]track{video, bmfftest.Audio(2340)})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 2 * time.Second}))
	tl := timeline(t, a, 2*time.Second)
	for _, id := range []string{"v1", "a1"} {
		n, _ := lengths(t, tl, id)
		for i := range n {
			require.Equal(t, uint64(i+1), n[i])
		}
	}
	all := played(t, tl, "v1")
	require.Equal(t, int64(99*frame+40*12800), all[100].dts)
}

// TestD19I18Messages: messages in a file cut nothing.
func TestD19I18Messages(t *testing.T) {
	tracks := []track{bmfftest.Video(250, 50), bmfftest.Audio(469)}
	emsg := bmfftest.FullBox("emsg", 1, 0, bmfftest.U32(1000, 0, 1500, 2000, 1), []byte("urn:scte:scte35:2013:bin\x001\x00\xfc0"))
	plain := bmfftest.Object("x.mp4", bmfftest.File{Tracks: tracks, Fragment: 50}.Bytes())
	with := bmfftest.Object("x.mp4", bmfftest.File{Tracks: tracks, Fragment: 50, Between: emsg}.Bytes())
	var all [][]int64
	for _, obj := range []media.Object{plain, with} {
		tl := timeline(t, &vod.Asset{Inputs: []vod.Input{{Name: "x", Object: obj}}}, 2*time.Second)
		_, v := lengths(t, tl, "v1")
		_, a := lengths(t, tl, "a1")
		all = append(all, append(v, a...))
	}
	require.Equal(t, all[0], all[1])
}

// TestE12AV1RandomAccess: where a segment of AV1 may begin is what the container's table says; sequence headers in the
// samples between do not matter.
func TestE12AV1RandomAccess(t *testing.T) {
	video := bmfftest.Video(100, 25)
	video.Entries = [][]byte{bmfftest.AV01()}
	for i := range video.Samples {
		unit := append([]byte{0x12, 0x00, 0x0a, 0x0b}, 0, 0, 0, 0x0c, 0xc4, 0xff, 0x67, 0, 0xbe, 0, 0x10) // temporal delimiter, sequence header
		video.Samples[i].Data = append(unit, bmfftest.Noise(uint32(i), 100)...)
	}
	tl := timeline(t, asset([]track{video}), time.Second)
	n, d := lengths(t, tl, "v1")
	require.Equal(t, []uint64{1, 2, 3, 4}, n)
	require.Equal(t, []int64{12800, 12800, 12800, 12800}, d)
	for i, s := range played(t, tl, "v1") {
		require.Equal(t, i%25 == 0, s.Flags.Sync(), "sample %d", i)
	}
}

// TestI9PeriodJoins: a Period begins where the one before it ends, to the tick; sound goes on without a hole, and without
// anything twice.
func TestI9PeriodJoins(t *testing.T) {
	video := bmfftest.Video(300, 25)
	video.Entries = [][]byte{bmfftest.AVC1(), bmfftest.AVC3()}
	for i := range video.Samples {
		video.Samples[i].Entry = i / 100 % 2
	}
	tl := timeline(t, asset([]track{video, bmfftest.Sound(bmfftest.MP4A(), 517, aac, 44100)}), 2*time.Second)
	require.Len(t, tl.Periods, 3)
	for k, p := range tl.Periods[:2] {
		next := tl.Periods[k+1].Start
		end := p.Start.In(12800) + p.Duration.In(12800)
		require.Zero(t, next.Compare(media.Time{Ticks: end, Scale: 12800}))
		require.Equal(t, int64(k+1)*100*frame, end)
	}
	for _, id := range []string{"v1", "a1"} {
		all := played(t, tl, id)
		for i := 1; i < len(all); i++ {
			require.Equal(t, all[i-1].dts+int64(all[i-1].Duration), all[i].dts, "sample %d of %s", i, id)
		}
	}
	for _, p := range tl.Periods[1:] { // what sounds at the join is in the Period before
		r, _ := p.Rendition("a1")
		first := r.Segments.At(0).Start
		require.GreaterOrEqual(t, first, p.Start.In(44100))
		require.Less(t, first-p.Start.In(44100), int64(aac)+1)
	}
}

// TestI11Gaps: units that the source lacks leave the gap that they left there; what follows keeps its time.
func TestI11Gaps(t *testing.T) {
	audio := bmfftest.Audio(2800)
	missing := 0
	for i := 99; i < len(audio.Samples); i += 700 {
		audio.Samples[i].Duration = 3 * aac // two units were lost after it
		missing += 2
	}
	tl := timeline(t, asset([]track{bmfftest.Video(1500, 50), audio}), 6*time.Second)
	var want int64
	for i, s := range played(t, tl, "a1") {
		require.Equal(t, want, s.dts, "unit %d", i)
		want += int64(audio.Samples[i].Duration)
	}
	require.Equal(t, int64(2800+missing)*aac, want)

	hole := bmfftest.Audio(1400)
	hole.Samples[299].Duration = 20 * 48000
	a := asset([]track{bmfftest.Video(1250, 50), hole})
	mediatest.TestPresentation(t, a.Present(media.Plan{Segment: 4 * time.Second}))
	r, _ := timeline(t, a, 4*time.Second).Periods[0].Rendition("a1")
	var gaps []uint64
	for k := range r.Segments.Len() {
		if s := r.Segments.At(k); s.Gap {
			gaps = append(gaps, s.Number)
		}
	}
	require.Equal(t, []uint64{3, 4, 5, 6}, gaps, "segments that nothing begins in are said to be missing")
}

// TestM2RenditionAdded: a folder in which a file more lies is another presentation, with another version, also for
// those renditions that were there before; once it is taken away the first is back.
func TestM2RenditionAdded(t *testing.T) {
	fsys := fstest.MapFS{"film/hi.mp4": file(bmfftest.Video(50, 25)), "film/sound.m4a": file(bmfftest.Audio(90))}
	d := &vod.Dir{FS: fsys}
	open := func() *media.Timeline {
		c, err := d.Open(ctx, "film")
		require.NoError(t, err)
		return timeline(t, c, time.Second)
	}
	before := open()
	fsys["film/lo.mp4"] = file(bmfftest.Video(75, 25))
	after := open()
	require.NotEqual(t, before.Version, after.Version)
	require.Len(t, before.Periods[0].Renditions, 2, "who still plays the first has it whole")
	require.Len(t, after.Periods[0].Renditions, 3)
	delete(fsys, "film/lo.mp4")
	require.Equal(t, before.Version, open().Version)
}
