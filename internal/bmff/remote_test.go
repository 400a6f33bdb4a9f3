package bmff_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// bulky is 100 fragments of a second, each of so many bytes.
func bulky(bytes int, sidx bool) []byte {
	v := bmfftest.Video(2500, 25)
	for i := range v.Samples {
		v.Samples[i].Data = nil
		v.Samples[i].Size = bytes / 25
	}
	return bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 25, Sidx: sidx}.Bytes()
}

// TestReadsOfARemoteFile: what reads at offsets cost few of them, and few bytes.
func TestReadsOfARemoteFile(t *testing.T) {
	progressive := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(2500, 25), bmfftest.Audio(4687)}}
	atEnd := progressive
	atEnd.MoovAtEnd = true
	for _, c := range []struct {
		name        string
		data        []byte
		reads, read int // at most; read in percent of the file
	}{
		{"progressive", progressive.Bytes(), 3, 20},
		{"moov at end", atEnd.Bytes(), 4, 20},
		{"fragments of 4 KB", bulky(4000, false), 10, 101},
		{"fragments of 16 KB", bulky(16_000, false), 20, 101},
		{"fragments of 50 KB", bulky(50_000, false), 40, 101},
		{"fragments of 200 KB", bulky(200_000, false), 103, 3},
		{"fragments of 200 KB and a sidx", bulky(200_000, true), 103, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, obj := openRanged(t, c.data)
			require.Equal(t, open(t, c.data), m)
			require.LessOrEqual(t, obj.Reads, c.reads)
			require.LessOrEqual(t, obj.Read, int64(c.read)*int64(len(c.data))/100)
			t.Logf("%d reads of %d bytes together, the file has %d", obj.Reads, obj.Read, len(c.data))
		})
	}
}

// TestSidxIsAskedForAhead: every fragment that a sidx lists is asked for before it is read, once, in order and no further
// ahead than some.
func TestSidxIsAskedForAhead(t *testing.T) {
	data := bulky(100_000, true)
	var moofs []int64
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("moof"))
		if i < 0 {
			break
		}
		moofs = append(moofs, int64(at+i-4))
		at += i + 4
	}
	_, obj := openRanged(t, data)
	require.Equal(t, moofs[1:], obj.Warms)
	require.True(t, slices.IsSorted(obj.Warms))

	lie := bytes.Clone(data) // the second reference is a byte too long
	at := bytes.Index(lie, []byte("sidx")) + 4 + 32
	lie[at+15]++
	m, obj := openRanged(t, lie)
	require.Equal(t, open(t, data), m)
	require.Less(t, len(obj.Warms), 10, "it stops once a reference is not true")

	_, obj = openRanged(t, bulky(100_000, false))
	require.Empty(t, obj.Warms)
}

// TestMfraIsAskedForAhead: the same by the box at the end of the file; if that lies, it is of no use and does no harm.
func TestMfraIsAskedForAhead(t *testing.T) {
	v := bmfftest.Video(500, 25)
	for i := range v.Samples {
		v.Samples[i].Data, v.Samples[i].Size = nil, 4000
	}
	data := bmfftest.File{Tracks: []bmfftest.Track{v}, Fragment: 25, Mfra: true}.Bytes()
	var moofs []int64
	for i := 0; ; i++ {
		k := bytes.Index(data[i:], []byte("moof"))
		if k < 0 {
			break
		}
		i += k
		moofs = append(moofs, int64(i-4))
	}
	m, obj := openRanged(t, data)
	require.Equal(t, open(t, data), m)
	require.Equal(t, moofs[2:], obj.Warms, "from the second on all are known")
	require.LessOrEqual(t, obj.Reads, len(moofs)+6)
	for typ, at := range map[string][]int{"mfro": {0, 8, 9, 11}, "tfra": {0, 4, 12, 15, 18, 25, 29}, "mfra": {0, 3}} {
		for _, k := range at {
			i := bytes.Index(data, []byte(typ)) + k
			for _, v := range []byte{0, 1, 0x7f, 0xff} {
				lie := bytes.Clone(data)
				lie[i] = v
				want, err := try(lie)
				got, gotErr := bmff.Open(context.Background(), "bad.mp4", &bmfftest.Ranged{Data: lie})
				require.Equal(t, err, gotErr)
				require.Equal(t, want, got)
			}
		}
	}
}

// failing fails from some read on, or ends a context.
type failing struct {
	bmfftest.Ranged
	left int
	then func() error
}

func (f *failing) ReadAt(ctx context.Context, p []byte, off int64) error {
	if f.left--; f.left < 0 {
		if err := f.then(); err != nil {
			return err
		}
	}
	return f.Ranged.ReadAt(ctx, p, off)
}

// TestReadErrorsAreHandedOn: whichever read fails, Open fails with that error and the file's name.
func TestReadErrorsAreHandedOn(t *testing.T) {
	bad := errors.New("the disk is on fire")
	for _, data := range [][]byte{bulky(70_000, true), bmfftest.File{Tracks: small().Tracks, MoovAtEnd: true}.Bytes()} {
		_, whole := openRanged(t, data)
		for n := range whole.Reads {
			for _, err := range []error{bad, media.ErrChanged} {
				obj := &failing{Ranged: bmfftest.Ranged{Data: data}, left: n, then: func() error { return err }}
				_, got := bmff.Open(context.Background(), "remote.mp4", obj)
				require.ErrorIs(t, got, err)
				require.ErrorContains(t, got, "remote.mp4")
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		obj := &failing{Ranged: bmfftest.Ranged{Data: data}, left: whole.Reads / 2, then: func() error { cancel(); return nil }}
		_, err := bmff.Open(ctx, "remote.mp4", obj)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// TestReadAtAndBytesAgree: an Object that only reads gives what one that holds its bytes gives, errors and warnings too.
func TestReadAtAndBytesAgree(t *testing.T) {
	for _, f := range []bmfftest.File{{}, {MoovAtEnd: true}, {Fragment: 5, Sidx: true}, {Fragment: 5, InMoov: 3}} {
		f.Tracks = small().Tracks
		data := f.Bytes()
		for n := len(data); n > 0; n -= 97 {
			want, wantErr := try(data[:n])
			got, gotErr := bmff.Open(context.Background(), "bad.mp4", &bmfftest.Ranged{Data: data[:n]})
			require.Equal(t, want, got)
			require.Equal(t, wantErr, gotErr)
		}
	}
}
