package players

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// TestProofDemo plays the whole demo at its own speed in each player. Only make proof runs it whole; TestDemo is its
// short form.
func TestProofDemo(t *testing.T) {
	if !harness.Proof() {
		return
	}
	cases := demo(harness.Start(t), t)
	for i := range cases {
		cases[i].Whole, cases[i].Limit = true, 300
	}
	var b strings.Builder
	b.WriteString("| player, endpoint | seconds played | frames | dropped | audio bytes | jumps | stood still, s | requests | faults |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, o := range play(t, cases) {
		faults := o.faults(true)
		assert.Empty(t, faults, o.Name)
		s := o.Last
		if s == nil {
			s = &state{}
		}
		fmt.Fprintf(&b, "| %s | %.2f of %.2f | %d | %d | %d | %d | %.2f | %d | %s |\n", o.Name, s.Played, o.Duration, s.Frames, s.Dropped,
			s.Audio, s.Jumps, s.Stalled, o.Requests, strings.Join(faults, "; "))
	}
	harness.WriteProof(t, "players", "The demo in every player, from start to end", "make proof", b.String())
}
