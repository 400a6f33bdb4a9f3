// Package bmff reads ISO base media files (ISO/IEC 14496-12), QuickTime movies and CMAF: what the boxes say, and a compact
// table of all samples.
//
//	movie, err := bmff.Open(ctx, name, obj)
//	for _, t := range movie.Tracks {
//		samples = t.Index.Append(samples[:0], t.Index.Search(from), t.Index.Search(to))
//	}
//
// Open reads box headers, moov and each moof, and no payload. Times are the file's own: edit lists are read and not
// applied. Sample entries are handed on as bytes. Movies and indexes are immutable and safe for concurrent use.
//
// What breaks a rule that tracks need is a *media.FormatError; what does not is a Warning: malformed optional boxes,
// tables of which one is a little short, fragments that leave gaps, a tail of samples that the end of the file cuts off.
//
// Files may come from anybody. Nothing is allocated by what a header claims: memory stays below 1 MB, plus 32 times the
// bytes of moov and moofs, plus 16 times the rest of the file where tables claim a sample for each byte. A compressed moov
// counts as what it is when inflated, at most 8 MB; samples that have neither bytes nor a table entry are at most 2^20. The
// package does not write boxes, does not decrypt and does not look into the payload.
//
// Of encrypted tracks (ISO/IEC 23001-7, PIFF 1.1) the Index knows by what each sample is encrypted, tenc or a sample group, and
// where its auxiliary information lies, from senc or saiz and saio; Aux reads it. Where those boxes contradict one another or
// the samples, Track.Refused says so, and the rest of the movie is read.
//
// An Object that cannot lend its bytes is read in as few pieces as the boxes allow: moov in one, small fragments many at a
// time, large ones one at a time, of which those that a sidx or mfra lists are asked for ahead where the Object has Warm.
package bmff
