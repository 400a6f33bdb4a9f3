package origin

import (
	"fmt"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Container is a row of the table of formats.
type Container string

const (
	CMAF Container = "CMAF" // fragmented MP4, 23000-19; sound and picture apart. HLS and DASH
	TS   Container = "TS"   // MPEG-TS, the default audio in each video rendition. HLS
)

// ManifestFormat is a kind of manifest.
type ManifestFormat string

const (
	HLS  ManifestFormat = "HLS"
	DASH ManifestFormat = "DASH"
)

// Manifest is one way to list the segments of an Endpoint. All of an Endpoint's manifests share them.
type Manifest struct {
	Format ManifestFormat
	Name   string // of the file, without extension, [A-Za-z0-9_-]+; empty: index
	// DRMSystems are those of the Endpoint's Encryption that this manifest is for: players disagree about some. nil: all.
	DRMSystems []drm.SystemID
	// ExcludeSessionKeys leaves EXT-X-SESSION-KEY out of HLS.
	ExcludeSessionKeys bool
	// InBandKeys tells players of rotating keys nothing but where they begin: segments name their keys themselves, and DASH
	// has no Period for each.
	InBandKeys bool
	// ReferencedKeys has an MPD describe each key once (DrmSignaling REFERENCED).
	ReferencedKeys bool
	// NumberDuration asks DASH for SegmentTemplate@duration where the segments are regular enough.
	NumberDuration bool
}

// Endpoint is one way in which every presentation is offered.
type Endpoint struct {
	Name      string // in URLs, [A-Za-z0-9_-]+
	Container Container
	Plan      media.Plan // how the media is cut; the zero value: segments of 6 s
	Manifests []Manifest
	// PackedAudio asks for HLS packed audio in place of TS with audio alone, where it can hold the codec.
	PackedAudio bool
	// Encryption is how media is protected; nil: not at all.
	Encryption *Encryption
}

// name is Name or its default.
func (m *Manifest) name() string {
	if m.Name == "" {
		return "index"
	}
	return m.Name
}

// DefaultEndpoints are cmaf, with HLS and DASH over the same segments, and ts, with HLS.
func DefaultEndpoints() []Endpoint {
	return []Endpoint{
		{Name: "cmaf", Container: CMAF, Manifests: []Manifest{{Format: HLS}, {Format: DASH}}},
		{Name: "ts", Container: TS, Manifests: []Manifest{{Format: HLS}}},
	}
}

// ProtectedEndpoints are the encrypted twins of DefaultEndpoints, with W3C Clear Key and the key itself in place of a
// commercial system. Manifest index speaks to players that know org.w3.clearkey, manifest identity to those that fetch
// the key.
func ProtectedEndpoints() []Endpoint {
	clearKey, identity := []drm.SystemID{drm.ClearKey}, []drm.SystemID{drm.Identity}
	common := func(name string, method drm.Scheme) Endpoint {
		return Endpoint{
			Name: name, Container: CMAF,
			Manifests:  []Manifest{{Format: HLS, DRMSystems: clearKey}, {Format: HLS, Name: "identity", DRMSystems: identity}, {Format: DASH}},
			Encryption: &Encryption{Method: method, DRMSystems: []drm.SystemID{drm.ClearKey, drm.Identity}},
		}
	}
	stream := func(name string, method drm.Scheme) Endpoint {
		return Endpoint{
			Name: name, Container: TS, Manifests: []Manifest{{Format: HLS}},
			Encryption: &Encryption{Method: method, DRMSystems: identity},
		}
	}
	return []Endpoint{
		common("cmaf-cenc", drm.CENC), common("cmaf-cbcs", drm.CBCS),
		stream("ts-aes128", drm.AES128), stream("ts-sampleaes", drm.SampleAES),
	}
}

// Playable is a manifest that a player can be given.
type Playable struct {
	Format   ManifestFormat
	Endpoint string
	Path     string // decoded, from the root of the Handler: escape it, as url.URL does, before it goes into a page
}

// Playables are the manifests of a presentation, {group}/{name}, in the order of the Endpoints. The presentation need not
// exist.
func (h *Handler) Playables(presentation string) []Playable {
	h.once.Do(h.setup)
	var list []Playable
	for i := range h.endpoints {
		ep := &h.endpoints[i]
		for _, m := range ep.Manifests {
			t := target{presentation, ep.Name, m.ref()}
			list = append(list, Playable{m.Format, ep.Name, t.path(links)})
		}
	}
	return list
}

// checkEndpoints finds settings with which nothing can be served.
func checkEndpoints(list []Endpoint) error {
	seen := map[string]bool{}
	for i := range list {
		ep := &list[i]
		if !isName(ep.Name) || seen[ep.Name] {
			return fmt.Errorf("origin: endpoint %q: names are unique and of letters, digits, _ and -", ep.Name)
		}
		seen[ep.Name] = true
		if _, ok := formats[ep.Container]; !ok {
			return fmt.Errorf("origin: endpoint %s: unknown container %q", ep.Name, ep.Container)
		}
		if len(ep.Manifests) == 0 {
			return fmt.Errorf("origin: endpoint %s has no manifest", ep.Name)
		}
		for _, m := range ep.Manifests {
			switch {
			case m.Name != "" && !isName(m.Name):
				return fmt.Errorf("origin: endpoint %s: manifest name %q is not of letters, digits, _ and -", ep.Name, m.Name)
			case m.Format != HLS && m.Format != DASH:
				return fmt.Errorf("origin: endpoint %s: unknown manifest format %q", ep.Name, m.Format)
			case m.Format == DASH && ep.Container != CMAF:
				return fmt.Errorf("origin: endpoint %s: DASH needs container CMAF", ep.Name)
			}
		}
		if err := ep.Encryption.check(ep); err != nil {
			return fmt.Errorf("origin: endpoint %s: %w", ep.Name, err)
		}
	}
	return nil
}

func isName(s string) bool {
	const ok = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && strings.Trim(s, ok) == ""
}
