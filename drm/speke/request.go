package speke

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
	if err := req.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", drm.ErrRefused, err)
	}
	if !plain(req.ContentID) {
		return nil, refused("the content id cannot stand in XML")
	}
	for i := range req.Contract {
		if !plain(req.Contract[i].Label) {
			return nil, refused("label %d of the contract cannot stand in XML", i+1)
		}
	}
	if len(req.Systems) == 0 {
		return nil, refused("no systems to ask for")
	}
	if c.version() == V1 && len(req.Contract) > 1 {
		return nil, fmt.Errorf("%w: SPEKE 1 has one key for all tracks, not %d: %w", drm.ErrRefused, len(req.Contract), drm.ErrIncompatible)
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
	q.addKeys()
	q.addSystems()
	q.addRules()
	return q, nil
}

// plain reports whether s arrives as it was sent: UTF-8 without control characters, which XML does not have.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xFFFE || r == 0xFFFF })
}

func (q *query) addKeys() {
	for i := range q.req.Contract {
		k := cpix.ContentKey{KID: q.req.KeyID(q.req.Contract[i].Label)}
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
}

// systemID is how the version names a system.
func (q *query) systemID(id drm.SystemID) drm.SystemID {
	if id == drm.Identity && q.client.version() == V1 {
		return drm.IdentitySPEKE1
	}
	return id
}

func (q *query) addSystems() {
	for _, id := range q.req.Systems {
		for _, k := range q.asked.Keys {
			y := q.wanted(id)
			y.KID, y.System = k.KID, q.systemID(id)
			q.asked.Systems = append(q.asked.Systems, y)
		}
	}
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
func (q *query) addRules() {
	var periods []string
	if q.req.Period.Rotates {
		p := q.period()
		q.asked.Periods = []cpix.Period{p}
		periods = []string{p.ID}
	}
	v1 := q.client.version() == V1
	if v1 && periods == nil {
		return
	}
	for i := range q.req.Contract {
		r := &q.req.Contract[i]
		rule := cpix.UsageRule{KID: q.asked.Keys[i].KID, Periods: periods}
		if !v1 {
			rule.Track, rule.Video, rule.Audio = r.Label, r.Video, r.Audio
		}
		q.asked.Rules = append(q.asked.Rules, rule)
	}
}

// period is the key period. Its id follows from the request, so that every node asks the same.
func (q *query) period() cpix.Period {
	req := q.req
	sum := sha256.Sum256(fmt.Appendf(nil, "key period %d of \"%s\"", req.Period.Index, req.ContentID))
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
