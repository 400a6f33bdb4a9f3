// Package bmfftest makes small MP4 files in memory, so that tests need neither tools nor media files.
//
//	data := bmfftest.File{Tracks: []bmfftest.Track{bmfftest.Video(50, 25), bmfftest.Audio(94)}}.Bytes()
//	obj := bmfftest.Object("clip.mp4", data)
//
// The same File always gives the same bytes. H.264 and HEVC samples are well-formed length-prefixed NAL units, every
// other payload is noise of the wanted size; nothing in it can be decoded to a picture. The fields of File and Track choose
// the shape of the boxes, also of those shapes that real files should not have. Box and FullBox make single boxes.
package bmfftest
