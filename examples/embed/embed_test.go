package main_test

import (
	"bytes"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden lists of modules")

// The program, copied into a module of its own, builds and plays with the modules of testdata/modules.txt and no other; those of
// testdata/graph.txt are all that its go.mod comes to know of, tests of ours included.
func TestEmbedElsewhere(t *testing.T) {
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	check(t, err)
	src, err := os.ReadFile("main.go")
	check(t, err)
	addr := freeAddr(t)
	src = bytes.Replace(src, []byte(`":8080"`), []byte(strconv.Quote(addr)), 1)
	check(t, os.WriteFile(filepath.Join(dir, "main.go"), src, 0o600))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	module := "module example.test/embed\n\ngo 1.26.0\n\nrequire github.com/mezzomedia/mezzo v0.0.0\n\n" +
		"replace github.com/mezzomedia/mezzo => " + root + "\n"
	check(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600))
	run := func(args ...string) string {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	bin := filepath.Join(dir, "embed.exe")
	run("build", "-o", bin, ".")
	plays(t, exec.Command(bin, filepath.Join(root, "examples", "origin", "demo")), "http://"+addr+"/out/v1/vod/clip/")
	deps := run("list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
	seen := map[string]bool{}
	var list []string
	for m := range strings.FieldsSeq(deps) {
		if !seen[m] {
			seen[m] = true
			list = append(list, m)
		}
	}
	golden(t, "testdata/modules.txt", strings.Join(list, "\n")+"\n")
	golden(t, "testdata/graph.txt", run("list", "-m", "-f", "{{if not (or .Main .Replace)}}{{.Path}}{{end}}", "all"))
}

// plays starts the program and follows the links from its playlists to a segment.
func plays(t *testing.T, program *exec.Cmd, base string) {
	t.Helper()
	check(t, program.Start())
	defer func() { _ = program.Process.Kill(); _ = program.Wait() }()
	link := regexp.MustCompile(`(?m)^[^#\s].*$`)
	for _, endpoint := range []string{"cmaf/", "ts/"} {
		list := link.FindString(fetch(t, base+endpoint+"index.m3u8"))
		segment := link.FindString(fetch(t, base+endpoint+list))
		if len(fetch(t, base+endpoint+segment)) < 10_000 {
			t.Fatalf("%s is no segment", segment)
		}
	}
}

// fetch waits for the program to listen.
func fetch(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); res, err = http.Get(url) {
		time.Sleep(20 * time.Millisecond)
	}
	check(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(t, err)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", url, res.Status, body)
	}
	return string(body)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	if got != string(want) {
		t.Fatalf("%s:\n%swant:\n%s", file, got, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
