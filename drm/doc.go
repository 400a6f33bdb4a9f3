// Package drm says with what key each track of a content is encrypted, and how that is signalled: the keys, the parties
// that give them, and what players are told. It encrypts nothing itself; packagers take a [Protection].
//
//	keys := &drm.Master{Secret: drm.NewMaterial(secret), Signals: drm.Signaller{ClearKeyURL: "/drm/clearkey"}}
//	set, err := keys.Keys(ctx, drm.Request{
//		ContentID: "demo/clip", Scheme: drm.CENC, Systems: []drm.SystemID{drm.ClearKey}, Contract: drm.Shared(),
//	})
//
// A [KeyProvider] answers a [Request] with a [KeySet]. The key id that mezzo asks for is a function of content, scheme, key
// period and label, so that every node asks for the same; a provider may answer with another. Package drm/speke asks a key
// server; [Static] and [Master] need none; [Cache] stands before any of them.
//
// Secrets never print: [Secret] has no textual form, and types that hold one show the key id only.
//
// It holds no licence server (but the ClearKey handler for development in package origin) and no device policy: what a key
// server says of those is passed on as it came.
package drm
