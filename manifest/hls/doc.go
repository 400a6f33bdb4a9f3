// Package hls writes HLS playlists (RFC 8216bis) from a media.Timeline.
//
//	index, err := hls.Multivariant(tl, nil)          // every rendition, links as manifest.Paths writes them
//	video, err := hls.Media(tl, "v1", nil)           // the media playlist of rendition v1
//
// Both are pure functions: equal arguments give equal bytes. What is offered, in which container and under which URLs
// comes from manifest.Options; the zero value offers all of the Timeline as fragmented MP4.
//
// Durations are differences of exact boundaries, each rounded to the microsecond, so the sum of what is printed never
// strays from the media by more than one. EXT-X-TARGETDURATION is one for all playlists of a presentation.
//
// Audio renditions become groups, one for each coding, channel layout and step of bit rate, and each video rendition is
// a variant with each group. Audio that is multiplexed into the video (Offer.With) is a rendition without URI, and is
// only written where there are others to choose from. The first variant is the best that needs no more than 2.5 Mbit/s,
// which is where players start; the others follow by group and rising bandwidth.
//
// Options.Key says which segments are encrypted. EXT-X-KEY stands for each system of the key, in the order of its signals,
// where the key changes and nowhere else, before the EXT-X-MAP that it covers; METHOD=NONE where clear segments follow
// encrypted ones, and none at all in a clear lead. Under Common Encryption and SAMPLE-AES a clear lead has the
// initialization segment of the key that follows. AES-128 encrypts initialization segments too: the playlist then names a
// clear one (Ref.Key 0) for clear segments, and the key says its IV. What is encrypted and cannot be named in HLS is an
// error, so that no playlist calls it clear.
//
// The multivariant playlist has EXT-X-SESSION-KEY of each key with which a rendition starts, in each Period; where the
// Timeline still grows, of the newest. Keys that rotate later are found when their time comes. HDCP-LEVEL is the highest
// that a variant's keys ask for, ALLOWED-CPC has an entry for each KEYFORMAT, the video's first.
//
// The package does not read playlists, writes no byte ranges and no I-frame playlists. It cannot know whether video
// carries closed captions, so it never claims that there are none: CLOSED-CAPTIONS is left out.
package hls
