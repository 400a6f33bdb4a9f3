package origin

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Prefix is what the paths of all that a Handler serves begin with.
const Prefix = "/out/v1/"

// maxPath is more than file systems take (PATH_MAX). The reason in an answer quotes the path, so it has to end.
const maxPath = 4096

// target is what a path names.
type target struct {
	presentation string // {group}/{name}
	endpoint     string
	ref          manifest.Ref
}

// path is the inverse of parsePath.
func (t target) path(links manifest.Linker) string {
	return Prefix + t.presentation + "/" + t.endpoint + "/" + links.Link(t.ref)
}

// parsePath reads a decoded path from the right: the last part is a manifest or the last three are a segment, then come
// the endpoint, and at least two parts of presentation. It is total, and refuses all that path does not write.
func parsePath(p string, links manifest.Linker) (target, error) {
	if err := checkText(p); err != nil {
		return target{}, err
	}
	rest, ok := strings.CutPrefix(p, Prefix)
	if !ok || !clean(rest) {
		return target{}, notFound(p)
	}
	for _, n := range []int{1, 3} {
		folder, file, ok := cutParts(rest, n)
		if !ok {
			break
		}
		ref, err := links.Parse(file)
		if err != nil {
			continue
		}
		presentation, endpoint, ok := cutParts(folder, 1)
		if !ok || !strings.Contains(presentation, "/") {
			break
		}
		return target{presentation, endpoint, ref}, nil
	}
	return target{}, notFound(p)
}

// checkText refuses what no name holds: too much, what is not text, backslashes and control characters.
func checkText(p string) error {
	if len(p) > maxPath {
		return fmt.Errorf("path of %d bytes is longer than %d: %w", len(p), maxPath, errRequest)
	}
	if !utf8.ValidString(p) {
		return fmt.Errorf("path is not UTF-8: %w", errRequest)
	}
	for _, c := range p {
		if c < 0x20 || c == 0x7f || c == '\\' {
			return fmt.Errorf("path holds character %U: %w", c, errRequest)
		}
	}
	return nil
}

// clean reports whether none of the path's parts is empty or a dot segment.
func clean(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// cleanEscapes refuses URLs in which a slash, a dot or a backslash is escaped: each thing has one URL, and no proxy takes
// it for another.
func cleanEscapes(u *url.URL) error {
	raw := strings.ToLower(u.RawPath)
	for _, esc := range []string{"%2f", "%2e", "%5c", "%00"} {
		if strings.Contains(raw, esc) {
			return fmt.Errorf("path holds %s: %w", esc, errRequest)
		}
	}
	return nil
}

// cutParts splits p before its last n parts.
func cutParts(p string, n int) (before, last string, ok bool) {
	i := len(p)
	for range n {
		if i = strings.LastIndexByte(p[:i], '/'); i < 0 {
			return "", "", false
		}
	}
	return p[:i], p[i+1:], true
}

func notFound(p string) error { return fmt.Errorf("path %q: %w", p, media.ErrNotFound) }
