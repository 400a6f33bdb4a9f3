package origin_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/origin"
)

// vault gives keys that follow from their ids, or fails.
type vault struct {
	asked atomic.Int64
	fail  atomic.Pointer[error]
}

func (v *vault) Keys(_ context.Context, req drm.Request) (*drm.KeySet, error) {
	v.asked.Add(1)
	if err := v.fail.Load(); err != nil {
		return nil, *err
	}
	set := &drm.KeySet{}
	for _, r := range req.Contract {
		k := drm.TrackKey{Label: r.Label, Key: keyOf(req.KeyID(r.Label))}
		for _, s := range req.Systems {
			k.Signals = append(k.Signals, drm.Signal{System: s,
				HLS: fmt.Sprintf(`METHOD=%s,URI="https://keys.test/%s",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`, req.Scheme.Method(), k.Key.ID)})
		}
		set.Keys = append(set.Keys, k)
	}
	return set, nil
}

func (v *vault) Key(_ context.Context, id drm.KeyID) (drm.Key, error) {
	if id[0] == 0 {
		return drm.Key{}, fmt.Errorf("key %s: %w", id, drm.ErrNoKey)
	}
	return keyOf(id), nil
}

func keyOf(id drm.KeyID) drm.Key {
	sum := sha256.Sum256(id[:])
	s, err := drm.NewSecret(sum[:16])
	if err != nil {
		panic(err) // it has 16 bytes
	}
	return drm.Key{ID: id, Value: s}
}

func protectedHandler(v *vault, change func(*origin.Endpoint)) *origin.Handler {
	ep := origin.Endpoint{Name: "ts", Container: origin.TS, Manifests: []origin.Manifest{{Format: origin.HLS}},
		Encryption: &origin.Encryption{Method: drm.AES128, DRMSystems: []drm.SystemID{drm.Identity}}}
	if change != nil {
		change(&ep)
	}
	return &origin.Handler{Library: origin.Map{"films/one": &content{}}, Logger: quiet(), Keys: v, Endpoints: []origin.Endpoint{ep}}
}

// decrypt undoes AES-128 of a whole segment.
func decrypt(t *testing.T, data string, key drm.Key, iv []byte) string {
	value, ok := key.Value.Reveal()
	require.True(t, ok)
	block, err := aes.NewCipher(value[:])
	require.NoError(t, err)
	out := []byte(data)
	require.Zero(t, len(out)%16)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, out)
	pad := int(out[len(out)-1])
	require.LessOrEqual(t, pad, 16)
	return string(out[:len(out)-pad])
}

func sequenceIV(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 8), n) }

var keyURI = regexp.MustCompile(`(?m)^#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/([^"]+)"`)

// Whole segments decrypt to what the clear endpoint serves, by the key that the playlist names; HEAD and Range agree.
func TestAES128(t *testing.T) {
	v := &vault{}
	h, clear := protectedHandler(v, nil), newHandler(&content{})
	playlist := bodyOf(t, get(t, h, "GET", "/out/v1/films/one/ts/index.v1.m3u8"))
	m := keyURI.FindStringSubmatch(playlist)
	require.NotNil(t, m, playlist)
	id, err := drm.ParseKeyID(m[1])
	require.NoError(t, err)
	require.NotContains(t, playlist, "IV=", "segments count their IVs")
	for _, n := range []uint64{1, 2, 3} {
		name := fmt.Sprintf("ts/v/v1/%d.ts", n)
		path := resolve(t, h, name)
		res := get(t, h, "GET", path)
		data := bodyOf(t, res)
		require.Equal(t, fmt.Sprint(len(data)), res.Header.Get("Content-Length"))
		want := bodyOf(t, get(t, clear, "GET", resolve(t, clear, name)))
		require.Equal(t, want, decrypt(t, data, keyOf(id), sequenceIV(n)))
		require.Equal(t, res.Header, get(t, h, "HEAD", path).Header)
		part := get(t, h, "GET", path, "Range", "bytes=1000-1999")
		require.Equal(t, http.StatusPartialContent, part.StatusCode)
		require.Equal(t, data[1000:2000], bodyOf(t, part))
	}
	require.EqualValues(t, 1, v.asked.Load(), "one request for one content")
}

// An initialization segment is encrypted too, and the playlist says with what IV.
func TestAES128Init(t *testing.T) {
	h, clear := protectedHandler(&vault{}, func(ep *origin.Endpoint) { ep.Container, ep.Name = origin.CMAF, "cmaf" }), newHandler(&content{})
	playlist := bodyOf(t, get(t, h, "GET", "/out/v1/films/one/cmaf/index.v1.m3u8"))
	require.Less(t, strings.Index(playlist, "#EXT-X-KEY"), strings.Index(playlist, "#EXT-X-MAP"), playlist)
	id, err := drm.ParseKeyID(keyURI.FindStringSubmatch(playlist)[1])
	require.NoError(t, err)
	key := keyOf(id)
	iv := key.ConstantIV()
	require.Contains(t, playlist, fmt.Sprintf("IV=0x%x", iv))
	for _, name := range []string{"cmaf/v/v1/p1.init.mp4", "cmaf/v/v1/1.m4s", "cmaf/v/v1/2.m4s"} {
		got := bodyOf(t, get(t, h, "GET", resolve(t, h, name)))
		require.Equal(t, bodyOf(t, get(t, clear, "GET", resolve(t, clear, name))), decrypt(t, got, key, iv[:]), name)
	}
}

// In a clear lead the initialization segment is clear; the encrypted segments have another, which is encrypted.
func TestAES128InitAfterLead(t *testing.T) {
	h, clear := protectedHandler(&vault{}, func(ep *origin.Endpoint) {
		ep.Container, ep.Name, ep.Encryption.ClearLead = origin.CMAF, "cmaf", 3*time.Second
	}), newHandler(&content{})
	playlist := bodyOf(t, get(t, h, "GET", "/out/v1/films/one/cmaf/index.v1.m3u8"))
	var inits []string
	for _, m := range regexp.MustCompile(`#EXT-X-MAP:URI="[^"]*/v1/([^"]+)"`).FindAllStringSubmatch(playlist, -1) {
		inits = append(inits, m[1])
	}
	require.Equal(t, []string{"p1.init.mp4", "p1.k0.init.mp4"}, inits, playlist)
	id, err := drm.ParseKeyID(keyURI.FindStringSubmatch(playlist)[1])
	require.NoError(t, err)
	key := keyOf(id)
	iv := key.ConstantIV()
	want := bodyOf(t, get(t, clear, "GET", resolve(t, clear, "cmaf/v/v1/p1.init.mp4")))
	require.Equal(t, want, bodyOf(t, get(t, h, "GET", resolve(t, h, "cmaf/v/v1/p1.init.mp4"))))
	require.Equal(t, want, decrypt(t, bodyOf(t, get(t, h, "GET", resolve(t, h, "cmaf/v/v1/p1.k0.init.mp4"))), key, iv[:]))
	require.Equal(t, 404, get(t, h, "GET", resolve(t, h, "cmaf/v/v1/p1.k1.init.mp4")).StatusCode)
}

func TestProviderDown(t *testing.T) {
	v := &vault{}
	h := protectedHandler(v, nil)
	given := resolve(t, h, "ts/v/v1/1.ts")
	require.Equal(t, 200, get(t, h, "GET", given).StatusCode)
	for _, c := range []struct {
		err    error
		status int
	}{{drm.ErrUnavailable, 503}, {drm.ErrRefused, 502}, {drm.ErrNoKey, 404}} {
		err := fmt.Errorf("asking https://keys.test/secret-path: %w", c.err)
		v.fail.Store(&err)
		require.Equal(t, 200, get(t, h, "GET", given).StatusCode, "what was given goes on")
		fresh := protectedHandler(v, nil)
		res := get(t, fresh, "GET", given)
		require.Equal(t, c.status, res.StatusCode)
		require.Equal(t, c.status == 503, res.Header.Get("Retry-After") != "")
		require.NotContains(t, bodyOf(t, res), "secret-path")
		require.Equal(t, c.status, get(t, fresh, "GET", "/out/v1/films/one/ts/index.v1.m3u8").StatusCode)
	}
}

// A provider that panics fails what needs its keys and nothing else.
func TestProviderPanics(t *testing.T) {
	h := protectedHandler(&vault{}, nil)
	h.Keys = drm.KeyProviderFunc(func(context.Context, drm.Request) (*drm.KeySet, error) { panic("of a provider") })
	for _, path := range []string{"/out/v1/films/one/ts/index.v1.m3u8", resolve(t, newHandler(&content{}), "ts/v/v1/1.ts")} {
		res := get(t, h, "GET", path)
		require.GreaterOrEqual(t, res.StatusCode, 400, path)
		require.NotContains(t, bodyOf(t, res), "of a provider")
	}
}

// A key period whose provider is down is asked for once, not each period after the other; and what a client has is valid
// without its key.
func TestProviderDownAsksOnce(t *testing.T) {
	v := &vault{}
	up := func(ep *origin.Endpoint) {
		ep.Container, ep.Name, ep.Encryption.KeyRotationInterval = origin.CMAF, "cmaf", time.Second
	}
	h := protectedHandler(v, up)
	init := resolve(t, h, "cmaf/v/v1/p1.k0.init.mp4")
	require.Equal(t, 200, get(t, h, "GET", init).StatusCode)
	tag := get(t, h, "GET", init).Header.Get("ETag")

	v.asked.Store(0)
	err := fmt.Errorf("no route: %w", drm.ErrUnavailable)
	v.fail.Store(&err)
	fresh := protectedHandler(v, up)
	require.Equal(t, 304, get(t, fresh, "GET", init, "If-None-Match", tag).StatusCode)
	require.Equal(t, 404, get(t, fresh, "GET", strings.Replace(init, ".k0.", ".k9.", 1), "If-None-Match", tag).StatusCode)
	require.Zero(t, v.asked.Load())
	require.Equal(t, 503, get(t, fresh, "GET", "/out/v1/films/one/cmaf/index.v1.m3u8").StatusCode)
	require.LessOrEqual(t, v.asked.Load(), int64(3))
}

// Settings that decide the bytes are in the URLs.
func TestVersionHoldsEncryption(t *testing.T) {
	seen := map[string]bool{version(t, newHandler(&content{}), "films/one", "ts"): true}
	for i, change := range []func(*origin.Encryption){
		func(*origin.Encryption) {},
		func(e *origin.Encryption) { e.ResourceID = "other" },
		func(e *origin.Encryption) { e.ConstantInitializationVector = make([]byte, 16) },
		func(e *origin.Encryption) { e.KeyRotationInterval = time.Minute },
		func(e *origin.Encryption) { e.ClearLead = time.Second },
		func(e *origin.Encryption) { e.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{}}}} },
		func(e *origin.Encryption) {
			e.Contract = drm.Contract{{Label: "VIDEO", Video: []drm.VideoFilter{{MinPixels: 1}}}}
		},
	} {
		v := version(t, protectedHandler(&vault{}, func(ep *origin.Endpoint) { change(ep.Encryption) }), "films/one", "ts")
		require.False(t, seen[v], "setting %d", i)
		seen[v] = true
	}
}

func TestRotationAndLead(t *testing.T) {
	h := protectedHandler(&vault{}, func(ep *origin.Endpoint) {
		ep.Encryption.KeyRotationInterval = 4 * time.Second
		ep.Encryption.ClearLead = 3 * time.Second
	})
	clear := newHandler(&content{})
	playlist := bodyOf(t, get(t, h, "GET", "/out/v1/films/one/ts/index.v1.m3u8"))
	ids := keyURI.FindAllStringSubmatch(playlist, -1)
	require.Len(t, ids, 2, playlist)
	require.NotEqual(t, ids[0][1], ids[1][1])
	require.Less(t, strings.Index(playlist, "/1.ts"), strings.Index(playlist, "#EXT-X-KEY"), "the lead is clear")
	for n := uint64(1); n <= 3; n++ {
		name := fmt.Sprintf("ts/v/v1/%d.ts", n)
		got, want := bodyOf(t, get(t, h, "GET", resolve(t, h, name))), bodyOf(t, get(t, clear, "GET", resolve(t, clear, name)))
		if n == 1 {
			require.Equal(t, want, got)
			continue
		}
		id, err := drm.ParseKeyID(ids[n-2][1])
		require.NoError(t, err)
		require.Equal(t, want, decrypt(t, got, keyOf(id), sequenceIV(n)))
	}
}

func TestEncryptionSettings(t *testing.T) {
	for name, change := range map[string]func(*origin.Endpoint){
		"method of another container": func(ep *origin.Endpoint) { ep.Encryption.Method = drm.CENC },
		"no method":                   func(ep *origin.Endpoint) { ep.Encryption.Method = "" },
		"no system":                   func(ep *origin.Endpoint) { ep.Encryption.DRMSystems = nil },
		"a manifest for another":      func(ep *origin.Endpoint) { ep.Manifests[0].DRMSystems = []drm.SystemID{drm.Widevine} },
		"short IV":                    func(ep *origin.Endpoint) { ep.Encryption.ConstantInitializationVector = make([]byte, 8) },
		"DASH": func(ep *origin.Endpoint) {
			ep.Container, ep.Manifests = origin.CMAF, []origin.Manifest{{Format: origin.DASH}}
		},
		"constant IV of a counter": func(ep *origin.Endpoint) {
			ep.Container, ep.Encryption.Method, ep.Encryption.ConstantInitializationVector = origin.CMAF, drm.CENC, make([]byte, 16)
		},
		"HLS of cens":          func(ep *origin.Endpoint) { ep.Container, ep.Encryption.Method = origin.CMAF, drm.CENS },
		"in band, not rotated": func(ep *origin.Endpoint) { ep.Manifests[0].InBandKeys = true },
		"pattern":              func(ep *origin.Endpoint) { ep.Encryption.Pattern = drm.Pattern{Crypt: 0, Skip: 9} },
		"empty contract":       func(ep *origin.Endpoint) { ep.Encryption.Contract = drm.Contract{} },
		"negative lead":        func(ep *origin.Endpoint) { ep.Encryption.ClearLead = -1 },
	} {
		require.Error(t, protectedHandler(&vault{}, change).Validate(), name)
	}
	h := protectedHandler(nil, nil)
	h.Keys = nil
	require.ErrorContains(t, h.Validate(), "no Keys")
}

func TestClearKey(t *testing.T) {
	c := origin.ClearKey{Keys: &vault{}}
	id := drm.KeyID{1, 2, 3}
	value, _ := keyOf(id).Value.Reveal()
	post := func(body string) *http.Response {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(body)))
		return w.Result()
	}
	res := post(`{"kids":["` + id.JWK() + `","AAAAAAAAAAAAAAAAAAAAAA"],"type":"temporary"}`)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	var got map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&got))
	require.Equal(t, map[string]any{"type": "temporary", "keys": []any{map[string]any{
		"kty": "oct", "kid": id.JWK(), "k": base64.RawURLEncoding.EncodeToString(value[:])}}}, got)

	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest("GET", "/?kid="+id.Hex(), nil))
	require.Equal(t, string(value[:]), w.Body.String())
	for body, want := range map[string]int{
		``: 400, `{}`: 400, `{"kids":["x"]}`: 400, `{"kids":["AAAAAAAAAAAAAAAAAAAAAA"]}`: 404,
		`{"kids":["` + strings.Repeat("A", 70<<10) + `"]}`: 400,
	} {
		require.Equal(t, want, post(body).StatusCode, "%.40s", body)
	}
	for query, want := range map[string]int{"": 400, "?kid=12": 400, "?kid=00000000000000000000000000000000": 404} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest("GET", "/"+query, nil))
		require.Equal(t, want, w.Code, query)
	}
}
