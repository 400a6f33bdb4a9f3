package nal

import (
	"bytes"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/bits"
	"github.com/mezzomedia/mezzo/packager/media"
)

// maxPPS is more than any picture parameter set needs whose slice groups are not listed one by one.
const maxPPS = 64 << 10

// Sets keeps the parameter sets of a stream by their ids, as far as slice headers depend on them. A set replaces the one of
// the same kind and id. The zero value is of no coding: Reset comes first. Not safe for concurrent use.
type Sets struct {
	coding media.Coding
	sps    [32]*slot[h264SPS]
	pps    [256]*slot[h264PPS]
	part   uint32 // PPS of the last slice data partition A
	buf    []byte
	r      bits.Reader // of buf
}

// slot holds a parsed set with the unit that it came from, so that one that is repeated is not parsed again.
type slot[T any] struct {
	unit  []byte
	valid bool // since Reset
	set   T
}

// Reset forgets all sets. The memory, and what was parsed, is kept for those that come back.
func (s *Sets) Reset(c media.Coding) {
	if c != s.coding {
		*s = Sets{coding: c, buf: s.buf}
	}
	for _, p := range s.sps {
		if p != nil {
			p.valid = false
		}
	}
	for _, p := range s.pps {
		if p != nil {
			p.valid = false
		}
	}
}

// Add keeps a unit if it is a parameter set of the base layer; other units are none of its business. It copies the unit. A
// set that was there already costs a comparison. The error matches media.ErrFormat; a set that cannot be read takes the
// place of the one before, so that nothing is read by sets that no longer hold.
func (s *Sets) Add(unit []byte) error {
	switch t := Type(s.coding, unit); {
	case s.coding == media.H264 && t == H264SPS:
		return s.addH264SPS(unit)
	case s.coding == media.H264 && t == H264PPS:
		return s.addH264PPS(unit)
	}
	return nil
}

// SliceHeader returns how many bytes of a slice unit its headers take: the header of the unit and the slice header, counted
// as they lie, with emulation prevention. Where slice data begin inside a byte (CAVLC) that byte is counted. Errors match
// media.ErrFormat: a parameter set is missing, a value is none that the standard allows, or the header does not end within
// the unit.
func (s *Sets) SliceHeader(unit []byte) (int, error) {
	t := Type(s.coding, unit)
	var n int
	var err error
	switch {
	case !IsSlice(s.coding, t):
		return 0, fmt.Errorf("NAL unit of type %d is no slice: %w", t, media.ErrFormat)
	case s.coding == media.H264:
		n, err = s.h264Slice(unit)
	}
	if err != nil {
		return 0, fmt.Errorf("slice header: %w", err)
	}
	return n, nil
}

// fill parses a unit into the slot of its id, unless that holds the same unit already.
func fill[T any](slots []*slot[T], id uint32, unit []byte, parse func(set *T) error) error {
	if id >= uint32(len(slots)) {
		return fmt.Errorf("id %d, at most %d is allowed: %w", id, len(slots)-1, media.ErrFormat)
	}
	p := slots[id]
	if p == nil {
		p = &slot[T]{}
		slots[id] = p
	}
	if len(p.unit) > 0 && bytes.Equal(p.unit, unit) {
		p.valid = true
		return nil
	}
	p.valid, p.unit = false, p.unit[:0]
	if err := parse(&p.set); err != nil {
		return err
	}
	p.valid, p.unit = true, append(p.unit, unit...)
	return nil
}

// get is the set with the id.
func get[T any](slots []*slot[T], id uint32, kind string) (*T, error) {
	if id >= uint32(len(slots)) || slots[id] == nil || !slots[id].valid {
		return nil, fmt.Errorf("%s %d was not sent: %w", kind, id, media.ErrFormat)
	}
	return &slots[id].set, nil
}

// payload is what follows the first head bytes of a unit, without emulation prevention, until the next call.
func (s *Sets) payload(unit []byte, head, most int) (*bits.Reader, error) {
	if len(unit) < head || len(unit) > most {
		return nil, fmt.Errorf("%d bytes: %w", len(unit), media.ErrFormat)
	}
	s.buf = Unescape(s.buf[:0], unit[head:])
	s.r = *bits.NewReader(s.buf)
	return &s.r, nil
}
