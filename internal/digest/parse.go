package digest

import (
	"fmt"
	"strings"
)

// challenge is one of a WWW-Authenticate or Authorization header: a scheme in lower case and its parameters.
type challenge struct {
	scheme string
	params map[string]string // names in lower case, values unquoted
}

const maxParams = 32

// parseHeader reads a list of challenges (RFC 9110, 11.6.1). A list that breaks off or has a parameter twice is an error
// that matches ErrMalformed.
func parseHeader(s string) ([]challenge, error) {
	var all []challenge
	p := parser{s}
	for {
		p.skip(" \t,")
		if p.rest == "" {
			return all, nil
		}
		name := strings.ToLower(p.token())
		if name == "" {
			return nil, fmt.Errorf("no word where one is due: %w", ErrMalformed)
		}
		p.skip(" \t")
		if !strings.HasPrefix(p.rest, "=") || len(all) == 0 {
			all = append(all, challenge{name, map[string]string{}})
			p.token68()
			continue
		}
		p.rest = p.rest[1:]
		p.skip(" \t")
		value, ok := p.value()
		params := all[len(all)-1].params
		if _, twice := params[name]; twice || !ok || len(params) == maxParams {
			return nil, fmt.Errorf("parameter %.20q is twice, broken or too much: %w", name, ErrMalformed)
		}
		params[name] = value
	}
}

type parser struct{ rest string }

func (p *parser) skip(chars string) { p.rest = strings.TrimLeft(p.rest, chars) }

// token takes a word (RFC 9110, 5.6.2).
func (p *parser) token() string {
	n := strings.IndexFunc(p.rest, func(c rune) bool {
		return c <= ' ' || c >= 0x7F || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
	if n < 0 {
		n = len(p.rest)
	}
	t := p.rest[:n]
	p.rest = p.rest[n:]
	return t
}

// token68 skips the one that Basic and Bearer have in place of parameters.
func (p *parser) token68() {
	n := strings.IndexAny(p.rest, " \t,")
	if n < 0 {
		n = len(p.rest)
	}
	if word := strings.TrimRight(p.rest[:n], "="); n > 0 && !strings.ContainsAny(word, `="`) && !strings.HasPrefix(strings.TrimLeft(p.rest[n:], " \t"), "=") {
		p.rest = p.rest[n:]
	}
}

// value takes a word or a quoted string.
func (p *parser) value() (string, bool) {
	if !strings.HasPrefix(p.rest, `"`) {
		v := p.token()
		return v, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// quote writes a quoted string; control characters, which have no place in one, are left out.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c != 0x7F:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
