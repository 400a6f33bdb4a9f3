// Package origin serves what the other packages make: a [Handler] is an http.Handler that packages media just in time.
//
//	library := &vod.Dir{FS: os.DirFS("/media")}
//	http.Handle("/out/", &origin.Handler{Library: origin.Groups{"vod": library}})
//
// # URLs
//
//	/out/v1/{group}/{name}/{endpoint}/{manifest}.m3u8     HLS multivariant playlist; manifest is index by default
//	/out/v1/{group}/{name}/{endpoint}/{manifest}.mpd      DASH
//
// Media playlists, initialization and media segments lie below the same folder and manifests link to them relatively, so
// that the Handler may be mounted below any prefix with http.StripPrefix. Names may contain slashes. Paths that are not
// written by the Handler (dot segments, empty ones, escaped slashes) are not found; nothing is ever redirected. Query
// parameters are ignored.
//
// Media URLs hold a version: a hash of the timeline's own, of the endpoint's settings that decide bytes, and of the
// revision of the packagers. A replaced file gives new URLs and the old ones are not found, so media is sent with a
// lifetime of 14 days as immutable, and manifests with a minute. Equal inputs give equal bytes, URLs and ETags in every
// process.
//
// # Encryption
//
// An Endpoint with an [Encryption] is encrypted while it is sent, with keys that Handler.Keys gives: a speke.Client behind
// a drm.Cache, a drm.Master, a table. Each [Manifest] says for which DRM systems it is. What the container cannot encrypt by
// the method is left out, never sent clear. Initialization segments of keys that rotate have a URL each. [ClearKey] is a
// licence server for development.
//
// Keys are not part of a version: equal requests are to get equal keys. Whoever moves to a key server that gives others
// sets another ResourceID, so that no cache mixes the two.
//
// # Errors
//
// An error is text/plain, "code: reason":
//
//	400 bad-request     the URL's path cannot be a name
//	404 not-found       no such presentation, endpoint, rendition, segment or timeline version
//	404 not-yet         a segment that is announced and not yet produced
//	404 keys            the key provider has no key for it
//	405 method          neither GET nor HEAD nor OPTIONS
//	410 gone            a segment that has left the window
//	412 precondition    If-Match names other bytes
//	416 range           the range lies outside the bytes
//	422 malformed       the media file breaks a rule, which is named
//	422 unsupported     the media file is legal, and nothing here can serve it; or protection that does not go together
//	500 internal        anything else: the log has the reason
//	502 keys            the key provider refuses, or breaks the contract
//	503 changed         the media file was replaced during the request: ask again
//	503 keys            the key provider is down: ask again after Retry-After
//	503 timeout         the request's context expired
//
// What key providers say stays in the log. 404 and 410 may be cached for a second, errors from 500 on not at all. If media fails after the first byte has left,
// the connection is aborted, so that no cache takes a part for the whole.
//
// The package does no authentication, no rate limits, no TLS and no access log but slog at level Debug: wrap the Handler.
package origin
