package speke

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
)

// checkNames wants what names keys to name this one, which a server that replaces key ids may forget, and a PlayReady
// checksum to be that of its value. What names none, or cannot be read, is between the server and players.
func checkNames(id drm.SystemID, s *drm.Signal, pro []byte, key *drm.Key) error {
	if err := checkBoxNames(s.PSSH, key); err != nil {
		return err
	}
	for _, object := range [][]byte{pro, s.Smooth} {
		if err := checkObjectNames(object, key); err != nil {
			return err
		}
	}
	for _, list := range []string{s.HLS, s.Session} {
		a, err := parseAttributes(list)
		if err != nil {
			continue // there is none
		}
		if kid, err := drm.ParseKeyID(strings.TrimPrefix(strings.ToLower(a.get("KEYID")), "0x")); err == nil && kid != key.ID {
			return refused("KEYID of the tag is that of another key")
		}
		data := dataURI(a.get("URI"))
		switch id {
		case drm.Widevine:
			err = checkBoxNames(data, key)
		case drm.PlayReady:
			err = checkObjectNames(data, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBoxNames looks at pssh boxes: at their lists, and at what Widevine and PlayReady have in theirs.
func checkBoxNames(b []byte, key *drm.Key) error {
	boxes, _ := drm.ParsePSSH(b)
	for i := range boxes {
		box := &boxes[i]
		kids := box.KeyIDs
		switch box.System {
		case drm.Widevine:
			if data, err := drm.ParseWidevine(box.Data); err == nil {
				kids = append(slices.Clip(kids), data.KeyIDs...)
			}
		case drm.PlayReady:
			if err := checkObjectNames(box.Data, key); err != nil {
				return err
			}
		}
		if len(kids) > 0 && !slices.Contains(kids, key.ID) {
			return refused("its pssh box is for another key")
		}
	}
	return nil
}

func checkObjectNames(pro []byte, key *drm.Key) error {
	h, err := drm.ParsePlayReady(pro)
	if err != nil {
		return nil
	}
	if len(h.Keys) > 0 && !slices.ContainsFunc(h.Keys, func(k drm.PlayReadyKey) bool { return k.ID == key.ID }) {
		return refused("its PlayReady header is for another key, or has the key id in another byte order")
	}
	return h.Verify(key)
}

// dataURI is what a URI of scheme data holds in base64; nil: nothing.
func dataURI(uri string) []byte {
	_, text, ok := strings.Cut(uri, ";base64,")
	if !ok || !strings.HasPrefix(uri, "data:") {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return data
}
