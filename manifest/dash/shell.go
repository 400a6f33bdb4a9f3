package dash

import (
	"encoding/xml"

	"github.com/zencoder/go-dash/v3/mpd"
)

// The types below extend those of go-dash by embedding. A field declared here takes the place of one of the same XML
// name there, and its own place in the order: child elements therefore stand as the schema wants them.

type document struct {
	mpd.MPD
	XMLName            xml.Name            `xml:"MPD"`
	XMLNSScte214       *string             `xml:"xmlns:scte214,attr"`
	XMLNSCenc          *string             `xml:"xmlns:cenc,attr"`
	MaxSegmentDuration *string             `xml:"maxSegmentDuration,attr"`
	ContentProtection  []contentProtection `xml:"ContentProtection"`
	Periods            []*period           `xml:"Period"`
}

type period struct {
	mpd.Period
	Start          string           `xml:"start,attr"`
	Duration       string           `xml:"duration,attr"`
	AdaptationSets []*adaptationSet `xml:"AdaptationSet"`
}

type adaptationSet struct {
	mpd.AdaptationSet
	MaxFrameRate         *string              `xml:"maxFrameRate,attr"`
	ContentProtection    []contentProtection  `xml:"ContentProtection"`
	EssentialProperty    []mpd.DescriptorType `xml:"EssentialProperty"`
	SupplementalProperty []mpd.DescriptorType `xml:"SupplementalProperty"`
	Label                *string              `xml:"Label"`
	Accessibility        []mpd.DescriptorType `xml:"Accessibility"`
	Role                 []mpd.DescriptorType `xml:"Role"`
	SegmentTemplate      *segmentTemplate     `xml:"SegmentTemplate"`
	Representations      []*representation    `xml:"Representation"`
}

// contentProtection has what those of go-dash lack: systems that it does not know, @robustness, @ref and @refId.
type contentProtection struct {
	SchemeIDURI string  `xml:"schemeIdUri,attr"`
	Value       *string `xml:"value,attr"`
	DefaultKID  *string `xml:"cenc:default_KID,attr"`
	Robustness  *string `xml:"robustness,attr"`
	RefID       *string `xml:"refId,attr"`
	Ref         *string `xml:"ref,attr"`
	Children    string  `xml:",innerxml"`
}

type representation struct {
	mpd.Representation
	SupplementalCodecs        *string              `xml:"scte214:supplementalCodecs,attr"`
	SupplementalProfiles      *string              `xml:"scte214:supplementalProfiles,attr"`
	AudioChannelConfiguration []mpd.DescriptorType `xml:"AudioChannelConfiguration"`
	SupplementalProperty      []mpd.DescriptorType `xml:"SupplementalProperty"`
	SegmentTemplate           *segmentTemplate     `xml:"SegmentTemplate"`
}

type segmentTemplate struct {
	mpd.SegmentTemplate
	EndNumber       *uint64   `xml:"endNumber,attr"`
	SegmentTimeline *timeline `xml:"SegmentTimeline"`
}

// timeline is S elements that are written already.
type timeline struct {
	S []byte `xml:",innerxml"`
}

func descriptor(scheme, value string) mpd.DescriptorType {
	return mpd.DescriptorType{SchemeIDURI: &scheme, Value: &value}
}

// text is nil where s is empty: the attribute or element is left out.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// positive is nil where n is not.
func positive(n int) *int64 {
	if n <= 0 {
		return nil
	}
	v := int64(n)
	return &v
}
