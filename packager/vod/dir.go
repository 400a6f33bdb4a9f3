package vod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

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
// .mp4, .m4v, .m4a, .mov, .cmfv, .cmfa, .ismv or .isma; anything else is ignored, and so is what begins with a dot.
//
// Each Open looks at the files' sizes and times: what was replaced is read anew. Safe for concurrent use.
type Dir struct {
	FS fs.FS // os.DirFS, an embed.FS, or any other

	// Cache keeps what was read, and may be shared with other Dirs; nil: one of the default size.
	Cache *Cache

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
	return !strings.HasPrefix(name, ".") && slices.Contains(extensions, strings.ToLower(path.Ext(name)))
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
// media.ErrNotFound where there is no such asset, or media.ErrFormat for a SMIL file that makes no sense.
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
	var key strings.Builder
	fmt.Fprintf(&key, "%d %q", d.id, name)
	for _, m := range members {
		fmt.Fprintf(&key, " %q %s %q %q %q %v %v", m.path, m.version, m.input.Language, m.input.Label, m.input.Roles, m.input.Default, m.input.Only)
	}
	open := func(context.Context) ([]Input, []media.Note, error) { return d.inputs(members, notes) }
	return media.ContentFunc(func(p media.Plan) media.Presentation { return present(cache, key.String(), p, open) }), nil
}

// inputs opens the files of an asset.
func (d *Dir) inputs(members []member, notes []media.Note) ([]Input, []media.Note, error) {
	out := make([]Input, len(members))
	for i, m := range members {
		obj, err := OpenFS(d.FS, m.path)
		if err != nil {
			return nil, nil, err
		}
		out[i] = m.input
		out[i].Name, out[i].Object = m.path, obj
	}
	return out, notes, nil
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
		if st, err := d.stat(name + ext); err == nil && st.Mode().IsRegular() {
			return []member{{path: name + ext, version: fileID(st)}}, nil, nil
		}
	}
	return nil, nil, media.ErrNotFound
}

var errNoFolder = errors.New("not a folder")

func (d *Dir) stat(name string) (fs.FileInfo, error) { return fs.Stat(d.FS, name) }

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
			notes = append(notes, media.Note{Subject: file, Text: "ignored: not a media file by its name"})
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

// List returns the names of all assets, sorted. Folders that hold media files are assets, and their files are not.
func (d *Dir) List(ctx context.Context) ([]string, error) {
	var names []string
	err := fs.WalkDir(d.FS, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && p == ".":
			return err
		case err != nil:
			return nil // what cannot be read is not offered
		case p != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		case path.Ext(p) == ".smil":
			names = append(names, strings.TrimSuffix(p, ".smil"))
		case isMedia(e.Name()) && path.Dir(p) == ".":
			names = append(names, strings.TrimSuffix(p, path.Ext(p)))
		case isMedia(e.Name()):
			names = append(names, path.Dir(p))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
