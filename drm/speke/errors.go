package speke

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/drm"
)

// Error is an answer that is not 200. It matches drm.ErrNoKey for 404 and 410, drm.ErrUnavailable for 408, 425, 429 and
// all of 5xx, and else drm.ErrRefused.
type Error struct {
	Status     int           // HTTP
	Message    string        // one of those that SPEKE lists; empty: the server said something else, which is not repeated
	RetryAfter time.Duration // what the server asks to wait; 0: it said nothing
}

func (e *Error) Error() string {
	s := fmt.Sprintf("the key server answered %d %s", e.Status, http.StatusText(e.Status))
	switch {
	case e.Status >= 300 && e.Status < 400:
		s += ": redirects are not followed, give the URL that answers"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		s += ": check Auth, Header and certificates"
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Is places the status.
func (e *Error) Is(target error) bool {
	switch e.Status {
	case http.StatusNotFound, http.StatusGone:
		return target == drm.ErrNoKey
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return target == drm.ErrUnavailable
	}
	if e.Status >= 500 {
		return target == drm.ErrUnavailable
	}
	return target == drm.ErrRefused
}

// message is the text of an error answer if SPEKE lists it, perhaps in a body around it; else empty.
func message(body string) string {
	for _, m := range []string{
		"Missing CPIX@contentId", "Missing CPIX@version", "Unsupported CPIX@version", "Unsupported SPEKE version",
		"Missing ContentKey@commonEncryptionScheme", "Non compliant ContentKey@commonEncryptionScheme combination",
		"ContentKey@commonEncryptionScheme non compatible with DRMSystem", "Malformed encryption contract",
		"Requested CPIX encryption contract not supported", "Missing CPIX encryption contract",
	} {
		if strings.Contains(body, m) {
			return m
		}
	}
	return ""
}

// refused is an error that matches drm.ErrRefused.
func refused(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, drm.ErrRefused)...)
}
