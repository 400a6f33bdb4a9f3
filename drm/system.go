package drm

import "fmt"

// SystemID names a content protection system: its UUID in lower case with hyphens (dashif.org/identifiers).
type SystemID string

const (
	Widevine  SystemID = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
	PlayReady SystemID = "9a04f079-9840-4286-ab92-e65be0885f95"
	FairPlay  SystemID = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2"
	Irdeto    SystemID = "80a6be7e-1448-4c37-9e70-d5aebe04c8d2"
	Marlin    SystemID = "5e629af5-38da-4063-8977-97ffbd9902d4"
	// ClearKey is W3C Clear Key: the common pssh box, org.w3.clearkey in HLS, and the DASH-IF descriptor in an MPD.
	ClearKey SystemID = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"
	// DASHIFClearKey is how an MPD names ClearKey. Signals of ClearKey are written under it; nobody asks for it.
	DASHIFClearKey SystemID = "e2719d58-a985-b3c9-781a-b030af78d30e"
	// Identity is HLS without a licence: the playlist's URI answers with the key (KEYFORMAT identity). In SPEKE 2 it is
	// "clear key AES-128".
	Identity SystemID = "3ea8778f-7742-4bf9-b18b-e834b2acbd47"
	// IdentitySPEKE1 is what SPEKE 1 calls Identity.
	IdentitySPEKE1 SystemID = "81376844-f976-481e-a84e-cc25d39b0b33"
)

// ParseSystemID reads a UUID with or without hyphens, in either case. The error matches ErrFormat.
func ParseSystemID(s string) (SystemID, error) {
	var b [16]byte
	if err := parseUUID(b[:], s); err != nil {
		return "", fmt.Errorf("system id: %w", err)
	}
	return SystemID(uuidText(b[:])), nil
}

// Bytes are those of the UUID; zeros where it is none.
func (id SystemID) Bytes() [16]byte {
	var b [16]byte
	_ = parseUUID(b[:], string(id)) // or leaves zeros
	return b
}

// Name is what people call the system, or the UUID.
func (id SystemID) Name() string {
	switch id {
	case Widevine:
		return "Widevine"
	case PlayReady:
		return "PlayReady"
	case FairPlay:
		return "FairPlay"
	case Irdeto:
		return "Irdeto"
	case Marlin:
		return "Marlin"
	case ClearKey, DASHIFClearKey:
		return "ClearKey"
	case Identity, IdentitySPEKE1:
		return "identity"
	}
	return string(id)
}
