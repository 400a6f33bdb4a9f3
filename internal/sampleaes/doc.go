// Package sampleaes encrypts access units as HLS SAMPLE-AES does in MPEG-TS and packed audio (Apple, MPEG-2 Stream
// Encryption Format for HTTP Live Streaming): AES-CBC without padding over some of the blocks of H.264 slices and of AAC,
// AC-3 and E-AC-3 frames, the IV restored at each. It knows the coded stream and no container: packager/ts and
// packager/packed put what it makes into packets.
//
//	c, err := sampleaes.New(protect)
//	err = c.Audio(media.AAC, frame)                        // in place, the size stays
//	for u := c.Slice(size); ...; p = u.Piece(buf) { ... }   // in place, then with emulation prevention bytes
//
// H.264 grows: what is encrypted is the unit as it stands, its own emulation prevention bytes included, and the result gets
// such bytes once more, whose number is only known once it is encrypted.
package sampleaes
