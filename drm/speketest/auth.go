package speketest

import (
	"crypto/subtle"
	"net/http"

	"github.com/mezzomedia/mezzo/internal/digest"
	"github.com/mezzomedia/mezzo/internal/sigv4"
)

// Auth is what a server wants to see of its clients. The zero value is nothing. It does not print what it holds.
type Auth struct {
	// check returns who made the request, or the status to answer with.
	check func(answer http.Header, r *http.Request) (user string, status int)
}

func (a Auth) admit(answer http.Header, r *http.Request) (user string, status int) {
	if a.check == nil {
		return "", 0
	}
	return a.check(answer, r)
}

// Basic is HTTP basic authentication.
func Basic(user, password string) Auth {
	return Auth{func(answer http.Header, r *http.Request) (string, int) {
		u, p, ok := r.BasicAuth()
		if !ok || !equal(u, user) || !equal(p, password) {
			answer.Set("WWW-Authenticate", `Basic realm="speketest", charset="UTF-8"`)
			return "", http.StatusUnauthorized
		}
		return u, 0
	}}
}

// Header wants a secret in a header.
func Header(name, value string) Auth {
	return Auth{func(_ http.Header, r *http.Request) (string, int) {
		if !equal(r.Header.Get(name), value) {
			return "", http.StatusForbidden
		}
		return name, 0
	}}
}

// Digest is HTTP digest authentication, SHA-256 and MD5.
func Digest(user, password string) Auth {
	server := &digest.Server{Realm: "speketest", Users: digest.Users{user: {digest.NewPassword(password)}}}
	return Auth{func(answer http.Header, r *http.Request) (string, int) {
		u, err := server.Verify(r)
		if err != nil {
			server.Challenge(answer, err)
			return "", http.StatusUnauthorized
		}
		return u, 0
	}}
}

// SigV4 is AWS Signature Version 4 for the service execute-api, the body signed. The region is any if it is empty.
func SigV4(region, accessKeyID, secretAccessKey, sessionToken string) Auth {
	verifier := &sigv4.Verifier{
		Keys:    sigv4.Keys{sigv4.NewCredentials(accessKeyID, secretAccessKey, sessionToken)},
		Service: sigv4.Service{Name: "execute-api", Region: region}, Signed: true,
	}
	return Auth{func(_ http.Header, r *http.Request) (string, int) {
		who, err := verifier.Verify(r)
		if err != nil {
			return "", http.StatusForbidden
		}
		return who.AccessKeyID, 0
	}}
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
