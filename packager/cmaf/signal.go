package cmaf

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// signal is what tenc and seig say of samples (23001-7, 6 and 8.2). The zero value says that they are clear.
type signal struct {
	scheme   drm.Scheme
	kid      drm.KeyID
	ivSize   int
	constant []byte // the IV where ivSize is 0
	pattern  drm.Pattern
}

func (s *signal) clear() bool { return s.scheme == "" }

func (s *signal) equal(o *signal) bool {
	return s.scheme == o.scheme && s.kid == o.kid && s.ivSize == o.ivSize && s.pattern == o.pattern && bytes.Equal(s.constant, o.constant)
}

// protected is the signal of a Protection.
func protected(t *media.Track, p *drm.Protection) signal {
	s := signal{scheme: p.Scheme, kid: p.Key.ID, ivSize: p.IVSize, pattern: p.PatternOf(t.Kind)}
	if s.ivSize == 0 {
		iv := p.Key.ConstantIV()
		s.constant = iv[:]
	}
	return s
}

// carried is the signal of samples that are encrypted where they lie; c may be nil.
func carried(c *media.Crypt) signal {
	if c == nil {
		return signal{}
	}
	return signal{scheme: drm.Scheme(c.Scheme), kid: c.KeyID, ivSize: c.IVSize, constant: c.ConstantIV,
		pattern: drm.Pattern{Crypt: c.CryptBlocks, Skip: c.SkipBlocks}}
}

// check refuses what boxes cannot say.
func (s *signal) check() error {
	switch {
	case s.clear():
		return nil
	case !s.scheme.Common():
		return fmt.Errorf("scheme %q in an MP4 file: %w", s.scheme, media.ErrUnsupported)
	case s.ivSize != 0 && s.ivSize != 8 && s.ivSize != 16, s.ivSize == 0 && len(s.constant) != 8 && len(s.constant) != 16:
		return fmt.Errorf("IV of %d bytes, constant IV of %d (23001-7, 8.2): %w", s.ivSize, len(s.constant), media.ErrFormat)
	case s.pattern.Crypt > 15 || s.pattern.Skip > 15 || s.pattern.Crypt == 0 && s.pattern.Skip > 0:
		return fmt.Errorf("pattern %d:%d (23001-7, 9.6): %w", s.pattern.Crypt, s.pattern.Skip, media.ErrFormat)
	case s.pattern != drm.Pattern{} && !s.scheme.Patterned():
		return fmt.Errorf("pattern %d:%d under %s (23001-7, 10): %w", s.pattern.Crypt, s.pattern.Skip, s.scheme, media.ErrFormat)
	}
	return nil
}

// body is tenc and seig from their first byte to the last. tenc has version 1 if there is a pattern.
func (s *signal) body() []byte {
	protected := byte(1)
	if s.clear() {
		protected = 0
	}
	b := append([]byte{0, s.pattern.Crypt<<4 | s.pattern.Skip, protected, byte(s.ivSize)}, s.kid[:]...)
	if !s.clear() && s.ivSize == 0 {
		b = append(b, byte(len(s.constant)))
		b = append(b, s.constant...)
	}
	return b
}

// protection is how an Input is protected: encrypted here, passed through as it was encrypted, or neither.
type protection struct {
	track  *media.Track
	here   *drm.Protection // nil: nothing is encrypted here
	header signal          // of the sample entry; clear: there is no protected one
	lead   bool            // there is a clear sample entry after the protected one
	pssh   []byte          // of the initialization segment
}

// protectionOf finds it out. What cannot be kept secret is refused.
func protectionOf(t *media.Track, p *drm.Protection) (protection, error) {
	out := protection{track: t, here: p}
	switch {
	case t.Crypt != nil && t.Crypt.Scheme == "":
		return out, fmt.Errorf("track %s is encrypted, and nothing says by which scheme: %w", t.ID, media.ErrFormat)
	case t.Crypt != nil && p != nil:
		return out, fmt.Errorf("track %s is encrypted already: give its key to the source to encrypt it anew: %w, %w", t.ID,
			drm.ErrIncompatible, media.ErrUnsupported)
	case t.Crypt != nil:
		out.header, out.lead, out.pssh = carried(t.Crypt), true, t.Crypt.PSSH
	case p != nil:
		if err := p.Check(); err != nil {
			return out, fmt.Errorf("track %s: %w", t.ID, err)
		}
		if p.Key.ID.IsZero() && !p.Group {
			return out, fmt.Errorf("track %s: a key without an id, which only headers of all key periods have: %w", t.ID, drm.ErrNoKey)
		}
		out.header, out.lead, out.pssh = protected(t, p), p.Lead, p.PSSH
	}
	if err := out.header.check(); err != nil {
		return out, fmt.Errorf("track %s: %w", t.ID, err)
	}
	return out, nil
}

// of is the signal of the samples of a run.
func (p *protection) of(r *media.Run) signal {
	switch {
	case p.here == nil:
		return carried(r.Crypt)
	case p.here.Clear:
		return signal{}
	}
	return p.header
}

// check refuses runs that would be sent other than they are said to be.
func (p *protection) check(in *packager.Input) error {
	for i := range in.Runs {
		r := &in.Runs[i]
		if len(r.Samples) == 0 {
			continue
		}
		if r.Crypt != nil && (p.here != nil || p.header.clear()) {
			return fmt.Errorf("track %s: samples that are encrypted in a track that is not: %w", in.Track.ID, media.ErrFormat)
		}
		s := p.of(r)
		if r.Crypt != nil && s.clear() {
			return fmt.Errorf("track %s: samples are encrypted, and nothing says by which scheme: %w", in.Track.ID, media.ErrFormat)
		}
		if err := s.check(); err != nil {
			return fmt.Errorf("track %s: %w", in.Track.ID, err)
		}
		if !s.clear() && s.scheme != p.header.scheme {
			return fmt.Errorf("track %s: scheme %s in a track of scheme %s: %w", in.Track.ID, s.scheme, p.header.scheme, media.ErrUnsupported)
		}
		constant := len(r.Aux) == 0 && s.ivSize == 0 // nothing is to be said of samples
		if r.Crypt != nil && len(r.Aux) != len(r.Samples) && !constant {
			return fmt.Errorf("track %s: auxiliary information of %d samples for %d (23001-7, 7): %w", in.Track.ID, len(r.Aux), len(r.Samples), media.ErrFormat)
		}
	}
	return nil
}
