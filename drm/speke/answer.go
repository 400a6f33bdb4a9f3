package speke

import (
	"fmt"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// read holds an answer, whose keys are decrypted, against what was asked, and makes the KeySet of it.
func (q *query) read(d *cpix.Document) (*drm.KeySet, error) {
	if err := q.checkContent(d); err != nil {
		return nil, err
	}
	if err := q.checkPeriods(d); err != nil {
		return nil, err
	}
	kids, err := q.keyIDs(d)
	if err != nil {
		return nil, err
	}
	set := &drm.KeySet{}
	for i, kid := range kids {
		k, err := q.trackKey(d, i, kid)
		if err != nil {
			return nil, fmt.Errorf("key %s of %s: %w", kid, q.req.Contract[i].Label, err)
		}
		set.Keys = append(set.Keys, k)
	}
	return set, nil
}

func (q *query) checkContent(d *cpix.Document) error {
	switch {
	case q.client.version() == V1 && d.ID != q.asked.ID && !q.client.Lenient:
		return refused("the answer is about another content: its CPIX@id is not the one sent")
	case q.client.version() == V1:
	case d.ContentID != q.asked.ContentID:
		return refused("the answer is about another content: its CPIX@contentId is not the one sent")
	case d.Version != q.asked.Version:
		return refused("the answer's CPIX@version is not %s", q.asked.Version)
	}
	return nil
}

// checkPeriods wants the key periods back as they were sent. In SPEKE 1 they may be missing.
func (q *query) checkPeriods(d *cpix.Document) error {
	if len(d.Periods) == 0 && (q.client.Lenient || q.client.version() == V1) {
		return nil
	}
	if len(d.Periods) != len(q.asked.Periods) {
		return refused("the answer has %d key periods, asked for %d", len(d.Periods), len(q.asked.Periods))
	}
	for i := range d.Periods {
		if !equalPeriods(&q.asked.Periods[i], &d.Periods[i]) {
			return refused("the key period came back changed")
		}
	}
	return nil
}

// keyIDs are those of the answer for each rule that was sent: the ones sent, or others if the server replaced them
// everywhere.
func (q *query) keyIDs(d *cpix.Document) ([]drm.KeyID, error) {
	if len(d.Keys) != len(q.asked.Keys) {
		return nil, refused("the answer has %d keys, asked for %d", len(d.Keys), len(q.asked.Keys))
	}
	kids := make([]drm.KeyID, len(q.asked.Keys))
	switch {
	case q.client.version() == V1:
		kids[0] = d.Keys[0].KID
		for _, r := range d.Rules {
			if r.KID != kids[0] {
				return nil, refused("a usage rule is for a key that is not in the answer")
			}
		}
	case len(d.Rules) == 0 && q.client.Lenient:
		for i := range kids {
			kids[i] = q.asked.Keys[i].KID
		}
	default:
		if err := q.checkContract(d, kids); err != nil {
			return nil, err
		}
	}
	seen := map[drm.KeyID]bool{}
	for i, kid := range kids {
		switch {
		case d.Key(kid) == nil:
			return nil, refused("the answer has no key %s for %s", kid, q.req.Contract[i].Label)
		case seen[kid]:
			return nil, refused("the answer has key %s for two labels", kid)
		case kid.IsZero():
			return nil, refused("the key id of %s is zero", q.req.Contract[i].Label)
		}
		seen[kid] = true
	}
	for i := range d.Systems {
		if !seen[d.Systems[i].KID] {
			return nil, refused("%s is about a key that is not in the answer", d.Systems[i].System.Name())
		}
	}
	return kids, nil
}

func (q *query) trackKey(d *cpix.Document, i int, kid drm.KeyID) (drm.TrackKey, error) {
	t := drm.TrackKey{Label: q.req.Contract[i].Label}
	k, asked := d.Key(kid), &q.asked.Keys[i]
	switch {
	case k.Sealed != nil:
		return t, refused("it is encrypted, and no certificate was sent")
	case k.Value.IsZero():
		return t, refused("it has no value")
	case k.Scheme != asked.Scheme && (q.client.version() != V1 || k.Scheme != ""):
		return t, refused("its commonEncryptionScheme is not the one sent, %s", q.req.Scheme.CPIX())
	}
	t.Key = drm.Key{ID: kid, Value: k.Value, IV: k.ExplicitIV}
	if t.Key.IV == nil {
		t.Key.IV = asked.ExplicitIV
	}
	for j, id := range q.req.Systems {
		y := d.System(kid, q.systemID(id))
		if y == nil {
			return t, refused("the answer has nothing for %s", id.Name())
		}
		s, err := q.signal(&q.asked.Systems[j*len(q.asked.Keys)+i], y, &t.Key)
		if err != nil {
			return t, fmt.Errorf("%s: %w", id.Name(), err)
		}
		s.System, s.HDCPLevel = id, k.HLSLevel
		if !plainName(s.HDCPLevel) {
			return t, refused("HLSHDCPLevel is no level")
		}
		t.Signals = append(t.Signals, s)
	}
	return t, nil
}

// plainName reports whether s is made of capitals, digits and hyphens, as enumerated strings of HLS are.
func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
