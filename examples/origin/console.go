package main

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/mezzomedia/mezzo/origin"
)

//go:embed console
var files embed.FS

// console answers everything: media below /out/, health, and the page at /.
type console struct {
	catalog *catalog
	pages   http.Handler
}

func newConsole(c *catalog) http.Handler {
	sub, err := fs.Sub(files, "console")
	if err != nil {
		panic(err) // the name is a constant
	}
	pages := http.NewServeMux()
	con := &console{catalog: c, pages: pages}
	pages.Handle("GET /", http.FileServerFS(sub))
	pages.HandleFunc("GET /poster.jpg", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, demoFS(), "poster.jpg")
	})
	pages.HandleFunc("GET /catalog.json", con.list)
	pages.HandleFunc("GET /healthz", ok)
	pages.HandleFunc("GET /readyz", con.ready)
	return con
}

// ServeHTTP keeps media away from the mux, which redirects paths that are not clean.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/out/") {
		c.catalog.handler.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/drm/clearkey" {
		origin.ClearKey{Keys: c.catalog.keys}.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'self'; media-src 'self' blob:; img-src 'self' data:")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	c.pages.ServeHTTP(w, r)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }

// ready is ok while the folders can be read.
func (c *console) ready(w http.ResponseWriter, _ *http.Request) {
	if err := c.catalog.check(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	ok(w, nil)
}

// most is how many assets the page shows at a time; the rest is found by its name.
const most = 100

// listing is what the page shows: the first assets whose names hold the query q, and how many there are.
type listing struct {
	Total  int      `json:"total"`
	Assets []listed `json:"assets"`
}

type listed struct {
	Name  string `json:"name"`
	Plays []play `json:"plays"`
}

type play struct {
	Format   string `json:"format"`
	Endpoint string `json:"endpoint"`
	URL      string `json:"url"` // path, escaped
}

func (c *console) list(w http.ResponseWriter, r *http.Request) {
	names, err := c.catalog.names(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	q := strings.ToLower(r.FormValue("q"))
	list := listing{Assets: []listed{}}
	for _, name := range names {
		if !strings.Contains(strings.ToLower(name), q) {
			continue
		}
		if list.Total++; list.Total > most {
			continue
		}
		l := listed{Name: name}
		for _, p := range c.catalog.handler.Playables(name) {
			l.Plays = append(l.Plays, play{string(p.Format), p.Endpoint, (&url.URL{Path: p.Path}).EscapedPath()})
		}
		list.Assets = append(list.Assets, l)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}
