package cpix

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errLexical = errors.New("not of this type")

// parseTime reads an xs:dateTime; without a zone it is UTC.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if len(s) > 40 {
		return time.Time{}, errLexical
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", s)
	}
	if err != nil || t.IsZero() {
		return time.Time{}, errLexical
	}
	return t.UTC(), nil
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// parseDuration reads an xs:duration without years and months, which have no length, and without sign.
func parseDuration(s string) (time.Duration, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), "P")
	if !ok || len(s) > 40 || rest == "" || strings.HasSuffix(rest, "T") {
		return 0, errLexical
	}
	var total float64
	units := "DTHMS"
	var sum time.Duration
	for rest != "" {
		if rest[0] == 'T' && strings.HasPrefix(units, "T") || rest[0] == 'T' && strings.HasPrefix(units, "DT") {
			rest, units = rest[1:], "HMS"
			continue
		}
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n <= 0 {
			return 0, errLexical
		}
		i := strings.IndexByte(units, rest[n])
		if i < 0 || rest[n] == 'T' {
			return 0, errLexical
		}
		unit := map[byte]time.Duration{'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}[rest[n]]
		whole, fraction, dot := strings.Cut(rest[:n], ".")
		if dot && (unit != time.Second || fraction == "") {
			return 0, errLexical
		}
		v, err := strconv.ParseUint(whole, 10, 32)
		if err != nil {
			return 0, errLexical
		}
		nanos, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
		if err != nil {
			return 0, errLexical
		}
		if total += float64(v) * unit.Seconds(); total > 250*365*24*3600 {
			return 0, errLexical
		}
		sum += time.Duration(v)*unit + time.Duration(nanos)
		rest, units = rest[n+1:], units[i+1:]
	}
	return sum, nil
}

// formatDuration writes an xs:duration in seconds.
func formatDuration(d time.Duration) string {
	s := "PT" + strconv.FormatInt(int64(d/time.Second), 10)
	if n := int64(d % time.Second); n > 0 {
		nanos := strconv.FormatInt(n, 10)
		s += "." + strings.TrimRight(strings.Repeat("0", 9-len(nanos))+nanos, "0")
	}
	return s + "S"
}
