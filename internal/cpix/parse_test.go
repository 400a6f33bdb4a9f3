package cpix_test

import (
	"testing"
	"time"

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
	offset := 1500 * time.Millisecond
	for name, d := range map[string]*cpix.Document{
		"CPIX 2.3": full(t),
		"SPEKE 1": {ID: "a", Systems: []cpix.DRMSystem{{
			KID: kidA, System: drm.PlayReady, Name: "PlayReady", URIExtXKey: []byte("u"), KeyFormat: []byte{}, KeyFormatVersions: []byte("1"), ProtectionHeader: []byte{1},
		}}},
		"CPIX 2.4": {
			Version: "2.4", ContentID: "a",
			Keys:    []cpix.ContentKey{{KID: kidA, Scheme: "cbcs", HLSLevel: "TYPE-1", HDCP: []byte("<a/>")}},
			Systems: []cpix.DRMSystem{{KID: kidA, System: drm.FairPlay, AllowedCPC: "AppleMain", ContentProtectionData: []byte("<a/>"), Robustness: "HW"}},
			Periods: []cpix.Period{
				{ID: "live", Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 1, 1, 0, 0, 6, 500, time.UTC)},
				{ID: "VOD", StartOffset: new(time.Duration), EndOffset: &offset},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cpix.Parse(d.Append(nil))
			require.NoError(t, err, "%s", d.Append(nil))
			for i := range d.Keys {
				require.True(t, d.Keys[i].Value.Equal(got.Key(d.Keys[i].KID).Value))
				got.Keys[i].Value, d.Keys[i].Value = drm.Secret{}, drm.Secret{}
			}
			require.Equal(t, d, got)
			require.NotNil(t, got.System(kidA, d.Systems[0].System))
			require.Nil(t, got.System(kidA, drm.Marlin))
			require.Nil(t, got.Key(drm.KeyID{}))
		})
	}
}
