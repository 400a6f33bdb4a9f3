package origin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
	"weak"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// Handler serves the presentations of a Library. Only Library is required. Fields stay put after first use. Safe for
// concurrent use.
type Handler struct {
	Library   Library
	Endpoints []Endpoint // nil: DefaultEndpoints
	// Keys gives the keys of Endpoints with Encryption; nil: there are none. They are kept as long as there is memory for
	// them. Before a provider that is asked over a network put a drm.Cache: it retries, fetches ahead and keeps what it has.
	Keys   drm.KeyProvider
	Logger *slog.Logger     // nil: slog.Default. Requests are logged at level Debug
	Now    func() time.Time // nil: time.Now. Only manifests of what has not ended depend on it
	// CacheBytes bounds the memory for rendered manifests; 0: 64 MiB, negative: none are kept.
	CacheBytes int64
	// SendTimeout is how long a client may take for each megabyte before its connection is closed; 0: 30 s, negative:
	// no limit. While a response is sent it takes the place of http.Server.WriteTimeout.
	SendTimeout time.Duration

	once      sync.Once
	invalid   error      // what is wrong with the fields
	endpoints []Endpoint // a copy
	views     cache[viewKey, *view]
	pages     cache[pageKey, *page]
	keySets   cache[keySetKey, *drm.KeySet]
}

const (
	defaultCacheBytes = 64 << 20
	viewCacheBytes    = 4 << 20
	keyCacheBytes     = 64 << 20
	mediaLifetime     = "public, max-age=1209600, immutable" // the URL's version changes when the bytes do
)

// links writes and reads the URLs of all endpoints.
var links manifest.Paths

// request is what a request asks for.
type request struct {
	presentation string
	endpoint     *Endpoint
	ref          manifest.Ref
}

// Validate says what is wrong with the fields. A Handler with invalid fields answers 500 to everything.
func (h *Handler) Validate() error {
	h.once.Do(h.setup)
	return h.invalid
}

func (h *Handler) setup() {
	h.endpoints = append(h.endpoints, h.Endpoints...)
	if h.Endpoints == nil {
		h.endpoints = DefaultEndpoints()
	}
	h.pages.limit = h.CacheBytes
	if h.CacheBytes == 0 {
		h.pages.limit = defaultCacheBytes
	}
	h.views.limit = viewCacheBytes
	h.keySets.limit = keyCacheBytes
	h.invalid = checkEndpoints(h.endpoints)
	if h.Library == nil {
		h.invalid = errors.New("origin: Handler has no Library")
	}
	for i := range h.endpoints {
		if h.endpoints[i].Encryption != nil && h.Keys == nil && h.invalid == nil {
			h.invalid = fmt.Errorf("origin: endpoint %s is encrypted and Handler has no Keys", h.endpoints[i].Name)
		}
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	h.once.Do(h.setup)
	cors(w.Header())
	s := &sender{ResponseWriter: w}
	err := h.serve(s, r)
	log := h.log()
	if log.Enabled(r.Context(), slog.LevelDebug) {
		log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", s.code(err),
			"bytes", s.sent, "took", time.Since(start), "err", err)
	}
	if err == nil {
		return
	}
	f := status(err)
	if f.status >= 500 || s.started {
		log.LogAttrs(r.Context(), f.level(), "request failed", slog.String("path", r.URL.Path),
			slog.Int("status", f.status), slog.Int64("sent", s.sent), slog.Any("err", err))
	}
	if s.started {
		panic(http.ErrAbortHandler) // a part must not look like the whole
	}
	f.write(w, r, err)
}

// serve answers, or returns an error before it has begun to. Panics become errors.
func (h *Handler) serve(w *sender, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	if h.invalid != nil {
		return h.invalid
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		preflight(w)
		return nil
	default:
		w.Header()["Allow"] = allowMethods
		return fmt.Errorf("method %s: only GET, HEAD and OPTIONS: %w", r.Method, errMethod)
	}
	req, err := h.parse(r)
	if err != nil {
		return err
	}
	switch req.ref.Kind {
	case manifest.Segment:
		return h.serveSegment(w, r, req)
	case manifest.Init:
		return h.serveInit(w, r, req)
	}
	return h.serveManifest(w, r, req)
}

func (h *Handler) parse(r *http.Request) (request, error) {
	if err := cleanEscapes(r.URL); err != nil {
		return request{}, err
	}
	t, err := parsePath(r.URL.Path, links)
	if err != nil {
		return request{}, err
	}
	for i := range h.endpoints {
		if h.endpoints[i].Name == t.endpoint {
			return request{t.presentation, &h.endpoints[i], t.ref}, nil
		}
	}
	return request{}, fmt.Errorf("endpoint %q: %w", t.endpoint, media.ErrNotFound)
}

// open finds the presentation and cuts it as the endpoint asks.
func (h *Handler) open(ctx context.Context, req request) (*media.Timeline, *view, error) {
	content, err := h.Library.Open(ctx, req.presentation)
	if err != nil {
		return nil, nil, err
	}
	tl, err := content.Present(req.endpoint.Plan).Timeline(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, err := h.view(ctx, req.presentation, req.endpoint, tl)
	return tl, v, err
}

// openMedia is open for a URL that holds a version and a rendition.
func (h *Handler) openMedia(ctx context.Context, req request) (*media.Timeline, *view, *carrier, error) {
	tl, v, err := h.open(ctx, req)
	if err != nil {
		return nil, nil, nil, err
	}
	if v.version != req.ref.Version {
		return nil, nil, nil, fmt.Errorf("version %s, which is %s now: %w", req.ref.Version, v.version, media.ErrNotFound)
	}
	c := v.by[req.ref.Rendition]
	if c == nil {
		return nil, nil, nil, fmt.Errorf("rendition %q: %w", req.ref.Rendition, media.ErrNotFound)
	}
	return tl, v, c, nil
}

func (h *Handler) serveSegment(w *sender, r *http.Request, req request) error {
	tl, v, c, err := h.openMedia(r.Context(), req)
	if err != nil {
		return err
	}
	if c.offer.Ext != req.ref.Ext {
		return fmt.Errorf("segments of rendition %s end in %s: %w", req.ref.Rendition, c.offer.Ext, media.ErrNotFound)
	}
	segs, err := c.segments(tl, req.ref.Number)
	if err != nil {
		return err
	}
	head := header{etag: mediaTag(req.ref), mime: c.offer.MIME, cache: mediaLifetime}
	if notModified(r, head.etag) {
		return h.send(w, r, head, packager.Body{})
	}
	job, err := packager.Load(r.Context(), segs)
	if err != nil {
		return err
	}
	if err := h.keyed(r.Context(), req, tl, v, c, job); err != nil {
		return err
	}
	body, err := packager.Render(r.Context(), c.packager, job)
	if err != nil {
		return err
	}
	return h.send(w, r, head, body)
}

func (h *Handler) serveInit(w *sender, r *http.Request, req request) error {
	tl, v, c, err := h.openMedia(r.Context(), req)
	if err != nil {
		return err
	}
	in, ok := c.packager.(packager.Initializer)
	if !ok {
		return fmt.Errorf("%s has no initialization segments: %w", req.endpoint.Container, media.ErrNotFound)
	}
	for _, p := range tl.Periods {
		if rend, ok := p.Rendition(req.ref.Rendition); ok && p.ID == req.ref.Period {
			return h.sendInit(w, r, req, tl, v, c, in, rend.Track)
		}
	}
	return fmt.Errorf("period %q: %w", req.ref.Period, media.ErrNotFound)
}

func (h *Handler) sendInit(w *sender, r *http.Request, req request, tl *media.Timeline, v *view, c *carrier, in packager.Initializer, t *media.Track) error {
	period, protected, err := req.endpoint.Encryption.initPeriod(tl, c, req.ref)
	if err != nil {
		return err
	}
	head := header{etag: mediaTag(req.ref), mime: c.offer.MIME, cache: mediaLifetime}
	if notModified(r, head.etag) {
		return h.send(w, r, head, packager.Body{})
	}
	protect, err := h.initProtection(r.Context(), req, v, c, period, protected)
	if err != nil {
		return err
	}
	body, err := packager.RenderInit(in, t, protect)
	if err != nil {
		return err
	}
	return h.send(w, r, head, body)
}

// mediaTag is the ETag of media: its URL holds all that decides the bytes, so that it needs none of them and is equal
// everywhere.
func mediaTag(ref manifest.Ref) string { return `"` + links.Link(ref) + `"` }

func keyOf(tl *media.Timeline, ep *Endpoint) viewKey { return viewKey{weak.Make(tl), ep.Name} }

func (h *Handler) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

func (h *Handler) log() *slog.Logger {
	if h.Logger != nil {
		return h.Logger
	}
	return slog.Default()
}
