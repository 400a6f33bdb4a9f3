package nal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// TestE24SetsByID: a slice names its picture parameter set, and that one the sequence parameter set, by ids of their own.
func TestE24SetsByID(t *testing.T) {
	var s nal.Sets
	s.Reset(media.H264)
	wide := "66/8 0/8 30/8 3 4 0 8 4 0/1 19 10 1/1 1/1 0/1 0/1 1/1" // id 3: frame numbers of 8 bits, order counts of 12
	require.NoError(t, s.Add(unitOf("67", h264Base)))
	require.NoError(t, s.Add(unitOf("67", wide)))
	require.NoError(t, s.Add(unitOf("68", "3 0 0/1 0/1 0 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1"))) // 3, of sequence 0
	require.NoError(t, s.Add(unitOf("68", "0 3 0/1 0/1 0 0 0 0/1 0/2 0 0 0 0/1 0/1 0/1 1/1"))) // 0, of sequence 3
	for _, header := range []string{"0 5 3 3/4 6/4 0/1 0/1 0/1 0", "0 5 0 3/8 6/12 0/1 0/1 0/1 0"} {
		unit := unitOf("41", header)
		got, err := s.SliceHeader(append(unit[:len(unit):len(unit)], 0xFF, 0xFF, 0xFF, 0xFF))
		require.NoError(t, err)
		require.Equal(t, len(unit), got, header)
	}
}

// TestF4LongHeader: a header is read to its end however long it is; here 32 references are reordered and have weights.
func TestF4LongHeader(t *testing.T) {
	var s nal.Sets
	s.Reset(media.H264)
	require.NoError(t, s.Add(unitOf("67", h264Base)))
	require.NoError(t, s.Add(unitOf("68", "0 0 0/1 0/1 0 31 0 1/1 0/2 0 0 0 0/1 0/1 0/1 1/1")))
	weight := " 1/1 250 250 1/1 250 250 250 250"
	header := "0 5 0 3/4 6/4 0/1 1/1" + strings.Repeat(" 0 60000", 31) + " 3 7 7" + strings.Repeat(weight, 32) + " 0/1 0"
	unit := unitOf("61", header)
	require.Greater(t, len(unit), 400)
	got, err := s.SliceHeader(append(unit[:len(unit):len(unit)], 0xFF, 0xFF, 0xFF, 0xFF))
	require.NoError(t, err)
	require.Equal(t, len(unit), got)
}
