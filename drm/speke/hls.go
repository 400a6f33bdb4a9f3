package speke

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mezzomedia/mezzo/drm"
)

// attribute is one of an attribute list, the value as it stands, with its quotes (8216bis, 4.2).
type attribute struct{ name, value string }

type attributes []attribute

// maxAttributes is the most that a tag may have; 8216bis has six.
const maxAttributes = 64

func (a attributes) get(name string) string {
	for _, x := range a {
		if x.name == name {
			return strings.Trim(x.value, `"`)
		}
	}
	return ""
}

func (a attributes) String() string {
	var b strings.Builder
	for i, x := range a {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(x.name + "=" + x.value)
	}
	return b.String()
}

// same reports whether two lists have the same attributes, in any order.
func (a attributes) same(b attributes) bool {
	order := func(x, y attribute) int { return strings.Compare(x.name, y.name) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// parseTag reads the one line that HLSSignalingData holds.
func parseTag(line []byte, tag string) (attributes, error) {
	text := string(bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))))
	list, ok := strings.CutPrefix(text, tag+":")
	if !ok {
		return nil, fmt.Errorf("it is no %s: %w", tag, drm.ErrFormat)
	}
	return parseAttributes(list)
}

// parseAttributes reads an attribute list. METHOD is put first.
func parseAttributes(list string) (attributes, error) {
	var all attributes
	for list != "" {
		if len(all) == maxAttributes {
			return nil, fmt.Errorf("the tag has more than %d attributes: %w", maxAttributes, drm.ErrFormat)
		}
		name, rest, ok := strings.Cut(list, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || !plainName(name) || slices.ContainsFunc(all, func(a attribute) bool { return a.name == name }) {
			return nil, fmt.Errorf("an attribute has a malformed name, or stands twice: %w", drm.ErrFormat)
		}
		n := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			end := strings.IndexByte(rest[1:], '"') + 1
			if n = end + 1; end == 0 || n < len(rest) && rest[n] != ',' {
				return nil, fmt.Errorf("%s is not quoted well: %w", name, drm.ErrFormat)
			}
		}
		if n < 0 || n > len(rest) {
			n = len(rest)
		}
		value := rest[:n]
		if value == "" || !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7F }) ||
			value[0] != '"' && strings.ContainsAny(value, "\" \t") {
			return nil, fmt.Errorf("%s has a malformed value: %w", name, drm.ErrFormat)
		}
		all = append(all, attribute{name, value})
		list = strings.TrimPrefix(rest[n:], ",")
		if list == "" && n < len(rest) {
			return nil, fmt.Errorf("the attribute list ends with a comma: %w", drm.ErrFormat)
		}
		list = strings.TrimLeft(list, " ")
	}
	i := slices.IndexFunc(all, func(a attribute) bool { return a.name == "METHOD" })
	if i < 0 {
		return nil, fmt.Errorf("METHOD is missing: %w", drm.ErrFormat)
	}
	method := all[i]
	return slices.Insert(slices.Delete(all, i, i+1), 0, method), nil
}

// keyFormat is the KEYFORMAT of a system; empty: it is not known.
func keyFormat(id drm.SystemID) string {
	switch id {
	case drm.Widevine:
		return "urn:uuid:" + string(id)
	case drm.PlayReady:
		return "com.microsoft.playready"
	case drm.FairPlay:
		return "com.apple.streamingkeydelivery"
	case drm.Identity, drm.IdentitySPEKE1:
		return "identity"
	}
	return ""
}

// fitTag holds the attributes against scheme and system. METHOD is set to that of the scheme, since servers write
// SAMPLE-AES for cenc; SCHEME is no attribute of HLS and dropped. An IV becomes that of a key that has none.
func (q *query) fitTag(id drm.SystemID, a attributes, key *drm.Key) (attributes, error) {
	method, want := a.get("METHOD"), q.req.Scheme.Method()
	sample := func(m string) bool { return m == "SAMPLE-AES" || m == "SAMPLE-AES-CTR" }
	if method != want && !(sample(method) && sample(want)) {
		return nil, refused("METHOD does not go with scheme %s", q.req.Scheme)
	}
	a[0].value = want
	format := a.get("KEYFORMAT")
	known := keyFormat(id)
	if identity := known == "identity"; known != "" && !strings.EqualFold(format, known) && !(identity && format == "") {
		return nil, refused("KEYFORMAT is not that of the system")
	}
	if known == "" && format == "" { // players would take it for identity
		return nil, refused("the tag has no KEYFORMAT")
	}
	if a.get("URI") == "" {
		return nil, refused("the tag has no URI")
	}
	if a.get("SCHEME") != "" {
		if !q.client.Lenient {
			return nil, refused("the tag has an attribute SCHEME")
		}
		a = slices.DeleteFunc(a, func(x attribute) bool { return x.name == "SCHEME" })
	}
	return a, fitIV(a.get("IV"), key)
}

func fitIV(text string, key *drm.Key) error {
	if text == "" {
		return nil
	}
	digits, ok := strings.CutPrefix(strings.ToLower(text), "0x")
	iv, err := hex.DecodeString(strings.Repeat("0", max(0, 32-len(digits))) + digits)
	if !ok || err != nil || len(iv) != 16 {
		return fmt.Errorf("%w: IV of the tag is not 0x and 32 digits: %w", drm.ErrRefused, drm.ErrKeyLength)
	}
	if key.IV == nil {
		key.IV = iv
	}
	if own := key.ConstantIV(); !bytes.Equal(own[:], iv) {
		return refused("IV of the tag is not that of the key")
	}
	return nil
}
