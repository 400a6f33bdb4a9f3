package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sources calls f for each Go file of the product that is no test.
func sources(t *testing.T, f func(name string, file *ast.File)) {
	t.Helper()
	n := 0
	require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err == nil {
			n++
			f(name, file)
		}
		return err
	}))
	require.Greater(t, n, 100)
}

// 64-bit counters are of Go's own types, which are aligned on every machine: atomic.Int64, not atomic.AddInt64 of a field.
// All is built and vetted for arm64 too.
func TestM13AtomicTypes(t *testing.T) {
	sources(t, func(name string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "atomic" {
				for _, verb := range []string{"Add", "Load", "Store", "Swap", "CompareAndSwap", "And", "Or"} {
					require.False(t, strings.HasPrefix(sel.Sel.Name, verb), "%s: atomic.%s", name, sel.Sel.Name)
				}
			}
			return true
		})
	})
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for _, target := range []string{"linux/arm64", "darwin/arm64", "windows/arm64"} {
		require.Contains(t, string(makefile), target)
	}
}
