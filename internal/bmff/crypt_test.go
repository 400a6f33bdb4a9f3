package bmff_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff"
	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
)

var (
	cenc = bmfftest.Crypt{Scheme: "cenc", KeyID: [16]byte{1, 2}, Key: [16]byte{3}, IVSize: 8}
	cbcs = bmfftest.Crypt{Scheme: "cbcs", KeyID: [16]byte{4, 5}, Key: [16]byte{6}, ConstantIV: []byte("0123456789abcdef"), Crypt: 1, Skip: 9}
)

// locked is one track of video, encrypted; progressive ones have moov at the end, so that boxes can be rewritten.
func locked(c bmfftest.Crypt, fragment int) []byte {
	return bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(20, 5).Encrypt(c)}, Fragment: fragment, MoovAtEnd: true}.Bytes()
}

func at(c bmfftest.Crypt, p bmfftest.Place) bmfftest.Crypt { c.Place = p; return c }

// TestEncrypted: what tenc says, and the auxiliary information of each sample, wherever it lies.
func TestEncrypted(t *testing.T) {
	for _, c := range []bmfftest.Crypt{cenc, cbcs} {
		for _, place := range []bmfftest.Place{bmfftest.InSenc, bmfftest.InSencOnly, bmfftest.InUUID, bmfftest.Apart} {
			for _, f := range []bmfftest.File{{}, {Chunk: 3}, {Fragment: 5}, {Fragment: 5, Offsets: bmfftest.FromBase}, {Fragment: 5, InMoov: 7}, {Fragment: 1}} {
				v := bmfftest.Video(200, 5).Encrypt(at(c, place))
				f.Tracks = []bmfftest.Track{bmfftest.Audio(380), v}
				f.MoovTail = [][]byte{bmfftest.FullBox("pssh", 0, 0, make([]byte, 20))}
				data := f.Bytes()
				m := open(t, data)
				require.Empty(t, m.Warnings)
				require.Equal(t, f.MoovTail[0], m.PSSH)
				require.Nil(t, m.Tracks[0].Protections)
				tr := m.Tracks[1]
				require.NoError(t, tr.Refused)
				require.Equal(t, bmfftest.AVC1(), tr.Protections[0].Entry)
				agree(t, data, v, tr)
				require.Len(t, tr.Index.Crypts(), 1)
				crypt, next := tr.Index.Crypt(100)
				require.Equal(t, &media.Crypt{Scheme: c.Scheme, KeyID: c.KeyID, IVSize: c.IVSize, ConstantIV: c.ConstantIV,
					CryptBlocks: uint8(c.Crypt), SkipBlocks: uint8(c.Skip), PSSH: m.PSSH}, crypt)
				require.Equal(t, 200, next)
				for _, r := range [][2]int{{0, 200}, {3, 4}, {60, 130}, {127, 129}, {199, 200}} {
					agreeAux(t, data, v, tr, r[0], r[1])
				}
			}
		}
	}
}

// agreeAux compares what Aux reads with what Encrypt made.
func agreeAux(t *testing.T, data []byte, want bmfftest.Track, tr *bmff.Track, from, to int) {
	t.Helper()
	var samples []media.Sample
	for _, s := range tr.Index.Append(nil, from, to) {
		samples = append(samples, s.Sample)
	}
	aux, err := tr.Index.Aux(context.Background(), &bmfftest.Ranged{Data: data}, from, samples)
	require.NoError(t, err)
	require.Len(t, aux, to-from)
	for i, a := range aux {
		iv := want.Crypt.IVSize
		var b []byte
		if iv > 0 {
			b = bytes.Clone(a.IV[:iv])
		} else {
			require.Equal(t, want.Crypt.ConstantIV, a.IV[:len(want.Crypt.ConstantIV)])
		}
		b = append(b, bmfftest.U16(uint16(len(a.Subsamples)))...)
		for _, s := range a.Subsamples {
			b = append(append(b, bmfftest.U16(uint16(s.Clear))...), bmfftest.U32(s.Protected)...)
		}
		require.Equal(t, want.Samples[from+i].Aux, b, "sample %d", from+i)
	}
}

// TestSeig: keys by sample groups, described in stbl or in each fragment, and samples that are clear among them.
func TestSeig(t *testing.T) {
	second, third := cenc, cenc
	second.KeyID, second.Key = [16]byte{9}, [16]byte{10}
	third.Clear, third.IVSize = true, 0
	for _, local := range []bool{false, true} {
		for _, f := range []bmfftest.File{{Fragment: 5}, {Fragment: 7}, {Fragment: 20}} {
			c := cenc
			c.Groups, c.LocalGroups = []*bmfftest.Crypt{&second, &third}, local
			v := bmfftest.Video(40, 5)
			for i := range v.Samples {
				v.Samples[i].Group = i / 10 % 3 // 0, 1, 2, 0
			}
			f.Tracks = []bmfftest.Track{v.Encrypt(c)}
			tr := open(t, f.Bytes()).Tracks[0]
			require.NoError(t, tr.Refused)
			require.Len(t, tr.Index.Crypts(), 2)
			for i, want := range []*media.Crypt{tr.Index.Crypts()[0], tr.Index.Crypts()[1], nil, tr.Index.Crypts()[0]} {
				got, next := tr.Index.Crypt(10*i + 3)
				require.Same(t, want, got, "%d", i)
				require.Equal(t, 10*i+10, next)
			}
			require.Equal(t, [16]byte{9}, tr.Index.Crypts()[1].KeyID)
		}
	}
}

// TestSeigDefault: samples that no sbgp speaks of are in the group that sgpd names; version 2 of it has been written with
// and without the length of its entries.
func TestSeigDefault(t *testing.T) {
	entry := append([]byte{0, 0, 1, 8}, bytes.Repeat([]byte{7}, 16)...)
	for name, sgpd := range map[string][]byte{
		"with length":    bmfftest.FullBox("sgpd", 2, 0, []byte("seig"), bmfftest.U32(20, 1, 1), entry),
		"without length": bmfftest.FullBox("sgpd", 2, 0, []byte("seig"), bmfftest.U32(1, 1), entry),
	} {
		tr := open(t, after(locked(at(cenc, bmfftest.InSencOnly), 0), "stbl/stsz", sgpd)).Tracks[0]
		require.NoError(t, tr.Refused, name)
		c, next := tr.Index.Crypt(0)
		require.Equal(t, [16]byte(bytes.Repeat([]byte{7}, 16)), c.KeyID, name)
		require.Equal(t, 20, next, name)
	}
}

// TestClearLead: a second sample entry that is clear.
func TestClearLead(t *testing.T) {
	v := bmfftest.Video(20, 5)
	v.Entries = append(v.Entries, bmfftest.AVC1())
	for i := range v.Samples[:10] {
		v.Samples[i].Entry = 1
	}
	for _, f := range []bmfftest.File{{}, {Fragment: 5}} {
		f.Tracks = []bmfftest.Track{v.Encrypt(cenc)}
		tr := open(t, f.Bytes()).Tracks[0]
		require.NoError(t, tr.Refused)
		require.Nil(t, tr.Protections[1])
		c, next := tr.Index.Crypt(0)
		require.Nil(t, c)
		require.Equal(t, 10, next)
		c, _ = tr.Index.Crypt(10)
		require.NotNil(t, c)
	}
}

// TestPSSHOfFragments: those of a moof hold for its samples, and equal ones are held once. The boxes of PIFF become pssh.
func TestPSSHOfFragments(t *testing.T) {
	data := locked(cenc, 10)
	for i, typ := range []string{"pssh", "uuid"} {
		at := bytes.LastIndex(data, []byte("mfhd")) - 4 // a box of 16 bytes
		own := bytes.Clone(data)
		body := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		if typ == "uuid" {
			own = rewrite(own, func(path string, b []byte) []byte {
				if path == "moof/mfhd" && b[15] == 2 {
					return bmfftest.Box("uuid", []byte("\xd0\x8a\x4f\x18\x10\xf3\x4a\x82\xb6\xc8\x32\xd8\xab\xa1\x83\xd3"), body)
				}
				return b
			})
		} else {
			copy(own[at:], bmfftest.Box("pssh", body))
		}
		tr := open(t, own).Tracks[0]
		require.NoError(t, tr.Refused)
		require.Len(t, tr.Index.Crypts(), 2, "%d", i)
		c, next := tr.Index.Crypt(0)
		require.Equal(t, 10, next)
		require.Empty(t, c.PSSH)
		c, _ = tr.Index.Crypt(10)
		require.Equal(t, bmfftest.Box("pssh", body), c.PSSH)
	}
}

// TestLargePSSH: boxes that are long are neither held nor compared again for each of the samples that they are about.
func TestLargePSSH(t *testing.T) {
	const samples = 20_000
	v := bmfftest.Video(samples, 5)
	for i := range v.Samples {
		v.Samples[i].Data, v.Samples[i].Group = []byte{0, 0, 0, 0}, i%2
	}
	c, second := cbcs, cbcs
	second.KeyID = [16]byte{9}
	c.Groups = []*bmfftest.Crypt{&second}
	pssh := bmfftest.FullBox("pssh", 0, 0, make([]byte, 1<<20))
	data := bmfftest.File{Tracks: []bmfftest.Track{v.Encrypt(c)}, Fragment: samples / 2, MoovTail: [][]byte{pssh}}.Bytes()
	tr := open(t, data).Tracks[0]
	require.NoError(t, tr.Refused)
	require.Len(t, tr.Index.Crypts(), 2)
	require.Equal(t, pssh, tr.Index.Crypts()[1].PSSH)
	require.Less(t, tr.Index.Size(), int64(2<<20))
	spent(t, data, bound(len(data), 0))
}

// TestEncryptedHostile: what contradicts itself is refused with the box that does, and the movie is read all the same.
func TestEncryptedHostile(t *testing.T) {
	senc, apart, frag := locked(at(cenc, bmfftest.InSencOnly), 0), locked(at(cenc, bmfftest.Apart), 0), locked(cenc, 20)
	uuid := locked(at(cenc, bmfftest.InUUID), 0)
	tenc := func(f func(c *bmfftest.Crypt)) []byte {
		c := at(cenc, bmfftest.InSencOnly)
		f(&c)
		return locked(c, 0)
	}
	seig := func(version uint8, v ...[]byte) []byte {
		return bmfftest.FullBox("sgpd", version, 0, append([][]byte{[]byte("seig")}, v...)...)
	}
	key := append([]byte{0, 0, 1, 8}, make([]byte, 16)...)
	for _, c := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"senc of fewer", poke(senc, "senc", 8, bmfftest.U32(19)...), media.ErrFormat, "moov/trak[0]/mdia/minf/stbl/senc"},
		{"senc of 2^31", poke(senc, "senc", 8, bmfftest.U32(1<<31)...), media.ErrFormat, "stbl/senc"},
		{"senc too short", replace(senc, "senc", func(b []byte) []byte { return bmfftest.Box("senc", b[8:len(b)-3]) }), media.ErrFormat, "ends within sample 20"},
		{"senc too long", replace(senc, "senc", func(b []byte) []byte { return bmfftest.Box("senc", b[8:], []byte{0, 0}) }), media.ErrFormat, "2 bytes are left"},
		{"no count", with(senc, "senc", bmfftest.FullBox("senc", 0, 2)), media.ErrFormat, "too few"},
		{"two of senc", after(senc, "stbl/stsz", bmfftest.FullBox("senc", 0, 0, bmfftest.U32(0))), media.ErrFormat, "second one"},
		{"subsamples beyond", poke(senc, "senc", 8+4+8+2, 0xff, 0xff), media.ErrFormat, "subsamples of"},
		{"subsamples of 4 GB", poke(senc, "senc", 8+4+8+2+2, 0xff, 0xff, 0xff, 0xff), media.ErrFormat, "subsamples of"},
		{"65535 subsamples", poke(senc, "senc", 8+4+8, 0xff, 0xff), media.ErrFormat, "ends within sample 1"},
		{"senc without", with(senc, "senc"), media.ErrFormat, "sample 1 has no initialization vector"},
		{"IVs of 16 in tenc", poke(senc, "tenc", 4+4+3, 16), media.ErrFormat, "senc"},
		{"constant IV in tenc", poke(senc, "tenc", 4+4+3, 0), media.ErrFormat, "constant IV"},
		{"PIFF names no key", poke(uuid, "\x6c\x42\x7c\x64\x8d\xf4", 9, 1), media.ErrUnsupported, "stbl/uuid"},
		{"saiz of more", poke(apart, "saiz", 9, bmfftest.U32(21)...), media.ErrFormat, "stbl/saiz"},
		{"saiz of 2^31", poke(apart, "saiz", 8, append([]byte{10}, bmfftest.U32(1<<31)...)...), media.ErrFormat, "stbl/saiz"},
		{"saiz of fewer", poke(apart, "saiz", 9, bmfftest.U32(19)...), media.ErrFormat, "sample 20 has no initialization vector"},
		{"saiz without saio", with(apart, "saio"), media.ErrFormat, "neither saio nor senc"},
		{"saio without saiz", with(apart, "saiz"), media.ErrFormat, "no initialization vector"},
		{"saio beyond the file", poke(apart, "saio", 20, 0x7f), media.ErrFormat, "stbl/saio"},
		{"saio of 2^64", poke(apart, "saio", 20, 0xff, 0xff), media.ErrFormat, "stbl/saio"},
		{"saio of two", with(apart, "saio", bmfftest.FullBox("saio", 0, 0, bmfftest.U32(2, 10, 10))), media.ErrFormat, "2 places for 1"},
		{"saio short", with(apart, "saio", bmfftest.FullBox("saio", 0, 0, bmfftest.U32(1))), media.ErrFormat, "do not fit"},
		{"saiz and senc disagree", poke(frag, "saiz", 13, 20), media.ErrFormat, "moof[0]/traf[0]/senc"},
		{"pattern 0:9", tenc(func(c *bmfftest.Crypt) { c.Scheme, c.Skip = "cens", 9 }), media.ErrFormat, "stsd/encv/sinf/schi/tenc"},
		{"pattern under cenc", tenc(func(c *bmfftest.Crypt) { c.Crypt, c.Skip = 1, 9 }), media.ErrFormat, "pattern 1:9"},
		{"IVs of 7", tenc(func(c *bmfftest.Crypt) { c.IVSize = 7 }), media.ErrFormat, "IVs of 7"},
		{"constant IV of 5", tenc(func(c *bmfftest.Crypt) { c.IVSize, c.ConstantIV = 0, make([]byte, 5) }), media.ErrFormat, "IV of 5"},
		{"isProtected 2", poke(senc, "tenc", 4+4+2, 2), media.ErrFormat, "isProtected 2"},
		{"tenc short", poke(senc, "tenc", -4, 0, 0, 0, 20), media.ErrFormat, "too few"},
		{"no tenc", poke(senc, "tenc", 0, 'f'), media.ErrFormat, "no tenc"},
		{"no schm", poke(senc, "schm", 0, 'f'), media.ErrFormat, "no schm"},
		{"no frma", poke(senc, "frma", 0, 'g'), media.ErrFormat, "frma"},
		{"no sinf", poke(senc, "sinf", 0, 't'), media.ErrFormat, "without sinf"},
		{"another scheme", poke(senc, "schm", 8, 'i', 't', 'u', 'n'), media.ErrUnsupported, `"itun"`},
		{"a group that is not there", after(senc, "stbl/stsz", bmfftest.FullBox("sbgp", 0, 0, []byte("seig"), bmfftest.U32(1, 20, 1))), media.ErrFormat, "stbl/sbgp"},
		{"groups of 2^31", after(senc, "stbl/stsz", seig(1, bmfftest.U32(0, 1<<31))), media.ErrFormat, "stbl/sgpd"},
		{"group too long", after(senc, "stbl/stsz", seig(1, bmfftest.U32(0, 1, 1<<31), key)), media.ErrFormat, "stbl/sgpd"},
		{"group too short", after(senc, "stbl/stsz", seig(1, bmfftest.U32(10, 1), key[:10])), media.ErrFormat, "stbl/sgpd"},
		{"bytes after the groups", after(senc, "stbl/stsz", seig(1, bmfftest.U32(20, 1), key, key)), media.ErrFormat, "stbl/sgpd"},
		{"default group 2 of 1", after(senc, "stbl/stsz", seig(2, bmfftest.U32(20, 2, 1), key)), media.ErrFormat, "stbl/sgpd"},
		{"members of 2^31", after(senc, "stbl/stsz", bmfftest.FullBox("sbgp", 0, 0, []byte("seig"), bmfftest.U32(1<<31))), media.ErrFormat, "stbl/sbgp"},
		{"compact groups", after(senc, "stbl/stsz", bmfftest.FullBox("csgp", 0, 0, []byte("seig"))), media.ErrUnsupported, "csgp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, c.data)
			err := m.Tracks[0].Refused
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			var fe *media.FormatError
			require.ErrorAs(t, err, &fe)
			spent(t, c.data, bound(len(c.data), 0))
		})
	}
}

// TestAuxHostile: what cannot be known before it is read fails when it is.
func TestAuxHostile(t *testing.T) {
	apart := locked(at(cenc, bmfftest.Apart), 0)
	first := bytes.Index(apart, []byte("skip")) + 4
	for _, c := range []struct {
		data []byte
		text string
	}{
		{poke(apart, "skip", 4+8, 0, 9), "are no IV of 8 and subsamples"},
		{poke(apart, "skip", 4+8+2, 0xff), "subsamples of"},
	} {
		tr := open(t, c.data).Tracks[0]
		require.NoError(t, tr.Refused)
		s := tr.Index.Append(nil, 0, 1)
		_, err := tr.Index.Aux(context.Background(), bmfftest.Object("x", c.data), 0, []media.Sample{s[0].Sample})
		require.ErrorIs(t, err, media.ErrFormat)
		require.ErrorContains(t, err, c.text)
	}
	tr := open(t, apart).Tracks[0]
	s := tr.Index.Append(nil, 0, 1)
	_, err := tr.Index.Aux(context.Background(), bmfftest.Object("cut", apart[:first]), 0, []media.Sample{s[0].Sample})
	require.Error(t, err)
}
