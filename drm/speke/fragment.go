package speke

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
)

const (
	nsCENC         = "urn:mpeg:cenc:2013"
	nsMSPR         = "urn:microsoft:playready"
	nsXMLNS        = "http://www.w3.org/2000/xmlns/" // must not be declared (Namespaces in XML, 3)
	maxFragDepth   = 16
	maxFragElement = 256
	maxFragAttr    = 64 // of one element
)

// fragment is the content of a ContentProtection element.
type fragment struct {
	xml   string   // with the namespaces declared
	boxes [][]byte // cenc:pssh, decoded
	pro   []byte   // mspr:pro, decoded
	// Of the ContentProtection element, where a server sent that too.
	value, robustness string
}

// namespaces are those that servers leave undeclared, by their usual prefixes. They are written with them.
func namespaces() map[string]string {
	return map[string]string{
		"cenc": nsCENC, "mspr": nsMSPR, "dashif": "https://dashif.org/CPS",
		"clearkey": "http://dashif.org/guidelines/clearKey", "xlink": "http://www.w3.org/1999/xlink",
		"mas": "urn:marlin:mas:1-0:services:schemas:mpd",
	}
}

// parseFragment reads ContentProtectionData: elements without a root, whose prefixes may be undeclared.
func parseFragment(data []byte) (*fragment, error) {
	f := &fragmentParser{prefixes: map[string]string{}}
	var root bytes.Buffer
	root.WriteString("<fragment")
	for prefix, space := range namespaces() {
		f.prefixes[space] = prefix
		fmt.Fprintf(&root, ` xmlns:%s="%s"`, prefix, space)
	}
	root.WriteByte('>')
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if bytes.HasPrefix(data, []byte("<?xml")) {
		_, data, _ = bytes.Cut(data, []byte("?>"))
	}
	d := xml.NewDecoder(io.MultiReader(&root, bytes.NewReader(data), strings.NewReader("</fragment>")))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, drm.ErrFormat }
	f.in = d
	if err := f.run(); err != nil {
		return nil, err
	}
	return &f.out, nil
}

type fragmentParser struct {
	in       *xml.Decoder
	prefixes map[string]string // namespace to prefix
	open     []element
	elements int
	text     bytes.Buffer // of the innermost element
	w        bytes.Buffer
	out      fragment
}

// element is one that is open, as it was written.
type element struct {
	name    xml.Name
	written string // empty: not written, the root or a ContentProtection around all
	bound   map[string]string
}

func (f *fragmentParser) run() error {
	malformed := fmt.Errorf("ContentProtectionData is no well-formed XML: %w", drm.ErrFormat)
	for {
		t, err := f.in.Token()
		if err == io.EOF {
			if len(f.open) > 0 || f.elements == 0 {
				return malformed
			}
			f.out.xml = f.w.String()
			return nil
		}
		if err != nil {
			return malformed
		}
		switch t := t.(type) {
		case xml.Directive:
			return fmt.Errorf("ContentProtectionData has a document type: %w", drm.ErrFormat)
		case xml.StartElement:
			if f.elements++; f.elements > maxFragElement || len(f.open) > maxFragDepth || f.elements > 1 && len(f.open) == 0 {
				return fmt.Errorf("ContentProtectionData has too many elements: %w", drm.ErrFormat)
			}
			if err := f.flush(); err != nil {
				return err
			}
			if err := f.start(t); err != nil {
				return err
			}
		case xml.CharData:
			f.text.Write(t)
		case xml.EndElement:
			if err := f.end(); err != nil {
				return err
			}
		}
	}
}

// start writes a start tag, with the namespaces that are not bound yet.
func (f *fragmentParser) start(t xml.StartElement) error {
	if err := checkAttributes(t); err != nil {
		return err
	}
	e := element{name: t.Name}
	wrapper := len(f.open) == 1 && t.Name.Local == "ContentProtection"
	if len(f.open) == 0 || wrapper {
		for _, a := range t.Attr {
			switch {
			case wrapper && a.Name.Local == "value":
				f.out.value = a.Value
			case wrapper && a.Name.Local == "robustness":
				f.out.robustness = a.Value
			}
		}
		f.open = append(f.open, e)
		return nil
	}
	e.bound = map[string]string{}
	for prefix, space := range f.open[len(f.open)-1].bound {
		e.bound[prefix] = space
	}
	var attrs bytes.Buffer
	name, err := f.name(t.Name, &e, &attrs, false)
	if err != nil {
		return err
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := f.name(a.Name, &e, &attrs, true)
		if err != nil {
			return err
		}
		attrs.WriteString(" " + name + `="`)
		_ = xml.EscapeText(&attrs, []byte(a.Value)) // a Buffer takes all
		attrs.WriteByte('"')
	}
	f.w.WriteString("<" + name)
	_, _ = attrs.WriteTo(&f.w)
	f.w.WriteByte('>')
	e.written = name
	f.open = append(f.open, e)
	return nil
}

// checkAttributes refuses what the decoder lets pass and other parsers do not: an attribute twice, names of three parts.
func checkAttributes(t xml.StartElement) error {
	if len(t.Attr) > maxFragAttr {
		return fmt.Errorf("ContentProtectionData has an element with more than %d attributes: %w", maxFragAttr, drm.ErrFormat)
	}
	bad := strings.Contains(t.Name.Local, ":")
	for i, a := range t.Attr {
		bad = bad || strings.Contains(a.Name.Local, ":") || a.Value == nsXMLNS
		for _, b := range t.Attr[:i] {
			bad = bad || a.Name == b.Name
		}
	}
	if bad {
		return fmt.Errorf("ContentProtectionData has a malformed name, or an attribute twice: %w", drm.ErrFormat)
	}
	return nil
}

// name is the qualified name of an element or attribute; its namespace is declared if it is not bound yet.
func (f *fragmentParser) name(n xml.Name, e *element, declare *bytes.Buffer, attribute bool) (string, error) {
	prefix, known := f.prefixes[n.Space]
	switch {
	case attribute && n.Space == "":
		return n.Local, nil
	case n.Space == "http://www.w3.org/XML/1998/namespace":
		return "xml:" + n.Local, nil
	case n.Space != "" && !strings.Contains(n.Space, ":"): // what the decoder makes of an undeclared prefix
		return "", fmt.Errorf("ContentProtectionData has a prefix that is not declared: %w", drm.ErrFormat)
	case !known && attribute:
		prefix = fmt.Sprintf("ns%d", len(f.prefixes))
		f.prefixes[n.Space] = prefix
	}
	if e.bound[prefix] != n.Space {
		e.bound[prefix] = n.Space
		declare.WriteString(" xmlns")
		if prefix != "" {
			declare.WriteString(":" + prefix)
		}
		declare.WriteString(`="`)
		_ = xml.EscapeText(declare, []byte(n.Space)) // a Buffer takes all
		declare.WriteByte('"')
	}
	if prefix == "" {
		return n.Local, nil
	}
	return prefix + ":" + n.Local, nil
}

// flush writes the text before an element, if it is more than white space.
func (f *fragmentParser) flush() error {
	defer f.text.Reset()
	text := bytes.TrimSpace(f.text.Bytes())
	if len(text) == 0 {
		return nil
	}
	if len(f.open) == 0 || f.open[len(f.open)-1].written == "" {
		return fmt.Errorf("ContentProtectionData has text outside of elements: %w", drm.ErrFormat)
	}
	return xml.EscapeText(&f.w, text)
}

func (f *fragmentParser) end() error {
	e := f.open[len(f.open)-1]
	pssh, pro := xml.Name{Space: nsCENC, Local: "pssh"}, xml.Name{Space: nsMSPR, Local: "pro"}
	if e.name == pssh || e.name == pro {
		text := bytes.Join(bytes.Fields(f.text.Bytes()), nil)
		data, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return fmt.Errorf("%s in ContentProtectionData is no base64: %w", e.name.Local, drm.ErrFormat)
		}
		if e.name == pssh {
			f.out.boxes = append(f.out.boxes, data)
		} else {
			f.out.pro = data
		}
		f.text.Reset()
		f.text.Write(text)
	}
	if err := f.flush(); err != nil {
		return err
	}
	if f.open = f.open[:len(f.open)-1]; e.written != "" {
		f.w.WriteString("</" + e.written + ">")
	}
	return nil
}
