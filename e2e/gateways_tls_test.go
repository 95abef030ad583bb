//go:build live && gateways

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// blocksOfPage are the code blocks of a page's section.
func blocksOfPage(t *testing.T, page, section string) (blocks []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\n"+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	for i, part := range strings.Split(rest, "```") {
		if _, lines, found := strings.Cut(part, "\n"); found && i%2 == 1 {
			blocks = append(blocks, lines)
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no lines in %q", page, section)
	}
	return blocks
}

// gatewaysOverTLS have lines in their pages, which have them ask the sidecar over TLS.
var gatewaysOverTLS = []struct {
	name, page string
	start      func(testing.TB, djangotest.GatewayRoute, string) *djangotest.Gateway
	// shows are the lines that show the gateway's own certificate, as a regular expression.
	shows string
	// files are further blocks of the page, and the names of the files in which they belong.
	files []string
}{
	{name: "nginx", page: "nginx", start: djangotest.NginxTLS, shows: `(?m)^proxy_ssl_certificate.*$`},
	{name: "haproxy", page: "haproxy", start: djangotest.HAProxyTLS, shows: ` crt \S+`},
	{name: "caddy", page: "caddy", start: djangotest.CaddyTLS, shows: `(?m)^tls_client_auth.*$`},
	{name: "traefik", page: "traefik", start: djangotest.TraefikTLS, shows: `(?m)^certificates:.*\n.*$`},
	{name: "envoy", page: "envoy", start: djangotest.EnvoyTLS, shows: `(?m)^ *tls_certificate_sds.*\n.*$`, files: []string{"client.yaml", "ca.yaml"}},
	{name: "envoy-grpc", page: "envoy", start: djangotest.EnvoyGRPCTLS, shows: `(?m)^ *tls_certificate_sds.*\n.*$`},
}

// tlsBetween is a sidecar that wants certificates of the gateways before it, and the gateways.
type tlsBetween struct {
	*gatewayRig

	files             *djangotest.TLSFiles // the gateways'
	dir               string               // of the sidecar's files
	authority, others *djangotest.Authority
	gateways          []gatewayTest
	processes         []*djangotest.Gateway
}

// newTLSBetween starts the sidecar, with certificates that all believe.
func newTLSBetween(t *testing.T) *tlsBetween {
	t.Helper()
	b := &tlsBetween{
		files: djangotest.NewTLSFiles(t), dir: t.TempDir(), authority: djangotest.NewAuthority(t), others: djangotest.NewAuthority(t),
	}
	b.sidecarShows(t)(b.authority.Issue(t, x509.ExtKeyUsageServerAuth, time.Hour))
	t.Setenv("SIDECAR_TLS_CERT_FILE", filepath.Join(b.dir, "server.crt"))
	t.Setenv("SIDECAR_TLS_KEY_FILE", filepath.Join(b.dir, "server.key"))
	t.Setenv("SIDECAR_TLS_CLIENT_CA_FILE", b.authority.WriteAuthority(t, b.dir, "ca"))
	t.Setenv("DJANGO_MEDIA_ROOT", t.TempDir())
	b.files.Put("ca.crt", b.authority.PEM)
	b.gatewaysShow(b.authority.Issue(t, x509.ExtKeyUsageClientAuth, time.Hour))
	b.gatewayRig = newGatewayRig(t)
	return b
}

// gatewaysShow gives the gateways a certificate, which they read when they are told.
func (b *tlsBetween) gatewaysShow(certificate, key string) {
	for name, text := range map[string]string{"client.crt": certificate, "client.key": key, "client.pem": certificate + key} {
		b.files.Put(name, text)
	}
	for _, g := range b.processes {
		g.Reload()
	}
}

// sidecarShows gives the sidecar a certificate, and waits until it has read it.
func (b *tlsBetween) sidecarShows(t *testing.T) func(certificate, key string) {
	t.Helper()
	return func(certificate, key string) {
		t.Helper()
		for name, text := range map[string]string{"server.crt": certificate, "server.key": key} {
			if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.gatewayRig == nil { // it has not been started
			return
		}
		pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range []net.Addr{b.at.Public.Addr(), b.at.GRPC.Addr()} {
			eventually(t, func() bool { return pair.Leaf.Equal(shownBy(t, addr)) })
		}
	}
}

// shownBy is the certificate that a listener shows, whomever it lets in.
func shownBy(t *testing.T, addr net.Addr) (shown *x509.Certificate) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing has been said
	_ = tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}, // it is what is looked at
		VerifyConnection: func(s tls.ConnectionState) error { shown = s.PeerCertificates[0]; return nil },
	}).HandshakeContext(t.Context()) // it may not let us in
	return shown
}

// start starts a gateway with the lines of its page, without those that match.
func (b *tlsBetween) start(t testing.TB, i int, blocks []string, without string) *djangotest.Gateway {
	t.Helper()
	g := gatewaysOverTLS[i]
	here := func(lines string) string {
		lines = regexp.MustCompile(`/etc/[a-z]+/tls/`).ReplaceAllString(lines, b.files.Dir()+"/")
		return strings.ReplaceAll(lines, "sidecar.internal", "localhost")
	}
	for i, name := range g.files {
		b.files.Put(name, here(blocks[1+i]))
	}
	lines := here(blocks[0])
	if without != "" {
		shorter := regexp.MustCompile(without).ReplaceAllString(lines, "")
		if shorter == lines {
			t.Fatalf("the lines of %s show no certificate", g.name)
		}
		lines = shorter
	}
	return g.start(t, b.route, lines)
}

// cut ends the connections between gateways and sidecar: those that stand are not judged again.
func (b *tlsBetween) cut() {
	for _, proxy := range b.sidecar {
		proxy.SetMode(djangotest.Reset())
		proxy.SetMode(djangotest.Pass())
	}
}

// verdicts are the counters of what the sidecar has been asked.
func (b *tlsBetween) verdicts(t *testing.T) string {
	t.Helper()
	return strings.Join(regexp.MustCompile(`(?m)^django_sidecar_verdicts_total.*$`).FindAllString(metricsAt(t, b.at), -1), "\n")
}

// passes waits until users get through each gateway, and nobody else does.
func (b *tlsBetween) passes(t *testing.T) {
	t.Helper()
	b.cut()
	for _, g := range b.gateways {
		b.settles(t, g, 200)
		g.wantReached(t, get("/page", gatewayCookie(b.bob)), gatewayBob)
		g.wantRefused(t, get("/page", ""), 401)
	}
}

// settles waits until a gateway answers so, again and again: one answer may come of a connection that was cut, or of a
// process that still ends.
func (b *tlsBetween) settles(t *testing.T, g gatewayTest, status int) {
	t.Helper()
	eventually(t, func() bool {
		b.cut()
		g.do(t, get("/page", gatewayCookie(b.ada))) // which may meet the cut
		for range 5 {
			if g.do(t, get("/page", gatewayCookie(b.ada))).status != status {
				return false
			}
		}
		return true
	})
}

// refused waits until a gateway has no answer of the sidecar's, and wants everybody to be refused then.
func (b *tlsBetween) refused(t *testing.T, g gatewayTest) {
	t.Helper()
	b.settles(t, g, 503)
	before := b.verdicts(t)
	g.wantRefused(t, get("/admin/", gatewayCookie(b.ada)+asPage), 503)
	g.wantRefused(t, get("/page", asPage), 503)
	if answer := g.do(t, get("/authenticate", gatewayCookie(b.ada))); answer.status < 500 || strings.Contains(answer.body, "ada") {
		t.Errorf("%s, what the sidecar takes itself: %d %s", g.name, answer.status, answer.body)
	}
	if after := b.verdicts(t); after != before {
		t.Errorf("%s: the sidecar has been asked:\n%s\n%s", g.name, before, after)
	}
}

// TestGatewaysTLS: with the lines of its page, each gateway asks the sidecar over mutual TLS, and passes uploads on. Where one of the
// two has no certificate that the other believes, nobody gets through. New certificates count without a restart.
func TestGatewaysTLS(t *testing.T) {
	b := newTLSBetween(t)
	for i, tt := range gatewaysOverTLS {
		blocks := blocksOfPage(t, "docs/gateways/"+tt.page+".md", "## Over TLS")
		process := b.start(t, i, blocks, "")
		g := gatewayTest{rig: b.gatewayRig, addr: process.Addr, gatewayUnderTest: gatewayUnderTest{name: tt.name, requirements: true}}
		b.gateways, b.processes = append(b.gateways, g), append(b.processes, process)
		t.Run(tt.name, func(t *testing.T) {
			t.Run("users", g.users)
			t.Run("sign-in", g.signIn)
			t.Run("uploads", g.uploadsOverTLS)
			t.Run("without a certificate", func(t *testing.T) {
				g.addr = b.start(t, i, blocks, tt.shows).Addr
				b.refused(t, g)
			})
		})
	}
	const server, client = x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	goodGateways := func() { b.gatewaysShow(b.authority.Issue(t, client, time.Hour)) }
	goodSidecar := func() { b.sidecarShows(t)(b.authority.Issue(t, server, time.Hour)) }
	for _, tt := range []struct {
		name         string
		change, mend func()
	}{
		{"gateways of another authority", func() { b.gatewaysShow(b.others.Issue(t, client, time.Hour)) }, goodGateways},
		{"gateways whose certificate has ended", func() { b.gatewaysShow(b.authority.Issue(t, client, -time.Minute)) }, goodGateways},
		{"a sidecar of another authority", func() { b.sidecarShows(t)(b.others.Issue(t, server, time.Hour)) }, nil},
		{"a sidecar of another name", func() { b.sidecarShows(t)(b.authority.IssueNamed(t, "other.internal", server)) }, nil},
		{"a sidecar whose certificate has ended", func() { b.sidecarShows(t)(b.authority.Issue(t, server, -time.Minute)) }, goodSidecar},
	} {
		tt.change()
		for _, g := range b.gateways {
			t.Run(tt.name+"/"+g.name, func(t *testing.T) { b.refused(t, g) })
		}
		if tt.mend != nil {
			tt.mend()
			b.passes(t)
		}
	}
	t.Run("another authority of all", func(t *testing.T) {
		b.others.WriteAuthority(t, b.dir, "ca")
		b.files.Put("ca.crt", b.others.PEM)
		b.sidecarShows(t)(b.others.Issue(t, server, time.Hour))
		b.gatewaysShow(b.others.Issue(t, client, time.Hour))
		b.passes(t)
	})
}

// uploadsOverTLS: a page of the site itself may upload, and another site's may not; an early answer arrives.
func (g gatewayTest) uploadsOverTLS(t *testing.T) {
	const file = "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n"
	body := strings.Repeat("x", 3<<20)
	for _, tt := range []struct {
		headers string
		status  int
	}{
		{gatewayCookie(g.rig.ada) + "Origin: http://example.com\r\n", 201},
		{gatewayCookie(g.rig.ada) + "Origin: http://other.example\r\n", 403},
		{"", 401},
	} {
		answer := exchange(t, g.addr, requestOf("POST", "/upload", file+tt.headers+"Content-Length: 3145728\r\n")+body)
		if answer.status != tt.status {
			t.Errorf("%q: %d %v %s", tt.headers, answer.status, answer.err, answer.body)
		}
	}
}
