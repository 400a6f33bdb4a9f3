package sigv4

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Credentials sign. They print as their access key id.
type Credentials struct {
	AccessKeyID string
	reveal      func() (secret, token string) // behind a function, into which fmt does not look
}

// NewCredentials makes Credentials; the session token of long-lived ones is empty.
func NewCredentials(accessKeyID, secretAccessKey, sessionToken string) Credentials {
	return Credentials{AccessKeyID: accessKeyID, reveal: func() (string, string) { return secretAccessKey, sessionToken }}
}

func (c Credentials) String() string             { return "access key " + c.AccessKeyID }
func (c Credentials) GoString() string           { return c.String() }
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
func (c Credentials) LogValue() slog.Value       { return slog.StringValue(c.AccessKeyID) }

// token is the session token, empty where there is none.
func (c Credentials) token() string {
	if c.reveal == nil {
		return ""
	}
	_, token := c.reveal()
	return token
}

// hasToken compares in constant time.
func (c Credentials) hasToken(token string) bool {
	return subtle.ConstantTimeCompare([]byte(c.token()), []byte(token)) == 1
}

// sign is the signature of a string under the key of a scope.
func (c Credentials) sign(s scope, text string) [sha256.Size]byte {
	var secret string
	if c.reveal != nil {
		secret, _ = c.reveal()
	}
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.day, s.region, s.service, terminator, text} {
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, part)
		key = mac.Sum(nil)
	}
	return [sha256.Size]byte(key)
}

// Lookup finds what may sign under an access key id. Safe for concurrent use.
type Lookup interface {
	// Credentials returns all that are valid now, none where the id is unknown: several while a secret is being
	// replaced, or with several session tokens. An error is one of the store that was asked.
	Credentials(ctx context.Context, accessKeyID string) ([]Credentials, error)
}

// Keys is a Lookup in a list.
type Keys []Credentials

// Credentials implements Lookup.
func (k Keys) Credentials(_ context.Context, accessKeyID string) ([]Credentials, error) {
	var found []Credentials
	for _, c := range k {
		if c.AccessKeyID == accessKeyID && c.reveal != nil {
			found = append(found, c)
		}
	}
	return found, nil
}
