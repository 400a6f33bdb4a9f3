package dash

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
)

const (
	mp4protection = "urn:mpeg:dash:mp4protection:2011"
	cencNamespace = "urn:mpeg:cenc:2013"
	mspr          = "urn:microsoft:playready"
)

// protection is the ContentProtection elements of the AdaptationSets under a key (23009-1, 5.8.4.1): the scheme and the
// key id (23001-7, 11.1), then each system that an MPD can name. The list is made once for each key.
func (w *writer) protection(k *manifest.Key) ([]contentProtection, error) {
	if list, ok := w.protections[k]; ok || k == nil {
		return list, nil
	}
	if !k.Scheme.Common() {
		return nil, fmt.Errorf("MPD: key %s: scheme %s is for HLS only: %w", k.ID, k.Scheme, drm.ErrIncompatible)
	}
	w.cenc = true
	generic := contentProtection{SchemeIDURI: mp4protection, Value: text(string(k.Scheme))}
	if !w.inBand {
		generic.DefaultKID = text(k.ID.String())
	}
	list := []contentProtection{generic}
	for i := range k.Signals {
		c, ok, err := w.system(&k.Signals[i])
		if err != nil {
			return nil, fmt.Errorf("MPD: ContentProtection of %s for key %s: %w", k.Signals[i].System.Name(), k.ID, err)
		}
		if !ok || slices.ContainsFunc(list, func(o contentProtection) bool { return o.SchemeIDURI == c.SchemeIDURI }) {
			continue
		}
		if w.referenced {
			c = w.refer(c, strings.ToLower(k.Signals[i].System.Name())+"-"+k.ID.String())
		}
		list = append(list, c)
	}
	w.protections[k] = list
	return list, nil
}

// system is the descriptor of one system; false where it has no place in an MPD.
func (w *writer) system(s *drm.Signal) (c contentProtection, ok bool, err error) {
	if s.DASH == "" && len(s.PSSH) == 0 || s.System == drm.Identity || s.System == drm.IdentitySPEKE1 {
		return c, false, nil
	}
	c = contentProtection{SchemeIDURI: "urn:uuid:" + string(s.System), Value: text(s.DASHValue), Robustness: text(s.Robustness)}
	clear := s.System == drm.ClearKey || s.System == drm.DASHIFClearKey
	if clear {
		c.SchemeIDURI = "urn:uuid:" + string(drm.DASHIFClearKey)
	}
	if clear && s.DASHValue == "" {
		c.Value = text("ClearKey1.0")
	}
	children, hasPSSH, err := readChildren(s.DASH, w.inBand)
	if err != nil {
		return c, false, err
	}
	// For Clear Key players go by default_KID; dash.js would take a box for a list of key ids, and fail.
	if !hasPSSH && !w.inBand && !clear && len(s.PSSH) > 0 {
		children = "<cenc:pssh>" + base64.StdEncoding.EncodeToString(s.PSSH) + "</cenc:pssh>" + children
	}
	c.Children = children
	return c, true, nil
}

// refer puts what c says under the MPD, once, and returns what refers to it.
func (w *writer) refer(c contentProtection, name string) contentProtection {
	id := "drm-" + name // xs:ID: letters first
	def := c
	def.RefID = &id
	i := slices.IndexFunc(w.definitions, func(d contentProtection) bool { return *d.RefID == id })
	switch {
	case i < 0:
		w.definitions = append(w.definitions, def)
	case w.definitions[i].Children != c.Children || value(w.definitions[i].Value) != value(c.Value) ||
		value(w.definitions[i].Robustness) != value(c.Robustness):
		return c
	}
	return contentProtection{SchemeIDURI: c.SchemeIDURI, Value: c.Value, Ref: &id}
}

// readChildren checks the children of a ContentProtection that another party wrote: elements in namespaces that the text
// declares itself, all but cenc. bare leaves out those that speak of one key: cenc:pssh and mspr:pro.
func readChildren(s string, bare bool) (children string, hasPSSH bool, err error) {
	d := xml.NewDecoder(strings.NewReader(s))
	var kept strings.Builder
	depth, drop := 0, false
	for {
		from := d.InputOffset()
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return kept.String(), hasPSSH, nil
		}
		if err != nil {
			return "", false, fmt.Errorf("children are no XML: %w", drm.ErrFormat) // the parser's error quotes the text
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if !declared(tok) {
				return "", false, fmt.Errorf("children use a prefix that they do not declare: %w", drm.ErrFormat)
			}
			if depth == 0 {
				pssh := tok.Name.Local == "pssh" && (tok.Name.Space == cencNamespace || tok.Name.Space == "cenc")
				hasPSSH = hasPSSH || pssh
				drop = bare && (pssh || tok.Name.Local == "pro" && tok.Name.Space == mspr)
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(tok)) != "" {
				return "", false, fmt.Errorf("children are text, not elements: %w", drm.ErrFormat)
			}
			if depth == 0 {
				continue
			}
		case xml.Comment:
			continue
		default:
			return "", false, fmt.Errorf("children hold a declaration: %w", drm.ErrFormat)
		}
		if !drop {
			kept.WriteString(s[from:d.InputOffset()])
		}
		if depth == 0 {
			drop = false
		}
	}
}

// declared reports whether all prefixes of the tag have a namespace: the decoder leaves the prefix itself where one has
// none. The MPD declares cenc.
func declared(tag xml.StartElement) bool {
	ok := func(n xml.Name) bool {
		switch n.Space {
		case "", "cenc", "xmlns", "xml":
			return true
		}
		return strings.ContainsAny(n.Space, ":/")
	}
	return ok(tag.Name) && !slices.ContainsFunc(tag.Attr, func(a xml.Attr) bool { return !ok(a.Name) })
}
