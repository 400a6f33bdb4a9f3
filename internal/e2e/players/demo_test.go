package players

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// demo are the players and the demo's endpoints that are theirs.
func demo(p *harness.Process, t *testing.T) []playing {
	ts, cmaf := p.Find(t, "HLS", "/demo/clip/ts/"), p.Find(t, "HLS", "/demo/clip/cmaf/")
	mpd := p.Find(t, "DASH", "/demo/clip/cmaf/")
	return []playing{
		{Name: "hls.js, HLS TS", Player: "hlsjs", URL: ts},
		{Name: "hls.js, HLS fMP4", Player: "hlsjs", URL: cmaf},
		{Name: "Chromium, HLS TS", Player: "native", URL: ts},
		{Name: "Chromium, HLS fMP4", Player: "native", URL: cmaf},
		{Name: "Shaka Player, HLS TS", Player: "shaka", URL: ts},
		{Name: "Shaka Player, HLS fMP4", Player: "shaka", URL: cmaf},
		{Name: "Shaka Player, DASH", Player: "shaka", URL: mpd},
		{Name: "dash.js, DASH", Player: "dashjs", URL: mpd},
	}
}

// TestDemo plays the start of the demo, switches quality, seeks into the middle and near the end, and plays to the end,
// in each player. TestProofDemo plays all of it.
func TestDemo(t *testing.T) {
	cases := demo(harness.Start(t), t)
	outcomes := play(t, cases)
	again(t, cases, outcomes)
	for _, o := range outcomes {
		t.Run(o.Name, func(t *testing.T) { require.Empty(t, o.faults(false), "%+v", o) })
	}
	if !t.Failed() {
		harness.Golden(t, "docs/players.md", page(outcomes))
	}
}

// again plays once more what did nothing wrong but stand still: so does a busy machine, but hardly twice in one place. What
// is wrong with the media is so each time.
func again(t *testing.T, cases []playing, outcomes []outcome) {
	for i := range outcomes {
		if bad := outcomes[i].faults(false); len(bad) == 1 && strings.HasPrefix(bad[0], "stood still") {
			t.Logf("%s: %s; once more", outcomes[i].Name, bad[0])
			outcomes[i] = play(t, cases[i:i+1])[0]
		}
	}
}

// page is what docs/players.md says: what holds on every machine.
func page(outcomes []outcome) string {
	var b strings.Builder
	b.WriteString(`# Players

Written by the end-to-end test, which fails where this page is not what it finds. Each player plays an endpoint of the
demo in Chromium, starts, switches its quality, seeks into the middle and near the end, and plays to the end. Passed means:
time advanced by playing and never by a jump, what was buffered has no hole, it did not stand still, picture and sound were
both decoded, no answer of 400 or more, no error of the player. "by itself" is a player that offers no choice of quality.
The whole of the demo, at its own speed, is played by ` + "`make proof`" + `, see proof/players.md.

| player, endpoint | result | switched | qualities |
|---|---|---|---|
`)
	for _, o := range outcomes {
		switched := "by itself"
		if o.Switched {
			switched = "yes"
		}
		heights := make([]string, len(o.Heights))
		for i, h := range o.Heights {
			heights[i] = fmt.Sprint(h)
		}
		fmt.Fprintf(&b, "| %s | passed | %s | %s |\n", o.Name, switched, strings.Join(heights, ", "))
	}
	return b.String()
}
