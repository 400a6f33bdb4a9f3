package cpix_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cpix"
	"github.com/mezzomedia/mezzo/packager/media"
)

const (
	head = `<c:CPIX xmlns:c="urn:dashif:org:cpix" xmlns:p="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:e="http://www.w3.org/2001/04/xmlenc#">`
	kid  = ` kid="01020304-0506-0708-090a-aabbccddeeff"`
	tail = `</c:CPIX>`
)

func keyList(s string) string { return head + "<c:ContentKeyList>" + s + "</c:ContentKeyList>" + tail }

func secretOf(s string) string {
	return keyList("<c:ContentKey" + kid + "><c:Data><p:Secret>" + s + "</p:Secret></c:Data></c:ContentKey>")
}

func systems(s string) string { return head + "<c:DRMSystemList>" + s + "</c:DRMSystemList>" + tail }

func isOneOf(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func TestRefused(t *testing.T) {
	const system = `<c:DRMSystem` + kid + ` systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">`
	periods := func(s string) string {
		return head + "<c:ContentKeyPeriodList>" + s + "</c:ContentKeyPeriodList>" + tail
	}
	rules := func(s string) string {
		return head + "<c:ContentKeyUsageRuleList><c:ContentKeyUsageRule" + kid + ">" + s + "</c:ContentKeyUsageRule></c:ContentKeyUsageRuleList>" + tail
	}
	for name, tt := range map[string]struct {
		doc  string
		err  error
		path string
	}{
		"empty":                {"", drm.ErrFormat, ""},
		"no XML":               {"hello", drm.ErrFormat, ""},
		"not closed":           {head, drm.ErrFormat, "CPIX"},
		"another root":         {`<x/>`, drm.ErrFormat, ""},
		"no namespace":         {`<CPIX/>`, drm.ErrFormat, ""},
		"something after it":   {head + tail + "<x/>", drm.ErrFormat, ""},
		"text after it":        {head + tail + "x", drm.ErrFormat, ""},
		"two of them":          {head + tail + head + tail, drm.ErrFormat, ""},
		"document type":        {`<!DOCTYPE c:CPIX SYSTEM "http://example.com/x.dtd">` + head + tail, drm.ErrFormat, ""},
		"entity":               {`<!DOCTYPE x [<!ENTITY a "aaaa">]>` + head + "&a;" + tail, drm.ErrFormat, ""},
		"undeclared entity":    {head + "&a;" + tail, drm.ErrFormat, "CPIX"},
		"another charset":      {`<?xml version="1.0" encoding="UTF-16"?>` + head + tail, drm.ErrFormat, ""},
		"deep":                 {head + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + tail, drm.ErrFormat, "CPIX"},
		"many elements":        {head + strings.Repeat("<a/>", 30_000) + tail, drm.ErrFormat, "CPIX"},
		"many attributes":      {head + "<a" + attributes(80) + "/>" + tail, drm.ErrFormat, "CPIX"},
		"an attribute twice":   {keyList(`<c:ContentKey` + kid + kid + `/>`), drm.ErrFormat, "CPIX/ContentKeyList"},
		"a list twice":         {head + "<c:ContentKeyList/><c:ContentKeyList/>" + tail, drm.ErrFormat, "CPIX/ContentKeyList"},
		"a key twice":          {keyList(`<c:ContentKey` + kid + `/><c:ContentKey kid="01020304-0506-0708-090A-AABBCCDDEEFF"/>`), drm.ErrFormat, "CPIX/ContentKeyList/ContentKey[2]"},
		"the same key twice":   {keyList(`<c:ContentKey` + kid + `/><c:ContentKey` + kid + `/>`), drm.ErrFormat, "CPIX/ContentKeyList/ContentKey[2]"},
		"no kid":               {keyList(`<c:ContentKey/>`), drm.ErrFormat, "CPIX/ContentKeyList/ContentKey[1]"},
		"short key":            {secretOf("<p:PlainValue>QUtJQUtFWQ==</p:PlainValue>"), drm.ErrKeyLength, "CPIX/ContentKeyList/ContentKey[1]/Data"},
		"long key":             {secretOf("<p:PlainValue>AAAAAAAAAAAAAAAAAAAAAAAA</p:PlainValue>"), drm.ErrKeyLength, "CPIX/ContentKeyList/ContentKey[1]/Data"},
		"two values":           {secretOf("<p:PlainValue/><p:PlainValue/>"), drm.ErrFormat, ""},
		"plain and encrypted":  {secretOf("<p:PlainValue>AAAA</p:PlainValue><p:EncryptedValue><e:CipherData><e:CipherValue>AAAA</e:CipherValue></e:CipherData></p:EncryptedValue>"), drm.ErrFormat, ""},
		"two secrets":          {keyList("<c:ContentKey" + kid + "><c:Data><p:Secret/><p:Secret/></c:Data></c:ContentKey>"), drm.ErrFormat, ""},
		"no base64":            {secretOf("<p:PlainValue>AKIAKEY!</p:PlainValue>"), drm.ErrFormat, ""},
		"an element in a text": {secretOf("<p:PlainValue>AK<x/>IAKEY</p:PlainValue>"), drm.ErrFormat, ""},
		"IV of 7 bytes":        {keyList("<c:ContentKey" + kid + ` explicitIV="QUtJQUtFWQ=="/>`), drm.ErrKeyLength, ""},
		"no system id":         {systems(`<c:DRMSystem` + kid + `/>`), drm.ErrFormat, ""},
		"a system twice":       {systems(system + "</c:DRMSystem>" + system + "</c:DRMSystem>"), drm.ErrFormat, "CPIX/DRMSystemList/DRMSystem[2]"},
		"two PSSH":             {systems(system + "<c:PSSH/><c:PSSH/></c:DRMSystem>"), drm.ErrFormat, "CPIX/DRMSystemList/DRMSystem[1]/PSSH"},
		"media twice":          {systems(system + `<c:HLSSignalingData playlist="media"/><c:HLSSignalingData/></c:DRMSystem>`), drm.ErrFormat, ""},
		"a period twice":       {periods(`<c:ContentKeyPeriod id="a"/><c:ContentKeyPeriod id="a"/>`), drm.ErrFormat, ""},
		"index":                {periods(`<c:ContentKeyPeriod index="-1"/>`), drm.ErrFormat, ""},
		"start":                {periods(`<c:ContentKeyPeriod start="noon"/>`), drm.ErrFormat, ""},
		"offset":               {periods(`<c:ContentKeyPeriod startOffset="P1Y"/>`), drm.ErrFormat, ""},
		"pixels":               {rules(`<c:VideoFilter minPixels="many"/>`), drm.ErrFormat, ""},
		"hdr":                  {rules(`<c:VideoFilter hdr="yes"/>`), drm.ErrFormat, ""},
		"channels":             {rules(`<c:AudioFilter minChannels="99999999999"/>`), drm.ErrFormat, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cpix.Parse([]byte(tt.doc))
			require.ErrorIs(t, err, tt.err)
			require.NotContains(t, err.Error(), "AKIA")
			var at *media.FormatError
			require.ErrorAs(t, err, &at)
			if tt.path != "" {
				require.True(t, strings.HasPrefix(at.Path, tt.path), at.Path)
			}
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

// What is not known is passed over, and white space is in any base64.
func TestTaken(t *testing.T) {
	d, err := cpix.Parse([]byte("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- x -->" + head + `
		<c:UpdateHistoryItemList><c:UpdateHistoryItem/></c:UpdateHistoryItemList><x:y xmlns:x="urn:x">text<x:z/></x:y>
		<c:ContentKeyList id="l"><c:ContentKey` + kid + ` dependsOnKey="x"><other/><c:Data><p:Counter/>
			<p:Secret><p:PlainValue>
				GUf166PQbx+s
				gBADjyBMvw==
			</p:PlainValue></p:Secret></c:Data></c:ContentKey></c:ContentKeyList>
		<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:Reference URI="#l"/></ds:SignedInfo></ds:Signature>
		` + tail + "\n<!-- end -->\n"))
	require.NoError(t, err)
	require.Len(t, d.Keys, 1)
	key, ok := d.Keys[0].Value.Reveal()
	require.True(t, ok)
	require.Equal(t, keyA, key[:])
}

// A signature that wraps what it signed, or a second list elsewhere, changes nothing.
func TestWrapping(t *testing.T) {
	d, err := cpix.Parse([]byte(head + `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:Object><c:ContentKeyList><c:ContentKey` + kid + `/></c:ContentKeyList></ds:Object></ds:Signature>` + tail))
	require.NoError(t, err)
	require.Empty(t, d.Keys)
}

// endless is white space without end.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.n += int64(len(p))
	return len(p), nil
}

func TestReadLimit(t *testing.T) {
	e := &endless{}
	_, err := cpix.Read(e, 0)
	require.ErrorIs(t, err, drm.ErrFormat)
	require.LessOrEqual(t, e.n, int64(2*cpix.DefaultLimit))
	doc := full(t).Append(nil)
	_, err = cpix.Read(bytes.NewReader(doc), int64(len(doc)))
	require.NoError(t, err)
	_, err = cpix.Read(bytes.NewReader(doc), int64(len(doc))-1)
	require.ErrorIs(t, err, drm.ErrFormat)
	_, err = cpix.Read(io.MultiReader(bytes.NewReader(doc[:10]), errReader{}), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The largest document that is taken costs a few times its size.
func TestMemory(t *testing.T) {
	for name, doc := range map[string]string{
		"elements":   head + strings.Repeat("<a/>", cpix.DefaultLimit/4),
		"nested":     head + strings.Repeat("<a>", cpix.DefaultLimit/3),
		"text":       head + "<c:ContentKeyList>" + strings.Repeat("x", cpix.DefaultLimit),
		"attributes": head + "<a" + attributes(cpix.DefaultLimit/10),
		"entities":   head + strings.Repeat("&amp;", cpix.DefaultLimit/5),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := cpix.Parse([]byte(doc))
			require.Error(t, err)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(48<<20))
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full(f).Append(nil))
	f.Add([]byte(secretOf("<p:PlainValue>GUf166PQbx+sgBADjyBMvw==</p:PlainValue>")))
	f.Add([]byte(head + `<c:ContentKeyPeriodList><c:ContentKeyPeriod id="a" index="1" start="2026-01-01T00:00:00Z" end="2026-01-01T00:00:06Z" startOffset="PT1H30.5S" endOffset="P1D"/></c:ContentKeyPeriodList>` + tail))
	f.Add([]byte(head + `<c:DeliveryDataList><c:DeliveryData id="x"><c:DeliveryKey/><c:DocumentKey/><c:MACMethod/></c:DeliveryData></c:DeliveryDataList>` + tail))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := cpix.Parse(data)
		if err != nil {
			require.True(t, isOneOf(err, drm.ErrFormat, drm.ErrKeyLength), "%v", err)
			return
		}
		// What was read can be written, and read again with equal result.
		text := d.Append(nil)
		again, err := cpix.Parse(text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, string(text), string(again.Append(nil)))
	})
}
