package origin

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// lanes numbers all renditions of the content in the order in which the Timeline names them.
func lanes(tl *media.Timeline) map[string]uint16 {
	m := map[string]uint16{}
	for _, p := range tl.Periods {
		for i := range p.Renditions {
			if id := p.Renditions[i].ID; m[id] == 0 {
				m[id] = uint16(len(m) + 1)
			}
		}
	}
	return m
}

// salt tells the IVs of one version of a content from those of the next.
func salt(version string) uint64 {
	sum := sha256.Sum256([]byte(version))
	return binary.BigEndian.Uint64(sum[:])
}

// segmentTime is the presentation time that chooses the key of segment n: the start of the segment of that number in the
// reference video, so that sound and picture change keys together.
func segmentTime(p *media.Period, rendition string, n uint64) time.Duration {
	at := func(r *media.Rendition) (time.Duration, bool) {
		s, ok := media.ByNumber(r.Segments, n)
		if !ok {
			return 0, false
		}
		return time.Duration(media.RescaleUp(s.Start, r.Track.Timescale, 1e9)), true
	}
	for i := range p.Renditions {
		if r := &p.Renditions[i]; r.Track.Kind == media.Video && !r.Hidden {
			if t, ok := at(r); ok {
				return t
			}
		}
	}
	if r, ok := p.Rendition(rendition); ok {
		if t, ok := at(r); ok {
			return t
		}
	}
	return 0
}

// inLead reports whether a presentation time is in the clear lead.
func inLead(tl *media.Timeline, e *Encryption, t time.Duration) bool {
	if e.ClearLead == 0 || len(tl.Periods) == 0 {
		return false
	}
	start := tl.Periods[0].Start
	return t < time.Duration(media.RescaleUp(start.Ticks, start.Scale, 1e9))+e.ClearLead
}

// protection is that of a rendition under a key.
func (e *Encryption) protection(v *view, rendition string, k *drm.TrackKey) *drm.Protection {
	p := &drm.Protection{
		Scheme: e.Method, Key: k.Key, Pattern: e.Pattern, IVSize: e.ivSize(), Lane: v.lanes[rendition], Salt: v.salt,
		Lead: e.ClearLead > 0, Group: e.inBand(),
	}
	p.Key.IV = e.constantIV(&k.Key, v.by[rendition])
	if !e.ExcludePSSH && e.Method.Common() {
		for i := range k.Signals {
			p.PSSH = append(p.PSSH, k.Signals[i].PSSH...)
		}
	}
	return p
}

// constantIV is what the endpoint prescribes, else what the provider does. Whole segments under AES-128 count them, but for
// those with an initialization segment, whose IV has to be said (8216bis, 4.4.4.5).
func (e *Encryption) constantIV(k *drm.Key, c *carrier) []byte {
	switch {
	case e.ConstantInitializationVector != nil:
		return e.ConstantInitializationVector
	case k.IV == nil && e.Method == drm.AES128 && (c == nil || !c.offer.NoInit):
		iv := k.ConstantIV()
		return iv[:]
	}
	return k.IV
}

// keyed fills in how the Inputs of a segment are encrypted. What is multiplexed has one key: that of the first track that
// the contract protects.
func (h *Handler) keyed(ctx context.Context, req request, tl *media.Timeline, v *view, c *carrier, job *packager.Job) error {
	e := req.endpoint.Encryption
	if e == nil || c.label == "" {
		return nil
	}
	p, _, err := tl.Find(c.offer.Rendition, req.ref.Number)
	if err != nil {
		return err
	}
	at := segmentTime(p, c.offer.Rendition, req.ref.Number)
	set, err := h.keySet(ctx, req, drm.PeriodAt(at, e.KeyRotationInterval, tl.Epoch))
	if err != nil {
		return err
	}
	k, ok := set.Find(c.label)
	if !ok {
		return fmt.Errorf("key of %s: %w", c.label, drm.ErrNoKey)
	}
	ids := append([]string{c.offer.Rendition}, slices.Compact(slices.Clone(c.offer.With))...)
	for i := range job.Inputs {
		if _, ok := e.contract().Label(job.Inputs[i].Track); !ok && e.Method != drm.AES128 {
			continue // beside what is encrypted
		}
		prot := e.protection(v, ids[min(i, len(ids)-1)], k)
		prot.Key.IV = e.constantIV(&k.Key, c)
		prot.Clear = inLead(tl, e, at)
		job.Inputs[i].Protect = prot
	}
	return nil
}

// initPeriod is the key period of an initialization segment, one that all share where keys rotate in band; protected is false
// where it is clear. It fails with media.ErrNotFound for those that no manifest names, and asks for no key.
func (e *Encryption) initPeriod(tl *media.Timeline, c *carrier, ref manifest.Ref) (period drm.Period, protected bool, err error) {
	none := fmt.Errorf("initialization segment of key period %d: %w", ref.Key, media.ErrNotFound)
	switch {
	case e == nil || c.label == "":
		if ref.Key != 0 {
			return period, false, none
		}
		return period, false, nil
	case e.bareInit() && ref.Key == 0:
		return period, false, nil // of the clear lead
	case e.KeyRotationInterval == 0 && (ref.Key == 0 || e.bareInit() && ref.Key == 1):
		return period, true, nil
	case e.KeyRotationInterval == 0:
		return period, false, none
	case ref.Key == 0 && e.inBand():
		return period, true, nil
	}
	period, ok := e.periodOf(tl, c.offer.Rendition, ref)
	if !ok {
		return period, false, none
	}
	return period, true, nil
}

// initProtection is that of an initialization segment, nil where it is clear.
func (h *Handler) initProtection(ctx context.Context, req request, v *view, c *carrier, period drm.Period, protected bool) (*drm.Protection, error) {
	e := req.endpoint.Encryption
	switch {
	case !protected:
		return nil, nil
	case e.KeyRotationInterval > 0 && !period.Rotates:
		return e.protection(v, c.offer.Rendition, &drm.TrackKey{}), nil // of all key periods
	}
	set, err := h.keySet(ctx, req, period)
	if err != nil {
		return nil, err
	}
	k, ok := set.Find(c.label)
	if !ok {
		return nil, fmt.Errorf("key of %s: %w", c.label, drm.ErrNoKey)
	}
	return e.protection(v, c.offer.Rendition, k), nil
}

// bareInit reports whether the initialization segment of Ref.Key 0 is a clear one: AES-128 encrypts the others whole, and
// a clear lead needs one too.
func (e *Encryption) bareInit() bool { return e.Method == drm.AES128 && e.ClearLead > 0 }

// periodOf finds the key period that an initialization segment names among those of the rendition's segments: no key is
// asked for that nothing needs.
func (e *Encryption) periodOf(tl *media.Timeline, rendition string, ref manifest.Ref) (drm.Period, bool) {
	for _, p := range tl.Periods {
		r, ok := p.Rendition(rendition)
		if !ok || p.ID != ref.Period {
			continue
		}
		for i := range r.Segments.Len() {
			d := drm.PeriodAt(segmentTime(p, rendition, r.Segments.At(i).Number), e.KeyRotationInterval, tl.Epoch)
			if d.Index+1 == ref.Key {
				return d, true
			}
		}
	}
	return drm.Period{}, false
}

// digest names the settings for the version of media URLs. Keys are not in it: equal settings get equal keys.
func (e *Encryption) digest() string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %q %x %d %t %d %v %d %t", e.Method, e.DRMSystems, e.ResourceID, e.ConstantInitializationVector,
		e.KeyRotationInterval, e.ExcludeSegmentDRMMetadata, e.ClearLead, e.Pattern, e.ivSize(), e.ExcludePSSH)
	for _, r := range e.contract() {
		fmt.Fprintf(&b, " %q %v", r.Label, r.Audio)
		for _, f := range r.Video {
			hdr := "any"
			if f.HDR != nil {
				hdr = fmt.Sprint(*f.HDR)
			}
			fmt.Fprintf(&b, " %d-%d %d-%d %s", f.MinPixels, f.MaxPixels, f.MinFPS, f.MaxFPS, hdr)
		}
	}
	return b.String()
}
