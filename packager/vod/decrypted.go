package vod

import (
	"context"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	// clearVersion follows an object's Version where it is read clear.
	clearVersion = "-clear"
	batchBytes   = 64 << 10 // decrypted at once: several samples, or one that is larger
	batchSamples = 1 << 10  // and no more than these: samples may be empty
	// plainBytes bounds the plaintext that is held of a track, but for the batch that was read last.
	plainBytes = 2 << 20
	maxFree    = 4 // batches whose memory is kept for others
	// maxLocked bounds a sample that is decrypted, which is held as a whole: 8K all-intra pictures have some megabytes.
	maxLocked = 64 << 20
)

// decrypted is the samples of an encrypted track in the clear, one after the other. It decrypts when it is read, and no more
// than what is touched, a batch at a time; it keeps the batches read last, at most plainBytes: whoever reads NAL units
// one by one does not pay for each. Safe for concurrent use.
type decrypted struct {
	obj     media.Object
	x       *bmff.Index
	keys    *keys
	batches []batch // and one more, at the end
	version string

	mu   sync.Mutex // guards what follows
	held []*plaintext
	free []*plaintext // given up, their memory is for others; at most maxFree
	used int
	tick int
}

// scratch is memory for the tables of a batch.
type scratch struct {
	located []bmff.Sample
	samples []media.Sample
	aux     bmff.AuxBuffer
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// batch is samples from first on, at off.
type batch struct {
	off   int64
	first int
}

// plaintext is a batch; bytes are read-only while somebody reads them.
type plaintext struct {
	batch   int
	bytes   []byte
	tick    int // of the last use
	readers int
	held    bool
}

func newDecrypted(obj media.Object, x *bmff.Index, k *keys) (*decrypted, error) {
	d := &decrypted{obj: obj, x: x, keys: k, version: obj.Version() + clearVersion}
	var buf []bmff.Sample
	off, start := int64(0), int64(0)
	for from := 0; from < x.Len(); from += scanBlock {
		buf = x.Append(buf[:0], from, min(from+scanBlock, x.Len()))
		for i := range buf {
			size := int64(buf[i].Size)
			if size > maxLocked {
				return nil, fmt.Errorf("an encrypted sample of %d bytes, of at most %d are decrypted: %w", size, maxLocked, media.ErrUnsupported)
			}
			if n := len(d.batches); n == 0 || off+size-start > batchBytes || from+i-d.batches[n-1].first == batchSamples {
				d.batches = append(d.batches, batch{off, from + i})
				start = off
			}
			off += size
		}
	}
	d.batches = append(d.batches, batch{off, x.Len()})
	return d, nil
}

// Size implements media.Object.
func (d *decrypted) Size() int64 { return d.batches[len(d.batches)-1].off }

// Version implements media.Object.
func (d *decrypted) Version() string { return d.version }

// Check implements media.Checker.
func (d *decrypted) Check() error {
	if o, ok := d.obj.(media.Checker); ok {
		return o.Check()
	}
	return nil
}

// offset is where sample i lies.
func (d *decrypted) offset(i int) int64 {
	k := sort.Search(len(d.batches), func(k int) bool { return d.batches[k].first > i }) - 1
	b := d.batches[k]
	off := b.off
	t := scratches.Get().(*scratch)
	defer scratches.Put(t)
	t.located = d.x.Append(t.located[:0], b.first, i)
	for j := range t.located {
		off += int64(t.located[j].Size)
	}
	return off
}

// memory is what the tables and the plaintext take at most, bytes.
func (d *decrypted) memory() int64 { return int64(cap(d.batches))*16 + plainBytes + maxFree*batchBytes }

// ReadAt implements media.Object.
func (d *decrypted) ReadAt(ctx context.Context, p []byte, off int64) error {
	end := off + int64(len(p))
	if off < 0 || end < off || end > d.Size() {
		return fmt.Errorf("read %d bytes at %d of %d: %w", len(p), off, d.Size(), io.ErrUnexpectedEOF)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	k := sort.Search(len(d.batches), func(k int) bool { return d.batches[k].off > off }) - 1
	for len(p) > 0 {
		from, to := d.batches[k].off, d.batches[k+1].off
		if off == from && to-from <= int64(len(p)) { // all of it: no copy is needed
			if err := d.decrypt(ctx, k, p[:to-from]); err != nil {
				return err
			}
			p, off = p[to-from:], to
		} else {
			plain, err := d.plaintext(ctx, k)
			if err != nil {
				return err
			}
			n := copy(p, plain.bytes[off-from:])
			d.release(plain)
			p, off = p[n:], off+int64(n)
		}
		k++
	}
	return nil
}

// plaintext is a batch, read-only until it is released.
func (d *decrypted) plaintext(ctx context.Context, k int) (*plaintext, error) {
	p := d.find(k)
	if p != nil {
		return p, nil
	}
	p = d.room(k)
	err := d.decrypt(ctx, k, p.bytes)
	d.hold(p, err == nil)
	if err != nil {
		d.release(p)
		return nil, err
	}
	return p, nil
}

// find is batch k if it is held.
func (d *decrypted) find(k int) *plaintext {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tick++
	for _, h := range d.held {
		if h.batch == k {
			h.tick = d.tick
			h.readers++
			return h
		}
	}
	return nil
}

// room is memory for batch k: that of one that was given up, if it is large enough.
func (d *decrypted) room(k int) *plaintext {
	n := int(d.batches[k+1].off - d.batches[k].off)
	d.mu.Lock()
	defer d.mu.Unlock()
	var p *plaintext
	if last := len(d.free) - 1; last >= 0 {
		p, d.free = d.free[last], d.free[:last]
	} else {
		p = new(plaintext)
	}
	if cap(p.bytes) < n {
		p.bytes = make([]byte, n)
	}
	p.batch, p.bytes, p.readers = k, p.bytes[:n], 1
	return p
}

// release says that one reader is done with p.
func (d *decrypted) release(p *plaintext) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.readers--
	d.recycle(p)
}

// recycle takes the memory of p, if nobody reads it and it is not held. Locked. Large samples' is let go.
func (d *decrypted) recycle(p *plaintext) {
	if p.readers == 0 && !p.held && cap(p.bytes) <= batchBytes && len(d.free) < maxFree {
		d.free = append(d.free, p)
	}
}

// hold keeps a batch if it is good, and gives up those not used for longest. What another reader has decrypted meanwhile is
// not kept twice.
func (d *decrypted) hold(p *plaintext, good bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.held {
		good = good && h.batch != p.batch
	}
	if !good {
		return
	}
	for len(d.held) > 0 && d.used+cap(p.bytes) > plainBytes {
		oldest := 0
		for i := range d.held {
			if d.held[i].tick < d.held[oldest].tick {
				oldest = i
			}
		}
		gone, last := d.held[oldest], len(d.held)-1
		d.used -= cap(gone.bytes)
		d.held[oldest], d.held[last] = d.held[last], nil
		d.held = d.held[:last]
		gone.held = false
		d.recycle(gone)
	}
	p.held, p.tick = true, d.tick
	d.held = append(d.held, p)
	d.used += cap(p.bytes)
}

// decrypt reads batch k into p, which is as long.
func (d *decrypted) decrypt(ctx context.Context, k int, p []byte) error {
	from, to := d.batches[k].first, d.batches[k+1].first
	t := scratches.Get().(*scratch)
	defer scratches.Put(t)
	t.located = d.x.Append(t.located[:0], from, to)
	samples := t.samples[:0]
	for i := range t.located {
		samples = append(samples, t.located[i].Sample)
	}
	t.samples = samples
	aux, err := t.aux.Read(ctx, d.x, d.obj, from, samples)
	if err != nil {
		return err
	}
	if err := d.gather(ctx, samples, p); err != nil {
		return err
	}
	for i := 0; i < len(samples); {
		crypt, next := d.x.Crypt(from + i)
		next = min(next-from, len(samples))
		n := 0
		for _, s := range samples[i:next] {
			n += int(s.Size)
		}
		if crypt != nil {
			if done, err := d.keys.of[crypt].decrypt(p[:n], samples[i:next], aux[i:next]); err != nil {
				return fmt.Errorf("sample %d: %w", from+i+done+1, err)
			}
		}
		p, i = p[n:], next
	}
	return nil
}

// gather reads samples as they lie into p, those that adjoin at once.
func (d *decrypted) gather(ctx context.Context, samples []media.Sample, p []byte) error {
	run := media.Run{Samples: samples}
	for e := range run.Extents() {
		if err := d.obj.ReadAt(ctx, p[:e.Len], e.Off); err != nil {
			return err
		}
		p = p[e.Len:]
	}
	return nil
}
