package guard_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"django-sidecar/djangosite/guard"
)

// TestCookieLinesStay: HTTP/2 would join them, and Django reads two otherwise than one.
func TestCookieLinesStay(t *testing.T) {
	seen := make(chan []string, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header["Cookie"]
		text(401, `{"result": false}`)(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "authority.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", authority) // read once in a process, by whoever is first
	site, err := guard.Ask(server.URL, guard.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	lines := []string{"a=1", "sessionid=secret0123456789"}
	if _, err := site.Verify(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; !slices.Equal(got, lines) {
		t.Errorf("the sidecar sees %q", got)
	}
}
