package cmaf

import (
	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Estimate takes samples for equally long, or for of any duration where their number shows that they are not, and
// pictures for such that depend on one another in more than one way. Where that is wrong the segment is smaller by 4 bytes
// a sample.
//
// What is encrypted here it takes for encrypted with IVs of 16 bytes, in cbcs with a constant one, which CMAF wants of that
// scheme; of what comes encrypted the IVs are known. In pictures it leaves room for eight slices or tiles, or such of 1200
// bytes each where those are more; and in each fragment for the sample group that names a key. It does not know the pssh
// boxes of a Protection with Group: whoever sets that adds their size.
func (Packager) Estimate(s drm.Scheme, spans ...media.Span) int64 {
	var total int64
	for i := range spans {
		total += estimate(s, &spans[i])
	}
	return total
}

func estimate(scheme drm.Scheme, s *media.Span) int64 {
	n := int64(max(s.Samples, 0))
	f := fragment{samples: int(n), payload: s.Bytes, trun: trunSize}
	if s.Track.Kind == media.Video {
		f.trun |= trunFlags
		if s.Track.Delay > 0 {
			f.trun |= trunCTO
		}
	}
	if n > 0 && s.Duration%n != 0 {
		f.trun |= trunDuration
	}
	f.roll = rollDistance(s.Track, 1)
	if f.aux = assumed(scheme, s, n); f.aux.on {
		f.seig = make([]byte, seigSize)
	}
	size := stypSize(false) + f.moofSize() + f.mdatHeader() + f.payload
	if s.Chunk > 0 && n > 0 {
		each := max(1, s.Chunk*n/max(1, s.Duration)) // samples in a fragment
		f.samples, f.payload = 0, 0
		f.aux.size, f.aux.each = min(f.aux.size, 1), 0
		size += ((n+each-1)/each - 1) * (f.moofSize() + f.mdatHeader())
	}
	return size
}

// assumed is the auxiliary information of n samples under a scheme.
func assumed(scheme drm.Scheme, s *media.Span, n int64) auxiliary {
	signal := signal{scheme: scheme, ivSize: 16}
	if s.Track.Crypt != nil {
		signal = carried(s.Track.Crypt)
	}
	if scheme == drm.CBCS {
		signal.ivSize = 0
	}
	a := auxiliary{on: !signal.clear(), signal: signal, each: -1}
	if a.on {
		a.size = n * int64(signal.ivSize)
		if s.Track.Kind == media.Video {
			a.size += n*(2+8*6) + s.Bytes/200
		}
	}
	return a
}
