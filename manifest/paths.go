package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Paths is the default Linker:
//
//	index.m3u8  index.mpd           multivariant playlist, MPD
//	index.v1.m3u8                   media playlist of rendition v1
//	3kf09a/v1/0.init.mp4            initialization segment of Period 0, Timeline version 3kf09a
//	3kf09a/v1/0.k7.init.mp4         the same under the key of key period 7
//	3kf09a/v1/17.m4s                segment 17
type Paths struct{}

const initSuffix = ".init.mp4"

// Link writes r. Refs whose names are not of the form that Ref states give URLs that Parse refuses.
func (Paths) Link(r Ref) string {
	switch r.Kind {
	case Multivariant:
		return r.Name + ".m3u8"
	case Media:
		return r.Name + "." + r.Rendition + ".m3u8"
	case MPD:
		return r.Name + ".mpd"
	case Init:
		return r.Version + "/" + r.Rendition + "/" + r.Period + keyPeriod(r.Key) + initSuffix
	case Segment:
		return r.Version + "/" + r.Rendition + "/" + strconv.FormatUint(r.Number, 10) + "." + r.Ext
	}
	return ""
}

// keyPeriod is the part of a name that tells the key period.
func keyPeriod(key uint64) string {
	if key == 0 {
		return ""
	}
	return ".k" + strconv.FormatUint(key-1, 10)
}

// Template writes r as a DASH SegmentTemplate does (23009-1, 5.3.9.4.4).
func (Paths) Template(r Ref) string {
	dir := r.Version + "/$RepresentationID$/"
	if r.Kind == Init {
		return dir + r.Period + keyPeriod(r.Key) + initSuffix
	}
	return dir + "$Number$." + r.Ext
}

// Parse reads what Link writes, and nothing else.
func (Paths) Parse(path string) (Ref, error) {
	if r, ok := parse(path); ok {
		return r, nil
	}
	return Ref{}, fmt.Errorf("path %q: %w", path, media.ErrNotFound)
}

func parse(path string) (Ref, bool) {
	dir, file, nested := strings.Cut(path, "/")
	if !nested {
		return parseManifest(path)
	}
	version, rest := dir, file
	rendition, name, ok := strings.Cut(rest, "/")
	if !ok || !isID(version) || !isID(rendition) {
		return Ref{}, false
	}
	if period, ok := strings.CutSuffix(name, initSuffix); ok {
		period, key, keyed := strings.Cut(period, ".k")
		r := Ref{Kind: Init, Version: version, Rendition: rendition, Period: period}
		if keyed {
			n, err := strconv.ParseUint(key, 10, 64)
			if r.Key = n + 1; err != nil || r.Key == 0 || keyPeriod(r.Key) != ".k"+key {
				return Ref{}, false
			}
		}
		return r, isID(period)
	}
	digits, ext, ok := strings.Cut(name, ".")
	if !ok || !isExt(ext) {
		return Ref{}, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != digits { // one URL per thing: no signs, no leading zeros
		return Ref{}, false
	}
	return Ref{Kind: Segment, Version: version, Rendition: rendition, Number: n, Ext: ext}, true
}

func parseManifest(path string) (Ref, bool) {
	if name, ok := strings.CutSuffix(path, ".mpd"); ok {
		return Ref{Kind: MPD, Name: name}, isID(name)
	}
	name, ok := strings.CutSuffix(path, ".m3u8")
	if !ok {
		return Ref{}, false
	}
	name, rendition, media := strings.Cut(name, ".")
	if !media {
		return Ref{Kind: Multivariant, Name: name}, isID(name)
	}
	return Ref{Kind: Media, Name: name, Rendition: rendition}, isID(name) && isID(rendition)
}

func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return s != ""
}

func isExt(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}
