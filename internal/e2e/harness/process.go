package harness

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Process is examples/origin, running.
type Process struct {
	URLs []Playable // as it prints them
	cmd  *exec.Cmd
}

// Playable is a line that examples/origin prints: HLS or DASH, and a URL.
type Playable struct{ Kind, URL string }

// Find returns the URL of a kind that contains part; the test fails if there is none.
func (p *Process) Find(t testing.TB, kind, part string) string {
	t.Helper()
	for _, u := range p.URLs {
		if u.Kind == kind && strings.Contains(u.URL, part) {
			return u.URL
		}
	}
	require.Failf(t, "no such URL", "%s with %s among %v", kind, part, p.URLs)
	return ""
}

var buildOrigin = sync.OnceValues(func() (string, error) {
	out := filepath.Join(Root(), ".cache", "bin", "origin")
	cmd := exec.Command("go", "build", "-o", out, "./examples/origin")
	cmd.Dir = Root()
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", &RunError{"go build ./examples/origin", string(text), err}
	}
	return out, nil
})

// Start runs examples/origin on a free port until the test ends, and waits until it is ready.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	bin, err := buildOrigin()
	require.NoError(t, err)
	p := &Process{cmd: exec.Command(bin, append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = os.Stderr
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	ready := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			f := strings.Fields(lines.Text())
			if len(f) == 1 && f[0] == "ready" {
				ready <- true
				continue
			}
			if len(f) >= 2 && strings.Contains(f[len(f)-1], "://") {
				p.URLs = append(p.URLs, Playable{f[0], f[len(f)-1]})
			}
		}
		close(ready)
	}()
	select {
	case ok := <-ready:
		require.True(t, ok, "examples/origin ended before it was ready")
	case <-time.After(30 * time.Second):
		require.Fail(t, "examples/origin is not ready")
	}
	return p
}

// Stop sends SIGTERM and returns how the process ended.
func (p *Process) Stop(t testing.TB) error {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.cmd.Wait()
}
