package shadow

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// TestCookieLinesStay: Django is sent the lines of Cookie that the sidecar has judged. HTTP/2 joins several, and Django reads
// those otherwise than one.
func TestCookieLinesStay(t *testing.T) {
	var seen []string
	view := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(r.Header["Cookie"], r.Proto)
		w.WriteHeader(http.StatusNotFound)
	}))
	view.EnableHTTP2 = true
	view.StartTLS()
	defer view.Close()
	s := New(Options{URL: view.URL})
	authority := x509.NewCertPool()
	authority.AddCert(view.Certificate())
	transport, ok := s.client.Transport.(*byScheme)
	if !ok {
		t.Fatalf("%T", s.client.Transport)
	}
	transport.tls.TLSClientConfig = &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}
	defer s.client.CloseIdleConnections()
	lines := []string{"a=1", "sessionid=secret0123456789"}
	if _, err := s.ask(t.Context(), lines); err == nil {
		t.Error("there is no such view")
	}
	if want := append(lines, "HTTP/1.1"); !slices.Equal(seen, want) {
		t.Errorf("Django is sent %q, want %q", seen, want)
	}
}
