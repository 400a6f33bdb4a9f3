package cmaf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

const roleScheme = "urn:mpeg:dash:role:2011"

// Init makes the CMAF header of a track (23000-19, 7.3.2): ftyp and a moov without samples. It holds no date, so that
// equal tracks give equal bytes. Errors are those of Accepts and drm.Protection.Check.
func (p Packager) Init(t *media.Track, protect *drm.Protection) (packager.Body, error) {
	if err := p.Accepts(t, protect.Of()); err != nil {
		return packager.Body{}, err
	}
	guard, err := protectionOf(t, protect)
	if err != nil {
		return packager.Body{}, err
	}
	if err := checkPSSH(guard.pssh); err != nil {
		return packager.Body{}, fmt.Errorf("track %s: %w", t.ID, err)
	}
	list := brands(t)
	init := mp4.NewMP4Init()
	init.AddChild(mp4.NewFtyp(list[0], 0, list))
	moov := mp4.NewMoovBox()
	init.AddChild(moov)
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale, mvhd.NextTrackID = t.Timescale, trackID+1
	moov.AddChild(mvhd)
	moov.AddChild(trak(t, guard.entries()))
	mvex := mp4.NewMvexBox()
	mvex.AddChild(mp4.CreateTrex(trackID))
	moov.AddChild(mvex)

	var b bytes.Buffer
	if err := init.Encode(&b); err != nil {
		return packager.Body{}, fmt.Errorf("init segment of track %s: %w", t.ID, err)
	}
	return packager.BytesBody(withPSSH(b.Bytes(), int(init.Ftyp.Size()), guard.pssh)), nil
}

func trak(t *media.Track, entries [][]byte) *mp4.TrakBox {
	trak := mp4.NewTrakBox()
	trak.AddChild(tkhd(t))
	if t.Delay > 0 { // of the whole track: its composition offsets are that much later
		edts := &mp4.EdtsBox{}
		edts.AddChild(&mp4.ElstBox{Entries: []mp4.ElstEntry{{MediaTime: int64(t.Delay), MediaRateInteger: 1}}})
		trak.AddChild(edts)
	}
	mdia := mp4.NewMdiaBox()
	trak.AddChild(mdia)

	code, extended := language(t.Language)
	mdhd := &mp4.MdhdBox{Timescale: t.Timescale}
	mdhd.SetLanguage(code)
	mdia.AddChild(mdhd)
	hdlr := &mp4.HdlrBox{HandlerType: "vide", Name: clean(t.Label)}
	if t.Kind == media.Audio {
		hdlr.HandlerType = "soun"
	}
	mdia.AddChild(hdlr)
	if extended != "" {
		mdia.AddChild(mp4.CreateElng(extended))
	}
	mdia.AddChild(minf(t, entries))

	if len(t.Roles) > 0 {
		udta := &mp4.UdtaBox{}
		for _, role := range t.Roles {
			udta.AddChild(&mp4.KindBox{SchemeURI: roleScheme, Value: clean(role)})
		}
		trak.AddChild(udta)
	}
	return trak
}

func minf(t *media.Track, entries [][]byte) *mp4.MinfBox {
	minf := mp4.NewMinfBox()
	if t.Kind == media.Audio {
		minf.AddChild(mp4.CreateSmhd())
	} else {
		minf.AddChild(mp4.CreateVmhd())
	}
	dinf := &mp4.DinfBox{}
	dinf.AddChild(mp4.CreateDref())
	minf.AddChild(dinf)

	stsd := mp4.NewStsdBox()
	for _, e := range entries {
		stsd.Children = append(stsd.Children, mp4.CreateUnknownBox(string(e[4:8]), uint64(len(e)), e[8:]))
		stsd.SampleCount++
	}
	stbl := mp4.NewStblBox()
	minf.AddChild(stbl)
	stbl.AddChild(stsd)
	stbl.AddChild(&mp4.SttsBox{})
	stbl.AddChild(&mp4.StscBox{})
	stbl.AddChild(&mp4.StszBox{})
	stbl.AddChild(&mp4.StcoBox{})
	return minf
}

// tkhd is written by hand: the library's has no matrix.
func tkhd(t *media.Track) mp4.Box {
	const flags = 7 // enabled, in movie, in preview
	b := binary.BigEndian.AppendUint32(nil, flags)
	b = append(b, make([]byte, 8)...) // creation and modification time
	b = binary.BigEndian.AppendUint32(b, trackID)
	b = append(b, make([]byte, 4+4+8+2+2)...) // duration, layer, alternate_group
	matrix := [9]int32{0: 1 << 16, 4: 1 << 16, 8: 1 << 30}
	var volume uint16
	var width, height int
	if t.Kind == media.Audio {
		volume = 0x0100
	}
	if v := t.Video; v != nil {
		width, height = v.DisplaySize()
		if v.Display != [9]int32{} {
			matrix = v.Display
		}
	}
	b = binary.BigEndian.AppendUint16(b, volume)
	b = append(b, 0, 0)
	for _, m := range matrix {
		b = binary.BigEndian.AppendUint32(b, uint32(m))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(width, 0), math.MaxUint16))<<16)
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(height, 0), math.MaxUint16))<<16)
	return mp4.CreateUnknownBox("tkhd", uint64(len(b)+8), b)
}

// clean makes s fit for a string that ends in NUL.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
