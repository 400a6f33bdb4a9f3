package e2e

import (
	"testing"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// corpus is the folder of third-party media, or empty where there is none: tests then use generated media only.
func corpus(t testing.TB) string { return harness.Corpus(t) }
