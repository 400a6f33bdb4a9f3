// Package digest is HTTP digest authentication (RFC 7616) for both sides: SHA-256, SHA-512/256 and MD5, with and without
// -sess, quality of protection auth.
//
//	client := http.Client{Transport: &digest.Transport{User: "encoder", Password: digest.NewPassword(text)}}
//
//	server := &digest.Server{Realm: "ingest", Users: digest.Users{"encoder": {password}}}
//	user, err := server.Verify(req)
//	if err != nil {
//		server.Challenge(w.Header(), err)
//		w.WriteHeader(http.StatusUnauthorized)
//	}
//
// The client also answers servers of RFC 2069, which know no qop; the server takes no such answers, since they can be
// played back. Quality auth-int and Authentication-Info are not here. Digest hides the password, not the request: use TLS.
package digest
