package drm

import (
	"errors"
	"fmt"
	"time"
)

// Errors of this package and of providers; match them with errors.Is.
var (
	// ErrNoKey: the provider has no key for what was asked. To ask again is of no use.
	ErrNoKey = errors.New("no key")
	// ErrUnavailable: the provider could not be asked, or failed. To ask again later may help; package origin answers 503.
	ErrUnavailable = errors.New("key provider unavailable")
	// ErrRefused: a request, a provider or its answer breaks the rules that both have to keep: a malformed contract,
	// credentials that are not taken, a wrong key id, a system that was asked for and is missing, another contract than the
	// one sent. To ask again is of no use until the settings of one side are mended.
	ErrRefused = errors.New("key request or answer refused")
	// ErrKeyLength: a key or an IV has the wrong number of bytes.
	ErrKeyLength = errors.New("wrong key length")
	// ErrFormat: text, XML or a box that cannot be read.
	ErrFormat = errors.New("malformed")
	// ErrIncompatible: scheme, systems, container or codec do not go together.
	ErrIncompatible = errors.New("incompatible protection")
)

// UnavailableError is an ErrUnavailable that knows when to ask again: HTTP's Retry-After.
type UnavailableError struct {
	RetryAfter time.Duration // from now; 0: unknown
	Err        error         // why; nil: not known
}

func (e *UnavailableError) Error() string {
	switch {
	case e.Err == nil && e.RetryAfter <= 0:
		return ErrUnavailable.Error()
	case e.Err == nil:
		return fmt.Sprintf("%v, ask again in %v", ErrUnavailable, e.RetryAfter)
	case e.RetryAfter <= 0:
		return e.Err.Error()
	}
	return fmt.Sprintf("%v, ask again in %v", e.Err, e.RetryAfter)
}

// Unwrap returns Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Is makes it match ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }
