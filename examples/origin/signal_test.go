//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// SIGTERM and SIGINT end the program well, with a connection that waits and with a response that is being read.
func TestSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t)
		u, err := url.Parse(strings.Fields(p.lines[0])[1])
		require.NoError(t, err)
		conn, err := net.Dial("tcp", u.Host)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET "+u.Path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.NoError(t, p.Process.Signal(sig))
		_, err = io.ReadAll(res.Body)
		require.NoError(t, err, "what was begun is finished")
		require.NoError(t, p.Wait(), p.stderr.String())
		_, err = in.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	}
}
