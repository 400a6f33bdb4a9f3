package e2e

import (
	"encoding/binary"
	"os"
)

// ffmpegShift says by how many ticks ffmpeg 5.1 reports each track of a fragmented file late, by track id: the most
// negative composition offset of its truns. Its reader adds that to every presentation time and forgets to take it off
// the decode times of fragments, as it does for files without (mov.c, dts_shift). So this is taken off what it says.
func ffmpegShift(path string) (map[uint32]int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	shift := map[uint32]int64{}
	var track uint32
	var walk func(p []byte)
	walk = func(p []byte) {
		for len(p) >= 8 {
			size, head := uint64(binary.BigEndian.Uint32(p)), uint64(8)
			if size == 1 && len(p) >= 16 {
				size, head = binary.BigEndian.Uint64(p[8:]), 16
			}
			if size == 0 {
				size = uint64(len(p))
			}
			if size < head || size > uint64(len(p)) {
				return
			}
			body := p[head:size]
			switch string(p[4:8]) {
			case "moof", "traf":
				walk(body)
			case "tfhd":
				if len(body) >= 8 {
					track = binary.BigEndian.Uint32(body[4:])
				}
			case "trun":
				shift[track] = max(shift[track], mostNegative(body))
			}
			p = p[size:]
		}
	}
	walk(data)
	return shift, nil
}

// mostNegative is the greatest -offset of a trun (14496-12, 8.8.8), at least 0. ffmpeg takes offsets as signed whatever
// the version of the box.
func mostNegative(body []byte) (most int64) {
	if len(body) < 8 {
		return 0
	}
	flags, count := binary.BigEndian.Uint32(body)&0xffffff, binary.BigEndian.Uint32(body[4:])
	at, width := 8, 0
	for _, bit := range []uint32{1, 4} { // data offset, first sample's flags
		if flags&bit != 0 {
			at += 4
		}
	}
	offset := -1
	for _, bit := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&bit != 0 {
			if bit == 0x800 {
				offset = width
			}
			width += 4
		}
	}
	for i := 0; offset >= 0 && i < int(count) && at+width <= len(body); i++ {
		most = max(most, -int64(int32(binary.BigEndian.Uint32(body[at+offset:]))))
		at += width
	}
	return most
}
