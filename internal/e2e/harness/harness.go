// Package harness is what the end-to-end tests share: where media lie, a cache for what is slow to make, and programs.
package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files and generated pages")

// Update says whether golden files are to be written rather than compared.
func Update() bool { return *update }

// Root is the top folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// Corpus is the folder of third-party media: MEZZO_CORPUS, or shared/media beside the repository; empty where there is
// none. Tests then do without: each has generated media of its own kind.
func Corpus(testing.TB) string {
	dir := os.Getenv("MEZZO_CORPUS")
	if dir == "" {
		dir = filepath.Join(Root(), "..", "shared", "media")
	}
	if _, err := os.Stat(filepath.Join(dir, "INDEX.md")); err != nil {
		return ""
	}
	return dir
}

// Media is the folder of generated media; it makes them if need be.
func Media(t testing.TB) string {
	t.Helper()
	out := Run(t, filepath.Join(Root(), "internal", "e2e", "testmedia", "generate.sh"), "--cached")
	return strings.TrimSpace(string(out))
}

// Measure runs measure.sh and returns its lines.
func Measure(t testing.TB, args ...string) []string {
	t.Helper()
	out := Run(t, filepath.Join(Root(), "internal", "e2e", "testmedia", "measure.sh"), args...)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// Run runs a program and returns its standard output; the test fails with its standard error if it fails.
func Run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	out, err := Try(name, args...)
	require.NoError(t, err)
	return out
}

// Try is Run that returns the error, which holds the last of standard error.
func Try(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		if len(text) > 2000 {
			text = "… " + text[len(text)-2000:]
		}
		return stdout.Bytes(), &RunError{name + " " + strings.Join(args, " "), text, err}
	}
	return stdout.Bytes(), nil
}

// RunError is a program that failed, and what it said.
type RunError struct {
	Command, Output string
	Err             error
}

func (e *RunError) Error() string { return e.Command + ": " + e.Err.Error() + "\n" + e.Output }
func (e *RunError) Unwrap() error { return e.Err }

var ffmpeg = sync.OnceValue(func() string {
	out, err := exec.Command("ffmpeg", "-version").Output()
	if err != nil {
		return "none"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
})

// FFmpeg is the first line of ffmpeg -version.
func FFmpeg() string { return ffmpeg() }

// Cached returns what make returns, kept in .cache under the key and the version of ffmpeg: for results of ffmpeg that
// depend on nothing else.
func Cached(t testing.TB, key string, make func() ([]byte, error)) ([]byte, error) {
	t.Helper()
	sum := sha256.Sum256([]byte(ffmpeg() + "\x00" + key))
	path := filepath.Join(Root(), ".cache", "e2e", hex.EncodeToString(sum[:16]))
	if data, err := os.ReadFile(path); err == nil {
		return data, nil
	}
	data, err := make()
	if err != nil {
		return nil, err
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	tmp, err := os.CreateTemp(filepath.Dir(path), "part")
	require.NoError(t, err)
	_, err = tmp.Write(data)
	require.NoError(t, err)
	require.NoError(t, tmp.Close())
	require.NoError(t, os.Rename(tmp.Name(), path))
	return data, nil
}

// HashFiles is a key for Cached: the content of files.
func HashFiles(t testing.TB, paths ...string) string {
	t.Helper()
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		require.NoError(t, err)
		_, err = io.Copy(h, f)
		f.Close()
		require.NoError(t, err)
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Golden compares text with a file below the repository, or writes it with -update.
func Golden(t testing.TB, path, text string) {
	t.Helper()
	path = filepath.Join(Root(), path)
	if Update() {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "run with -update and review the difference")
}

// HashLock names the set of players: the hash of their package-lock.json, as install.sh has it.
func HashLock(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Root(), "internal", "e2e", "players", "package-lock.json"))
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
