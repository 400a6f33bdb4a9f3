package cpix

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	maxDepth    = 32     // CPIX itself nests 10 deep, with XML signatures 15
	maxElements = 20_000 // a key with two systems takes about 20
)

// scanner walks the elements of a document from outside. Its errors never quote what they are about: it may be a key.
type scanner struct {
	xml      *xml.Decoder
	path     []string
	elements int
	ids      once // of keys, systems and periods
}

// once tells the first of a name from others.
type once map[string]struct{}

func (o once) first(name string) bool {
	_, again := o[name]
	o[name] = struct{}{}
	return !again
}

func newScanner(data []byte) *scanner {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("charset") }
	return &scanner{xml: d, ids: once{}}
}

// fail is an error at the current element.
func (s *scanner) fail(format string, args ...any) error {
	return s.wrap(drm.ErrFormat, format, args...)
}

func (s *scanner) wrap(err error, format string, args ...any) error {
	return &media.FormatError{
		Path: strings.Join(s.path, "/"), Offset: s.xml.InputOffset(),
		Err: fmt.Errorf(format+": %w", append(args, err)...),
	}
}

// token returns the next start or end of an element, or text.
func (s *scanner) token() (xml.Token, error) {
	for {
		t, err := s.xml.Token()
		var syntax *xml.SyntaxError
		switch {
		case err == io.EOF:
			return nil, s.fail("the document ends too early")
		case errors.As(err, &syntax): // its text quotes the input
			return nil, s.fail("no well-formed XML, line %d", syntax.Line)
		case err != nil:
			return nil, s.fail("no XML in UTF-8")
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, s.fail("a document type is not allowed")
		case xml.StartElement:
			if s.elements++; s.elements > maxElements {
				return nil, s.fail("more than %d elements", maxElements)
			}
			for i, a := range t.Attr {
				for _, b := range t.Attr[:i] {
					if a.Name == b.Name {
						return nil, s.fail("an attribute stands twice")
					}
				}
				if i > 64 {
					return nil, s.fail("more than 64 attributes")
				}
			}
			return t, nil
		case xml.EndElement, xml.CharData:
			return t, nil
		}
	}
}

// children calls visit with each child of the element that has just started, through its end. visit reads the child
// through its end; where it returns false the child is skipped.
func (s *scanner) children(visit func(e xml.StartElement) (bool, error)) error {
	for {
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if len(s.path) >= maxDepth {
				return s.fail("elements are nested deeper than %d", maxDepth)
			}
			s.path = append(s.path, label(t.Name))
			known, err := visit(t)
			if err == nil && !known {
				err = s.skip()
			}
			if err != nil {
				return err
			}
			s.path = s.path[:len(s.path)-1]
		}
	}
}

// label names an element in errors: those that the package knows by their name, so that input is not quoted.
func label(n xml.Name) string {
	if n.Space == nsCPIX && len(n.Local) < 40 && utf8.ValidString(n.Local) {
		for _, r := range n.Local {
			if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
				return "*"
			}
		}
		return n.Local
	}
	return "*"
}

// skip reads through the end of the element that has just started.
func (s *scanner) skip() error {
	return s.children(func(xml.StartElement) (bool, error) { return false, nil })
}

// text is the character data of the element that has just started, through its end.
func (s *scanner) text() ([]byte, error) {
	var text []byte
	for {
		t, err := s.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.EndElement:
			return text, nil
		case xml.StartElement:
			return nil, s.fail("there is an element where text should be")
		}
	}
}

// base64 is text, decoded. White space may stand anywhere in it. The result is never nil.
func (s *scanner) base64() ([]byte, error) {
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	return s.decode(text)
}

func (s *scanner) decode(text []byte) ([]byte, error) {
	text = bytes.Join(bytes.Fields(text), nil)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return nil, s.fail("no base64")
	}
	return out[:n], nil
}

// attr is an attribute without namespace; empty: there is none.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
