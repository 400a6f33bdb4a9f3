// Package sampleaestest undoes SAMPLE-AES, for tests: written from the specification's text, a byte at a time, and nothing
// of it shared with what encrypts.
package sampleaestest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
)

// Undo is a decrypter.
type Undo struct {
	Key, IV [16]byte
}

func (u *Undo) mode() (cipher.BlockMode, error) {
	block, err := aes.NewCipher(u.Key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewCBCDecrypter(block, u.IV[:]), nil
}

// Unit gives back a NAL unit of H.264: not its trailing zeros, which are not the unit's.
func (u *Undo) Unit(unit []byte) ([]byte, error) {
	if kind := unit[0] & 0x1F; kind != 1 && kind != 5 || len(unit) <= 48 {
		return unit, nil
	}
	mode, err := u.mode()
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, b := range unit {
		if b == 3 && i >= 2 && unit[i-1] == 0 && unit[i-2] == 0 {
			continue
		}
		out = append(out, b)
	}
	for rest := out[32:]; len(rest) > 0; {
		if len(rest) > 16 {
			mode.CryptBlocks(rest[:16], rest[:16])
			rest = rest[16:]
		}
		rest = rest[min(144, len(rest)):]
	}
	return out, nil
}

// Picture gives back an access unit in Annex B form, each unit behind a start code of 4 bytes.
func (u *Undo) Picture(p []byte) ([]byte, error) {
	var out []byte
	code := []byte{0, 0, 1}
	at := bytes.Index(p, code)
	for at >= 0 {
		p = p[at+3:]
		unit := p
		if at = bytes.Index(p, code); at >= 0 {
			unit = p[:at]
		}
		unit = bytes.TrimRight(unit, "\x00")
		if len(unit) == 0 {
			continue
		}
		clear, err := u.Unit(bytes.Clone(unit))
		if err != nil {
			return nil, err
		}
		out = append(append(out, 0, 0, 0, 1), clear...)
	}
	return out, nil
}

// ADTS gives back frames of AAC behind ADTS headers.
func (u *Undo) ADTS(p []byte) ([]byte, error) {
	out := bytes.Clone(p)
	for rest := out; len(rest) > 0; {
		if len(rest) < 7 || rest[0] != 0xFF || rest[1]&0xF6 != 0xF0 {
			return nil, fmt.Errorf("no ADTS header with %d bytes left", len(rest))
		}
		head, n := 7, int(rest[3]&3)<<11|int(rest[4])<<3|int(rest[5])>>5
		if rest[1]&1 == 0 {
			head = 9
		}
		if n < head || n > len(rest) {
			return nil, fmt.Errorf("ADTS frame of %d bytes with %d left", n, len(rest))
		}
		mode, err := u.mode()
		if err != nil {
			return nil, err
		}
		decrypt(mode, rest[head:n])
		rest = rest[n:]
	}
	return out, nil
}

// Dolby gives back an audio frame of AC-3 or E-AC-3 whose syncframes have these sizes, in one chain.
func (u *Undo) Dolby(p []byte, sizes ...int) ([]byte, error) {
	out := bytes.Clone(p)
	mode, err := u.mode()
	rest := out
	for _, n := range sizes {
		if err != nil || n > len(rest) {
			return nil, fmt.Errorf("syncframe of %d bytes with %d left: %w", n, len(rest), err)
		}
		decrypt(mode, rest[:n])
		rest = rest[n:]
	}
	return out, err
}

func decrypt(mode cipher.BlockMode, p []byte) {
	if len(p) > 16 {
		p = p[16:]
		p = p[:len(p)/16*16]
		mode.CryptBlocks(p, p)
	}
}
