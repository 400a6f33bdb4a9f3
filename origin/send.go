package origin

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// How bytes leave. All choices of transport are in this file and gather.go.

const (
	chunkSize          = 1 << 20 // for each of which a client has SendTimeout
	defaultSendTimeout = 30 * time.Second
)

// sender is a ResponseWriter that knows what was sent.
type sender struct {
	http.ResponseWriter
	status  int
	started bool
	sent    int64 // of the body
}

func (s *sender) WriteHeader(code int) {
	s.status, s.started = code, true
	s.ResponseWriter.WriteHeader(code)
}

func (s *sender) Write(p []byte) (int, error) {
	s.started = true
	n, err := s.ResponseWriter.Write(p)
	s.sent += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (s *sender) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// code is the status that is or will be sent.
func (s *sender) code(err error) int {
	if !s.started && err != nil {
		return status(err).status
	}
	return s.status
}

// transport sends the body. Mapped or held bytes go to a plain TCP connection by writev and long ranges of files by
// sendfile; everything else goes through Body.Send. An error before the first byte leaves w as it was.
func (h *Handler) transport(w *sender, r *http.Request, code int, body packager.Body) error {
	if err := check(body); err != nil {
		return err
	}
	p := newPacer(h, w, r)
	defer p.end()
	defer runtime.KeepAlive(body) // its objects hold the mappings
	if rf, ok := plainTCP(w.ResponseWriter, r); ok && direct(body) {
		return sendDirect(r.Context(), w, rf, code, body, p)
	}
	if body.Size() == 0 {
		w.WriteHeader(code)
		return nil
	}
	_, err := body.Send(r.Context(), &chunks{w: w, pacer: p, body: body, left: body.Size(), begin: func() { w.WriteHeader(code) }})
	return err
}

// plainTCP returns the ReadFrom of a response that goes to a TCP connection as it is: no TLS, no HTTP/2, and no writer
// around it that wants to see the bytes and has no ReadFrom of its own.
func plainTCP(w http.ResponseWriter, r *http.Request) (io.ReaderFrom, bool) {
	if r.TLS != nil || r.ProtoMajor != 1 {
		return nil, false
	}
	rf, ok := w.(io.ReaderFrom)
	_, flusher := w.(http.Flusher)
	return rf, ok && flusher
}

// direct reports whether part of the body can leave without a copy.
func direct(body packager.Body) bool {
	for _, p := range body.Pieces() {
		if p.Object == nil || len(p.Extents) == 0 {
			continue
		}
		if m, ok := p.Object.(media.Byter); ok && m.Bytes(p.Extents[0].Off, p.Extents[0].Len) != nil {
			return true
		}
		if p.Extents[0].Len >= sendfileMin && fileOf(p.Object) != nil {
			return true
		}
	}
	return false
}

func fileOf(o media.Object) *os.File {
	if f, ok := o.(interface{ File() *os.File }); ok {
		return f.File()
	}
	return nil
}

// check asks the objects of a body whether they are still what they were.
func check(body packager.Body) error {
	var last media.Object
	for _, p := range body.Pieces() {
		c, ok := p.Object.(media.Checker)
		if !ok || media.Same(p.Object, last) {
			continue
		}
		if err := c.Check(); err != nil {
			return err
		}
		last = p.Object
	}
	return nil
}

// chunks writes to w in steps for each of which the client has its time. The body's objects are checked again before the
// last byte leaves: if they changed meanwhile, it does not.
type chunks struct {
	w     io.Writer
	pacer *pacer
	body  packager.Body
	left  int64  // of the body
	begin func() // before the first write; nil: none
}

func (c *chunks) Write(p []byte) (int, error) {
	if err := c.before(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := c.w.Write(p)
	return n, lost(err)
}

// before is called before n bytes are written.
func (c *chunks) before(n int64) error {
	c.left -= n
	if c.left <= 0 {
		if err := check(c.body); err != nil {
			return err
		}
	}
	if c.begin != nil {
		c.begin()
		c.begin = nil
	}
	return c.pacer.step(n)
}

// pacer moves the write deadline on, so that a client that has died does not hold a mapping for ever.
type pacer struct {
	ctl     *http.ResponseController
	timeout time.Duration
	after   time.Duration // the server's own WriteTimeout
	since   int64         // bytes since the deadline was set
	set     bool
}

func newPacer(h *Handler, w http.ResponseWriter, r *http.Request) *pacer {
	p := &pacer{ctl: http.NewResponseController(w), timeout: h.SendTimeout}
	if p.timeout == 0 {
		p.timeout = defaultSendTimeout
	}
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		p.after = srv.WriteTimeout
	}
	return p
}

func (p *pacer) step(n int64) error {
	if p.timeout < 0 || p.set && p.since+n <= chunkSize {
		p.since += n
		return nil
	}
	p.since, p.set = n, true
	// writers without deadlines (tests, some middleware) are served without
	_ = p.ctl.SetWriteDeadline(time.Now().Add(p.timeout))
	return nil
}

// end gives the connection back to the server, whose next response may be somebody else's.
func (p *pacer) end() {
	switch {
	case !p.set:
	case p.after > 0:
		_ = p.ctl.SetWriteDeadline(time.Now().Add(p.after))
	default:
		_ = p.ctl.Flush()
		_ = p.ctl.SetWriteDeadline(time.Time{})
	}
}

// sendDirect writes the header, and a small first piece with it, then hands the rest to the connection.
func sendDirect(ctx context.Context, w *sender, rf io.ReaderFrom, code int, body packager.Body, p *pacer) error {
	_ = p.step(0)
	w.WriteHeader(code)
	rest := body
	if first := body.Pieces()[0]; first.Object == nil && first.Stream == nil {
		if _, err := w.Write(first.Bytes); err != nil {
			return lost(err)
		}
		rest = packager.NewBody(body.Pieces()[1:]...)
	}
	w.ResponseWriter.(http.Flusher).Flush() // else net/http reads the first bytes itself, to see what they are
	g := &gather{ctx: ctx, body: rest, pacer: p}
	n, err := rf.ReadFrom(g)
	w.sent += n
	if err == nil && n != rest.Size() {
		err = io.ErrShortWrite
	}
	return err
}
