package codec

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Object types of elementary stream descriptors (14496-1, table 5).
const (
	mpeg4Audio    = 0x40
	mpeg2AACMain  = 0x66
	mpeg2AACLC    = 0x67
	mpeg2AACSSR   = 0x68
	mpeg2Audio    = 0x69
	mpeg1Audio    = 0x6B
	objectAC3     = 0xA5
	objectEAC3    = 0xA6
	objectDTS     = 0xA9
	objectVorbis  = 0xDD
	objectDTSLast = 0xAC
)

// descriptor is what an esds says (14496-1, 7.2.6).
type descriptor struct {
	objectType                  uint8
	buffer, maxRate, avgBitRate uint32 // bufferSizeDB in bytes, bit rates in bits per second
	config                      []byte // DecoderSpecificInfo
}

// Tags of descriptors (14496-1, table 1).
const (
	tagES            = 3
	tagDecoderConfig = 4
	tagDecoderInfo   = 5
	tagSLConfig      = 6
)

// nextDescriptor splits the first descriptor off p. Its length takes one to four bytes (14496-1, 8.3.3); one that
// reaches past the end is cut.
func nextDescriptor(p []byte) (tag byte, body, rest []byte, ok bool) {
	if len(p) < 2 {
		return 0, nil, nil, false
	}
	tag, p = p[0], p[1:]
	n := 0
	for i := 0; ; i++ {
		if i == 4 || i == len(p) {
			return 0, nil, nil, false
		}
		n = n<<7 | int(p[i]&0x7F)
		if p[i]&0x80 == 0 {
			p = p[i+1:]
			break
		}
	}
	n = min(n, len(p))
	return tag, p[:n:n], p[n:], true
}

// parseESDS reads the payload of an esds box.
func parseESDS(p []byte) (d descriptor, err error) {
	if len(p) < 4 {
		return d, fmt.Errorf("%d bytes (14496-14, 6.7.2): %w", len(p), media.ErrFormat)
	}
	p = p[4:]
	for {
		tag, body, rest, ok := nextDescriptor(p)
		switch {
		case !ok:
			return d, fmt.Errorf("no decoder configuration descriptor (14496-1, 7.2.6.6): %w", media.ErrFormat)
		case tag == tagES:
			if p = esBody(body); p == nil {
				return d, fmt.Errorf("elementary stream descriptor of %d bytes (14496-1, 7.2.6.5): %w", len(body), media.ErrFormat)
			}
		case tag == tagDecoderConfig && len(body) >= 13:
			d.objectType = body[0]
			d.buffer = be.Uint32(body[1:]) & 0xFFFFFF
			d.maxRate, d.avgBitRate = be.Uint32(body[5:]), be.Uint32(body[9:])
			for sub := body[13:]; len(sub) > 0; {
				var info []byte
				if tag, info, sub, ok = nextDescriptor(sub); !ok {
					break
				}
				if tag == tagDecoderInfo {
					d.config = info
					break
				}
			}
			return d, nil
		default:
			p = rest
		}
	}
}

// esBody passes over the optional fields of an ES_Descriptor; nil: it is too short.
func esBody(p []byte) []byte {
	if len(p) < 3 {
		return nil
	}
	flags := p[2]
	skip := 3
	if flags&0x80 != 0 {
		skip += 2 // dependsOn_ES_ID
	}
	if flags&0x40 != 0 && skip < len(p) {
		skip += 1 + int(p[skip]) // URL
	}
	if flags&0x20 != 0 {
		skip += 2 // OCR_ES_Id
	}
	if skip >= len(p) {
		return nil
	}
	return p[skip:]
}

// box writes the esds box with all that 14496-14, 5.6 asks for.
func (d *descriptor) box() []byte {
	config := []byte{d.objectType, 0x15, byte(d.buffer >> 16), byte(d.buffer >> 8), byte(d.buffer)} // audio, upstream 0
	config = be.AppendUint32(be.AppendUint32(config, d.maxRate), d.avgBitRate)
	if len(d.config) > 0 {
		config = appendDescriptor(config, tagDecoderInfo, d.config)
	}
	es := appendDescriptor([]byte{0, 0, 0}, tagDecoderConfig, config) // ES_ID 0 in files
	es = appendDescriptor(es, tagSLConfig, []byte{2})                 // predefined: MP4
	return appendBox(nil, "esds", make([]byte, 4), appendDescriptor(nil, tagES, es))
}

func appendDescriptor(dst []byte, tag byte, body []byte) []byte {
	dst = append(dst, tag)
	n := len(body)
	for shift := 21; shift > 0; shift -= 7 {
		if n>>shift > 0 {
			dst = append(dst, 0x80|byte(n>>shift))
		}
	}
	return append(append(dst, byte(n&0x7F)), body...)
}
