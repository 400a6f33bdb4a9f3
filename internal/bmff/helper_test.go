package bmff_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

// change gets the path of a box and its bytes, and returns what shall stand in its place.
type change func(path string, b []byte) []byte

// rewrite makes the boxes of a file anew, the innermost first. Offsets are not corrected: moov belongs at the end.
func rewrite(data []byte, f change) []byte { return rewriteIn("", data, f) }

func rewriteIn(path string, data []byte, f change) []byte {
	var out []byte
	for len(data) >= 8 {
		n, head, typ := int(binary.BigEndian.Uint32(data)), 8, string(data[4:8])
		if n == 1 {
			n, head = int(binary.BigEndian.Uint64(data[8:])), 16
		}
		b, at := data[:n], path+typ
		data = data[n:]
		if strings.Contains("moov trak mdia minf stbl edts udta mvex moof traf tref", typ) {
			b = bmfftest.Box(typ, rewriteIn(at+"/", b[head:], f))
		}
		out = append(out, f(at, b)...)
	}
	return out
}

// replace makes f of each box whose path ends in the suffix; others stay.
func replace(data []byte, suffix string, f func(b []byte) []byte) []byte {
	return rewrite(data, func(path string, b []byte) []byte {
		if strings.HasSuffix(path, suffix) {
			return f(bytes.Clone(b))
		}
		return b
	})
}

// with puts v in the place of each box whose path ends in the suffix; nothing removes it.
func with(data []byte, suffix string, v ...[]byte) []byte {
	return replace(data, suffix, func([]byte) []byte { return bytes.Join(v, nil) })
}

// after puts v behind each box whose path ends in the suffix.
func after(data []byte, suffix string, v ...[]byte) []byte {
	return replace(data, suffix, func(b []byte) []byte { return append(b, bytes.Join(v, nil)...) })
}

// file is one with its moov at the end, so that its boxes can be rewritten.
func file(tracks ...bmfftest.Track) []byte {
	return bmfftest.File{Tracks: tracks, MoovAtEnd: true}.Bytes()
}

func all(t *bmff.Track) []bmff.Sample { return t.Index.Append(nil, 0, t.Index.Len()) }

// column is one property of all samples.
func column[T any](t *bmff.Track, f func(*bmff.Sample) T) []T {
	var out []T
	for _, s := range all(t) {
		out = append(out, f(&s))
	}
	return out
}

func durations(t *bmff.Track) []uint32 {
	return column(t, func(s *bmff.Sample) uint32 { return s.Duration })
}

func offsets(t *bmff.Track) []int32 {
	return column(t, func(s *bmff.Sample) int32 { return s.CTO })
}

func syncs(t *bmff.Track) []bool {
	return column(t, func(s *bmff.Sample) bool { return s.Flags.Sync() })
}

// warns says that one of the warnings contains the text.
func warns(t testing.TB, m *bmff.Movie, text string) {
	t.Helper()
	for _, w := range m.Warnings {
		if strings.Contains(w.Text, text) {
			return
		}
	}
	require.Fail(t, "no such warning", "%q in %v", text, m.Warnings)
}

func openRanged(t testing.TB, data []byte) (*bmff.Movie, *bmfftest.Ranged) {
	t.Helper()
	obj := &bmfftest.Ranged{Data: data}
	m, err := bmff.Open(context.Background(), "remote.mp4", obj)
	require.NoError(t, err)
	return m, obj
}
