package packed

import (
	"context"
	"fmt"
	"sync"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// acceptsScheme says whether a track, which can be packed clear, can be under a scheme.
func acceptsScheme(t *media.Track, s drm.Scheme) error {
	why := ""
	switch {
	case t.Crypt != nil:
		why = "its source is encrypted (" + t.Crypt.Scheme + "), which packed audio cannot pass on: decrypt it first"
	case s == "":
		return nil
	case s == drm.SampleAES:
		return sampleaes.Accepts(t)
	case s == drm.AES128:
		why = "AES-128 encrypts whole segments (packager.Render), no track of one"
	default:
		why = "packed audio under " + string(s) + ": it has SAMPLE-AES and AES-128"
	}
	return fmt.Errorf("track %s: %s: %w: %w", t.ID, why, drm.ErrIncompatible, media.ErrUnsupported)
}

// protected is how an input is encrypted; the zero value: it is not.
type protected struct {
	key   *sampleaes.Key
	setup []byte // audio_setup_information
}

// newProtected takes it from an input that Accepts has been asked about. In a clear lead there is nothing.
func newProtected(ctx context.Context, in *packager.Input) (p protected, err error) {
	if err := in.Protect.Check(); err != nil {
		return p, err
	}
	for i := range in.Runs {
		if in.Runs[i].Crypt != nil {
			return p, fmt.Errorf("samples that are encrypted in their source: decrypt them first: %w: %w", drm.ErrIncompatible, media.ErrUnsupported)
		}
	}
	if in.Protect == nil || in.Protect.Clear {
		return p, nil
	}
	if p.key, err = sampleaes.NewKey(in.Protect); err != nil {
		return p, err
	}
	var head []byte
	if in.Track.Codec.Coding == media.AC3 {
		if head, err = firstBytes(ctx, in.Runs); err != nil {
			return p, err
		}
	}
	p.setup, err = sampleaes.Setup(in.Track, head)
	return p, err
}

// firstBytes are those of the first sample that has any; nil: there is none.
func firstBytes(ctx context.Context, runs []media.Run) ([]byte, error) {
	for i := range runs {
		for j := range runs[i].Samples {
			s := &runs[i].Samples[j]
			if s.Size == 0 {
				continue
			}
			if runs[i].Data == nil {
				return nil, fmt.Errorf("a run without data: %w", media.ErrFormat)
			}
			p := make([]byte, min(s.Size, sampleaes.SetupFrame))
			return p, runs[i].Data.ReadAt(ctx, p, s.Offset)
		}
	}
	return nil, nil
}

// maxSealed is the largest access unit that is encrypted, bytes: 16 of the largest syncframes.
const maxSealed = 64 << 10

// sealer gathers an access unit and encrypts it.
type sealer struct {
	chain sampleaes.Chain
	fill  int
	unit  [maxSealed]byte
}

var sealers = sync.Pool{New: func() any { return new(sealer) }}

// add takes more of the access unit; newStream has seen that it fits.
func (s *sealer) add(p []byte) { s.fill += copy(s.unit[s.fill:], p) }

// end is the access unit encrypted, until the next add.
func (s *sealer) end(c media.Coding) ([]byte, error) {
	p := s.unit[:s.fill]
	s.fill = 0
	return p, s.chain.Audio(c, p)
}
