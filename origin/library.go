package origin

import (
	"context"
	"fmt"
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Library finds what is served by its name, "{group}/{name}"; names may contain slashes. It is asked on each request and
// is expected to answer from memory when it can. Open fails with media.ErrNotFound for unknown names. Safe for
// concurrent use.
type Library interface {
	Open(ctx context.Context, name string) (media.Content, error)
}

// Map is a Library of fixed content by full name, "{group}/{name}". Read-only once served.
type Map map[string]media.Content

// Open implements Library.
func (m Map) Open(_ context.Context, name string) (media.Content, error) {
	if c, ok := m[name]; ok && c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("presentation %q: %w", name, media.ErrNotFound)
}

// Groups is a Library of libraries by group: "{group}/{name}" is opened as "{name}" in that of the group. Read-only once
// served.
type Groups map[string]Library

// Open implements Library.
func (g Groups) Open(ctx context.Context, name string) (media.Content, error) {
	group, rest, _ := strings.Cut(name, "/")
	if l, ok := g[group]; ok && l != nil {
		return l.Open(ctx, rest)
	}
	return nil, fmt.Errorf("group %q: %w", group, media.ErrNotFound)
}
