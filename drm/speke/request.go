package speke

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// query is what was asked: the answer is held against it.
type query struct {
	client *Client
	req    *drm.Request
	asked  *cpix.Document // Keys[i] is that of req.Contract[i]
}

// query makes the document for a request. What is malformed is never sent.
func (c *Client) query(req *drm.Request) (*query, error) {
	v1 := c.version() == V1
	switch {
	case req.ContentID == "":
		return nil, refused("no content id")
	case len(req.Systems) == 0:
		return nil, refused("no systems to ask for")
	case len(req.Contract) == 0:
		return nil, refused("the encryption contract is empty: nothing is to be encrypted")
	case v1 && len(req.Contract) > 1:
		return nil, fmt.Errorf("%w: SPEKE 1 has one key for all tracks, not %d: %w", drm.ErrRefused, len(req.Contract), drm.ErrIncompatible)
	}
	if err := req.Contract.Check(); err != nil {
		return nil, err
	}
	d := &cpix.Document{ContentID: req.ContentID}
	switch c.version() {
	case V1:
		d.ContentID, d.ID = "", req.ContentID
	case V20:
		d.Version = "2.3"
	case V21:
		d.Version = "2.4"
	}
	if c.Certificate != nil {
		d.Delivery = []cpix.DeliveryData{{ID: "mezzo", Certificate: c.Certificate.Raw}}
	}
	q := &query{client: c, req: req, asked: d}
	if err := q.addKeys(); err != nil {
		return nil, err
	}
	if err := q.addSystems(); err != nil {
		return nil, err
	}
	return q, q.addRules()
}

func (q *query) addKeys() error {
	for i := range q.req.Contract {
		label := q.req.Contract[i].Label
		k := cpix.ContentKey{KID: q.req.KeyID(label)}
		if q.asked.Key(k.KID) != nil {
			return refused("%s has the key id of another label", label)
		}
		if q.client.version() != V1 {
			k.Scheme = q.req.Scheme.CPIX()
		}
		if s := q.req.Scheme; s == drm.CBCS || s == drm.SampleAES {
			// A server may put the IV into what it tells players.
			iv := (&drm.Key{ID: k.KID}).ConstantIV()
			k.ExplicitIV = iv[:]
		}
		q.asked.Keys = append(q.asked.Keys, k)
	}
	return nil
}

// systemID is how the version names a system.
func (q *query) systemID(id drm.SystemID) drm.SystemID {
	if id == drm.Identity && q.client.version() == V1 {
		return drm.IdentitySPEKE1
	}
	return id
}

func (q *query) addSystems() error {
	for _, id := range q.req.Systems {
		for _, k := range q.asked.Keys {
			y := q.wanted(id)
			y.KID, y.System = k.KID, q.systemID(id)
			if q.asked.System(y.KID, y.System) != nil {
				return refused("%s is asked for twice", id.Name())
			}
			q.asked.Systems = append(q.asked.Systems, y)
		}
	}
	return nil
}

// wanted is what is asked of a system: empty elements.
func (q *query) wanted(id drm.SystemID) (y cpix.DRMSystem) {
	empty := []byte{}
	hlsOnly := id == drm.FairPlay || id == drm.Identity || id == drm.IdentitySPEKE1
	if q.client.version() == V1 {
		if hlsOnly {
			y.URIExtXKey, y.KeyFormat, y.KeyFormatVersions = empty, empty, empty
			return y
		}
		y.PSSH = empty
		if id == drm.PlayReady {
			y.ProtectionHeader = empty
		}
		return y
	}
	if !hlsOnly {
		y.PSSH, y.ContentProtectionData = empty, empty
	}
	if q.req.Scheme.Method() != "" && id != drm.Irdeto && id != drm.Marlin && id != drm.DASHIFClearKey {
		y.HLSMedia, y.HLSMaster = empty, empty
	}
	if id == drm.PlayReady && q.client.Smooth {
		y.Smooth = empty
	}
	return y
}

// addRules adds the contract and the key period. SPEKE 1 has rules for their periods alone.
func (q *query) addRules() error {
	var periods []string
	if q.req.Period.Rotates {
		p := q.period()
		q.asked.Periods = []cpix.Period{p}
		periods = []string{p.ID}
	}
	v1 := q.client.version() == V1
	if v1 && periods == nil {
		return nil
	}
	for i := range q.req.Contract {
		r := &q.req.Contract[i]
		rule := cpix.UsageRule{KID: q.asked.Keys[i].KID, Periods: periods}
		if !v1 {
			rule.Track, rule.Video, rule.Audio = r.Label, r.Video, r.Audio
		}
		q.asked.Rules = append(q.asked.Rules, rule)
	}
	return nil
}

// period is the key period. Its id follows from the request, so that every node asks the same.
func (q *query) period() cpix.Period {
	req := q.req
	sum := sha256.Sum256(fmt.Appendf(nil, "key period %d of %q", req.Period.Index, req.ContentID))
	id := drm.KeyID(sum[:16])
	id[6], id[8] = id[6]&0x0F|0x80, id[8]&0x3F|0x80 // a UUID, version 8
	p := cpix.Period{ID: "keyPeriod_" + id.String()}
	if q.client.Timing != StartEndOnly {
		p.Index = &req.Period.Index
	}
	if q.client.Timing != StartEndOnly && q.client.Timing != IndexWithStartEnd {
		return p
	}
	if epoch := req.Period.Epoch; !epoch.IsZero() {
		p.Start, p.End = epoch.Add(req.Period.Start).UTC(), epoch.Add(req.Period.End).UTC()
		return p
	}
	start, end := max(0, req.Period.Start), max(0, req.Period.End)
	p.StartOffset, p.EndOffset = &start, &end
	return p
}

// equalPeriods compares what was sent with what came back.
func equalPeriods(a, b *cpix.Period) bool {
	index := func(p *cpix.Period) uint64 {
		if p.Index == nil {
			return 0
		}
		return *p.Index
	}
	offset := func(d *time.Duration) time.Duration {
		if d == nil {
			return -1
		}
		return *d
	}
	return a.ID == b.ID && (a.Index == nil) == (b.Index == nil) && index(a) == index(b) &&
		a.Start.Equal(b.Start) && a.End.Equal(b.End) &&
		offset(a.StartOffset) == offset(b.StartOffset) && offset(a.EndOffset) == offset(b.EndOffset)
}
