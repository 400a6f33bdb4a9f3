package origin

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/mezzomedia/mezzo/packager"
)

// header is what is said of a body.
type header struct {
	etag     string // with quotes
	mime     string
	cache    string
	encoding string // empty: identity
}

// send answers with the body, a range of it, its header alone, or 304. An error means that nothing was sent, unless w
// has started.
func (h *Handler) send(w *sender, r *http.Request, head header, body packager.Body) error {
	hd := w.Header()
	hd["Etag"] = []string{head.etag}
	hd["Cache-Control"] = []string{head.cache}
	if err := checkMatch(r, head.etag); err != nil {
		return err
	}
	if notModified(r, head.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	hd["Content-Type"] = []string{head.mime}
	code := http.StatusOK
	if head.encoding != "" {
		hd["Content-Encoding"] = []string{head.encoding}
	} else {
		hd["Accept-Ranges"] = acceptRanges
		size := body.Size()
		s, part, err := byteRange(r, head.etag, size)
		if err != nil {
			hd.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			return err
		}
		if part {
			code = http.StatusPartialContent
			hd["Content-Range"] = []string{contentRange(s, size)}
			body = body.Slice(s.off, s.n)
		}
	}
	hd["Content-Length"] = []string{strconv.FormatInt(body.Size(), 10)}
	if r.Method == http.MethodHead {
		w.WriteHeader(code)
		return nil
	}
	return h.transport(w, r, code, body)
}
