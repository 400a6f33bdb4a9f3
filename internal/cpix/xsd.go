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

// maxDuration bounds what parseDuration takes: two centuries.
const maxDuration = 200 * 366 * 24 * time.Hour

// parseDuration reads an xs:duration without sign, years and months: those have no length.
func parseDuration(s string) (time.Duration, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), "P")
	if !ok || len(s) > 40 {
		return 0, errLexical
	}
	days, clock, timed := strings.Cut(rest, "T")
	if days == "" && !timed || timed && clock == "" {
		return 0, errLexical
	}
	var sum time.Duration
	for _, part := range []struct {
		text, units string
	}{{days, "D"}, {clock, "HMS"}} {
		d, err := addUnits(part.text, part.units)
		if err != nil {
			return 0, err
		}
		if sum += d; sum > maxDuration {
			return 0, errLexical
		}
	}
	return sum, nil
}

// addUnits sums numbers with units, each of which may stand once and in the order given.
func addUnits(text, units string) (sum time.Duration, err error) {
	for text != "" {
		n := strings.IndexAny(text, units)
		if n < 0 {
			return 0, errLexical
		}
		unit := time.Second
		switch text[n] {
		case 'D':
			unit = 24 * time.Hour
		case 'H':
			unit = time.Hour
		case 'M':
			unit = time.Minute
		}
		whole, fraction, dot := strings.Cut(text[:n], ".")
		if dot && (unit != time.Second || fraction == "") {
			return 0, errLexical
		}
		count, err := strconv.ParseUint(whole, 10, 63)
		nanos, err2 := strconv.ParseUint((fraction + "000000000")[:9], 10, 63)
		if err != nil || err2 != nil || count > uint64(maxDuration/unit) {
			return 0, errLexical
		}
		if sum += time.Duration(count)*unit + time.Duration(nanos); sum > maxDuration {
			return 0, errLexical
		}
		units = units[strings.IndexByte(units, text[n])+1:]
		text = text[n+1:]
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
