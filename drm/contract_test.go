package drm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// describe is a contract as the documentation of SPEKE tells it.
func describe(c drm.Contract) string {
	var rules []string
	for _, r := range c {
		var filters []string
		for _, f := range r.Video {
			filters = append(filters, fmt.Sprintf("%d-%d", f.MinPixels, f.MaxPixels))
		}
		for _, f := range r.Audio {
			filters = append(filters, fmt.Sprintf("%d-%d ch", f.MinChannels, f.MaxChannels))
		}
		rules = append(rules, r.Label+" "+strings.Join(filters, ","))
	}
	return strings.Join(rules, "; ")
}

func TestPreset(t *testing.T) {
	for _, v := range []struct{ video, audio, want string }{
		{"PRESET_VIDEO_1", "PRESET_AUDIO_1", "VIDEO 0-0; AUDIO 0-0 ch"},
		{"PRESET-VIDEO-1", "UNENCRYPTED", "VIDEO 0-0"},
		{"PRESET_VIDEO_2", "UNENCRYPTED", "SD 0-589824; HD 589825-0"},
		{"PRESET_VIDEO_3", "UNENCRYPTED", "SD 0-589824; HD 589825-2073600; UHD 2073601-0"},
		{"PRESET_VIDEO_4", "UNENCRYPTED", "SD 0-589824; HD 589825-2073600; UHD1 2073601-8847360; UHD2 8847361-0"},
		{"PRESET_VIDEO_5", "UNENCRYPTED", "SD 0-589824; HD1 589825-921600; HD2 921601-2073600; UHD1 2073601-8847360; UHD2 8847361-0"},
		{"PRESET_VIDEO_6", "UNENCRYPTED", "SD 0-589824; HD1 589825-921600; HD2 921601-2073600; UHD 2073601-0"},
		{"PRESET_VIDEO_7", "UNENCRYPTED", "SD+HD1 0-589824,589825-921600; HD2 921601-2073600; UHD 2073601-0"},
		{"PRESET-VIDEO-8", "UNENCRYPTED", "SD+HD1 0-589824,589825-921600; HD2 921601-2073600; UHD1 2073601-8847360; UHD2 8847361-0"},
		{"UNENCRYPTED", "PRESET-AUDIO-1", "AUDIO 0-0 ch"},
		{"UNENCRYPTED", "PRESET_AUDIO_2", "STEREO_AUDIO 0-2 ch; MULTICHANNEL_AUDIO 3-0 ch"},
		{"UNENCRYPTED", "PRESET_AUDIO_3", "STEREO_AUDIO 0-2 ch; MULTICHANNEL_AUDIO_3_6 3-6 ch; MULTICHANNEL_AUDIO_7 7-0 ch"},
		{"SHARED", "SHARED", "ALL 0-0,0-0 ch"},
	} {
		c, err := drm.Preset(v.video, v.audio)
		require.NoError(t, err, v.video)
		require.Equal(t, v.want, describe(c))
		require.NoError(t, c.Check())
	}
	for _, v := range []struct {
		video, audio string
		want         error
	}{
		{"SHARED", "PRESET_AUDIO_1", drm.ErrIncompatible},
		{"SHARED", "UNENCRYPTED", drm.ErrIncompatible},
		{"PRESET_VIDEO_1", "SHARED", drm.ErrIncompatible},
		{"UNENCRYPTED", "SHARED", drm.ErrIncompatible},
		{"UNENCRYPTED", "UNENCRYPTED", drm.ErrIncompatible},
		{"PRESET_VIDEO_9", "PRESET_AUDIO_1", drm.ErrFormat},
		{"PRESET_VIDEO_1", "PRESET_AUDIO_4", drm.ErrFormat},
		{"PRESET_AUDIO_1", "PRESET_VIDEO_1", drm.ErrFormat},
		{"", "", drm.ErrFormat},
	} {
		_, err := drm.Preset(v.video, v.audio)
		require.ErrorIs(t, err, v.want, "%s %s", v.video, v.audio)
	}
}

func video(width, height int) *media.Track {
	return &media.Track{Kind: media.Video, Video: &media.VideoFormat{Width: width, Height: height}}
}

func audio(channels int) *media.Track {
	return &media.Track{Kind: media.Audio, Audio: &media.AudioFormat{Channels: channels}}
}

func TestContractLabel(t *testing.T) {
	preset := func(v, a string) drm.Contract {
		c, err := drm.Preset(v, a)
		require.NoError(t, err)
		return c
	}
	yes, no := true, false
	free := drm.Contract{
		{Label: "VIDEO", Video: []drm.VideoFilter{{}}},
		{Label: "HDR+HFR+UHD", Video: []drm.VideoFilter{{HDR: &yes}, {MinFPS: 30}, {MinPixels: 2073601}}},
		{Label: "SLOW", Video: []drm.VideoFilter{{MaxFPS: 12, HDR: &no}}},
	}
	require.NoError(t, free.Check())
	hdr, fast, slow, film := video(640, 360), video(640, 360), video(640, 360), video(640, 360)
	hdr.Video.Transfer = 16
	hdr.Video.FrameRate = media.Ratio{Num: 25, Den: 1}
	fast.Video.FrameRate = media.Ratio{Num: 60000, Den: 1001}
	slow.Video.FrameRate = media.Ratio{Num: 12, Den: 1}
	film.Video.FrameRate = media.Ratio{Num: 30, Den: 1}
	eight := preset("PRESET_VIDEO_8", "PRESET_AUDIO_3")
	for _, v := range []struct {
		contract drm.Contract
		track    *media.Track
		want     string // empty: clear
	}{
		{eight, video(1024, 576), "SD+HD1"},
		{eight, video(1024, 577), "SD+HD1"},
		{eight, video(1280, 720), "SD+HD1"},
		{eight, video(1280, 721), "HD2"},
		{eight, video(1920, 1080), "HD2"},
		{eight, video(3840, 2160), "UHD1"},
		{eight, video(4096, 2160), "UHD1"},
		{eight, video(7680, 4320), "UHD2"},
		{eight, audio(1), "STEREO_AUDIO"},
		{eight, audio(2), "STEREO_AUDIO"},
		{eight, audio(3), "MULTICHANNEL_AUDIO_3_6"},
		{eight, audio(6), "MULTICHANNEL_AUDIO_3_6"},
		{eight, audio(8), "MULTICHANNEL_AUDIO_7"},
		{eight, &media.Track{Kind: media.Text}, ""},
		{eight, &media.Track{Kind: media.Video}, "SD+HD1"}, // nothing is known of it: not clear
		{eight, &media.Track{Kind: media.Audio}, "STEREO_AUDIO"},
		{drm.Shared(), &media.Track{Kind: media.Audio}, "ALL"},
		{preset("PRESET_VIDEO_1", "UNENCRYPTED"), audio(2), ""},
		{preset("UNENCRYPTED", "PRESET_AUDIO_2"), video(640, 360), ""},
		{preset("UNENCRYPTED", "PRESET_AUDIO_2"), audio(6), "MULTICHANNEL_AUDIO"},
		{free, hdr, "HDR+HFR+UHD"},
		{free, fast, "HDR+HFR+UHD"},
		{free, film, "VIDEO"}, // MinFPS is excluded
		{free, slow, "SLOW"},  // the last that matches
		{free, video(3840, 2160), "SLOW"},
	} {
		label, ok := v.contract.Label(v.track)
		require.Equal(t, v.want, label)
		require.Equal(t, v.want != "", ok)
	}
}

func TestContractCheck(t *testing.T) {
	every := []drm.VideoFilter{{}}
	for name, c := range map[string]drm.Contract{
		"no label":        {{Video: every}},
		"twice":           {{Label: "A", Video: every}, {Label: "A", Video: every}},
		"no filter":       {{Label: "A"}},
		"too few":         {{Label: "SD+HD", Video: every}},
		"too many":        {{Label: "SD", Video: append(every, every...)}},
		"ALL and more":    {drm.Shared()[0], {Label: "A", Video: every}},
		"ALL of video":    {{Label: "ALL", Video: every}},
		"ALL with limits": {{Label: "ALL", Video: []drm.VideoFilter{{MinPixels: 1}}, Audio: []drm.AudioFilter{{}}}},
		"pixels":          {{Label: "A", Video: []drm.VideoFilter{{MinPixels: 2, MaxPixels: 1}}}},
		"frame rate":      {{Label: "A", Video: []drm.VideoFilter{{MinFPS: -1}}}},
		"channels":        {{Label: "A", Audio: []drm.AudioFilter{{MinChannels: 2, MaxChannels: 1}}}},
	} {
		require.ErrorIs(t, c.Check(), drm.ErrRefused, name)
	}
	require.NoError(t, drm.Shared().Check())
}

// A track of which nothing is known is not sent clear by a contract that encrypts the best alone.
func TestContractInDoubt(t *testing.T) {
	yes, no := true, false
	video := func(f drm.VideoFilter) drm.Contract { return drm.Contract{{Label: "X", Video: []drm.VideoFilter{f}}} }
	audio := func(f drm.AudioFilter) drm.Contract { return drm.Contract{{Label: "X", Audio: []drm.AudioFilter{f}}} }
	for name, c := range map[string]drm.Contract{
		"size": video(drm.VideoFilter{MinPixels: 589825}), "rate": video(drm.VideoFilter{MinFPS: 30}),
		"range": video(drm.VideoFilter{HDR: &yes}), "all": video(drm.VideoFilter{MinPixels: 1, MinFPS: 30, HDR: &yes}),
		"channels": audio(drm.AudioFilter{MinChannels: 3}),
	} {
		kind, other := media.Video, media.Audio
		if len(c[0].Audio) > 0 {
			kind, other = other, kind
		}
		label, ok := c.Label(&media.Track{Kind: kind})
		require.True(t, ok, name)
		require.Equal(t, "X", label)
		_, ok = c.Label(&media.Track{Kind: other})
		require.False(t, ok, "%s: another kind", name)
		_, ok = c.Label(&media.Track{Kind: media.Text})
		require.False(t, ok, "%s: text", name)
	}
	sd := &media.Track{Kind: media.Video, Video: &media.VideoFormat{Width: 1024, Height: 576, FrameRate: media.Ratio{Num: 25, Den: 1}, Transfer: 1}}
	for name, f := range map[string]drm.VideoFilter{"size": {MinPixels: 589825}, "rate": {MinFPS: 25}, "range": {HDR: &yes}} {
		_, ok := video(f).Label(sd)
		require.False(t, ok, "%s is known: clear by intention", name)
	}
	label, _ := drm.Contract{{Label: "SDR", Video: []drm.VideoFilter{{HDR: &no}}}, {Label: "HDR", Video: []drm.VideoFilter{{HDR: &yes}}}}.Label(&media.Track{Kind: media.Video})
	require.Equal(t, "SDR", label, "what matches without doubt comes first")
	_, ok := audio(drm.AudioFilter{MinChannels: 3}).Label(&media.Track{Kind: media.Audio, Audio: &media.AudioFormat{Channels: 2}})
	require.False(t, ok)
}
