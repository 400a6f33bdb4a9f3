package origin_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
	"github.com/mezzomedia/mezzo/origin"
	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

// countingListener counts what its connections are given by Write: what goes round it went by writev or sendfile.
type countingListener struct {
	net.Listener
	written *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{c.(*net.TCPConn), l.written}, nil
}

type countingConn struct {
	*net.TCPConn
	written *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	return c.TCPConn.Write(p)
}

// serve starts a server; the counter is of bytes that went through Write.
func serve(t *testing.T, h http.Handler) (*httptest.Server, *atomic.Int64) {
	srv := httptest.NewUnstartedServer(h)
	written := new(atomic.Int64)
	srv.Listener = countingListener{srv.Listener, written}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv, written
}

// fileObject is an open file without a mapping.
type fileObject struct {
	f       *os.File
	data    []byte
	changed atomic.Bool
}

func (o *fileObject) ReadAt(_ context.Context, p []byte, off int64) error {
	if o.changed.Load() {
		return media.ErrChanged
	}
	_, err := o.f.ReadAt(p, off)
	return err
}
func (o *fileObject) Size() int64     { return int64(len(o.data)) }
func (o *fileObject) Version() string { return "1" }
func (o *fileObject) File() *os.File  { return o.f }
func (o *fileObject) Check() error {
	if o.changed.Load() {
		return media.ErrChanged
	}
	return nil
}

// plainObject can only be read.
type plainObject struct{ media.Object }

// files puts data into files, and keeps the objects.
func files(t *testing.T, made *[]*fileObject) func(string, []byte) media.Object {
	dir := t.TempDir()
	return func(name string, data []byte) media.Object {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		o := &fileObject{f: f, data: data}
		*made = append(*made, o)
		return o
	}
}

func TestTransportsAgree(t *testing.T) {
	var made []*fileObject
	want := bodyOf(t, get(t, newHandler(&content{}), "GET", firstSegment(t)))
	wrapped := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
	}
	for name, c := range map[string]struct {
		put  func(string, []byte) media.Object
		wrap func(http.Handler) http.Handler
		most int64 // of bytes that may go through Write
	}{
		"memory, writev":          {nil, nil, 4096},
		"file, sendfile":          {files(t, &made), nil, int64(len(want)) - 300<<10 + 4096},
		"object that is read":     {func(n string, d []byte) media.Object { return plainObject{bmfftest.Object(n, d)} }, nil, 1 << 30},
		"wrapped writer":          {nil, wrapped, 1 << 30},
		"file and wrapped writer": {files(t, &made), wrapped, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			var h http.Handler = newHandler(&content{put: c.put})
			if c.wrap != nil {
				h = c.wrap(h)
			}
			srv, written := serve(t, h)
			for _, r := range [][2]int{{0, len(want)}, {0, 10}, {100, 100_000}, {5000, len(want)}, {len(want) - 1, len(want)}} {
				written.Store(0)
				req, err := http.NewRequest("GET", srv.URL+firstSegment(t), nil)
				require.NoError(t, err)
				if r[1]-r[0] < len(want) {
					req.Header.Set("Range", rangeOf(r))
				}
				res, err := srv.Client().Do(req)
				require.NoError(t, err)
				require.True(t, want[r[0]:r[1]] == bodyOf(t, res), "%v", r)
				if r[0] < 5000 && r[1] == len(want) || c.put == nil {
					require.LessOrEqual(t, written.Load(), c.most, "%v", r)
				}
			}
		})
	}
}

func TestTransportOverTLS(t *testing.T) {
	want := bodyOf(t, get(t, newHandler(&content{}), "GET", firstSegment(t)))
	for _, h2 := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(newHandler(&content{}))
		srv.EnableHTTP2 = h2
		srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		srv.StartTLS()
		res, err := srv.Client().Get(srv.URL + firstSegment(t))
		require.NoError(t, err)
		require.Equal(t, h2, res.ProtoMajor == 2)
		require.True(t, want == bodyOf(t, res))
		srv.Close()
	}
}

// A file that changed is not served: before the first byte that is an error, afterwards the connection breaks.
func TestChangedFileIsNeverWhole(t *testing.T) {
	var made []*fileObject
	h := newHandler(&content{put: files(t, &made)})
	srv, _ := serve(t, h)
	res, err := srv.Client().Get(srv.URL + firstSegment(t))
	require.NoError(t, err)
	bodyOf(t, res)
	for _, o := range made { // cut, while nothing says so yet
		require.NoError(t, os.Truncate(o.f.Name(), 1000))
	}
	res, err = srv.Client().Get(srv.URL + firstSegment(t))
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	for _, o := range made {
		o.changed.Store(true)
	}
	res, err = srv.Client().Get(srv.URL + firstSegment(t))
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.True(t, strings.HasPrefix(bodyOf(t, res), "changed: "))
}

// changesLate changes while its last bytes are read.
type changesLate struct {
	media.Object
	checks atomic.Int64
}

func (o *changesLate) Check() error {
	if o.checks.Add(1) > 1 {
		return media.ErrChanged
	}
	return nil
}

func (o *changesLate) Bytes(off, n int64) []byte { return o.Object.(media.Byter).Bytes(off, n) }

func TestChangeWhileSending(t *testing.T) {
	srv, _ := serve(t, newHandler(&content{put: func(n string, d []byte) media.Object { return &changesLate{Object: bmfftest.Object(n, d)} }}))
	res, err := srv.Client().Get(srv.URL + firstSegment(t))
	require.NoError(t, err)
	_, err = io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "all but the last byte may have left")
}

// A client that reads nothing holds its connection for SendTimeout, not for ever, and that is no error of ours.
func TestDeadClient(t *testing.T) {
	for name, put := range bigObjects(t) {
		t.Run(name, func(t *testing.T) {
			ended := make(chan any, 1)
			h, log := bigHandler(put)
			h.SendTimeout = 100 * time.Millisecond
			conn := slowClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { p := recover(); ended <- p; panic(p) }()
				h.ServeHTTP(w, r)
			}))
			_, err := io.WriteString(conn, "GET "+bigSegment(t, h)+" HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			select {
			case p := <-ended:
				require.Equal(t, http.ErrAbortHandler, p, "the response was cut")
			case <-time.After(20 * time.Second):
				require.Fail(t, "the handler still waits")
			}
			require.Empty(t, log.String(), "clients may leave")
		})
	}
}

// bigHandler serves films/one, a segment of 4 MB in samples of 100 KB, and writes its log. Other tracks lie between them.
func bigHandler(put func([]byte) media.Object, others ...bmfftest.Track) (*origin.Handler, *lockedBuffer) {
	track := bmfftest.Track{Handler: "vide", Timescale: 25, Entries: [][]byte{bmfftest.AVC1()}, Width: 640 << 16, Height: 360 << 16}
	slice := bmfftest.NAL(append([]byte{0x65, 0x88, 0x84}, bmfftest.Noise(1, 100<<10)...))
	for range 40 {
		track.Samples = append(track.Samples, bmfftest.Sample{Data: slice, Duration: 1, Sync: true})
	}
	file := bmfftest.File{Tracks: append([]bmfftest.Track{track}, others...)}.Bytes()
	log := new(lockedBuffer)
	return &origin.Handler{
		Library: origin.Map{"films/one": &vod.Asset{Inputs: []vod.Input{{Name: "big.mp4", Object: put(file)}}}},
		Logger:  slog.New(slog.NewTextHandler(log, nil)),
	}, log
}

func bigSegment(t *testing.T, h *origin.Handler) string { return resolve(t, h, "cmaf/v/v1/1.m4s") }

// lockedBuffer is a buffer that servers may write to.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// bigObjects are the ways in which an object is sent.
func bigObjects(t *testing.T) map[string]func([]byte) media.Object {
	file := func(p []byte) string {
		path := filepath.Join(t.TempDir(), "big.mp4")
		require.NoError(t, os.WriteFile(path, p, 0o600))
		return path
	}
	return map[string]func([]byte) media.Object{
		"memory": func(p []byte) media.Object { return bmfftest.Object("big.mp4", p) },
		"mapped file": func(p []byte) media.Object {
			o, err := vod.OpenFile(file(p))
			require.NoError(t, err)
			t.Cleanup(func() { o.Close() })
			return o
		},
		"file": func(p []byte) media.Object {
			f, err := os.Open(file(p))
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
			return &fileObject{f: f, data: p}
		},
		"read": func(p []byte) media.Object { return plainObject{bmfftest.Object("big.mp4", p)} },
	}
}

// slowClient is a connection to a server of h with small buffers at both ends.
func slowClient(t *testing.T, h http.Handler) net.Conn {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			_ = c.(*net.TCPConn).SetWriteBuffer(32 << 10)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(32<<10))
	return conn
}

// A client that leaves in the middle is no error either.
func TestClientLeavesMidway(t *testing.T) {
	for name, put := range bigObjects(t) {
		t.Run(name, func(t *testing.T) {
			ended := make(chan any, 1)
			h, log := bigHandler(put)
			conn := slowClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { p := recover(); ended <- p; panic(p) }()
				h.ServeHTTP(w, r)
			}))
			_, err := io.WriteString(conn, "GET "+bigSegment(t, h)+" HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			_, err = io.CopyN(io.Discard, conn, 10_000)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
			require.Equal(t, http.ErrAbortHandler, <-ended)
			require.Empty(t, log.String())
		})
	}
}

// After a response the connection serves others as the server wishes.
func TestDeadlineIsTakenBack(t *testing.T) {
	h := newHandler(&content{})
	h.SendTimeout = 30 * time.Millisecond
	srv, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(100 * time.Millisecond)
			_, _ = w.Write([]byte("ok"))
			return
		}
		h.ServeHTTP(w, r)
	}))
	for _, p := range []string{firstSegment(t), "/slow", firstSegment(t), "/slow"} {
		res, err := srv.Client().Get(srv.URL + p)
		require.NoError(t, err)
		bodyOf(t, res)
		require.Equal(t, 200, res.StatusCode)
	}
}

// Writers that fail, and clients that leave, end the response without another word.
func TestClientLeaves(t *testing.T) {
	h := newHandler(&content{})
	require.Equal(t, 200, get(t, h, "GET", firstSegment(t)).StatusCode)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", firstSegment(t), nil)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(httptest.NewRecorder(), r) })
	r = httptest.NewRequest("GET", firstSegment(t), nil)
	w := &failingWriter{header: http.Header{}}
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(w, r) })
	require.Equal(t, 200, w.status)
	require.Equal(t, "*", w.header.Get("Access-Control-Allow-Origin"))
}

type failingWriter struct {
	header http.Header
	status int
	buf    bytes.Buffer
}

func (w *failingWriter) Header() http.Header  { return w.header }
func (w *failingWriter) WriteHeader(code int) { w.status = code }
func (w *failingWriter) Write(p []byte) (int, error) {
	if w.buf.Len() > 1000 {
		return 0, errors.New("broken pipe")
	}
	return w.buf.Write(p)
}

func rangeOf(r [2]int) string {
	return fmt.Sprintf("bytes=%d-%d", r[0], r[1]-1)
}
