package drm

import (
	"encoding/binary"
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Protection is how one track is encrypted in one key period: what a packager needs. Read-only.
type Protection struct {
	Scheme Scheme
	Key    Key
	// Pattern is that of video in cens and cbcs; 0:0 is 1:9. Audio is encrypted block by block.
	Pattern Pattern
	// IVSize is that of each sample's IV, 8 or 16 bytes; 0: Key.ConstantIV for all, which AES-CTR must not have.
	IVSize int
	// Lane and Salt tell the IVs of this track from those of all others under the same key: Lane is the rendition's place
	// among all of the content's, Salt a hash of what decides the bytes.
	Lane uint16
	Salt uint64
	// PSSH are whole pssh boxes, one after the other, for the initialization segment; nil: manifests say it all.
	PSSH []byte
	// Lead says that some segments are Clear: the initialization segment then has a clear sample entry too.
	Lead bool
	// Clear says that this segment is sent as it is, in a clear lead.
	Clear bool
	// Group says that each segment names its key (sample group seig, 23001-7, 6) and brings PSSH in its moof. An
	// initialization segment whose Key has no id is then that of all key periods.
	Group bool
}

// Check says what is wrong with the settings; the error matches ErrIncompatible or ErrKeyLength. A packager calls it before
// it makes anything. It does not ask for the key: settings are checked before there is one.
func (p *Protection) Check() error {
	switch {
	case p == nil:
		return nil
	case !p.Scheme.Common() && p.Scheme != AES128 && p.Scheme != SampleAES:
		return fmt.Errorf("scheme %q: %w", p.Scheme, ErrIncompatible)
	case p.IVSize != 0 && p.IVSize != 8 && p.IVSize != 16:
		return fmt.Errorf("IV of %d bytes: %w", p.IVSize, ErrKeyLength)
	case p.Scheme.Counter() && p.IVSize == 0:
		return fmt.Errorf("%s with a constant IV would use each counter many times: %w", p.Scheme, ErrIncompatible)
	case p.Pattern.Crypt > 15 || p.Pattern.Skip > 15 || p.Pattern.Crypt == 0 && p.Pattern.Skip > 0:
		return fmt.Errorf("pattern %d:%d: %w", p.Pattern.Crypt, p.Pattern.Skip, ErrIncompatible)
	case len(p.Key.IV) != 0 && len(p.Key.IV) != 8 && len(p.Key.IV) != 16:
		return fmt.Errorf("%s: IV of %d bytes: %w", p.Key, len(p.Key.IV), ErrKeyLength)
	}
	return nil
}

// Of is the Scheme; empty where there is no protection.
func (p *Protection) Of() Scheme {
	if p == nil {
		return ""
	}
	return p.Scheme
}

// PatternOf is the pattern of tracks of a kind under the scheme.
func (p *Protection) PatternOf(k media.Kind) Pattern {
	switch {
	case !p.Scheme.Patterned() || k != media.Video:
		return Pattern{}
	case p.Pattern == Pattern{}:
		return Pattern{Crypt: 1, Skip: 9}
	}
	return p.Pattern
}

// IV is that of the sample with decode time dts, ticks of the presentation: 8 bytes made of Lane, the low 48 bits of dts and
// Salt, then zeros, so that no two samples under a key share one, on any node; or the constant one.
func (p *Protection) IV(dts int64) [16]byte {
	if p.IVSize == 0 {
		return p.Key.ConstantIV()
	}
	var iv [16]byte
	binary.BigEndian.PutUint64(iv[:], (uint64(p.Lane)<<48|uint64(dts)&(1<<48-1))^p.Salt)
	return iv
}
