// Package codec turns a sample entry of a file into what the rest of mezzo works with: the coding, the decoder
// configuration, the codecs string of manifests, what is seen and heard, and the entry itself in the one form that CMAF
// writes.
//
//	s, err := codec.FromEntry(entry, firstSample)
//	fmt.Println(s.Codec.String, s.Video.Width, s.Video.Height) // avc1.64001f 1280 720
//
// Entries come in many shapes: ISO 14496-12, QuickTime sound descriptions of three versions, configuration boxes that
// are missing, cut or followed by junk. Parameter sets and sequence headers are read, since they, not the entry, say how
// large a picture is and what its colours mean. What cannot be served is refused by name with media.ErrUnsupported.
//
// The package opens no file and keeps no state: its input is one box and, where that does not suffice, the bytes of the
// first sync sample. It does not read slices or spectral data, and it does not judge whether a container can carry a
// codec: each packager does. All functions are safe for concurrent use and allocate no more than a few times the input.
package codec
