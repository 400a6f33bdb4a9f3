package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// catalog is what is served: folders of assets by group.
type catalog struct {
	handler *origin.Handler
	keys    *drm.Master
	groups  map[string]*vod.Dir
}

// newCatalog holds the demo, and the folder if there is one.
func newCatalog(folder string, segment time.Duration) (*catalog, error) {
	c := &catalog{groups: map[string]*vod.Dir{"demo": {FS: demoFS()}}}
	if folder != "" {
		if st, err := os.Stat(folder); err != nil {
			return nil, err
		} else if !st.IsDir() {
			return nil, fmt.Errorf("-vod %s is not a directory", folder)
		}
		c.groups["vod"] = &vod.Dir{FS: os.DirFS(folder)}
	}
	library := origin.Groups{}
	for group, dir := range c.groups {
		library[group] = dir
	}
	c.keys = developmentKeys()
	endpoints := append(origin.DefaultEndpoints(), origin.ProtectedEndpoints()...)
	for i := range endpoints {
		endpoints[i].Plan.Segment = segment
	}
	c.handler = &origin.Handler{Library: library, Endpoints: endpoints, Keys: c.keys}
	return c, c.handler.Validate()
}

// developmentKeys protect nothing: their secret is here for everybody to read, and /drm/clearkey hands them out. They are
// the same each time, so that what a browser or a CDN has kept goes on to play.
func developmentKeys() *drm.Master {
	return &drm.Master{
		Secret:  drm.NewMaterial([]byte("mezzo development key: everybody knows it")),
		Signals: drm.Signaller{KeyURL: "/drm/clearkey?kid={kid}"},
	}
}

// names are the presentations, sorted: the demo first.
func (c *catalog) names(ctx context.Context) ([]string, error) {
	groups := []string{}
	for g := range c.groups {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	var names []string
	for _, g := range groups {
		assets, err := c.groups[g].List(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", g, err)
		}
		for _, a := range assets {
			names = append(names, g+"/"+a)
		}
	}
	return names, nil
}

// check finds a folder that cannot be read.
func (c *catalog) check() error {
	for group, dir := range c.groups {
		if _, err := fs.Stat(dir.FS, "."); err != nil {
			return fmt.Errorf("%s: %w", group, err)
		}
	}
	return nil
}

// print writes each URL that a player can be given, on its own line.
func (c *catalog) print(ctx context.Context, w io.Writer, base *url.URL) error {
	names, err := c.names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, p := range c.handler.Playables(name) {
			u := *base
			u.Path = p.Path
			fmt.Fprintf(w, "%-5s%s\n", p.Format, &u)
		}
	}
	return nil
}

// baseURL is how this machine reaches the listener.
func baseURL(addr net.Addr) *url.URL {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}
