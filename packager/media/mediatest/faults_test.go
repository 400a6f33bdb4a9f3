package mediatest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/media/mediatest"
)

// recorder is a testing.TB that fails without failing the test that looks on.
type recorder struct {
	testing.TB
	said strings.Builder
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.said, format, args...) }
func (r *recorder) FailNow()                          { runtime.Goexit() }

// complaint is what check says of something.
func complaint(t *testing.T, check func(testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.said.String()
}

// TestSourceFaults: each rule of a Source is one that the suite notices when it is broken.
func TestSourceFaults(t *testing.T) {
	for says, spoil := range map[string]func(s *mediatest.Source){
		"tracks":                 func(s *mediatest.Source) { s.Runs = nil },
		"twice":                  func(s *mediatest.Source) { s.Runs[1].Track.ID = "v" },
		"track ID":               func(s *mediatest.Source) { s.Runs[0].Track.ID = "v 1" },
		"timescale of v":         func(s *mediatest.Source) { s.Runs[0].Track.Timescale = 0 },
		"video format of v":      func(s *mediatest.Source) { s.Runs[0].Track.Video = nil },
		"audio format of a":      func(s *mediatest.Source) { s.Runs[1].Track.Audio = nil },
		"sample 7 of v lasts":    func(s *mediatest.Source) { s.Runs[0].Samples[7].Duration = 0 },
		"Delay of v covers":      func(s *mediatest.Source) { s.Runs[0].Samples[7].CTO = -2 },
		"sample 9 of a lies in":  func(s *mediatest.Source) { s.Runs[1].Samples[9].Offset = 1 << 40 },
		"sample 99 of v lies in": func(s *mediatest.Source) { s.Runs[0].Samples[99].Size = 60_000 },
		"begins before the one before ends": func(s *mediatest.Source) {
			tail := s.Runs[0]
			tail.DTS, tail.Samples = 60, tail.Samples[60:]
			s.Runs[0].Samples = s.Runs[0].Samples[:60]
			s.Runs[0].Samples[59].Duration = 3
			s.Runs = append(s.Runs, tail)
		},
	} {
		s := made()
		spoil(s)
		require.Contains(t, complaint(t, func(t testing.TB) { mediatest.TestSource(t, s) }), says)
	}
	for says, s := range map[string]media.Source{
		"a run without samples":           &spoilt{made(), func(r []media.Run) []media.Run { return append(r, media.Run{Track: r[0].Track}) }},
		"is not in":                       &spoilt{made(), func(r []media.Run) []media.Run { r[0].DTS--; return r }},
		"track of a run":                  &spoilt{made(), func(r []media.Run) []media.Run { t := *r[0].Track; r[0].Track = &t; return r }},
		"a cancelled context":             &careless{made()},
		"samples of a track of another s": &generous{made()},
	} {
		require.Contains(t, complaint(t, func(t testing.TB) { mediatest.TestSource(t, s) }), says)
	}
}

// spoilt changes what the intervals that are not the whole get.
type spoilt struct {
	*mediatest.Source
	f func([]media.Run) []media.Run
}

func (s *spoilt) Samples(ctx context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	runs, err := s.Source.Samples(ctx, t, iv)
	if len(runs) > 0 && iv.From > -1<<50 {
		runs = s.f(runs)
	}
	return runs, err
}

// careless does not look at the context.
type careless struct{ *mediatest.Source }

func (s *careless) Samples(_ context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	return s.Source.Samples(context.Background(), t, iv)
}

// generous answers for any track.
type generous struct{ *mediatest.Source }

func (s *generous) Samples(ctx context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	runs, err := s.Source.Samples(ctx, t, iv)
	if errors.Is(err, media.ErrNotFound) {
		return nil, nil
	}
	return runs, err
}

// TestPresentationFaults is the same of Presentations.
func TestPresentationFaults(t *testing.T) {
	segments := func(tl *media.Timeline, rendition int) media.SegmentSlice {
		return tl.Periods[0].Renditions[rendition].Segments.(media.SegmentSlice)
	}
	for says, spoil := range map[string]func(tl *media.Timeline){
		"version":                       func(tl *media.Timeline) { tl.Version = "a/b" },
		"periods":                       func(tl *media.Timeline) { tl.Periods = nil },
		"period ID":                     func(tl *media.Timeline) { tl.Periods[0].ID = "" },
		"twice":                         func(tl *media.Timeline) { tl.Periods = append(tl.Periods, tl.Periods[0]) },
		"rendition v1 twice":            func(tl *media.Timeline) { tl.Periods[0].Renditions[1].ID = "v1" },
		"set of a1":                     func(tl *media.Timeline) { tl.Periods[0].Renditions[1].Set = "" },
		"which is not there":            func(tl *media.Timeline) { tl.Periods[0].Renditions[0].With = []string{"a7"} },
		"segments of a1":                func(tl *media.Timeline) { tl.Periods[0].Renditions[1].Segments = media.SegmentSlice{} },
		"numbers of v1":                 func(tl *media.Timeline) { segments(tl, 0)[2].Number = 9 },
		"follows the one before":        func(tl *media.Timeline) { segments(tl, 0)[2].Start++ },
		"target and segment":            func(tl *media.Timeline) { tl.Target = time.Second / 2 },
		"track of segment 1":            func(tl *media.Timeline) { segments(tl, 0)[0].Track = segments(tl, 1)[0].Track },
		"duration of segment 4":         func(tl *media.Timeline) { segments(tl, 0)[3].Duration-- },
		"begins with a sync sample":     func(tl *media.Timeline) { tl.Periods[0].Renditions[0] = shifted(tl, 1) },
		"first sample of segment":       func(tl *media.Timeline) { segments(tl, 1)[3].Media.From-- },
		"payload of segment 2":          func(tl *media.Timeline) { segments(tl, 0)[1].Bytes++ },
		"samples of segment 2":          func(tl *media.Timeline) { segments(tl, 0)[1].Samples++ },
		"segment 2 of v2 is aligned":    func(tl *media.Timeline) { tl.Periods[0].Renditions[1] = longer(tl) },
		"has samples":                   func(tl *media.Timeline) { segments(tl, 0)[1].Media = media.Interval{} },
		"duration of segment 2 of a1":   func(tl *media.Timeline) { segments(tl, 1)[1].Duration = 0 },
		"start of segment 1":            func(tl *media.Timeline) { segments(tl, 0)[0].Start = -1 },
		"equal call gives an equal tim": nil,
	} {
		tl, err := mediatest.Presentation(made(), 20).Timeline(t.Context())
		require.NoError(t, err)
		if spoil != nil {
			spoil(tl)
		}
		calls := 0
		p := media.PresentationFunc(func(context.Context) (*media.Timeline, error) {
			out := *tl
			if calls++; spoil == nil {
				out.Version = fmt.Sprint("v", calls)
			}
			return &out, nil
		})
		require.Contains(t, complaint(t, func(t testing.TB) { mediatest.TestPresentation(t, p) }), says)
	}
}

// shifted is the first rendition with its cuts by some samples later.
func shifted(tl *media.Timeline, by int64) media.Rendition {
	r := tl.Periods[0].Renditions[0]
	segs := append(media.SegmentSlice{}, r.Segments.(media.SegmentSlice)...)
	for i := range segs {
		segs[i].Bytes, segs[i].Samples = 0, 0
		if i > 0 {
			segs[i].Media.From += by
			segs[i].Start += by
		}
		if i+1 < len(segs) {
			segs[i].Media.To += by
		}
		segs[i].Duration = segs[i].Media.To - segs[i].Media.From
	}
	r.Segments = segs
	tl.Target *= 2
	return r
}

// longer is a rendition in the first one's set whose cuts are others.
func longer(tl *media.Timeline) media.Rendition {
	first := tl.Periods[0].Renditions[0]
	all, _ := mediatest.Presentation(made(), 30).Timeline(context.Background())
	r := all.Periods[0].Renditions[0]
	r.ID, r.Set = "v2", first.Set
	tl.Target = max(tl.Target, all.Target)
	return r
}

// TestObjectFaults is the same of Objects.
func TestObjectFaults(t *testing.T) {
	data := []byte("the bytes of an object, in memory")
	memory := mediatest.Memory{Name: "m", Data: data}
	for says, obj := range map[string]media.Object{
		"Size":                 &mediatest.Memory{Name: "m", Data: data[1:]},
		"Version names":        &object{Memory: memory, version: func() string { return "" }},
		"Version holds":        &object{Memory: memory, version: func() string { return fmt.Sprint(time.Now().UnixNano()) }},
		"are others":           &mediatest.Memory{Name: "m", Data: append(append([]byte{}, data[1:]...), 'x')},
		"bytes at":             &object{Memory: memory, read: func([]byte, int64) error { return io.EOF }},
		"of 33":                &object{Memory: memory, read: func([]byte, int64) error { return nil }, right: true},
		"Bytes beyond the end": &object{Memory: memory, bytes: func(off, n int64) []byte { return data[max(off, 0):min(max(off, 0)+n, 33)] }},
	} {
		require.Contains(t, complaint(t, func(t testing.TB) { mediatest.TestObject(t, obj, data) }), says)
	}
}

// object is a Memory with a fault.
type object struct {
	mediatest.Memory
	version func() string
	read    func([]byte, int64) error
	right   bool // where the range is there, read as Memory does
	bytes   func(off, n int64) []byte
}

func (o *object) Version() string {
	if o.version == nil {
		return o.Memory.Version()
	}
	return o.version()
}

func (o *object) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := o.Memory.ReadAt(ctx, p, off); o.read == nil || o.right && err == nil {
		return err
	}
	return o.read(p, off)
}

func (o *object) Bytes(off, n int64) []byte {
	if o.bytes == nil {
		return o.Memory.Bytes(off, n)
	}
	return o.bytes(off, n)
}
