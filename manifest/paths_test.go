package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/packager/media"
)

var refs = map[string]manifest.Ref{
	"index.m3u8":                            {Kind: manifest.Multivariant, Name: "index"},
	"index.v1.m3u8":                         {Kind: manifest.Media, Name: "index", Rendition: "v1"},
	"low-latency.mpd":                       {Kind: manifest.MPD, Name: "low-latency"},
	"3kf09a/v1/0.init.mp4":                  {Kind: manifest.Init, Version: "3kf09a", Rendition: "v1", Period: "0"},
	"3kf09a/v1/0.k0.init.mp4":               {Kind: manifest.Init, Version: "3kf09a", Rendition: "v1", Period: "0", Key: 1},
	"3kf09a/v1/0.k7.init.mp4":               {Kind: manifest.Init, Version: "3kf09a", Rendition: "v1", Period: "0", Key: 8},
	"a/b/k1.k18446744073709551614.init.mp4": {Kind: manifest.Init, Version: "a", Rendition: "b", Period: "k1", Key: 1<<64 - 1},
	"a/b/0.m4s":                             {Kind: manifest.Segment, Version: "a", Rendition: "b", Ext: "m4s"},
	"a/b/18446744073709551615.aac":          {Kind: manifest.Segment, Version: "a", Rendition: "b", Number: 1<<64 - 1, Ext: "aac"},
}

func TestPaths(t *testing.T) {
	for path, ref := range refs {
		require.Equal(t, path, manifest.Paths{}.Link(ref))
		got, err := manifest.Paths{}.Parse(path)
		require.NoError(t, err)
		require.Equal(t, ref, got)
	}
	require.Empty(t, manifest.Paths{}.Link(manifest.Ref{}))
}

func TestPathsRefuse(t *testing.T) {
	for _, path := range []string{
		"", "/", "//", ".m3u8", ".mpd", "index", "index.", "index..m3u8", ".v1.m3u8", "index.v1.x.m3u8", "in dex.mpd",
		"a/b", "a//1.m4s", "/b/1.m4s", "a/b/.m4s", "a/b/1", "a/b/1.", "a/b/01.m4s", "a/b/+1.m4s", "a/b/-1.m4s", "a/b/1.M4S",
		"a/b/18446744073709551616.m4s", "a/b/c/1.m4s", "../b/1.m4s", "a/../1.m4s", "a/b/.init.mp4", "a/b/../0.init.mp4",
		"a/b/1.m4s/", "a/b/1.init.m4s", "a/b/\x00.init.mp4", "ä/b/1.m4s", "index.mpd?x",
		// one name for each key period
		"a/b/0.k.init.mp4", "a/b/0.k07.init.mp4", "a/b/0.k+7.init.mp4", "a/b/0.k-1.init.mp4", "a/b/0.k7.k7.init.mp4", "a/b/.k7.init.mp4",
		"a/b/0.k18446744073709551615.init.mp4", "a/b/0.k99999999999999999999.init.mp4", "a/b/0.K7.init.mp4", "a/b/0.k7.m4s", "a/b/0.k0x7.init.mp4",
	} {
		ref, err := manifest.Paths{}.Parse(path)
		require.ErrorIs(t, err, media.ErrNotFound, "%q", path)
		require.Zero(t, ref, "%q", path)
	}
}

func TestTemplate(t *testing.T) {
	for path, ref := range refs {
		if ref.Kind != manifest.Segment && ref.Kind != manifest.Init {
			continue
		}
		tmpl := manifest.Paths{}.Template(ref)
		number := path[strings.LastIndexByte(path, '/')+1 : strings.LastIndexByte(path, '.')]
		got := strings.NewReplacer("$RepresentationID$", ref.Rendition, "$Number$", number).Replace(tmpl)
		require.Equal(t, path, got)
	}
}

// FuzzParse: no panic, and whatever is accepted is written back as it was.
func FuzzParse(f *testing.F) {
	for path := range refs {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		ref, err := manifest.Paths{}.Parse(path)
		if err != nil {
			require.ErrorIs(t, err, media.ErrNotFound)
			return
		}
		require.Equal(t, path, manifest.Paths{}.Link(ref))
	})
}

// FuzzLink: Parse(Link(r)) == r for each r of the form that Ref states.
func FuzzLink(f *testing.F) {
	for _, r := range refs {
		f.Add(uint8(r.Kind), r.Name, r.Version, r.Rendition, r.Period, r.Number+r.Key, r.Ext)
	}
	f.Fuzz(func(t *testing.T, kind uint8, name, version, rendition, period string, number uint64, ext string) {
		const lower, upper, more = "abcdefghijklmnopqrstuvwxyz0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "_-"
		id := func(s, alphabet string) string { // some valid name for any s
			b := []byte(s + "x")
			for i := range b {
				b[i] = alphabet[int(b[i])%len(alphabet)]
			}
			return string(b)
		}
		all := lower + upper + more
		r := manifest.Ref{Kind: manifest.Kind(kind%5) + manifest.Multivariant}
		switch r.Kind {
		case manifest.Multivariant, manifest.MPD:
			r.Name = id(name, all)
		case manifest.Media:
			r.Name, r.Rendition = id(name, all), id(rendition, all)
		case manifest.Init:
			r.Version, r.Rendition, r.Period, r.Key = id(version, all), id(rendition, all), id(period, all), number
		case manifest.Segment:
			r.Version, r.Rendition, r.Number, r.Ext = id(version, all), id(rendition, all), number, id(ext, lower)
		}
		got, err := manifest.Paths{}.Parse(manifest.Paths{}.Link(r))
		require.NoError(t, err)
		require.Equal(t, r, got)
	})
}
