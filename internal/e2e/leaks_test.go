package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/drm/speketest"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// leakRun is one run of all that handles keys: its secrets, and whoever listens.
type leakRun struct {
	secrets
	t       *testing.T
	log     *slog.Logger
	logs    []*listener
	asset   *vod.Asset
	values  []any // live values of public types
	owner   *x509.Certificate
	private *rsa.PrivateKey
	n       int
}

// listener is an io.Writer that has all it is given searched.
type listener struct {
	run  *leakRun
	name string
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *listener) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run.see(l.name, l.text.Bytes())
}

// watched remembers each key that a provider gives.
type watched struct {
	drm.KeyProvider
	run  *leakRun
	name string
}

func (w *watched) Keys(ctx context.Context, req drm.Request) (*drm.KeySet, error) {
	set, err := w.KeyProvider.Keys(ctx, req)
	if err != nil {
		w.run.err(w.name+" for "+req.ContentID, err)
		return nil, err
	}
	for i := range set.Keys {
		w.run.key("key of "+w.name, set.Keys[i].Key.Value)
	}
	return set, nil
}

// err has an error searched in all its forms.
func (r *leakRun) err(name string, err error) {
	require.Error(r.t, err, name)
	for form, text := range printed(err) {
		r.see("error of "+name+" by "+form, []byte(text))
	}
}

// credentials, each of which has to be found nowhere.
const (
	leakPassword = "correct-horse-battery-staple"
	leakToken    = "header-token-5f2b7c9d81e04a63"
	leakAWS      = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY42"
	leakSession  = "session-token-of-the-role-0123456789"
	leakMaster   = "c3a95e7d1f2b4c6d8e0fa1b2c3d4e5f697887a6b5c4d3e2f1a0b9c8d7e6f5041"
	leakStatic   = "f19c35d2a7b86e4f0d1b2c93e8a47f56"
)

func newLeakRun(t *testing.T) *leakRun {
	r := &leakRun{t: t}
	lines, object := &listener{run: r, name: "log as text"}, &listener{run: r, name: "log as JSON"}
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	r.log = slog.New(slog.NewMultiHandler(slog.NewTextHandler(lines, options), slog.NewJSONHandler(object, options)))
	before := slog.Default()
	slog.SetDefault(r.log)
	t.Cleanup(func() { slog.SetDefault(before) })
	r.logs = []*listener{lines, object}
	for name, v := range map[string]string{"password": leakPassword, "token": leakToken, "AWS secret": leakAWS, "AWS session": leakSession} {
		r.add(name, []byte(v))
	}
	for name, v := range map[string]string{"master secret": leakMaster, "static key": leakStatic} {
		r.add(name, unhexed(t, v))
	}
	r.private, r.owner = leakCertificate(t)
	for name, v := range map[string]*big.Int{"private exponent": r.private.D, "prime": r.private.Primes[0], "other prime": r.private.Primes[1]} {
		r.add(name, v.Bytes())
		r.add(name+" in decimal", []byte(v.String()))
	}
	source := harness.Media(t)
	r.asset = &vod.Asset{}
	for _, name := range []string{"video_h264_360_25.mp4", "video_h264_480_25.mp4", "audio_eng_aac.m4a", "audio_fra_aac.m4a"} {
		f, err := vod.OpenFile(filepath.Join(source, name))
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		r.asset.Inputs = append(r.asset.Inputs, vod.Input{Name: name, Object: f})
	}
	return r
}

func unhexed(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func leakCertificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "packager"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return key, certificate
}

// leakEndpoints are ProtectedEndpoints, and one for each setting beyond them.
func leakEndpoints() []origin.Endpoint {
	commercial := []drm.SystemID{drm.Widevine, drm.PlayReady}
	both := []origin.Manifest{{Format: origin.HLS}, {Format: origin.DASH}}
	endpoint := func(name string, c origin.Container, manifests []origin.Manifest, e origin.Encryption) origin.Endpoint {
		return origin.Endpoint{Name: name, Container: c, Manifests: manifests, Encryption: &e, Plan: media.Plan{Segment: 4 * time.Second}}
	}
	inBand := []origin.Manifest{{Format: origin.HLS, InBandKeys: true}, {Format: origin.DASH, InBandKeys: true}}
	presets, err := drm.Preset("PRESET_VIDEO_2", "PRESET_AUDIO_2")
	if err != nil {
		panic(err)
	}
	packed := endpoint("packed", origin.TS, both[:1], origin.Encryption{Method: drm.SampleAES, DRMSystems: []drm.SystemID{drm.FairPlay}})
	packed.PackedAudio = true
	return append(origin.ProtectedEndpoints(),
		endpoint("commercial", origin.CMAF, both, origin.Encryption{Method: drm.CENC, DRMSystems: commercial, IVSize: 16}),
		endpoint("fairplay", origin.CMAF, both, origin.Encryption{Method: drm.CBCS, DRMSystems: append(commercial, drm.FairPlay), ClearLead: 5 * time.Second}),
		endpoint("rotation", origin.CMAF, both, origin.Encryption{Method: drm.CENC, DRMSystems: commercial, KeyRotationInterval: 6 * time.Second}),
		endpoint("in-band", origin.CMAF, inBand, origin.Encryption{Method: drm.CBCS, DRMSystems: commercial, KeyRotationInterval: 6 * time.Second}),
		endpoint("presets", origin.CMAF, both, origin.Encryption{Method: drm.CBCS, DRMSystems: commercial, Contract: presets, ExcludePSSH: true}),
		endpoint("cens", origin.CMAF, both[1:], origin.Encryption{Method: drm.CENS, DRMSystems: []drm.SystemID{drm.Widevine}}),
		endpoint("cbc1", origin.CMAF, both[1:], origin.Encryption{Method: drm.CBC1, DRMSystems: []drm.SystemID{drm.Widevine}}),
		endpoint("whole", origin.CMAF, both[:1], origin.Encryption{Method: drm.AES128, DRMSystems: []drm.SystemID{drm.Identity}, ClearLead: 3 * time.Second}),
		endpoint("ts-rotation", origin.TS, both[:1], origin.Encryption{Method: drm.AES128, DRMSystems: []drm.SystemID{drm.Identity}, KeyRotationInterval: 6 * time.Second}),
		packed,
	)
}

// crawl fetches manifests, initialization segments and media, and all that is wrong to ask for.
func (r *leakRun) crawl(name string, h *origin.Handler) {
	server := httptest.NewUnstartedServer(h)
	faults := &listener{run: r, name: "log of the server of " + name}
	server.Config.ErrorLog = log.New(faults, "", 0)
	server.Start()
	defer server.Close()
	defer faults.done()
	seen := map[string]bool{}
	var fetch func(address string, depth int)
	fetch = func(address string, depth int) {
		if seen[address] {
			return
		}
		seen[address] = true
		body := r.get(name, address)
		if depth == 0 || !strings.HasPrefix(string(body), "#EXTM3U") {
			return
		}
		segments := 0
		for _, m := range childURI.FindAllStringSubmatch(string(body), -1) {
			child := m[1]
			if child == "" {
				child = m[0]
			}
			if segments++; segments <= 2 || depth > 1 {
				fetch(harness.Resolve(r.t, address, child), depth-1)
			}
		}
		for _, m := range mapURI.FindAllStringSubmatch(string(body), -1) {
			fetch(harness.Resolve(r.t, address, m[1]), 0)
		}
	}
	for _, p := range h.Playables("t/film") {
		address := server.URL + p.Path
		fetch(address, 2)
		fetch(address+"/nothing", 0)
		fetch(strings.Replace(address, "film", "nobody", 1), 0)
	}
	r.values = append(r.values, h)
}

func (r *leakRun) get(name, address string) []byte {
	resp, err := http.Get(address)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	r.n++
	where := fmt.Sprintf("%s: %s %s", name, resp.Status, resp.Request.URL.Path)
	r.see(where, body)
	r.see(where+" header", fmt.Append(nil, resp.Header, resp.Trailer))
	return body
}

// TestNoSecretLeaks serves every method of encryption with every kind of provider, has what can go wrong go wrong, and
// searches for each key and credential in logs, errors, manifests, media, headers, answers to errors, reports of caches,
// and in what values of all public types print. Keys may be in answers of ClearKey and in CPIX documents, nowhere else.
func TestNoSecretLeaks(t *testing.T) {
	r := newLeakRun(t)
	r.providers()
	r.faults()
	r.licences()
	r.inputs()
	r.mistakes()
	r.settle()
	r.publicValues()
	for _, l := range r.logs {
		require.NotZero(t, l.text.Len(), l.name)
		l.done()
	}
	require.Empty(t, r.leaks())
	t.Logf("%d secrets searched in %d MB: %d answers over HTTP, %d public values", len(r.known), r.bytes>>20, r.n, len(r.values))
}

// auths are ways to be known to a key server, and what it wants to see.
func auths() map[string]struct {
	own   speke.Auth
	their speketest.Auth
} {
	credentials := speke.NewCredentials("AKIDEXAMPLE", leakAWS, leakSession)
	return map[string]struct {
		own   speke.Auth
		their speketest.Auth
	}{
		"basic":  {speke.Basic("user", leakPassword), speketest.Basic("user", leakPassword)},
		"digest": {speke.Digest("user", leakPassword), speketest.Digest("user", leakPassword)},
		"header": {speke.Header("X-Api-Key", leakToken), speketest.Header("X-Api-Key", leakToken)},
		"SigV4":  {speke.SigV4("eu-west-1", speke.Static(credentials)), speketest.SigV4("eu-west-1", "AKIDEXAMPLE", leakAWS, leakSession)},
	}
}

// providers serves all endpoints with all providers.
func (r *leakRun) providers() {
	links := drm.Signaller{ClearKeyURL: "/drm/clearkey", KeyURL: "/drm/clearkey?kid={kid}", PlayReadyURL: "https://example.com/playready"}
	value, err := drm.NewSecret(unhexed(r.t, leakStatic))
	require.NoError(r.t, err)
	static := &drm.Static{Labels: map[string]drm.Key{}, Signals: links}
	for _, label := range []string{"ALL", "SD", "HD", "STEREO_AUDIO", "MULTICHANNEL_AUDIO"} {
		k := drm.Key{Value: value}
		if label != "ALL" {
			k.ID, k.IV = drm.KeyID([]byte(fmt.Sprintf("%-16s", label))[:16]), []byte("IVs are no secret"[:16])
		}
		static.Labels[label] = k
	}
	master := &drm.Master{Secret: drm.NewMaterial(unhexed(r.t, leakMaster)), Signals: links}
	cached := &drm.Cache{Provider: master, Observe: r.observe}
	defer cached.Close()
	list := map[string]drm.KeyProvider{
		"Static": static, "Master": master, "Seed": &drm.Seed{Secret: master.Secret, Signals: links}, "Cache": cached,
	}
	versions := map[string]speke.Version{"basic": speke.V1, "digest": speke.V20, "header": speke.V21, "SigV4": speke.V21}
	for way, a := range auths() {
		server := speketest.New(&speketest.Handler{Auth: a.their})
		defer server.Close()
		client := &speke.Client{URL: server.URL, Version: versions[way], Auth: a.own, HTTP: server.Client()}
		if way == "digest" || way == "SigV4" {
			client.Certificate, client.PrivateKey = r.owner, r.private
		}
		list["SPEKE "+way] = client
		r.values = append(r.values, client, a.own, a.their, server, server.Handler)
	}
	r.values = append(r.values, static, master, list["Seed"], cached)
	for name, p := range list {
		r.crawl(name, &origin.Handler{Library: origin.Map{"t/film": r.asset}, Endpoints: leakEndpoints(), Keys: &watched{p, r, name}, Logger: r.log})
	}
	require.Greater(r.t, len(r.known), 50, "keys were given")
}

func (r *leakRun) observe(f drm.Fetch) {
	for form, text := range printed(f) {
		r.see("Observe by "+form, []byte(text))
	}
	r.log.Debug("fetch", "fetch", f, "err", f.Err)
}

// faults has a key server err in every way, before a client and before a whole origin.
func (r *leakRun) faults() {
	server := speketest.New(&speketest.Handler{Auth: speketest.Basic("user", leakPassword)})
	defer server.Close()
	answers := &answerTap{next: http.DefaultTransport}
	for _, kind := range speketest.Kinds() {
		server.SetFaults(speketest.Fault{Kind: kind, Message: "Malformed encryption contract"})
		for _, version := range []speke.Version{speke.V1, speke.V20, speke.V21} {
			for _, sealed := range []bool{false, true} {
				client := &speke.Client{URL: server.URL, Version: version, Auth: speke.Basic("user", leakPassword), Timeout: 150 * time.Millisecond,
					MaxBytes: 1 << 16, HTTP: &http.Client{Transport: answers}}
				if sealed {
					client.Certificate, client.PrivateKey = r.owner, r.private
				}
				cache := &drm.Cache{Provider: &watched{client, r, "faulty server"}, Observe: r.observe, Attempts: 1}
				h := &origin.Handler{Library: origin.Map{"t/film": r.asset}, Endpoints: leakEndpoints()[4:5], Keys: cache, Logger: r.log}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/out/v1/t/film/commercial/index.m3u8", nil))
				r.see(fmt.Sprintf("origin with %s: %d", kind, w.Code), fmt.Append(w.Body.Bytes(), w.Header()))
				cache.Close()
			}
		}
	}
	for _, q := range server.Requests() {
		r.see("request "+q.Version+" to the key server", q.Body)
		r.values = append(r.values, q)
	}
	r.values = append(r.values, speketest.Fault{Kind: speketest.Status})
	require.True(r.t, r.positive(answers.text.Bytes()), "CPIX documents have keys: the search finds them there")
}

// positive says whether a secret is found in a text: where keys may be.
func (r *leakRun) positive(text []byte) bool {
	r.mu.Lock()
	probe := secrets{known: r.known}
	r.mu.Unlock()
	probe.see("probe", text)
	return len(probe.leaks()) > 0
}

// answerTap keeps answers.
type answerTap struct {
	next http.RoundTripper
	mu   sync.Mutex
	text bytes.Buffer
}

func (a *answerTap) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, a), resp.Body}
	return resp, nil
}

func (a *answerTap) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.text.Len() < 1<<20 {
		a.text.Write(p)
	}
	return len(p), nil
}

// licences asks ClearKey for keys that it has, where they may be found, and for others.
func (r *leakRun) licences() {
	master := &drm.Master{Secret: drm.NewMaterial(unhexed(r.t, leakMaster))}
	id := drm.KeyID{1, 2, 3}
	key, err := master.Key(r.t.Context(), id)
	require.NoError(r.t, err)
	r.key("key of a licence", key.Value)
	all, none := origin.ClearKey{Keys: master}, origin.ClearKey{Keys: &drm.Static{IDs: []drm.Key{{ID: drm.KeyID{9}, Value: key.Value}}}}
	r.values = append(r.values, all, none)
	ask := func(c origin.ClearKey, method, query, body string) []byte {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(method, "/"+query, strings.NewReader(body)))
		return fmt.Append(w.Body.Bytes(), w.Header(), w.Code)
	}
	good := `{"kids":["` + id.JWK() + `"],"type":"temporary"}`
	require.True(r.t, r.positive(ask(all, http.MethodPost, "", good)))
	require.True(r.t, r.positive(ask(all, http.MethodGet, "?kid="+id.Hex(), "")))
	for i, text := range [][]byte{
		ask(none, http.MethodPost, "", good), ask(none, http.MethodGet, "?kid="+id.Hex(), ""), ask(all, http.MethodHead, "?kid="+id.Hex(), ""),
		ask(all, http.MethodOptions, "", ""), ask(all, http.MethodDelete, "", ""), ask(all, http.MethodGet, "?kid=12", ""),
		ask(all, http.MethodPost, "", "{"), ask(all, http.MethodPost, "", strings.Repeat("x", 70<<10)), ask(all, http.MethodPost, "", `{"kids":["@"]}`),
	} {
		r.see(fmt.Sprint("refused licence ", i), text)
	}
}

// inputs serves an encrypted file clear and encrypted anew, and opens it with wrong keys.
func (r *leakRun) inputs() {
	locked := encryptedByFFmpeg(r.t, "locked")
	for id, text := range locked.keys {
		r.add("key of the input", unhexed(r.t, text))
		r.open(locked.file[0], id, text, true)
		wrong := []byte(text)
		wrong[0] ^= 1
		r.add("wrong key of the input", unhexed(r.t, string(wrong)))
		r.open(locked.file[0], id, string(wrong), false)
		r.open(locked.file[0], strings.Repeat("0", 31)+"1", text, false)
	}
}

func (r *leakRun) open(path, id, key string, good bool) {
	f, err := vod.OpenFile(path)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { f.Close() })
	value, err := drm.NewSecret(unhexed(r.t, key))
	require.NoError(r.t, err)
	kid, err := drm.ParseKeyID(id)
	require.NoError(r.t, err)
	in := vod.Input{Name: filepath.Base(path), Object: f, Keys: &drm.Static{IDs: []drm.Key{{ID: kid, Value: value}}}}
	src, err := vod.OpenInput(r.t.Context(), in)
	if !good {
		if err != nil { // a wrong key may show only in what comes out
			r.err("wrong key", err)
		}
		return
	}
	require.NoError(r.t, err)
	asset := &vod.Asset{Inputs: []vod.Input{in}}
	r.values = append(r.values, in, src, asset)
	master := &drm.Master{Secret: drm.NewMaterial(unhexed(r.t, leakMaster)), Signals: drm.Signaller{ClearKeyURL: "/k", KeyURL: "/k"}}
	endpoints := append(origin.DefaultEndpoints(), leakEndpoints()...)
	r.crawl("decrypted input", &origin.Handler{Library: origin.Map{"t/film": asset}, Endpoints: endpoints, Keys: &watched{master, r, "decrypted"}, Logger: r.log})
}

// mistakes are settings that are wrong, and servers that do not know us.
func (r *leakRun) mistakes() {
	ctx := r.t.Context()
	req := drm.Request{ContentID: "film", Scheme: drm.CBCS, Contract: drm.Shared(), Systems: []drm.SystemID{drm.Widevine}}
	secret := unhexed(r.t, leakMaster)
	_, err := drm.NewSecret(secret)
	r.err("a long key", err)
	_, err = drm.NewSecret(secret[:15])
	r.err("a short key", err)
	_, err = (&drm.Master{Secret: drm.NewMaterial(secret[:31])}).Keys(ctx, req)
	r.err("a short master", err)
	_, err = (&drm.Seed{Secret: drm.NewMaterial(secret[:29])}).Keys(ctx, req)
	r.err("a short seed", err)
	good := &drm.Master{Secret: drm.NewMaterial(secret)}
	bad := req
	bad.Systems = []drm.SystemID{drm.Marlin}
	_, err = good.Keys(ctx, bad)
	r.err("a system that cannot be", err)
	for i, e := range []origin.Encryption{{}, {Method: drm.CENC}, {Method: drm.AES128, DRMSystems: common}, {Method: drm.CBCS, DRMSystems: common, ConstantInitializationVector: secret[:7]}} {
		h := &origin.Handler{Library: origin.Map{}, Keys: good, Endpoints: []origin.Endpoint{{Name: "x", Container: origin.CMAF,
			Manifests: []origin.Manifest{{Format: origin.DASH}}, Encryption: &e}}}
		r.err(fmt.Sprint("settings ", i), h.Validate())
	}
	for way, a := range auths() {
		server := speketest.New(&speketest.Handler{Auth: speketest.Basic("somebody", "else")})
		_, err := (&speke.Client{URL: server.URL, Auth: a.own}).Keys(ctx, req)
		r.err("unauthorized "+way, err)
		server.Close()
		_, err = (&speke.Client{URL: server.URL, Auth: a.own}).Keys(ctx, req)
		r.err("no server "+way, err)
	}
	for name, settings := range map[string]speketest.TLS{"expired": {Expired: true}, "mutual": {Mutual: true}} {
		r.values = append(r.values, settings)
		server, err := speketest.NewTLS(nil, settings)
		require.NoError(r.t, err)
		_, err = (&speke.Client{URL: server.URL, Auth: speke.Basic("user", leakPassword), HTTP: &http.Client{}}).Keys(ctx, req)
		r.err("TLS "+name, err)
		server.Close()
	}
	server := speketest.New(nil)
	defer server.Close()
	other, _ := leakCertificate(r.t)
	_, err = (&speke.Client{URL: server.URL, Certificate: r.owner, PrivateKey: other}).Keys(ctx, req)
	r.err("another private key", err)
	_, err = (&speke.Client{URL: strings.Replace(server.URL, "http://", "http://user:"+leakPassword+"@", 1) + "/none?token=" + leakToken,
		HTTP: &http.Client{Transport: refusing{}}}).Keys(ctx, req)
	r.err("secrets in the URL", err)
	h := &origin.Handler{Library: origin.Map{"t/film": r.asset}, Endpoints: leakEndpoints(), Logger: r.log,
		Keys: drm.KeyProviderFunc(func(context.Context, drm.Request) (*drm.KeySet, error) {
			set := &drm.KeySet{Keys: []drm.TrackKey{{Label: "other", Key: drm.Key{}}}}
			panic(fmt.Sprintf("of a provider: %+v", set))
		})}
	r.crawl("a provider that panics", h)
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }
