// Package cmaf packages samples as CMAF: fragmented MP4 that HLS and DASH share, segment by segment (ISO/IEC 23000-19).
// It carries H.264, HEVC, AV1, VP9, AAC, AC-3, E-AC-3, Opus, FLAC and MP3, one track a file.
//
//	init, err := cmaf.Packager{}.Init(track, nil)
//	job, err := packager.Load(ctx, segs)
//	body, err := cmaf.Packager{}.Segment(ctx, job)
//	_, err = body.Send(ctx, w)
//
// A segment is a styp and one or more fragments (moof, mdat). Only the boxes are made; the payload stays in the Objects
// of the samples, and adjoining samples are one range. A segment takes a handful of allocations, however long it is.
//
// # What is written
//
// The sample entry of the track is written byte for byte. Tables of the init segment are empty. tfdt is the presentation
// clock to the tick, in 64 bits, and the first sync sample is presented at its tfdt. A track with reordered pictures has
// one edit, as long as the track, that begins at Track.Delay, and composition offsets that are later by as much and never
// negative (23000-19, 7.5.13, cmfc): readers that know no negative offsets without an edit, FFmpeg among them, would play
// such pictures late. A track without reordering has no edit list (cmf2). Audio priming is in no edit list: it lies before
// the start of the Period, which HLS and DASH know how to leave out. Everything that a fragment needs is in its
// tfhd and trun; trex holds no defaults. A segment has no sidx: each has a URL of its own, and where pictures lead a
// sync sample, the presentation time that a sidx names is not the time by which manifests list the segment.
//
// AAC and Opus have a roll sample group in each fragment: one access unit, or those of 80 ms, have to be decoded before
// the first that can be heard (14496-12, 10.1).
//
// # Encryption
//
// A Protection of scheme cenc, cens, cbc1 or cbcs encrypts the payload while it is sent, through one buffer of 128 KB. The
// sample entry is encv or enca. Each fragment has a senc, with saiz and saio unless there is nothing to point to: where
// the IV is constant and samples are encrypted whole, senc is empty but there, as some devices want it. What of a picture
// stays clear is said by package internal/cenc. A last group of a pattern that is incomplete is encrypted as far as it
// has whole blocks.
//
// With a clear lead the header has a clear sample entry too, the second, and clear segments refer to it. Without it,
// clear segments are in a sample group (seig) that says so. With Group each fragment names its key in such a group, and the
// first of a segment brings the pssh boxes in its moof.
//
// A track that comes encrypted (Track.Crypt) is sent as it lies, with its own signals: those of its sample entry, its
// pssh boxes, its IVs and subsamples, and a sample group where they differ. Clear runs of it use the second sample entry.
// It is not encrypted anew: give its key to the source instead.
//
// What should be encrypted and cannot be is an error, as are samples that would share an IV.
//
// # What is not
//
// Events, subtitles and several tracks in one file are not done here; nor is HLS AES-128, which is done to whole segments. A run that does not follow the one
// before in time begins a fragment of its own with its true time; closing the gap is the source's affair.
package cmaf
