package bmfftest

import "encoding/binary"

// Sample is one sample of a Track.
type Sample struct {
	Data     []byte // nil: Size bytes of noise
	Size     int    // used where Data is nil
	Duration uint32 // ticks
	CTO      int32  // ticks
	Sync     bool
	Entry    int    // index into Track.Entries
	Flags    uint32 // in trun, as they are; 0: made of Sync

	Group      int    // of Crypt.Groups, from 1; 0: none
	Aux        []byte // auxiliary information, made by Encrypt
	Subsamples bool   // Aux has some
}

// Bytes is the payload.
func (s *Sample) Bytes() []byte {
	if s.Data != nil || s.Size == 0 {
		return s.Data
	}
	return Noise(uint32(s.Size), s.Size)
}

func (s *Sample) size() int {
	if s.Data != nil {
		return len(s.Data)
	}
	return s.Size
}

func (s *Sample) flags() uint32 {
	switch {
	case s.Flags != 0:
		return s.Flags
	case s.Sync:
		return 0x02000000
	}
	return 0x01010000
}

// Noise is n bytes that depend on the seed alone, none of them zero: no start code and no emulation prevention.
func Noise(seed uint32, n int) []byte {
	b := make([]byte, n)
	x := seed*2654435761 + 0x9e3779b9
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x>>16) | 1
	}
	return b
}

// NAL is NAL units, each after a length field of 4 bytes.
func NAL(units ...[]byte) []byte {
	var b []byte
	for _, u := range units {
		b = binary.BigEndian.AppendUint32(b, uint32(len(u)))
		b = append(b, u...)
	}
	return b
}

// Video is n frames of H.264 at 25 frames per second, timescale 12800, with a sync sample every gop frames and no
// reordering. Each frame is an access unit delimiter and one slice.
func Video(n, gop int) Track {
	t := Track{Handler: "vide", Timescale: 12800, Entries: [][]byte{AVC1()}, Width: 640 << 16, Height: 360 << 16}
	for i := range n {
		sync := i%gop == 0
		t.Samples = append(t.Samples, Sample{Data: Frame(i, sync), Duration: 512, Sync: sync})
	}
	return t
}

// Frame is frame i of H.264: an access unit delimiter and a slice, of some 900 bytes where it is an IDR picture and some
// 200 otherwise. The slice begins as a header of picture parameter set 0 does; noise follows.
func Frame(i int, idr bool) []byte {
	slice := append([]byte{0x41, 0x9a, 0x24}, Noise(uint32(i), 180+i%61)...)
	if idr {
		slice = append([]byte{0x65, 0x88, 0x84}, Noise(uint32(i), 880+i%61)...)
	}
	return NAL([]byte{0x09, 0xf0}, slice)
}

// Reorder gives t the composition offsets of closed GOPs with two B-frames after each P, whose delay is one frame, and the
// edit that takes the delay back. With negative, offsets are a frame less, sync samples have 0 and there is no edit.
func (t Track) Reorder(negative bool) Track {
	t.Samples = append([]Sample(nil), t.Samples...)
	if len(t.Samples) == 0 {
		return t
	}
	frame := int32(t.Samples[0].Duration)
	for from, to := 0, 0; from < len(t.Samples); from = to {
		for to = from + 1; to < len(t.Samples) && !t.Samples[to].Sync; to++ {
		}
		for i := from; i < to; i++ {
			j, cto := i-from, int32(1) // decoded I P B B P B B, shown I B B P B B P
			if j > 0 && (j-1)/3*3+3 < to-from {
				cto = 0
				if j%3 == 1 {
					cto = 3
				}
			}
			if negative {
				cto--
			}
			t.Samples[i].CTO = cto * frame
		}
	}
	if !negative {
		t.Edits = []Edit{{Media: int64(frame)}}
	}
	return t
}

// Audio is n frames of AAC-LC at 48 kHz, timescale 48000, with noise for payload.
func Audio(n int) Track { return Sound(MP4A(), n, 1024, 48000) }

// Sound is n frames of any sound, each of the duration in ticks of the timescale.
func Sound(entry []byte, n int, duration, timescale uint32) Track {
	t := Track{Handler: "soun", Timescale: timescale, Entries: [][]byte{entry}}
	for i := range n {
		t.Samples = append(t.Samples, Sample{Data: Noise(uint32(i)+1<<20, 150+i%37), Duration: duration, Sync: true})
	}
	return t
}
