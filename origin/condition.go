package origin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Conditions and ranges of RFC 9110, 13 and 14. There is no Last-Modified: two nodes whose copies of a file have other
// times must agree. Conditions on dates are therefore never met, and If-Range with a date gives the whole.

// notModified reports whether the client has the bytes already. In the list of If-None-Match tags are compared weakly
// (13.1.2).
func notModified(r *http.Request, etag string) bool {
	return matches(r.Header.Values("If-None-Match"), etag, true)
}

// checkMatch is If-Match (13.1.1), which compares strongly.
func checkMatch(r *http.Request, etag string) error {
	if v := r.Header.Values("If-Match"); len(v) > 0 && !matches(v, etag, false) {
		return fmt.Errorf("the bytes are %s: %w", etag, errPrecondition)
	}
	return nil
}

func matches(lists []string, etag string, weak bool) bool {
	for _, list := range lists {
		for tag := range strings.SplitSeq(list, ",") { // no tag of ours holds a comma
			tag = strings.TrimSpace(tag)
			if weak {
				tag = strings.TrimPrefix(tag, "W/")
			}
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// span is a range of bytes.
type span struct{ off, n int64 }

// byteRange reads Range (14.2). It returns false where the whole is to be sent: no range, several, a unit that is not
// bytes, a header that breaks the grammar, or an If-Range that names other bytes. It fails with errRange where the range
// lies outside.
func byteRange(r *http.Request, etag string, size int64) (span, bool, error) {
	values := r.Header.Values("Range")
	if len(values) != 1 || r.Method == http.MethodHead && size == 0 {
		return span{}, false, nil
	}
	if c := r.Header.Get("If-Range"); c != "" && c != etag {
		return span{}, false, nil
	}
	unit, set, ok := strings.Cut(values[0], "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(set, ",") {
		return span{}, false, nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	from, okFirst := position(first)
	to, okLast := position(last)
	switch {
	case !ok || !okFirst || !okLast || first == "" && last == "" || first != "" && last != "" && to < from:
		return span{}, false, nil // not of the grammar: as if it were not there
	case first == "": // the last bytes
		if to == 0 || size == 0 {
			return span{}, false, fmt.Errorf("last %d of %d bytes: %w", to, size, errRange)
		}
		n := min(to, size)
		return span{size - n, n}, true, nil
	case from >= size:
		return span{}, false, fmt.Errorf("from byte %d of %d: %w", from, size, errRange)
	case last == "":
		to = size - 1
	}
	return span{from, min(to, size-1) - from + 1}, true, nil
}

// position reads digits; those too large for int64 stand for its end. Empty is 0.
func position(s string) (int64, bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = 1<<63 - 1
	}
	return n, true
}

func contentRange(s span, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.off, s.off+s.n-1, size)
}
