package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm/speketest"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// askKeys posts a document to a key server.
func askKeys(t *testing.T, url, version, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/xml")
	if version != "" {
		r.Header.Set("X-Speke-Version", version)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header, string(text)
}

// The requests of AWS's verification suite for key servers get the answers that it expects. Without the corpus there is
// nothing to ask.
func TestKeyServerVerificationSuite(t *testing.T) {
	dir := harness.Corpus(t)
	if dir == "" {
		return
	}
	dir = filepath.Join(dir, "cpix", "speke")
	suite := filepath.Join(dir, "spekev2_verification_testsuite", "spekev2_requests", "general")
	read := func(name string) string {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}
	server := speketest.New(nil)
	defer server.Close()
	for name, want := range map[string]string{
		"1_generic_spekev2_dash_widevine_preset_video_1_audio_1_no_rotation.xml": "",
		"2_speke_v1_style_implementation.xml":                                    "",
		"3_negative_wrong_version_spekev2_dash_widevine.xml":                     "Unsupported CPIX@version",
		"4_spekev2_negative_preset_shared_video.xml":                             "Malformed encryption contract",
		"5_spekev2_negative_preset_shared_audio.xml":                             "Malformed encryption contract",
	} {
		request := read(filepath.Join(suite, name))
		status, header, answer := askKeys(t, server.URL, "2.0", request)
		if want != "" {
			require.Equal(t, 422, status, name)
			require.Equal(t, want, strings.TrimSpace(answer), name)
			continue
		}
		require.Equal(t, 200, status, "%s: %s", name, answer)
		require.Equal(t, "2.0", header.Get("X-Speke-Version"))
		require.NotEmpty(t, header.Get("X-Speke-User-Agent"))
		require.Contains(t, header.Get("Content-Type"), "application/xml")
		checkAnswer(t, request, answer)
		_, _, again := askKeys(t, server.URL, "2.0", request)
		require.Equal(t, answer, again, "equal requests, equal keys")
	}
	checkRemovals(t, server.URL, read(filepath.Join(suite, "1_generic_spekev2_dash_widevine_preset_video_1_audio_1_no_rotation.xml")))

	status, header, answer := askKeys(t, server.URL, "", read(filepath.Join(dir, "tests", "server_api_body.xml")))
	require.Equal(t, 200, status, answer)
	require.NotEmpty(t, header.Get("Speke-User-Agent"))
	require.Contains(t, answer, "PlainValue>")
	uri := regexp.MustCompile(`URIExtXKey>([^<]+)<`).FindStringSubmatch(answer)
	require.Len(t, uri, 2, answer)
	text, err := base64.StdEncoding.DecodeString(uri[1])
	require.NoError(t, err)
	require.Equal(t, "https://keys.example.com/6c5f52067d98480884d894f132c1e9fe", string(text))
	require.Contains(t, answer, `id="keyPeriod_e64248f6-f307-4b99-aa67-b35a78253622" index="11425"`)
}

// checkAnswer wants what was asked back, filled, and valid by the schema of CPIX.
func checkAnswer(t *testing.T, request, answer string) {
	t.Helper()
	attribute := regexp.MustCompile(`(?:kid|systemId|commonEncryptionScheme|intendedTrackType|periodId|index|contentId)="[^"]*"`)
	count := func(s string) map[string]int {
		n := map[string]int{}
		for _, a := range attribute.FindAllString(s, -1) {
			n[strings.ToLower(a)]++
		}
		return n
	}
	require.Equal(t, count(request), count(answer), "attributes")
	require.NotRegexp(t, `(PSSH|ContentProtectionData|HLSSignalingData[^>]*)(/>|></)`, answer, "empty elements")
	require.NotContains(t, answer, ` id="test`)
	keys := regexp.MustCompile(`<pskc:PlainValue>([^<]+)<`).FindAllStringSubmatch(answer, -1)
	require.Len(t, keys, strings.Count(request, "<cpix:ContentKey "))
	for _, k := range keys {
		b, err := base64.StdEncoding.DecodeString(k[1])
		require.NoError(t, err)
		require.Len(t, b, 16)
	}
	schema := filepath.Join(harness.Corpus(t), "cpix", "axinom-cpix", "Resources", "Schema", "cpix.xsd")
	cmd := exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", schema, "-")
	cmd.Stdin = strings.NewReader(answer)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, answer)
}

// checkRemovals takes each mandatory element and attribute away: an error, never keys.
func checkRemovals(t *testing.T, url, request string) {
	t.Helper()
	for _, pattern := range []string{
		`(?s)<cpix:ContentKeyList>.*</cpix:ContentKeyList>`, `(?s)<cpix:DRMSystemList>.*</cpix:DRMSystemList>`,
		`(?s)<cpix:ContentKeyUsageRuleList>.*</cpix:ContentKeyUsageRuleList>`, `<cpix:ContentKey [^>]*></cpix:ContentKey>`,
		`(?s)<cpix:DRMSystem .*</cpix:DRMSystem>`, `(?s)<cpix:ContentKeyUsageRule .*</cpix:ContentKeyUsageRule>`,
		`<cpix:(Video|Audio)Filter />`, ` contentId="[^"]*"`, ` version="[^"]*"`, ` kid="[^"]*"`, ` commonEncryptionScheme="[^"]*"`,
		` systemId="[^"]*"`, ` intendedTrackType="[^"]*"`, `(?s).*`,
	} {
		less := regexp.MustCompile(pattern).ReplaceAllString(request, "")
		if strings.HasPrefix(pattern, " version") { // that of the XML declaration stays
			less = `<?xml version="1.0"?>` + less[strings.Index(less, "?>")+2:]
		}
		require.NotEqual(t, request, less, pattern)
		status, _, answer := askKeys(t, url, "2.0", less)
		require.Equal(t, 422, status, "%s: %s", pattern, answer)
		require.NotContains(t, answer, "PlainValue")
	}
	for _, version := range []string{"", "1.0", "2.1", "3.0"} {
		status, _, _ := askKeys(t, url, version, request)
		require.Equal(t, 422, status, "X-Speke-Version %q", version)
	}
}

// SPEKE 2.1 tells when a key period starts and ends, in UTC or not: the server sends it back.
func TestKeyServerPeriods(t *testing.T) {
	const request = `<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" contentId="live" version="2.4"><cpix:ContentKeyList>` +
		`<cpix:ContentKey kid="0f083e4e-b831-4a3d-917e-ce78076e54aa" commonEncryptionScheme="cenc"/></cpix:ContentKeyList><cpix:DRMSystemList>` +
		`<cpix:DRMSystem kid="0f083e4e-b831-4a3d-917e-ce78076e54aa" systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"><cpix:PSSH/></cpix:DRMSystem></cpix:DRMSystemList>` +
		`<cpix:ContentKeyPeriodList><cpix:ContentKeyPeriod id="p" start="2026-01-02T03:04:05+02:00" end="2026-01-02T03:05:05Z"/></cpix:ContentKeyPeriodList>` +
		`<cpix:ContentKeyUsageRuleList><cpix:ContentKeyUsageRule kid="0f083e4e-b831-4a3d-917e-ce78076e54aa" intendedTrackType="ALL">` +
		`<cpix:KeyPeriodFilter periodId="p"/><cpix:AudioFilter/><cpix:VideoFilter/></cpix:ContentKeyUsageRule></cpix:ContentKeyUsageRuleList></cpix:CPIX>`
	server := speketest.New(nil)
	defer server.Close()
	status, header, answer := askKeys(t, server.URL, "2.1", request)
	require.Equal(t, 200, status, answer)
	require.Equal(t, "2.1", header.Get("X-Speke-Version"))
	require.Regexp(t, `start="2026-01-02T01:04:05(\.0+)?Z"`, answer)
	require.Regexp(t, `end="2026-01-02T03:05:05(\.0+)?Z"`, answer)
}
