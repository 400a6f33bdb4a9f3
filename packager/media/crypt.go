package media

// Crypt is how samples are encrypted where they lie: Common Encryption (23001-7, 8.2 and 9), as tenc or a sample group of
// type seig says it. Read-only.
type Crypt struct {
	Scheme     string // cenc, cbc1, cens or cbcs; PIFF is read as cenc or cbc1
	KeyID      [16]byte
	IVSize     int    // bytes of each sample's IV, 8 or 16; 0: ConstantIV for all
	ConstantIV []byte // 8 or 16 bytes; nil unless IVSize is 0
	// CryptBlocks and SkipBlocks are the pattern, blocks of 16 bytes; both 0: every block.
	CryptBlocks, SkipBlocks uint8
	// PSSH are the whole pssh boxes of the movie, one after the other; in Run.Crypt those of the fragment, where it has some.
	PSSH []byte
}

// Aux is the auxiliary information of an encrypted sample (23001-7, 7.1).
type Aux struct {
	IV         [16]byte    // the first IVSize bytes count, zeros follow; the constant one where IVSize is 0
	Subsamples []Subsample // nil: the whole sample is encrypted
}

// Subsample is a stretch that is clear and the one after it that is encrypted, bytes (23001-7, 9.5).
type Subsample struct{ Clear, Protected uint32 }
