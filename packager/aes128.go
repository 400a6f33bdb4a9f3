package packager

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Render is p.Segment for every scheme: what [drm.AES128] encrypts is not for a format to know, so p makes the segment
// clear and Render encrypts the whole of it. All Inputs must then have the same Protection, one of [drm.Protection] Clear
// or not; else the error matches drm.ErrIncompatible. A protection that its Check refuses never reaches p.
func Render(ctx context.Context, p Packager, job *Job) (Body, error) {
	protect, err := together(job)
	if err != nil {
		return Body{}, fmt.Errorf("segment %d: %w", job.Number, err)
	}
	if protect.Of() != drm.AES128 {
		return p.Segment(ctx, job)
	}
	clear := *job
	clear.Inputs = slices.Clone(job.Inputs)
	for i := range clear.Inputs {
		clear.Inputs[i].Protect = nil
	}
	body, err := p.Segment(ctx, &clear)
	if err != nil || protect.Clear {
		return body, err
	}
	iv := SegmentIV(protect, job.Number)
	if _, ok := p.(Initializer); ok {
		iv = protect.Key.ConstantIV()
	}
	return AES128(body, protect.Key, iv)
}

// RenderInit is p.Init for every scheme: under [drm.AES128] the whole initialization segment is encrypted with
// Key.ConstantIV, as are the segments after it (RFC 8216, 4.3.2.5: EXT-X-KEY then has an IV). It stays clear where protect
// is Clear, for playlists whose EXT-X-MAP stands before EXT-X-KEY.
func RenderInit(p Initializer, t *media.Track, protect *drm.Protection) (Body, error) {
	if err := protect.Check(); err != nil {
		return Body{}, fmt.Errorf("initialization segment of track %s: %w", t.ID, err)
	}
	if protect.Of() != drm.AES128 {
		return p.Init(t, protect)
	}
	body, err := p.Init(t, nil)
	if err != nil || protect.Clear {
		return body, err
	}
	return AES128(body, protect.Key, protect.Key.ConstantIV())
}

// together checks the protections of a job. It returns the one that all Inputs have if any of them says AES-128, which
// encrypts all of a segment; else nil.
func together(job *Job) (*drm.Protection, error) {
	whole := false
	for i := range job.Inputs {
		in := &job.Inputs[i]
		if err := in.Protect.Check(); err != nil {
			return nil, fmt.Errorf("track %s: %w", in.Track.ID, err)
		}
		whole = whole || in.Scheme() == drm.AES128
	}
	if !whole {
		return nil, nil
	}
	first := &job.Inputs[0]
	for i := range job.Inputs {
		if in := &job.Inputs[i]; !alike(first.Protect, in.Protect) {
			return nil, fmt.Errorf("tracks %s and %s are one segment, which AES-128 encrypts as a whole: give them one key: %w",
				first.Track.ID, in.Track.ID, drm.ErrIncompatible)
		}
	}
	return first.Protect, nil
}

// alike reports whether two protections are the same under AES-128.
func alike(p, q *drm.Protection) bool {
	return p.Of() == drm.AES128 && q.Of() == drm.AES128 && p.Clear == q.Clear &&
		p.Key.ID == q.Key.ID && p.Key.Value.Equal(q.Key.Value) && slices.Equal(p.Key.IV, q.Key.IV)
}

// SegmentIV is the initialization vector of a segment under AES-128: the one that the key prescribes, or else the number,
// which is to be its media sequence number, big endian (RFC 8216, 5.2).
func SegmentIV(p *drm.Protection, number uint64) (iv [16]byte) {
	if len(p.Key.IV) > 0 {
		return p.Key.ConstantIV()
	}
	binary.BigEndian.PutUint64(iv[8:], number)
	return iv
}

// AES128 encrypts a Body with AES-CBC and pads it with 1 to 16 bytes (PKCS #7) to whole blocks (RFC 8216, 4.3.2.4). It is
// encrypted while it is sent, through one pooled buffer. Each block depends on all before it: a range is made from the
// beginning and the bytes before it are thrown away, so that a late one costs as much as the whole. The error matches
// drm.ErrNoKey.
func AES128(body Body, key drm.Key, iv [16]byte) (Body, error) {
	k, ok := key.Value.Reveal()
	if !ok {
		return Body{}, fmt.Errorf("%s has no value: %w", key, drm.ErrNoKey)
	}
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return Body{}, fmt.Errorf("%s: %w", key, err)
	}
	return StreamBody(&encrypted{body, block, iv}), nil
}

// encrypted is a Body under AES-128. Immutable.
type encrypted struct {
	body  Body
	block cipher.Block
	iv    [16]byte
}

func (s *encrypted) Size() int64 { return s.body.size - s.body.size%aes.BlockSize + aes.BlockSize }

// Send asks for no more of the clear Body than the last wanted block has.
func (s *encrypted) Send(ctx context.Context, w io.Writer, off, n int64) error {
	off = max(off, 0)
	if n = min(n, s.Size()-off); n <= 0 {
		return nil
	}
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	c := chain{w: w, mode: cipher.NewCBCEncrypter(s.block, s.iv[:]), buf: buf, skip: off, left: n}
	end := (off + n + aes.BlockSize - 1) &^ (aes.BlockSize - 1)
	if _, err := s.body.Slice(0, end).Send(ctx, &c); err != nil {
		return err
	}
	if end > s.body.size {
		var padding [aes.BlockSize]byte
		size := int(end - s.body.size)
		for i := range padding[:size] {
			padding[i] = byte(size)
		}
		if _, err := c.Write(padding[:size]); err != nil {
			return err
		}
	}
	return c.flush()
}

// chain encrypts what is written to it.
type chain struct {
	w    io.Writer
	mode cipher.BlockMode
	buf  *[bufferSize]byte
	fill int   // of buf: encrypted but for the last, partial block
	skip int64 // bytes before the first that is wanted
	left int64 // bytes that are
}

func (c *chain) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := c.fill % aes.BlockSize
		if part > 0 || len(p) < aes.BlockSize {
			start := c.fill - part
			k := copy(c.buf[c.fill:start+aes.BlockSize], p)
			if c.fill, p = c.fill+k, p[k:]; c.fill%aes.BlockSize == 0 {
				c.mode.CryptBlocks(c.buf[start:c.fill], c.buf[start:c.fill])
			}
		} else {
			k := min(len(p), bufferSize-c.fill) &^ (aes.BlockSize - 1)
			c.mode.CryptBlocks(c.buf[c.fill:c.fill+k], p[:k])
			c.fill, p = c.fill+k, p[k:]
		}
		if c.fill == bufferSize {
			if err := c.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush writes what is wanted of the buffer, which holds whole blocks.
func (c *chain) flush() error {
	b := c.buf[:c.fill]
	c.fill = 0
	cut := min(c.skip, int64(len(b)))
	b, c.skip = b[cut:], c.skip-cut
	b = b[:min(int64(len(b)), c.left)]
	if len(b) == 0 {
		return nil
	}
	c.left -= int64(len(b))
	_, err := c.w.Write(b)
	return err
}
