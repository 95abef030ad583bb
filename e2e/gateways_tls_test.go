//go:build live && gateways

package e2e

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// linesOfPage are the first code block of a page's section.
func linesOfPage(t *testing.T, page, section string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(raw), "\n"+section+"\n")
	_, rest, begun := strings.Cut(rest, "```")
	_, rest, _ = strings.Cut(rest, "\n")
	lines, _, ended := strings.Cut(rest, "```")
	if !found || !begun || !ended {
		t.Fatalf("%s has no lines in %q", page, section)
	}
	return lines
}

// TestGatewaysTLS: with the lines of their pages, nginx and Envoy ask the sidecar over mutual TLS, and pass uploads on; without a
// certificate of its clients they get no answer.
func TestGatewaysTLS(t *testing.T) {
	dir, authority := t.TempDir(), djangotest.NewAuthority(t)
	server := authority.Write(t, dir, "server", x509.ExtKeyUsageServerAuth, time.Hour)
	ca := authority.WriteAuthority(t, dir, "ca")
	t.Setenv("SIDECAR_TLS_CERT_FILE", server.Certificate)
	t.Setenv("SIDECAR_TLS_KEY_FILE", server.Key)
	t.Setenv("SIDECAR_TLS_CLIENT_CA_FILE", ca)
	rig := newGatewayRig(t)
	client := authority.Write(t, dir, "client", x509.ExtKeyUsageClientAuth, time.Hour)
	stranger := djangotest.NewAuthority(t).Write(t, dir, "stranger", x509.ExtKeyUsageClientAuth, time.Hour)
	for name, start := range map[string]func(testing.TB, djangotest.GatewayRoute, djangotest.GatewayTLS) *djangotest.Gateway{
		"nginx": djangotest.NginxTLS, "envoy": djangotest.EnvoyGRPCTLS,
	} {
		t.Run(name, func(t *testing.T) {
			lines := djangotest.GatewayTLS{
				Lines: linesOfPage(t, "docs/gateways/"+name+".md", "## Over TLS"), Server: "localhost",
				Files: map[string]string{"ca.crt": ca, "client.crt": client.Certificate, "client.key": client.Key},
			}
			through := gatewayTest{rig: rig, addr: start(t, rig.route, lines).Addr, gatewayUnderTest: gatewayUnderTest{name: name, requirements: true}}
			t.Run("users", through.users)
			t.Run("sign-in", through.signIn)
			body := strings.Repeat("x", 3<<20)
			answer := exchange(t, through.addr, "POST /upload HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3145728\r\n\r\n"+body)
			if answer.status != 404 { // uploads are off: it is the sidecar that says so
				t.Errorf("an early answer: %d %s", answer.status, answer.body)
			}
			lines.Files = map[string]string{"ca.crt": ca, "client.crt": stranger.Certificate, "client.key": stranger.Key}
			refused := exchange(t, start(t, rig.route, lines).Addr, "GET /page HTTP/1.1\r\nHost: example.com\r\n"+gatewayCookie(rig.ada)+"\r\n")
			if refused.status != 503 {
				t.Errorf("with a stranger's certificate: %d %s", refused.status, refused.body)
			}
		})
	}
}
