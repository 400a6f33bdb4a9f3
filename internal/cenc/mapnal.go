package cenc

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

var be = binary.BigEndian

// resetNAL takes the parameter sets of the decoder configuration.
func (m *Mapper) resetNAL(t *media.Track) error {
	if t.Video == nil {
		return fmt.Errorf("no size of the NAL unit length field: %w", media.ErrFormat)
	}
	m.lengthSize = t.Video.NALLength
	m.sets.Reset(m.coding)
	conf := t.Codec.Config
	if m.coding == media.HEVC {
		return m.hvcC(conf)
	}
	return m.avcC(conf)
}

// avcC adds the sets of an AVCDecoderConfigurationRecord (14496-15, 5.3.3.1).
func (m *Mapper) avcC(p []byte) error {
	if len(p) < 6 {
		return fmt.Errorf("avcC of %d bytes: %w", len(p), media.ErrFormat)
	}
	n, p := int(p[5]&0x1F), p[6:]
	for kind := range 2 { // SPS, then PPS
		var err error
		if p, err = m.add(p, n); err != nil {
			return fmt.Errorf("avcC: %w", err)
		}
		if kind == 0 {
			if len(p) < 1 {
				return fmt.Errorf("avcC ends before its picture parameter sets: %w", media.ErrFormat)
			}
			n, p = int(p[0]), p[1:]
		}
	}
	return nil
}

// hvcC adds the sets of an HEVCDecoderConfigurationRecord (14496-15, 8.3.3.1).
func (m *Mapper) hvcC(p []byte) error {
	if len(p) < 23 {
		return fmt.Errorf("hvcC of %d bytes: %w", len(p), media.ErrFormat)
	}
	arrays, p := int(p[22]), p[23:]
	for range arrays {
		if len(p) < 3 {
			return fmt.Errorf("hvcC ends before its array: %w", media.ErrFormat)
		}
		var err error
		if p, err = m.add(p[3:], int(be.Uint16(p[1:]))); err != nil {
			return fmt.Errorf("hvcC: %w", err)
		}
	}
	return nil
}

// add adds n units, each after its length in 16 bits, and returns what follows them.
func (m *Mapper) add(p []byte, n int) ([]byte, error) {
	for range n {
		unit, rest, err := nal.Next(p, 2)
		if err != nil {
			return nil, err
		}
		if err := m.sets.Add(unit); err != nil {
			return nil, err
		}
		p = rest
	}
	return p, nil
}

// nals maps a sample of NAL units: slices are protected from the end of their header, all else is clear (23001-7, 9.5.2.2
// and 10.4.2). Clear too are the slices of what only refines a base layer: other layers of HEVC, other views and layers of
// H.264 (types 14, 20 and 21), Dolby Vision (62 and 63).
func (m *Mapper) nals(w *writer, sample []byte) error {
	for p := sample; len(p) > 0; {
		unit, rest, err := nal.Next(p, m.lengthSize)
		if err != nil {
			return err
		}
		end := len(sample) - len(rest)
		switch t := nal.Type(m.coding, unit); {
		case nal.IsParameterSet(m.coding, t):
			err = m.sets.Add(unit)
		case nal.IsSlice(m.coding, t) && nal.BaseLayer(m.coding, unit):
			var head int
			if head, err = m.sets.SliceHeader(unit); err == nil {
				w.protect(end-len(unit)+head, end)
			}
		}
		if err != nil {
			return fmt.Errorf("NAL unit at byte %d of the sample: %w", end-len(unit), err)
		}
		p = rest
	}
	return nil
}
