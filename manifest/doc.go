// Package manifest holds what the writers of manifests share with whoever serves them: a [Ref] names one thing that can
// be fetched, a [Linker] turns it into a relative URL and back, and [Options] say how an endpoint offers a Timeline.
//
// The formats are manifest/hls and manifest/dash. They are pure functions from a media.Timeline to text: no clock, no
// HTTP, no state.
package manifest
