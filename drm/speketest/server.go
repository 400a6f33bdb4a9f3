package speketest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// Server is a Handler that listens on the loopback interface.
type Server struct {
	*Handler
	URL string // where keys are asked for

	server *httptest.Server
	client *http.Client
}

// New starts a server without TLS; nil: the zero Handler. It has to be closed.
func New(h *Handler) *Server {
	if h == nil {
		h = &Handler{}
	}
	s := httptest.NewServer(h)
	return &Server{h, s.URL + "/copyProtection", s, s.Client()}
}

// TLS says what certificates a server has and wants.
type TLS struct {
	Mutual  bool // clients have to show a certificate: Server.Client has one
	Expired bool // the server's certificate was good until yesterday
}

// NewTLS starts a server with TLS and an authority of its own. An error is one of the system's random source.
func NewTLS(h *Handler, t TLS) (*Server, error) {
	if h == nil {
		h = &Handler{}
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, fmt.Errorf("speketest: make an authority: %w", err)
	}
	end := time.Now().Add(24 * time.Hour)
	own, err := ca.issue("speketest", end)
	if t.Expired {
		own, err = ca.issue("speketest", time.Now().Add(-24*time.Hour))
	}
	if err != nil {
		return nil, fmt.Errorf("speketest: make a certificate: %w", err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	client := &tls.Config{RootCAs: ca.pool, MinVersion: tls.VersionTLS12}
	if t.Mutual {
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool
		theirs, err := ca.issue("client of speketest", end)
		if err != nil {
			return nil, fmt.Errorf("speketest: make a client's certificate: %w", err)
		}
		client.Certificates = []tls.Certificate{theirs}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are what tests want
	s.StartTLS()
	transport := &http.Transport{TLSClientConfig: client}
	return &Server{h, s.URL + "/copyProtection", s, &http.Client{Transport: transport}}, nil
}

// Client trusts the server's certificate, and has its own where the server asks for one.
func (s *Server) Client() *http.Client { return s.client }

// Close ends all connections, also of requests that hang.
func (s *Server) Close() {
	s.client.CloseIdleConnections()
	s.server.CloseClientConnections()
	s.server.Close()
}

// authority issues certificates for the loopback interface.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of speketest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour * 96), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &authority{certificate, key, pool}, nil
}

func (a *authority) issue(name string, end time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: end.Add(-48 * time.Hour), NotAfter: end,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
