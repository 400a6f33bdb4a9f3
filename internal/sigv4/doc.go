// Package sigv4 signs HTTP requests with AWS Signature Version 4 and verifies such signatures, in the Authorization header
// or in a presigned query.
//
//	signer := sigv4.Signer{Credentials: creds, Service: sigv4.Service{Region: "eu-west-1", Name: "execute-api"}}
//	err := signer.Sign(req, "") // hashes the body
//
//	verifier := sigv4.Verifier{Keys: sigv4.Keys{creds}, Service: sigv4.Service{Name: "mediapackagev2"}}
//	who, err := verifier.Verify(req) // who.AccessKeyID; req.Body now checks itself
//
// Both sides build one canonical request: method, path, query, the signed headers and the hash of the body. Services differ
// in how they take the path: see [Service].
//
// Chunked signatures (STREAMING-AWS4-HMAC-SHA256-PAYLOAD), SigV4A and the signing of trailers are not here; requests that
// use them get [ErrUnsupported]. Who may do what is the caller's: a [Caller] is a name, not a right.
package sigv4
