package drm

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Signaller writes what systems have to be told where no key server says it. The zero value serves those that need no
// address.
type Signaller struct {
	PlayReadyURL string // LA_URL of PlayReady headers; empty: none
	// ClearKeyURL is the licence server of W3C Clear Key, absolute or relative to the manifest; empty: players have to know
	// it.
	ClearKeyURL string
	// KeyURL answers with the 16 bytes of a key (KEYFORMAT identity); {kid} stands for the key id in hex.
	KeyURL string
	// FairPlayURI is the skd: URI of a key; {kid} stands for the key id with hyphens. Empty: skd://{kid}.
	FairPlayURI string
	// SessionKeys has EXT-X-SESSION-KEY of PlayReady list all keys of the set in one header, as Windows wants it; else
	// there is one for each key.
	SessionKeys bool
}

// Signals writes what each of the systems of a request is told of a key, in their order. Errors match ErrIncompatible (a
// system that does not go with the scheme, or that only its key server can speak for) or ErrFormat (a URL that cannot be
// written).
func (s *Signaller) Signals(req *Request, k *Key) ([]Signal, error) {
	signals := make([]Signal, 0, len(req.Systems))
	for _, system := range req.Systems {
		if err := Compatible(req.Scheme, system); err != nil {
			return nil, err
		}
		var signal Signal
		var err error
		switch system {
		case Widevine:
			signal = widevineSignal(req.Scheme, k)
		case PlayReady:
			signal, err = s.playReadySignal(req.Scheme, k)
		case FairPlay:
			signal, err = s.fairPlaySignal(req.Scheme, k)
		case ClearKey:
			signal, err = s.clearKeySignal(req.Scheme, k)
		case Identity, IdentitySPEKE1:
			signal, err = s.identitySignal(req.Scheme, k)
		default:
			err = fmt.Errorf("only a key server knows what to signal for %s: %w", system.Name(), ErrIncompatible)
		}
		if err != nil {
			return nil, err
		}
		signal.System = system
		signals = append(signals, signal)
	}
	return signals, nil
}

// Fill gives each key of the set its signals. Where it has several, Smooth, which describes them all in one place, gets a
// header of all. Errors as in Signals.
func (s *Signaller) Fill(req *Request, set *KeySet) error {
	keys := make([]*Key, len(set.Keys))
	for i := range set.Keys {
		keys[i] = &set.Keys[i].Key
		signals, err := s.Signals(req, keys[i])
		if err != nil {
			return err
		}
		set.Keys[i].Signals = signals
	}
	if len(keys) < 2 {
		return nil
	}
	for i, system := range req.Systems {
		if system != PlayReady {
			continue
		}
		pro, err := s.playReadyObject(req.Scheme, keys...)
		if err != nil {
			return err
		}
		for k := range set.Keys {
			signal := &set.Keys[k].Signals[i]
			signal.Smooth = pro
			if s.SessionKeys {
				signal.Session = playReadyHLS(req.Scheme, pro)
			}
		}
	}
	return nil
}

func widevineSignal(scheme Scheme, k *Key) Signal {
	data := WidevineData{KeyIDs: []KeyID{k.ID}, Scheme: scheme}
	box := PSSH{System: Widevine, Data: data.Append(nil)}
	pssh := box.Append(nil)
	return Signal{
		PSSH: pssh,
		DASH: dashPSSH(pssh),
		HLS:  hlsKey(scheme, `URI="data:text/plain;base64,`+base64.StdEncoding.EncodeToString(pssh)+`"`, "urn:uuid:"+string(Widevine)),
	}
}

func (s *Signaller) playReadySignal(scheme Scheme, k *Key) (Signal, error) {
	pro, err := s.playReadyObject(scheme, k)
	if err != nil {
		return Signal{}, err
	}
	box := PSSH{System: PlayReady, Data: pro}
	pssh := box.Append(nil)
	return Signal{
		PSSH:      pssh,
		DASH:      dashPSSH(pssh) + dashPRO(pro),
		DASHValue: "MSPR 2.0",
		HLS:       playReadyHLS(scheme, pro),
		Smooth:    pro,
	}, nil
}

func (s *Signaller) playReadyObject(scheme Scheme, keys ...*Key) ([]byte, error) {
	h, err := NewPlayReadyHeader(scheme, keys...)
	if err != nil {
		return nil, err
	}
	h.LicenseURL = s.PlayReadyURL
	return h.Object()
}

// playReadyHLS puts the URI last, as players of PlayReady have seen it ever since.
func playReadyHLS(scheme Scheme, pro []byte) string {
	return "METHOD=" + scheme.Method() + `,KEYFORMAT="com.microsoft.playready",KEYFORMATVERSIONS="1",` +
		`URI="data:text/plain;charset=UTF-16;base64,` + base64.StdEncoding.EncodeToString(pro) + `"`
}

func (s *Signaller) fairPlaySignal(scheme Scheme, k *Key) (Signal, error) {
	uri := s.FairPlayURI
	if uri == "" {
		uri = "skd://{kid}"
	}
	attr, err := hlsURI(strings.ReplaceAll(uri, "{kid}", k.ID.String()))
	return Signal{HLS: hlsKey(scheme, attr, "com.apple.streamingkeydelivery")}, err
}

func (s *Signaller) clearKeySignal(scheme Scheme, k *Key) (Signal, error) {
	box := PSSH{System: ClearKey, KeyIDs: []KeyID{k.ID}}
	signal := Signal{PSSH: box.Append(nil), DASHValue: "ClearKey1.0"}
	uri := s.ClearKeyURL
	if uri == "" { // players want one, and take the key id from it
		uri = "data:text/plain;base64," + base64.StdEncoding.EncodeToString(k.ID[:])
	} else {
		// dash.js goes by the prefix, shaka by the namespace, and neither takes both spellings side by side.
		signal.DASH = `<dashif:Laurl xmlns:dashif="https://dashif.org/CPS">` + escapeXML(uri) + "</dashif:Laurl>"
	}
	attr, err := hlsURI(uri)
	if signal.HLS = hlsKey(scheme, attr, "org.w3.clearkey"); signal.HLS != "" {
		signal.HLS += ",KEYID=0x" + k.ID.Hex()
	}
	return signal, err
}

func (s *Signaller) identitySignal(scheme Scheme, k *Key) (Signal, error) {
	if s.KeyURL == "" {
		return Signal{}, fmt.Errorf("identity: Signaller.KeyURL must say where players get the key: %w", ErrIncompatible)
	}
	attr, err := hlsURI(strings.ReplaceAll(s.KeyURL, "{kid}", k.ID.Hex()))
	return Signal{HLS: hlsKey(scheme, attr, "identity")}, err
}

func dashPSSH(box []byte) string {
	return `<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">` + base64.StdEncoding.EncodeToString(box) + "</cenc:pssh>"
}

func dashPRO(pro []byte) string {
	return `<mspr:pro xmlns:mspr="urn:microsoft:playready">` + base64.StdEncoding.EncodeToString(pro) + "</mspr:pro>"
}

// hlsKey is the attribute list of EXT-X-KEY; empty where HLS has no method for the scheme.
func hlsKey(scheme Scheme, uri, format string) string {
	method := scheme.Method()
	if method == "" {
		return ""
	}
	return "METHOD=" + method + "," + uri + `,KEYFORMAT="` + format + `",KEYFORMATVERSIONS="1"`
}

// hlsURI is the attribute URI. A quoted string has no escapes (8216bis, 4.2).
func hlsURI(uri string) (string, error) {
	if !plain(uri) || strings.Contains(uri, `"`) {
		return "", fmt.Errorf("URI %q cannot stand in a playlist: %w", uri, ErrFormat)
	}
	return `URI="` + uri + `"`, nil
}
