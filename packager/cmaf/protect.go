package cmaf

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// apply finds out for each fragment of a segment what of it is encrypted, and how it says so.
func (p *protection) apply(ctx context.Context, in *packager.Input, frags []fragment) error {
	if p.header.clear() {
		return nil
	}
	var found *cover
	if p.here != nil && !p.here.Clear {
		if p.here.Key.ID.IsZero() {
			return fmt.Errorf("track %s: a key without an id names no key in a segment: %w", in.Track.ID, drm.ErrNoKey)
		}
		if p.here.Key.Value.IsZero() {
			return fmt.Errorf("track %s: %s has no value: %w", in.Track.ID, p.here.Key, drm.ErrNoKey)
		}
		if err := p.unique(in); err != nil {
			return err
		}
		c, err := mapped(ctx, in)
		if err != nil {
			return err
		}
		found = &c
	}
	for i := range frags {
		f := &frags[i]
		s := p.of(&in.Runs[f.run])
		p.describe(f, &s)
		if s.clear() {
			continue
		}
		f.aux = auxiliary{input: in, cover: found, signal: s, on: true}
		if err := f.aux.measure(f); err != nil {
			return fmt.Errorf("track %s: %w", in.Track.ID, err)
		}
	}
	if p.here != nil && p.here.Group {
		if err := checkPSSH(p.pssh); err != nil {
			return fmt.Errorf("track %s: %w", in.Track.ID, err)
		}
		frags[0].pssh = p.pssh
	}
	return nil
}

// describe chooses sample entry and sample group of a fragment whose samples are as s says: the clear sample entry where
// there is one, else a group that says what differs from the protected one.
func (p *protection) describe(f *fragment, s *signal) {
	switch {
	case s.clear() && p.lead:
		f.entry = 2
	case p.here != nil && p.here.Group, !s.equal(&p.header):
		f.seig = s.body()
	}
}

// unique refuses samples that would get the same IV: those that do not come after the one before in time.
func (p *protection) unique(in *packager.Input) error {
	if p.here.IVSize == 0 {
		return nil
	}
	var last int64
	first := true
	for i := range in.Runs {
		dts := in.Runs[i].DTS + in.Shift
		for j := range in.Runs[i].Samples {
			if !first && dts <= last {
				return fmt.Errorf("track %s: two samples at %d would be encrypted with one IV, and none may last 0 ticks: %w",
					in.Track.ID, dts, media.ErrFormat)
			}
			first, last = false, dts
			dts += int64(in.Runs[i].Samples[j].Duration)
		}
	}
	return nil
}

// checkPSSH refuses what is not whole boxes of that name (23001-7, 8.1).
func checkPSSH(b []byte) error {
	for len(b) > 0 {
		if len(b) < 8 || string(b[4:8]) != "pssh" {
			return fmt.Errorf("%d bytes in place of a pssh box: %w", len(b), drm.ErrFormat)
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n < 32 || n > int64(len(b)) {
			return fmt.Errorf("pssh box of %d bytes in %d: %w", n, len(b), drm.ErrFormat)
		}
		b = b[n:]
	}
	return nil
}

// withPSSH puts the boxes at the end of moov, which begins at that byte of an initialization segment and is its last box.
func withPSSH(init []byte, moov int, pssh []byte) []byte {
	if len(pssh) == 0 {
		return init
	}
	init = append(init, pssh...)
	binary.BigEndian.PutUint32(init[moov:], uint32(len(init)-moov))
	return init
}
