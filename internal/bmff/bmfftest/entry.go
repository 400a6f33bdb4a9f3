package bmfftest

import "encoding/hex"

// Parameter sets of H.264 Main, 640x360, 25 frames per second, as x264 writes them.
const (
	avcSPS = "674d401eeca05017fcb808800000030080000019478b16cb"
	avcPPS = "68efbc80"
)

// VisualEntry is a visual sample entry (14496-12, 12.1.3) with its boxes.
func VisualEntry(typ string, width, height int, boxes ...[]byte) []byte {
	parts := [][]byte{
		make([]byte, 6), U16(1), make([]byte, 16), U16(uint16(width), uint16(height)),
		U32(0x480000, 0x480000, 0), U16(1), make([]byte, 32), U16(24, 0xffff),
	}
	return Box(typ, append(parts, boxes...)...)
}

// AudioEntry is an audio sample entry (14496-12, 12.2.3) with its boxes.
func AudioEntry(typ string, channels, rate int, boxes ...[]byte) []byte {
	parts := [][]byte{
		make([]byte, 6), U16(1), make([]byte, 8), U16(uint16(channels), 16, 0, 0), U32(uint32(rate) << 16),
	}
	return Box(typ, append(parts, boxes...)...)
}

// AVC1 is H.264 Main, 640x360, with its parameter sets.
func AVC1() []byte { return avc("avc1") }

// AVC3 is AVC1 for parameter sets in band.
func AVC3() []byte { return avc("avc3") }

func avc(typ string) []byte {
	sps, pps := unhex(avcSPS), unhex(avcPPS)
	avcC := Box("avcC", []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}, U16(uint16(len(sps))), sps, []byte{1}, U16(uint16(len(pps))), pps)
	return VisualEntry(typ, 640, 360, avcC, Box("pasp", U32(1, 1)))
}

// HVC1 is HEVC Main, 1280x720.
func HVC1() []byte {
	return VisualEntry("hvc1", 1280, 720, Box("hvcC", unhex(
		"0101600000009000000000005df000fcfdf8f800000f03"+
			"a00001001840010c01ffff01600000030090000003000003005d959409"+
			"a10001002b42010101600000030090000003000003005da00280802d1659596e4c2f016808000003000800000300c840"+
			"a2000100064401c173c189")))
}

// AV01 is AV1 Main, 640x360.
func AV01() []byte {
	return VisualEntry("av01", 640, 360, Box("av1C", unhex("81010c000a0b0000000cc4ff6700be0010")))
}

// VP09 is VP9 profile 0, 640x360.
func VP09() []byte {
	return VisualEntry("vp09", 640, 360, FullBox("vpcC", 1, 0, unhex("0015820202020000")))
}

// MP4A is AAC-LC, stereo, 48 kHz.
func MP4A() []byte {
	return AudioEntry("mp4a", 2, 48000, FullBox("esds", 0, 0, unhex("031900010004114015000000"+"0001f40000014d96"+"05021190"+"060102")))
}

// MP3 is MPEG-1 audio layer III in MP4 (object type 0x6b), stereo, 48 kHz.
func MP3() []byte {
	return AudioEntry("mp4a", 2, 48000, FullBox("esds", 0, 0, unhex("03150001"+"00040d6b15000000"+"0001f4000001f400"+"060102")))
}

// AC3 is AC-3 5.1, 48 kHz, 384 kbit/s.
func AC3() []byte { return AudioEntry("ac-3", 2, 48000, Box("dac3", unhex("103dc0"))) }

// EAC3 is Enhanced AC-3 5.1, 48 kHz, 256 kbit/s.
func EAC3() []byte { return AudioEntry("ec-3", 2, 48000, Box("dec3", unhex("0800200f00"))) }

// Opus is Opus, stereo.
func Opus() []byte { return AudioEntry("Opus", 2, 48000, Box("dOps", unhex("000201380000bb80000000"))) }

// FLAC is FLAC, stereo, 48 kHz, 24 bits.
func FLAC() []byte {
	return AudioEntry("fLaC", 2, 48000, FullBox("dfLa", 0, 0, unhex(
		"8000002212001200000717001f320bb8037000119400454fdccf9140db64efb19a380e9bd657")))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // a constant of this package is wrong
	}
	return b
}
