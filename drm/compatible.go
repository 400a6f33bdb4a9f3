package drm

import "fmt"

// Compatible says whether a system can decrypt a scheme. FairPlay knows AES-CBC in a pattern only, Irdeto AES-CTR over whole
// samples only, PlayReady either; a key that playlists point to serves whatever HLS has a method for; whole segments and
// SAMPLE-AES belong to HLS alone. Systems that are not known may know anything. The error matches ErrIncompatible.
func Compatible(scheme Scheme, system SystemID) error {
	ok := false
	switch system {
	case FairPlay:
		ok = scheme == CBCS || scheme == SampleAES
	case PlayReady:
		ok = scheme == CENC || scheme == CBCS
	case Irdeto:
		ok = scheme == CENC
	case Widevine, ClearKey, Marlin:
		ok = scheme.Common()
	case Identity, IdentitySPEKE1:
		ok = scheme.Method() != ""
	case DASHIFClearKey:
		return fmt.Errorf("%s is how an MPD names ClearKey; ask for %s: %w", system, ClearKey, ErrIncompatible)
	default:
		ok = scheme.Common() || scheme == AES128 || scheme == SampleAES
	}
	if !ok {
		return fmt.Errorf("%s with %q: %w", system.Name(), scheme, ErrIncompatible)
	}
	return nil
}
