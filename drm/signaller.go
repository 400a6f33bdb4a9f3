package drm

// Signaller writes what systems have to be told where no key server says it. The zero value serves those that need no
// address.
type Signaller struct {
	PlayReadyURL string // LA_URL of PlayReady headers; empty: none
	// ClearKeyURL is the licence server of W3C Clear Key, absolute or relative to the manifest.
	ClearKeyURL string
	// KeyURL answers with the 16 bytes of a key (KEYFORMAT identity); {kid} stands for the key id in hex.
	KeyURL string
	// FairPlayURI is the skd: URI of a key; {kid} stands for the key id with hyphens. Empty: skd://{kid}.
	FairPlayURI string
}
