package ts

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager/media"
)

// workSize holds the largest PES of sound, and of slices what lets the cost of a call be forgotten.
const workSize = 64 << 10

const (
	pieceSize  = (workSize - sampleaes.FirstPiece) / sampleaes.PieceSize * sampleaes.PieceSize
	firstPiece = pieceSize + sampleaes.FirstPiece
)

var escapeByte = []byte{3}

// sealer encrypts units and frames on their way into a PES.
type sealer struct {
	work []byte
}

func (s *sealer) prepare() {
	if s.work == nil {
		s.work = make([]byte, workSize)
	}
}

// growth is by how much a sample of video grows: start codes for length fields, emulation prevention, less the zeros that
// slices trail, which are left out: demuxers differ in whether they count them.
func (s *sealer) growth(ctx context.Context, r *payload) (int64, error) {
	size, width := int64(r.e.sample(&r.at).Size), int64(r.e.lengths)
	grown := -size
	for pos := int64(0); pos < size; {
		n, err := r.unit(ctx, pos, size)
		if err != nil {
			return 0, err
		}
		pos += width
		written, err := s.unit(ctx, r, pos, n, nil)
		if err != nil {
			return 0, err
		}
		pos += n
		grown += written
	}
	return grown, nil
}

// unit writes the NAL unit of n bytes at pos with its start code, and says how many bytes that is; it only counts them
// where out is nil. An empty one is left out.
func (s *sealer) unit(ctx context.Context, r *payload, pos, n int64, out *mpegts.Writer) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	head, err := r.peek(ctx, pos, 1)
	if err != nil {
		return 0, err
	}
	kind := nal.Type(media.H264, head)
	if sampleaes.Exposed(kind) {
		return 0, r.e.sampleError(&r.at, fmt.Errorf("NAL unit type %d has picture data that SAMPLE-AES would leave clear: %w: %w",
			kind, drm.ErrIncompatible, media.ErrUnsupported))
	}
	if nal.IsSlice(media.H264, kind) {
		if n, err = r.trimmed(ctx, pos, n); err != nil {
			return 0, err
		}
	}
	if out != nil {
		if err := out.Write(startCode); err != nil {
			return 0, err
		}
	}
	if sampleaes.Encrypted(kind, n) {
		n, err = s.slice(ctx, r, pos, n, out)
	} else {
		err = pass(ctx, r, pos, n, out)
	}
	return int64(len(startCode)) + n, err
}

// pass writes n bytes at pos as they are.
func pass(ctx context.Context, r *payload, pos, n int64, out *mpegts.Writer) error {
	for out != nil && n > 0 {
		p, err := r.some(ctx, pos, n)
		if err != nil {
			return err
		}
		if err := out.Write(p); err != nil {
			return err
		}
		pos, n = pos+int64(len(p)), n-int64(len(p))
	}
	return nil
}

// slice writes n bytes at pos encrypted.
func (s *sealer) slice(ctx context.Context, r *payload, pos, n int64, out *mpegts.Writer) (written int64, err error) {
	s.prepare()
	u := r.chain.Slice(n)
	for most := int64(firstPiece); n > 0; most = pieceSize {
		p := s.work[:min(n, most)]
		if err := r.read(ctx, p, pos); err != nil {
			return 0, err
		}
		pos, n = pos+int64(len(p)), n-int64(len(p))
		u.Encrypt(p)
		for len(p) > 0 {
			k, escape := u.Escape(p)
			if out != nil {
				err = out.Write(p[:k])
				if escape && err == nil {
					err = out.Write(escapeByte)
				}
				if err != nil {
					return 0, err
				}
			}
			written += int64(k)
			if escape {
				written++
			}
			p = p[k:]
		}
	}
	return written, nil
}

// frame writes a sample of sound encrypted, behind its ADTS header if it has one.
func (s *sealer) frame(ctx context.Context, r *payload, out *mpegts.Writer) error {
	s.prepare()
	size := int(r.e.sample(&r.at).Size)
	clear := 0
	if r.e.framing > 0 {
		head := r.e.adts.Header(size)
		if err := out.Write(head[:]); err != nil {
			return err
		}
		clear = copy(s.work, r.e.adts.PCE)
	}
	p := s.work[:clear+size]
	if err := r.read(ctx, p[clear:], 0); err != nil {
		return err
	}
	if err := r.chain.Audio(r.e.input.Track.Codec.Coding, p); err != nil {
		return r.e.sampleError(&r.at, err)
	}
	return out.Write(p)
}
