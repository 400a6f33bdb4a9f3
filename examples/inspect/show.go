package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mezzomedia/mezzo/packager/vod"
)

// show prints a report as aligned text.
func show(w io.Writer, r *vod.Report, segment time.Duration) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	shape := "progressive"
	if r.Fragmented {
		shape = "fragmented"
	}
	fmt.Fprintf(tw, "%s\n", r.Name)
	fmt.Fprintf(tw, "  file\t%s, %d bytes, brands %s\n", shape, r.Size, orNone(strings.Join(r.Brands, " ")))
	fmt.Fprintf(tw, "  presents\t%.3f s, tables take %d bytes of memory\n", r.Duration, r.IndexBytes)
	for i := range r.Tracks {
		showTrack(tw, &r.Tracks[i])
	}
	for _, n := range r.Notes {
		fmt.Fprintf(tw, "  note\t%s\n", n)
	}
	for _, n := range r.Warnings(segment) {
		fmt.Fprintf(tw, "  warning\t%s\n", n)
	}
	if r.Error != "" {
		fmt.Fprintf(tw, "  refused\t%s\n", strings.ReplaceAll(r.Error, "\n", "; "))
	}
	return tw.Flush()
}

func showTrack(w io.Writer, t *vod.TrackReport) {
	line := []string{t.Kind, t.Codec}
	if t.Width > 0 {
		line = append(line, fmt.Sprintf("%dx%d", t.Width, t.Height), t.FrameRate+" fps", t.Range)
	}
	if t.Rate > 0 {
		line = append(line, fmt.Sprintf("%d Hz, %d channels", t.Rate, t.Channels))
	}
	if t.BitRate > 0 {
		line = append(line, fmt.Sprintf("%d kbit/s", (t.BitRate+500)/1000))
	}
	fmt.Fprintf(w, "  track %d\t%s\n", t.ID, strings.Join(strings.Fields(strings.Join(line, " ")), " "))
	fmt.Fprintf(w, "    named\t%s, language %s\n", orNone(t.Label), orNone(t.Language))
	fmt.Fprintf(w, "    time\t%.3f s to %.3f s, %d samples, timescale %d\n", t.Start, t.Start+t.Duration, t.Samples, t.Timescale)
	if len(t.Edits) > 0 {
		fmt.Fprintf(w, "    edits\t%s\n", strings.Join(t.Edits, ", then "))
	}
	if g := t.GOP; g != nil {
		kind := "closed"
		if g.Open {
			kind = "open"
		}
		fmt.Fprintf(w, "    GOPs\t%d, %s, %.3f s to %.3f s\n", g.Count, kind, g.Shortest, g.Longest)
	}
	if t.Encrypted != "" {
		fmt.Fprintf(w, "    cipher\t%s\n", t.Encrypted)
	}
	for _, f := range t.Formats {
		verdict := "no"
		if f.OK {
			verdict = "yes"
		}
		if f.Why != "" {
			verdict += ": " + f.Why
		}
		fmt.Fprintf(w, "    %s\t%s\n", f.Format, verdict)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
