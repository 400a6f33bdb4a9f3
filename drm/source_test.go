package drm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// Boxes that a Signaller wrote say, read back, what it says itself.
func TestSourceSignals(t *testing.T) {
	a, b := known(t)
	systems := []drm.SystemID{drm.Widevine, drm.PlayReady, drm.ClearKey}
	for _, scheme := range []drm.Scheme{drm.CENC, drm.CBCS} {
		want := signals(t, drm.Signaller{PlayReadyURL: laURL}, scheme, a, systems...)
		var boxes []byte
		for _, s := range want {
			boxes = append(boxes, s.PSSH...)
		}
		other := signals(t, drm.Signaller{}, scheme, b, drm.ClearKey) // names another key: not for this one
		got, err := drm.SourceSignals(scheme, a.ID, append(boxes, other[0].PSSH...))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	unknown := (&drm.PSSH{System: "02030507-0b0d-1113-171d-1f25292b2f35", Data: []byte("data")}).Append(nil)
	got, err := drm.SourceSignals(drm.CBC1, a.ID, append(unknown, signals(t, drm.Signaller{}, drm.CENC, a, drm.PlayReady)[0].PSSH...))
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, drm.SystemID("02030507-0b0d-1113-171d-1f25292b2f35"), got[0].System)
	require.Equal(t, unknown, got[0].PSSH)
	require.Empty(t, got[0].HLS)
	require.Empty(t, got[1].HLS, "HLS has no method for cbc1")

	_, err = drm.SourceSignals(drm.CENC, a.ID, unknown[1:])
	require.ErrorIs(t, err, drm.ErrFormat)
	got, err = drm.SourceSignals(drm.CENC, a.ID, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}
