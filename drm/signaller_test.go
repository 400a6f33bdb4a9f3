package drm_test

import (
	"encoding/base64"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

func signals(t *testing.T, s drm.Signaller, scheme drm.Scheme, k *drm.Key, systems ...drm.SystemID) []drm.Signal {
	t.Helper()
	list, err := s.Signals(&drm.Request{ContentID: "demo", Scheme: scheme, Systems: systems, Contract: drm.Shared()}, k)
	require.NoError(t, err)
	require.Len(t, list, len(systems))
	for i := range list {
		require.Equal(t, systems[i], list[i].System)
	}
	return list
}

// What AWS's and Unified's key servers answer for these keys, and what key servers have to answer in base64.
func TestSignalVectors(t *testing.T) {
	a, _ := known(t)
	list := signals(t, drm.Signaller{PlayReadyURL: laURL}, drm.CBCS, a, drm.Widevine, drm.FairPlay, drm.PlayReady)
	widevine, fairPlay, playReady := list[0], list[1], list[2]

	require.Equal(t, "AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEAECAwQFBgcICQqqu8zd7v9I88aJmwY=", base64.StdEncoding.EncodeToString(widevine.PSSH))
	require.Equal(t, "PGNlbmM6cHNzaCB4bWxuczpjZW5jPSJ1cm46bXBlZzpjZW5jOjIwMTMiPkFBQUFPSEJ6YzJnQUFBQUE3ZStMcVhuV1NzNmp5Q2ZjMVIwaDdRQUFBQmdTRUFFQ0F3UUZCZ2NJQ1FxcXU4emQ3djlJODhhSm13WT08L2NlbmM6cHNzaD4=",
		base64.StdEncoding.EncodeToString([]byte(widevine.DASH)))
	require.Equal(t, "I0VYVC1YLUtFWTpNRVRIT0Q9U0FNUExFLUFFUyxVUkk9ImRhdGE6dGV4dC9wbGFpbjtiYXNlNjQsQUFBQU9IQnpjMmdBQUFBQTdlK0xxWG5XU3M2anlDZmMxUjBoN1FBQUFCZ1NFQUVDQXdRRkJnY0lDUXFxdTh6ZDd2OUk4OGFKbXdZPSIsS0VZRk9STUFUPSJ1cm46dXVpZDplZGVmOGJhOS03OWQ2LTRhY2UtYTNjOC0yN2RjZDUxZDIxZWQiLEtFWUZPUk1BVFZFUlNJT05TPSIxIg==",
		base64.StdEncoding.EncodeToString([]byte("#EXT-X-KEY:"+widevine.HLS)))
	require.Equal(t, "I0VYVC1YLUtFWTpNRVRIT0Q9U0FNUExFLUFFUyxVUkk9InNrZDovLzAxMDIwMzA0LTA1MDYtMDcwOC0wOTBhLWFhYmJjY2RkZWVmZiIsS0VZRk9STUFUPSJjb20uYXBwbGUuc3RyZWFtaW5na2V5ZGVsaXZlcnkiLEtFWUZPUk1BVFZFUlNJT05TPSIxIg==",
		base64.StdEncoding.EncodeToString([]byte("#EXT-X-KEY:"+fairPlay.HLS)))
	require.Nil(t, fairPlay.PSSH)
	require.Equal(t, "2f6bc0fc77a34692fa09ff140277c446e79ae6f1f01030d9e2ee2160beb194e2", sum(playReady.PSSH))
	require.Len(t, playReady.DASH, 1593)
	require.Equal(t, "3346e03f5c9baaade8ea6185bbdb833295c8262f5177b539467eb39a9e0d5136", sum([]byte(playReady.DASH)))
	require.Len(t, "#EXT-X-KEY:"+playReady.HLS, 851)
	require.Equal(t, "ef366a67dbca9bc3541e029270819c981ae6c8eddc9f96f2199215582e1c9538", sum([]byte("#EXT-X-KEY:"+playReady.HLS)))
	require.Equal(t, "MSPR 2.0", playReady.DASHValue)
	require.Equal(t, "2c4f861da01677557494bfc15e180befcefeb8c124b67824a87361ab2b2f0aeb", sum(playReady.Smooth))
}

func TestSignals(t *testing.T) {
	a, _ := known(t)
	s := drm.Signaller{ClearKeyURL: "/drm/clearkey?a=1&b=2", KeyURL: "https://example.com/key/{kid}", FairPlayURI: "skd://example.com/{kid}"}
	c1 := unbase64(t, "AAAANHBzc2gBAAAAEHfv7MCyTQKs4zweUuL7SwAAAAEBAgMEBQYHCAkKqrvM3e7/AAAAAA==")
	for _, v := range []struct {
		name    string
		signals drm.Signaller
		scheme  drm.Scheme
		system  drm.SystemID
		want    drm.Signal
	}{
		{"ClearKey", s, drm.CENC, drm.ClearKey, drm.Signal{PSSH: c1, DASHValue: "ClearKey1.0",
			DASH: `<dashif:Laurl xmlns:dashif="https://dashif.org/CPS">/drm/clearkey?a=1&amp;b=2</dashif:Laurl>`,
			HLS:  `METHOD=SAMPLE-AES-CTR,URI="/drm/clearkey?a=1&b=2",KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1",KEYID=0x0102030405060708090aaabbccddeeff`}},
		{"ClearKey, address unknown", drm.Signaller{}, drm.CBCS, drm.ClearKey, drm.Signal{PSSH: c1, DASHValue: "ClearKey1.0",
			HLS: `METHOD=SAMPLE-AES,URI="data:text/plain;base64,AQIDBAUGBwgJCqq7zN3u/w==",KEYFORMAT="org.w3.clearkey",KEYFORMATVERSIONS="1",KEYID=0x0102030405060708090aaabbccddeeff`}},
		{"ClearKey, no method in HLS", drm.Signaller{}, drm.CBC1, drm.ClearKey, drm.Signal{PSSH: c1, DASHValue: "ClearKey1.0"}},
		{"identity, whole segments", s, drm.AES128, drm.Identity, drm.Signal{
			HLS: `METHOD=AES-128,URI="https://example.com/key/0102030405060708090aaabbccddeeff",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`}},
		{"identity, samples", s, drm.SampleAES, drm.IdentitySPEKE1, drm.Signal{
			HLS: `METHOD=SAMPLE-AES,URI="https://example.com/key/0102030405060708090aaabbccddeeff",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`}},
		{"identity, AES-CTR", s, drm.CENC, drm.Identity, drm.Signal{
			HLS: `METHOD=SAMPLE-AES-CTR,URI="https://example.com/key/0102030405060708090aaabbccddeeff",KEYFORMAT="identity",KEYFORMATVERSIONS="1"`}},
		{"FairPlay in MPEG-TS", s, drm.SampleAES, drm.FairPlay, drm.Signal{
			HLS: `METHOD=SAMPLE-AES,URI="skd://example.com/01020304-0506-0708-090a-aabbccddeeff",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"`}},
	} {
		t.Run(v.name, func(t *testing.T) {
			v.want.System = v.system
			require.Equal(t, v.want, signals(t, v.signals, v.scheme, a, v.system)[0])
		})
	}
}

// DASH is well formed whatever the addresses, and namespaces are declared.
func TestSignalsXML(t *testing.T) {
	a, _ := known(t)
	s := drm.Signaller{ClearKeyURL: "/a?b=1&c=<d>'e", PlayReadyURL: "https://example.com/?a=1&b=<2>'"}
	for _, signal := range signals(t, s, drm.CENC, a, drm.Widevine, drm.PlayReady, drm.ClearKey) {
		d := xml.NewDecoder(strings.NewReader("<x>" + signal.DASH + "</x>"))
		for {
			token, err := d.Token()
			if token == nil {
				require.EqualError(t, err, "EOF")
				break
			}
			require.NoError(t, err)
			if e, ok := token.(xml.StartElement); ok && e.Name.Local != "x" {
				require.Contains(t, e.Name.Space, ":", "undeclared prefix")
			}
		}
	}
}

func TestSignalsRefuse(t *testing.T) {
	a, _ := known(t)
	for _, v := range []struct {
		signals drm.Signaller
		scheme  drm.Scheme
		system  drm.SystemID
		want    error
	}{
		{drm.Signaller{}, drm.CENC, drm.FairPlay, drm.ErrIncompatible},
		{drm.Signaller{}, drm.CENC, drm.Irdeto, drm.ErrIncompatible},
		{drm.Signaller{}, drm.CBCS, drm.Marlin, drm.ErrIncompatible},
		{drm.Signaller{}, drm.CBCS, "02030507-0b0d-1113-171d-1f25292b2f35", drm.ErrIncompatible},
		{drm.Signaller{}, drm.CENC, drm.DASHIFClearKey, drm.ErrIncompatible},
		{drm.Signaller{}, drm.AES128, drm.Identity, drm.ErrIncompatible}, // no address
		{drm.Signaller{KeyURL: "/key?\"{kid}"}, drm.AES128, drm.Identity, drm.ErrFormat},
		{drm.Signaller{FairPlayURI: "skd://a\r\n#EXT-X-KEY:METHOD=NONE"}, drm.CBCS, drm.FairPlay, drm.ErrFormat},
		{drm.Signaller{ClearKeyURL: "a\nb"}, drm.CBCS, drm.ClearKey, drm.ErrFormat},
		{drm.Signaller{PlayReadyURL: "a\nb"}, drm.CBCS, drm.PlayReady, drm.ErrFormat},
	} {
		_, err := v.signals.Signals(&drm.Request{Scheme: v.scheme, Systems: []drm.SystemID{v.system}}, a)
		require.ErrorIs(t, err, v.want, "%s %s", v.scheme, v.system)
	}
}

func TestFill(t *testing.T) {
	a, b := known(t)
	req := &drm.Request{ContentID: "demo", Scheme: drm.CENC, Systems: []drm.SystemID{drm.Widevine, drm.PlayReady}}
	all := "f69c71d8ce03040c241213ca39573bcacc57e7ea8e2dfaa0996dd6754ce16054" // 4.2, A and B
	for _, session := range []bool{false, true} {
		set := &drm.KeySet{Keys: []drm.TrackKey{{Label: "VIDEO", Key: *a}, {Label: "AUDIO", Key: *b}}}
		s := drm.Signaller{PlayReadyURL: laURL, SessionKeys: session}
		require.NoError(t, s.Fill(req, set))
		for i := range set.Keys {
			signal := set.Keys[i].Signals[1]
			require.Equal(t, all, sum(signal.Smooth))
			boxes, err := drm.ParsePSSH(signal.PSSH)
			require.NoError(t, err)
			h, err := drm.ParsePlayReady(boxes[0].Data)
			require.NoError(t, err)
			require.Equal(t, "4.0", h.Version)
			require.Equal(t, set.Keys[i].Key.ID, h.Keys[0].ID)
			if session {
				require.Contains(t, signal.Session, base64.StdEncoding.EncodeToString(signal.Smooth))
				require.Equal(t, set.Keys[0].Signals[1].Session, signal.Session)
			} else {
				require.Empty(t, signal.Session)
			}
		}
	}
}

func TestCompatible(t *testing.T) {
	schemes := []drm.Scheme{drm.CENC, drm.CBC1, drm.CENS, drm.CBCS, drm.AES128, drm.SampleAES, "", "cenx"}
	for system, want := range map[drm.SystemID]string{
		drm.Widevine:                           "cenc cbc1 cens cbcs",
		drm.PlayReady:                          "cenc cbcs",
		drm.FairPlay:                           "cbcs SAMPLE-AES",
		drm.Irdeto:                             "cenc",
		drm.Marlin:                             "cenc cbc1 cens cbcs",
		drm.ClearKey:                           "cenc cbc1 cens cbcs",
		drm.DASHIFClearKey:                     "",
		drm.Identity:                           "cenc cbcs AES-128 SAMPLE-AES",
		drm.IdentitySPEKE1:                     "cenc cbcs AES-128 SAMPLE-AES",
		"02030507-0b0d-1113-171d-1f25292b2f35": "cenc cbc1 cens cbcs AES-128 SAMPLE-AES",
	} {
		var got []string
		for _, scheme := range schemes {
			if err := drm.Compatible(scheme, system); err == nil {
				got = append(got, string(scheme))
			} else {
				require.ErrorIs(t, err, drm.ErrIncompatible)
			}
		}
		require.Equal(t, want, strings.Join(got, " "), system.Name())
	}
}
