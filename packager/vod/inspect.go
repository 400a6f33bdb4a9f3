package vod

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Report says what a file is and what can be made of it.
type Report struct {
	Name       string        `json:"name"`
	Size       int64         `json:"size"` // bytes
	Version    string        `json:"version"`
	Brands     []string      `json:"brands,omitempty"`
	Fragmented bool          `json:"fragmented"`
	Duration   float64       `json:"duration"` // of what is presented, seconds
	IndexBytes int64         `json:"indexBytes"`
	Tracks     []TrackReport `json:"tracks"`
	Notes      []string      `json:"notes,omitempty"` // what was repaired or left out, and what to do
	Error      string        `json:"error,omitempty"` // why nothing of the file can be served
}

// TrackReport says what a track is.
type TrackReport struct {
	ID        uint32      `json:"id"`
	Kind      string      `json:"kind"`
	Codec     string      `json:"codec,omitempty"` // RFC 6381
	Language  string      `json:"language,omitempty"`
	Label     string      `json:"label,omitempty"`
	Timescale uint32      `json:"timescale"`
	Samples   int         `json:"samples"`
	Start     float64     `json:"start"`    // of what is presented, seconds
	Duration  float64     `json:"duration"` // of what is presented, seconds
	BitRate   int64       `json:"bitRate"`  // mean, of the payload, bits per second
	Edits     []string    `json:"edits,omitempty"`
	GOP       *GOPReport  `json:"gop,omitempty"`
	Width     int         `json:"width,omitempty"`
	Height    int         `json:"height,omitempty"`
	FrameRate string      `json:"frameRate,omitempty"`
	Range     string      `json:"range,omitempty"`
	Rate      int         `json:"sampleRate,omitempty"`
	Channels  int         `json:"channels,omitempty"`
	Encrypted string      `json:"encrypted,omitempty"` // scheme and key ids
	Formats   []CanFormat `json:"formats"`
}

// GOPReport is the distances of a video track's sync samples.
type GOPReport struct {
	Count    int     `json:"count"`
	Shortest float64 `json:"shortest"` // seconds
	Longest  float64 `json:"longest"`
	Open     bool    `json:"open"` // pictures after a sync sample need the group before
}

// CanFormat says whether a format can carry a track.
type CanFormat struct {
	Format string `json:"format"` // CMAF, TS
	OK     bool   `json:"ok"`
	Why    string `json:"why,omitempty"` // why not, and what to do about it; or in what way
}

// Inspect reads a file's tables and reports on it, on what cannot be served too: then the Report has the reason in Error.
// It fails itself only if the object cannot be read.
func Inspect(ctx context.Context, name string, obj media.Object) (*Report, error) {
	r := &Report{Name: name, Size: obj.Size(), Version: obj.Version()}
	src, err := read(ctx, Input{Name: name, Object: obj})
	if err != nil {
		if !errors.Is(err, media.ErrFormat) && !errors.Is(err, media.ErrUnsupported) {
			return nil, err
		}
		r.Error = err.Error()
		return r, nil
	}
	r.Brands, r.Fragmented = src.movie.Brands, src.movie.Fragmented
	for _, t := range src.movie.Tracks {
		tr := outline(t, src.refused[t])
		for _, st := range src.streams {
			if st.trak == t {
				r.fill(&tr, st)
			}
		}
		r.Tracks = append(r.Tracks, tr)
	}
	for _, n := range src.notes {
		r.Notes = append(r.Notes, n.String())
	}
	if err := src.servable(); err != nil {
		r.Error = err.Error()
		return r, nil
	}
	r.IndexBytes = src.Size()
	return r, nil
}

// outline is what the boxes say of a track, whether it can be served or not.
func outline(t *bmff.Track, refused error) TrackReport {
	tr := TrackReport{ID: t.ID, Kind: handlerName(t), Language: t.Language, Label: t.Name, Timescale: t.Timescale, Samples: t.Index.Len()}
	if k := kindOf(t); k != 0 {
		tr.Kind = k.String()
	}
	for _, e := range t.Edits {
		length := fmt.Sprintf("%.3f s", float64(e.Duration)/float64(max(1, t.Timescale)))
		if e.Duration == 0 {
			length = "the rest"
		}
		if e.Media < 0 {
			tr.Edits = append(tr.Edits, "nothing for "+length)
			continue
		}
		tr.Edits = append(tr.Edits, fmt.Sprintf("%s from %.3f s", length, float64(e.Media)/float64(max(1, t.Timescale))))
	}
	why := "only video and audio are served"
	switch {
	case refused != nil:
		why = refused.Error()
	case t.Chapters:
		why = "a list of chapters; only video and audio are served"
	case kindOf(t) != 0:
		why = "its edit list presents nothing of it"
	}
	tr.Formats = []CanFormat{{Format: "CMAF", Why: why}, {Format: "TS", Why: why}}
	return tr
}

// fill adds what is known of a track that can be served.
func (r *Report) fill(tr *TrackReport, st *stream) {
	t, tab := st.parts[0].track, st.table
	scale := float64(t.Timescale)
	tr.Codec, tr.Label = t.Codec.String, t.Label
	tr.Start, tr.Duration = float64(tab.start)/scale, float64(tab.end-tab.start)/scale
	r.Duration = max(r.Duration, float64(tab.end)/scale)
	var bytes int64
	tab.each(media.Interval{From: tab.first(), To: tab.last()}, func(s *sample) { bytes += int64(s.Size) })
	if d := tab.last() - tab.first(); d > 0 {
		tr.BitRate = int64(float64(bytes) * 8 * scale / float64(d))
	}
	if v := t.Video; v != nil {
		tr.Width, tr.Height, tr.Range = v.Width, v.Height, v.Range()
		tr.FrameRate = fmt.Sprintf("%d/%d", v.FrameRate.Num, v.FrameRate.Den)
		tr.GOP = gops(st)
	}
	if a := t.Audio; a != nil {
		tr.Rate, tr.Channels = a.SampleRate, a.Channels
	}
	tr.Formats = []CanFormat{{Format: "CMAF", OK: true}, canTS(t)}
	if t.Crypt != nil {
		tr.Encrypted = encrypted(st)
		tr.Formats[0].Why = "as it is, with its own keys; give them to have it encrypted otherwise"
		if tr.Formats[1].OK {
			tr.Formats[1] = CanFormat{Format: "TS", Why: "it is encrypted; give its keys (Input.Keys or Dir.Keys), and it is decrypted when it is read"}
		}
	}
}

// encrypted says how samples of a stream are, and by which keys; of many it names the first few.
func encrypted(st *stream) string {
	const named = 3
	crypts := st.trak.Index.Crypts()
	var ids []string
	for _, c := range crypts {
		if id := drm.KeyID(c.KeyID).String(); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > named {
			break
		}
	}
	text := strings.Join(ids[:min(len(ids), named)], ", ")
	if len(ids) > named {
		text += ", …"
	}
	return fmt.Sprintf("%s, key id %s", crypts[0].Scheme, text)
}

func gops(st *stream) *GOPReport {
	tab := st.table
	sync := tab.syncs(media.Interval{From: tab.first(), To: tab.last()})
	g := &GOPReport{Count: len(sync), Open: st.facts.leading}
	scale := float64(st.parts[0].track.Timescale)
	for i := range sync {
		next := tab.last()
		if i+1 < len(sync) {
			next = sync[i+1]
		}
		d := float64(next-sync[i]) / scale
		g.Longest = max(g.Longest, d)
		if i+1 < len(sync) || i == 0 { // the last may be cut short
			if g.Shortest == 0 || d < g.Shortest {
				g.Shortest = d
			}
		}
	}
	return g
}

// canTS says whether HLS's MPEG-TS has a place for a coding.
func canTS(t *media.Track) CanFormat {
	switch t.Codec.Coding {
	case media.H264, media.HEVC, media.AAC, media.AC3, media.EAC3, media.MP3:
		return CanFormat{Format: "TS", OK: true}
	}
	return CanFormat{Format: "TS", Why: fmt.Sprintf("HLS has no MPEG-TS for %s; play it as CMAF, or add a rendition in H.264 or AAC", t.Codec.Coding)}
}

// Warnings are what will make a presentation of the file worse than it could be at the given segment length (0: 6 s).
func (r *Report) Warnings(segment time.Duration) []string {
	if segment <= 0 {
		segment = DefaultSegment
	}
	var out []string
	for _, t := range r.Tracks {
		switch {
		case t.GOP == nil:
		case t.GOP.Longest > segment.Seconds()*1.5:
			out = append(out, fmt.Sprintf("track %d: sync samples are up to %.1f s apart, and segments will be as long; encode with shorter GOPs", t.ID, t.GOP.Longest))
		case t.GOP.Open:
			out = append(out, fmt.Sprintf("track %d: open GOPs: segments cannot be decoded independently; encode with closed GOPs for clean switching and seeking", t.ID))
		}
	}
	return out
}
