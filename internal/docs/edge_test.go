// Package docs holds the tests that keep the pages under docs true.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// letters are the groups of docs/edge-cases.md and how many cases each has.
var letters = []struct {
	letter string
	cases  int
}{{"A", 37}, {"B", 29}, {"D", 22}, {"E", 31}, {"F", 26}, {"G", 18}, {"I", 19}, {"M", 14}}

var (
	row      = regexp.MustCompile(`^\| ([A-Z]\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	testName = regexp.MustCompile("`((?:Test|Benchmark)[A-Za-z0-9_]+)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)[A-Za-z0-9_]+)\(`)
)

// Each edge case names a test that exists, or the property that makes it impossible here.
func TestEdgeCases(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "edge-cases.md"))
	require.NoError(t, err)
	tests := testNames(t)
	seen := map[string]bool{}
	for _, line := range strings.Split(string(page), "\n") {
		m := row.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		id, held := m[1], m[4]
		require.False(t, seen[id], "%s stands twice", id)
		seen[id] = true
		names := testName.FindAllStringSubmatch(held, -1)
		if len(names) == 0 {
			require.Contains(t, held, "impossible: ", "%s names neither a test nor a property", id)
			require.NotContains(t, strings.ToLower(held), "not supported", id)
		}
		for _, n := range names {
			require.True(t, tests[n[1]], "%s names %s, and there is no such test", id, n[1])
		}
	}
	for _, l := range letters {
		for n := 1; n <= l.cases; n++ {
			id := fmt.Sprintf("%s%d", l.letter, n)
			require.True(t, seen[id], "%s is missing", id)
		}
	}
}

func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(name)
		for _, m := range testFunc.FindAllSubmatch(src, -1) {
			names[string(m[1])] = true
		}
		return err
	}))
	return names
}
