package vod

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/language"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Source is the tracks of one file, edit lists applied. It holds the file's sample tables in a compact form and no
// payload. Immutable, safe for concurrent use. It implements media.Source.
//
// A track whose sample description changes on the way is several Tracks, one after the other.
type Source struct {
	name    string
	obj     media.Object
	streams []*stream
	tracks  []*media.Track
	notes   []media.Note
	byTrack map[*media.Track]place
	movie   *bmff.Movie
	refused map[*bmff.Track]error // why tracks of sound and picture are left out
	version string                // of obj as it is read: clear or as it is
}

// stream is one track of the file.
type stream struct {
	trak  *bmff.Track
	table *table
	facts *facts
	parts []part
	input int        // of the asset
	clear *decrypted // nil: samples are read as they lie
}

// part is the time in which one sample description holds.
type part struct {
	track    *media.Track
	interval media.Interval
}

type place struct {
	stream *stream
	iv     media.Interval
}

// Open reads the tables of an MP4, MOV or fragmented MP4 file. Errors match media.ErrFormat, media.ErrUnsupported (a file
// with no track that can be served) or media.ErrChanged; name is what they call it.
func Open(ctx context.Context, name string, obj media.Object) (*Source, error) {
	return open(ctx, Input{Name: name, Object: obj})
}

// OpenInput is Open of an Input, with its keys and what it says of its tracks.
func OpenInput(ctx context.Context, in Input) (*Source, error) {
	obj, err := in.open(ctx)
	if err != nil {
		return nil, err
	}
	in.Object = obj
	return open(ctx, in)
}

func open(ctx context.Context, in Input) (*Source, error) {
	s, err := read(ctx, in)
	if err == nil {
		err = s.servable()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// read makes a Source of what can be served, which may be nothing.
func read(ctx context.Context, in Input) (*Source, error) {
	movie, err := tables(ctx, &in)
	if err != nil {
		return nil, err
	}
	s := &Source{name: in.Name, obj: in.Object, movie: movie, version: in.Object.Version(), byTrack: map[*media.Track]place{}, refused: map[*bmff.Track]error{}}
	for _, w := range movie.Warnings {
		s.note(w.Path, w.Text)
	}
	for i, trak := range movie.Tracks {
		st, err := s.stream(ctx, &in, i, trak)
		switch {
		case err == nil && st != nil:
			s.streams = append(s.streams, st)
		case err == nil:
		case lasting(err):
			s.refused[trak] = err
			s.note("", trackName(trak)+": "+err.Error())
		default: // storage trouble: half a file would pass for the whole
			return nil, err
		}
	}
	return s, nil
}

// lasting reports whether an error lies in the file and what is known of it: another try would end the same.
func lasting(err error) bool {
	return errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrUnsupported) || errors.Is(err, drm.ErrNoKey)
}

// tables reads the boxes. Those of a mapped file are parsed in place: if it shrinks meanwhile, that is an error, and what
// looks like damage in one that is written over is the change.
func tables(ctx context.Context, in *Input) (movie *bmff.Movie, err error) {
	err = packager.Guard(func() error {
		movie, err = bmff.Open(ctx, in.Name, in.Object)
		return err
	})
	if c, ok := in.Object.(media.Checker); ok {
		if changed := c.Check(); changed != nil {
			return nil, changed
		}
	}
	if err != nil {
		return nil, err
	}
	return movie, nil
}

func trackName(t *bmff.Track) string { return fmt.Sprintf("track %d (%s)", t.ID, t.Handler) }

// servable returns nil if there is a track, else why there is none.
func (s *Source) servable() error {
	if len(s.streams) > 0 {
		return nil
	}
	var all []error
	for _, t := range s.movie.Tracks {
		if err := s.refused[t]; err != nil {
			all = append(all, fmt.Errorf("%s: %w", trackName(t), err))
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("%s has no video or audio track with samples: %w", s.name, media.ErrUnsupported)
	}
	return fmt.Errorf("%s has no track that can be served: %w", s.name, errors.Join(all...))
}

func (s *Source) note(path, text string) {
	subject := s.name
	if path != "" {
		subject += ": " + path
	}
	s.notes = append(s.notes, media.Note{Subject: subject, Text: text})
}

// stream makes one of a trak; nil without error where there is nothing to serve.
func (s *Source) stream(ctx context.Context, in *Input, n int, trak *bmff.Track) (*stream, error) {
	kind := kindOf(trak)
	switch {
	case trak.Index.Len() == 0 && kind != 0:
		return nil, fmt.Errorf("it has no samples: %w", media.ErrUnsupported)
	case trak.Chapters || kind == 0:
		s.note(fmt.Sprintf("track %d", trak.ID), fmt.Sprintf("%s track left out: only video and audio are served", handlerName(trak)))
		return nil, nil
	case len(in.Only) > 0 && !slices.Contains(in.Only, kind):
		return nil, nil
	case len(trak.Entries) == 0:
		return nil, fmt.Errorf("it has no sample description (14496-12, 8.5.2): %w", media.ErrFormat)
	case trak.Refused != nil:
		return nil, fmt.Errorf("encrypted samples: %w", trak.Refused)
	}
	f, err := scan(trak)
	if err != nil {
		return nil, err
	}
	clear, err := decrypting(ctx, in, trak)
	if err != nil {
		return nil, err
	}
	codecs := make(map[int]*codec.Stream)
	for _, c := range f.entries {
		if codecs[c.entry] != nil {
			continue
		}
		if c.entry >= len(trak.Entries) {
			return nil, fmt.Errorf("sample %d has sample description %d of %d: %w", c.sample, c.entry+1, len(trak.Entries), media.ErrFormat)
		}
		first := s.firstSample(ctx, trak, clear, c.sample)
		cs, err := codec.FromEntry(entryOf(trak, c.entry), first)
		switch {
		case err != nil:
			return nil, err
		case cs.Encrypted:
			return nil, fmt.Errorf("encrypted twice: %w", media.ErrUnsupported)
		case cs.Kind != kind && (cs.Kind != media.Video && cs.Kind != media.Audio):
			return nil, fmt.Errorf("%s in a %s track: %w", cs.Kind, handlerName(trak), media.ErrUnsupported)
		}
		if err := clear.plausible(cs, first); err != nil {
			return nil, err
		}
		codecs[c.entry] = cs
	}
	first := codecs[f.entries[0].entry]
	tab, timescale, err := flatten(trak, f, first.Kind, first.Codec.Coding)
	if err != nil {
		return nil, err
	}
	if tab == nil {
		s.note(fmt.Sprintf("track %d", trak.ID), "left out: its edit list presents nothing of it")
		return nil, nil
	}
	st := &stream{trak: trak, table: tab, facts: f, clear: clear}
	if clear != nil {
		s.version = s.obj.Version() + clearVersion
	}
	s.describe(st, in, n, timescale, codecs)
	return st, nil
}

// firstBytes is how much of a track's first sample is read at most.
const firstBytes = 4 << 20

// firstSample reads the first sync sample from i on, of which codecs may need the beginning. It is nil where that is
// ciphertext.
func (s *Source) firstSample(ctx context.Context, trak *bmff.Track, clear *decrypted, i int) func() ([]byte, error) {
	if sync := trak.Index.NextSync(i); sync < trak.Index.Len() {
		i = sync
	}
	if c, _ := trak.Index.Crypt(i); c != nil && clear == nil {
		return nil
	}
	return func() ([]byte, error) {
		smp := trak.Index.Append(nil, i, i+1)
		obj, off := s.obj, smp[0].Offset
		if clear != nil {
			obj, off = clear, clear.offset(i)
		}
		p := make([]byte, min(int64(smp[0].Size), firstBytes, obj.Size()))
		return p, obj.ReadAt(ctx, p, off)
	}
}

// describe makes the Tracks of a stream, one for each stretch with one sample description.
func (s *Source) describe(st *stream, in *Input, n int, timescale uint32, codecs map[int]*codec.Stream) {
	for _, c := range st.changes() {
		cs := codecs[c.entry]
		t := &media.Track{
			ID: fmt.Sprintf("t%d", n+1), Kind: cs.Kind, Codec: cs.Codec, Timescale: timescale, Delay: uint32(st.table.delay),
			Language: firstOf(language.Tag(in.Language), st.trak.Language), Label: firstOf(in.Label, label(st.trak.Name)), Roles: st.trak.Roles,
			Default: in.Default, Video: cs.Video, Audio: cs.Audio,
		}
		if st.clear == nil {
			t.Crypt = s.crypt(st.trak, c.entry)
		}
		if len(in.Roles) > 0 {
			t.Roles = in.Roles
		}
		if k := len(st.parts); k > 0 {
			t.ID += fmt.Sprintf("p%d", k+1)
			st.parts[k-1].interval.To = c.dts
		}
		if t.Video != nil {
			v := *t.Video
			v.FrameRate, v.Leading = st.facts.rate, st.facts.leading
			if st.trak.Matrix != identity {
				v.Display = st.trak.Matrix
			}
			t.Video = &v
		}
		st.parts = append(st.parts, part{t, media.Interval{From: c.dts, To: st.table.last()}})
	}
	for _, p := range st.parts {
		s.tracks = append(s.tracks, p.track)
		s.byTrack[p.track] = place{st, p.interval}
	}
}

var identity = [9]int32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// label is the name of a track, unless it is one that a muxer gives to all.
func label(name string) string {
	for _, stock := range []string{"handler", "core media", "gpac", "l-smash", "iso media", "bento4", "mainconcept", "alias data", "created by", "twitter-vork"} {
		if strings.Contains(strings.ToLower(name), stock) {
			return ""
		}
	}
	return name
}

// timedChange is a change of sample description on the table's clock.
type timedChange struct {
	dts   int64
	entry int
}

// changes follows the sample descriptions through the pieces of the table.
func (st *stream) changes() []timedChange {
	var out []timedChange
	add := func(dts int64, entry int) {
		if n := len(out); n == 0 || out[n-1].entry != entry {
			out = append(out, timedChange{dts, entry})
		}
	}
	for k := range st.table.pieces {
		p := &st.table.pieces[k]
		for i, c := range st.facts.entries {
			next := st.table.x.Len()
			if i+1 < len(st.facts.entries) {
				next = st.facts.entries[i+1].sample
			}
			if from := max(c.sample, p.from); from < min(next, p.to) {
				add(st.table.dts(p, from), c.entry)
			}
		}
	}
	return out
}

func kindOf(t *bmff.Track) media.Kind {
	switch t.Handler {
	case "vide":
		return media.Video
	case "soun":
		return media.Audio
	}
	return 0
}

func handlerName(t *bmff.Track) string {
	switch {
	case t.Chapters:
		return "chapter"
	case t.Handler == "text" || t.Handler == "sbtl" || t.Handler == "subt":
		return "text"
	case t.Handler == "tmcd":
		return "timecode"
	}
	return fmt.Sprintf("%q", t.Handler)
}

// Name is what the file was called.
func (s *Source) Name() string { return s.name }

// Tracks returns those that can be served.
func (s *Source) Tracks() []*media.Track { return s.tracks }

// Notes say what of the file was left out or repaired.
func (s *Source) Notes() []media.Note { return s.notes }

// Interval is the decode times of a track, ticks: from its first sample to the end of its last.
func (s *Source) Interval(t *media.Track) media.Interval { return s.byTrack[t].iv }

// Size is the memory that the tables hold, bytes.
func (s *Source) Size() int64 {
	n := int64(1024)
	for _, st := range s.streams {
		n += st.trak.Index.Size() + st.table.size() + 1024
		if st.clear != nil {
			n += st.clear.memory()
		}
	}
	return n
}

// Samples implements media.Source. The runs have no gaps. It costs what the interval costs, wherever it lies.
func (s *Source) Samples(ctx context.Context, t *media.Track, iv media.Interval) ([]media.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, ok := s.byTrack[t]
	if !ok {
		return nil, fmt.Errorf("%s has no such track: %w", s.name, media.ErrNotFound)
	}
	if c, ok := s.obj.(media.Checker); ok {
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	iv.From, iv.To = max(iv.From, at.iv.From), min(iv.To, at.iv.To)
	if iv.From >= iv.To {
		return nil, nil
	}
	st := at.stream
	all := make([]media.Sample, 0, st.table.count(iv))
	switch {
	case len(st.trak.Index.Crypts()) == 0:
		return collect(st, t, iv, all, s.obj), nil
	case st.clear == nil:
		return s.locked(ctx, st, t, iv, all)
	}
	return st.cleared(t, iv, all), nil
}

// collect makes runs of samples that lie in obj, in all, which has room for them.
func collect(st *stream, t *media.Track, iv media.Interval, all []media.Sample, obj media.Object) (runs []media.Run) {
	var next int64
	st.table.each(iv, func(smp *sample) {
		if len(runs) == 0 || smp.DTS != next {
			runs = append(runs, media.Run{Track: t, DTS: smp.DTS, Data: obj})
		}
		all = append(all, smp.Sample)
		next = smp.DTS + int64(smp.Duration)
		r := &runs[len(runs)-1]
		r.Samples = all[len(all)-len(r.Samples)-1 : len(all) : len(all)]
	})
	return runs
}
