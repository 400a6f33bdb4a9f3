package origin

import "net/http"

// Header values are shared between responses: nothing may write to them.
var (
	allowOrigin   = []string{"*"}
	exposeHeaders = []string{"Age, Date, Content-Length, Content-Range, ETag, Server-Timing"}
	allowMethods  = []string{"GET, HEAD, OPTIONS"}
	allowHeaders  = []string{"Range, If-None-Match, If-Range, Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"}
	maxAge        = []string{"86400"}
	acceptRanges  = []string{"bytes"}
)

// cors lets pages of all origins read the response, errors too. Media is public: who wants less wraps the Handler.
func cors(h http.Header) {
	h["Access-Control-Allow-Origin"] = allowOrigin
	h["Access-Control-Expose-Headers"] = exposeHeaders
	h["Timing-Allow-Origin"] = allowOrigin
}

// preflight answers OPTIONS (Fetch, 4.8).
func preflight(w http.ResponseWriter) {
	h := w.Header()
	h["Allow"] = allowMethods
	h["Access-Control-Allow-Methods"] = allowMethods
	h["Access-Control-Allow-Headers"] = allowHeaders
	h["Access-Control-Max-Age"] = maxAge
	w.WriteHeader(http.StatusNoContent)
}
