// Package drm says with what key each track of a content is encrypted, and how that is signalled: the keys, the parties
// that give them, and what players are told. It encrypts nothing itself; packagers take a [Protection].
//
//	keys := &drm.Master{Secret: drm.NewMaterial(secret), Signals: drm.Signaller{ClearKeyURL: "/drm/clearkey"}}
//	set, err := keys.Keys(ctx, drm.Request{
//		ContentID: "demo/clip", Scheme: drm.CENC, Systems: []drm.SystemID{drm.ClearKey}, Contract: drm.Shared(),
//	})
//
// A [KeyProvider] answers a [Request] with a [KeySet]. The key id that mezzo asks for is a function of content, scheme, key
// period and label, so that every node asks for the same; a provider may answer with another. Which tracks share a key is a
// [Contract]; [Preset] has those of MediaPackage.
//
// Package drm/speke asks a key server, and a [Cache] stands before it: it asks once for all that wait, again when the server
// fails, ahead of a rotation, and keeps what it was given. [Master] makes all keys from one secret and needs no server; [Seed]
// does so by PlayReady's rule, and [Static] has a list. Those three are a [KeyFinder] too, and what players are to be told comes
// from a [Signaller]: pssh boxes, the children of ContentProtection, the attributes of EXT-X-KEY. [Compatible] says which
// systems go with which scheme.
//
// What systems are told can be read as well: [ParsePSSH], [ParseWidevine], [ParsePlayReady].
//
// Secrets never print: [Secret] and [Material] have no textual form, and types that hold one show the key id only.
//
// It holds no licence server (but the ClearKey handler for development in package origin) and no device policy: what a key
// server says of those is passed on as it came.
package drm
