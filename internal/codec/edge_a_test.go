package codec

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/packager/media"
)

// TestA9PCMIsNamed: sound without compression is refused by name, in whatever description it stands.
func TestA9PCMIsNamed(t *testing.T) {
	for _, kind := range []string{"lpcm", "sowt", "twos", "in24", "fl32", "raw ", "ipcm"} {
		for _, entry := range [][]byte{
			audioV0(kind, 48000, 2), audioV1(kind, 48000, 2, box4("chan", "00000000 00640001 00000000 00000000")),
			audioV1(kind, 48000, 2, appendBox(nil, "wave", box4("frma", "6c70636d"), box4("enda", "0001"), unhex("00000008 00000000"))), audioV2(kind, rate48000, 2),
		} {
			_, err := FromEntry(entry, unread)
			require.ErrorIs(t, err, media.ErrUnsupported, kind)
			require.ErrorContains(t, err, "PCM", kind)
		}
	}
}

// entries is a well-formed entry of each coding.
func entries() map[string][]byte {
	hvc := appendBox(nil, "hvcC", hvcC(true, vpsHEVC, spsHEVC, ppsHEVC))
	return map[string][]byte{
		"avc1": visual("avc1", 0, appendBox(nil, "avcC", avcC(highTail)), box4("pasp", "00000004 00000003"), box4("colr", "6e636c78 0001 0001 0001 80")),
		"hvc1": visual("hvc1", 0, hvc), "dvh1": visual("dvh1", 0, hvc, box4("dvcC", "0100 0a35 10")),
		"av01": visual("av01", 0, box4("av1C", "81050C00")), "vp09": visual("vp09", 0, box4("vpcC", "01000000 00008202 02020000")),
		"mp4a": audioV0("mp4a", 48000, 2, esdsOf(mpeg4Audio, "1190", 4)), "v1": audioV1("mp4a", 48000, 2, appendBox(nil, "wave", esdsOf(mpeg4Audio, "1190", 1))),
		"v2": audioV2("mp4a", rate48000, 2, esdsOf(mpeg4Audio, "1190", 1)), "ac-3": audioV0("ac-3", 48000, 2, box4("dac3", "103DC0")),
		"ec-3": audioV0("ec-3", 48000, 2, box4("dec3", "0600 200F 0001 10")), "Opus": audioV0("Opus", 48000, 2, box4("dOps", "00 02 0138 0000BB80 0000 00")),
		"encv": visual("encv", 0, hvc, appendBox(nil, "sinf", box4("frma", "68766331"))),
	}
}

// TestA24NothingIsReadPastItsEnd: every entry cut at every byte, its size as it was and corrected, and every beginning of a
// first sample, gives a Stream or one of the two errors.
func TestA24NothingIsReadPastItsEnd(t *testing.T) {
	samples := [][]byte{prefixed(vpsHEVC, spsHEVC, ppsHEVC, unhex("2601af")), prefixed(spsH264, ppsH264, unhex("6588")), av1Sequence(), unhex("0b770600")}
	check := func(s *Stream, err error) {
		if err != nil {
			require.True(t, errors.Is(err, media.ErrFormat) != errors.Is(err, media.ErrUnsupported), "%v", err)
			return
		}
		require.NotEmpty(t, s.Codec.String)
	}
	for kind, entry := range entries() {
		_, err := FromEntry(entry, sample(av1Sequence()))
		require.NoError(t, err, kind)
		for n := range entry {
			for _, smp := range samples {
				check(FromEntry(entry[:n:n], sample(smp)))
				if n >= 8 {
					right := append([]byte(nil), entry[:n]...)
					be.PutUint32(right, uint32(n))
					check(FromEntry(right, sample(smp)))
				}
			}
		}
	}
	for _, kind := range []string{"avc1", "avc3", "hvc1", "hev1", "av01", "vp09"} {
		for _, smp := range samples {
			for n := range smp {
				check(FromEntry(visual(kind, 0), sample(smp[:n:n])))
			}
		}
	}
	for _, kind := range []string{"ac-3", "ec-3"} {
		for n := range samples[3] {
			check(FromEntry(audioV0(kind, 48000, 2), sample(samples[3][:n:n])))
		}
	}
}
