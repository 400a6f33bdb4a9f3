package drm

import (
	"encoding/binary"
	"fmt"
)

// WidevineData is the data of a Widevine pssh: the protocol buffer message WidevinePsshData. Fields that are zero are left
// out.
type WidevineData struct {
	Algorithm      uint32  // field 1: 1 for AES-CTR, of old; 0: left out
	KeyIDs         []KeyID // field 2
	Provider       string  // field 3
	ContentID      []byte  // field 4
	TrackType      string  // field 5, deprecated: SD, HD, AUDIO
	Policy         string  // field 6
	PeriodIndex    uint32  // field 7: crypto_period_index
	GroupedLicense []byte  // field 8
	Scheme         Scheme  // field 9; one of 23001-7 or empty
	PeriodSeconds  uint32  // field 10: crypto_period_seconds
}

// Wire types of protocol buffers.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// Append appends the message, fields in the order of their numbers.
func (d *WidevineData) Append(dst []byte) []byte {
	number := func(field, v uint32) {
		if v != 0 {
			dst = binary.AppendUvarint(append(dst, byte(field<<3|wireVarint)), uint64(v))
		}
	}
	bytes := func(field uint32, v string) {
		if v != "" {
			dst = binary.AppendUvarint(append(dst, byte(field<<3|wireBytes)), uint64(len(v)))
			dst = append(dst, v...)
		}
	}
	number(1, d.Algorithm)
	for i := range d.KeyIDs {
		bytes(2, string(d.KeyIDs[i][:]))
	}
	bytes(3, d.Provider)
	bytes(4, string(d.ContentID))
	bytes(5, d.TrackType)
	bytes(6, d.Policy)
	number(7, d.PeriodIndex)
	bytes(8, string(d.GroupedLicense))
	if d.Scheme.Common() {
		number(9, binary.BigEndian.Uint32([]byte(d.Scheme)))
	}
	number(10, d.PeriodSeconds)
	return dst
}

// ParseWidevine reads the data of a Widevine pssh. Fields that WidevineData does not have are passed over, and so are key
// ids that have not 16 bytes. It shares the bytes of b. The error matches ErrFormat.
func ParseWidevine(b []byte) (*WidevineData, error) {
	d := &WidevineData{}
	total := len(b)
	for len(b) > 0 {
		at := total - len(b)
		field, number, data, rest, ok := protoField(b)
		if !ok {
			return nil, fmt.Errorf("widevine data at byte %d: field cut short or unknown: %w", at, ErrFormat)
		}
		b = rest
		switch field {
		case 1<<3 | wireVarint:
			d.Algorithm = uint32(number)
		case 2<<3 | wireBytes:
			if len(data) == 16 {
				d.KeyIDs = append(d.KeyIDs, KeyID(data))
			}
		case 3<<3 | wireBytes:
			d.Provider = string(data)
		case 4<<3 | wireBytes:
			d.ContentID = data
		case 5<<3 | wireBytes:
			d.TrackType = string(data)
		case 6<<3 | wireBytes:
			d.Policy = string(data)
		case 7<<3 | wireVarint:
			d.PeriodIndex = uint32(number)
		case 8<<3 | wireBytes:
			d.GroupedLicense = data
		case 9<<3 | wireVarint:
			code := binary.BigEndian.AppendUint32(nil, uint32(number))
			if s := Scheme(code); s.Common() {
				d.Scheme = s
			}
		case 10<<3 | wireVarint:
			d.PeriodSeconds = uint32(number)
		}
	}
	return d, nil
}

// protoField splits off one field of a message: its tag, and its number or its bytes.
func protoField(b []byte) (tag, number uint64, data, rest []byte, ok bool) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 {
		return 0, 0, nil, nil, false
	}
	b = b[n:]
	size := uint64(0)
	switch tag & 7 {
	case wireVarint:
		number, n = binary.Uvarint(b)
		return tag, number, nil, b[max(n, 0):], n > 0
	case wire64:
		size = 8
	case wire32:
		size = 4
	case wireBytes:
		if size, n = binary.Uvarint(b); n <= 0 {
			return 0, 0, nil, nil, false
		}
		b = b[n:]
	default:
		return 0, 0, nil, nil, false
	}
	if size > uint64(len(b)) {
		return 0, 0, nil, nil, false
	}
	return tag, 0, b[:size:size], b[size:], true
}
