package speketest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// Kind is a way in which a server errs.
type Kind string

// Of the answer as a whole.
const (
	Status     Kind = "status"     // Fault.Status, Message and RetryAfter
	Hang       Kind = "hang"       // no answer until the client goes
	Drop       Kind = "drop"       // the connection is closed without an answer
	Truncated  Kind = "truncated"  // the connection breaks in the middle of the body
	Unfinished Kind = "unfinished" // the document ends too early, the body does not
	Endless    Kind = "endless"    // a body that goes on until the client goes, or for 1 GiB
	Huge       Kind = "huge"       // the same with a Content-Length of 1 GiB
	Malformed  Kind = "malformed"  // no XML
	Entities   Kind = "entities"   // XML whose entities grow to gigabytes
	Deep       Kind = "deep"       // 100,000 elements, one in the other
	HTML       Kind = "html"       // a page, as proxies send it with a status of 200
	NoHeaders  Kind = "no headers" // neither X-Speke-Version nor X-Speke-User-Agent nor Content-Type
	Redirect   Kind = "redirect"   // to another host
)

// Of the document.
const (
	WrongVersion  Kind = "wrong version"  // X-Speke-Version and CPIX@version
	OtherContent  Kind = "other content"  // CPIX@contentId
	WrongKeyID    Kind = "wrong key id"   // one key has another id, where its systems and rule have the right one
	ReplaceKeyIDs Kind = "replace ids"    // all ids are others, everywhere: SPEKE allows that
	StaleKeyIDs   Kind = "stale ids"      // the same, but boxes, headers and tags name the old ones
	MissingKey    Kind = "missing key"    // one key is not there
	NoValue       Kind = "no value"       // one key has no value
	ShortKey      Kind = "short key"      // one key has 15 bytes
	DoubleKey     Kind = "double key"     // one key is there twice
	OtherScheme   Kind = "other scheme"   // commonEncryptionScheme
	MissingSystem Kind = "missing system" // one system is told nothing
	EmptyElement  Kind = "empty element"  // one system is told less than was asked
	WrongPSSH     Kind = "wrong pssh"     // PSSH is another box than the one in ContentProtectionData
	WrongHLS      Kind = "wrong hls"      // the tag of the multivariant playlist is another than that of media playlists
	OtherContract Kind = "other contract" // the filters of a usage rule; in SPEKE 1, its key id
	OtherPeriod   Kind = "other period"   // the id of a key period
	ClearKeys     Kind = "clear keys"     // not encrypted though there was a certificate
	WrongMAC      Kind = "wrong mac"      // ValueMAC of encrypted keys
)

// Kinds are all there are.
func Kinds() []Kind {
	return []Kind{Status, Hang, Drop, Truncated, Unfinished, Endless, Huge, Malformed, Entities, Deep, HTML, NoHeaders, Redirect,
		WrongVersion, OtherContent, WrongKeyID, ReplaceKeyIDs, StaleKeyIDs, MissingKey, NoValue, ShortKey, DoubleKey, OtherScheme, MissingSystem,
		EmptyElement, WrongPSSH, WrongHLS, OtherContract, OtherPeriod, ClearKeys, WrongMAC}
}

// Fault makes some requests fail. With Delay alone they are slow.
type Fault struct {
	Kind    Kind
	Content string        // only requests about this content id; empty: all
	Every   int           // only the n-th, 2n-th … of those; 0 or 1: each
	Times   int           // only so many; 0: without end
	Delay   time.Duration // before the answer

	Status     int    // of Kind Status; 0: 500
	Message    string // of Kind Status
	RetryAfter int    // of Kind Status, seconds; 0: not said
}

// SetFaults replaces all faults. Of those that match a request the first is applied.
func (h *Handler) SetFaults(faults ...Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults, h.seen = faults, make([]int, len(faults))
}

// fault finds the one for a request.
func (h *Handler) fault(r *Request) (Fault, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, f := range h.faults {
		if f.Content != "" && f.Content != r.Content {
			continue
		}
		h.seen[i]++
		every := max(1, f.Every)
		if n := h.seen[i] / every; h.seen[i]%every == 0 && (f.Times == 0 || n <= f.Times) {
			return f, true
		}
	}
	return Fault{}, false
}

// before does what comes in place of an answer, and reports whether that was all.
func (f *Fault) before(w http.ResponseWriter, r *http.Request) (done bool) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return true
		}
	}
	switch f.Kind {
	case Hang:
		<-r.Context().Done()
	case Drop:
		panic(http.ErrAbortHandler)
	case Redirect:
		http.Redirect(w, r, "http://redirected.invalid/", http.StatusTemporaryRedirect)
	case Status:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		status := f.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		http.Error(w, f.Message, status)
	default:
		return false
	}
	return true
}

// change falsifies a document that is filled.
func (f *Fault) change(d *cpix.Document) {
	last, lastSystem := &d.Keys[len(d.Keys)-1], &d.Systems[len(d.Systems)-1]
	switch f.Kind {
	case WrongVersion:
		d.Version = "2.9"
	case OtherContent:
		d.ContentID, d.ID = flip(d.ContentID), flip(d.ID)
	case WrongKeyID:
		last.KID = replaced(last.KID)
	case StaleKeyIDs:
		replaceKeyIDs(d)
	case MissingKey:
		d.Keys = d.Keys[:len(d.Keys)-1]
	case NoValue:
		last.Value = drm.Secret{}
	case DoubleKey:
		d.Keys = append(d.Keys, *last)
	case OtherScheme:
		for i := range d.Keys {
			if s := &d.Keys[i].Scheme; *s == string(drm.CENC) {
				*s = string(drm.CBCS)
			} else {
				*s = string(drm.CENC)
			}
		}
	case MissingSystem:
		d.Systems = d.Systems[:len(d.Systems)-1]
	case EmptyElement:
		for _, p := range []*[]byte{&lastSystem.PSSH, &lastSystem.HLSMedia, &lastSystem.URIExtXKey} {
			if *p != nil {
				*p = []byte{}
				break
			}
		}
	case WrongPSSH:
		for i := range d.Systems {
			if n := len(d.Systems[i].PSSH); n > 32 {
				d.Systems[i].PSSH[n-1] ^= 1
			}
		}
	case WrongHLS:
		for i := range d.Systems {
			if s := &d.Systems[i]; len(s.HLSMaster) > 0 {
				s.HLSMaster = bytes.Replace(s.HLSMaster, []byte(`URI="`), []byte(`URI="x`), 1)
			}
		}
	case OtherContract:
		f.changeContract(d)
	case OtherPeriod:
		f.changePeriods(d)
	}
}

func (f *Fault) changeContract(d *cpix.Document) {
	if len(d.Rules) == 0 {
		return
	}
	switch r := &d.Rules[len(d.Rules)-1]; {
	case d.Version == "":
		r.KID = replaced(r.KID)
	case len(r.Audio) > 0:
		r.Audio[0].MinChannels += 2
	default:
		r.Video[0].MinPixels += 2
	}
}

func (f *Fault) changePeriods(d *cpix.Document) {
	for i := range d.Periods {
		d.Periods[i].ID = flip(d.Periods[i].ID)
	}
	for i := range d.Rules {
		for j := range d.Rules[i].Periods {
			d.Rules[i].Periods[j] = flip(d.Rules[i].Periods[j])
		}
	}
}

// flip changes the last letter.
func flip(s string) string {
	if s == "" {
		return ""
	}
	return s[:len(s)-1] + string("10"[strings.Count(s[len(s)-1:], "1")])
}

// replaced is the id that the server gives to a key in place of the one asked for.
func replaced(id drm.KeyID) drm.KeyID {
	sum := sha256.Sum256(append([]byte("replaced "), id[:]...))
	return drm.KeyID(sum[:16])
}

func replaceKeyIDs(d *cpix.Document) {
	for i := range d.Keys {
		d.Keys[i].KID = replaced(d.Keys[i].KID)
	}
	for i := range d.Systems {
		d.Systems[i].KID = replaced(d.Systems[i].KID)
	}
	for i := range d.Rules {
		d.Rules[i].KID = replaced(d.Rules[i].KID)
	}
}

// rewrite falsifies the text.
func (f *Fault) rewrite(text []byte, d *cpix.Document) []byte {
	switch f.Kind {
	case ShortKey:
		if v, ok := d.Keys[len(d.Keys)-1].Value.Reveal(); ok {
			long, short := base64.StdEncoding.EncodeToString(v[:]), base64.StdEncoding.EncodeToString(v[:15])
			return bytes.Replace(text, []byte(long), []byte(short), 1)
		}
	case Unfinished:
		return text[:len(text)*2/3]
	case Malformed:
		return []byte("<cpix:CPIX xmlns:cpix=urn:dashif:org:cpix></CPIX>")
	case HTML:
		return []byte("<!DOCTYPE html><html><body><h1>It works!</h1></body></html>")
	case Entities:
		var b strings.Builder
		b.WriteString("<!DOCTYPE x [<!ENTITY e0 \"ha\">")
		for i := 1; i < 30; i++ {
			n, before := strconv.Itoa(i), strconv.Itoa(i-1)
			b.WriteString("<!ENTITY e" + n + ` "` + strings.Repeat("&e"+before+";", 10) + `">`)
		}
		b.WriteString(`]><cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" contentId="&e29;"/>`)
		return []byte(b.String())
	case Deep:
		return []byte(`<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix">` + strings.Repeat("<a>", 100_000))
	}
	return text
}

const gibibyte = 1 << 30

// send writes the answer.
func (f *Fault) send(w http.ResponseWriter, r *http.Request, answer []byte) {
	switch f.Kind {
	case NoHeaders:
		clear(w.Header())
		w.Header()["Content-Type"] = nil // else net/http guesses one
	case WrongVersion:
		if w.Header().Get("X-Speke-Version") != "" {
			w.Header().Set("X-Speke-Version", "9.0")
		}
	case Truncated:
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer[:len(answer)/2])
		panic(http.ErrAbortHandler)
	case Huge, Endless:
		if f.Kind == Huge {
			w.Header().Set("Content-Length", strconv.Itoa(gibibyte))
		}
		flood(w, r, answer)
		return
	}
	_, _ = w.Write(answer) // the client may be gone
}

// flood sends the document with space before its last tag, up to a gibibyte.
func flood(w http.ResponseWriter, r *http.Request, answer []byte) {
	end := bytes.LastIndexByte(answer, '<')
	n, err := w.Write(answer[:end])
	space := bytes.Repeat([]byte(" "), 64<<10)
	for err == nil && r.Context().Err() == nil && n < gibibyte {
		var m int
		m, err = w.Write(space[:min(len(space), gibibyte-n)])
		n += m
	}
}
