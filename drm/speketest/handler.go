package speketest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
)

// Versions of SPEKE, as X-Speke-Version names them; SPEKE 1 has no such header.
const (
	V1  = "1.0"
	V20 = "2.0"
	V21 = "2.1"
)

const maxRequest = 1 << 20 // bytes

// Handler is a key server. POST on any path asks for keys; GET on one that ends in /heartbeat answers 200. The zero value
// asks for no credentials and has a key for every id. Safe for concurrent use; fields stay put after the first.
type Handler struct {
	Keys drm.KeyFinder // nil: Keys()
	// Signals writes what systems are told. An empty KeyURL is https://keys.example.com/{kid}, an empty ClearKeyURL
	// https://keys.example.com/clearkey.
	Signals drm.Signaller
	Auth    Auth // zero: none
	// Versions are those that the server speaks; nil: all.
	Versions []string
	// Accept says whether a contract is supported; nil: all that are well formed.
	Accept func(drm.Contract) bool

	mu       sync.Mutex // guards what follows
	requests []Request
	faults   []Fault
	seen     []int // requests that each fault has matched
}

// Keys is where a Handler gets its keys if it is told nothing else.
func Keys() *drm.Master {
	return &drm.Master{Secret: drm.NewMaterial([]byte("speketest: keys that everybody knows"))}
}

// Request is what a server was asked. It holds no secret.
type Request struct {
	Time    time.Time
	Version string // of SPEKE; empty: not understood
	Content string // content id
	User    string // who Auth says it was
	Keys    []drm.KeyID
	Systems []drm.SystemID // each once
	Labels  []string       // of the contract
	Periods []string       // ids of key periods
	Status  int            // of the answer, 0 while it is being made
	Message string         // of a refusal
	Fault   Kind           // that was applied
	Body    []byte         // the document that was sent
}

// Requests are those so far but for heartbeats, in the order in which they came.
func (h *Handler) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, status := h.Auth.admit(w.Header(), r)
	if status != 0 {
		h.log(Request{Status: status, Message: "not authorized"})
		http.Error(w, "not authorized", status)
		return
	}
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/heartbeat"):
		w.WriteHeader(http.StatusOK)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "keys are asked for with POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest)
		return
	}
	entry := Request{User: user, Body: body}
	doc, refusal := h.understand(r, body, &entry)
	i := h.log(entry)
	fault, ok := h.fault(&entry)
	if ok {
		h.update(i, func(e *Request) { e.Fault = fault.Kind })
		if fault.before(w, r) {
			return
		}
	}
	var answer []byte
	if refusal == "" {
		answer, refusal = h.answer(r.Context(), doc, entry.Version, fault)
	}
	if refusal != "" {
		h.update(i, func(e *Request) { e.Status, e.Message = http.StatusUnprocessableEntity, refusal })
		http.Error(w, refusal, http.StatusUnprocessableEntity)
		return
	}
	h.update(i, func(e *Request) { e.Status = http.StatusOK })
	setHeaders(w.Header(), entry.Version)
	fault.send(w, r, answer)
}

func setHeaders(h http.Header, version string) {
	const agent = "mezzo-speketest"
	h.Set("Content-Type", "application/xml; charset=utf-8")
	if version == V1 {
		h.Set("Speke-User-Agent", agent)
		return
	}
	h.Set("X-Speke-Version", version)
	h.Set("X-Speke-User-Agent", agent)
}

// log adds a request and returns its place.
func (h *Handler) log(r Request) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Time = time.Now()
	h.requests = append(h.requests, r)
	return len(h.requests) - 1
}

func (h *Handler) update(i int, change func(*Request)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.requests[i])
}

// understand parses and checks a request, and says what is wrong with it.
func (h *Handler) understand(r *http.Request, body []byte, entry *Request) (doc *cpix.Document, refusal string) {
	doc, err := cpix.Parse(body)
	if err != nil {
		return nil, "Malformed CPIX document"
	}
	for _, k := range doc.Keys {
		entry.Keys = append(entry.Keys, k.KID)
	}
	for _, s := range doc.Systems {
		if !slices.Contains(entry.Systems, s.System) {
			entry.Systems = append(entry.Systems, s.System)
		}
	}
	for _, rule := range doc.Rules {
		entry.Labels = append(entry.Labels, rule.Track)
	}
	for _, p := range doc.Periods {
		entry.Periods = append(entry.Periods, p.ID)
	}
	entry.Content = doc.ContentID
	version := r.Header.Get("X-Speke-Version")
	if version == "" && doc.Version == "" && doc.ContentID == "" {
		version, entry.Content = V1, doc.ID
	}
	if h.Versions != nil && !slices.Contains(h.Versions, version) {
		return nil, "Unsupported SPEKE version"
	}
	entry.Version = version
	return doc, check(doc, version, h.Accept)
}

func (h *Handler) keys() drm.KeyFinder {
	if h.Keys == nil {
		return Keys()
	}
	return h.Keys
}

// answer fills a document that was checked, with the errors that the fault asks for.
func (h *Handler) answer(ctx context.Context, doc *cpix.Document, version string, fault Fault) (answer []byte, refusal string) {
	if fault.Kind == ReplaceKeyIDs {
		replaceKeyIDs(doc)
	}
	f := filler{ctx: ctx, doc: doc, keys: h.keys(), signals: h.Signals, v1: version == V1}
	if f.signals.KeyURL == "" {
		f.signals.KeyURL = "https://keys.example.com/{kid}"
	}
	if f.signals.ClearKeyURL == "" {
		f.signals.ClearKeyURL = "https://keys.example.com/clearkey"
	}
	if err := f.fill(); err != nil {
		return nil, err.Error()
	}
	fault.change(doc)
	if err := f.seal(fault); err != nil {
		return nil, err.Error()
	}
	return fault.rewrite(doc.Append(nil), doc), ""
}
