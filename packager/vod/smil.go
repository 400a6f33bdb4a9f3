package vod

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mezzomedia/mezzo/internal/language"
	"github.com/mezzomedia/mezzo/packager/media"
)

// SMIL is the files that a SMIL document names.
type SMIL struct {
	Entries []SMILEntry
	Notes   []media.Note // what was ignored
}

// SMILEntry is one video or audio element.
type SMILEntry struct {
	Path     string       // relative to the SMIL file, cleaned
	Only     []media.Kind // what is taken of the file; nil: picture and sound
	Language string       // BCP 47: the document's eng is en
	Label    string
}

// Limits of a SMIL document.
const (
	smilBytes   = 1 << 20
	smilEntries = 1000
)

// ParseSMIL reads a SMIL document as packagers take it for file-based VOD: a switch of video and audio elements.
//
//	<smil><body><switch>
//	  <video name="1080.mp4" systemLanguage="eng" audioName="English"/>
//	  <video name="540.mp4" includeAudio="false"/>
//	  <audio name="fr.m4a" systemLanguage="fra" audioName="Français"/>
//	</switch></body></smil>
//
// The file is name or src, the language systemLanguage or language; audioName labels the sound. Of a video with
// includeAudio="false" only the picture is taken, of an audio element only the sound; where an audio element names the
// file of a video element, it is the one that speaks for the sound. Text streams are not served and get a Note. A document that is no SMIL, names no file, is larger than 1 MiB, or names a file elsewhere (another host,
// an absolute path, a path that climbs) is an error that matches media.ErrFormat.
func ParseSMIL(doc []byte) (*SMIL, error) {
	if len(doc) > smilBytes {
		return nil, fmt.Errorf("SMIL document of %d bytes, more than %d: %w", len(doc), smilBytes, media.ErrFormat)
	}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	dec.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("character set %q, use UTF-8", charset)
	}
	s := &SMIL{}
	root := false
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("SMIL: %w: %w", err, media.ErrFormat)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if !root && el.Name.Local != "smil" {
			return nil, fmt.Errorf("SMIL: the document is a %s: %w", el.Name.Local, media.ErrFormat)
		}
		root = true
		if err := s.add(el); err != nil {
			return nil, err
		}
	}
	if len(s.Entries) == 0 {
		return nil, fmt.Errorf("SMIL: no video or audio element: %w", media.ErrFormat)
	}
	return s, nil
}

func (s *SMIL) add(el xml.StartElement) error {
	attr := map[string]string{}
	for _, a := range el.Attr {
		attr[strings.ToLower(a.Name.Local)] = strings.TrimSpace(a.Value)
	}
	file := firstOf(attr["src"], attr["name"])
	e := SMILEntry{Language: smilLanguage(firstOf(attr["systemlanguage"], attr["language"])), Label: attr["audioname"]}
	switch strings.ToLower(el.Name.Local) {
	case "video":
		if strings.EqualFold(attr["includeaudio"], "false") {
			e.Only = []media.Kind{media.Video}
		}
	case "audio":
		e.Only = []media.Kind{media.Audio}
	case "textstream":
		s.Notes = append(s.Notes, media.Note{Subject: file, Text: "left out: subtitles are not served yet"})
		return nil
	default:
		return nil
	}
	p, err := smilPath(file)
	if err != nil {
		return err
	}
	if len(s.Entries) == smilEntries {
		return fmt.Errorf("SMIL: more than %d files: %w", smilEntries, media.ErrFormat)
	}
	e.Path = p
	s.Entries = append(s.Entries, e)
	return nil
}

// smilLanguage is the tag for the first of a list of languages (SMIL 3.0, 5.5.2), two or three letters alike.
func smilLanguage(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return language.Tag(strings.TrimSpace(first))
}

// smilPath cleans the path of a file; a prefix like mp4: is what some servers write.
func smilPath(file string) (string, error) {
	p := strings.TrimPrefix(strings.TrimPrefix(file, "mp4:"), "file:")
	p = path.Clean(p)
	if file == "" || !valid(p) || strings.Contains(p, ":") {
		return "", fmt.Errorf("SMIL: file %q is not a path below the document's folder: %w", file, media.ErrFormat)
	}
	return p, nil
}

// smil is the asset of a SMIL file.
func (d *Dir) smil(name string, st fs.FileInfo) ([]member, []media.Note, error) {
	if st.Size() > smilBytes {
		return nil, nil, fmt.Errorf("%s has %d bytes, more than %d: %w", name, st.Size(), smilBytes, media.ErrFormat)
	}
	doc, err := fs.ReadFile(d.FS, name)
	if err != nil {
		return nil, nil, err
	}
	s, err := ParseSMIL(doc)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	var members []member
	for _, e := range merge(s.Entries) {
		p := path.Join(path.Dir(name), e.Path)
		st, err := d.stat(p)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !st.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s names %s, which is not there: %w", name, e.Path, media.ErrFormat)
		}
		if err != nil {
			return nil, nil, err
		}
		in := Input{Only: e.Only, Language: e.Language, Label: e.Label}
		members = append(members, member{path: p, version: fileID(st), input: in})
	}
	return members, s.Notes, nil
}

// merge takes each picture and each sound once: the sound as the first audio element says, or else the first video
// element that includes it.
func merge(entries []SMILEntry) []SMILEntry {
	type part struct {
		path string
		kind media.Kind
	}
	taken := map[part]bool{}
	named := map[string]bool{} // files with an audio element
	for _, e := range entries {
		named[e.Path] = named[e.Path] || slices.Contains(e.Only, media.Audio)
	}
	var out []SMILEntry
	for _, e := range entries {
		kinds := e.Only
		if kinds == nil {
			kinds = []media.Kind{media.Video, media.Audio}
			if named[e.Path] {
				kinds = kinds[:1]
			}
		}
		var only []media.Kind
		for _, k := range kinds {
			if !taken[part{e.Path, k}] {
				taken[part{e.Path, k}] = true
				only = append(only, k)
			}
		}
		switch len(only) {
		case 0:
			continue
		case 2:
			only = nil
		}
		e.Only = only
		out = append(out, e)
	}
	return out
}
