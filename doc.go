// Package mezzo is the map of a just-in-time packaging origin for Go programs: one set of mezzanine renditions goes in
// once, and HLS (MPEG-TS and fMP4), DASH and CMAF come out at the moment a player asks.
//
// The package itself is empty. What to import:
//
//   - packager/media: the model. Tracks, samples, timelines, segments; every other package meets there.
//   - packager/vod: MP4, MOV and fragmented MP4 files, from disk, embed.FS or HTTP, as assets; Inspect says what a file is.
//   - packager: a render job and its Body, whose size is known before its first byte is made.
//   - packager/cmaf, packager/ts, packager/packed: the formats of segments.
//   - manifest, manifest/hls, manifest/dash: links, playlists and MPDs, as pure functions of a timeline.
//   - drm: who gives keys and what players are told of them; drm/speke asks a key server, drm/speketest is one for tests.
//   - origin: an optional http.Handler that puts them together under one URL contract.
//   - packager/media/mediatest: conformance suites for your own sources, presentations and objects.
//
// An origin in ten lines:
//
//	library := &vod.Dir{FS: os.DirFS("/media")}
//	http.Handle("/out/", &origin.Handler{Library: origin.Groups{"vod": library}})
//	log.Fatal(http.ListenAndServe(":8080", nil))
//
// Then /media/film.mp4 plays at /out/v1/vod/film/cmaf/index.m3u8, /out/v1/vod/film/cmaf/index.mpd and
// /out/v1/vod/film/ts/index.m3u8.
//
// Three ideas hold it together. A Timeline says which segments exist, a Packager turns a span of samples into bytes, a
// Handler moves bytes, and none of the three knows the other two. Equal inputs give equal bytes and equal URLs on any
// machine at any time, so nodes are stateless and caches agree. A request costs what its segment costs, never what the
// asset costs.
package mezzo
