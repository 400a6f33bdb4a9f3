package vod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"sync"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// File is a media.Object over a file, mapped into memory where the system can do that. Its Version is size and
// modification time, so that copies which keep the time have equal versions on all machines. Safe for concurrent use.
//
// The mapping ends when the File is no longer reachable, or with Close.
type File struct {
	f       *os.File
	size    int64
	version string
	stat    fs.FileInfo
	data    []byte // the mapping; nil: none
	unmap   runtime.Cleanup
	once    sync.Once
}

// OpenFile opens the file of that path.
func OpenFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, notFound(err)
	}
	return newFile(f)
}

// OpenFS opens a file of fsys. If that is an *os.File (os.DirFS, os.Root) the result is a *File; a file that can seek or
// read at offsets is read so; any other is held in memory, up to 1 GiB. A file without modification time (embed) has
// the hash of its content for a version.
func OpenFS(fsys fs.FS, name string) (media.Object, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, notFound(err)
	}
	if osFile, ok := f.(*os.File); ok {
		return newFile(osFile)
	}
	return newFSFile(fsys, name, f)
}

func newFile(f *os.File) (*File, error) {
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: %w", f.Name(), media.ErrUnsupported)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &File{f: f, size: st.Size(), version: fileVersion(st), stat: st}
	if data, err := mapFile(f, o.size); err == nil && data != nil { // where mapping fails, reading still works
		o.data = data
		o.unmap = runtime.AddCleanup(o, unmapFile, data)
	}
	return o, nil
}

// fileVersion names the bytes of a file. The inode is left out: nodes that hold copies must agree.
func fileVersion(st fs.FileInfo) string {
	return strconv.FormatInt(st.Size(), 36) + "-" + strconv.FormatInt(st.ModTime().UnixNano(), 36)
}

func notFound(err error) error {
	if os.IsNotExist(err) {
		return fmt.Errorf("%w: %w", media.ErrNotFound, err)
	}
	return err
}

func (o *File) Size() int64     { return o.size }
func (o *File) Version() string { return o.version }

// File is the open file. It is shared: read at offsets only.
func (o *File) File() *os.File { return o.f }

// Bytes is part of the mapping, valid while the File is reachable and not closed; nil where there is none. If the file
// was cut, touching it faults: use packager.Guard.
func (o *File) Bytes(off, n int64) []byte {
	if !inside(off, n, int64(len(o.data))) {
		return nil
	}
	return o.data[off : off+n : off+n]
}

// ReadAt implements media.Object. It fails with media.ErrChanged once the file is not what was opened.
func (o *File) ReadAt(ctx context.Context, p []byte, off int64) error {
	defer runtime.KeepAlive(o)
	if err := ctx.Err(); err != nil {
		return err
	}
	if !inside(off, int64(len(p)), o.size) {
		return fmt.Errorf("%s: %d bytes at %d of %d: %w", o.f.Name(), len(p), off, o.size, io.ErrUnexpectedEOF)
	}
	var err error
	if b := o.Bytes(off, int64(len(p))); b != nil {
		err = packager.Guard(func() error { copy(p, b); return nil })
	} else {
		_, err = o.f.ReadAt(p, off)
	}
	if changed := o.Check(); changed != nil { // after the read: before it, it would prove nothing
		return changed
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.f.Name(), err)
	}
	return nil
}

// Check returns media.ErrChanged if size or modification time of the open file are not what they were.
func (o *File) Check() error {
	st, err := o.f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w: %w", o.f.Name(), media.ErrChanged, err)
	}
	if st.Size() != o.size || !st.ModTime().Equal(o.stat.ModTime()) {
		return fmt.Errorf("%s: %w", o.f.Name(), media.ErrChanged)
	}
	return nil
}

// Warm tells the system that a range is wanted soon.
func (o *File) Warm(off, n int64) {
	if off = max(off, 0); off < int64(len(o.data)) {
		warm(o.data, off, min(n, int64(len(o.data))-off))
	}
	runtime.KeepAlive(o)
}

// Close ends the mapping and closes the file. No slice of Bytes may be in use.
func (o *File) Close() error {
	err := os.ErrClosed
	o.once.Do(func() {
		o.unmap.Stop()
		data := o.data
		o.data = nil
		unmapFile(data)
		err = o.f.Close()
	})
	return err
}

// inside reports whether [off, off+n) lies in [0, size).
func inside(off, n, size int64) bool { return off >= 0 && n >= 0 && off <= size && n <= size-off }

// fsFile is a file of an fs.FS.
type fsFile struct {
	r       io.ReaderAt
	held    []byte // the content, where it had to be read
	size    int64
	version string
	check   func() error
}

// holdLimit is the most of a file that is read into memory because its file system cannot read at offsets.
const holdLimit = 1 << 30

func newFSFile(fsys fs.FS, name string, f fs.File) (media.Object, error) {
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: %w", name, media.ErrUnsupported)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &fsFile{size: st.Size()}
	if r, ok := f.(io.ReaderAt); ok {
		o.r = r // stays open while it is reachable
	} else {
		defer f.Close()
		if o.held, err = hold(f, name, st.Size()); err != nil {
			return nil, err
		}
	}
	if !st.ModTime().IsZero() {
		o.version = fileVersion(st)
		o.check = func() error {
			now, err := fs.Stat(fsys, name)
			if err != nil || fileVersion(now) != o.version {
				return fmt.Errorf("%s: %w", name, media.ErrChanged)
			}
			return nil
		}
		return o, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(readerAt(o.readAt), 0, o.size)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o.version = hex.EncodeToString(sum.Sum(nil)[:16])
	return o, nil
}

func hold(r io.Reader, name string, size int64) ([]byte, error) {
	if size > holdLimit {
		return nil, fmt.Errorf("%s has %d bytes and its file system cannot read at offsets: %w", name, size, media.ErrUnsupported)
	}
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(data)) != size:
		return nil, fmt.Errorf("%s: %w", name, media.ErrChanged)
	}
	return data, nil
}

func (o *fsFile) Size() int64     { return o.size }
func (o *fsFile) Version() string { return o.version }

func (o *fsFile) Check() error {
	if o.check == nil {
		return nil
	}
	return o.check()
}

func (o *fsFile) Bytes(off, n int64) []byte {
	if o.held == nil || !inside(off, n, o.size) {
		return nil
	}
	return o.held[off : off+n : off+n]
}

func (o *fsFile) readAt(p []byte, off int64) (int, error) {
	if !inside(off, int64(len(p)), o.size) {
		return 0, io.ErrUnexpectedEOF
	}
	if o.held != nil {
		return copy(p, o.held[off:]), nil
	}
	return o.r.ReadAt(p, off)
}

func (o *fsFile) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := o.readAt(p, off)
	if changed := o.Check(); changed != nil {
		return changed
	}
	if n == len(p) {
		return nil
	}
	return fmt.Errorf("%d bytes at %d of %d: %w", len(p), off, o.size, err)
}

type readerAt func(p []byte, off int64) (int, error)

func (f readerAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }
