package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// A row is what the truth table says of one file.
type row struct {
	Source string // its streams
	Cells  [3]string
	Notes  []string // why something is not served, as the origin puts it
}

const (
	hlsTS = iota
	hlsFMP4
	dashCMAF
)

// notInTS are the codecs that TS as HLS knows it cannot carry.
var notInTS = []string{"av1", "vp9", "vp8", "flac", "opus"}

// TestTruthTable serves each MP4 and compares what programs of others read from the output with what they read from the
// source: every presented frame and access unit, and its time.
func TestTruthTable(t *testing.T) {
	for _, set := range []struct {
		name     string
		subjects []subject
	}{{"generated", generatedSubjects(t)}, {"corpus", corpusSubjects(t)}} {
		t.Run(set.name, func(t *testing.T) {
			if len(set.subjects) == 0 {
				return
			}
			rows := measureAll(t, set.subjects)
			var table, refusals strings.Builder
			for i, s := range set.subjects {
				r := rows[i]
				fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", s.Name, r.Source, r.Cells[hlsTS], r.Cells[hlsFMP4], r.Cells[dashCMAF])
				for _, n := range r.Notes {
					fmt.Fprintf(&refusals, "%s: %s\n", s.Name, n)
				}
			}
			harness.Golden(t, "docs/truth-table-"+set.name+".md", "# Truth table: "+set.name+" media\n\n"+preamble+table.String())
			harness.Golden(t, "internal/e2e/testdata/refusals-"+set.name+".txt", refusals.String())
		})
	}
}

const preamble = `Written by the end-to-end test, which fails where this page is not what it finds. Each file is served by an origin and
fetched over HTTP; ffmpeg decodes every video frame of source and output, and the payload of every audio access unit is
hashed. A number says that so many presented frames (v) or access units (a) are equal to the source's in content and order,
and each at its time from the presentation's start, to half a tick of the output's clock. Anything else would fail the test,
but for a stream that ffmpeg reads otherwise than it should, of which the cell says what was compared, and why. Of an
encrypted file, served as it is, the payload of video is hashed too: it is ciphertext (docs/encrypted-input.md has it clear).
"–" is a container that cannot carry the codec; its manifest leaves the track out. "refused" and "left out" have their
reasons in internal/e2e/testdata/refusals-*.txt. "served" is a file that ffmpeg cannot read: all of it was fetched, and
nothing compared.

| file | source | HLS TS | HLS fMP4 | DASH |
|---|---|---|---|---|
`

// exception is a stream of a file that ffmpeg reads otherwise than it should, and why.
type exception struct {
	kind  string
	later bool // the units are equal, and ours are all later by the same time; else nothing can be compared
	why   string
}

// exceptions are by file. All other streams of the file are compared as ever.
var exceptions = map[string]exception{
	"iibbibb_editlist_videoonly.mp4": {"video", true, "the edit starts half a second into a picture, which ffmpeg drops, moving all others to its start; ours keep their times"},
	"bear-640x360-av_frag.mp4":       {"audio", false, "data offsets of the second track count from the moof, which the file does not say; ffmpeg goes by the letter and reads noise"},
}

// holds checks what an exception leaves to be checked, and returns the cell.
func (e *exception) holds(s, o *stream) (string, error) {
	if !e.later {
		return "not compared: " + e.why, nil
	}
	zero := new(big.Rat)
	want, got := s.presented(zero), o.presented(zero)
	if len(want) == 0 || len(got) == 0 {
		return "", fmt.Errorf("nothing is presented")
	}
	shift := new(big.Rat).Sub(o.seconds(got[0].At), s.seconds(want[0].At))
	return fmt.Sprintf("%c %d, %s s later: %s", s.Kind[0], len(want), shift.FloatString(3), e.why), compare(s, o, shift)
}

// measureAll measures the subjects, two at a time.
func measureAll(t *testing.T, subjects []subject) []row {
	contents := origin.Map{}
	for i, s := range subjects {
		f, err := vod.OpenFile(s.Path)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		contents[fmt.Sprintf("t/%d", i)] = &vod.Asset{Inputs: []vod.Input{{Name: filepath.Base(s.Path), Object: f}}}
	}
	base := serveHandler(t, &origin.Handler{Library: contents, Logger: slog.New(slog.DiscardHandler)})
	rows := make([]row, len(subjects))
	var wg sync.WaitGroup
	turn := make(chan struct{}, 2)
	for i, s := range subjects {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			t.Run(s.Name, func(t *testing.T) {
				rows[i] = measure(t, s, contents[fmt.Sprintf("t/%d", i)], fmt.Sprintf("%s/out/v1/t/%d/", base, i))
			})
		})
	}
	wg.Wait()
	return rows
}

// measure serves one file in all formats.
func measure(t *testing.T, s subject, content media.Content, base string) (r row) {
	defer func() {
		for i := range r.Cells {
			if r.Cells[i] == "" {
				r.Cells[i] = "wrong"
			}
		}
	}()
	read := read
	if isEncrypted(content) {
		read = readPackets
	}
	src, unread := read(t, s.Path)
	r.Source = describe(src)
	switch {
	case unread != nil:
		r.Source = "ffmpeg cannot read it"
	case isEncrypted(content):
		r.Source += " (encrypted)"
	}
	src = slices.DeleteFunc(src, func(s *stream) bool { return len(s.presented(new(big.Rat))) == 0 })
	tl, err := content.Present(media.Plan{}).Timeline(context.Background())
	if err != nil {
		r.Cells = [3]string{"refused", "refused", "refused"}
		r.Notes = append(r.Notes, err.Error())
		_, _, err := harness.TryGet(base + "cmaf/index.mpd")
		require.Error(t, err, "refused by the library, served by the origin")
		return r
	}
	for _, n := range tl.Notes {
		r.Notes = append(r.Notes, n.String())
	}
	slices.Sort(r.Notes)

	mpd := readMPD(t, base+"cmaf/index.mpd")
	require.NotEmpty(t, mpd)
	if unread != nil {
		return unreadable(t, r, base)
	}
	start := mpd[0].Pieces[0].Offset
	src = fromStart(src, mpd)
	r.Cells[dashCMAF] = verify(t, "CMAF", src, fetch(t, mpd, read, new(big.Rat)), nil)
	if _, _, err := harness.TryGet(base + "cmaf/index.m3u8"); err != nil && isEncrypted(content) {
		r.Cells[hlsTS], r.Cells[hlsFMP4] = "–", "refused"
		r.Notes = append(r.Notes, "HLS: "+reason(err))
		return r
	}
	playlists := readHLS(t, base+"cmaf/index.m3u8")
	require.Equal(t, everyURL(mpd), everyURL(playlists), "HLS and DASH name the same media")
	r.Cells[hlsFMP4] = r.Cells[dashCMAF]

	if _, _, err := harness.TryGet(base + "ts/index.m3u8"); err != nil {
		for _, s := range src {
			if !isEncrypted(content) && !slices.Contains(notInTS, s.Codec) && !strings.Contains(r.Cells[dashCMAF], "left out: "+s.Codec) {
				t.Errorf("TS has no %s: %v", s.Codec, err)
			}
		}
		r.Cells[hlsTS] = "–"
		return r
	}
	offset := new(big.Rat).Add(start, big.NewRat(packager.Bias, 90000))
	playlists = readHLS(t, base+"ts/index.m3u8")
	if err := broken(playlists); err != nil {
		r.Cells[hlsTS] = "refused"
		r.Notes = append(r.Notes, "TS: "+err.Error())
		return r
	}
	r.Cells[hlsTS] = verify(t, "TS", src, fetch(t, playlists, readTS(offset), offset), notInTS)
	return r
}

// isEncrypted reports whether some of a content is ciphertext where it lies.
func isEncrypted(content media.Content) bool {
	tl, err := content.Present(media.Plan{}).Timeline(context.Background())
	if err != nil {
		return false
	}
	for _, p := range tl.Periods {
		for _, r := range p.Renditions {
			if r.Track.Crypt != nil {
				return true
			}
		}
	}
	return false
}

// fromStart are the streams of the source on the presentation's clock: where all that the manifest offers starts late,
// with the first of it, the presentation does.
func fromStart(src []*stream, offered []*listed) (all []*stream) {
	var first *big.Rat
	for _, s := range src {
		if !slices.ContainsFunc(offered, func(l *listed) bool { return l.Kind == s.Kind }) {
			continue
		}
		for _, u := range s.presented(new(big.Rat)) {
			if at := s.seconds(u.At); first == nil || at.Cmp(first) < 0 {
				first = at
			}
		}
	}
	for _, s := range src {
		c := *s
		c.Units = slices.Clone(s.Units)
		if first != nil && first.Sign() > 0 {
			c.shift(first)
		}
		all = append(all, &c)
	}
	return all
}

// broken returns the reason if a segment is refused because the source breaks a rule, which shows only when its samples
// are read.
func broken(list []*listed) error {
	for _, l := range list {
		for _, u := range l.urls() {
			if _, _, err := harness.TryGet(u); err != nil {
				if text := reason(err); text != "" {
					return errors.New(text)
				}
			}
		}
	}
	return nil
}

// reason is why the origin refused, as it puts it; empty: it did not.
func reason(err error) string {
	_, text, _ := strings.Cut(err.Error(), "422 Unprocessable Entity: ")
	return text
}

// unreadable is a row of a file with which ffmpeg can do nothing: all of it can be fetched, and is compared with nothing.
func unreadable(t *testing.T, r row, base string) row {
	lists := [][]*listed{readMPD(t, base+"cmaf/index.mpd")}
	r.Cells = [3]string{"–", "served", "served"}
	if _, _, err := harness.TryGet(base + "cmaf/index.m3u8"); err == nil || reason(err) == "" {
		lists = append(lists, readHLS(t, base+"cmaf/index.m3u8"))
	} else {
		r.Cells[hlsFMP4] = "refused"
		r.Notes = append(r.Notes, "HLS: "+reason(err))
	}
	if _, _, err := harness.TryGet(base + "ts/index.m3u8"); err == nil {
		r.Cells[hlsTS] = "served"
		lists = append(lists, readHLS(t, base+"ts/index.m3u8"))
	}
	for _, list := range lists {
		for _, u := range everyURL(list) {
			harness.Get(t, u)
		}
	}
	return r
}

func describe(src []*stream) string {
	var parts []string
	for _, s := range src {
		if len(s.Units) == 0 {
			parts = append(parts, s.Codec+" (nothing of it decodes)")
			continue
		}
		parts = append(parts, s.Codec)
	}
	return strings.Join(parts, ", ")
}

func everyURL(list []*listed) (all []string) {
	for _, l := range list {
		all = append(all, l.urls()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fetch reads the renditions from the origin as players would join them: initialization and media segments in order.
// Times are made those of the presentation: offset is taken off, or for DASH what the MPD says.
func fetch(t *testing.T, list []*listed, read reader, offset *big.Rat) (all []*stream) {
	for _, l := range list {
		var joined []*stream
		for i, p := range l.Pieces {
			var data []byte
			for _, u := range (&listed{Pieces: []piece{p}}).urls() {
				body, _ := harness.Get(t, u)
				data = append(data, body...)
			}
			by := offset
			if p.Offset != nil {
				by = p.Offset
			}
			streams := readBytes(t, data, read)
			require.NotEmpty(t, streams, "%s: nothing to read in %v", l.Name, p)
			if i == 0 {
				joined = make([]*stream, len(streams))
			}
			require.Len(t, streams, len(joined))
			for k, s := range streams {
				s.shift(by)
				if joined[k] != nil {
					require.Equal(t, joined[k].Den, s.Den, "%s: the timescale changes between Periods", l.Name)
					s.Units = append(joined[k].Units, s.Units...)
				}
				joined[k] = s
			}
		}
		all = append(all, joined...)
	}
	return all
}

// reader reads the streams of files.
type reader func(t testing.TB, paths ...string) ([]*stream, error)

// readBytes reads a rendition.
func readBytes(t *testing.T, data []byte, read reader) []*stream {
	path := filepath.Join(t.TempDir(), "rendition")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	streams, err := read(t, path)
	require.NoError(t, err)
	return streams
}

// readTS reads renditions in TS by ffmpeg, their audio by astits, because ffmpeg guesses the times within a PES. They begin
// near offset.
func readTS(offset *big.Rat) reader {
	return func(t testing.TB, paths ...string) ([]*stream, error) {
		streams, err := read(t, paths...)
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(paths[0])
		require.NoError(t, err)
		if len(data) > 0 && data[0] == 0x47 {
			audio, err := readTSAudio(data)
			require.NoError(t, err)
			for k, s := range streams {
				if s.Kind == "audio" {
					require.NotEmpty(t, audio, "ffmpeg finds more audio than astits")
					streams[k], audio = audio[0], audio[1:]
				}
			}
			require.Empty(t, audio, "astits finds more audio than ffmpeg")
		}
		for _, s := range streams {
			s.unwrap(offset)
		}
		return streams, nil
	}
}

// shift makes the times of s those of the presentation, which starts at offset seconds of its clock.
func (s *stream) shift(offset *big.Rat) {
	n, d := offset.Num().Int64(), offset.Denom().Int64()
	if s.Clock == 0 {
		s.Clock = s.Den / s.Num
	}
	for i := range s.Units {
		s.Units[i].At = s.Units[i].At*s.Num*d - n*s.Den
		s.Units[i].Dur *= s.Num * d
	}
	s.Num, s.Den = 1, s.Den*d
}

// unwrap adds what 33 bits at 90 kHz cannot hold, so that s begins near offset.
func (s *stream) unwrap(offset *big.Rat) {
	if len(s.Units) == 0 {
		return
	}
	wrap := big.NewRat(1<<33, 90000)
	d := new(big.Rat).Sub(offset, s.seconds(s.Units[0].At))
	turns, _ := d.Quo(d, wrap).Float64()
	ticks := new(big.Rat).Mul(new(big.Rat).Mul(wrap, big.NewRat(int64(math.Round(turns)), 1)), big.NewRat(s.Den, s.Num))
	for i := range s.Units {
		s.Units[i].At += ticks.Num().Int64() / ticks.Denom().Int64()
	}
}

// verify checks that each output stream is a source stream, and each source stream is there or of a codec that may be
// left out. The result is a cell of the table.
func verify(t *testing.T, container string, src, out []*stream, leftOut []string) string {
	zero := new(big.Rat)
	except, excepted := exceptions[path.Base(t.Name())]
	served := map[*stream]string{}
	for i, o := range out {
		if len(o.Units) == 0 { // ffmpeg decodes nothing of it, nor of the source: verified below
			continue
		}
		faults := []string{"the source has no " + o.Kind + " in " + o.Codec}
		for _, s := range src {
			if s.Kind != o.Kind || s.Codec != o.Codec {
				continue
			}
			err := compare(s, o, zero)
			cell := fmt.Sprintf("%c %d", s.Kind[0], len(s.presented(zero)))
			if excepted && except.kind == s.Kind {
				cell, err = except.holds(s, o)
			}
			if err == nil {
				served[s] = cell
				faults = nil
				break
			}
			faults = append(faults, err.Error()+"; "+extra(s, o))
		}
		if len(faults) > 0 {
			t.Errorf("%s: output stream %d (%s) is none of the source: %s", container, i, o.Codec, strings.Join(faults, "\n"))
			return "wrong"
		}
	}
	var cell []string
	for _, s := range src {
		switch {
		case served[s] != "":
			cell = append(cell, served[s])
		case slices.Contains(leftOut, s.Codec):
			cell = append(cell, "–")
		default:
			cell = append(cell, "left out: "+s.Codec)
		}
	}
	return strings.Join(cell, ", ")
}

// extra is the counts of both sides, for messages.
func extra(s, o *stream) string {
	return fmt.Sprintf("source presents %d of %d, output %d of %d", len(s.presented(new(big.Rat))), len(s.Units),
		len(o.presented(new(big.Rat))), len(o.Units))
}
