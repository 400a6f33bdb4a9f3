// Package ts packs segments as MPEG-2 transport streams for HLS (ISO/IEC 13818-1; RFC 8216, 3.2): video and audio
// together, or audio alone. H.264, HEVC, AAC, AC-3, E-AC-3 and MP3 can be carried; other codings have no stream type that
// players know and are refused with a reason.
//
//	job, err := packager.Load(ctx, segs) // a video segment and the audio that goes with it
//	body, err := ts.Packager{}.Segment(ctx, job)
//	n, err := body.Send(ctx, w)          // exactly body.Size() bytes
//
// # Sizes without payload
//
// The size of a segment follows from its sample table, so that HEAD and ranges read no media. For that an access unit
// grows by a constant, whatever is in it: length fields of 4 bytes become start codes of 4 bytes, each picture gets an
// access unit delimiter, and the first and each sync sample get the track's parameter sets. What a sample brings itself
// is not doubled: a delimiter it begins with gives way to the one that was added, and parameter sets are added only
// where it has none of its own, both looked for in its first 4 KiB. The bytes saved become zeros after the delimiter,
// which Annex B allows there (trailing_zero_8bits) and demuxers pass over. Where length fields have 1 or 2 bytes the
// units are counted first, from Run.Units or by reading the length fields.
//
// # Segments without state
//
// Each segment begins with PAT, PMT and a clock reference and can be decoded alone. An input without samples is listed
// in the PMT like the others, so that players which take their tracks from the first segment find sound that begins
// later; the version of the PMT is the number of its streams. Continuity counters begin at 0 in each; the last PES of
// each PID is spread by stuffing over so many packets that they end at 15, so that they run on from segment to segment,
// whichever machine makes them. DTS is the model's DTS less Track.Delay; all times are converted from absolute ones,
// Job.Bias is added, and 33 bits are left. A PCR is never more than 100 ms from the last, half a second ahead of DTS,
// and audio frames share PES of up to 16 packets.
//
// # SAMPLE-AES
//
// Under drm.SampleAES slices of H.264 and frames of AAC, AC-3 and E-AC-3 are encrypted where they lie (Apple, MPEG-2 Stream
// Encryption Format for HTTP Live Streaming), each Input by its own Protection and an Input without one not at all; stream
// types and descriptors say so. In a clear lead, Protection.Clear, a segment is as if there was no protection. HEVC, MP3 and
// NAL units with picture data that the scheme would leave clear are refused: nothing is sent clear that was to be protected.
//
// Ciphertext needs emulation prevention, so that H.264 grows by what only encryption tells: Segment encrypts it once to
// count, keeping four bytes a picture, and Send encrypts again. HEAD costs as much as reading all of it. Zeros that slices
// end in are left out. Whole segments under AES-128 are made by packager.Render.
//
// The package reads no clock, keeps no state and knows no playlist. Timed metadata and subtitles are not in it. TS cannot say
// how much of the first audio frame is encoder priming.
package ts
