package origin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/mezzomedia/mezzo/drm"
)

// ClearKey hands out keys to everybody who names them: a licence server for development and tests, and no protection.
//
//	POST {"kids":["<base64url>"],"type":"temporary"}   a JSON Web Key set (W3C Encrypted Media Extensions, 9.1)
//	GET  ?kid=<32 hex digits>                          the 16 bytes of a key (HLS KEYFORMAT identity)
//
// Any origin may ask (CORS). Keys that Keys does not know are left out of a set; nothing is cached. Safe for concurrent use.
type ClearKey struct{ Keys drm.KeyFinder }

const (
	maxLicenceRequest = 64 << 10
	maxLicenceKeys    = 256
)

type licenceRequest struct {
	KIDs []string `json:"kids"`
	Type string   `json:"type"`
}

type licence struct {
	Keys []webKey `json:"keys"`
	Type string   `json:"type"`
}

// webKey is a JSON Web Key (RFC 7517) of type oct.
type webKey struct {
	Type string `json:"kty"`
	KID  string `json:"kid"`
	Key  string `json:"k"`
}

// ServeHTTP implements http.Handler.
func (c ClearKey) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", noStore)
	h.Set("X-Content-Type-Options", "nosniff")
	var body []byte
	var err error
	switch r.Method {
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
		h.Set("Content-Type", "application/octet-stream")
		body, err = c.raw(r)
	case http.MethodPost:
		h.Set("Content-Type", "application/json")
		body, err = c.licence(w, r)
	default:
		h.Set("Allow", "GET, HEAD, POST, OPTIONS")
		err = fmt.Errorf("method %s: only GET, HEAD, POST and OPTIONS: %w", r.Method, errMethod)
	}
	if err != nil {
		f := status(err)
		f.cache, f.show = noStore, f.status < http.StatusInternalServerError // there is no log here, and nothing secret in it
		f.write(w, r, err)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has left is no news
	}
}

// raw is the key that ?kid names.
func (c ClearKey) raw(r *http.Request) ([]byte, error) {
	id, err := drm.ParseKeyID(r.URL.Query().Get("kid"))
	if err != nil {
		return nil, fmt.Errorf("kid: %w: %w", err, errRequest)
	}
	key, err := c.Keys.Key(r.Context(), id)
	if err != nil {
		return nil, err
	}
	value, ok := key.Value.Reveal()
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, drm.ErrNoKey)
	}
	return value[:], nil
}

func (c ClearKey) licence(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLicenceRequest))
	if err != nil {
		return nil, fmt.Errorf("licence request: %w: %w", err, errRequest)
	}
	var req licenceRequest
	if err := json.Unmarshal(text, &req); err != nil || len(req.KIDs) == 0 || len(req.KIDs) > maxLicenceKeys {
		return nil, fmt.Errorf(`licence request: expected {"kids":["<base64url>"],"type":"temporary"} with up to %d keys: %w`, maxLicenceKeys, errRequest)
	}
	out := licence{Keys: []webKey{}, Type: "temporary"}
	for _, kid := range req.KIDs {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(kid, "="))
		if err != nil || len(raw) != len(drm.KeyID{}) {
			return nil, fmt.Errorf("licence request: key id %.40q is not 16 bytes of base64url: %w", kid, errRequest)
		}
		id := drm.KeyID(raw)
		key, err := c.Keys.Key(r.Context(), id)
		switch value, ok := key.Value.Reveal(); {
		case errors.Is(err, drm.ErrNoKey) || err == nil && !ok:
			continue
		case err != nil:
			return nil, err
		default:
			out.Keys = append(out.Keys, webKey{"oct", id.JWK(), base64.RawURLEncoding.EncodeToString(value[:])})
		}
	}
	if len(out.Keys) == 0 {
		return nil, fmt.Errorf("licence request: %w", drm.ErrNoKey)
	}
	return json.Marshal(out)
}
