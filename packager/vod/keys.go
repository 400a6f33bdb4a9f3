package vod

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/packager/media"
)

// maxCrypts bounds what a track asks of the key provider, and the ciphers that are made at once: a day of a key each 10 s.
const maxCrypts = 10_000

// keys decrypt the samples of one track.
type keys struct {
	of map[*media.Crypt]*lock
}

// lock makes Ciphers, which are not safe for concurrent use.
type lock struct {
	key   drm.Key
	crypt *media.Crypt
	pool  sync.Pool
}

// decrypting asks for the keys of all that the samples of a track are encrypted by; nil where they are clear or stay as they
// are.
func decrypting(ctx context.Context, in *Input, trak *bmff.Track) (*decrypted, error) {
	crypts := trak.Index.Crypts()
	if in.Keys == nil || len(crypts) == 0 {
		return nil, nil
	}
	if len(crypts) > maxCrypts {
		return nil, fmt.Errorf("encrypted in %d ways, by key or constant IV, of at most %d are decrypted: %w", len(crypts), maxCrypts, media.ErrUnsupported)
	}
	k := &keys{of: make(map[*media.Crypt]*lock, len(crypts))}
	found := map[drm.KeyID]drm.Key{}
	for _, c := range crypts {
		id := drm.KeyID(c.KeyID)
		key, ok := found[id]
		if !ok {
			var err error
			if key, err = in.Keys.Key(ctx, id); err != nil {
				return nil, fmt.Errorf("encrypted by key %s: %w", id, err)
			}
			found[id] = key
		}
		l := &lock{key: key, crypt: c}
		cipher, err := l.cipher()
		if err != nil {
			return nil, err
		}
		l.pool.Put(cipher)
		k.of[c] = l
	}
	return newDecrypted(in.Object, trak.Index, k)
}

func (l *lock) cipher() (*cenc.Cipher, error) {
	if c, ok := l.pool.Get().(*cenc.Cipher); ok {
		return c, nil
	}
	return cenc.NewDecrypter(l.key, drm.Scheme(l.crypt.Scheme), drm.Pattern{Crypt: l.crypt.CryptBlocks, Skip: l.crypt.SkipBlocks})
}

// decrypt decrypts samples in place, which p holds one after the other. With an error it says how many went well.
func (l *lock) decrypt(p []byte, samples []media.Sample, aux []media.Aux) (done int, err error) {
	c, err := l.cipher()
	if err != nil {
		return 0, err
	}
	defer l.pool.Put(c)
	for i := range samples {
		size := int(samples[i].Size)
		if err := c.Begin(aux[i].IV, aux[i].Subsamples, int64(size)); err != nil {
			return i, err
		}
		if n := c.Crypt(p[:size], p[:size]); n < size {
			return i, fmt.Errorf("%d bytes of it are left over: %w", size-n, media.ErrFormat)
		}
		p = p[size:]
	}
	return len(samples), nil
}

// plausible looks at a sample for what only the right key gives: NAL units that fill it, sync words. Where all that tells
// was clear, or nothing tells, a wrong key stays unnoticed.
func (d *decrypted) plausible(s *codec.Stream, sample func() ([]byte, error)) error {
	if d == nil || sample == nil {
		return nil
	}
	p, err := sample()
	if err != nil {
		return err
	}
	why := ""
	switch {
	case s.Video != nil && s.Video.NALLength > 0:
		if !filled(p, s.Video.NALLength) {
			why = "its NAL units do not fill a sample"
		}
	case (s.Codec.Coding == media.AC3 || s.Codec.Coding == media.EAC3) && !bytes.HasPrefix(p, []byte{0x0B, 0x77}),
		s.Codec.Coding == media.FLAC && (len(p) < 2 || p[0] != 0xFF || p[1]&0xFC != 0xF8):
		why = "a sample does not begin with a sync word"
	}
	if why == "" {
		return nil
	}
	for _, l := range d.keys.of {
		return fmt.Errorf("decrypted by %s, %s: another key has encrypted it, or it is damaged: %w", l.key, why, media.ErrFormat)
	}
	return nil
}

// filled reports whether NAL units with length fields of n bytes fill p, the last of which may go on where p was cut.
func filled(p []byte, n int) bool {
	cut := len(p) == firstBytes
	for len(p) > 0 {
		if len(p) < n {
			return cut
		}
		var field [8]byte
		copy(field[8-n:], p)
		size := binary.BigEndian.Uint64(field[:])
		if size > uint64(len(p)-n) {
			return cut
		}
		p = p[n+int(size):]
	}
	return true
}

// locked is the samples in iv as they lie, with how they are encrypted: a run ends where that changes.
func (s *Source) locked(ctx context.Context, st *stream, t *media.Track, iv media.Interval, all []media.Sample) ([]media.Run, error) {
	var (
		runs  []media.Run
		first []int // sample of each run
		next  int64
		crypt *media.Crypt
		after int // the sample before
		until int // where crypt ends
	)
	st.table.each(iv, func(smp *sample) {
		split := len(runs) == 0 || smp.DTS != next || smp.i != after+1
		if split || smp.i >= until {
			var c *media.Crypt
			c, until = st.trak.Index.Crypt(smp.i)
			split, crypt = split || c != crypt, c
		}
		if split {
			runs = append(runs, media.Run{Track: t, DTS: smp.DTS, Data: s.obj, Crypt: crypt})
			first = append(first, smp.i)
		}
		all = append(all, smp.Sample)
		next, after = smp.DTS+int64(smp.Duration), smp.i
		r := &runs[len(runs)-1]
		r.Samples = all[len(all)-len(r.Samples)-1 : len(all) : len(all)]
	})
	for i := range runs {
		if r := &runs[i]; r.Crypt != nil {
			var err error
			if r.Aux, err = st.trak.Index.Aux(ctx, s.obj, first[i], r.Samples); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return runs, nil
}

// cleared is the samples in iv where they are decrypted.
func (st *stream) cleared(t *media.Track, iv media.Interval, all []media.Sample) []media.Run {
	runs := collect(st, t, iv, all, st.clear)
	off, expect, n := int64(0), -1, 0
	all = all[:cap(all)]
	st.table.each(iv, func(smp *sample) {
		if smp.i != expect {
			off = st.clear.offset(smp.i)
		}
		all[n].Offset = off
		off += int64(smp.Size)
		expect = smp.i + 1
		n++
	})
	return runs
}

// crypt is how the samples of a description are encrypted unless a run says otherwise; nil: all are clear.
func (s *Source) crypt(t *bmff.Track, i int) *media.Crypt {
	in := t.Index.Crypts()
	if len(in) == 0 {
		return nil
	}
	base := in[0]
	for j, p := range t.Protections {
		if p != nil && p.Crypt != nil && bytes.Equal(p.Entry, entryOf(t, i)) {
			base = t.Protections[j].Crypt
			break
		}
	}
	own := *base
	own.PSSH = s.movie.PSSH
	for _, c := range in {
		if equalCrypt(c, &own) {
			return c
		}
	}
	return &own
}

func equalCrypt(a, b *media.Crypt) bool {
	return a.Scheme == b.Scheme && a.KeyID == b.KeyID && a.IVSize == b.IVSize && bytes.Equal(a.ConstantIV, b.ConstantIV) &&
		a.CryptBlocks == b.CryptBlocks && a.SkipBlocks == b.SkipBlocks && bytes.Equal(a.PSSH, b.PSSH)
}
