// Package timelines makes Timelines without media, for tests of manifests: every Segment is made up, exact and repeatable.
package timelines

import (
	"slices"
	"strconv"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Case is a Timeline and how it is offered.
type Case struct {
	Name     string
	Timeline *media.Timeline
	Options  *manifest.Options
}

// Cases are presentations of all the shapes that manifests tell apart.
func Cases() []Case {
	offset := cmaf("late", Video("v1", 640, 360, 800_000).Cut(60, 6), Audio("a1", "en").At(0.7).Cut(59.3, 6))
	offset.Periods[0].Start = media.Time{Ticks: 0, Scale: 1}
	veryLate := cmaf("verylate", Video("v1", 640, 360, 800_000).Cut(60, 6), Audio("a1", "en").At(20).Cut(40, 6))
	return []Case{
		{"one", cmaf("one", Video("v1", 640, 360, 800_000).Cut(10, 6)), nil},
		{"ladder", Ladder(60, 6), nil},
		{"ntsc", cmaf("ntsc",
			Video("v1", 640, 360, 800_000).Rate(30000, 1001).Cut(61, 6.006),
			Audio("a1", "en").Scale(44100).Cut(61, 6.006)), nil},
		{"languages", cmaf("langs",
			Video("v1", 640, 360, 800_000).Cut(30, 6),
			Audio("en", "en").Default().Cut(30, 6), Audio("fr", "fr").Cut(30, 6),
			Audio("ad", "en").Role("description").Cut(30, 6), Audio("co", "en").Role("commentary").Label(`Director's "cut"`).Cut(30, 6),
			Audio("xx", "und").Cut(30, 6)), nil},
		{"codecs", codecs(), nil},
		{"audio", cmaf("audio", Audio("a1", "en").Bits(64_000).Cut(30, 6), Audio("a2", "en").Bits(128_000).Cut(30, 6)), nil},
		{"radio", cmaf("radio", Audio("en", "en").Cut(30, 6), Audio("de", "de").Cut(30, 6)), nil},
		{"video", cmaf("video", Video("v1", 640, 360, 800_000).Cut(30, 6), Video("v2", 640, 360, 803_000).Cut(30, 6)), nil},
		{"hdr", cmaf("hdr",
			Video("v1", 1920, 1080, 5_000_000).HDR(16).Cut(30, 6), Video("v2", 1920, 1080, 4_000_000).HDR(18).Cut(30, 6),
			Video("v3", 1920, 1080, 3_000_000).Cut(30, 6)), nil},
		{"anamorphic", cmaf("pasp", Video("v1", 720, 576, 2_000_000).Pixel(64, 45).Cut(12, 6)), nil},
		{"periods", Periods(), nil},
		{"late", offset, nil},
		{"verylate", veryLate, nil},
		{"tail", cmaf("tail", Video("v1", 640, 360, 800_000).Cut(12.04, 6), Audio("a1", "en").Cut(12.001, 6)), nil},
		{"unaligned", cmaf("unaligned",
			Video("v1", 640, 360, 800_000).Cut(30, 6), Video("v2", 1280, 720, 2_000_000).Set("odd").Cut(30, 4),
			Audio("a1", "en").Cut(30, 6)), nil},
		{"opengop", cmaf("open", Video("v1", 640, 360, 800_000).Leading().Cut(12, 6)), nil},
		{"number", Ladder(60, 6), &manifest.Options{NumberDuration: true}},
		{"muxed", Ladder(60, 6), &manifest.Options{Offers: []manifest.Offer{
			{Rendition: "v1", Ext: "ts", MIME: "video/mp2t", NoInit: true, With: []string{"a1"}},
			{Rendition: "v2", Ext: "ts", MIME: "video/mp2t", NoInit: true, With: []string{"a1"}},
		}}},
		{"muxedlanguages", Two(), &manifest.Options{Offers: []manifest.Offer{
			{Rendition: "v1", Ext: "ts", MIME: "video/mp2t", NoInit: true, With: []string{"en"}},
			{Rendition: "en", Ext: "aac", MIME: "audio/aac", NoInit: true},
			{Rendition: "fr", Ext: "aac", MIME: "audio/aac", NoInit: true},
		}}},
	}
}

// Ladder is three video renditions and sound, of this duration, cut into segments, seconds.
func Ladder(duration, segment float64) *media.Timeline {
	return cmaf("ladder",
		Video("v1", 640, 360, 800_000).Cut(duration, segment), Video("v2", 1280, 720, 2_200_000).Cut(duration, segment),
		Video("v3", 1920, 1080, 4_500_000).Cut(duration, segment), Audio("a1", "en").Default().Cut(duration, segment))
}

// Two is one video rendition and two languages.
func Two() *media.Timeline {
	return cmaf("two", Video("v1", 640, 360, 800_000).Cut(30, 6), Audio("en", "en").Default().Cut(30, 6), Audio("fr", "fr").Cut(30, 6))
}

// Periods is two clips: the second has another frame rate and clock.
func Periods() *media.Timeline {
	a := cmaf("periods", Video("v1", 640, 360, 800_000).Cut(10.5, 6), Audio("a1", "en").Cut(10.5, 6))
	b := cmaf("periods",
		Video("v1", 640, 360, 900_000).Rate(30000, 1001).From(2).At(10.5).Cut(9, 6),
		Audio("a1", "en").Scale(44100).From(2).At(10.5).Cut(9, 6))
	c := cmaf("periods", Video("v1", 640, 360, 900_000).From(4).At(19.5).Cut(6, 6))
	b.Periods[0].ID, b.Periods[0].Index = "1", 1
	c.Periods[0].ID, c.Periods[0].Index = "2", 2
	a.Periods[0].Duration = media.Time{Ticks: 10_500, Scale: 1000}
	b.Periods[0].Start, b.Periods[0].Duration = media.Time{Ticks: 10_500, Scale: 1000}, media.Time{Ticks: 9, Scale: 1}
	c.Periods[0].Start, c.Periods[0].Duration = media.Time{Ticks: 19_500, Scale: 1000}, media.Time{Ticks: 6, Scale: 1}
	a.Periods = append(a.Periods, b.Periods[0], c.Periods[0])
	return a
}

// codecs is AAC and E-AC-3, each stereo or surround, beside AVC and HEVC; French is in AAC only.
func codecs() *media.Timeline {
	return cmaf("codecs",
		Video("avc", 1280, 720, 2_200_000).Cut(30, 6),
		Video("hevc", 1920, 1080, 3_000_000).Codec(media.HEVC, "hvc1", "hvc1.2.4.L120.B0").Set("hevc").Cut(30, 6),
		Video("dv", 3840, 2160, 12_000_000).Codec(media.HEVC, "hvc1", "hvc1.2.4.L153.B0").HDR(18).Supplemental("dvh1.08.07/db4h").
			Set("dv").Cut(30, 6),
		Audio("en", "en").Default().Cut(30, 6), Audio("fr", "fr").Cut(30, 6),
		Audio("en6", "en").Codec(media.EAC3, "ec-3", "ec-3").Channels(6, 0xF801, 0).Set("dolby").Cut(30, 6),
		Audio("enjoc", "en").Codec(media.EAC3, "ec-3", "ec-3").Channels(6, 0xF801, 16).Set("atmos").Cut(30, 6),
		Audio("mp3", "en").Codec(media.MP3, "mp4a", "mp4a.6B").Set("mp3").Cut(30, 6))
}

func cmaf(version string, renditions ...media.Rendition) *media.Timeline {
	var end media.Time
	for _, r := range renditions {
		s := r.Segments.At(r.Segments.Len() - 1)
		if e := (media.Time{Ticks: s.Start + s.Duration, Scale: r.Track.Timescale}); e.Compare(end) > 0 {
			end = e
		}
	}
	p := &media.Period{ID: "0", Duration: end, Renditions: renditions}
	return &media.Timeline{Version: version, Target: 6 * time.Second, Periods: []*media.Period{p}, Ended: true}
}

// Builder makes a Rendition. Each method returns b changed.
type Builder struct {
	r     media.Rendition
	bits  int64 // per second
	frame int64 // ticks: segments are whole frames
	first uint64
	at    float64 // seconds
}

// Video is H.264 at 25 frames a second, in the set "video".
func Video(id string, width, height int, bitsPerSecond int64) *Builder {
	return &Builder{bits: bitsPerSecond, frame: 3600, first: 1, r: media.Rendition{ID: id, Set: "video", Track: &media.Track{
		ID: id, Kind: media.Video, Timescale: 90000, Codec: media.Codec{Coding: media.H264, FourCC: "avc1", String: "avc1.64001f"},
		Video: &media.VideoFormat{Width: width, Height: height, FrameRate: media.Ratio{Num: 25, Den: 1}, Primaries: 1, Transfer: 1, Matrix: 1},
	}}}
}

// Audio is stereo AAC of 128 kbit/s at 48 kHz, in a set named after the language.
func Audio(id, language string) *Builder {
	return &Builder{bits: 128_000, frame: 1024, first: 1, r: media.Rendition{ID: id, Set: "audio-" + language, Track: &media.Track{
		ID: id, Kind: media.Audio, Timescale: 48000, Language: language,
		Codec: media.Codec{Coding: media.AAC, FourCC: "mp4a", String: "mp4a.40.2"},
		Audio: &media.AudioFormat{SampleRate: 48000, Channels: 2},
	}}}
}

// Rate sets the frame rate; the timescale becomes num.
func (b *Builder) Rate(num, den uint32) *Builder {
	b.r.Track.Timescale, b.frame = num, int64(den)
	b.r.Track.Video.FrameRate = media.Ratio{Num: num, Den: den}
	return b
}

// Scale sets the timescale and sample rate of audio.
func (b *Builder) Scale(hz uint32) *Builder {
	b.r.Track.Timescale, b.r.Track.Audio.SampleRate = hz, int(hz)
	return b
}

// Codec sets the codec.
func (b *Builder) Codec(c media.Coding, fourCC, s string) *Builder {
	b.r.Track.Codec = media.Codec{Coding: c, FourCC: fourCC, String: s}
	return b
}

// Channels sets number, Dolby's map and complexity index.
func (b *Builder) Channels(n int, mask uint16, joc int) *Builder {
	b.r.Track.Audio.Channels, b.r.Track.Audio.ChannelMask, b.r.Track.Audio.JOC = n, mask, joc
	return b
}

// HDR sets BT.2020 with a transfer function.
func (b *Builder) HDR(transfer uint8) *Builder {
	v := b.r.Track.Video
	v.Primaries, v.Transfer, v.Matrix = 9, transfer, 9
	return b
}

func (b *Builder) Supplemental(s string) *Builder { b.r.Track.Codec.Supplemental = s; return b }
func (b *Builder) Leading() *Builder              { b.r.Track.Video.Leading = true; return b }
func (b *Builder) Default() *Builder              { b.r.Track.Default = true; return b }
func (b *Builder) Label(s string) *Builder        { b.r.Track.Label = s; return b }
func (b *Builder) Set(s string) *Builder          { b.r.Set = s; return b }
func (b *Builder) Bits(n int64) *Builder          { b.bits = n; return b }
func (b *Builder) From(n uint64) *Builder         { b.first = n + 1; return b }
func (b *Builder) At(seconds float64) *Builder    { b.at = seconds; return b }
func (b *Builder) Pixel(num, den uint32) *Builder {
	b.r.Track.Video.PixelAspect = media.Ratio{Num: num, Den: den}
	return b
}

// Role sets the role, with a set of its own.
func (b *Builder) Role(s string) *Builder {
	b.r.Track.Roles, b.r.Set = []string{s}, b.r.Set+"-"+s
	return b
}

// Cut makes segments of whole frames until duration, each ending at the first frame at or after its boundary.
func (b *Builder) Cut(duration, segment float64) media.Rendition {
	scale := float64(b.r.Track.Timescale)
	up := func(seconds float64) int64 { // whole frames at or after
		ticks := int64(seconds*scale + 0.5)
		return (ticks + b.frame - 1) / b.frame * b.frame
	}
	var list media.SegmentSlice
	start, end := int64(b.at*scale+0.5), up(duration)
	origin := start
	for k := 1; start-origin < end; k++ {
		stop := origin + min(end, up(float64(k)*segment))
		d := stop - start
		size := d * b.bits / 8 / int64(b.r.Track.Timescale) * int64(90+10*(k%3)) / 100 // varies, so that peak is not average
		list = append(list, media.Segment{Number: b.first + uint64(k-1), Span: media.Span{
			Track: b.r.Track, Media: media.Interval{From: start, To: stop}, Start: start, Duration: d, Bytes: size, Samples: int(d / b.frame),
		}})
		start = stop
	}
	b.r.Segments = list
	return b.r
}

// URLs are those of all init and media segments of the offers, as l links them, without keys.
func URLs(tl *media.Timeline, offers []manifest.Offer, l manifest.Linker) []string {
	return Case{Timeline: tl, Options: &manifest.Options{Offers: offers}}.URLs(l)
}

// URLs are those of all init and media segments, as l links them.
func (c Case) URLs(l manifest.Linker) []string {
	var list []string
	tl := c.Timeline
	for _, p := range tl.Periods {
		for _, o := range c.Options.Offered(tl) {
			r, ok := p.Rendition(o.Rendition)
			if !ok {
				continue
			}
			if !o.NoInit {
				for _, key := range c.inits(p, r) {
					list = append(list, l.Link(manifest.Ref{Kind: manifest.Init, Version: tl.Version, Rendition: r.ID, Period: p.ID, Key: key}))
				}
			}
			for i := range r.Segments.Len() {
				list = append(list, l.Link(manifest.Ref{
					Kind: manifest.Segment, Version: tl.Version, Rendition: r.ID, Number: r.Segments.At(i).Number, Ext: o.Extension(),
				}))
			}
		}
	}
	return list
}

// inits are the Ref.Key of a rendition's initialization segments: one for each key period, and under AES-128 one for what
// is clear.
func (c Case) inits(p *media.Period, r *media.Rendition) []uint64 {
	if c.Options == nil || c.Options.Key == nil {
		return []uint64{0}
	}
	var list []uint64
	clear := false
	for i := range r.Segments.Len() {
		k := c.Options.Key(p, r.ID, r.Segments.At(i).Number)
		switch {
		case k == nil:
			clear = true
		case c.Options.InBandKeys && k.Scheme.Common():
			return []uint64{0}
		case k.Scheme == drm.AES128 && clear && !slices.Contains(list, 0):
			list = append(list, 0, k.Period)
		case !slices.Contains(list, k.Period):
			list = append(list, k.Period)
		}
	}
	if len(list) == 0 {
		return []uint64{0}
	}
	return list
}

// Seconds is a presentation of one segment of so many ticks.
func Seconds(ticks int64, scale uint32) *media.Timeline {
	b := Video("v1", 640, 360, 800_000)
	b.r.Track.Timescale = scale
	b.r.Segments = media.SegmentSlice{{Number: 1, Span: media.Span{Track: b.r.Track, Duration: ticks, Bytes: 1000}}}
	return cmaf("s"+strconv.FormatInt(ticks, 10), b.r)
}
