package origin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/packager/media"
)

var (
	errRequest      = errors.New("bad request")
	errMethod       = errors.New("method not allowed")
	errPrecondition = errors.New("precondition failed")
	errRange        = errors.New("range not satisfiable")
	errPanic        = errors.New("panic")
	errClient       = errors.New("client left or was too slow")
)

// lost says whose fault it is that a write to the client failed: where the file of a mapping was cut, the kernel finds its
// pages missing.
func lost(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EFAULT):
		return fmt.Errorf("mapped file shrank: %w", media.ErrChanged)
	}
	return fmt.Errorf("%w: %w", errClient, err)
}

// failure is how an error is told to a client.
type failure struct {
	status int
	code   string
	cache  string // Cache-Control
	show   bool   // the error's text is for clients
}

const (
	cacheError = "max-age=1"
	noStore    = "no-store"
)

// statusClosed is nginx's name in logs for a client that has left; it is never sent.
const statusClosed = 499

// status is the one place where errors become HTTP.
func status(err error) failure {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errClient):
		return failure{statusClosed, "closed", noStore, false}
	case errors.Is(err, errRequest):
		return failure{http.StatusBadRequest, "bad-request", cacheError, true}
	case errors.Is(err, errMethod):
		return failure{http.StatusMethodNotAllowed, "method", cacheError, true}
	case errors.Is(err, errPrecondition):
		return failure{http.StatusPreconditionFailed, "precondition", noStore, true}
	case errors.Is(err, errRange):
		return failure{http.StatusRequestedRangeNotSatisfiable, "range", noStore, true}
	case errors.Is(err, drm.ErrUnavailable):
		return failure{http.StatusServiceUnavailable, "keys", noStore, false}
	case errors.Is(err, drm.ErrRefused):
		return failure{http.StatusBadGateway, "keys", noStore, false}
	case errors.Is(err, drm.ErrNoKey):
		return failure{http.StatusNotFound, "keys", cacheError, false}
	case errors.Is(err, media.ErrChanged):
		return failure{http.StatusServiceUnavailable, "changed", noStore, true}
	case errors.Is(err, media.ErrNotYet):
		return failure{http.StatusNotFound, "not-yet", cacheError, true}
	case errors.Is(err, media.ErrNotFound):
		return failure{http.StatusNotFound, "not-found", cacheError, true}
	case errors.Is(err, media.ErrGone):
		return failure{http.StatusGone, "gone", cacheError, true}
	case errors.Is(err, media.ErrUnsupported), errors.Is(err, drm.ErrIncompatible):
		return failure{http.StatusUnprocessableEntity, "unsupported", cacheError, true}
	case errors.Is(err, media.ErrFormat):
		return failure{http.StatusUnprocessableEntity, "malformed", cacheError, true}
	case errors.Is(err, context.DeadlineExceeded):
		return failure{http.StatusServiceUnavailable, "timeout", noStore, false}
	}
	return failure{http.StatusInternalServerError, "internal", noStore, false}
}

// level is that of the failure in the log: clients may leave, and files may be replaced.
func (f failure) level() slog.Level {
	switch f.status {
	case statusClosed:
		return slog.LevelDebug
	case http.StatusServiceUnavailable:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// retryAfter is in seconds.
func retryAfter(err error) int64 {
	var u *drm.UnavailableError
	if errors.As(err, &u) {
		return max(1, int64((u.RetryAfter+time.Second-1)/time.Second))
	}
	return 1
}

// write sends the failure. Nothing may have been sent before.
func (f failure) write(w http.ResponseWriter, r *http.Request, err error) {
	if f.status == statusClosed {
		panic(http.ErrAbortHandler) // nobody is there to read an answer, and none must reach a cache
	}
	text := f.code + ": see the server's log\n"
	if f.show {
		text = f.code + ": " + err.Error() + "\n"
	}
	h := w.Header()
	for _, name := range []string{"Etag", "Content-Encoding", "Accept-Ranges", "Vary"} {
		h.Del(name)
	}
	if f.status != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range")
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff") // the text quotes the request
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", f.cache)
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.FormatInt(retryAfter(err), 10))
	}
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(text)) // a client that has left is no news
	}
}
