package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

// TestA9QuickTimeFlavours: one AAC track in every sound description becomes one and the same ISO entry.
func TestA9QuickTimeFlavours(t *testing.T) {
	esds := esdsOf(mpeg4Audio, "1190", 1)
	wave := appendBox(nil, "wave", box4("frma", "6d703461"), box4("mp4a", "00000000"), esds, unhex("00000008 00000000"))
	chan1 := box4("chan", "00000000 00640001 00000000 00000000")
	iso, err := FromEntry(audioV0("mp4a", 48000, 2, esds), unread)
	require.NoError(t, err)
	require.Equal(t, "mp4a.40.2", iso.Codec.String)
	require.Equal(t, unhex("1190"), iso.Codec.Config)
	require.Equal(t, media.AudioFormat{SampleRate: 48000, Channels: 2}, *iso.Audio)
	require.Equal(t, 1024, iso.FrameSize)
	srat := box4("srat", "00000000 0000BB80")
	isoV1 := audioV0("mp4a", 48000, 2, srat, esds)
	isoV1[17] = 1
	for name, entry := range map[string][]byte{
		"version 0, wave":                     audioV0("mp4a", 48000, 2, wave),
		"version 1, esds":                     audioV1("mp4a", 48000, 2, esds),
		"version 1, wave":                     audioV1("mp4a", 48000, 2, wave, chan1),
		"version 1, wave after others":        audioV1("mp4a", 48000, 2, chan1, wave, unhex("00000000")),
		"version 2, wave":                     audioV2("mp4a", rate48000, 2, wave),
		"version 2, esds":                     audioV2("mp4a", rate48000, 2, esds),
		"ISO version 1":                       isoV1,
		"version 0 with the fields of 1":      append(audioV1("mp4a", 48000, 2, esds)[:16:16], append([]byte{0, 0}, audioV1("mp4a", 48000, 2, esds)[18:]...)...),
		"terminator of no size, then padding": audioV0("mp4a", 48000, 2, esds, make([]byte, 12)),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := FromEntry(entry, unread)
			require.NoError(t, err)
			require.Equal(t, iso, s)
		})
	}
}

func TestA10Descriptors(t *testing.T) {
	want, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "1190", 1)), unread)
	require.NoError(t, err)
	for n := 2; n <= 4; n++ {
		s, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "1190", n)), unread)
		require.NoError(t, err)
		require.Equal(t, want, s, "lengths of %d bytes", n)
	}
	const config = "04 11 40 15 000000 00020000 0001F400 05 02 1190"
	for name, p := range map[string]string{
		"no SLConfig":                 "00000000 03 16 0001 00" + config,
		"length reaches past the end": "00000000 03 7F 0001 00" + config,
		"stream dependence and OCR":   "00000000 03 1A 0001 A0 0002 0003" + config,
		"URL":                         "00000000 03 1A 0001 40 03 616263" + config,
		"decoder configuration first": "00000000" + config,
		"another descriptor before":   "00000000 0E 02 0000 03 16 0001 00" + config,
	} {
		s, err := FromEntry(audioV0("mp4a", 48000, 2, box4("esds", p)), unread)
		require.NoError(t, err, name)
		require.Equal(t, want, s, name)
	}
	t.Run("no DecoderSpecificInfo: LC of the entry's rate", func(t *testing.T) {
		s, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "", 1)), unread)
		require.NoError(t, err)
		require.Equal(t, want, s)
		s, err = FromEntry(audioV0("mp4a", 48000, 2), unread)
		require.NoError(t, err)
		require.Equal(t, unhex("1190"), s.Codec.Config)
		_, err = FromEntry(audioV0("mp4a", 47999, 2), unread)
		require.ErrorIs(t, err, media.ErrFormat)
	})
	for name, p := range map[string]string{
		"empty": "", "only a header": "00000000", "endless length": "00000000 03 FF FF FF FF FF", "cut": "00000000 03 02 0001",
		"no decoder configuration": "00000000 03 03 0001 00", "URL past the end": "00000000 03 05 0001 40 FF 61",
	} {
		_, err := FromEntry(audioV0("mp4a", 48000, 2, box4("esds", p)), unread)
		require.ErrorIs(t, err, media.ErrFormat, name)
	}
}

// ascOf packs the fields of an AudioSpecificConfig.
func ascOf(fields ...field) string { return hexOf(pack(fields...)) }

func TestE1E2E3AACSignalling(t *testing.T) {
	lc24 := []field{{2, 5}, {6, 4}, {2, 4}, {0, 3}} // LC, 24 kHz, stereo
	for _, c := range []struct {
		name       string
		asc        string
		entryRate  int
		entry      int // channels
		codec      string
		rate, chns int
		frame      int
	}{
		{"LC", "1190", 48000, 2, "mp4a.40.2", 48000, 2, 1024},
		{"LC of 24 kHz", ascOf(lc24...), 24000, 2, "mp4a.40.2", 24000, 2, 1024},
		{"implicit SBR: the entry has twice the rate", ascOf(lc24...), 48000, 2, "mp4a.40.5", 48000, 2, 2048},
		{"SBR, hierarchical", ascOf(field{5, 5}, field{6, 4}, field{2, 4}, field{3, 4}, field{2, 5}, field{0, 3}), 48000, 2, "mp4a.40.5", 48000, 2, 2048},
		{"SBR, backward compatible", ascOf(append(lc24, field{0x2b7, 11}, field{5, 5}, field{1, 1}, field{3, 4})...), 24000, 2, "mp4a.40.5", 48000, 2, 2048},
		{"SBR, said to be absent", ascOf(append(lc24, field{0x2b7, 11}, field{5, 5}, field{0, 1})...), 24000, 2, "mp4a.40.2", 24000, 2, 1024},
		{"PS, hierarchical", ascOf(field{29, 5}, field{6, 4}, field{1, 4}, field{3, 4}, field{2, 5}, field{0, 3}), 48000, 2, "mp4a.40.29", 48000, 2, 2048},
		{"PS, backward compatible", ascOf(field{2, 5}, field{6, 4}, field{1, 4}, field{0, 3}, field{0x2b7, 11}, field{5, 5}, field{1, 1}, field{3, 4}, field{0x548, 11}, field{1, 1}), 24000, 1, "mp4a.40.29", 48000, 2, 2048},
		{"downsampled SBR", ascOf(field{5, 5}, field{3, 4}, field{2, 4}, field{3, 4}, field{2, 5}, field{0, 3}), 48000, 2, "mp4a.40.5", 48000, 2, 1024},
		{"5.1", ascOf(field{2, 5}, field{3, 4}, field{6, 4}, field{0, 3}), 48000, 6, "mp4a.40.2", 48000, 6, 1024},
		{"7.1", ascOf(field{2, 5}, field{3, 4}, field{7, 4}, field{0, 3}), 48000, 8, "mp4a.40.2", 48000, 8, 1024},
		{"rate written out", ascOf(field{2, 5}, field{15, 4}, field{48000, 24}, field{2, 4}, field{0, 3}), 48000, 2, "mp4a.40.2", 48000, 2, 1024},
		{"960 samples", ascOf(field{2, 5}, field{3, 4}, field{2, 4}, field{1, 1}, field{0, 2}), 48000, 2, "mp4a.40.2", 48000, 2, 960},
		{"Main", ascOf(field{1, 5}, field{3, 4}, field{2, 4}, field{0, 3}), 48000, 2, "mp4a.40.1", 48000, 2, 1024},
		{"xHE", ascOf(field{31, 5}, field{10, 6}, field{3, 4}, field{0, 4}, field{3, 5}, field{3, 3}, field{2, 5}), 48000, 2, "mp4a.40.42", 48000, 2, 2048},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(audioV0("mp4a", c.entryRate, c.entry, esdsOf(mpeg4Audio, c.asc, 1)), unread)
			require.NoError(t, err)
			require.Equal(t, c.codec, s.Codec.String)
			require.Equal(t, c.rate, s.Audio.SampleRate)
			require.Equal(t, c.chns, s.Audio.Channels)
			require.Equal(t, c.frame, s.FrameSize)
			again, err := FromEntry(s.Codec.Entry, unread)
			require.NoError(t, err)
			require.Equal(t, s, again)
		})
	}
	t.Run("MPEG-2 AAC LC is MPEG-4 AAC LC", func(t *testing.T) {
		s, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg2AACLC, "1190", 1)), unread)
		require.NoError(t, err)
		require.Equal(t, "mp4a.40.2", s.Codec.String)
	})
	for _, bad := range []string{"11", "FF", "1780", "F9"} {
		_, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, bad, 1)), unread)
		require.Error(t, err, bad)
	}
}

// pceOf packs a program_config_element of pairs and single channels in front and back.
func pceOf(front, side, back []uint32, lfe uint32) []field {
	f := []field{{0, 4}, {1, 2}, {3, 4}, {uint32(len(front)), 4}, {uint32(len(side)), 4}, {uint32(len(back)), 4}, {lfe, 2}, {0, 3}, {0, 4}, {0, 3}}
	for _, list := range [][]uint32{front, side, back} {
		for i, pair := range list {
			f = append(f, field{pair, 1}, field{uint32(i), 4})
		}
	}
	return append(f, field{0, int(4 * lfe)})
}

func TestE4ProgramConfigElement(t *testing.T) {
	for _, c := range []struct {
		name              string
		front, side, back []uint32
		lfe               uint32
		channels          int
		config            uint8
	}{
		{"stereo", []uint32{1}, nil, nil, 0, 2, 2},
		{"5.1", []uint32{0, 1}, nil, []uint32{1}, 1, 6, 6},
		{"5.1, surrounds at the side", []uint32{0, 1}, []uint32{1}, nil, 1, 6, 6},
		{"4.0 of pairs", []uint32{1}, nil, []uint32{1}, 0, 4, 0},
		{"6.1", []uint32{0, 1}, []uint32{1}, []uint32{0}, 1, 7, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := append([]field{{2, 5}, {3, 4}, {0, 4}, {0, 3}}, pceOf(c.front, c.side, c.back, c.lfe)...)
			asc := append(pack(fields...), 2, 'h', 'i') // aligned, then a comment
			s, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, hexOf(asc), 1)), unread)
			require.NoError(t, err)
			require.Equal(t, c.channels, s.Audio.Channels)

			a, err := NewADTS(asc)
			require.NoError(t, err)
			require.Equal(t, c.config, a.channel)
			if c.config > 0 {
				require.Nil(t, a.PCE)
				return
			}
			element := append([]field{{5, 3}}, pceOf(c.front, c.side, c.back, c.lfe)...)
			require.Equal(t, append(pack(element...), 2, 'h', 'i'), a.PCE)
			h := a.Header(100)
			require.Equal(t, 107+len(a.PCE), int(h[3]&3)<<11|int(h[4])<<3|int(h[5])>>5)
		})
	}
	_, err := NewADTS(pack(field{2, 5}, field{3, 4}, field{0, 4}, field{0, 3}))
	require.ErrorIs(t, err, media.ErrUnsupported)
}

func TestADTSHeader(t *testing.T) {
	for _, c := range []struct {
		asc     string
		payload int
		want    string
	}{
		{"1190", 371, "FFF14C802F5FFC"},
		{"1210", 8184, "FFF15083FFFFFC"},
		{ascOf(field{5, 5}, field{6, 4}, field{2, 4}, field{3, 4}, field{2, 5}, field{0, 3}), 9, "FFF15880021FFC"},                   // HE: the core's rate
		{ascOf(field{2, 5}, field{15, 4}, field{44100, 24}, field{1, 4}, field{0, 3}), 0, "FFF1504000FFFC"},                          // a rate of the table, written out
		{ascOf(field{29, 5}, field{7, 4}, field{1, 4}, field{4, 4}, field{2, 5}, field{0, 3}), 1, "FFF15C40011FFC"},                  // HEv2: mono core
		{ascOf(field{2, 5}, field{3, 4}, field{7, 4}, field{0, 3}), 1, "FFF14DC0011FFC"},                                             // 7.1
		{ascOf(field{1, 5}, field{12, 4}, field{2, 4}, field{0, 3}), 1, "FFF13080011FFC"},                                            // Main, 7350 Hz
		{ascOf(field{4, 5}, field{0, 4}, field{6, 4}, field{0, 3}, field{0x2b7, 11}, field{5, 5}, field{0, 1}), 1, "FFF1C180011FFC"}, // LTP, 96 kHz, 5.1
	} {
		a, err := NewADTS(unhex(c.asc))
		require.NoError(t, err)
		h := a.Header(c.payload)
		require.Equal(t, c.want, upper(h[:]), c.asc)
	}
	for name, asc := range map[string]string{
		"xHE": ascOf(field{31, 5}, field{10, 6}, field{3, 4}, field{0, 4}, field{3, 5}, field{3, 3}, field{2, 5}),
		"ELD": ascOf(field{31, 5}, field{7, 6}, field{3, 4}, field{2, 4}, field{0, 8}), "47 kHz": ascOf(field{2, 5}, field{15, 4}, field{47000, 24}, field{2, 4}, field{0, 3}),
		"960": ascOf(field{2, 5}, field{3, 4}, field{2, 4}, field{1, 1}, field{0, 2}), "22.2": ascOf(field{2, 5}, field{3, 4}, field{13, 4}, field{0, 3}),
	} {
		_, err := NewADTS(unhex(asc))
		require.ErrorIs(t, err, media.ErrUnsupported, name)
	}
}

func TestE16AC3(t *testing.T) {
	for _, c := range []struct {
		name, dac3     string
		rate, channels int
		mask           uint16
	}{
		{"5.1, 48 kHz", "103DC0", 48000, 6, 0xF801},
		{"stereo, 44.1 kHz", "50 10 A0", 44100, 2, 0xA000},
		{"mono, 32 kHz, bsid 6", "8C 08 40", 32000, 1, 0x4000},
		{"stereo, half rate", "12 10 40", 24000, 2, 0xA000},
		{"3/1", "10 28 40", 48000, 4, 0xE100},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(audioV0("ac-3", 48000, 2, box4("dac3", c.dac3)), unread)
			require.NoError(t, err)
			require.Equal(t, media.AudioFormat{SampleRate: c.rate, Channels: c.channels, ChannelMask: c.mask}, *s.Audio)
			require.Equal(t, 1536, s.FrameSize)
			require.Equal(t, "ac-3", s.Codec.String)
		})
	}
	frame := pack(field{0x0B77, 16}, field{0, 16}, field{0, 2}, field{30, 6}, field{8, 5}, field{0, 3}, field{7, 3}, field{0, 4}, field{1, 1}, field{0, 16})
	s, err := FromEntry(audioV0("ac-3", 48000, 2), sample(frame))
	require.NoError(t, err)
	require.Equal(t, unhex("103DE0"), s.Codec.Config)
	_, err = FromEntry(audioV0("ac-3", 48000, 2, box4("dac3", "D03DC0")), unread)
	require.ErrorIs(t, err, media.ErrFormat)
	_, err = FromEntry(audioV0("ac-3", 48000, 2), sample([]byte{0x0B, 0x77}))
	require.ErrorIs(t, err, media.ErrFormat)
}

func TestE15EAC3(t *testing.T) {
	dec3 := func(rate, fscod, acmod, lfe uint32, tail ...field) []byte {
		return appendBox(nil, "dec3", pack(append([]field{{rate, 13}, {0, 3}, {fscod, 2}, {16, 5}, {0, 5}, {acmod, 3}, {lfe, 1}, {0, 3}}, tail...)...))
	}
	for _, c := range []struct {
		name     string
		box      []byte
		channels int
		mask     uint16
		joc      int
	}{
		{"stereo", dec3(192, 0, 2, 0, field{0, 5}), 2, 0xA000, 0},
		{"5.1", dec3(640, 0, 7, 1, field{0, 5}), 6, 0xF801, 0},
		{"7.1: Lrs and Rrs in a dependent substream", dec3(768, 0, 7, 1, field{1, 4}, field{2, 9}), 8, 0xFA01, 0},
		{"5.1 with Atmos", dec3(768, 0, 7, 1, field{0, 5}, field{1, 8}, field{16, 8}), 6, 0xF801, 16},
		{"extension without JOC", dec3(768, 0, 7, 1, field{0, 5}, field{0, 16}), 6, 0xF801, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(audioV0("ec-3", 48000, 2, c.box), unread)
			require.NoError(t, err)
			require.Equal(t, media.AudioFormat{SampleRate: 48000, Channels: c.channels, ChannelMask: c.mask, JOC: c.joc}, *s.Audio)
			require.Equal(t, c.box[8:], s.Codec.Config)
		})
	}
	frame := func(kind, acmod, lfe uint32, tail ...field) []byte {
		p := pack(append([]field{{0x0B77, 16}, {kind, 2}, {0, 3}, {767, 11}, {0, 2}, {3, 2}, {acmod, 3}, {lfe, 1}, {16, 5}, {31, 5}, {0, 1}}, tail...)...)
		return append(p, make([]byte, 1536-len(p))...)
	}
	s, err := FromEntry(audioV0("ec-3", 48000, 2), sample(append(frame(0, 7, 1), frame(1, 2, 0, field{1, 1}, field{0x0200, 16})...)))
	require.NoError(t, err)
	require.Equal(t, dec3(768, 0, 7, 1, field{1, 4}, field{2, 9})[8:], s.Codec.Config)
	require.Equal(t, 8, s.Audio.Channels)
	_, err = FromEntry(audioV0("ec-3", 48000, 2, box4("dec3", "0600 2000 01")), unread)
	require.NoError(t, err)
	_, err = FromEntry(audioV0("ec-3", 48000, 2, box4("dec3", "0607 2000 01")), unread)
	require.ErrorIs(t, err, media.ErrFormat)
}

func TestE30Opus(t *testing.T) {
	dops := box4("dOps", "00 02 0138 0000BB80 0000 00")
	for _, c := range []struct {
		packet string
		frame  int
	}{{"", 0}, {"FC", 960}, {"E0", 120}, {"08", 960}, {"1B 02", 5760}, {"1B", 0}, {"1A", 5760}, {"68", 960}, {"FF 06", 5760}} {
		s, err := FromEntry(audioV0("Opus", 48000, 2, dops), sample(unhex(c.packet)))
		require.NoError(t, err)
		require.Equal(t, c.frame, s.FrameSize, c.packet)
		require.Equal(t, media.AudioFormat{SampleRate: 48000, Channels: 2}, *s.Audio)
		require.Equal(t, "Opus", s.Codec.String)
		require.Equal(t, dops[8:], s.Codec.Config)
	}
	s, err := FromEntry(audioV0("Opus", 48000, 6, box4("dOps", "00 06 0138 0000BB80 0000 01 0402 000401020305 FFFF")), nil)
	require.NoError(t, err)
	require.Equal(t, 6, s.Audio.Channels)
	require.Len(t, s.Codec.Config, 19, "what comes after the mapping is dropped")
	for _, bad := range []string{"", "00 02 0138", "01 02 0138 0000BB80 0000 00", "00 03 0138 0000BB80 0000 00", "00 06 0138 0000BB80 0000 01 0402", "00 00 0138 0000BB80 0000 00"} {
		_, err := FromEntry(audioV0("Opus", 48000, 2, box4("dOps", bad)), nil)
		require.ErrorIs(t, err, media.ErrFormat, bad)
	}
}

func TestE31FLAC(t *testing.T) {
	info := "00000000 80000022 1000 1000 00000E 002D21 17700AF000000000" // 96 kHz, 6 channels, 16 bits, blocks of 4096
	dfla := box4("dfLa", info+" 00000000 00000000 00000000 00000000")
	s, err := FromEntry(audioV0("fLaC", 0, 6, dfla), unread)
	require.NoError(t, err)
	require.Equal(t, media.AudioFormat{SampleRate: 96000, Channels: 6}, *s.Audio)
	require.Equal(t, 4096, s.FrameSize)
	require.Equal(t, "fLaC", s.Codec.String)
	require.Equal(t, uint32(48000)<<16, be.Uint32(s.Codec.Entry[32:]), "a rate that does not fit is halved")
	_, err = FromEntry(audioV0("fLaC", 0, 6, box4("dfLa", info)), unread)
	require.ErrorIs(t, err, media.ErrFormat)
}

func TestE31MP3(t *testing.T) {
	for _, c := range []struct {
		name, codec string
		entry       []byte
		packet      string
		want        media.AudioFormat
		frame       int
	}{
		{"MPEG-1", "mp4a.6B", audioV0("mp4a", 44100, 2, esdsOf(mpeg1Audio, "", 1)), "FFFB9064", media.AudioFormat{SampleRate: 44100, Channels: 2}, 1152},
		{"the frame decides", "mp4a.6B", audioV0("mp4a", 44100, 2, esdsOf(mpeg1Audio, "", 1)), "FFFB94C4", media.AudioFormat{SampleRate: 48000, Channels: 1}, 1152},
		{"MPEG-2", "mp4a.69", audioV0("mp4a", 24000, 2, esdsOf(mpeg1Audio, "", 1)), "FFF394C4", media.AudioFormat{SampleRate: 24000, Channels: 1}, 576},
		{"object type 34", "mp4a.6B", audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "F84640", 1)), "FFFB9464", media.AudioFormat{SampleRate: 48000, Channels: 2}, 1152},
		{"QuickTime", "mp4a.6B", audioV1(".mp3", 48000, 2), "FFFB9464", media.AudioFormat{SampleRate: 48000, Channels: 2}, 1152},
		{"QuickTime, by the number of WAVE", "mp4a.6B", audioV1("ms\x00\x55", 48000, 2), "", media.AudioFormat{SampleRate: 48000, Channels: 2}, 1152},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := FromEntry(c.entry, sample(unhex(c.packet)))
			require.NoError(t, err)
			require.Equal(t, c.codec, s.Codec.String)
			require.Equal(t, c.want, *s.Audio)
			require.Equal(t, c.frame, s.FrameSize)
			require.Equal(t, media.MP3, s.Codec.Coding)
			require.Empty(t, s.Codec.Config)
			again, err := FromEntry(s.Codec.Entry, nil)
			require.NoError(t, err)
			require.Equal(t, s.Codec, again.Codec)
		})
	}
	_, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(mpeg1Audio, "", 1)), sample(unhex("FFFD9464")))
	require.ErrorContains(t, err, "MP2")
	require.ErrorIs(t, err, media.ErrUnsupported)
}

func TestE31Refusals(t *testing.T) {
	for kind, want := range map[string]string{
		"alac": "ALAC", "dtsc": "DTS", "ac-4": "AC-4", "mhm1": "MPEG-H", "sowt": "PCM", "lpcm": "PCM", "spex": "Speex", "samr": "AMR",
		"vvc1": "VVC", "vp08": "VP8", "apch": "ProRes", "tmcd": "timecode", "zzzz": "zzzz", "a\x00b\x01": `a\x00b\x01`,
	} {
		_, err := FromEntry(audioV0(kind, 48000, 2), unread)
		require.ErrorIs(t, err, media.ErrUnsupported)
		require.NotErrorIs(t, err, media.ErrFormat)
		require.ErrorContains(t, err, want)
	}
	for objectType, want := range map[byte]string{0xDD: "Vorbis", 0xA9: "DTS", 0xE1: "mp4a.e1"} {
		_, err := FromEntry(audioV0("mp4a", 48000, 2, esdsOf(objectType, "", 1)), unread)
		require.ErrorIs(t, err, media.ErrUnsupported)
		require.ErrorContains(t, err, want)
	}
	for objectType, want := range map[byte]string{0x20: "MPEG-4 Visual (mp4v.20)", 0x61: "MPEG-2 video (mp4v.61)", 0x6D: "PNG"} {
		_, err := FromEntry(visual("mp4v", 0, esdsOf(objectType, "", 1)), unread)
		require.ErrorIs(t, err, media.ErrUnsupported)
		require.ErrorContains(t, err, want)
	}
}
