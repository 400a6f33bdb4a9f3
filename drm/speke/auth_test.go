package speke_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/digest"
	"github.com/mezzomedia/mezzo/internal/sigv4"
)

func TestAuth(t *testing.T) {
	digests := &digest.Server{Realm: "keys", Users: digest.Users{"mezzo": {digest.NewPassword("letmein")}}}
	signatures := &sigv4.Verifier{
		Keys:    sigv4.Keys{sigv4.NewCredentials("AKIDEXAMPLE", "letmein", "token")},
		Service: sigv4.Service{Name: "execute-api", Region: "eu-west-1"},
	}
	aws := func(secret string) speke.Auth {
		return speke.SigV4("eu-west-1", speke.Static(speke.NewCredentials("AKIDEXAMPLE", secret, "token")))
	}
	admit := map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"basic": func(_ http.ResponseWriter, r *http.Request) bool {
			user, password, ok := r.BasicAuth()
			return ok && user == "mezzo" && password == "letmein"
		},
		"header": func(_ http.ResponseWriter, r *http.Request) bool { return r.Header.Get("X-Api-Key") == "letmein" },
		"digest": func(w http.ResponseWriter, r *http.Request) bool {
			_, err := digests.Verify(r)
			if err != nil {
				digests.Challenge(w.Header(), err)
			}
			return err == nil
		},
		"SigV4": func(_ http.ResponseWriter, r *http.Request) bool {
			_, err := signatures.Verify(r)
			return err == nil
		},
	}
	for name, tt := range map[string]struct{ right, wrong speke.Auth }{
		"basic":  {speke.Basic("mezzo", "letmein"), speke.Basic("mezzo", "no")},
		"header": {speke.Header("x-api-key", "letmein"), speke.Header("x-api-key", "no")},
		"digest": {speke.Digest("mezzo", "letmein"), speke.Digest("mezzo", "no")},
		"SigV4":  {aws("letmein"), aws("no")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			var calls atomic.Int32
			outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if !admit[name](w, r) {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				s.answer(t, w, r)
			}))
			t.Cleanup(outer.Close)
			for _, c := range []struct {
				auth  speke.Auth
				err   error
				calls int32
			}{{tt.right, nil, 1}, {tt.right, nil, 1}, {tt.wrong, drm.ErrRefused, 1}, {nil, drm.ErrRefused, 1}} {
				calls.Store(0)
				client := &speke.Client{URL: outer.URL + "/a b?c=d", Auth: c.auth}
				_, err := client.Keys(t.Context(), request())
				require.ErrorIs(t, err, c.err)
				require.LessOrEqual(t, calls.Load(), c.calls+1, "one attempt, and a challenge")
			}
		})
	}
}

// Where credentials cannot be had, nothing is sent.
func TestCredentialsFail(t *testing.T) {
	s := newServer(t)
	s.handle = func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }
	c := s.client("")
	gone := errors.New("role gone")
	c.Auth = speke.SigV4("eu-west-1", func(context.Context) (speke.Credentials, error) { return speke.Credentials{}, gone })
	_, err := c.Keys(t.Context(), request())
	require.ErrorIs(t, err, drm.ErrUnavailable)
	require.ErrorIs(t, err, gone)
}

func TestMutualTLS(t *testing.T) {
	own := certificate(t, 2048, time.Hour)
	s := newServer(t)
	outer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 || !r.TLS.PeerCertificates[0].Equal(own.certificate) {
			t.Error("not the client's certificate")
		}
		s.answer(t, w, r)
	}))
	outer.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	outer.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	outer.StartTLS()
	t.Cleanup(outer.Close)
	roots := x509.NewCertPool()
	roots.AddCert(outer.Certificate())
	for _, tt := range []struct {
		certificates []tls.Certificate
		err          error
	}{
		{[]tls.Certificate{{Certificate: [][]byte{own.certificate.Raw}, PrivateKey: own.key}}, nil},
		{nil, drm.ErrUnavailable},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: tt.certificates}}
		t.Cleanup(transport.CloseIdleConnections)
		_, err := (&speke.Client{URL: outer.URL, HTTP: &http.Client{Transport: transport}}).Keys(t.Context(), request())
		require.ErrorIs(t, err, tt.err)
	}
}

// Nothing that the package exports prints a secret.
func TestSecretsDoNotPrint(t *testing.T) {
	const secret = "s3cr3t"
	own := certificate(t, 2048, time.Hour)
	s := newServer(t)
	c := speke.Client{
		URL: "https://" + secret + ":" + secret + "@keys.example.com/?key=" + secret, Auth: speke.Basic("a", secret),
		Header: http.Header{"X-Api-Key": {secret}}, Certificate: own.certificate, PrivateKey: own.key,
	}
	credentials := speke.NewCredentials("AKID", secret, secret)
	working := s.client("")
	set, err := working.Keys(t.Context(), request())
	require.NoError(t, err)
	broken := c
	broken.HTTP = &http.Client{Transport: failing{}}
	_, fails := broken.Keys(t.Context(), request())
	require.ErrorIs(t, fails, drm.ErrUnavailable)
	values := []any{
		c, &c, c.Auth, credentials, &credentials, fails, set, set.Keys[0],
		speke.Header("X-Api-Key", secret), speke.Digest("a", secret), speke.SigV4("eu-west-1", speke.Static(credentials)),
	}
	value, _ := set.Keys[0].Key.Value.Reveal()
	secrets := []string{secret, string(value[:]), fmt.Sprintf("%x", value), fmt.Sprintf("%v", value), own.key.D.String()}
	for _, v := range values {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb+"\n", v)
		}
		for _, hidden := range secrets {
			require.NotContains(t, log.String(), hidden, "%T", v)
		}
	}
	for _, v := range []any{c, &c, struct{ Provider drm.KeyProvider }{&c}, c.Auth, credentials, set} {
		text, _ := json.Marshal(v)
		for _, hidden := range secrets {
			require.NotContains(t, string(text), hidden, "%T", v)
		}
	}
}

// failing is a transport that says too much.
type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrClosedPipe }
