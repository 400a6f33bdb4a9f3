package drm

import "encoding/base64"

// SourceSignals are those of media that comes encrypted, with pssh boxes that say for whom: one for each box that is for the
// key id, or names none. Systems that HLS has no form for are signalled in boxes and MPDs only. The error matches ErrFormat.
func SourceSignals(scheme Scheme, id KeyID, boxes []byte) ([]Signal, error) {
	list, err := ParsePSSH(boxes)
	if err != nil {
		return nil, err
	}
	var signals []Signal
	for i := range list {
		box := &list[i]
		if !box.names(id) {
			continue
		}
		pssh := box.Append(nil)
		s := Signal{System: box.System, PSSH: pssh, DASH: dashPSSH(pssh)}
		switch box.System {
		case Widevine:
			s.HLS = hlsKey(scheme, `URI="data:text/plain;base64,`+base64.StdEncoding.EncodeToString(pssh)+`"`, "urn:uuid:"+string(Widevine))
		case PlayReady:
			s.DASH += dashPRO(box.Data)
			s.DASHValue, s.Smooth = "MSPR 2.0", box.Data
			if scheme.Method() != "" {
				s.HLS = playReadyHLS(scheme, box.Data)
			}
		case ClearKey, DASHIFClearKey:
			s, err = (&Signaller{}).clearKeySignal(scheme, &Key{ID: id})
			if err != nil {
				return nil, err
			}
			s.System, s.PSSH = ClearKey, pssh
		}
		signals = append(signals, s)
	}
	return signals, nil
}

// names reports whether the box is for the key, or says for none in particular.
func (p *PSSH) names(id KeyID) bool {
	for i := range p.KeyIDs {
		if p.KeyIDs[i] == id {
			return true
		}
	}
	return len(p.KeyIDs) == 0
}
