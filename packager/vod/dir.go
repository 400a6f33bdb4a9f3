package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Dir is a folder of assets:
//
//	film.mp4     a file is an asset by its name without the extension: film
//	film/        the media files right in a folder are one asset: renditions of one picture, sound in several languages
//	film.smil    a SMIL file names the files of an asset, see ParseSMIL
//
// Where several are there, the SMIL file is taken, then the folder. Names of assets may contain slashes: the folder
// series/one/ is the asset series/one. In a folder sound.fr.m4a is French, whatever the file says. Media files end in
// .mp4, .m4v, .m4a, .mov, .cmfv, .cmfa, .ismv or .isma, in small or capital letters; anything else is ignored, and so is
// what begins with a dot.
//
// Names never lead out of FS, but links may: os.DirFS follows them anywhere, the FS of an os.Root only within the root.
//
// Each Open looks at the files' sizes and times: what was replaced is read anew. Safe for concurrent use.
type Dir struct {
	FS fs.FS // os.DirFS, an embed.FS, or any other

	// Cache keeps what was read, and may be shared with other Dirs; nil: one of the default size.
	Cache *Cache

	// Keys are those of encrypted files, see Input.Keys; nil: they are served as they are.
	Keys drm.KeyFinder

	once sync.Once
	own  Cache
	id   int64 // among those that share the Cache
}

func (d *Dir) cache() *Cache {
	c := d.Cache
	if c == nil {
		c = &d.own
	}
	d.once.Do(func() { d.id = c.users.Add(1) })
	return c
}

// extensions of media files; formats that need a second file to be read are not among them.
var extensions = []string{".mp4", ".m4v", ".mov", ".m4a", ".cmfv", ".cmfa", ".ismv", ".isma"}

func isMedia(name string) bool {
	ext := path.Ext(name)
	lower := strings.ToLower(ext)
	return !strings.HasPrefix(name, ".") && slices.Contains(extensions, lower) && (ext == lower || ext == strings.ToUpper(ext))
}

// valid reports whether name may be an asset's: it stays below the folder and no part of it is hidden.
func valid(name string) bool {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	return !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.")
}

// member is a file of an asset: its path in the file system, and what is said of it.
type member struct {
	path    string
	version string
	input   Input
}

// Open finds an asset. It reads no media: files are opened when the content is first used. Errors match
// media.ErrNotFound where there is no such asset, or media.ErrFormat for a SMIL file that makes no sense; what may not be
// read is the error of the file system (fs.ErrPermission).
func (d *Dir) Open(ctx context.Context, name string) (media.Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !valid(name) {
		return nil, fmt.Errorf("asset %q: %w", name, media.ErrNotFound)
	}
	members, notes, err := d.find(name)
	if err != nil {
		return nil, fmt.Errorf("asset %q: %w", name, err)
	}
	cache := d.cache()
	asset := fmt.Sprintf("%d %q", d.id, name)
	var key strings.Builder
	key.WriteString(asset)
	for _, m := range members {
		fmt.Fprintf(&key, " %q %s %q %q %q %v %v", m.path, m.version, m.input.Language, m.input.Label, m.input.Roles, m.input.Default, m.input.Only)
	}
	build := func(ctx context.Context) (value, error) { return openAsset(ctx, d.inputs(members), notes) }
	return media.ContentFunc(func(p media.Plan) media.Presentation {
		return present(cache, asset, key.String(), p, build)
	}), nil
}

// inputs are the files of an asset, to be opened.
func (d *Dir) inputs(members []member) []Input {
	out := make([]Input, len(members))
	for i, m := range members {
		out[i] = m.input
		out[i].Name, out[i].Keys = m.path, d.Keys
		out[i].Open = func(context.Context) (media.Object, error) { return OpenFS(d.FS, m.path) }
	}
	return out
}

// find lists the files of an asset and their present versions.
func (d *Dir) find(name string) ([]member, []media.Note, error) {
	if st, err := d.stat(name + ".smil"); err == nil {
		return d.smil(name+".smil", st)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if members, notes, err := d.folder(name); err == nil && len(members) > 0 {
		return members, notes, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoFolder) {
		return nil, nil, err
	}
	for _, ext := range extensions {
		for _, file := range []string{name + ext, name + strings.ToUpper(ext)} {
			switch st, err := d.stat(file); {
			case err == nil && st.Mode().IsRegular():
				return []member{{path: file, version: fileID(st)}}, nil, nil
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return nil, nil, err
			}
		}
	}
	return nil, nil, media.ErrNotFound
}

var errNoFolder = errors.New("not a folder")

// stat is fs.Stat, to which names that no file can have are names of files that are not there.
func (d *Dir) stat(name string) (fs.FileInfo, error) {
	st, err := fs.Stat(d.FS, name)
	for _, no := range []error{fs.ErrInvalid, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, no) {
			return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
		}
	}
	return st, err
}

// folder is the asset of the media files in a folder.
func (d *Dir) folder(name string) ([]member, []media.Note, error) {
	if st, err := d.stat(name); err != nil || !st.IsDir() {
		return nil, nil, errors.Join(err, errNoFolder)
	}
	list, err := fs.ReadDir(d.FS, name)
	if err != nil {
		return nil, nil, err
	}
	var members []member
	var notes []media.Note
	for _, e := range list {
		file := path.Join(name, e.Name())
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() {
			continue
		}
		if !isMedia(e.Name()) {
			notes = append(notes, media.Note{Subject: file, Text: ignored(e.Name())})
			continue
		}
		st, err := d.stat(file) // follows links
		if err != nil || !st.Mode().IsRegular() {
			notes = append(notes, media.Note{Subject: file, Text: "ignored: not a regular file"})
			continue
		}
		members = append(members, member{path: file, version: fileID(st), input: Input{Language: languageOf(e.Name())}})
	}
	return members, notes, nil
}

// ignored says why a file that is no media file by its name is not taken.
func ignored(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".m4s", ".m4f", ".cmfs", ".dash":
		return "ignored: a segment without its header; append the segments to their initialization segment, in order, and name that .mp4"
	}
	return "ignored: not a media file by its name"
}

// languageOf is the language in a name like sound.fr.m4a; empty where there is none.
func languageOf(name string) string {
	name = strings.TrimSuffix(name, path.Ext(name))
	lang := strings.TrimPrefix(path.Ext(name), ".")
	primary, _, _ := strings.Cut(lang, "-")
	if len(primary) < 2 || len(primary) > 3 || len(lang) > 35 {
		return ""
	}
	for _, c := range primary {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	return lang
}

// regular reports whether an entry is a file, or a link to one.
func (d *Dir) regular(p string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	if !isMedia(e.Name()) && path.Ext(p) != ".smil" {
		return false
	}
	st, err := d.stat(p)
	return err == nil && st.Mode().IsRegular()
}

// listLimit bounds the names that List holds.
const listLimit = 100_000

// List returns the names of the assets, sorted, at most 100 000 of them. Folders that hold media files are assets, and
// their files are not. Folders that are symbolic links are not searched, so that a link to its own parent does no harm;
// Open finds what is in them all the same.
func (d *Dir) List(ctx context.Context) ([]string, error) {
	found := map[string]bool{}
	err := fs.WalkDir(d.FS, ".", func(p string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err != nil && p == ".":
			return err
		case err != nil:
			return nil // what cannot be read is not offered
		case p != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
		case !d.regular(p, e):
		case path.Ext(p) == ".smil":
			found[strings.TrimSuffix(p, ".smil")] = true
		case isMedia(e.Name()) && path.Dir(p) == ".":
			found[strings.TrimSuffix(p, path.Ext(p))] = true
		case isMedia(e.Name()):
			found[path.Dir(p)] = true
		}
		if len(found) >= listLimit {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(found)), nil
}
