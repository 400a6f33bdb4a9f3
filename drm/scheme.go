package drm

// Scheme is how media is encrypted.
type Scheme string

const (
	CENC Scheme = "cenc" // AES-CTR, 23001-7, 10.1
	CBC1 Scheme = "cbc1" // AES-CBC, 23001-7, 10.2
	CENS Scheme = "cens" // AES-CTR in a pattern, 23001-7, 10.3
	CBCS Scheme = "cbcs" // AES-CBC in a pattern with a constant IV, 23001-7, 10.4
	// AES128 is AES-CBC over whole segments with PKCS #7 padding (RFC 8216, 4.3.2.4).
	AES128 Scheme = "AES-128"
	// SampleAES is AES-CBC over parts of NAL units and audio frames in MPEG-TS and packed audio (Apple, MPEG-2 Stream
	// Encryption Format for HTTP Live Streaming). In fragmented MP4 the method of that name is CBCS.
	SampleAES Scheme = "SAMPLE-AES"
)

// Common reports whether the scheme is one of ISO/IEC 23001-7.
func (s Scheme) Common() bool { return s == CENC || s == CBC1 || s == CENS || s == CBCS }

// Counter reports whether the cipher is AES-CTR: no IV may ever come back under a key.
func (s Scheme) Counter() bool { return s == CENC || s == CENS }

// Patterned reports whether of each stretch only a pattern of blocks is encrypted.
func (s Scheme) Patterned() bool { return s == CENS || s == CBCS }

// Method is the METHOD of EXT-X-KEY (8216bis, 4.4.4.4); empty where HLS has none.
func (s Scheme) Method() string {
	switch s {
	case AES128:
		return "AES-128"
	case SampleAES, CBCS:
		return "SAMPLE-AES"
	case CENC:
		return "SAMPLE-AES-CTR"
	}
	return ""
}

// CPIX is the scheme as ContentKey@commonEncryptionScheme names it: AES-128 is cbc1, SAMPLE-AES is cbcs.
func (s Scheme) CPIX() string {
	switch s {
	case AES128:
		return string(CBC1)
	case SampleAES:
		return string(CBCS)
	}
	return string(s)
}

// Pattern is how many 16-byte blocks of a stretch are encrypted and how many after them are left, in turn (23001-7, 9.6).
// 0:0 is every block.
type Pattern struct{ Crypt, Skip uint8 }
