package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
	"github.com/mezzomedia/mezzo/manifest/hls"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/media"
)

// page is a rendered manifest, in both codings. Immutable.
type page struct {
	plain, gzip []byte
	etag        string // of plain, without quotes
	mime        string
}

// pageKey names a page.
type pageKey struct {
	view viewKey
	file string
}

// ref is the manifest's own URL.
func (m Manifest) ref() manifest.Ref {
	r := manifest.Ref{Kind: manifest.Multivariant, Name: m.name()}
	if m.Format == DASH {
		r.Kind = manifest.MPD
	}
	return r
}

// find returns the manifest that ref belongs to; media playlists belong to their multivariant playlist.
func (ep *Endpoint) find(ref manifest.Ref) (*Manifest, error) {
	if ref.Kind == manifest.Media {
		ref = manifest.Ref{Kind: manifest.Multivariant, Name: ref.Name}
	}
	i := slices.IndexFunc(ep.Manifests, func(m Manifest) bool { return m.ref() == ref })
	if i < 0 {
		return nil, fmt.Errorf("endpoint %s has no manifest %s: %w", ep.Name, links.Link(ref), media.ErrNotFound)
	}
	return &ep.Manifests[i], nil
}

func (h *Handler) serveManifest(w *sender, r *http.Request, req request) error {
	m, err := req.endpoint.find(req.ref)
	if err != nil {
		return err
	}
	tl, v, err := h.open(r.Context(), req)
	if err != nil {
		return err
	}
	pg, err := h.page(r.Context(), req, m, tl, v)
	if err != nil {
		return err
	}
	head := header{etag: `"` + pg.etag + `"`, mime: pg.mime, cache: manifestLifetime(tl)}
	body := pg.plain
	w.Header()["Vary"] = varyEncoding
	if r.Header.Get("Range") == "" && acceptsGzip(r.Header.Values("Accept-Encoding")) {
		head.etag = `"` + pg.etag + `-gz"`
		body = pg.gzip
		head.encoding = "gzip"
	}
	return h.send(w, r, head, packager.BytesBody(body))
}

var varyEncoding = []string{"Accept-Encoding"}

// manifestLifetime is short: a manifest's URL stays while its content changes.
func manifestLifetime(tl *media.Timeline) string {
	d := time.Minute
	if !tl.Ended {
		d = max(time.Second, tl.Target/2)
	}
	return "public, max-age=" + strconv.Itoa(int(d/time.Second))
}

// page renders a manifest once for each Timeline, however many ask for it.
func (h *Handler) page(ctx context.Context, req request, m *Manifest, tl *media.Timeline, v *view) (*page, error) {
	key := pageKey{keyOf(tl, req.endpoint), links.Link(req.ref)}
	return h.pages.get(ctx, key, func(ctx context.Context) (*page, int64, error) {
		text, mime, err := h.render(ctx, req, m, tl, v)
		if err != nil {
			return nil, 0, err
		}
		sum := sha256.Sum256(text)
		pg := &page{plain: text, gzip: compress(text), etag: hex.EncodeToString(sum[:10]), mime: mime}
		return pg, int64(len(pg.plain)+len(pg.gzip)) + 512, nil
	})
}

// render writes a manifest: a row for each kind.
func (h *Handler) render(ctx context.Context, req request, m *Manifest, tl *media.Timeline, v *view) (text []byte, mime string, err error) {
	ref := req.ref
	opts := &manifest.Options{
		Name: ref.Name, Linker: links, Offers: v.offers, NumberDuration: m.NumberDuration,
		InBandKeys: m.InBandKeys, NoSessionKeys: m.ExcludeSessionKeys, ReferencedKeys: m.ReferencedKeys,
	}
	if opts.Key, err = h.manifestKeys(ctx, req, m, tl, v); err != nil {
		return nil, "", err
	}
	tl = v.show(tl)
	const playlist = "application/vnd.apple.mpegurl"
	switch ref.Kind {
	case manifest.Multivariant:
		text, err = hls.Multivariant(tl, opts)
		return text, playlist, err
	case manifest.Media:
		if v.by[ref.Rendition] == nil {
			return nil, "", fmt.Errorf("rendition %q: %w", ref.Rendition, media.ErrNotFound)
		}
		text, err = hls.Media(tl, ref.Rendition, opts)
		return text, playlist, err
	case manifest.MPD:
		text, err = dash.MPD(tl, h.now(), opts)
		return text, "application/dash+xml", err
	}
	return nil, "", fmt.Errorf("manifest of kind %d: %w", ref.Kind, media.ErrNotFound)
}

// compress is deterministic: no name, no time.
func compress(p []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for unknown levels only
	_, _ = z.Write(p)                                     // into memory
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): gzip is named, or *, with a weight that is not zero.
func acceptsGzip(values []string) bool {
	star := false
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(strings.TrimSpace(item), ";")
			weight, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
			none := ok && strings.Trim(weight, "0.") == ""
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				return !none
			case "*":
				star = !none
			}
		}
	}
	return star
}
