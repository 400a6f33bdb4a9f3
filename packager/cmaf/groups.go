package cmaf

import "encoding/binary"

// Sample groups that hold for all samples of a fragment (14496-12, 8.9.2 and 8.9.3).

const (
	sgpdSize         = 24 // without the description
	sbgpSize         = 28
	seigSize         = 20 + 1 + 16 // with a constant IV (23001-7, 6)
	localDescription = 0x10001     // the first group description of the same traf (14496-12, 8.9.4)
)

func (f *fragment) groupSize() (n int64) {
	if f.roll != 0 {
		n += sgpdSize + 2 + sbgpSize
	}
	if f.seig != nil {
		n += sgpdSize + int64(len(f.seig)) + sbgpSize
	}
	return n
}

// groups are those of types roll (14496-12, 10.1) and seig (23001-7, 6).
func (w *writer) groups(f *fragment) {
	if f.roll != 0 {
		var distance [2]byte
		binary.BigEndian.PutUint16(distance[:], uint16(f.roll))
		w.group(f, "roll", distance[:])
	}
	if f.seig != nil {
		w.group(f, "seig", f.seig)
	}
}

// group puts all samples of the fragment into one group of that type.
func (w *writer) group(f *fragment, name string, description []byte) {
	w.full(sgpdSize+int64(len(description)), "sgpd", 1, 0)
	w.head = append(w.head, name...)
	w.u32(uint32(len(description)), 1) // default_length, entry_count
	w.head = append(w.head, description...)
	w.full(sbgpSize, "sbgp", 0, 0)
	w.head = append(w.head, name...)
	w.u32(1, uint32(f.samples), localDescription)
}
