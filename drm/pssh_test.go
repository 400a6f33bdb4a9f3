package drm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// Published: W2 and W6 by AWS, W7 by EZDRM, S1 by Shaka Packager. The others follow from the definition of the messages.
func boxes(t testing.TB) []struct {
	name, box string
	pssh      drm.PSSH
	widevine  *drm.WidevineData
} {
	a, b := id(t, keyA), id(t, keyB)
	axinom := id(t, "9eb4050d-e44b-4802-932e-27d75083e266")
	widevine := func(d drm.WidevineData) drm.PSSH { return drm.PSSH{System: drm.Widevine, Data: d.Append(nil)} }
	type box = struct {
		name, box string
		pssh      drm.PSSH
		widevine  *drm.WidevineData
	}
	var list []box
	for _, v := range []struct {
		name, box string
		data      drm.WidevineData
	}{
		{"W1", "AAAAMnBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABISEAECAwQFBgcICQqqu8zd7v8=", drm.WidevineData{KeyIDs: []drm.KeyID{a}}},
		{"W2", "AAAANHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABQIARIQDwg+TrgxSj2Rfs54B25Uqg==", drm.WidevineData{Algorithm: 1, KeyIDs: []drm.KeyID{id(t, "0f083e4e-b831-4a3d-917e-ce78076e54aa")}}},
		{"W3", "AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEAECAwQFBgcICQqqu8zd7v9I49yVmwY=", drm.WidevineData{KeyIDs: []drm.KeyID{a}, Scheme: drm.CENC}},
		{"W4", "AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEAECAwQFBgcICQqqu8zd7v9I88aJmwY=", drm.WidevineData{KeyIDs: []drm.KeyID{a}, Scheme: drm.CBCS}},
		{"W5", "AAAASnBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAACoSEAECAwQFBgcICQqqu8zd7v8SEJjuVZbNPqINFjrjgkIMbv9I88aJmwY=", drm.WidevineData{KeyIDs: []drm.KeyID{a, b}, Scheme: drm.CBCS}},
		{"W7", "AAAAdnBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAFYIARIQd3lN8heDTVm614DqkJqZthoIbW92aWRvbmUiMnsia2lkIjoiZDNsTjhoZURUVm02MTREcWtKcVp0Zz09IiwidHJhY2tzIjpbIlNEIl19KgJTRA==", drm.WidevineData{
			Algorithm: 1, KeyIDs: []drm.KeyID{id(t, "77794df2-1783-4d59-bad7-80ea909a99b6")}, Provider: "movidone",
			ContentID: []byte(`{"kid":"d3lN8heDTVm614DqkJqZtg==","tracks":["SD"]}`), TrackType: "SD"}},
		{"W8", "AAAAMnBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABISEJ60BQ3kS0gCky4n11CD4mY=", drm.WidevineData{KeyIDs: []drm.KeyID{axinom}}},
	} {
		list = append(list, box{v.name, v.box, widevine(v.data), &v.data})
	}
	return append(list,
		box{"C1", "AAAANHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAEBAgMEBQYHCAkKqrvM3e7/AAAAAA==", drm.PSSH{System: drm.ClearKey, KeyIDs: []drm.KeyID{a}, Data: []byte{}}, nil},
		box{"C2", "AAAARHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAIBAgMEBQYHCAkKqrvM3e7/mO5Vls0+og0WOuOCQgxu/wAAAAA=", drm.PSSH{System: drm.ClearKey, KeyIDs: []drm.KeyID{a, b}, Data: []byte{}}, nil},
		box{"C3", "AAAANHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAGetAUN5EtIApMuJ9dQg+JmAAAAAA==", drm.PSSH{System: drm.ClearKey, KeyIDs: []drm.KeyID{axinom}, Data: []byte{}}, nil},
		box{"S1", "AAAAQnBzc2gBAAAAAgMFBwsNERMXHR8lKSsvNQAAAAEBAQIDBQgNFSI3WZDpAAAAAAAADmVEYXNoIHBhY2thZ2Vy", drm.PSSH{
			System: "02030507-0b0d-1113-171d-1f25292b2f35", KeyIDs: []drm.KeyID{id(t, "01010203-0508-0d15-2237-5990e9000000")}, Data: []byte("eDash packager")}, nil},
	)
}

func TestPSSH(t *testing.T) {
	var all []byte
	var want []drm.PSSH
	for _, v := range boxes(t) {
		t.Run(v.name, func(t *testing.T) {
			box := v.pssh.Append(nil)
			require.Equal(t, v.box, base64.StdEncoding.EncodeToString(box))
			got, err := drm.ParsePSSH(box)
			require.NoError(t, err)
			require.Equal(t, []drm.PSSH{v.pssh}, got)
			if v.widevine != nil {
				data, err := drm.ParseWidevine(got[0].Data)
				require.NoError(t, err)
				require.Equal(t, v.widevine, data)
			}

			peer, err := mp4.DecodeBox(0, bytes.NewReader(box))
			require.NoError(t, err)
			require.Equal(t, string(v.pssh.System), peer.(*mp4.PsshBox).SystemID.String())
			require.Len(t, peer.(*mp4.PsshBox).KIDs, len(v.pssh.KeyIDs))
			require.True(t, bytes.Equal(v.pssh.Data, peer.(*mp4.PsshBox).Data))
			all, want = append(all, box...), append(want, v.pssh)
		})
	}
	got, err := drm.ParsePSSH(all)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// An empty field, as AWS's sample has one, is read and not written.
func TestWidevineEmptyField(t *testing.T) {
	box := unbase64(t, "AAAAanBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAEoIARIQeSIcblaNbb7Dji6sAtKZzRoNd2lkZXZpbmVfdGVzdCIfa2V5LWlkOmVTSWNibGFOYmI3RGppNnNBdEtaelE9PSoCU0QyAA==")
	got, err := drm.ParsePSSH(box)
	require.NoError(t, err)
	data, err := drm.ParseWidevine(got[0].Data)
	require.NoError(t, err)
	require.Equal(t, &drm.WidevineData{
		Algorithm: 1, KeyIDs: []drm.KeyID{id(t, "79221c6e-568d-6dbe-c38e-2eac02d299cd")}, Provider: "widevine_test",
		ContentID: []byte("key-id:eSIcblaNbb7Dji6sAtKZzQ=="), TrackType: "SD",
	}, data)
	require.Equal(t, got[0].Data[:len(got[0].Data)-2], data.Append(nil))
}

func TestWidevineAllFields(t *testing.T) {
	d := &drm.WidevineData{Algorithm: 1, KeyIDs: []drm.KeyID{{1}, {2}}, Provider: "p", ContentID: []byte("c"), TrackType: "HD", Policy: "q",
		PeriodIndex: 1 << 31, GroupedLicense: []byte{0}, Scheme: drm.CBC1, PeriodSeconds: 300}
	got, err := drm.ParseWidevine(d.Append(nil))
	require.NoError(t, err)
	require.Equal(t, d, got)

	unknown := append([]byte{11 << 3, 1, 12<<3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 13<<3 | 5, 1, 2, 3, 4, 14<<3 | 2, 1, 7, 2<<3 | 2, 1, 9}, d.Append(nil)...)
	got, err = drm.ParseWidevine(unknown)
	require.NoError(t, err)
	require.Equal(t, d, got)
}

func TestParsePSSHRefuses(t *testing.T) {
	good := (&drm.PSSH{System: drm.ClearKey, KeyIDs: []drm.KeyID{{1}}, Data: []byte("data")}).Append(nil)
	change := func(at int, v string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], v)
		return b
	}
	for name, b := range map[string][]byte{
		"no box":           {1, 2, 3},
		"another type":     change(4, "free"),
		"cut short":        good[:len(good)-1],
		"size too small":   change(0, "\x00\x00\x00\x14"),
		"size of 64 bits":  change(0, "\x00\x00\x00\x01"),
		"version":          change(8, "\x02"),
		"key ids":          change(28, "\xff\xff\xff\xff"),
		"key ids and data": change(28, "\x00\x00\x00\x02"),
		"data":             change(48, "\x00\x00\x00\x05"),
		"what follows":     append(bytes.Clone(good), 0),
		"without its head": good[8:], // as a page of Microsoft's prints it
	} {
		_, err := drm.ParsePSSH(b)
		require.ErrorIs(t, err, drm.ErrFormat, name)
	}
	boxes, err := drm.ParsePSSH(nil)
	require.NoError(t, err)
	require.Empty(t, boxes)

	boxes, err = drm.ParsePSSH(change(0, "\x00\x00\x00\x00")) // to the end
	require.NoError(t, err)
	require.Len(t, boxes, 1)

	large := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 1, 'p', 's', 's', 'h'}, uint64(len(good)+8))
	boxes, err = drm.ParsePSSH(append(large, good[8:]...))
	require.NoError(t, err)
	require.Equal(t, "data", string(boxes[0].Data))
}

func TestUUIDs(t *testing.T) {
	want := id(t, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
	for _, s := range []string{"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "f81d4fae7dec11d0a76500a0c91e6bf6"} {
		require.Equal(t, want, id(t, s))
	}
	require.Equal(t, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", want.String())
	require.Equal(t, "f81d4fae7dec11d0a76500a0c91e6bf6", want.Hex())
	require.Equal(t, "-B1Prn3sEdCnZQCgyR5r9g", want.JWK())
	guid := want.GUID()
	require.Equal(t, "rk8d+Ox90BGnZQCgyR5r9g==", base64.StdEncoding.EncodeToString(guid[:]))

	for _, s := range []string{"", "f81d4fae", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
		"f81d-4fae7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6-f6", strings.Repeat("0", 36)} {
		_, err := drm.ParseKeyID(s)
		require.ErrorIs(t, err, drm.ErrFormat, s)
		_, err = drm.ParseSystemID(s)
		require.ErrorIs(t, err, drm.ErrFormat, s)
		require.Zero(t, drm.SystemID(s).Bytes())
	}
	text, err := json.Marshal(map[drm.KeyID]drm.KeyID{want: want})
	require.NoError(t, err)
	require.Equal(t, `{"f81d4fae-7dec-11d0-a765-00a0c91e6bf6":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}`, string(text))
	var back map[drm.KeyID]drm.KeyID
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, want, back[want])
	require.Error(t, json.Unmarshal([]byte(`{"x":""}`), &back))

	system, err := drm.ParseSystemID("EDEF8BA979D64ACEA3C827DCD51D21ED")
	require.NoError(t, err)
	require.Equal(t, drm.Widevine, system)
	require.Equal(t, "Widevine", system.Name())
}

func FuzzParsePSSH(f *testing.F) {
	for _, v := range boxes(f) {
		f.Add(unbase64(f, v.box))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		boxes, err := drm.ParsePSSH(b)
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		var again []byte
		for i := range boxes {
			again = boxes[i].Append(again)
		}
		back, err := drm.ParsePSSH(again)
		require.NoError(t, err)
		require.Equal(t, len(boxes), len(back))
		for i := range boxes {
			require.Equal(t, boxes[i].System, back[i].System)
			require.Equal(t, boxes[i].KeyIDs, back[i].KeyIDs)
			require.True(t, bytes.Equal(boxes[i].Data, back[i].Data))
		}
	})
}

func FuzzParseWidevine(f *testing.F) {
	for _, v := range boxes(f) {
		f.Add(v.pssh.Data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := drm.ParseWidevine(b)
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		text := d.Append(nil)
		again, err := drm.ParseWidevine(text)
		require.NoError(t, err)
		require.Equal(t, text, again.Append(nil))
	})
}

func FuzzParseKeyID(f *testing.F) {
	f.Add(keyA)
	f.Add("F81D4FAE7DEC11D0A76500A0C91E6BF6")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := drm.ParseKeyID(s)
		if err != nil {
			require.ErrorIs(t, err, drm.ErrFormat)
			return
		}
		for _, text := range []string{id.String(), id.Hex()} {
			again, err := drm.ParseKeyID(text)
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
	})
}
