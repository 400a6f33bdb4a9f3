package e2e

import (
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// subject is one MP4 that the truth table measures.
type subject struct {
	Name string // as the table shows it
	Path string
}

var mp4Extensions = []string{".mp4", ".mov", ".m4a", ".m4v", ".m4s", ".cmfv", ".cmfa", ".ismv", ".isma"}

// generatedSubjects are the MP4s of the generated media.
func generatedSubjects(t testing.TB) []subject { return find(t, harness.Media(t), "generated/") }

// corpusSubjects are the MP4s of the corpus, and its initialization segments joined with their media segments.
func corpusSubjects(t testing.TB) []subject {
	dir := corpus(t)
	if dir == "" {
		return nil
	}
	return find(t, dir, "")
}

func find(t testing.TB, root, prefix string) (all []subject) {
	inits, segments := map[string][]string{}, map[string][]string{} // by folder
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains(mp4Extensions, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		moov, mdat := boxes(t, path)
		switch dir := filepath.Dir(path); {
		case moov && mdat:
			rel, err := filepath.Rel(root, path)
			require.NoError(t, err)
			all = append(all, subject{prefix + filepath.ToSlash(rel), path})
		case moov:
			inits[dir] = append(inits[dir], path)
		case mdat:
			segments[dir] = append(segments[dir], path)
		}
		return nil
	}))
	tmp := t.TempDir()
	for dir, list := range inits {
		for i, init := range list {
			if parts := segmentsOf(init, list, segments[dir]); len(parts) > 0 {
				rel, err := filepath.Rel(root, init)
				require.NoError(t, err)
				name := filepath.ToSlash(rel)
				all = append(all, subject{prefix + name + " + segments", join(t, tmp, name, i, append([]string{init}, parts...))})
			}
		}
	}
	slices.SortFunc(all, func(a, b subject) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// boxes says which of moov and mdat are at the top level of a file.
func boxes(t testing.TB, path string) (moov, mdat bool) {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for off := int64(0); ; {
		var head [16]byte
		if n, _ := f.ReadAt(head[:], off); n < 8 {
			return moov, mdat
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		if size == 1 {
			size = int64(binary.BigEndian.Uint64(head[8:]))
		}
		moov = moov || string(head[4:8]) == "moov"
		mdat = mdat || string(head[4:8]) == "mdat"
		if size < 8 {
			return moov, mdat
		}
		off += size
	}
}

var (
	word    = regexp.MustCompile(`[^-_.]+`)
	counter = regexp.MustCompile(`^(\d+|[st]\d+|init|chunk|segment|seg|frag)$`)
)

// stem is what the names of an initialization segment and its media segments share.
func stem(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	var keep []string
	for _, w := range word.FindAllString(name, -1) {
		if !counter.MatchString(w) {
			keep = append(keep, w)
		}
	}
	return strings.Join(keep, "-")
}

// segmentsOf are the media segments of a folder that belong to init, by name: those of its stem, and those of no
// other's stem if its own is empty.
func segmentsOf(init string, inits, segments []string) (mine []string) {
	stems := map[string]bool{}
	for _, path := range inits {
		stems[stem(path)] = true
	}
	for _, path := range segments {
		if s := stem(path); s == stem(init) || stem(init) == "" && !stems[s] && len(inits) == 1 {
			mine = append(mine, path)
		}
	}
	digits := regexp.MustCompile(`\d+`)
	key := func(path string) string {
		return digits.ReplaceAllStringFunc(filepath.Base(path), func(n string) string { return strings.Repeat("0", max(0, 20-len(n))) + n })
	}
	slices.SortFunc(mine, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return mine
}

func join(t testing.TB, dir, name string, i int, parts []string) string {
	out, err := os.Create(filepath.Join(dir, strings.NewReplacer("/", "_").Replace(name)+".mp4"))
	require.NoError(t, err)
	defer out.Close()
	for _, path := range parts {
		in, err := os.Open(path)
		require.NoError(t, err)
		_, err = io.Copy(out, in)
		in.Close()
		require.NoError(t, err)
	}
	return out.Name()
}
