package origin

import (
	"fmt"
	"slices"
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// Encryption is how an Endpoint protects its media, in the words of MediaPackage. The keys come from Handler.Keys. What a
// setting protects and the container cannot encrypt is left out of the endpoint; it is never sent clear.
type Encryption struct {
	// Method is drm.CENC or drm.CBCS (and drm.CENS, drm.CBC1) in container CMAF, drm.SampleAES in TS, drm.AES128 in either.
	Method drm.Scheme
	// DRMSystems are whom the keys are for. Each manifest says which of them it is for; nil there: all.
	DRMSystems []drm.SystemID
	// ResourceID is the content id that the key provider is asked for; empty: the presentation's name, {group}/{name}.
	ResourceID string
	// Contract says which tracks share a key, and which stay clear; nil: drm.Shared, one key for all.
	Contract drm.Contract
	// ConstantInitializationVector is 16 bytes in place of the IV that the provider or mezzo chooses; not for drm.CENC. nil:
	// none.
	ConstantInitializationVector []byte
	// KeyRotationInterval is how long a key stays; 0: for ever. A key changes with the first segment that starts at or
	// after a multiple of it.
	KeyRotationInterval time.Duration
	// ExcludeSegmentDRMMetadata leaves the sample groups that name the key, and pssh boxes, out of segments of rotating
	// keys: for devices that choke on them. (CmafExcludeSegmentDrmMetadata)
	ExcludeSegmentDRMMetadata bool
	// ClearLead is how much at the start of the presentation stays clear; 0: nothing.
	ClearLead time.Duration
	// Pattern of video in drm.CBCS and drm.CENS; zero: 1:9.
	Pattern drm.Pattern
	// IVSize of drm.CENC and drm.CENS, 8 or 16 bytes; 0: 8, which every device reads.
	IVSize int
	// ExcludePSSH leaves pssh boxes out of media: manifests alone say what systems need.
	ExcludePSSH bool
}

// contract is Contract or its default.
func (e *Encryption) contract() drm.Contract {
	if e.Contract == nil {
		return drm.Shared()
	}
	return e.Contract
}

// ivSize is the IV size of a drm.Protection.
func (e *Encryption) ivSize() int {
	switch {
	case e.Method.Counter() && e.IVSize == 0:
		return 8
	case e.Method.Counter():
		return e.IVSize
	case e.Method == drm.CBC1:
		return 16
	}
	return 0
}

// inBand reports whether segments name their keys.
func (e *Encryption) inBand() bool {
	return e.KeyRotationInterval > 0 && !e.ExcludeSegmentDRMMetadata && e.Method.Common()
}

// boxes is about what the pssh boxes of a segment take, bytes.
func (e *Encryption) boxes() (n int64) {
	if e == nil || e.ExcludePSSH || !e.inBand() {
		return 0
	}
	for _, s := range e.DRMSystems {
		switch s {
		case drm.PlayReady:
			n += 1536 // a header of UTF-16
		case drm.Identity, drm.IdentitySPEKE1, drm.FairPlay:
		default:
			n += 256
		}
	}
	return n
}

// check finds settings that do not go together.
func (e *Encryption) check(ep *Endpoint) error {
	if e == nil {
		return nil
	}
	methods := map[Container][]drm.Scheme{
		CMAF: {drm.CENC, drm.CBCS, drm.CENS, drm.CBC1, drm.AES128},
		TS:   {drm.AES128, drm.SampleAES},
	}
	if !slices.Contains(methods[ep.Container], e.Method) {
		return fmt.Errorf("container %s cannot be encrypted by method %q, but by %q: %w", ep.Container, e.Method, methods[ep.Container], drm.ErrIncompatible)
	}
	if len(e.DRMSystems) == 0 {
		return fmt.Errorf("encryption for no DRM system: %w", drm.ErrIncompatible)
	}
	for _, s := range e.DRMSystems {
		if err := drm.Compatible(e.Method, s); err != nil {
			return err
		}
	}
	if err := e.contract().Check(); err != nil {
		return err
	}
	if len(e.contract()) == 0 {
		return fmt.Errorf("the encryption contract encrypts nothing: %w", drm.ErrIncompatible)
	}
	switch n := len(e.ConstantInitializationVector); {
	case n != 0 && n != 16:
		return fmt.Errorf("constant IV of %d bytes, not 16: %w", n, drm.ErrKeyLength)
	case n != 0 && e.ivSize() != 0:
		return fmt.Errorf("%s with a constant IV: %w", e.Method, drm.ErrIncompatible)
	}
	if e.KeyRotationInterval < 0 || e.ClearLead < 0 {
		return fmt.Errorf("key rotation %s, clear lead %s: %w", e.KeyRotationInterval, e.ClearLead, drm.ErrIncompatible)
	}
	if err := (&drm.Protection{Scheme: e.Method, Pattern: e.Pattern, IVSize: e.ivSize()}).Check(); err != nil {
		return err
	}
	for _, m := range ep.Manifests {
		if err := e.checkManifest(&m); err != nil {
			return err
		}
	}
	return nil
}

func (e *Encryption) checkManifest(m *Manifest) error {
	for _, s := range m.DRMSystems {
		if !slices.Contains(e.DRMSystems, s) {
			return fmt.Errorf("manifest %s is for %s, which the endpoint is not: %w", m.name(), s.Name(), drm.ErrIncompatible)
		}
	}
	switch {
	case m.Format == DASH && e.Method == drm.AES128:
		return fmt.Errorf("manifest %s: DASH has no %s: %w", m.name(), e.Method, drm.ErrIncompatible)
	case m.Format == HLS && e.Method.Method() == "":
		return fmt.Errorf("manifest %s: HLS has no %s: %w", m.name(), e.Method, drm.ErrIncompatible)
	case m.InBandKeys && !e.inBand():
		return fmt.Errorf("manifest %s: in-band keys need keys that rotate, of a common encryption scheme, and DRM metadata in segments: %w", m.name(), drm.ErrIncompatible)
	}
	return nil
}
