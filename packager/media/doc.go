// Package media is the model in the middle of mezzo: what every source yields and every packager and manifest reads.
//
// A [Source] gives random access to the samples of its [Track]s. A [Timeline] says which segments exist at one instant:
// its [Period]s hold [Rendition]s, whose [Segment]s are spans of samples. A [Presentation] returns the current Timeline,
// and [Content] is cut into a Presentation as a [Plan] asks. VOD, live, clips and harvests differ only in the Timeline
// they return; HLS, DASH, CMAF and MPEG-TS differ only in what they make of one.
//
// Times are int64 ticks of a Track's Timescale. Use [Rescale] to convert an absolute time at the edge and never add up
// converted values. Decode times (DTS) are those of a source to which edit lists are applied: the first sync sample of
// a track has composition offset 0, so that DTS, segment boundaries and manifest times speak of one clock.
//
//	tl, err := content.Present(media.Plan{Segment: 6 * time.Second}).Timeline(ctx)
//	for _, r := range tl.Periods[0].Renditions {
//		fmt.Println(r.ID, r.Track.Codec.String, r.Segments.Len())
//	}
//
// The package does no I/O, knows no container format, reads no clock and starts no goroutine. Everything in it is
// read-only once made and safe for concurrent use. Formats live beside it, like image/png beside image: see packager/cmaf
// and packager/ts for writing, packager/vod for reading.
package media
