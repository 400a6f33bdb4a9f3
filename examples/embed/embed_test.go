package main_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden list of modules")

// The program, copied into a module of its own, builds, and inherits the modules of testdata/modules.txt and no other.
func TestEmbedElsewhere(t *testing.T) {
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	check(t, err)
	src, err := os.ReadFile("main.go")
	check(t, err)
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
	run("build", "-o", filepath.Join(dir, "embed"), ".")
	deps := run("list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", ".")
	seen := map[string]bool{}
	var list []string
	for m := range strings.FieldsSeq(deps) {
		if !seen[m] {
			seen[m] = true
			list = append(list, m)
		}
	}
	got := strings.Join(list, "\n") + "\n"
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile("testdata/modules.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/modules.txt")
	check(t, err)
	if got != string(want) {
		t.Fatalf("modules compiled in:\n%swant:\n%s", got, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
