package mezzo_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/mezzomedia/mezzo/"

// layers says which packages of the module each package may import, besides internal/{bits,nal,codec,bmff,mpegts}
// where internal is true. A package that is not listed fails the test: decide where it belongs.
var layers = map[string]struct {
	own      []string
	internal bool
	http     bool
}{
	"packager/media":           {},
	"packager/media/mediatest": {own: []string{"packager/media"}},
	"drm":                      {own: []string{"packager/media"}},
	"drm/speke":                {own: []string{"drm", "packager/media"}, internal: true, http: true},
	"drm/speketest":            {own: []string{"drm", "packager/media"}, internal: true, http: true},
	"packager":                 {own: []string{"packager/media", "drm"}},
	"packager/vod":             {own: []string{"packager/media", "packager", "drm"}, internal: true, http: true},
	"packager/cmaf":            {own: []string{"packager/media", "packager", "drm"}, internal: true},
	"packager/ts":              {own: []string{"packager/media", "packager", "drm"}, internal: true},
	"packager/packed":          {own: []string{"packager/media", "packager", "drm"}, internal: true},
	"manifest":                 {own: []string{"packager/media", "drm"}},
	"manifest/hls":             {own: []string{"packager/media", "manifest", "drm"}},
	"manifest/dash":            {own: []string{"packager/media", "manifest", "drm"}},
	"origin": {own: []string{"packager/media", "drm", "packager", "packager/vod", "packager/cmaf", "packager/ts",
		"packager/packed", "manifest", "manifest/hls", "manifest/dash"}, http: true},
	"internal/timelines":               {own: []string{"packager/media", "manifest", "drm"}},
	"internal/bits":                    {},
	"internal/nal":                     {own: []string{"packager/media"}, internal: true},
	"internal/codec":                   {own: []string{"packager/media"}, internal: true},
	"internal/bmff":                    {own: []string{"packager/media"}, internal: true},
	"internal/mpegts":                  {own: []string{"packager/media"}, internal: true},
	"internal/language":                {},
	"internal/aesblocks":               {},
	"internal/cenc":                    {own: []string{"packager/media", "drm"}, internal: true},
	"internal/sampleaes":               {own: []string{"packager/media", "drm"}, internal: true},
	"internal/sampleaes/sampleaestest": {},
	"internal/cpix":                    {own: []string{"packager/media", "drm"}, internal: true},
	"internal/sigv4":                   {http: true},
	"internal/digest":                  {http: true},
	"internal/bmff/bmfftest":           {own: []string{"packager/media"}, internal: true},
	"internal/docs":                    {},
	"bench":                            {},
}

// Libraries and where they may be imported, tests aside: behind one package each, so that none of their types is in
// the API.
var libraries = map[string][]string{
	"github.com/Eyevinn/mp4ff":       {"internal/bmff", "internal/codec", "internal/nal", "packager/cmaf"},
	"github.com/abema/go-mp4":        {"internal/bmff"},
	"github.com/grafov/m3u8":         {},
	"github.com/zencoder/go-dash/v3": {"manifest/dash"},
	"github.com/stretchr/testify":    {"packager/media/mediatest"},
	"golang.org/x/sync":              {"packager/vod", "origin"},
	"golang.org/x/sys":               {"packager/vod", "origin"},
}

func TestImports(t *testing.T) {
	for dir, files := range packages(t) {
		layer, ok := layers[dir]
		if dir == "." {
			continue
		}
		require.True(t, ok, "package %s is not in the table of layers", dir)
		for file, imports := range files {
			test := strings.HasSuffix(file, "_test.go")
			for _, imp := range imports {
				switch own, isOwn := strings.CutPrefix(imp, module); {
				case isOwn && test:
				case isOwn:
					ok := slices.Contains(layer.own, own) || layer.internal && strings.HasPrefix(own, "internal/")
					require.True(t, ok, "%s imports %s", file, own)
				case imp == "net/http":
					require.True(t, layer.http || test, "%s imports net/http", file)
				case strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && !test:
					ok := false
					for lib, where := range libraries {
						if imp == lib || strings.HasPrefix(imp, lib+"/") {
							ok = slices.Contains(where, dir)
						}
					}
					require.True(t, ok, "%s imports %s", file, imp)
				}
			}
		}
	}
}

// The top level is fixed: no other Go package stands there.
func TestTopLevel(t *testing.T) {
	allowed := []string{"packager", "manifest", "drm", "harvest", "origin", "examples", "internal", "bench", "docs"}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			require.Contains(t, allowed, e.Name())
		}
	}
}

// packages maps each package folder of this module to its files and their imports.
func packages(t *testing.T) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			_, nested := os.Stat(path.Join(name, "go.mod"))
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || nested == nil) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if out[dir] == nil {
			out[dir] = map[string][]string{}
		}
		out[dir][name] = []string{}
		for _, imp := range f.Imports {
			p, _ := strconv.Unquote(imp.Path.Value)
			out[dir][name] = append(out[dir][name], p)
		}
		return nil
	})
	require.NoError(t, err)
	return out
}
