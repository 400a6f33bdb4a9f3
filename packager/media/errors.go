package media

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that callers test with errors.Is. Everything mezzo returns for bad input, a missing thing or a wrong time wraps
// one of them.
var (
	ErrNotFound    = errors.New("not found")         // no such presentation, rendition or segment, now or ever
	ErrNotYet      = errors.New("not yet available") // announced or possible, but not produced yet
	ErrGone        = errors.New("no longer available")
	ErrFormat      = errors.New("malformed input")
	ErrUnsupported = errors.New("unsupported")
	ErrChanged     = errors.New("object changed while it was read") // Object.Version no longer holds
)

// FormatError says where input breaks a rule. It matches ErrFormat, or ErrUnsupported where Err does.
type FormatError struct {
	Name   string // file or object, where known
	Path   string // box path, as moov/trak[1]/mdia/minf/stbl/stsz
	Offset int64  // of the box in the object, bytes; -1: unknown
	Err    error  // what is wrong, and the rule (specification and clause)
}

func (e *FormatError) Error() string {
	var b strings.Builder
	if e.Name != "" {
		b.WriteString(e.Name + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path)
		if e.Offset >= 0 {
			fmt.Fprintf(&b, " at byte %d", e.Offset)
		}
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%v", e.Err)
	return b.String()
}

func (e *FormatError) Unwrap() error { return e.Err }

// Is makes every FormatError an ErrFormat, unless it says that the input is legal and only unsupported.
func (e *FormatError) Is(target error) bool {
	return target == ErrFormat && !errors.Is(e.Err, ErrUnsupported)
}
