package speke

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// maxSignal is the most that one element may tell of one key, bytes. The longest in use, mspr:pro with an embedded licence
// store beside its pssh box, is half of it; more would go into each playlist and initialization segment.
const maxSignal = 64 << 10

// signal is what the answer tells a system of a key.
func (q *query) signal(asked, y *cpix.DRMSystem, key *drm.Key) (drm.Signal, error) {
	s := drm.Signal{Robustness: y.Robustness, AllowedCPC: y.AllowedCPC}
	if err := q.checkFilled(asked, y); err != nil {
		return s, err
	}
	if strings.ContainsFunc(s.AllowedCPC+s.Robustness, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7F }) {
		return s, refused("HLSAllowedCPC or robustness cannot stand between quotes")
	}
	if err := q.fill(y, key, &s); err != nil {
		if errors.Is(err, drm.ErrRefused) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", drm.ErrRefused, err)
	}
	if s.PSSH == nil && s.DASH == "" && s.HLS == "" {
		return s, refused("the answer says nothing")
	}
	return s, nil
}

func (q *query) fill(y *cpix.DRMSystem, key *drm.Key, s *drm.Signal) error {
	if err := addPSSH(y, s); err != nil {
		return err
	}
	pro, err := addDASH(y, s)
	if err != nil {
		return err
	}
	addSmooth(y, s)
	if err := q.addHLS(y, key, s); err != nil {
		return err
	}
	for _, n := range []int{
		len(s.PSSH), len(s.DASH), len(s.DASHValue), len(s.Robustness), len(s.HLS), len(s.Session), len(s.Smooth), len(s.AllowedCPC),
	} {
		if n > maxSignal {
			return refused("what it is told has more than %d bytes", maxSignal)
		}
	}
	if q.client.Lenient || q.client.version() == V1 {
		return nil
	}
	return checkNames(y.System, s, pro, key)
}

// checkFilled wants every element that was asked for. Those that say more about HLS in SPEKE 1 may be missing.
func (q *query) checkFilled(asked, got *cpix.DRMSystem) error {
	if q.client.Lenient {
		return nil
	}
	for _, e := range []struct {
		name       string
		asked, got []byte
	}{
		{"PSSH", asked.PSSH, got.PSSH},
		{"ContentProtectionData", asked.ContentProtectionData, got.ContentProtectionData},
		{"HLSSignalingData of the media playlist", asked.HLSMedia, got.HLSMedia},
		{"HLSSignalingData of the master playlist", asked.HLSMaster, got.HLSMaster},
		{"SmoothStreamingProtectionHeaderData", asked.Smooth, got.Smooth},
		{"URIExtXKey", asked.URIExtXKey, got.URIExtXKey},
	} {
		if e.asked != nil && len(bytes.TrimSpace(e.got)) == 0 {
			return refused("the answer has no %s", e.name)
		}
	}
	return nil
}

func addPSSH(y *cpix.DRMSystem, s *drm.Signal) error {
	if len(y.PSSH) == 0 {
		return nil // FairPlay; servers send it empty
	}
	s.PSSH = y.PSSH
	return checkBoxes(y.PSSH, y.System)
}

// checkBoxes wants one or several pssh boxes of a system (23001-7, 8.1).
func checkBoxes(b []byte, id drm.SystemID) error {
	boxes, err := drm.ParsePSSH(b)
	if err != nil {
		return fmt.Errorf("PSSH is no pssh box: %w", drm.ErrFormat) // its text quotes the input
	}
	for i := range boxes {
		if boxes[i].System != id {
			return fmt.Errorf("PSSH is a pssh box of another system: %w", drm.ErrFormat)
		}
	}
	return nil
}

// addDASH takes ContentProtectionData, and returns mspr:pro of it; where a server does not give it, as in SPEKE 1, it is made
// of the pssh box.
func addDASH(y *cpix.DRMSystem, s *drm.Signal) (pro []byte, err error) {
	if y.System == drm.PlayReady {
		s.DASHValue = "MSPR 2.0"
	}
	if len(bytes.TrimSpace(y.ContentProtectionData)) == 0 {
		if s.PSSH == nil {
			s.DASHValue = ""
			return nil, nil
		}
		s.DASH = `<cenc:pssh xmlns:cenc="` + nsCENC + `">` + base64.StdEncoding.EncodeToString(s.PSSH) + "</cenc:pssh>"
		if pro := psshData(s.PSSH); y.System == drm.PlayReady {
			s.DASH += `<mspr:pro xmlns:mspr="` + nsMSPR + `">` + base64.StdEncoding.EncodeToString(pro) + "</mspr:pro>"
		}
		return nil, nil
	}
	f, err := parseFragment(y.ContentProtectionData)
	if err != nil {
		return nil, err
	}
	for _, box := range f.boxes {
		switch {
		case s.PSSH != nil && !bytes.Equal(box, s.PSSH):
			return nil, refused("the pssh box in ContentProtectionData is not that in PSSH")
		case s.PSSH == nil:
			s.PSSH = box
			if err := checkBoxes(box, y.System); err != nil {
				return nil, err
			}
		}
	}
	s.DASH = f.xml
	if f.value != "" {
		s.DASHValue = f.value
	}
	if s.Robustness == "" {
		s.Robustness = f.robustness
	}
	return f.pro, nil
}

// addSmooth takes the PlayReady object, whose element has another name in SPEKE 1.
func addSmooth(y *cpix.DRMSystem, s *drm.Signal) {
	switch {
	case y.System != drm.PlayReady:
	case len(y.Smooth) > 0:
		s.Smooth = y.Smooth
	case len(y.ProtectionHeader) > 0:
		s.Smooth = y.ProtectionHeader
	}
}

// psshData is the data of the first box, which checkBoxes has seen.
func psshData(b []byte) []byte {
	boxes, err := drm.ParsePSSH(b)
	if err != nil || len(boxes) == 0 {
		return nil
	}
	return boxes[0].Data
}

// addHLS takes the tags, which have to agree.
func (q *query) addHLS(y *cpix.DRMSystem, key *drm.Key, s *drm.Signal) error {
	if q.req.Scheme.Method() == "" {
		return nil
	}
	media, err := q.tag(y, s)
	if err != nil || media == nil {
		return err
	}
	if media, err = q.fitTag(y.System, media, key); err != nil {
		return err
	}
	s.HLS = media.String()
	if len(bytes.TrimSpace(y.HLSMaster)) == 0 {
		return nil
	}
	master, err := parseTag(y.HLSMaster, "#EXT-X-SESSION-KEY")
	if err != nil {
		return fmt.Errorf("HLSSignalingData of the master playlist: %w", err)
	}
	if master, err = q.fitTag(y.System, master, key); err != nil {
		return err
	}
	if !media.same(master) {
		if !q.client.Lenient {
			return refused("HLSSignalingData of media and master playlist differ in more than the name of the tag")
		}
		s.Session = master.String()
	}
	return nil
}

// tag is the attributes of EXT-X-KEY; nil: there is none.
func (q *query) tag(y *cpix.DRMSystem, s *drm.Signal) (attributes, error) {
	quote := func(b []byte) string { return `"` + string(bytes.TrimSpace(b)) + `"` }
	a := attributes{{"METHOD", q.req.Scheme.Method()}}
	switch {
	case len(bytes.TrimSpace(y.HLSMedia)) > 0:
		media, err := parseTag(y.HLSMedia, "#EXT-X-KEY")
		if err != nil {
			return nil, fmt.Errorf("HLSSignalingData of the media playlist: %w", err)
		}
		return media, nil
	case len(bytes.TrimSpace(y.URIExtXKey)) > 0:
		a = append(a, attribute{"URI", quote(y.URIExtXKey)})
		format, versions := y.KeyFormat, y.KeyFormatVersions
		if len(format) == 0 {
			format = []byte(keyFormat(y.System))
		}
		if len(format) > 0 {
			a = append(a, attribute{"KEYFORMAT", quote(format)})
		}
		if len(versions) > 0 {
			a = append(a, attribute{"KEYFORMATVERSIONS", quote(versions)})
		}
	case q.client.version() != V1 || s.PSSH == nil:
		return nil, nil
	default: // SPEKE 1 has no words for these
		uri := ""
		switch y.System {
		case drm.Widevine:
			uri = "data:text/plain;base64," + base64.StdEncoding.EncodeToString(s.PSSH)
		case drm.PlayReady:
			uri = "data:text/plain;charset=UTF-16;base64," + base64.StdEncoding.EncodeToString(psshData(s.PSSH))
		default:
			return nil, nil
		}
		a = append(a, attribute{"URI", quote([]byte(uri))}, attribute{"KEYFORMAT", quote([]byte(keyFormat(y.System)))}, attribute{"KEYFORMATVERSIONS", `"1"`})
	}
	return parseAttributes(a.String()) // values may hold anything
}
