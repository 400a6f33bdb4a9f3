package e2e

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// secrets are what must not be found, and what is searched for it. Safe for concurrent use.
type secrets struct {
	mu    sync.Mutex
	known map[string]string // value to name
	texts map[string]string // each once, to where it came from
	index *leakIndex        // of all that are known, once nothing is added any more
	found []string
	bytes int
}

// add names a secret.
func (s *secrets) add(name string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]string{}
	}
	s.known[string(value)] = name
}

func (s *secrets) key(name string, k drm.Secret) {
	if v, ok := k.Reveal(); ok {
		s.add(name, v[:])
	}
}

// see takes what somebody may see. It is searched by leaks, or at once after settle.
func (s *secrets) see(where string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += len(text)
	if s.index != nil {
		s.search(where, string(text))
		return
	}
	if s.texts == nil {
		s.texts = map[string]string{}
	}
	if _, ok := s.texts[string(text)]; !ok {
		s.texts[string(text)] = where
	}
}

// settle says that all secrets are known, and searches what was seen so far.
func (s *secrets) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index = newLeakIndex(s.known)
	for text, where := range s.texts {
		s.search(where, text)
	}
	s.texts = nil
}

func (s *secrets) search(where, text string) {
	if n := s.index.find(text); n != nil {
		s.found = append(s.found, where+": "+n.name)
	}
}

// leaks are the texts in which there are secrets, whole or by halves.
func (s *secrets) leaks() []string {
	s.settle()
	slices.Sort(s.found)
	return s.found
}

// spelled are the ways in which bytes may stand in a text, with each of the three places that base64 gives them.
func spelled(secret []byte) map[string]string {
	var decimal, prefixed []string
	for _, b := range secret {
		decimal, prefixed = append(decimal, fmt.Sprint(b)), append(prefixed, fmt.Sprintf("0x%x", b))
	}
	digits := hex.EncodeToString(secret)
	all := map[string]string{
		"raw": string(secret), "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`), "escaped": url.QueryEscape(string(secret)),
		"hex": digits, "HEX": strings.ToUpper(digits), "spaced hex": fmt.Sprintf("% x", secret), "spaced HEX": fmt.Sprintf("% X", secret),
		"decimal": strings.Join(decimal, " "), "JSON": strings.Join(decimal, ","), "Go": strings.Join(prefixed, ", "),
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		whole := len(padded) / 3 * 4
		first := []int{0, 2, 3}[shift] // characters that tell of what comes before
		for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			all[fmt.Sprint(name, " ", shift)] = enc.EncodeToString(padded)[first:whole]
		}
	}
	return all
}

// guid is a key or id as PlayReady writes it.
func guid(b []byte) []byte {
	g := drm.KeyID(b).GUID()
	return g[:]
}

type needle struct{ name, text string }

// leakIndex finds many texts at once, by their first eight bytes.
type leakIndex struct {
	by     map[uint64][]needle
	filter [1 << 16]bool
}

func newLeakIndex(known map[string]string) *leakIndex {
	x := &leakIndex{by: map[uint64][]needle{}}
	for value, name := range known {
		forms := map[string][]byte{"": []byte(value)}
		if len(value) == 16 {
			forms[" as a GUID"] = guid([]byte(value))
		}
		for form, v := range forms {
			parts := [][]byte{v}
			if len(v) >= 16 {
				parts = append(parts, v[:len(v)/2], v[len(v)/2:])
			}
			for _, part := range parts {
				for spelling, text := range spelled(part) {
					if len(text) < 8 {
						continue
					}
					head := binary.LittleEndian.Uint64([]byte(text))
					x.by[head] = append(x.by[head], needle{name + form + ", " + spelling, text})
					x.filter[uint16(head^head>>24)] = true
				}
			}
		}
	}
	return x
}

func (x *leakIndex) find(text string) *needle {
	head := uint64(0)
	for i := range len(text) {
		if head = head>>8 | uint64(text[i])<<56; i < 7 || !x.filter[uint16(head^head>>24)] {
			continue
		}
		for _, n := range x.by[head] {
			if strings.HasPrefix(text[i-7:], n.text) {
				return &n
			}
		}
	}
	return nil
}

// TestLeakSearch: the search finds each spelling, wherever it stands, and nothing else.
func TestLeakSearch(t *testing.T) {
	secret, err := hex.DecodeString("f19c35d2a7b86e4f0d1b2c93e8a47f56")
	require.NoError(t, err)
	for _, form := range [][]byte{secret, guid(secret), secret[:8], secret[8:]} {
		for _, before := range []string{"", "a", "ab", "abc"} {
			for spelling, text := range spelled(form) {
				var s secrets
				s.add("key", secret)
				s.see("text", []byte(before+text+" and more"))
				require.Len(t, s.leaks(), 1, "%s %x", spelling, form)
			}
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} { // with what is around it
				var s secrets
				s.add("key", secret)
				s.see("text", []byte(enc.EncodeToString([]byte(before+string(form)+"tail"))))
				require.Len(t, s.leaks(), 1)
			}
		}
	}
	for _, print := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d"} {
		var s secrets
		s.add("key", secret)
		s.see("text", fmt.Appendf(nil, print, struct{ V []byte }{secret}))
		require.Len(t, s.leaks(), 1, print)
	}
	var s secrets
	s.add("key", secret)
	s.see("text", []byte("nothing of interest, and f19c35d2 alone"))
	require.Empty(t, s.leaks())
}
