package cmaf

import (
	"encoding/binary"

	"github.com/mezzomedia/mezzo/packager/media"
)

// entries are the sample entries of a track: the protected one first, then the clear one where segments may be clear. Players
// configure themselves by the first.
func (p *protection) entries() [][]byte {
	clear := p.track.Codec.Entry
	if p.header.clear() {
		return [][]byte{clear}
	}
	if p.lead {
		return [][]byte{p.entry(clear), clear}
	}
	return [][]byte{p.entry(clear)}
}

// entry makes encv or enca of a sample entry: the same with another name and sinf (14496-12, 8.12).
func (p *protection) entry(clear []byte) []byte {
	tenc := full("tenc", p.version(), p.header.body())
	schm := full("schm", 0, append([]byte(p.header.scheme), 0, 1, 0, 0)) // version 1.0
	sinf := box("sinf", box("frma", clear[4:8]), schm, box("schi", tenc))
	name := "encv"
	if p.track.Kind == media.Audio {
		name = "enca"
	}
	return box(name, clear[8:], sinf)
}

func (p *protection) version() byte {
	if p.header.scheme.Patterned() {
		return 1
	}
	return 0
}

func box(name string, parts ...[]byte) []byte {
	size := 8
	for _, p := range parts {
		size += len(p)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(size))
	b = append(b, name...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func full(name string, version byte, body []byte) []byte {
	return box(name, []byte{version, 0, 0, 0}, body)
}
