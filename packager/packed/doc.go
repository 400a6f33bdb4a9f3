// Package packed packages sound as HLS packed audio (RFC 8216, 3.4): an elementary stream of AAC, AC-3, E-AC-3 or MP3
// behind an ID3 tag that says when it begins. It is what the sound beside MPEG-TS video is sent as.
//
//	job, err := packager.Load(ctx, segs)
//	body, err := packed.Packager{}.Segment(ctx, job)
//	_, err = body.Send(ctx, w)
//
// The tag holds the presentation time of the first access unit, converted to the nearest tick of 90 kHz as an absolute
// time, plus [packager.Job] Bias, in 33 bits that wrap: the clock of the MPEG-TS segments beside it, to the tick. Access
// units follow without times of their own, so a gap within a segment is not heard as one. AC-3, E-AC-3 and MP3 follow as they lie in
// their Objects. AAC gets an ADTS header before each access unit, made while it is sent; the size is exact before.
//
// There is no init segment. ADTS cannot say that its first access units are priming: players hear them, some 20 ms.
//
// Under drm.SampleAES AAC, AC-3 and E-AC-3 are encrypted frame by frame (Apple, MPEG-2 Stream Encryption Format for HTTP Live
// Streaming), which changes no size, and the tag tells the decoder's configuration too. Whole segments under AES-128 are made
// by packager.Render.
//
// Not here: timed ID3 within a segment, AAC of object types that ADTS cannot name, Opus and FLAC (they
// belong into fragmented MP4, see packager/cmaf).
package packed
