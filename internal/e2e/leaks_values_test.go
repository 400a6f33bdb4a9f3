package e2e

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/drm/speke"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// printed are all the ways of printing a value that people use.
func printed(v any) map[string]string {
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d"} {
		out[verb] = fmt.Sprintf(verb, v)
	}
	if b, err := json.Marshal(v); err == nil {
		out["JSON"] = string(b)
	} else {
		out["JSON"] = err.Error()
	}
	if b, err := xml.Marshal(v); err == nil {
		out["XML"] = string(b)
	}
	var b bytes.Buffer
	if gob.NewEncoder(&b).Encode(v) == nil {
		out["gob"] = b.String()
	}
	b.Reset()
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v, slog.Group("g", "v", v))
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v, slog.Group("g", "v", v))
	out["slog"] = b.String()
	if e, ok := v.(error); ok {
		out["Error"] = e.Error()
	}
	return out
}

// publicTypes are the packages whose types can hold keys, and where they lie.
var publicTypes = map[string]string{
	"github.com/mezzomedia/mezzo/drm": "drm", "github.com/mezzomedia/mezzo/drm/speke": "drm/speke", "github.com/mezzomedia/mezzo/drm/speketest": "drm/speketest",
	"github.com/mezzomedia/mezzo/packager": "packager", "github.com/mezzomedia/mezzo/manifest": "manifest", "github.com/mezzomedia/mezzo/origin": "origin",
	"github.com/mezzomedia/mezzo/packager/vod": "packager/vod",
}

// publicValues prints values of every public type that hold what such values hold: those of the run, and those that are
// made here. A type without a value fails the test.
func (r *leakRun) publicValues() {
	r.values = append(r.values, r.filled()...)
	covered, printedOf := map[string]bool{}, map[reflect.Type]int{}
	for i := 0; i < len(r.values); i++ { // fields are values too
		v := r.values[i]
		r.cover(covered, reflect.ValueOf(v))
		if printedOf[reflect.TypeOf(v)]++; printedOf[reflect.TypeOf(v)] > 5 {
			continue // of the same type as those before
		}
		p := reflect.New(reflect.TypeOf(v))
		p.Elem().Set(reflect.ValueOf(v))
		for where, w := range map[string]any{"itself": v, "pointer": p.Interface(), "slice": []any{v}, "map": map[string]any{"v": v},
			"unexported field": struct{ v any }{v}, "error": fmt.Errorf("wrapped: %v %+v", v, v)} {
			for form, text := range printed(w) {
				r.see(fmt.Sprintf("%T, %s, %s", v, where, form), []byte(text))
			}
		}
	}
	var missing []string
	for path, dir := range publicTypes {
		for _, name := range exportedTypes(r, dir) {
			if !covered[path+"."+name] {
				missing = append(missing, path+"."+name)
			}
		}
	}
	require.Empty(r.t, missing, "of these types no value is printed: add one to filled")
}

// cover notes the type of a value, and takes what it holds in exported fields for values too.
func (r *leakRun) cover(covered map[string]bool, v reflect.Value) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	typ := v.Type()
	if covered[typ.PkgPath()+"."+typ.Name()] && typ.Kind() != reflect.Slice {
		return
	}
	covered[typ.PkgPath()+"."+typ.Name()] = true
	switch typ.Kind() {
	case reflect.Struct:
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() && strings.HasPrefix(typ.PkgPath(), "github.com/mezzomedia/mezzo/") {
				r.hold(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range min(v.Len(), 4) {
			r.hold(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			r.hold(v.MapIndex(k))
		}
	}
}

// hold adds what a field holds, if it is of a public type or a list of such.
func (r *leakRun) hold(v reflect.Value) {
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	typ := v.Type()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if publicTypes[typ.PkgPath()] == "" || !v.CanInterface() || v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	if v.Kind() == reflect.Struct && v.CanAddr() {
		v = v.Addr()
	}
	r.values = append(r.values, v.Interface())
}

// filled are values of the types that the run itself leaves none of.
func (r *leakRun) filled() []any {
	t, ctx := r.t, context.Background()
	value, err := drm.NewSecret(unhexed(t, leakStatic))
	require.NoError(t, err)
	k := drm.Key{ID: drm.KeyID{4}, Value: value, IV: make([]byte, 16)}
	links := drm.Signaller{ClearKeyURL: "/k", KeyURL: "/k", SessionKeys: true}
	static := &drm.Static{Labels: map[string]drm.Key{"ALL": k}, IDs: []drm.Key{k}, Signals: links}
	req := drm.Request{ContentID: "film", Scheme: drm.CBCS, Contract: drm.Shared(), KeyIDs: map[string]drm.KeyID{"ALL": k.ID},
		Period: drm.PeriodAt(time.Minute, time.Second, time.Time{}), Systems: []drm.SystemID{drm.Widevine, drm.PlayReady, drm.ClearKey}}
	set, err := static.Keys(ctx, req)
	require.NoError(t, err)
	presets, err := drm.Preset("PRESET_VIDEO_1", "PRESET_AUDIO_1")
	require.NoError(t, err)
	header, err := drm.NewPlayReadyHeader(drm.CENC, &k)
	require.NoError(t, err)
	protect := &drm.Protection{Scheme: drm.CBCS, Key: k, PSSH: set.Keys[0].Signals[0].PSSH, Pattern: drm.Pattern{Crypt: 1, Skip: 9}}

	source := filepath.Join(harness.Media(t), "audio_eng_aac.m4a")
	f, err := vod.OpenFile(source)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	report, err := vod.Inspect(ctx, "audio", f)
	require.NoError(t, err)
	tl, err := (&vod.Asset{Inputs: []vod.Input{{Name: "audio", Object: f}}}).Present(media.Plan{}).Timeline(ctx)
	require.NoError(t, err)
	rendition := tl.Periods[0].Renditions[0]
	job, err := packager.Load(ctx, []media.Segment{rendition.Segments.At(0)})
	require.NoError(t, err)
	job.Inputs[0].Protect = protect
	body, err := packager.Render(ctx, cmaf.Packager{}, job)
	require.NoError(t, err)
	whole, err := packager.AES128(packager.BytesBody([]byte("clear")), k, [16]byte{})
	require.NoError(t, err)

	key := manifest.Key{ID: k.ID, Scheme: drm.CBCS, IV: k.IV, Signals: set.Keys[0].Signals}
	options := manifest.Options{Linker: manifest.Paths{}, Key: func(*media.Period, string, uint64) *manifest.Key { return &key }}
	runs, err := options.KeyRuns(tl.Periods[0], &tl.Periods[0].Renditions[0], false)
	require.NoError(t, err)
	offers := options.Offered(tl)
	values := []any{
		value, k, drm.NewMaterial(unhexed(t, leakMaster)), static, req, set, set.Keys[0], &set.Keys[0].Signals[0], links, presets,
		presets[0].Video[0], presets[1].Audio[0], k.ID, drm.CBCS, drm.Widevine, protect, drm.Fetch{Err: drm.ErrNoKey}, &drm.UnavailableError{Err: drm.ErrNoKey},
		drm.PSSH{System: drm.Widevine, KeyIDs: []drm.KeyID{k.ID}}, drm.WidevineData{KeyIDs: []drm.KeyID{k.ID}}, header, header.Keys[0],
		drm.KeyProviderFunc(static.Keys),
		speke.NewCredentials("AKID", leakAWS, leakSession), &speke.Error{Status: 500}, speke.V20, speke.IndexOnly,
		job, &job.Inputs[0], body, body.Pieces(), whole, whole.Pieces(),
		key, &key, options, runs, offers, manifest.Measure(tl, offers[0], time.Second), manifest.Multivariant, manifest.Paths{}, manifest.Ref{},
		origin.Groups{}, origin.Map{}, origin.Playable{}, origin.CMAF, origin.HLS,
		report, vod.SMIL{Entries: []vod.SMILEntry{{}}}, &vod.Dir{}, &vod.Cache{}, &vod.HTTP{}, vod.HTTPObject{}, f, vod.CanFormat{}, vod.GOPReport{},
	}
	for _, p := range append(body.Pieces(), whole.Pieces()...) {
		values = append(values, p)
		if p.Stream != nil {
			values = append(values, p.Stream)
		}
	}
	return values
}

// exportedTypes are the names of the public types of a package that are no interfaces.
func exportedTypes(r *leakRun, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(harness.Root(), dir, "*.go"))
	require.NoError(r.t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(r.t, err)
		for _, d := range f.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range d.Specs {
				s, ok := s.(*ast.TypeSpec)
				if !ok || !s.Name.IsExported() {
					continue
				}
				if _, abstract := s.Type.(*ast.InterfaceType); !abstract {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	require.NotEmpty(r.t, names)
	return names
}
