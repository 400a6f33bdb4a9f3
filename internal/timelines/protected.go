package timelines

import (
	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Protected are presentations with keys. Those whose scheme is not of 23001-7 are for HLS only.
func Protected() []Case {
	real := []drm.SystemID{drm.Widevine, drm.PlayReady}
	apple := append([]drm.SystemID{drm.FairPlay}, real...)
	development := []drm.SystemID{drm.ClearKey, drm.Widevine}
	with := func(o manifest.Options, k Keys) *manifest.Options {
		o.Key = k.Key()
		return &o
	}
	plain := manifest.Options{}
	ts := manifest.Options{Offers: []manifest.Offer{
		{Rendition: "v1", Ext: "ts", MIME: "video/mp2t", NoInit: true, With: []string{"en"}},
		{Rendition: "fr", Ext: "aac", MIME: "audio/aac", NoInit: true},
	}}
	iv := []byte{0, 0, 0x0a, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	whole := Keys{Scheme: drm.AES128, Systems: []drm.SystemID{drm.Identity}, IV: iv}
	one := func(k Keys, first uint64) Keys { k.First = first; return k }
	lead := func(k Keys, seconds float64) Keys { k.Lead = seconds; return k }
	rotating := Keys{Scheme: drm.CBCS, Systems: apple, Interval: 20}
	return []Case{
		{"cenc", Ladder(60, 6), with(plain, Keys{Scheme: drm.CENC, Systems: append(development, drm.PlayReady)})},
		{"cbcs", Ladder(60, 6), with(plain, Keys{Scheme: drm.CBCS, Systems: apple, Label: byKind, Change: policy})},
		{"keys", Ladder(60, 6), with(plain, Keys{Scheme: drm.CENC, Systems: real, Label: bySize})},
		{"referenced", Ladder(60, 6), with(manifest.Options{ReferencedKeys: true}, Keys{Scheme: drm.CENC, Systems: development, Label: bySize})},
		{"nosession", Two(), with(manifest.Options{NoSessionKeys: true}, Keys{Scheme: drm.CBCS, Systems: apple})},
		{"clearsound", Ladder(60, 6), with(plain, Keys{Scheme: drm.CENC, Systems: real, Label: videoOnly})},
		{"othersystems", Two(), with(plain, Keys{Scheme: drm.CENC, Systems: []drm.SystemID{drm.Irdeto, drm.Marlin, drm.Widevine}})},
		{"lead", Ladder(60, 6), with(plain, Keys{Scheme: drm.CBCS, Systems: apple, Lead: 12})},
		{"rotation", Ladder(60, 6), with(plain, rotating)},
		{"rotationlead", Ladder(60, 6), with(plain, lead(rotating, 6))},
		{"rotationkeys", Ladder(60, 6), with(manifest.Options{ReferencedKeys: true}, Keys{Scheme: drm.CBCS, Systems: apple, Interval: 20, Label: bySize})},
		{"rotationnumber", Ladder(60, 6), with(manifest.Options{NumberDuration: true}, rotating)},
		{"inband", Ladder(60, 6), with(manifest.Options{InBandKeys: true}, Keys{Scheme: drm.CENC, Systems: append(development, drm.PlayReady), Interval: 20})},
		{"clearclip", Periods(), with(plain, Keys{Scheme: drm.CBCS, Systems: apple, First: 1, Label: func(r *media.Rendition) string {
			if r.Segments.At(0).Start >= 10*int64(r.Track.Timescale) && r.Segments.At(0).Start < 15*int64(r.Track.Timescale) {
				return ""
			}
			return "ALL"
		}})},
		{"aes128", Two(), with(ts, whole)},
		{"aes128rotation", Two(), with(ts, Keys{Scheme: drm.AES128, Systems: []drm.SystemID{drm.Identity}, Interval: 10})},
		{"aes128cmaf", Two(), with(plain, whole)},
		{"aes128cmaflead", Two(), with(plain, lead(one(whole, 1), 6))},
		{"sampleaes", Two(), with(ts, Keys{Scheme: drm.SampleAES, Systems: []drm.SystemID{drm.FairPlay, drm.Identity}, IV: iv, Lead: 6})},
	}
}

func byKind(r *media.Rendition) string { return r.Track.Kind.String() }

func videoOnly(r *media.Rendition) string {
	if r.Track.Kind != media.Video {
		return ""
	}
	return "video"
}

// bySize is a key for each of SD and HD, and one for sound.
func bySize(r *media.Rendition) string {
	switch v := r.Track.Video; {
	case v == nil:
		return "AUDIO"
	case v.Height < 700:
		return "SD"
	}
	return "HD"
}

// policy is what a key server may ask of outputs.
func policy(k *manifest.Key) {
	for i := range k.Signals {
		switch s := &k.Signals[i]; s.System {
		case drm.FairPlay:
			s.AllowedCPC, s.HDCPLevel = "com.apple.streamingkeydelivery:AppleMain/Main", "TYPE-0"
		case drm.Widevine:
			s.AllowedCPC, s.Robustness = "urn:uuid:"+string(drm.Widevine)+":L1", "HW_SECURE_ALL"
		}
	}
}
