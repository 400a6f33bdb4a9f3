package dash

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/zencoder/go-dash/v3/mpd"

	"github.com/mezzomedia/mezzo/packager/media"
)

func (w *writer) representation(l listed) *representation {
	t := l.Track
	rate := w.rates[l.ID].Peak
	out := &representation{Representation: mpd.Representation{
		ID: text(l.ID), Bandwidth: &rate, Codecs: text(t.Codec.String),
	}}
	if codec, brands, ok := strings.Cut(t.Codec.Supplemental, "/"); ok {
		out.SupplementalCodecs = text(codec)
		out.SupplementalProfiles = text(strings.ReplaceAll(brands, "/", " "))
		w.supplemental = true
	}
	if v := t.Video; v != nil {
		out.Width, out.Height = positive(v.Width), positive(v.Height)
		out.FrameRate = text(frameRate(v.FrameRate))
		out.Sar = text(sampleAspect(v.PixelAspect))
	}
	if a := t.Audio; a != nil {
		out.Representation.AudioSamplingRate = positive(a.SampleRate)
		out.AudioChannelConfiguration = channels(t)
		if a.JOC > 0 {
			out.SupplementalProperty = []mpd.DescriptorType{
				descriptor("tag:dolby.com,2018:dash:EC3_ExtensionType:2018", "JOC"),
				descriptor("tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018", strconv.Itoa(a.JOC)),
			}
		}
	}
	return out
}

// channels is the AudioChannelConfiguration: the speakers of Dolby's channel map, or a ChannelConfiguration of
// ISO/IEC 23091-3, which up to six channels is their number.
func channels(t *media.Track) []mpd.DescriptorType {
	a := t.Audio
	const (
		dolby = "tag:dolby.com,2014:dash:audio_channel_configuration:2011"
		mpeg  = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
		cicp  = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
	)
	switch {
	case a.ChannelMask != 0 && (t.Codec.Coding == media.AC3 || t.Codec.Coding == media.EAC3):
		return []mpd.DescriptorType{descriptor(dolby, fmt.Sprintf("%04X", a.ChannelMask))}
	case a.Channels >= 1 && a.Channels <= 6:
		return []mpd.DescriptorType{descriptor(mpeg, strconv.Itoa(a.Channels))}
	case a.Channels == 7:
		return []mpd.DescriptorType{descriptor(cicp, "11")} // 6.1
	case a.Channels == 8:
		return []mpd.DescriptorType{descriptor(cicp, "12")} // 7.1
	}
	return nil
}

// frameRate is as 30000/1001 or 25; empty where it is not known.
func frameRate(r media.Ratio) string {
	if r.Num == 0 || r.Den == 0 {
		return ""
	}
	d := uint32(gcd(uint64(r.Num), uint64(r.Den)))
	if r.Den == d {
		return strconv.FormatUint(uint64(r.Num/d), 10)
	}
	return fmt.Sprintf("%d/%d", r.Num/d, r.Den/d)
}

func sampleAspect(r media.Ratio) string {
	if r.Num == 0 || r.Den == 0 {
		return "1:1"
	}
	d := uint32(gcd(uint64(r.Num), uint64(r.Den)))
	return fmt.Sprintf("%d:%d", r.Num/d, r.Den/d)
}

func faster(a, b media.Ratio) bool {
	if a.Den == 0 || b.Den == 0 {
		return a.Den != 0
	}
	return uint64(a.Num)*uint64(b.Den) > uint64(b.Num)*uint64(a.Den)
}
