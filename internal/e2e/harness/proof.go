package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proof says whether the long forms of tests are to run: make proof sets PROOF=1.
func Proof() bool { return os.Getenv("PROOF") != "" }

// WriteProof leaves what a long test found in docs/proof, with what it takes to do it again.
func WriteProof(t testing.TB, name, title, command, body string) {
	t.Helper()
	commit := "unknown"
	if out, err := exec.Command("git", "-C", Root(), "describe", "--always", "--dirty").Output(); err == nil {
		commit = strings.TrimSpace(string(out))
	}
	text := fmt.Sprintf("# %s\n\n- command: `%s`\n- date: %s\n- commit: %s\n- machine: %s/%s, %d CPUs, %s, %s\n\n%s", title, command,
		time.Now().UTC().Format("2006-01-02 15:04 MST"), commit, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpu(), runtime.Version(), body)
	dir := filepath.Join(Root(), "docs", "proof")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".md"), []byte(text), 0o644))
}

func cpu() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for _, line := range strings.Split(string(data), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return "unknown CPU"
}
