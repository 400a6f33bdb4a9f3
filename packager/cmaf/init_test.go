package cmaf_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
)

func header(t testing.TB, track *media.Track) ([]byte, *mp4.InitSegment) {
	body, err := cmaf.Packager{}.Init(track, nil)
	require.NoError(t, err)
	data, err := body.Bytes(t.Context())
	require.NoError(t, err)
	f, err := mp4.DecodeFile(bytes.NewReader(data))
	require.NoError(t, err)
	require.NotNil(t, f.Init)
	return data, f.Init
}

// box finds the first box at the path with the second parser, and returns its payload decoded.
func box[T any](t testing.TB, data []byte, path ...string) T {
	var types []gomp4.BoxType
	for _, p := range path {
		types = append(types, gomp4.StrToBoxType(p))
	}
	boxes, err := gomp4.ExtractBoxWithPayload(bytes.NewReader(data), nil, types)
	require.NoError(t, err)
	require.NotEmpty(t, boxes, path)
	out, ok := boxes[0].Payload.(T)
	require.True(t, ok)
	return out
}

func TestInitOfEachCoding(t *testing.T) {
	for coding, track := range tracks() {
		t.Run(string(coding), func(t *testing.T) {
			data, init := header(t, track)
			again, _ := header(t, track)
			require.Equal(t, data, again)
			require.True(t, bytes.Contains(data, track.Codec.Entry), "the sample entry is written as it is")
			trak := init.Moov.Trak
			if track.Delay == 0 {
				require.Nil(t, trak.Edts)
			} else {
				require.Equal(t, []mp4.ElstEntry{{MediaTime: int64(track.Delay), MediaRateInteger: 1}}, trak.Edts.Elst[0].Entries)
			}
			require.EqualValues(t, track.Timescale, trak.Mdia.Mdhd.Timescale)
			require.Zero(t, init.Moov.Mvhd.Duration+trak.Tkhd.Duration+trak.Mdia.Mdhd.Duration)
			require.Zero(t, init.Moov.Mvhd.CreationTime+trak.Tkhd.CreationTime+trak.Mdia.Mdhd.CreationTime)
			require.EqualValues(t, 1, trak.Tkhd.TrackID)
			require.EqualValues(t, 1, init.Moov.Mvex.Trex.TrackID)
			require.EqualValues(t, 1, init.Moov.Mvex.Trex.DefaultSampleDescriptionIndex)
			require.EqualValues(t, 2, init.Moov.Mvhd.NextTrackID)
			handler := "vide"
			if track.Kind == media.Audio {
				handler = "soun"
				require.EqualValues(t, 0x0100, trak.Tkhd.Volume)
				require.NotNil(t, trak.Mdia.Minf.Smhd)
			} else {
				require.NotNil(t, trak.Mdia.Minf.Vmhd)
			}
			require.Equal(t, handler, trak.Mdia.Hdlr.HandlerType)
			hdlr := box[*gomp4.Hdlr](t, data, "moov", "trak", "mdia", "hdlr")
			require.Equal(t, handler, string(hdlr.HandlerType[:]))
			// the entry is the only one, and one box
			stsd := box[*gomp4.Stsd](t, data, "moov", "trak", "mdia", "minf", "stbl", "stsd")
			require.EqualValues(t, 1, stsd.EntryCount)
			require.Len(t, trak.Mdia.Minf.Stbl.Stsd.Children, 1)
			require.Equal(t, track.Codec.FourCC, trak.Mdia.Minf.Stbl.Stsd.Children[0].Type())
		})
	}
}

func TestInitBrands(t *testing.T) {
	all := tracks()
	all[media.HEVC].Codec.Supplemental = "dvh1.08.07/db4h"
	all[media.FLAC].Codec.Supplemental = "odd, x.1/abcd/efgh/toolong"
	surround := audioTrack()
	surround.Audio.Channels = 6
	for _, c := range []struct {
		track *media.Track
		more  []string
	}{
		{all[media.H264], nil}, {all[media.HEVC], []string{"db4h"}}, {all[media.AV1], []string{"av01"}}, {all[media.AAC], []string{"caac"}},
		{surround, nil}, {all[media.Opus], nil}, {all[media.FLAC], []string{"abcd", "efgh"}},
	} {
		data, init := header(t, c.track)
		structure := []string{"iso6", "cmfc", "cmf2", "dash"}
		if c.track.Delay > 0 {
			structure = []string{"iso6", "cmfc", "dash"} // it has an edit list
		}
		require.Equal(t, "iso6", init.Ftyp.MajorBrand())
		require.Equal(t, append(structure, c.more...), init.Ftyp.CompatibleBrands())
		ftyp := box[*gomp4.Ftyp](t, data, "ftyp")
		require.Len(t, ftyp.CompatibleBrands, len(structure)+len(c.more))
	}
}

func TestInitLanguage(t *testing.T) {
	for _, c := range []struct{ tag, mdhd, elng string }{
		{"", "und", ""}, {"und", "und", ""}, {"en", "eng", ""}, {"de", "deu", ""}, {"eng", "eng", ""}, {"zu", "zul", ""}, {"aa", "aar", ""},
		{"en-GB", "eng", "en-GB"}, {"pt-BR", "por", "pt-BR"}, {"zh-Hant-TW", "zho", "zh-Hant-TW"}, {"gsw", "gsw", ""}, {"FR", "fra", ""},
		{"xx", "und", "xx"}, {"qaa-x-foo", "qaa", "qaa-x-foo"}, {"x-klingon", "und", "x-klingon"}, {"english", "und", "english"},
		{"a\x00b", "und", ""}, {"é", "und", ""}, {"e1", "und", "e1"}, {"-", "und", ""},
	} {
		track := audioTrack()
		track.Language = c.tag
		data, init := header(t, track)
		require.Equal(t, c.mdhd, init.Moov.Trak.Mdia.Mdhd.GetLanguage(), c.tag)
		if c.elng == "" {
			require.Nil(t, init.Moov.Trak.Mdia.Elng, c.tag)
		} else {
			require.Equal(t, c.elng, init.Moov.Trak.Mdia.Elng.Language)
		}
		mdhd := box[*gomp4.Mdhd](t, data, "moov", "trak", "mdia", "mdhd")
		for i := range mdhd.Language {
			require.Equal(t, c.mdhd[i], mdhd.Language[i]+0x60)
		}
	}
}

func TestInitLabelAndRoles(t *testing.T) {
	track := audioTrack()
	track.Label, track.Roles = "Director\x00's \xffcut", []string{"commentary", "alternate"}
	_, init := header(t, track)
	require.Equal(t, "Director's cut", init.Moov.Trak.Mdia.Hdlr.Name)
	var roles []string
	for _, b := range init.Moov.Trak.Children {
		if udta, ok := b.(*mp4.UdtaBox); ok {
			for _, k := range udta.Children {
				require.Equal(t, "urn:mpeg:dash:role:2011", k.(*mp4.KindBox).SchemeURI)
				roles = append(roles, k.(*mp4.KindBox).Value)
			}
		}
	}
	require.Equal(t, track.Roles, roles)
}

// A34: the display matrix comes through; without one it is the identity. Width is that of square pixels.
func TestEdgeA34DisplayMatrix(t *testing.T) {
	const one, w = 1 << 16, 1 << 30
	for name, m := range map[string][9]int32{
		"none": {}, "0": {one, 0, 0, 0, one, 0, 0, 0, w}, "90": {0, one, 0, -one, 0, 0, 360 << 16, 0, w},
		"180": {-one, 0, 0, 0, -one, 0, 640 << 16, 360 << 16, w}, "270": {0, -one, 0, one, 0, 0, 0, 640 << 16, w},
	} {
		t.Run(name, func(t *testing.T) {
			track := videoTrack()
			track.Video.Display, track.Video.PixelAspect = m, media.Ratio{Num: 4, Den: 3}
			data, _ := header(t, track)
			tkhd := box[*gomp4.Tkhd](t, data, "moov", "trak", "tkhd")
			if name == "none" {
				m = [9]int32{one, 0, 0, 0, one, 0, 0, 0, w}
			}
			require.Equal(t, m, tkhd.Matrix)
			require.EqualValues(t, 853<<16, tkhd.Width)
			require.EqualValues(t, 360<<16, tkhd.Height)
			require.EqualValues(t, 7, tkhd.Flags[2])
		})
	}
}

// E7: hvcC is written byte for byte, array_completeness included.
func TestEdgeE7ParameterSetArrays(t *testing.T) {
	data, init := header(t, tracks()[media.HEVC])
	require.True(t, bytes.Contains(data, bmfftest.HVC1()))
	for _, a := range init.Moov.Trak.Mdia.Minf.Stbl.Stsd.HvcX.HvcC.NaluArrays {
		require.EqualValues(t, 1, a.Complete())
	}
}

// E8: an init segment has no sample table with entries, and none but those that have to be there.
func TestEdgeE8NoSampleTables(t *testing.T) {
	for coding, track := range tracks() {
		data, init := header(t, track)
		stbl := init.Moov.Trak.Mdia.Minf.Stbl
		var names []string
		for _, b := range stbl.Children {
			names = append(names, b.Type())
		}
		require.Equal(t, []string{"stsd", "stts", "stsc", "stsz", "stco"}, names, coding)
		require.Zero(t, len(stbl.Stts.SampleCount)+len(stbl.Stsc.Entries)+int(stbl.Stsz.GetNrSamples())+len(stbl.Stco.ChunkOffset))
		require.False(t, bytes.Contains(data, []byte("sdtp")))
	}
}

func TestAccepts(t *testing.T) {
	p := cmaf.Packager{}
	for _, track := range tracks() {
		require.NoError(t, p.Accepts(track, ""))
	}
	for name, c := range map[string]struct {
		change func(*media.Track)
		want   error
	}{
		"coding":                {func(t *media.Track) { t.Codec.Coding = "prores" }, media.ErrUnsupported},
		"kind":                  {func(t *media.Track) { t.Kind = media.Audio }, media.ErrUnsupported},
		"timescale":             {func(t *media.Track) { t.Timescale = 0 }, media.ErrFormat},
		"no entry":              {func(t *media.Track) { t.Codec.Entry = nil }, media.ErrFormat},
		"entry of another size": {func(t *media.Track) { t.Codec.Entry = append(t.Codec.Entry[:len(t.Codec.Entry):len(t.Codec.Entry)], 0) }, media.ErrFormat},
		"entry of size 0": {func(t *media.Track) {
			t.Codec.Entry = bytes.Clone(t.Codec.Entry)
			binary.BigEndian.PutUint32(t.Codec.Entry, 0)
		}, media.ErrFormat},
	} {
		t.Run(name, func(t *testing.T) {
			track := videoTrack()
			c.change(track)
			require.ErrorIs(t, p.Accepts(track, ""), c.want)
			_, err := p.Init(track, nil)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestType(t *testing.T) {
	ext, mime := cmaf.Packager{}.Type(videoTrack())
	require.Equal(t, []string{"m4s", "video/mp4"}, []string{ext, mime})
	ext, mime = cmaf.Packager{}.Type(audioTrack())
	require.Equal(t, []string{"m4s", "audio/mp4"}, []string{ext, mime})
}
