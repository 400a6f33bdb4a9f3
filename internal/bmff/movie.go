package bmff

// Movie is what the boxes of a file say, as they say it: times are the file's own, edit lists are read and not applied.
type Movie struct {
	Brands     []string // ftyp: major, then compatible; empty: none
	Timescale  uint32   // mvhd; 0: none
	Fragmented bool     // has moof
	Tracks     []*Track // in the order of moov, those without samples too
	Warnings   []Warning
	PSSH       []byte // the pssh boxes of moov, whole, one after the other
}

// Warning is what is wrong with a file that can be served all the same.
type Warning struct{ Path, Text string }

// Track is one trak.
type Track struct {
	ID        uint32
	Handler   string // hdlr: vide, soun, text, ...
	Name      string // hdlr or udta/name, cleaned; empty: none
	Language  string // BCP 47, from elng or mdhd; empty: undetermined
	Enabled   bool   // tkhd
	Timescale uint32 // mdhd, not 0
	Matrix    [9]int32
	Width     uint32   // tkhd, 16.16
	Height    uint32   // tkhd, 16.16
	Roles     []string // udta/kind of urn:mpeg:dash:role:2011
	Chapters  bool     // other tracks refer to it as chap
	Entries   [][]byte // the boxes of stsd
	// Protections are what those of Entries say that are encv or enca, nil for the others; nil: none is. Where Refused is not
	// nil it says why the track's samples cannot be decrypted: boxes that contradict one another, schemes that are not read.
	Protections []*Protection
	Refused     error
	Edits       []Edit // elst; nil: none
	Index       *Index // never nil, may be empty
}

// Edit is one entry of elst (14496-12, 8.6.6), in ticks of the track.
type Edit struct {
	Media    int64 // composition time of its start; -1: empty edit
	Duration int64 // 0: to the end of the track
}
