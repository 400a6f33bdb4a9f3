package drm

import (
	"fmt"
	"strings"
)

// Limits of the presets, pixels: the largest picture of each class.
const (
	pixelsSD  = 1024 * 576
	pixelsHD1 = 1280 * 720
	pixelsHD2 = 1920 * 1080
	pixelsUHD = 4096 * 2160 // UHD1, where there is an UHD2
)

// Preset is the contract of a pair of presets of SPEKE 2.0, named as MediaPackage does, with hyphens or underscores:
// PRESET_VIDEO_1 to 8, PRESET_AUDIO_1 to 3, SHARED and UNENCRYPTED. SHARED is for both or neither, UNENCRYPTED for one at
// most. The error matches ErrFormat where a name is not known, ErrIncompatible where two do not go together.
func Preset(video, audio string) (Contract, error) {
	v, a := strings.ReplaceAll(video, "-", "_"), strings.ReplaceAll(audio, "-", "_")
	c, ok := videoPreset(v)
	if !ok {
		return nil, fmt.Errorf("video preset %.40q: %w", video, ErrFormat)
	}
	rules, ok := audioPreset(a)
	if !ok {
		return nil, fmt.Errorf("audio preset %.40q: %w", audio, ErrFormat)
	}
	c = append(c, rules...)
	switch {
	case v == "SHARED" && a == "SHARED":
		return Shared(), nil
	case v == "SHARED" || a == "SHARED":
		return nil, fmt.Errorf("presets %s and %s: SHARED is for video and audio together: %w", video, audio, ErrIncompatible)
	case len(c) == 0:
		return nil, fmt.Errorf("presets %s and %s leave nothing to encrypt: %w", video, audio, ErrIncompatible)
	}
	return c, nil
}

// videoPreset is what a preset says of video; nothing for SHARED and UNENCRYPTED.
func videoPreset(name string) (Contract, bool) {
	rule := func(label string, filters ...VideoFilter) Rule { return Rule{Label: label, Video: filters} }
	size := func(low, high int) VideoFilter { return VideoFilter{MinPixels: low, MaxPixels: high} }
	var (
		sd   = rule("SD", size(0, pixelsSD))
		hd1  = rule("HD1", size(pixelsSD+1, pixelsHD1))
		hd2  = rule("HD2", size(pixelsHD1+1, pixelsHD2))
		hd   = rule("HD", size(pixelsSD+1, pixelsHD2))
		sdHD = rule("SD+HD1", size(0, pixelsSD), size(pixelsSD+1, pixelsHD1))
		uhd  = rule("UHD", size(pixelsHD2+1, 0))
		uhd1 = rule("UHD1", size(pixelsHD2+1, pixelsUHD))
		uhd2 = rule("UHD2", size(pixelsUHD+1, 0))
	)
	switch name {
	case "PRESET_VIDEO_1":
		return Contract{rule("VIDEO", VideoFilter{})}, true
	case "PRESET_VIDEO_2":
		return Contract{sd, rule("HD", size(pixelsSD+1, 0))}, true
	case "PRESET_VIDEO_3":
		return Contract{sd, hd, uhd}, true
	case "PRESET_VIDEO_4":
		return Contract{sd, hd, uhd1, uhd2}, true
	case "PRESET_VIDEO_5":
		return Contract{sd, hd1, hd2, uhd1, uhd2}, true
	case "PRESET_VIDEO_6":
		return Contract{sd, hd1, hd2, uhd}, true
	case "PRESET_VIDEO_7":
		return Contract{sdHD, hd2, uhd}, true
	case "PRESET_VIDEO_8":
		return Contract{sdHD, hd2, uhd1, uhd2}, true
	}
	return nil, name == "SHARED" || name == "UNENCRYPTED"
}

// audioPreset is what a preset says of audio; nothing for SHARED and UNENCRYPTED.
func audioPreset(name string) (Contract, bool) {
	rule := func(label string, low, high int) Rule {
		return Rule{Label: label, Audio: []AudioFilter{{MinChannels: low, MaxChannels: high}}}
	}
	switch name {
	case "PRESET_AUDIO_1":
		return Contract{rule("AUDIO", 0, 0)}, true
	case "PRESET_AUDIO_2":
		return Contract{rule("STEREO_AUDIO", 0, 2), rule("MULTICHANNEL_AUDIO", 3, 0)}, true
	case "PRESET_AUDIO_3":
		return Contract{rule("STEREO_AUDIO", 0, 2), rule("MULTICHANNEL_AUDIO_3_6", 3, 6), rule("MULTICHANNEL_AUDIO_7", 7, 0)}, true
	}
	return nil, name == "SHARED" || name == "UNENCRYPTED"
}
