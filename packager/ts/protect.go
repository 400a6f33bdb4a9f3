package ts

import (
	"context"
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/mpegts"
	"github.com/mezzomedia/mezzo/internal/sampleaes"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// accepts says whether a scheme can be had for a track, if it can be carried clear.
func accepts(t *media.Track, s drm.Scheme) error {
	switch {
	case t.Crypt != nil:
		return trackError(t, "its source is encrypted (%s), which MPEG-TS cannot pass on: decrypt it first: %w: %w",
			t.Crypt.Scheme, drm.ErrIncompatible, media.ErrUnsupported)
	case s == "":
		return nil
	case s == drm.SampleAES:
		return sampleaes.Accepts(t)
	case s == drm.AES128:
		return trackError(t, "AES-128 encrypts whole segments (packager.Render), no track of one: %w: %w", drm.ErrIncompatible, media.ErrUnsupported)
	}
	return trackError(t, "MPEG-TS under %s: it has SAMPLE-AES and AES-128: %w: %w", s, drm.ErrIncompatible, media.ErrUnsupported)
}

// protectable refuses an input that cannot be sent as it should.
func protectable(in *packager.Input) error {
	if err := in.Protect.Check(); err != nil {
		return trackError(in.Track, "%w", err)
	}
	if err := accepts(in.Track, in.Scheme()); err != nil {
		return err
	}
	for i := range in.Runs {
		if in.Runs[i].Crypt != nil {
			return trackError(in.Track, "samples that are encrypted in their source: decrypt them first: %w: %w", drm.ErrIncompatible, media.ErrUnsupported)
		}
	}
	return nil
}

// protect decides how the track is encrypted. In a clear lead it is carried like any that is clear.
func (e *elementary) protect() error {
	in := e.input
	if in.Protect == nil || in.Protect.Clear {
		return nil
	}
	key, err := sampleaes.NewKey(in.Protect)
	if err != nil {
		return trackError(in.Track, "%w", err)
	}
	e.key = key
	switch in.Track.Codec.Coding { // Apple, MPEG-2 Stream Encryption Format for HTTP Live Streaming, 2.4
	case media.H264:
		e.kind = 0xDB
	case media.AAC:
		e.kind = 0xCF
	case media.AC3:
		e.kind = 0xC1
	case media.EAC3:
		e.kind = 0xC2
	}
	return nil
}

// indicators are the descriptors of an encrypted stream.
func (e *elementary) indicators() []byte {
	if e.video {
		return mpegts.PrivateData("zavc")
	}
	name := "aacd"
	switch e.input.Track.Codec.Coding {
	case media.AC3:
		name = "ac3d"
	case media.EAC3:
		name = "ec3d"
	}
	return append(mpegts.PrivateData(name), mpegts.Registration("apad", e.setup...)...)
}

// prepare makes what the program map says of encrypted sound; for AC-3 the first bytes of payload are part of it.
func (e *elementary) prepare(ctx context.Context) error {
	if e.key == nil || e.video {
		return nil
	}
	var head []byte
	if at, ok := e.begin(); ok && e.input.Track.Codec.Coding == media.AC3 {
		s := e.sample(&at)
		data := e.input.Runs[at.run].Data
		if data == nil {
			return e.sampleError(&at, fmt.Errorf("a run without data: %w", media.ErrFormat))
		}
		head = make([]byte, min(s.Size, sampleaes.SetupFrame))
		if err := data.ReadAt(ctx, head, s.Offset); err != nil {
			return e.sampleError(&at, err)
		}
	}
	setup, err := sampleaes.Setup(e.input.Track, head)
	e.setup = setup
	return err
}

// countSlices encrypts all slices to learn by how much samples grow. Nothing of it is kept: what is sent is encrypted
// again.
func (e *elementary) countSlices(ctx context.Context) error {
	m := muxers.Get().(*muxer)
	defer m.release()
	if len(m.inputs) == 0 {
		m.inputs = make([]payload, 1)
	}
	r := &m.inputs[0]
	r.reset(e)
	n := 0
	for i := range e.input.Runs {
		n += len(e.input.Runs[i].Samples)
	}
	e.growth = make([]int32, 0, n)
	e.warm()
	return packager.Guard(func() error {
		for i := range e.input.Runs {
			for j := range e.input.Runs[i].Samples {
				if err := ctx.Err(); err != nil {
					return err
				}
				r.at = place{run: i, sample: j, index: len(e.growth)}
				n, err := m.seal.growth(ctx, r)
				if err != nil {
					return err
				}
				if err := e.grow(&r.at, n); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
