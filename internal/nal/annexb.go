package nal

import "bytes"

// StartCode comes before each unit in Annex B form.
const StartCode = "\x00\x00\x00\x01"

// AppendAnnexB appends a sample of length-prefixed units in Annex B form, each after a start code of four bytes; empty
// units are left out. On error dst is as far as the sample was right.
func AppendAnnexB(dst, sample []byte, lengthSize int) ([]byte, error) {
	for len(sample) > 0 {
		unit, rest, err := Next(sample, lengthSize)
		if err != nil {
			return dst, err
		}
		if len(unit) > 0 {
			dst = append(append(dst, StartCode...), unit...)
		}
		sample = rest
	}
	return dst, nil
}

// NextAnnexB splits the first unit off an Annex B stream. Zeros after a unit are no part of it (H.264, B.1.1:
// trailing_zero_8bits; a unit never ends in zero). At the end unit is nil.
func NextAnnexB(p []byte) (unit, rest []byte) {
	code := []byte(StartCode[1:])
	for len(unit) == 0 {
		start := bytes.Index(p, code)
		if start < 0 {
			return nil, nil
		}
		if p = p[start+len(code):]; len(p) == 0 {
			return nil, nil
		}
		end := bytes.Index(p, code)
		if end < 0 {
			end = len(p)
		}
		unit, p = bytes.TrimRight(p[:end:end], "\x00"), p[end:]
	}
	return unit, p
}

// Unescape appends the payload of a unit to dst with its emulation prevention bytes removed (H.264, 7.3.1: 00 00 03
// becomes 00 00).
func Unescape(dst, unit []byte) []byte {
	zeros := 0
	for _, b := range unit {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
		dst = append(dst, b)
	}
	return dst
}

// Escape is the inverse of Unescape: it appends p to dst with 03 put where three bytes would look like a start code.
func Escape(dst, p []byte) []byte {
	zeros := 0
	for _, b := range p {
		if zeros >= 2 && b <= 3 {
			dst = append(dst, 3)
			zeros = 0
		}
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
		dst = append(dst, b)
	}
	if zeros >= 2 {
		dst = append(dst, 3) // cabac_zero_words (H.264, 7.4.1.1): a unit never ends in zero
	}
	return dst
}
