// Package cenc encrypts and decrypts samples by ISO/IEC 23001-7: which stretches of a sample are encrypted, and the four
// ciphers over them.
//
//	m, err := cenc.NewMapper(track, drm.CBCS)
//	for each sample of a segment, in decode order {
//		subs, err = m.Map(subs[:0], sample)
//		...
//	}
//
// A [Mapper] leaves clear what a player, a demuxer or a decoder's front end has to read: lengths, parameter sets, messages,
// and the headers of slices, frames and tiles, up to their true end. The rest of each slice, frame or tile is protected.
// A sample whose headers cannot be read is an error, never clear.
package cenc
