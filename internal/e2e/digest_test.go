package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/digest"
)

// curl answers our challenges, as encoders that push with WebDAV do. What it calls SHA-512-256 is SHA-256, so that is left
// out.
func TestDigestFromCurl(t *testing.T) {
	for _, algorithms := range [][]digest.Algorithm{nil, {digest.MD5}, {digest.SHA256}, {digest.MD5 + "-sess"}, {digest.SHA256 + "-sess"}} {
		s := &digest.Server{Realm: `in "gest"`, Users: digest.Users{"u": {digest.NewPassword("old"), digest.NewPassword("p:wörd")}}, Algorithms: algorithms}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, err := s.Verify(r)
			if err != nil {
				s.Challenge(w.Header(), err)
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			n, err := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprintf(w, "%s %d %v;", user, n, err)
		}))
		curl := func(args ...string) string {
			out, err := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--digest"}, args...)...).CombinedOutput()
			require.NoError(t, err, string(out))
			return string(out)
		}
		require.Equal(t, "u 4 <nil>;", curl("-u", "u:p:wörd", "-X", "PUT", "-d", "body", server.URL+`/a%20b(1)?x=1&y=%22`), algorithms)
		require.Equal(t, "u 0 <nil>;u 0 <nil>;", curl("-u", "u:p:wörd", server.URL+"/1", server.URL+"/2"), algorithms)
		require.Contains(t, curl("-u", "u:wrong", server.URL+"/1"), "wrong password")
		require.Contains(t, curl(server.URL+"/1"), "no credentials")
		server.Close()
	}
}
