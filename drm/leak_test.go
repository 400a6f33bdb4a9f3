package drm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

// spellings are the ways in which bytes may stand in a text. Half of them are enough to call it a leak.
func spellings(secret []byte) map[string]string {
	decimal, prefixed := []string{}, []string{}
	for _, b := range secret {
		decimal = append(decimal, fmt.Sprint(b))
		prefixed = append(prefixed, fmt.Sprintf("0x%x", b))
	}
	return map[string]string{
		"raw": string(secret), "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`),
		"hex": hex.EncodeToString(secret), "spaced hex": fmt.Sprintf("% x", secret),
		"base64": base64.RawStdEncoding.EncodeToString(secret), "base64url": base64.RawURLEncoding.EncodeToString(secret),
		"decimal": strings.Join(decimal, " "), "JSON": strings.Join(decimal, ","), "Go": strings.Join(prefixed, ", "),
	}
}

// leak names the secret and the spelling that is found in text, whole or its first or last half; empty: none is.
func leak(text string, secrets ...[]byte) string {
	lower := strings.ToLower(text)
	for _, secret := range secrets {
		for _, part := range [][]byte{secret, secret[:len(secret)/2], secret[len(secret)/2:]} {
			for spelling, s := range spellings(part) {
				if strings.Contains(text, s) || strings.Contains(lower, strings.ToLower(s)) && !strings.HasPrefix(spelling, "base64") {
					return fmt.Sprintf("%s of a secret of %d bytes", spelling, len(secret))
				}
			}
		}
	}
	return ""
}

// texts are all ways of printing v that people use.
func texts(v any) map[string]string {
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%p"} {
		out[verb] = fmt.Sprintf(verb, v)
	}
	if s, err := json.Marshal(v); err == nil {
		out["JSON"] = string(s)
	} else {
		out["JSON error"] = err.Error()
	}
	if s, err := xml.Marshal(v); err == nil {
		out["XML"] = string(s)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err == nil {
		out["gob"] = b.String()
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"slog text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"slog JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).With("first", v).Info("message", "value", v, slog.Group("group", "value", v))
		out[name] = b.String()
	}
	if err, ok := v.(error); ok {
		out["error"] = err.Error()
	}
	if s, ok := v.(fmt.Stringer); ok {
		out["String"] = s.String()
	}
	if s, ok := v.(fmt.GoStringer); ok {
		out["GoString"] = s.GoString()
	}
	return out
}

func TestNothingLeaks(t *testing.T) {
	value, iv := unhex(t, "f19c35d2a7b86e4f0d1b2c93e8a47f56"), unhex(t, "00112233445566778899aabbccddeeff")
	material := unhex(t, "c3a95e7d1f2b4c6d8e0fa1b2c3d4e5f697887a6b5c4d3e2f1a0b9c8d7e6f5041")
	secret, err := drm.NewSecret(value)
	require.NoError(t, err)
	k := drm.Key{ID: id(t, keyA), Value: secret, IV: iv}
	signaller := drm.Signaller{ClearKeyURL: "/drm/clearkey", KeyURL: "/key/{kid}", PlayReadyURL: laURL, FairPlayURI: "skd://{kid}", SessionKeys: true}
	static := &drm.Static{Labels: map[string]drm.Key{"ALL": k}, IDs: []drm.Key{k}, Signals: signaller}
	master := &drm.Master{Secret: drm.NewMaterial(material), Signals: signaller}
	seed := &drm.Seed{Secret: drm.NewMaterial(material), Signals: signaller}
	req := drm.Request{ContentID: "demo", Scheme: drm.CBCS, Contract: drm.Shared(), KeyIDs: map[string]drm.KeyID{"ALL": k.ID},
		Systems: []drm.SystemID{drm.Widevine, drm.PlayReady, drm.FairPlay, drm.ClearKey, drm.Identity}}
	set, err := static.Keys(t.Context(), req)
	require.NoError(t, err)
	cache := &drm.Cache{Provider: static}
	defer cache.Close()
	_, err = cache.Keys(t.Context(), req)
	require.NoError(t, err)
	derived, err := master.Key(t.Context(), k.ID)
	require.NoError(t, err)
	fromMaster, _ := derived.Value.Reveal()
	derived, err = seed.Key(t.Context(), k.ID)
	require.NoError(t, err)
	fromSeed, _ := derived.Value.Reveal()
	header, err := drm.NewPlayReadyHeader(drm.CENC, &k)
	require.NoError(t, err)
	pro, err := header.Object()
	require.NoError(t, err)

	values := []any{
		secret, k, master.Secret, static, master, seed, cache, req, set, set.Keys[0], set.Keys[0].Signals[0], signaller, req.Contract, req.Contract[0],
		req.Contract[0].Video[0], req.Contract[0].Audio[0], k.ID, drm.CENC, drm.Pattern{Crypt: 1, Skip: 9}, drm.Widevine, drm.PeriodAt(1, 2, t0()),
		&drm.Protection{Scheme: drm.CBCS, Key: k, PSSH: set.Keys[0].Signals[0].PSSH}, drm.Fetch{ContentID: "demo", Err: drm.ErrNoKey},
		&drm.UnavailableError{Err: drm.ErrNoKey}, drm.PSSH{System: drm.Widevine, KeyIDs: []drm.KeyID{k.ID}}, drm.WidevineData{KeyIDs: []drm.KeyID{k.ID}},
		*header, header.Keys[0], drm.KeyProviderFunc(static.Keys),
	}
	for _, err := range failures(t, k, header, pro) {
		values = append(values, err)
	}
	covered := map[string]bool{"KeyProvider": true, "KeyFinder": true} // interfaces
	for _, v := range values {
		typ := reflect.TypeOf(v)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		covered[typ.Name()] = true
		p := reflect.New(reflect.TypeOf(v))
		p.Elem().Set(reflect.ValueOf(v))
		for where, w := range map[string]any{
			"itself": v, "pointer": p.Interface(), "slice": []any{v}, "map": map[string]any{"v": v},
			"field": struct{ V any }{v}, "unexported field": struct{ v any }{v}, "error": fmt.Errorf("wrapped: %v %+v", v, v),
		} {
			for form, text := range texts(w) {
				require.Empty(t, leak(text, value, material, fromMaster[:], fromSeed[:]), "%T, %s, %s", v, where, form)
			}
		}
	}
	for _, name := range exportedTypes(t) {
		require.True(t, covered[name], "type %s is not tried", name)
	}
}

// failures are errors of all that knows a key.
func failures(t *testing.T, k drm.Key, header *drm.PlayReadyHeader, pro []byte) []error {
	value, _ := k.Value.Reveal()
	_, length := drm.NewSecret(append(value[:], 1))
	other := k
	other.Value, _ = drm.NewSecret(make([]byte, 16))
	broken := k
	broken.IV = make([]byte, 3)
	_, incompatible := (&drm.Signaller{}).Signals(&drm.Request{Scheme: drm.CENC, Systems: []drm.SystemID{drm.Marlin}}, &k)
	_, format := drm.ParsePlayReady(pro[1:])
	_, missing := (&drm.Static{IDs: []drm.Key{k}}).Key(t.Context(), drm.KeyID{1})
	req := &drm.Request{ContentID: "demo", Scheme: drm.CBCS, Contract: drm.Shared()}
	errs := []error{
		length, header.Verify(&other), (&drm.Protection{Scheme: drm.CBCS, Key: broken}).Check(), incompatible, format, missing,
		(&drm.KeySet{Keys: []drm.TrackKey{{Label: "ALL", Key: broken}}}).Check(req),
		(&drm.KeySet{Keys: []drm.TrackKey{{Label: "SD", Key: k}}}).Check(req),
	}
	for _, err := range errs {
		require.Error(t, err)
	}
	return append(errs, errors.Join(errs...))
}

func TestLeakFinds(t *testing.T) {
	secret := unhex(t, "f19c35d2a7b86e4f0d1b2c93e8a47f56")
	for form, text := range texts(struct{ V []byte }{secret}) {
		if form != "%t" && form != "%p" && form != "XML" {
			require.NotEmpty(t, leak(text, secret), form+" "+text)
		}
	}
}

func exportedTypes(t *testing.T) []string {
	var names []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
						names = append(names, s.Name.Name)
					}
				}
			}
		}
	}
	require.NotEmpty(t, names)
	return names
}

func t0() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
