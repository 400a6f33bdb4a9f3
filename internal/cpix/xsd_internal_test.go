package cpix

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT0S": 0, "PT6S": 6 * time.Second, "PT6.006S": 6006 * time.Millisecond, "PT1M": time.Minute, "PT1H30.5S": time.Hour + 30500*time.Millisecond,
		"P1D": 24 * time.Hour, "P1DT1H1M1.000000001S": 25*time.Hour + time.Minute + time.Second + 1, " PT90S ": 90 * time.Second,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := parseDuration(formatDuration(got))
		require.NoError(t, err, text)
		require.Equal(t, want, again, text)
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "P1Y", "P1M", "-PT1S", "PT1", "PT1S1M", "PT1S1S", "PT.S", "PT1.S", "PT1.5M", "PTS", "1S", "P1S", "PT1D", "PT99999999999999999999S", "P80000D"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 1, 1, 0, 0, 6, 0, time.UTC)
	for _, text := range []string{"2026-01-01T00:00:06Z", "2026-01-01T00:00:06", "2026-01-01T01:00:06.000+01:00"} {
		got, err := parseTime(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, "2026-01-01T00:00:06Z", formatTime(want))
}
