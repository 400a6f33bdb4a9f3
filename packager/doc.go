// Package packager turns samples into the bytes of segments. A [Job] holds what goes into one segment, a [Packager] is
// one output format, and a [Body] is the result: a list of pieces whose exact size is known before the first byte is
// made, so that HEAD, Range and Content-Length cost nothing.
//
//	segs, err := timeline.Segment("v1", 1)
//	job, err := packager.Load(ctx, segs[:1])
//	body, err := cmaf.Packager{}.Segment(ctx, job)
//	n, err := body.Send(ctx, w)
//
// The formats are the packages beside this one: packager/cmaf, packager/ts and packager/packed. None of them knows HTTP,
// a manifest or another format. Packagers have no state: equal jobs give equal bytes, on any machine.
package packager
