package e2e

import (
	"encoding/xml"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// A piece is consecutive segments under one initialization segment: one Period of a rendition.
type piece struct {
	Init     string // URL; empty: none
	Segments []segment
	Offset   *big.Rat // presentation time on the media's clock minus that of the presentation, seconds; nil: not said
}

// segment is one media segment as a manifest lists it.
type segment struct {
	URL      string
	Start    *big.Rat // on the media's clock, seconds; nil: not said
	Duration *big.Rat // seconds, as printed
}

// listed is a rendition as a manifest offers it.
type listed struct {
	Name   string // of the playlist, or Representation@id
	Kind   string // video, audio
	Codecs string
	Pieces []piece
}

// urls are all that the rendition names, in order.
func (l *listed) urls() (all []string) {
	for _, p := range l.Pieces {
		if p.Init != "" {
			all = append(all, p.Init)
		}
		for _, s := range p.Segments {
			all = append(all, s.URL)
		}
	}
	return all
}

var attribute = regexp.MustCompile(`([A-Z0-9-]+)=("[^"]*"|[^",]*)`)

func attributes(line string) map[string]string {
	_, list, _ := strings.Cut(line, ":")
	m := map[string]string{}
	for _, a := range attribute.FindAllStringSubmatch(list, -1) {
		m[a[1]] = strings.Trim(a[2], `"`)
	}
	return m
}

// readHLS reads a multivariant playlist and the media playlists it names: each variant, then each rendition of a group
// that has a playlist of its own.
func readHLS(t testing.TB, address string) (all []*listed) {
	t.Helper()
	body, _ := harness.Get(t, address)
	lines := strings.Split(string(body), "\n")
	require.Equal(t, "#EXTM3U", lines[0])
	seen := map[string]bool{}
	add := func(uri, kind, codecs string) {
		if u := harness.Resolve(t, address, uri); !seen[u] {
			seen[u] = true
			l := readMediaPlaylist(t, u)
			l.Kind, l.Codecs = kind, codecs
			all = append(all, l)
		}
	}
	for i, line := range lines {
		a := attributes(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-STREAM-INF:"):
			kind := "audio"
			if a["RESOLUTION"] != "" {
				kind = "video"
			}
			add(lines[i+1], kind, a["CODECS"])
		case strings.HasPrefix(line, "#EXT-X-MEDIA:") && a["URI"] != "":
			defer add(a["URI"], strings.ToLower(a["TYPE"]), "")
		}
	}
	return all
}

func readMediaPlaylist(t testing.TB, address string) *listed {
	t.Helper()
	body, _ := harness.Get(t, address)
	l := &listed{Name: address}
	p := piece{}
	var duration *big.Rat
	flush := func() {
		if len(p.Segments) > 0 {
			l.Pieces = append(l.Pieces, p)
		}
		p = piece{Init: p.Init}
	}
	for _, line := range strings.Split(string(body), "\n") {
		switch {
		case strings.HasPrefix(line, "#EXT-X-DISCONTINUITY") && !strings.HasPrefix(line, "#EXT-X-DISCONTINUITY-SEQUENCE"):
			flush()
		case strings.HasPrefix(line, "#EXT-X-MAP:"):
			flush() // if another was in force
			p.Init = harness.Resolve(t, address, attributes(line)["URI"])
		case strings.HasPrefix(line, "#EXTINF:"):
			d, ok := new(big.Rat).SetString(strings.TrimRight(strings.TrimPrefix(line, "#EXTINF:"), ","))
			require.True(t, ok, line)
			duration = d
		case line != "" && !strings.HasPrefix(line, "#"):
			require.NotNil(t, duration, "%s: no EXTINF before %s", address, line)
			p.Segments = append(p.Segments, segment{URL: harness.Resolve(t, address, line), Duration: duration})
			duration = nil
		}
	}
	flush()
	require.Contains(t, string(body), "#EXT-X-ENDLIST")
	return l
}

type template struct {
	Timescale      int64  `xml:"timescale,attr"`
	Offset         int64  `xml:"presentationTimeOffset,attr"`
	Initialization string `xml:"initialization,attr"`
	Media          string `xml:"media,attr"`
	StartNumber    int64  `xml:"startNumber,attr"`
	Timeline       []struct {
		T *int64 `xml:"t,attr"`
		D int64  `xml:"d,attr"`
		R int64  `xml:"r,attr"`
	} `xml:"SegmentTimeline>S"`
}

type mpdDoc struct {
	Duration string `xml:"mediaPresentationDuration,attr"`
	Periods  []struct {
		ID    string `xml:"id,attr"`
		Start string `xml:"start,attr"`
		Sets  []struct {
			ContentType string    `xml:"contentType,attr"`
			MIME        string    `xml:"mimeType,attr"`
			Lang        string    `xml:"lang,attr"`
			Template    *template `xml:"SegmentTemplate"`
			Reps        []struct {
				ID        string    `xml:"id,attr"`
				Codecs    string    `xml:"codecs,attr"`
				MIME      string    `xml:"mimeType,attr"`
				Bandwidth int64     `xml:"bandwidth,attr"`
				Template  *template `xml:"SegmentTemplate"`
			} `xml:"Representation"`
		} `xml:"AdaptationSet"`
	} `xml:"Period"`
}

// readMPD reads an MPD: its Representations, each joined over the Periods.
func readMPD(t testing.TB, address string) (all []*listed) {
	t.Helper()
	body, _ := harness.Get(t, address)
	var m mpdDoc
	require.NoError(t, xml.Unmarshal(body, &m))
	byID := map[string]*listed{}
	for _, p := range m.Periods {
		start := xmlDuration(t, p.Start)
		for _, set := range p.Sets {
			for _, rep := range set.Reps {
				tpl := rep.Template
				if tpl == nil {
					tpl = set.Template
				}
				require.NotNil(t, tpl, "Representation %s has no SegmentTemplate", rep.ID)
				l := byID[rep.ID]
				if l == nil {
					kind := set.ContentType
					if kind == "" {
						kind, _, _ = strings.Cut(set.MIME+rep.MIME, "/")
					}
					l = &listed{Name: rep.ID, Kind: kind, Codecs: rep.Codecs}
					byID[rep.ID] = l
					all = append(all, l)
				}
				l.Pieces = append(l.Pieces, tpl.expand(t, address, rep.ID, start))
			}
		}
	}
	return all
}

func (tpl *template) expand(t testing.TB, base, id string, periodStart *big.Rat) piece {
	t.Helper()
	scale := max(1, tpl.Timescale)
	offset := new(big.Rat).Sub(big.NewRat(tpl.Offset, scale), periodStart)
	link := func(s string, number, time int64) string {
		return harness.Resolve(t, base, strings.NewReplacer("$RepresentationID$", id, "$Number$", strconv.FormatInt(number, 10),
			"$Time$", strconv.FormatInt(time, 10)).Replace(s))
	}
	p := piece{Init: link(tpl.Initialization, 0, 0), Offset: offset}
	number, now := tpl.StartNumber, int64(0)
	require.NotEmpty(t, tpl.Timeline, "Representation %s has no SegmentTimeline", id)
	for _, s := range tpl.Timeline {
		if s.T != nil {
			now = *s.T
		}
		for range s.R + 1 {
			p.Segments = append(p.Segments, segment{URL: link(tpl.Media, number, now), Start: big.NewRat(now, scale),
				Duration: big.NewRat(s.D, scale)})
			number, now = number+1, now+s.D
		}
	}
	return p
}

var isoDuration = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$`)

// xmlDuration reads PT1H2M3.4S; empty is zero.
func xmlDuration(t testing.TB, s string) *big.Rat {
	t.Helper()
	sum := new(big.Rat)
	if s == "" {
		return sum
	}
	m := isoDuration.FindStringSubmatch(s)
	require.NotNil(t, m, "duration %q", s)
	for i, unit := range []int64{3600, 60, 1} {
		if m[i+1] != "" {
			v, ok := new(big.Rat).SetString(m[i+1])
			require.True(t, ok, s)
			sum.Add(sum, v.Mul(v, big.NewRat(unit, 1)))
		}
	}
	return sum
}

func (p piece) String() string { return fmt.Sprintf("%s and %d segments", p.Init, len(p.Segments)) }
