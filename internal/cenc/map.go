package cenc

import (
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Mapper finds which stretches of the samples of one track are encrypted. It keeps the parameter sets and frame states that
// come in band: use one per segment, and give it each sample of the segment in decode order, from a sync sample on. It
// reads headers only; payload is not touched. Not safe for concurrent use.
type Mapper struct {
	coding     media.Coding
	whole      bool // audio
	align      bool // protected stretches are whole blocks
	lengthSize int
	sets       nal.Sets
	av1        av1
	vp9        vp9
}

// NewMapper makes a Mapper for the samples of a track under one of the schemes of 23001-7. Errors match
// drm.ErrIncompatible where scheme and track do not go together, media.ErrUnsupported for codings whose headers it cannot
// read, and media.ErrFormat for decoder configurations that cannot be read.
func NewMapper(t *media.Track, s drm.Scheme) (*Mapper, error) {
	m := &Mapper{}
	if err := m.Reset(t, s); err != nil {
		return nil, err
	}
	return m, nil
}

// Reset makes m what NewMapper returns, and keeps its memory. It allocates nothing where the track is one that m has had
// last.
func (m *Mapper) Reset(t *media.Track, s drm.Scheme) error {
	if !s.Common() {
		return fmt.Errorf("track %s: %q does not encrypt samples of ISO media: %w", t.ID, s, drm.ErrIncompatible)
	}
	m.coding, m.whole = t.Codec.Coding, t.Kind == media.Audio
	// In cenc, cens and cbc1 no block is broken (23001-7, 10.1 to 10.3); in cbcs the cipher leaves what is no block clear,
	// and the stretch begins right behind the header, but the VP codec binding wants whole blocks in any scheme.
	m.align = s != drm.CBCS || m.coding == media.VP9
	if m.whole {
		return nil
	}
	if t.Kind != media.Video {
		return fmt.Errorf("track %s: %s is sent clear: %w", t.ID, t.Kind, drm.ErrIncompatible)
	}
	var err error
	switch m.coding {
	case media.H264, media.HEVC:
		err = m.resetNAL(t)
	case media.AV1:
		err = m.av1.reset(t.Codec.Config)
	case media.VP9:
		m.vp9 = vp9{}
	default:
		err = fmt.Errorf("encryption of %s: %w", m.coding, media.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("track %s: %w", t.ID, err)
	}
	return nil
}

// Map appends the subsamples of a sample to dst. None appended means that the whole sample is encrypted, which only samples
// of audio are; else Clear and Protected add up to len(sample). Clear stretches are at most 65535 bytes, the most that senc
// counts (23001-7, 7.2); longer ones are several entries. Errors match media.ErrFormat; what is appended then counts for
// nothing, and the sample must not be sent.
func (m *Mapper) Map(dst []media.Subsample, sample []byte) ([]media.Subsample, error) {
	if m.whole {
		return dst, nil
	}
	if uint64(len(sample)) >= 1<<32 {
		return dst, fmt.Errorf("sample of %d bytes: %w", len(sample), media.ErrFormat)
	}
	w := writer{subs: dst, align: m.align}
	var err error
	switch m.coding {
	case media.AV1:
		err = m.av1.tiles(&w, sample)
	case media.VP9:
		err = m.vp9.frames(&w, sample)
	default:
		err = m.nals(&w, sample)
	}
	if err != nil {
		return dst, err
	}
	w.end(len(sample), len(dst))
	return w.subs, nil
}

// writer appends the subsamples of one sample.
type writer struct {
	subs  []media.Subsample
	align bool
	at    int // bytes of the sample that are in subs
}

// protect says that the bytes from..to of the sample are encrypted. Where they have to be whole blocks, the last one ends at
// to, and what is left over at the start stays clear (AV1 in ISOBMFF, 4.1; VP codec binding, Common Encryption).
func (w *writer) protect(from, to int) {
	if w.align {
		from += (to - from) % 16
	}
	if from == to {
		return
	}
	w.clear(from)
	last := &w.subs[len(w.subs)-1]
	last.Protected = uint32(to - from)
	w.at = to
}

// clear appends what is clear until the offset, at least one entry.
func (w *writer) clear(until int) {
	const most = 1<<16 - 1
	n := until - w.at
	for ; n > most; n -= most {
		w.subs = append(w.subs, media.Subsample{Clear: most})
	}
	w.subs = append(w.subs, media.Subsample{Clear: uint32(n)})
	w.at = until
}

// end closes a sample of size bytes. It has an entry in any case, for none would mean that all of it is encrypted.
func (w *writer) end(size, before int) {
	if w.at < size || len(w.subs) == before {
		w.clear(size)
	}
}
