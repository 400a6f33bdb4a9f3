package drm_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
)

const (
	keyA    = "01020304-0506-0708-090a-aabbccddeeff"
	keyB    = "98ee5596-cd3e-a20d-163a-e382420c6eff"
	laURL   = "https://example.com/playready"
	seed    = "XVBovsmzhP9gRIZxWfFta3VVRPzVEWmJsazEJ46I" // Microsoft's public test seed
	secretA = "1947f5eba3d06f1fac8010038f204cbf"
)

func id(t testing.TB, s string) drm.KeyID {
	t.Helper()
	id, err := drm.ParseKeyID(s)
	require.NoError(t, err)
	return id
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

func key(t testing.TB, kid, value string) *drm.Key {
	t.Helper()
	secret, err := drm.NewSecret(unhex(t, value))
	require.NoError(t, err)
	return &drm.Key{ID: id(t, kid), Value: secret}
}

// known are keys A and B of the vectors.
func known(t testing.TB) (a, b *drm.Key) {
	return key(t, keyA, secretA), key(t, keyB, hex.EncodeToString(unbase64(t, "5dGAgwGuUYu4dHeHtNlxJw==")))
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Published by Microsoft, AWS and Unified: key ids and checksums. The keys follow from the seed.
func TestSeed(t *testing.T) {
	provider := &drm.Seed{Secret: drm.NewMaterial(unbase64(t, seed))}
	for _, v := range []struct{ kid, guid, key, checksum string }{
		{keyA, "BAMCAQYFCAcJCqq7zN3u/w==", secretA, "EV/EKanLDy4="},
		{"b6e16839-eebd-4ff6-ab76-8d482d8d2b6b", "OWjhtr3u9k+rdo1ILY0raw==", "a77756687011b4bf7b3294fb4c4f75eb", "B3A6A3xmtdI="},
		{"a2c786d0-f9ef-4cb3-b333-cd323a4284a5", "0IbHou/5s0yzM80yOkKEpQ==", "4edb7704cdbf03617f4800bd878a6df2", "xNvWVxoWk04="},
		{"db06a8fe-ec16-4de2-9228-2c71e9b856ab", "/qgG2xbs4k2SKCxx6bhWqw==", "3179923adf3c929892951e62f93a518a", "GnKaQIRacPU="},
		{"09e091ab-f838-41d2-9e35-58531fd19ec7", "q5HgCTj40kGeNVhTH9Gexw==", "9cb061164b7013eaefcc7d6d18424c2c", "w+OZVr8vzrQ="},
		{"6f651ae1-dbe4-4434-bcb4-690d1564c41c", "4Rplb+TbNES8tGkNFWTEHA==", "88da852ae4fa2e1e36aeb2d5c94997b1", "KLj3QzQP/NA="},
		{"8ba94ade-6eb9-449d-b44f-a5beefaf43b0", "3kqpi7lunUS0T6W+769DsA==", "dbfd6922c321c4bb486f4a1c44097ed6", "Me48z71nuqY="},
	} {
		t.Run(v.kid, func(t *testing.T) {
			k, err := provider.Key(t.Context(), id(t, v.kid))
			require.NoError(t, err)
			value, _ := k.Value.Reveal()
			require.Equal(t, v.key, hex.EncodeToString(value[:]))
			guid := k.ID.GUID()
			require.Equal(t, v.guid, base64.StdEncoding.EncodeToString(guid[:]))
			require.Equal(t, v.checksum, base64.StdEncoding.EncodeToString(drm.PlayReadyChecksum(&k)))
		})
	}
}

// Published by Shaka Packager, AWS, Axinom and Microsoft's test server: keys that follow from no seed.
func TestChecksum(t *testing.T) {
	for _, v := range []struct{ kid, guid, key, checksum string }{
		{hex.EncodeToString([]byte("keyid1~~~~~~~~~~")), "aXllazFkfn5+fn5+fn5+fg==", base64.StdEncoding.EncodeToString([]byte("contentkey1~~~~~")), "uFY/OirQj/U="},
		{keyB, "llXumD7NDaIWOuOCQgxu/w==", "5dGAgwGuUYu4dHeHtNlxJw==", "zcka3W6dcno="},
		{"9eb4050d-e44b-4802-932e-27d75083e266", "DQW0nkvkAkiTLifXUIPiZg==", "FmY0xnWCPCNaSpRG+tUuTQ==", "Li2mIbro9Kc="},
		{"10000000-1000-1000-1000-100000000001", "AAAAEAAQABAQABAAAAAAAQ==", "W31bfVt9W31bfVt9W31bfQ==", "ipY1KujFLm4="},
	} {
		k := key(t, v.kid, hex.EncodeToString(unbase64(t, v.key)))
		guid := k.ID.GUID()
		require.Equal(t, v.guid, base64.StdEncoding.EncodeToString(guid[:]))
		require.Equal(t, v.checksum, base64.StdEncoding.EncodeToString(drm.PlayReadyChecksum(k)))
	}
}

func TestPlayReadyObjects(t *testing.T) {
	a, b := known(t)
	entry := func(k *drm.Key, algorithm string, checksum bool) drm.PlayReadyKey {
		p := drm.PlayReadyKey{ID: k.ID, Algorithm: algorithm}
		if checksum {
			p.Checksum = drm.PlayReadyChecksum(k)
		}
		return p
	}
	p1 := key(t, "8ba94ade-6eb9-449d-b44f-a5beefaf43b0", "dbfd6922c321c4bb486f4a1c44097ed6")
	p3 := key(t, hex.EncodeToString([]byte("keyid1~~~~~~~~~~")), hex.EncodeToString([]byte("contentkey1~~~~~")))
	for _, v := range []struct {
		name    string
		header  drm.PlayReadyHeader
		listed  []drm.KeyID // in the box
		pro     int
		proSum  string
		pssh    int
		psshSum string
	}{
		{"P1, by pycpix", drm.PlayReadyHeader{Version: "4.2", Keys: []drm.PlayReadyKey{entry(p1, "AESCTR", true)}, LicenseURL: "https://test.playready.microsoft.com/service/rightsmanager.asmx"}, []drm.KeyID{p1.ID},
			654, "da44cca9baeb1e38d8d0aa9f1b4b872ff2c5da6e25222d4aebcf9d0bc26f8e76", 706, "4d66dd78f874698bc86cb28b77f0244ec786da40899bab425f3619e59ee9c180"},
		{"P3, by Shaka Packager", drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{entry(p3, "AESCTR", true)}}, nil,
			518, "c4ae5071710c65e70e3a480cb967213d0794d36d2252c61510030ea50b0acfe7", 0, ""},
		{"P4", drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{entry(a, "AESCTR", true)}, LicenseURL: laURL}, nil,
			610, "a942cee329e3c4b53a9a3dc871fa9bf319690755557415bf26e6a97526c1b3da", 642, "c5a95939c0186c20b63f85d473f49968f6082332669403f392029abc6e255ca0"},
		{"P5", drm.PlayReadyHeader{Version: "4.1", Keys: []drm.PlayReadyKey{entry(a, "AESCTR", true)}, LicenseURL: laURL}, nil,
			560, "209b5b764310a90019725d3c71760ef7058406d004181eb0e01e38eeff57fe80", 0, ""},
		{"P6", drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{entry(a, "AESCTR", true), entry(b, "AESCTR", true)}, LicenseURL: laURL}, nil,
			752, "f69c71d8ce03040c241213ca39573bcacc57e7ea8e2dfaa0996dd6754ce16054", 0, ""},
		{"P7", drm.PlayReadyHeader{Keys: []drm.PlayReadyKey{entry(a, "AESCBC", false)}, LicenseURL: laURL}, nil,
			538, "2c4f861da01677557494bfc15e180befcefeb8c124b67824a87361ab2b2f0aeb", 570, "2f6bc0fc77a34692fa09ff140277c446e79ae6f1f01030d9e2ee2160beb194e2"},
		{"P8", drm.PlayReadyHeader{Version: "4.3", Keys: []drm.PlayReadyKey{entry(a, "AESCTR", false), entry(b, "AESCTR", false)}, LicenseURL: laURL}, nil,
			656, "aca1bff6f6f2b285978e01d198e0859868a427b6b71a3c145abb12d1cbbb79a9", 0, ""},
		{"P9, rotation", drm.PlayReadyHeader{OnDemand: true}, nil,
			330, "1b00d88a0803ee1bdc5d7be715b76304e1a87dfff203de9d2eac5417bff3d1ec", 0, ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			pro, err := v.header.Object()
			require.NoError(t, err)
			require.Len(t, pro, v.pro)
			require.Equal(t, v.proSum, sum(pro))

			back, err := drm.ParsePlayReady(pro)
			require.NoError(t, err)
			again, err := back.Object()
			require.NoError(t, err)
			require.Equal(t, pro, again)

			if v.pssh == 0 {
				return
			}
			box := drm.PSSH{System: drm.PlayReady, KeyIDs: v.listed, Data: pro}
			pssh := box.Append(nil)
			require.Len(t, pssh, v.pssh)
			require.Equal(t, v.psshSum, sum(pssh))
		})
	}
}
