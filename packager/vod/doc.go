// Package vod makes media.Content of MP4, MOV and fragmented MP4 files. [Open] reads one file's tables into a [Source]
// with its edit lists applied; an [Asset] puts files together (renditions, audio languages) and cuts them into segments
// as a media.Plan asks; a [Dir] is a folder of assets with a byte-bounded cache of their tables.
//
//	dir := &vod.Dir{FS: os.DirFS("/media")}
//	content, err := dir.Open(ctx, "film") // film.mp4, film/*.mp4 or film.smil
//	tl, err := content.Present(media.Plan{}).Timeline(ctx)
//
// Bytes come from a media.Object: [OpenFile] maps a file, [OpenFS] reads from any fs.FS, [HTTP] reads ranges of a
// resource, and a type of your own may read any other store. A file is named by size and modification time, and what is
// made of it never outlives that name: a replaced file is read anew and has new URLs. Those who still read the old one
// go on if it was replaced by another file, and fail with media.ErrChanged if it was written over. An [Asset] reads anew
// what its Input.Open opens; a [Dir] looks at its files on each Open.
//
// # Time
//
// A Source speaks of one clock. Edit lists of every kind are flattened: an edit that starts inside a group of pictures
// keeps the pictures that its own need, squeezed into a tenth of a millisecond each right before it. The decode clock
// of a track is shifted so that its first sync sample has composition offset 0. A track has no gaps: a sample before an
// empty edit lasts until the next one. If any track starts before zero (audio priming) all tracks are moved by whole
// seconds and Period.Start says by how many.
//
// # Cuts
//
// Boundaries are sync samples of the reference, the video with most pixels, that lie nearest to the wanted duration and
// are sync samples of the other renditions too. Other tracks are cut at their first sample at or after the boundary. A
// number is a slot between two boundaries: a track that starts late has no first numbers, one that ends early no last
// ones, and one within that holds no sample is a gap. Sound that goes on after the picture is cut further in the same
// rhythm. A rendition whose sync samples do not allow the common boundaries is cut by its own, in a switching set of its
// own, with a Note.
//
// A track has at most 2^24 samples, and a cut of it takes at most 1 MB and 16 bytes for each of them, besides its tables.
//
// # Encrypted files
//
// Tracks under Common Encryption or PIFF are tracks like others: Track.Crypt and Run.Aux say how their samples are encrypted,
// and packagers that can pass that on do so. With Input.Keys or Dir.Keys they are read clear instead: the Objects of their
// Runs decrypt what is read, when it is read, hold at most 2 MB of plaintext a track (or one batch that is larger), and
// lend no bytes. A track of which a key is missing is refused, and so is one whose first sync sample makes no sense with its
// key, as far as it shows: what its keys do to the payload nobody else can tell.
//
// The package writes no media, knows no manifest, and encrypts nothing.
package vod
