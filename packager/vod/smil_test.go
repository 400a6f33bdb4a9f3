package vod_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// TestSMILAsset: pictures and sounds of a SMIL file are each taken once, and named as the document says.
func TestSMILAsset(t *testing.T) {
	big := bmfftest.Video(50, 25)
	for i := range big.Samples {
		big.Samples[i].Data = bmfftest.NAL(bmfftest.Noise(uint32(i), 4000))
	}
	fsys := fstest.MapFS{
		"m/big.mp4":        file(big, bmfftest.Audio(90)),
		"m/small.mp4":      file(bmfftest.Video(50, 25), bmfftest.Audio(90)),
		"m/mot à mot.m4a":  file(bmfftest.Audio(90)),
		"m/100%25.mp4":     file(bmfftest.Video(50, 25)),
		"m/empty/none.txt": text(""),
	}
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a ladder whose sound is taken once": {
			`<video src="big.mp4" systemLanguage="eng" audioName="Main"/><video src="small.mp4" includeAudio="false"/>`,
			[]string{"v1 en Main", "v2", "a1 en Main"}},
		"an audio element speaks for the sound of a video's file": {
			`<video src="big.mp4"/><audio src="big.mp4" systemLanguage="fra" audioName="Doublé"/>`,
			[]string{"v1", "a1 fr Doublé"}},
		"also where it stands first": {
			`<audio src="big.mp4" language="de-AT"/><video src="big.mp4"/>`,
			[]string{"v1", "a1 de-AT"}},
		"said twice": {
			`<video src="big.mp4" includeAudio="FALSE"/><video src="./big.mp4" includeAudio="false"/><audio name="big.mp4"/><audio name="mp4:big.mp4"/>`,
			[]string{"v1", "a1"}},
		"odd names": {
			`<video src="100%25.mp4"/><audio src="mot à mot.m4a" systemLanguage="fr-CA, fr"/>`,
			[]string{"v1", "a1 fr-CA"}},
		"nested, in other namespaces": {
			`<x:par xmlns:x="urn:x"><switch><x:video src="small.mp4"/></switch></x:par>`,
			[]string{"v1", "a1"}},
	} {
		fsys["m/cut.smil"] = text(`<smil><head><meta name="title" content="x"/></head><body>` + c.body + `</body></smil>`)
		content, err := (&vod.Dir{FS: fsys}).Open(ctx, "m/cut")
		require.NoError(t, err, name)
		var got []string
		for _, r := range timeline(t, content, time.Second).Periods[0].Renditions {
			got = append(got, strings.Join(strings.Fields(r.ID+" "+r.Track.Language+" "+r.Track.Label), " "))
		}
		require.Equal(t, c.want, got, name)
	}
	for name, body := range map[string]string{
		"a file that is not there": `<video src="none.mp4"/>`,
		"a folder":                 `<video src="empty"/>`,
		"a path through a file":    `<video src="big.mp4/x.mp4"/>`,
		"outside by two steps":     `<video src="a/../../x.mp4"/>`,
	} {
		fsys["m/cut.smil"] = text(`<smil>` + body + `</smil>`)
		_, err := (&vod.Dir{FS: fsys}).Open(ctx, "m/cut")
		require.ErrorIs(t, err, media.ErrFormat, name)
		require.ErrorContains(t, err, "cut.smil", name)
	}
}
