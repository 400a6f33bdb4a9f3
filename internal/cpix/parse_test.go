package cpix_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

var (
	kidA = drm.KeyID{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}
	keyA = []byte{0x19, 0x47, 0xf5, 0xeb, 0xa3, 0xd0, 0x6f, 0x1f, 0xac, 0x80, 0x10, 0x03, 0x8f, 0x20, 0x4c, 0xbf}
)

func full(t testing.TB) *cpix.Document {
	value, err := drm.NewSecret(keyA)
	require.NoError(t, err)
	n, hdr := uint64(1), true
	return &cpix.Document{
		Version: "2.3", ContentID: `a "b" & <c>`,
		Keys: []cpix.ContentKey{{KID: kidA, Scheme: "cbcs", ExplicitIV: make([]byte, 16), Value: value}},
		Systems: []cpix.DRMSystem{
			{KID: kidA, System: drm.Widevine, PSSH: []byte("box"), ContentProtectionData: []byte{}, HLSMedia: []byte("#EXT-X-KEY:METHOD=NONE"), HLSMaster: []byte{}},
			{KID: kidA, System: drm.PlayReady, Smooth: []byte{1, 2, 3}},
		},
		Periods: []cpix.Period{{ID: "keyPeriod_1", Index: &n}},
		Rules: []cpix.UsageRule{
			{KID: kidA, Track: "SD+HD1", Periods: []string{"keyPeriod_1"}, Video: []drm.VideoFilter{{MaxPixels: 589824}, {MinPixels: 589825, MaxPixels: 921600, HDR: &hdr, MinFPS: 30}}},
			{KID: kidA, Track: "AUDIO", Periods: []string{"keyPeriod_1"}, Audio: []drm.AudioFilter{{MinChannels: 3, MaxChannels: 6}, {}}},
		},
	}
}

// What is written is read back.
func TestRoundTrip(t *testing.T) {
	d := full(t)
	got, err := cpix.Parse(d.Append(nil))
	require.NoError(t, err, "%s", d.Append(nil))
	require.True(t, d.Keys[0].Value.Equal(got.Keys[0].Value))
	got.Keys[0].Value, d.Keys[0].Value = drm.Secret{}, drm.Secret{}
	require.Equal(t, d, got)
}
