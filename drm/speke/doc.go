// Package speke asks a key server for keys by SPEKE (AWS, Secure Packager and Encoder Key Exchange): CPIX documents over
// HTTP, in versions 1.0, 2.0 and 2.1.
//
//	keys := &drm.Cache{Provider: &speke.Client{
//		URL:  "https://keys.example.com/speke/v2.0/copyProtection",
//		Auth: speke.Basic("user", "password"),
//	}}
//
// A [Client] is a [drm.KeyProvider]. It makes one attempt a call (two with [Digest], whose first is answered by a
// challenge): to cache, to share a request among callers and to try again is for drm.Cache.
//
// An answer is checked before it is used: content, scheme, encryption contract and key periods come back as they were
// sent; key ids too, or replaced everywhere; keys have 16 bytes; each system that was asked for is there with all that was
// asked of it, 64 KiB at most; the pssh box in ContentProtectionData is that in PSSH; boxes, headers and tags that name keys
// name the one they come with, and checksums are those of its value (SPEKE 2; the samples of SPEKE 1 name others); the tags for media and multivariant playlists differ
// in their names only. What breaks a rule matches [drm.ErrRefused]; [Client.Lenient] names the rules that can be waived.
// Errors quote nothing of an answer but messages that SPEKE itself lists.
//
// Mutual TLS is a matter of the [http.Client]:
//
//	transport := http.DefaultTransport.(*http.Transport).Clone()
//	transport.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: theirs}
//	client := &speke.Client{URL: u, HTTP: &http.Client{Transport: transport}}
//
// Package drm/speketest has a key server for tests. This package has no policies of licences: those are between a key
// server and players.
package speke
