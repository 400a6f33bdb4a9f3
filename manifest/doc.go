// Package manifest holds what the writers of manifests share with whoever serves them: a [Ref] names one thing that can
// be fetched, a [Linker] turns it into a relative URL and back, and [Options] say how an endpoint offers a Timeline.
//
//	opts := &manifest.Options{Offers: []manifest.Offer{{Rendition: "v1"}, {Rendition: "a1"}}}
//	index, err := hls.Multivariant(tl, opts)
//	mpd, err := dash.MPD(tl, time.Now(), opts)
//	ref, err := opts.Links().Parse("3kf09a/v1/17.m4s") // what a player asks for
//
// The formats are manifest/hls and manifest/dash. They are pure functions from a media.Timeline to text: no clock, no
// HTTP, no state. [Measure] gives both the bit rates that they declare.
//
// Under which keys segments are is a function too, [Options].Key; [Options.KeyRuns] is how writers read it, and says under
// which initialization segment each segment is. Keys were fetched before, and manifests hold no secret of them.
//
// The package reads no manifests and knows no containers: an [Offer] says what the container makes of a rendition.
package manifest
