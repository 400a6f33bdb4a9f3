package cpix

import (
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// Document is a CPIX document. In byte slices nil is an absent element and an empty slice an empty one: in a request, what
// is wanted. Lists that are empty are not written.
type Document struct {
	Version   string // @version: 2.3 for SPEKE 2.0, 2.4 for SPEKE 2.1; empty: SPEKE 1
	ID        string // @id: the content in SPEKE 1
	ContentID string // @contentId: the content in SPEKE 2
	Delivery  []DeliveryData
	Keys      []ContentKey
	Systems   []DRMSystem
	Periods   []Period
	Rules     []UsageRule
}

// ContentKey is one key. What is secret in it does not print.
type ContentKey struct {
	KID        drm.KeyID
	Scheme     string // @commonEncryptionScheme
	ExplicitIV []byte // 8 or 16 bytes; nil: none
	HLSLevel   string // HDCPData@HLSHDCPLevel: HDCP-LEVEL of EXT-X-STREAM-INF (2.4)
	HDCP       []byte // HDCPOutputProtectionData, decoded: the element OutputProtection of an MPD (2.4)
	Value      drm.Secret
	Sealed     *Sealed // the value encrypted for transport; Document.Open makes Value of it
}

// Sealed is a content key encrypted for transport (CPIX 2.3, section 6): AES-256-CBC with PKCS #7 padding.
type Sealed struct {
	Cipher []byte // 16 bytes of IV, then 32 of ciphertext
	MAC    []byte // HMAC-SHA512 of Cipher
}

// DeliveryData names a recipient of encrypted keys. A request brings the certificate, the answer the two keys.
type DeliveryData struct {
	ID          string
	Certificate []byte // X.509, DER
	DocumentKey []byte // the AES-256 key, encrypted for the certificate by RSA-OAEP with SHA-1
	MACKey      []byte // the HMAC key, encrypted likewise
}

// DRMSystem is what one system needs to know of one key. Values are decoded.
type DRMSystem struct {
	KID        drm.KeyID
	System     drm.SystemID
	Name       string
	AllowedCPC string // @HLSAllowedCPC (2.4)

	PSSH                  []byte // a pssh box
	ContentProtectionData []byte // XML: children of ContentProtection
	Robustness            string // ContentProtectionData@robustness (2.4)
	URIExtXKey            []byte // SPEKE 1
	HLSMedia, HLSMaster   []byte // HLSSignalingData by @playlist: a tag line
	Smooth                []byte // SmoothStreamingProtectionHeaderData: a PlayReady object

	KeyFormat, KeyFormatVersions []byte // speke namespace, SPEKE 1
	ProtectionHeader             []byte // speke namespace, SPEKE 1: a PlayReady object
}

// Period is a key period.
type Period struct {
	ID                     string
	Index                  *uint64        // nil: none
	Start, End             time.Time      // 2.4, live; zero: none
	StartOffset, EndOffset *time.Duration // 2.4, VOD; nil: none
}

// UsageRule says which tracks a key is for. Filters and attributes that SPEKE does not have are not kept.
type UsageRule struct {
	KID     drm.KeyID
	Track   string   // @intendedTrackType
	Periods []string // KeyPeriodFilter@periodId
	Video   []drm.VideoFilter
	Audio   []drm.AudioFilter
}

// Key finds the key with an id; nil: there is none.
func (d *Document) Key(kid drm.KeyID) *ContentKey {
	for i := range d.Keys {
		if d.Keys[i].KID == kid {
			return &d.Keys[i]
		}
	}
	return nil
}

// System finds what a system is told of a key; nil: nothing.
func (d *Document) System(kid drm.KeyID, id drm.SystemID) *DRMSystem {
	for i := range d.Systems {
		if s := &d.Systems[i]; s.KID == kid && s.System == id {
			return s
		}
	}
	return nil
}
