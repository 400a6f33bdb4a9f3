package sigv4

import "errors"

// Why a request was not accepted; match with errors.Is. None of them quotes a signature, a token or a secret.
var (
	ErrMissing     = errors.New("request is not signed")
	ErrMalformed   = errors.New("malformed signature data")
	ErrUnsupported = errors.New("unsupported kind of signature")
	ErrUnknownKey  = errors.New("unknown access key id")
	ErrExpired     = errors.New("signature has expired")
	ErrSkew        = errors.New("time of the request is too far from this clock")
	ErrScope       = errors.New("signed for another region or service")
	ErrToken       = errors.New("session token is not valid for the access key")
	ErrSignature   = errors.New("signature does not match")
	ErrPayload     = errors.New("body does not match its signed hash")
	ErrTooLarge    = errors.New("body is too large to be hashed before it is read")
)
