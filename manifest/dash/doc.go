// Package dash writes MPDs (ISO/IEC 23009-1) from a media.Timeline.
//
//	mpd, err := dash.MPD(tl, time.Now(), nil) // every rendition, links as manifest.Paths writes them
//
// MPD is a pure function: equal arguments give equal bytes. What is offered and under which URLs comes from
// manifest.Options; the media URLs are those that package hls names for the same options.
//
// Each media.Period is a Period whose start and duration are exact to the nanosecond, rounded up, so that none loses its
// end. Times stay in the timescale of each track: S@t is Segment.Start, presentationTimeOffset is Period.Start.
// Renditions of one switching set that agree in coding, channels, language, label and roles share an AdaptationSet,
// whose id is the same in every Period; where all of them are cut alike they share one SegmentTemplate.
//
// With Options.NumberDuration a SegmentTemplate has @duration in place of a SegmentTimeline wherever each segment starts
// within half a duration of where a player expects it (23009-1, 5.3.9.2.1) and their number is what a player computes.
// Where irregular cuts do not allow that, the SegmentTimeline stays: a player must not ask for what is not there.
//
// Options.Key says which segments are encrypted. Renditions under different keys are in different AdaptationSets, which
// name each other as sets between which a player may switch; each has ContentProtection of the scheme with the key id, then
// of each system that has something to say in an MPD. W3C Clear Key stands under its DASH-IF name, without a pssh box. A clear lead is in the set of the key that follows, which is what its
// initialization segment announces; sets without a key say nothing.
//
// Keys that change start a Period, whose id is that of the media.Period and the key period: 0.k7. Numbers, URLs and clock
// go on, and so do the ids of the AdaptationSets, which are marked as continuous. All renditions are cut at the segment
// nearest to the change, so that none is lost or listed twice. With Options.InBandKeys there is one Period that names the
// systems and no key: segments do. With Options.ReferencedKeys the MPD has what is long once, at its top, and refers to it;
// readers that do not know @ref (shaka-player 5.2 is one, dash.js 5.2 is not) then need the pssh of the initialization
// segment.
//
// The package writes static presentations of fragmented MP4 only, addressed by $Number$; it does not read MPDs. A Linker
// must be a manifest.Templater.
package dash
