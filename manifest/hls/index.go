package hls

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// indexWriter appends the tags of a multivariant playlist.
type indexWriter struct {
	b      []byte
	links  manifest.Linker
	name   string
	ranges bool // something is not SDR: each variant says what it is
}

func (w *indexWriter) add(text ...string) {
	for _, s := range text {
		w.b = append(w.b, s...)
	}
}

// group writes EXT-X-MEDIA of each member.
func (w *indexWriter) group(g *group) {
	for i := range g.members {
		m := &g.members[i]
		w.add(`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="`, g.id, `",NAME="`, m.name, `"`)
		if m.language != "" {
			w.add(`,LANGUAGE="`, m.language, `"`)
		}
		w.add(",DEFAULT=", yes(m.isDefault), ",AUTOSELECT=", yes(m.auto))
		if m.traits != "" {
			w.add(`,CHARACTERISTICS="`, m.traits, `"`)
		}
		if c := channels(m.stream.track); c != "0" {
			w.add(`,CHANNELS="`, c, `"`)
		}
		if !m.muxed {
			w.add(`,URI="`, w.media(m.stream), `"`)
		}
		w.add("\n")
	}
}

// variant writes EXT-X-STREAM-INF and its URI.
func (w *indexWriter) variant(v *variant) {
	rate := v.rate()
	w.add("#EXT-X-STREAM-INF:BANDWIDTH=", strconv.FormatInt(rate.Peak, 10))
	w.add(",AVERAGE-BANDWIDTH=", strconv.FormatInt(rate.Average, 10))
	w.add(`,CODECS="`, strings.Join(v.codecs(), ","), `"`)
	if len(v.supplemental) > 0 {
		w.add(`,SUPPLEMENTAL-CODECS="`, quotable(strings.Join(v.supplemental, ",")), `"`)
	}
	if v.width > 0 && v.height > 0 {
		w.add(",RESOLUTION=", strconv.Itoa(v.width), "x", strconv.Itoa(v.height))
	}
	if r := frameRate(v.frameRate); r != "" {
		w.add(",FRAME-RATE=", r)
	}
	if w.ranges {
		w.add(",VIDEO-RANGE=", v.videoRange)
	}
	keys := v.keys()
	if level := hdcpLevel(keys); level != "" {
		w.add(",HDCP-LEVEL=", level)
	}
	if cpc := allowedCPC(keys); cpc != "" {
		w.add(`,ALLOWED-CPC="`, cpc, `"`)
	}
	if v.group != nil {
		w.add(`,AUDIO="`, v.group.id, `"`)
	}
	w.add("\n", w.media(v.stream), "\n")
}

func (w *indexWriter) media(s *stream) string {
	return w.links.Link(manifest.Ref{Kind: manifest.Media, Name: w.name, Rendition: s.offer.Rendition})
}

// frameRate is frames per second with three decimals, rounded; empty where it is not known.
func frameRate(r media.Ratio) string {
	if r.Num == 0 || r.Den == 0 {
		return ""
	}
	milli := (uint64(r.Num)*1000 + uint64(r.Den)/2) / uint64(r.Den)
	return fmt.Sprintf("%d.%03d", milli/1000, milli%1000)
}

func yes(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}
