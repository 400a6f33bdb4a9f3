package bmff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	mp4 "github.com/abema/go-mp4"

	"github.com/mezzomedia/mezzo/packager/media"
)

// maxMoov is the largest moov or moof that is read; one for 10 h at 60 fps with sound is some 40 MB.
const maxMoov = 512 << 20

// Open reads the boxes of an MP4, QuickTime or CMAF file: headers, moov and every moof, no payload. name is put into errors.
//
// Errors are a *media.FormatError that names file and box and matches ErrFormat, or ErrUnsupported where the file is
// another container; or what obj returned.
func Open(ctx context.Context, name string, obj media.Object) (*Movie, error) {
	p := &parser{
		src:   &source{ctx: ctx, obj: obj, size: obj.Size()},
		movie: &Movie{},
		byID:  map[uint32]*fragmented{},
	}
	if err := p.file(); err != nil {
		var fe *media.FormatError
		if errors.As(err, &fe) {
			fe.Name = name
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p.movie, nil
}

// early is a moof that stands before moov.
type early struct{ off, size, head int64 }

// parser is the state of one Open.
type parser struct {
	src     *source
	movie   *Movie
	moov    bool // was read
	order   []*fragmented
	byID    map[uint32]*fragmented
	early   []early // moofs before moov
	coming  coming
	moofs   int
	empty   int64             // samples without a byte of their own so far
	claimed int64             // those of which no table has an entry
	cut     string            // box that the end of the file cuts short
	psshs   map[string][]byte // pssh boxes of moov and of moofs, each held once
}

func (p *parser) warn(path, format string, args ...any) {
	w := Warning{path, fmt.Sprintf(format, args...)}
	if len(p.movie.Warnings) >= 64 {
		return
	}
	for _, have := range p.movie.Warnings {
		if have == w {
			return
		}
	}
	p.movie.Warnings = append(p.movie.Warnings, w)
}

func (p *parser) file() error {
	head, err := p.src.bytes(0, min(p.src.size, 600))
	if err != nil {
		return err
	}
	if err := sniff(head); err != nil {
		return &media.FormatError{Offset: 0, Err: err}
	}
	for at := int64(0); p.src.size-at >= 8; {
		next, err := p.top(at)
		if err != nil {
			return err
		}
		at = next
	}
	if !p.moov {
		return p.noMoov()
	}
	for _, e := range p.early {
		if err := p.moof(e.off, e.size, e.head); err != nil {
			return err
		}
	}
	return p.finish()
}

func (p *parser) noMoov() error {
	switch {
	case p.cut != "":
		return &media.FormatError{Path: p.cut, Offset: -1, Err: fmt.Errorf("the file ends inside this box and has no moov: it is cut short or still being written: %w", media.ErrFormat)}
	case len(p.early) > 0:
		return &media.FormatError{Path: "moof", Offset: p.early[0].off, Err: fmt.Errorf("a media segment without its initialization segment: put that before it: %w", media.ErrFormat)}
	}
	return &media.FormatError{Path: "moov", Offset: -1, Err: fmt.Errorf("no moov box: the file is not complete or holds no movie (14496-12, 8.2.1): %w", media.ErrFormat)}
}

// top reads the box of the file that begins at the offset, and returns where the next one begins.
func (p *parser) top(at int64) (int64, error) {
	if err := p.src.ctx.Err(); err != nil {
		return 0, err
	}
	p.coming.reach(p.src, at)
	p.src.pos = at
	bi, err := mp4.ReadBoxInfo(p.src)
	switch {
	case errors.Is(err, io.EOF) && p.moov:
		return p.src.size, nil // less than a header
	case errors.Is(err, io.EOF):
		return 0, &media.FormatError{Path: "moov", Offset: at, Err: fmt.Errorf("the file ends inside a box header: it is cut short or still being written: %w", media.ErrFormat)}
	case err != nil:
		return 0, fmt.Errorf("box header at byte %d: %w", at, err)
	}
	typ := printable(bi.Type)
	if bi.Size < bi.HeaderSize || bi.Size > math.MaxInt64 {
		return p.junk(at, typ, bi.Size)
	}
	size, end := int64(bi.Size), int64(0)
	if whole := size <= p.src.size-at; whole {
		end = at + size
	} else {
		end, size, p.cut = p.src.size, p.src.size-at, typ
		if err := p.short(typ, at, int64(bi.Size)); err != nil {
			return 0, err
		}
		if typ != "mdat" {
			return end, nil
		}
	}
	switch typ {
	case "ftyp", "styp":
		if p.movie.Brands == nil {
			err = p.ftyp(at+int64(bi.HeaderSize), size-int64(bi.HeaderSize))
		}
	case "moov":
		err = p.readMoov(at, size, int64(bi.HeaderSize))
	case "sidx":
		p.coming.sidx(p.src, at, size, int64(bi.HeaderSize))
	case "moof":
		p.coming.mfra(p.src, at)
		p.src.expect(size)
		if p.moov {
			err = p.moof(at, size, int64(bi.HeaderSize))
		} else {
			p.early = append(p.early, early{at, size, int64(bi.HeaderSize)})
		}
	}
	return end, err
}

// short judges a box that the end of the file cuts short: payload and the last fragment may be missing.
func (p *parser) short(typ string, at, size int64) error {
	if typ == "moov" && !p.moov {
		return &media.FormatError{Path: typ, Offset: at, Err: fmt.Errorf("the box has %d bytes, the file has %d of them: it is cut short or still being written: %w", size, p.src.size-at, media.ErrFormat)}
	}
	p.warn(typ, "the box at byte %d has %d bytes, the file ends after %d of them", at, size, p.src.size-at)
	return nil
}

// junk judges a header of the file that cannot be true. After moov it ends the file.
func (p *parser) junk(at int64, typ string, size uint64) (int64, error) {
	if p.moov {
		p.warn(typ, "no box at byte %d: size %d is impossible; the rest of the file is not read", at, size)
		return p.src.size, nil
	}
	return 0, &media.FormatError{Path: typ, Offset: at, Err: fmt.Errorf("box size %d is impossible (14496-12, 4.2): %w", size, media.ErrFormat)}
}

func printable(t mp4.BoxType) string {
	b := make([]byte, 0, 8)
	for _, c := range t {
		if c < 0x20 || c > 0x7e {
			b = append(b, '?')
			continue
		}
		b = append(b, c)
	}
	return string(b)
}

func (p *parser) ftyp(off, n int64) error {
	b, err := p.src.bytes(off, min(n, 256))
	if err != nil {
		return err
	}
	p.movie.Brands = []string{}
	for i := 0; i+4 <= len(b); i += 4 {
		if i != 4 { // minor version
			p.movie.Brands = append(p.movie.Brands, string(b[i:i+4]))
		}
	}
	return nil
}

// whole reads a box of the file into memory.
func (p *parser) whole(typ string, at, size, head int64) (*box, error) {
	if size > maxMoov {
		return nil, &media.FormatError{Path: typ, Offset: at, Err: fmt.Errorf("%d bytes are more than the %d that are read: %w", size, maxMoov, media.ErrUnsupported)}
	}
	b, err := p.src.bytes(at+head, size-head)
	if err != nil {
		return nil, err
	}
	return &box{typ: typ, body: b, off: at, head: int(head)}, nil
}
