package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// With asProgram in its environment the test's binary is the program.
const asProgram = "ORIGIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is the program, running.
type program struct {
	*exec.Cmd
	lines  []string // before ready
	stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	for in := bufio.NewScanner(out); in.Scan(); {
		if in.Text() == "ready" {
			return p
		}
		p.lines = append(p.lines, in.Text())
	}
	require.Fail(t, "the program ended before it was ready", p.stderr.String())
	return nil
}

func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	require.NoError(t, err, url)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err, url)
	return res, string(body)
}

// Every line that is printed is a URL that can be played.
func TestPrintedURLs(t *testing.T) {
	dir := t.TempDir()
	clip, err := os.ReadFile("demo/clip/426x240.mp4")
	require.NoError(t, err)
	for _, name := range []string{"a b#?&+%41%.mp4", "ü 例.mp4", `q'<img src=x onerror=alert(1)>.mp4`, "folder/cmaf/one.mp4"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), clip, 0o600))
	}
	p := start(t, "-vod", dir, "-segment", "4s")
	require.Len(t, p.lines, 11*5)
	for _, line := range p.lines {
		kind, link, _ := strings.Cut(line, " ")
		res, body := fetch(t, strings.TrimSpace(link))
		require.Equal(t, 200, res.StatusCode, line)
		switch kind {
		case "HLS":
			require.Regexp(t, `^#EXTM3U\n`, body)
		case "DASH":
			require.Contains(t, body, "<MPD")
		default:
			require.Fail(t, "unknown kind", line)
		}
	}
	u, err := url.Parse(strings.Fields(p.lines[0])[1])
	require.NoError(t, err)
	root := "http://" + u.Host
	_, body := fetch(t, root+"/catalog.json")
	var list listing
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Equal(t, 5, list.Total)
	for _, a := range list.Assets {
		for _, play := range a.Plays {
			res, _ := fetch(t, root+play.URL)
			require.Equal(t, 200, res.StatusCode, play.URL)
		}
	}
}

// The page and all that it names come from the program itself.
func TestConsole(t *testing.T) {
	c, err := newCatalog("", 6*time.Second)
	require.NoError(t, err)
	srv := httptest.NewServer(newConsole(c))
	defer srv.Close()
	seen := map[string]bool{}
	named := regexp.MustCompile(`(?:src|href|poster|from|fetch)[=( ]+["'` + "`" + `]([^"'` + "`" + `?]+)`)
	var visit func(name string)
	visit = func(name string) {
		if name = strings.TrimPrefix(name, "./"); seen[name] || strings.HasPrefix(name, "data:") {
			return
		}
		seen[name] = true
		require.NotContains(t, name, "//", "nothing from elsewhere")
		res, body := fetch(t, srv.URL+"/"+name)
		require.Equal(t, 200, res.StatusCode, name)
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'self'")
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/") {
			for _, m := range named.FindAllStringSubmatch(body, -1) {
				visit(m[1])
			}
		}
	}
	visit("")
	for _, name := range []string{"style.css", "console.js", "player.js", "keys.js", "mpd.js", "poster.jpg", "catalog.json"} {
		require.True(t, seen[name], "%s of %v", name, seen)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		res, body := fetch(t, srv.URL+path)
		require.Equal(t, 200, res.StatusCode)
		require.Equal(t, "ok\n", body)
	}
	res, _ := fetch(t, srv.URL+"/none")
	require.Equal(t, 404, res.StatusCode)
}

// A folder of a thousand files is listed in part, and searched.
func TestManyAssets(t *testing.T) {
	dir := t.TempDir()
	for i := range 1000 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("Film %04d.mp4", i)), nil, 0o600))
	}
	c, err := newCatalog(dir, 6*time.Second)
	require.NoError(t, err)
	con := newConsole(c)
	ask := func(q string) (list listing) {
		w := httptest.NewRecorder()
		con.ServeHTTP(w, httptest.NewRequest("GET", "/catalog.json?q="+url.QueryEscape(q), nil))
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
		return list
	}
	all := ask("")
	require.Equal(t, 1001, all.Total)
	require.Len(t, all.Assets, most)
	found := ask("film 0777")
	require.Equal(t, 1, found.Total)
	require.Equal(t, "vod/Film 0777", found.Assets[0].Name)
	require.Equal(t, "/out/v1/vod/Film%200777/cmaf/index.m3u8", found.Assets[0].Plays[0].URL)
	require.Zero(t, ask("none such").Total)
}

func TestReady(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	require.NoError(t, os.Mkdir(dir, 0o700))
	c, err := newCatalog(dir, 6*time.Second)
	require.NoError(t, err)
	require.NoError(t, c.check())
	require.NoError(t, os.Remove(dir))
	w := httptest.NewRecorder()
	newConsole(c).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"film.mp4"}, {"-segment", "0s"}, {"-segment", "-1s"}, {"-vod", "main.go"}, {"-vod", "none"}, {"-addr", "nowhere:x"}, {"-none"}} {
		require.Error(t, run(context.Background(), args), "%v", args)
	}
}

// Requests that do not end are cut off, and that is a good end.
func TestShutdownCutsOff(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	begun := make(chan bool)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { begun <- true; <-r.Context().Done() })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-begun
	require.NoError(t, shutdown(server, 50*time.Millisecond))
	require.ErrorIs(t, <-served, http.ErrServerClosed)
}
