package speke_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// Answers that break a rule, and what becomes of them where Lenient waives it.
func TestAnswerRefused(t *testing.T) {
	system := func(id drm.SystemID, change func(y *cpix.DRMSystem)) func(d *cpix.Document) {
		return func(d *cpix.Document) {
			for i := range d.Systems {
				if d.Systems[i].System == id {
					change(&d.Systems[i])
				}
			}
		}
	}
	replace := func(old, new string) func(b []byte) []byte {
		return func(b []byte) []byte {
			require.Contains(t, string(b), old)
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		}
	}
	for name, tt := range map[string]struct {
		change  func(d *cpix.Document)
		text    func(b []byte) []byte
		header  func(h http.Header)
		also    error // besides drm.ErrRefused
		lenient bool  // Lenient takes it
	}{
		"other content":         {change: func(d *cpix.Document) { d.ContentID = "other" }},
		"other version":         {change: func(d *cpix.Document) { d.Version = "2.4" }},
		"other scheme":          {change: func(d *cpix.Document) { d.Keys[1].Scheme = "cenc" }},
		"a key less":            {change: func(d *cpix.Document) { d.Keys = d.Keys[:3] }},
		"a key more":            {change: func(d *cpix.Document) { d.Keys = append(d.Keys, cpix.ContentKey{KID: drm.KeyID{9}}) }},
		"a key without value":   {change: func(d *cpix.Document) { d.Keys[2].Value = drm.Secret{} }},
		"key id not everywhere": {change: func(d *cpix.Document) { d.Keys[0].KID = drm.KeyID{1} }},
		"one key for two": {change: func(d *cpix.Document) {
			d.Rules[1].KID = d.Rules[0].KID
		}},
		"a system less": {change: func(d *cpix.Document) { d.Systems = d.Systems[1:] }},
		"a system for none": {change: func(d *cpix.Document) {
			d.Systems = append(d.Systems, cpix.DRMSystem{KID: drm.KeyID{7}, System: drm.Marlin})
		}},
		"PSSH empty":          {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.PSSH = []byte{} }), lenient: true},
		"HLS missing":         {change: system(drm.FairPlay, func(y *cpix.DRMSystem) { y.HLSMedia, y.HLSMaster = nil, nil })},
		"session key missing": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) { y.HLSMaster = nil }), lenient: true},
		"PSSH of another":     {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.PSSH[20] ^= 1 }), also: drm.ErrFormat},
		"PSSH too short":      {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.PSSH = y.PSSH[:31] }), also: drm.ErrFormat},
		"inner pssh differs":  {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.PSSH[len(y.PSSH)-1] ^= 1 })},
		"inner XML broken":    {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.ContentProtectionData = []byte("<a><b></a>") }), also: drm.ErrFormat},
		"tags differ": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) {
			y.HLSMaster = bytes.Replace(y.HLSMaster, []byte("skd://"), []byte("skd://x"), 1)
		}), lenient: true},
		"wrong tag": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) { y.HLSMedia = y.HLSMaster }), also: drm.ErrFormat},
		"two tags":  {change: system(drm.FairPlay, func(y *cpix.DRMSystem) { y.HLSMedia = append(append(y.HLSMedia, '\n'), y.HLSMedia...) }), also: drm.ErrFormat},
		"METHOD=NONE": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) {
			y.HLSMedia = bytes.Replace(y.HLSMedia, []byte("SAMPLE-AES"), []byte("NONE"), 1)
		})},
		"KEYFORMAT of another": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) {
			y.HLSMedia = bytes.Replace(y.HLSMedia, []byte("com.apple"), []byte("com.other"), 1)
		})},
		"SCHEME": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) {
			y.HLSMedia, y.HLSMaster = append(y.HLSMedia, ",SCHEME=cbcs"...), append(y.HLSMaster, ",SCHEME=cbcs"...)
		}), lenient: true},
		"IV of another": {change: system(drm.FairPlay, func(y *cpix.DRMSystem) {
			y.HLSMedia = append(y.HLSMedia, ",IV=0x00000000000000000000000000000001"...)
		})},
		"level that breaks a line":         {change: func(d *cpix.Document) { d.Keys[0].HLSLevel = "NONE\n#X" }},
		"configuration that breaks a line": {change: system(drm.Widevine, func(y *cpix.DRMSystem) { y.AllowedCPC = `a"` })},
		"no rules":                         {change: func(d *cpix.Document) { d.Rules = nil }, lenient: true},
		"a rule less":                      {change: func(d *cpix.Document) { d.Rules = d.Rules[1:] }},
		"another filter":                   {change: func(d *cpix.Document) { d.Rules[1].Video[0].MinPixels++ }},
		"another label":                    {change: func(d *cpix.Document) { d.Rules[1].Track = "FHD" }},
		"no periods":                       {change: func(d *cpix.Document) { d.Periods = nil }, lenient: true},
		"another period":                   {change: func(d *cpix.Document) { *d.Periods[0].Index++ }},
		"another period id":                {change: func(d *cpix.Document) { d.Periods[0].ID += "0" }},
		"rule of another period":           {change: func(d *cpix.Document) { d.Rules[0].Periods[0] += "0" }},
		"no version":                       {header: func(h http.Header) { h.Del("X-Speke-Version") }, lenient: true},
		"wrong version":                    {header: func(h http.Header) { h.Set("X-Speke-Version", "1.0") }, lenient: true},
		"no user agent":                    {header: func(h http.Header) { h.Del("X-Speke-User-Agent") }, lenient: true},
		"a page":                           {header: func(h http.Header) { h.Set("Content-Type", "text/html") }, lenient: true},
		"another charset":                  {header: func(h http.Header) { h.Set("Content-Type", "application/xml; charset=latin1") }, lenient: true},
		"malformed":                        {text: func(b []byte) []byte { return b[:len(b)/2] }, also: drm.ErrFormat},
		"empty":                            {text: func([]byte) []byte { return nil }, also: drm.ErrFormat},
		"entities":                         {text: replace("<cpix:CPIX", `<!DOCTYPE x [<!ENTITY a "b">]><cpix:CPIX`), also: drm.ErrFormat},
		"short key": {text: func(b []byte) []byte {
			at := bytes.Index(b, []byte("<pskc:PlainValue>")) + len("<pskc:PlainValue>")
			return slices.Replace(b, at, at+24, []byte("QUtJQUtFWQ==")...)
		}, also: drm.ErrKeyLength},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change, s.text, s.header = tt.change, tt.text, tt.header
			req := request()
			req.Period = drm.PeriodAt(95*time.Second, 30*time.Second, time.Time{})
			c := s.client("")
			_, err := c.Keys(t.Context(), req)
			require.ErrorIs(t, err, drm.ErrRefused)
			require.NotErrorIs(t, err, drm.ErrUnavailable)
			if tt.also != nil {
				require.ErrorIs(t, err, tt.also)
			}
			c.Lenient = true
			if _, err = c.Keys(t.Context(), req); tt.lenient {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, drm.ErrRefused)
			}
		})
	}
}

// What servers write in other words is taken.
func TestAnswerTaken(t *testing.T) {
	for name, change := range map[string]func(d *cpix.Document){
		"SD+HD1 as one range": func(d *cpix.Document) { d.Rules[0].Video = []drm.VideoFilter{{MaxPixels: 921600}} },
		"HD without an end":   func(d *cpix.Document) { d.Rules[1].Video[0].MaxPixels = 0 },
		"another order": func(d *cpix.Document) {
			d.Rules[0], d.Rules[2] = d.Rules[2], d.Rules[0]
			d.Keys[0], d.Keys[3] = d.Keys[3], d.Keys[0]
			d.Systems[0], d.Systems[5] = d.Systems[5], d.Systems[0]
		},
		"FairPlay with an empty PSSH": func(d *cpix.Document) {
			for i := range d.Systems {
				if d.Systems[i].System == drm.FairPlay {
					d.Systems[i].PSSH = []byte{}
				}
			}
		},
		"IV of the server": func(d *cpix.Document) { d.Keys[0].ExplicitIV = []byte("0123456789abcdef") },
		"the IV in the tag, other case": func(d *cpix.Document) {
			for i := range d.Systems {
				if y := &d.Systems[i]; y.System == drm.FairPlay {
					d.Key(y.KID).ExplicitIV = []byte{15: 0xAB}
					y.HLSMedia, y.HLSMaster = append(y.HLSMedia, ",IV=0XaB"...), append(y.HLSMaster, ",IV=0XaB"...)
				}
			}
		},
		"lines with an end": func(d *cpix.Document) {
			for i := range d.Systems {
				d.Systems[i].HLSMedia = append(d.Systems[i].HLSMedia, "\r\n"...)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.change = change
			set, err := s.client("").Keys(t.Context(), request())
			require.NoError(t, err)
			for i, k := range set.Keys {
				require.Equal(t, request().Contract[i].Label, k.Label)
				require.Nil(t, k.Signals[2].PSSH)
			}
		})
	}
}

// Servers that fail, by how they do.
func TestFaults(t *testing.T) {
	const timeout = 300 * time.Millisecond
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, code) }
	}
	head := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Speke-Version", "2.0")
		w.Header().Set("X-Speke-User-Agent", "x")
	}
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		err    error
		also   error
		says   string
	}{
		"slow to answer": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, drm.ErrUnavailable, context.DeadlineExceeded, ""},
		"slow body": {func(w http.ResponseWriter, r *http.Request) {
			head(w)
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, drm.ErrUnavailable, context.DeadlineExceeded, ""},
		"truncated body": {func(w http.ResponseWriter, _ *http.Request) {
			head(w)
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "<cpix:CPIX")
		}, drm.ErrUnavailable, io.ErrUnexpectedEOF, ""},
		"connection cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, drm.ErrUnavailable, nil, ""},
		"1 GB announced": {func(w http.ResponseWriter, _ *http.Request) {
			head(w)
			w.Header().Set("Content-Length", "1000000000")
			w.WriteHeader(http.StatusOK)
		}, drm.ErrRefused, drm.ErrFormat, "1000000000 bytes"},
		"1 GB sent": {func(w http.ResponseWriter, _ *http.Request) {
			head(w)
			for block := bytes.Repeat([]byte(" "), 1<<16); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, drm.ErrRefused, drm.ErrFormat, "more than"},
		"500":       {status(500, "AKIAKEY"), drm.ErrUnavailable, nil, "500 Internal Server Error"},
		"503":       {status(503, ""), drm.ErrUnavailable, nil, ""},
		"429":       {status(429, ""), drm.ErrUnavailable, nil, ""},
		"400":       {status(400, "AKIAKEY"), drm.ErrRefused, nil, ""},
		"401":       {status(401, ""), drm.ErrRefused, nil, ""},
		"404":       {status(404, "no such content"), drm.ErrNoKey, nil, ""},
		"422":       {status(422, "Malformed encryption contract"), drm.ErrRefused, nil, "Malformed encryption contract"},
		"422, JSON": {status(422, `{"error":"Missing ContentKey@commonEncryptionScheme for KID AKIAKEY"}`), drm.ErrRefused, nil, "Missing ContentKey@commonEncryptionScheme"},
		"204":       {status(204, ""), drm.ErrRefused, nil, ""},
		"redirect":  {http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect).ServeHTTP, drm.ErrRefused, nil, "307"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.handle = tt.handle
			c := s.client("")
			c.URL += "?key=AKIAKEY"
			c.Timeout = timeout
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := c.Keys(t.Context(), request())
			require.Less(t, time.Since(start), timeout+5*time.Second)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<20), "client and server together")
			require.ErrorIs(t, err, tt.err)
			if tt.also != nil {
				require.ErrorIs(t, err, tt.also)
			}
			require.Contains(t, err.Error(), tt.says)
			require.NotContains(t, err.Error(), "AKIAKEY")
			var status *speke.Error
			if errors.As(err, &status) {
				require.True(t, strings.Contains(err.Error(), http.StatusText(status.Status)))
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	s := newServer(t)
	s.handle = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, err := s.client("").Keys(t.Context(), request())
	var wait *drm.UnavailableError
	require.ErrorAs(t, err, &wait)
	require.Equal(t, 7*time.Second, wait.RetryAfter)
	var status *speke.Error
	require.ErrorAs(t, err, &status)
	require.Equal(t, http.StatusServiceUnavailable, status.Status)
}

func TestRetryAfterDate(t *testing.T) {
	s := newServer(t)
	s.handle = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}
	_, err := s.client("").Keys(t.Context(), request())
	var wait *drm.UnavailableError
	require.ErrorAs(t, err, &wait)
	require.InDelta(t, time.Hour, wait.RetryAfter, float64(time.Minute))
}

// Answers that are compressed are read, and count by what they are uncompressed.
func TestCompressedAnswer(t *testing.T) {
	s := newServer(t)
	var bomb bool
	s.handle = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("gzip was not asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Speke-Version", "2.0")
		w.Header().Set("X-Speke-User-Agent", "x")
		z := gzip.NewWriter(w)
		if !bomb {
			_, _ = io.WriteString(z, "<html/>")
			_ = z.Close()
			return
		}
		for block := bytes.Repeat([]byte(" "), 1<<20); ; {
			if _, err := z.Write(block); err != nil {
				return
			}
		}
	}
	_, err := s.client("").Keys(t.Context(), request())
	require.ErrorContains(t, err, "the root is not CPIX", "it was uncompressed")
	bomb = true
	start := time.Now()
	_, err = s.client("").Keys(t.Context(), request())
	require.ErrorIs(t, err, drm.ErrRefused)
	require.ErrorIs(t, err, drm.ErrFormat)
	require.Less(t, time.Since(start), 10*time.Second)
}

// Credentials stay with the host that they are for.
func TestRedirectTakesNothingAlong(t *testing.T) {
	other := newServer(t)
	other.handle = func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }
	s := newServer(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s.handle = http.RedirectHandler(other.URL, status).ServeHTTP
		for _, auth := range []speke.Auth{speke.Basic("a", "b"), speke.Digest("a", "b"), speke.Header("X-Api-Key", "b")} {
			c := s.client("")
			c.Auth = auth
			_, err := c.Keys(t.Context(), request())
			require.ErrorIs(t, err, drm.ErrRefused)
			require.ErrorContains(t, err, "redirects are not followed")
		}
	}
}

// A server that cannot show who it is gets nothing.
func TestServerCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := (&speke.Client{URL: s.URL}).Keys(t.Context(), request())
	require.ErrorIs(t, err, drm.ErrUnavailable)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

func TestNoServer(t *testing.T) {
	s := newServer(t)
	s.Close()
	_, err := s.client("").Keys(t.Context(), request())
	require.ErrorIs(t, err, drm.ErrUnavailable)
}
