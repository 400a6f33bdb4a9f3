package speketest

import (
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// check says what is wrong with a request, in the words of SPEKE 2.0 (error handling) where it has any; empty: nothing.
func check(d *cpix.Document, version string, accept func(drm.Contract) bool) string {
	want := ""
	switch version {
	case V1:
		return checkV1(d)
	case V20:
		want = "2.3"
	case V21:
		want = "2.4"
	default:
		return "Unsupported SPEKE version"
	}
	switch {
	case d.ContentID == "":
		return "Missing CPIX@contentId"
	case d.Version == "":
		return "Missing CPIX@version"
	case d.Version != want:
		return "Unsupported CPIX@version"
	}
	for _, step := range []func(*cpix.Document) string{checkLists, checkSchemes, checkContract} {
		if message := step(d); message != "" {
			return message
		}
	}
	if accept != nil && !accept(contractOf(d)) {
		return "Requested CPIX encryption contract not supported"
	}
	return ""
}

func checkV1(d *cpix.Document) string {
	if d.ID == "" {
		return "Missing CPIX@id"
	}
	return checkLists(d)
}

// checkLists wants keys, systems, and that one speaks of the other.
func checkLists(d *cpix.Document) string {
	switch {
	case len(d.Keys) == 0:
		return "Missing ContentKey"
	case len(d.Systems) == 0:
		return "Missing DRMSystem"
	}
	told := map[drm.KeyID]bool{}
	for _, s := range d.Systems {
		if d.Key(s.KID) == nil {
			return "DRMSystem for a KID without ContentKey: " + s.KID.String()
		}
		told[s.KID] = true
	}
	for _, k := range d.Keys {
		if !told[k.KID] {
			return "ContentKey without DRMSystem: " + k.KID.String()
		}
	}
	for _, p := range d.Periods {
		if p.ID == "" {
			return "Missing ContentKeyPeriod@id"
		}
	}
	return ""
}

func checkSchemes(d *cpix.Document) string {
	for _, k := range d.Keys {
		switch {
		case k.Scheme == "":
			return "Missing ContentKey@commonEncryptionScheme for KID " + k.KID.String()
		case !schemeKnown(k.Scheme) || k.Scheme != d.Keys[0].Scheme:
			return "Non compliant ContentKey@commonEncryptionScheme combination"
		}
	}
	for _, s := range d.Systems {
		if drm.Compatible(schemeOf(d.Keys[0].Scheme, s.System), s.System) != nil {
			return "ContentKey@commonEncryptionScheme non compatible with DRMSystem " + string(s.System)
		}
	}
	return ""
}

func schemeKnown(s string) bool {
	scheme := drm.Scheme(s)
	return scheme.Common() || scheme == drm.AES128 || scheme == drm.SampleAES
}

// schemeOf is what a system does under a scheme of CPIX, which calls whole segments cbc1.
func schemeOf(s string, system drm.SystemID) drm.Scheme {
	identity := system == drm.Identity || system == drm.IdentitySPEKE1
	if s == string(drm.CBC1) && identity {
		return drm.AES128
	}
	return drm.Scheme(s)
}

// contractOf is the contract that the usage rules make up.
func contractOf(d *cpix.Document) drm.Contract {
	c := make(drm.Contract, 0, len(d.Rules))
	for _, r := range d.Rules {
		c = append(c, drm.Rule{Label: r.Track, Video: r.Video, Audio: r.Audio})
	}
	return c
}

func checkContract(d *cpix.Document) string {
	const malformed = "Malformed encryption contract"
	if len(d.Rules) == 0 {
		return "Missing CPIX encryption contract"
	}
	c := contractOf(d)
	for i := range c {
		if len(c[i].Video)+len(c[i].Audio) == 1 { // AWS's suite has SD+HD1 in one filter
			c[i].Label = strings.ReplaceAll(c[i].Label, "+", " and ")
		}
	}
	if c.Check() != nil {
		return malformed
	}
	ruled := map[drm.KeyID]bool{}
	for _, r := range d.Rules {
		if d.Key(r.KID) == nil {
			return malformed
		}
		for _, id := range r.Periods {
			if !hasPeriod(d, id) {
				return malformed
			}
		}
		ruled[r.KID] = true
	}
	if len(ruled) != len(d.Keys) {
		return malformed
	}
	return ""
}

func hasPeriod(d *cpix.Document, id string) bool {
	for _, p := range d.Periods {
		if p.ID == id {
			return true
		}
	}
	return false
}
