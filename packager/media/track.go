package media

// Kind is what a Track carries.
type Kind uint8

const (
	Video Kind = iota + 1
	Audio
	Text
	Image
	Meta // ID3, KLV: timed data carried in band
)

func (k Kind) String() string {
	switch k {
	case Video:
		return "video"
	case Audio:
		return "audio"
	case Text:
		return "text"
	case Image:
		return "image"
	case Meta:
		return "meta"
	}
	return "unknown"
}

// Coding names a compression format, whatever sample entry carries it.
type Coding string

const (
	H264 Coding = "h264"
	HEVC Coding = "hevc"
	AV1  Coding = "av1"
	VP9  Coding = "vp9"
	AAC  Coding = "aac"
	AC3  Coding = "ac3"
	EAC3 Coding = "eac3"
	Opus Coding = "opus"
	FLAC Coding = "flac"
	MP3  Coding = "mp3"
)

// Codec is how a Track is coded. Read-only.
type Codec struct {
	Coding Coding
	// FourCC is the type of Entry, as CMAF and the codecs string name it: avc1, hvc1, av01, vp09, mp4a, ac-3, ec-3,
	// Opus, fLaC. Parameter sets are out of band for avc1 and hvc1, in band too for avc3 and hev1.
	FourCC string
	// String is the codecs parameter of RFC 6381: avc1.64001f.
	String string
	// Supplemental is the enhancement that a device may use in place of String, with its brands: dvh1.08.07/db4h. HLS
	// SUPPLEMENTAL-CODECS, scte214:supplementalCodecs. Empty: none.
	Supplemental string
	// Config is the decoder configuration: the payload of avcC, hvcC, av1C, vpcC, dac3, dec3, dOps or dfLa (full box
	// header of vpcC and dfLa included); for AAC the AudioSpecificConfig; for MP3 empty.
	Config []byte
	// Entry is the whole sample entry box in its ISO form (14496-12, 8.5.2), clear, with its colour, pixel aspect, bit
	// rate and enhancement boxes. CMAF writes it as it is.
	Entry []byte
}

// Track is one elementary stream. Read-only.
type Track struct {
	ID        string // [A-Za-z0-9_-]+, unique in its Source
	Kind      Kind
	Codec     Codec
	Timescale uint32 // ticks per second, not 0
	// Delay is the reordering in ticks: DTS-Delay is never after PTS. It is what formats without negative composition
	// offsets (MPEG-TS) write as DTS.
	Delay    uint32
	Language string   // BCP 47; "und" or empty: unknown
	Label    string   // for people
	Roles    []string // urn:mpeg:dash:role:2011: main, alternate, description, ...
	Default  bool     // the one to choose among its Kind when nothing else decides
	Video    *VideoFormat
	Audio    *AudioFormat
	// Crypt is how the source itself is encrypted: the sample entry was encv or enca, some Runs may be clear all the same.
	// nil: clear. Codec is that of the clear form.
	Crypt *Crypt
}

// Ratio is an exact fraction; the zero value is unknown.
type Ratio struct{ Num, Den uint32 }

// VideoFormat is what manifests say of a video Track.
type VideoFormat struct {
	Width, Height int   // pixels shown, after cropping, before PixelAspect
	PixelAspect   Ratio // width to height of a pixel (pasp); zero is 1:1
	FrameRate     Ratio // highest, frames per second; zero: unknown
	// NALLength is the size of the length field before each NAL unit: 1, 2 or 4 bytes; 0 for AV1 and VP9.
	NALLength int
	// Colour as in ISO/IEC 23091-2 (CICP); 0 or 2: unspecified.
	Primaries, Transfer, Matrix uint8
	FullRange                   bool
	// Display is the matrix of tkhd (14496-12, 8.3.2), 16.16 and 2.30 fixed point; the zero value is the identity.
	Display [9]int32
	// Leading says that pictures after a sync sample may precede it in presentation and need the GOP before (open GOP,
	// SAP type 3): segments are then not all independent.
	Leading bool
}

// AudioFormat is what manifests say of an audio Track.
type AudioFormat struct {
	SampleRate int // Hz, of what is heard: after spectral band replication
	Channels   int // of what is heard: after parametric stereo
	// ChannelMask is the Dolby custom channel map of ETSI TS 102 366, E.1.3.1.8 (tag:dolby.com,2014); 0: not Dolby.
	ChannelMask uint16
	// JOC is the complexity index of E-AC-3 joint object coding (Atmos), ETSI TS 103 420; 0: none.
	JOC int
}

// Display size in square pixels: Width stretched by PixelAspect, Height as it is; rotated tracks are not turned.
func (f *VideoFormat) DisplaySize() (width, height int) {
	p := f.PixelAspect
	if p.Num == 0 || p.Den == 0 || p.Num == p.Den {
		return f.Width, f.Height
	}
	return int((uint64(f.Width)*uint64(p.Num) + uint64(p.Den)/2) / uint64(p.Den)), f.Height
}

// Range is SDR, HLG or PQ by the transfer characteristics (RFC 8216bis, VIDEO-RANGE).
func (f *VideoFormat) Range() string {
	switch f.Transfer {
	case 18:
		return "HLG"
	case 16:
		return "PQ"
	}
	return "SDR"
}
