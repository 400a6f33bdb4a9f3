package nal

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// maxPPS is more than any picture parameter set takes whose slice groups are not listed one by one.
const maxPPS = 64 << 10

// Sets keeps the parameter sets of a stream by their ids, as far as slice headers depend on them. A set takes the place of
// the one of the same kind and id. The zero value is of no coding: Reset comes first. Not safe for concurrent use.
type Sets struct {
	coding media.Coding
	sps    table[SPS]
	h264   table[h264PPS]
	hevc   table[hevcPPS]
	buf    []byte      // a parameter set
	r      bits.Reader // of buf
	slice  sliceReader
}

// Reset forgets all sets. Memory is kept, and what was parsed in case the same sets come back.
func (s *Sets) Reset(c media.Coding) {
	if c != s.coding {
		*s = Sets{coding: c, buf: s.buf}
	}
	s.sps.forget()
	s.h264.forget()
	s.hevc.forget()
	s.slice.forget()
}

// Add keeps a unit, of which it makes a copy, if it is an SPS or PPS of the base layer; others are none of its business. One
// that is there already costs a comparison. Errors match media.ErrFormat and media.ErrUnsupported; the Sets must then be
// Reset, for it is not known which set no longer holds.
func (s *Sets) Add(unit []byte) error {
	var err error
	switch t := Type(s.coding, unit); {
	case !BaseLayer(s.coding, unit):
	case s.coding == media.H264 && t == H264SPS || s.coding == media.HEVC && t == HEVCSPS:
		if !s.sps.again(unit) {
			err = s.addSPS(unit)
		}
	case s.coding == media.H264 && t == H264PPS:
		if !s.h264.again(unit) {
			err = s.addH264PPS(unit)
		}
	case s.coding == media.HEVC && t == HEVCPPS:
		if !s.hevc.again(unit) {
			err = s.addHEVCPPS(unit)
		}
	}
	return err
}

// SliceHeader returns how many bytes of a slice unit of the base layer its headers take: that of the unit and that of the
// slice, counted as they lie, emulation prevention included. Where slice data begin inside a byte (CAVLC) that byte is
// counted. It reads no further. Errors match media.ErrFormat: a parameter set is missing, a value is none that the
// standard allows, or the header does not end within the unit.
func (s *Sets) SliceHeader(unit []byte) (int, error) {
	t := Type(s.coding, unit)
	var err error
	switch {
	case !IsSlice(s.coding, t) || !BaseLayer(s.coding, unit):
		return 0, fmt.Errorf("NAL unit of type %d is no slice of the base layer: %w", t, media.ErrFormat)
	case s.coding == media.H264:
		err = s.h264Slice(unit)
	default:
		err = s.hevcSlice(unit)
	}
	if err == nil && s.slice.over {
		err = fmt.Errorf("it runs past its NAL unit of %d bytes: %w", len(unit), media.ErrFormat)
	}
	if err != nil {
		return 0, fmt.Errorf("slice header: %w", err)
	}
	return s.slice.at, nil
}

func (s *Sets) addSPS(unit []byte) error {
	set, err := ParseSPS(s.coding, unit)
	if err == nil {
		s.sps.put(set.id, unit, *set)
	}
	return err
}

func (s *Sets) addH264PPS(unit []byte) error {
	r, err := s.payload(unit, 1)
	var set h264PPS
	if err == nil {
		err = set.parse(r)
	}
	if err != nil {
		return fmt.Errorf("picture parameter set: %w", err)
	}
	s.h264.put(set.id, unit, set)
	return nil
}

func (s *Sets) addHEVCPPS(unit []byte) error {
	r, err := s.payload(unit, 2)
	var set hevcPPS
	if err == nil {
		err = set.parse(r)
	}
	if err != nil {
		return fmt.Errorf("picture parameter set: %w", err)
	}
	s.hevc.put(set.id, unit, set)
	return nil
}

// payload is what follows the head bytes of a PPS, without emulation prevention, until the next call.
func (s *Sets) payload(unit []byte, head int) (*bits.Reader, error) {
	if len(unit) < head || len(unit) > maxPPS {
		return nil, fmt.Errorf("%d bytes: %w", len(unit), media.ErrFormat)
	}
	s.buf = Unescape(s.buf[:0], unit[head:])
	s.r = *bits.NewReader(s.buf)
	return &s.r, nil
}

// table holds the sets of a kind, one for each id, with the units that they were parsed from.
type table[T any] struct{ sets []entry[T] }

type entry[T any] struct {
	id    uint32
	valid bool // since Reset
	unit  []byte
	set   T
}

func (t *table[T]) forget() {
	for i := range t.sets {
		t.sets[i].valid = false
	}
}

// again reports whether the unit is one that is there, and makes it valid.
func (t *table[T]) again(unit []byte) bool {
	for i := range t.sets {
		if e := &t.sets[i]; bytes.Equal(e.unit, unit) {
			e.valid = true
			return true
		}
	}
	return false
}

func (t *table[T]) put(id uint32, unit []byte, set T) {
	for i := range t.sets {
		if e := &t.sets[i]; e.id == id {
			e.valid, e.unit, e.set = true, append(e.unit[:0], unit...), set
			return
		}
	}
	t.sets = append(t.sets, entry[T]{id, true, bytes.Clone(unit), set})
}

// get is the set with the id.
func (t *table[T]) get(id uint32, kind string) (*T, error) {
	for i := range t.sets {
		if e := &t.sets[i]; e.id == id && e.valid {
			return &e.set, nil
		}
	}
	return nil, fmt.Errorf("it refers to %s parameter set %d, which was not sent: %w", kind, id, media.ErrFormat)
}
