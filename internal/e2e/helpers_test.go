package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// corpus is the folder of third-party media, or empty where there is none: tests then use generated media only.
func corpus(t testing.TB) string { return harness.Corpus(t) }

// link puts a file into a folder that is to be served, without copying it where the system can.
func link(t testing.TB, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
}
