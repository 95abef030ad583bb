//go:build live

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// tlsRig is a sidecar whose listeners speak TLS.
type tlsRig struct {
	site      *uploadSite
	at        serving.Listeners
	dir       string
	authority *djangotest.Authority // of the sidecar and of its clients
	ca        string                // its certificate's file
	server    djangotest.Pair       // the sidecar's
	client    djangotest.Pair
}

// newTLSRig starts it; clients need a certificate if mutual says so.
func newTLSRig(t *testing.T, mutual bool) *tlsRig {
	t.Helper()
	r := &tlsRig{dir: t.TempDir(), authority: djangotest.NewAuthority(t)}
	r.ca = r.authority.WriteAuthority(t, r.dir, "ca")
	r.server = r.authority.Write(t, r.dir, "server", x509.ExtKeyUsageServerAuth, time.Hour)
	r.client = r.authority.Write(t, r.dir, "client", x509.ExtKeyUsageClientAuth, time.Hour)
	settings := map[string]string{"SIDECAR_GRPC_LISTEN": "127.0.0.1:0"}
	for _, prefix := range []string{"SIDECAR_TLS_", "SIDECAR_ADMIN_TLS_"} {
		settings[prefix+"CERT_FILE"], settings[prefix+"KEY_FILE"] = r.server.Certificate, r.server.Key
		if mutual {
			settings[prefix+"CLIENT_CA_FILE"] = r.ca
		}
	}
	r.site = newUploadSite(t, t.TempDir(), settings)
	r.at = listenersForTest(t)
	return r
}

// dial connects as a client who knows the authority.
func (r *tlsRig) dial(t *testing.T, addr net.Addr, version uint16, pairs ...djangotest.Pair) (*tls.Conn, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(r.authority.PEM))
	c := &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version, ServerName: "localhost"}
	for _, p := range pairs {
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		// Whether the sidecar has asked for it or not.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if addr == r.at.GRPC.Addr() {
		c.NextProtos = []string{"h2"}
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	encrypted := tls.Client(conn, c)
	if err := errors.Join(encrypted.SetDeadline(time.Now().Add(time.Minute)), encrypted.HandshakeContext(t.Context())); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return encrypted, nil
}

// answer is all that a listener says to a request; "" if it says nothing.
func (r *tlsRig) answer(t *testing.T, addr net.Addr, version uint16, request string, pairs ...djangotest.Pair) string {
	t.Helper()
	conn, err := r.dial(t, addr, version, pairs...)
	if err != nil {
		return ""
	}
	defer conn.Close()                   //nolint:errcheck // it has been read to its end
	_, _ = io.WriteString(conn, request) // the sidecar may have hung up: what it says is what counts
	if addr == r.at.GRPC.Addr() {        // HTTP/2: the connection stays open
		first := make([]byte, 1024)
		n, _ := conn.Read(first)
		return string(first[:n])
	}
	said, _ := io.ReadAll(conn)
	return string(said)
}

var tlsVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// TestTLS: each listener speaks TLS 1.2 and 1.3 and nothing else, and early answers arrive over it.
func TestTLS(t *testing.T) {
	r := newTLSRig(t, false)
	authenticate := "GET /authenticate HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\nCookie: " + r.site.cookie + "\r\n\r\n"
	for _, version := range tlsVersions {
		if said := r.answer(t, r.at.Public.Addr(), version, authenticate); !strings.Contains(said, `"username":"ada"`) {
			t.Errorf("%s, public: %q", tls.VersionName(version), said)
		}
		if said := r.answer(t, r.at.Admin.Addr(), version, "GET /readyz HTTP/1.0\r\n\r\n"); !strings.HasPrefix(said, "HTTP/1.0 200") {
			t.Errorf("%s, admin: %q", tls.VersionName(version), said)
		}
		dial := func() (net.Conn, error) { return r.dial(t, r.at.Public.Addr(), version) }
		wantEarlyAnswerOver(t, dial, "POST /upload", "X: 1", 401)
		wantEarlyAnswerOver(t, dial, "POST /nowhere", "Cookie: "+r.site.cookie, 404)
	}
	for name, addr := range r.listeners() {
		if conn, err := r.dial(t, addr, tls.VersionTLS11); err == nil {
			t.Errorf("%s speaks TLS 1.1", name)
			_ = conn.Close() // nothing has been said
		}
	}
	if said := exchangeText(t, r.at.Public.Addr().String(), authenticate); !strings.HasPrefix(said, "HTTP/1.0 400") || strings.Contains(said, "ada") {
		t.Errorf("without TLS: %q", said)
	}
}

// exchangeText sends a text without TLS, and returns what comes back.
func exchangeText(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // it has been read to its end
	_, err = io.WriteString(conn, text)
	said, readErr := io.ReadAll(conn)
	if err := errors.Join(err, readErr); err != nil {
		t.Error(err)
	}
	return string(said)
}

// pythonUpload sends a body of 20 MB whole before it reads the answer, as http.client does.
const pythonUpload = `
import http.client, ssl, sys
ca, cert, key, port, version, body, framing = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
c = http.client.HTTPSConnection("localhost", int(port), context=context, timeout=60)
data = b"x" * (20 << 20)
if framing == "length":
    c.request("POST", body, data)
elif framing == "chunked":
    c.request("POST", body, iter([data[:1 << 16]] * 320), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
else: # chunks that are none: the sidecar cannot find the end of the body
    c.request("POST", body, data, headers={"Transfer-Encoding": "chunked"})
answer = c.getresponse()
print(answer.status, answer.read().decode())
`

// TestEarlyAnswersOverTLS: clients of others that write everything before they read get the answer too.
func TestEarlyAnswersOverTLS(t *testing.T) {
	r := newTLSRig(t, true)
	_, port, err := net.SplitHostPort(r.at.Public.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"TLSv1_2", "TLSv1_3"} {
		for framing, want := range map[string]string{"length": "401 ", "chunked": "401 ", "broken": "401 "} {
			out, err := exec.CommandContext(t.Context(), djangotest.Python(t, "5.2"), "-c", pythonUpload, r.ca, r.client.Certificate, r.client.Key, port,
				version, "/upload", framing).CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), want) || !strings.Contains(string(out), "Your login session has ended.") {
				t.Errorf("http.client, %s, %s: %v, %s", version, framing, err, out)
			}
		}
	}
	file := filepath.Join(r.dir, "body")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.2", "1.3"} {
		out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--cacert", r.ca, "--cert", r.client.Certificate, "--key", r.client.Key, "--tls-max", version,
			"-H", "Expect:", "-T", file, "-X", "POST", "-w", "%{http_code}", "https://localhost:"+port+"/upload").CombinedOutput()
		if err != nil || !strings.HasSuffix(string(out), "}401") {
			t.Errorf("curl, %s: %v, %s", version, err, out)
		}
	}
}

// TestMutualTLS: who has no certificate of the authority gets no answer at all, from any listener.
func TestMutualTLS(t *testing.T) {
	r := newTLSRig(t, true)
	stranger := djangotest.NewAuthority(t)
	strangers := map[string][]djangotest.Pair{
		"nobody":               nil,
		"another authority":    {stranger.Write(t, r.dir, "stranger", x509.ExtKeyUsageClientAuth, time.Hour)},
		"a server certificate": {r.authority.Write(t, r.dir, "other", x509.ExtKeyUsageServerAuth, time.Hour)},
		"an old certificate":   {r.authority.Write(t, r.dir, "old", x509.ExtKeyUsageClientAuth, -time.Minute)},
	}
	requests := map[string]string{
		"public": "GET /authenticate HTTP/1.1\r\nHost: sidecar\r\nConnection: close\r\nCookie: " + r.site.cookie + "\r\n\r\n",
		"admin":  "GET /readyz HTTP/1.0\r\n\r\n",
		"grpc":   http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", // and no settings
	}
	for name, addr := range r.listeners() {
		for _, version := range tlsVersions {
			if said := r.answer(t, addr, version, requests[name], r.client); said == "" {
				t.Errorf("%s, %s, a client of the authority: %q", name, tls.VersionName(version), said)
			}
			// Its own certificate is for healthcheck alone.
			if said := r.answer(t, addr, version, requests[name], r.server); (said != "") != (name == "admin") {
				t.Errorf("%s, %s, with its own certificate: %q", name, tls.VersionName(version), said)
			}
			for who, pairs := range strangers {
				if said := r.answer(t, addr, version, requests[name], pairs...); said != "" {
					t.Errorf("%s, %s, %s: %q", name, tls.VersionName(version), who, said)
				}
			}
		}
	}
}

// listeners are the addresses of all listeners, by their names.
func (r *tlsRig) listeners() map[string]net.Addr {
	return map[string]net.Addr{"public": r.at.Public.Addr(), "admin": r.at.Admin.Addr(), "grpc": r.at.GRPC.Addr()}
}

// serial tells certificates of a listener from each other.
func (r *tlsRig) serial(t *testing.T, addr net.Addr, pairs ...djangotest.Pair) string {
	t.Helper()
	conn, err := r.dial(t, addr, tls.VersionTLS12, pairs...) // whose handshake ends with the server's word
	if err != nil {
		return ""
	}
	defer conn.Close() //nolint:errcheck // nothing has been said
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func (r *tlsRig) metric(t *testing.T, line string) bool {
	t.Helper()
	return strings.Contains(r.answer(t, r.at.Admin.Addr(), tls.VersionTLS13, "GET /metrics HTTP/1.0\r\n\r\n", r.client), "\n"+line+"\n")
}

// TestCertificatesAreReadAgain: new files count for new connections of each listener; a broken pair leaves the old one in
// force.
func TestCertificatesAreReadAgain(t *testing.T) {
	r := newTLSRig(t, true)
	first := r.serial(t, r.at.Public.Addr(), r.client)
	conn, err := r.dial(t, r.at.Public.Addr(), tls.VersionTLS13, r.client)
	if err != nil || first == "" {
		t.Fatal(first, err)
	}
	defer conn.Close() //nolint:errcheck // it has been read
	before := &kept{conn, bufio.NewReader(conn)}
	if err := before.ask(t, ""); err != nil { // the sidecar waits longer for its next request
		t.Fatal(err)
	}
	if err := os.WriteFile(r.server.Key, []byte("-----BEGIN PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return r.metric(t, "django_sidecar_settings_stale 1") })
	for name, addr := range r.listeners() {
		if now := r.serial(t, addr, r.client); now != first {
			t.Errorf("%s: with a broken pair, the certificate is %q", name, now)
		}
	}
	r.authority.Write(t, r.dir, "server", x509.ExtKeyUsageServerAuth, 2*time.Hour)
	for name, addr := range r.listeners() {
		waitFor(t, 30*time.Second, "the new certificate: "+name, func() bool {
			now := r.serial(t, addr, r.client)
			return now != "" && now != first
		})
	}
	eventually(t, func() bool { return r.metric(t, "django_sidecar_settings_stale 0") })
	// Another authority of clients: the sidecar's own certificate stays.
	other := djangotest.NewAuthority(t)
	other.WriteAuthority(t, r.dir, "ca")
	newcomer := other.Write(t, r.dir, "newcomer", x509.ExtKeyUsageClientAuth, time.Hour)
	for name, addr := range r.listeners() {
		waitFor(t, 30*time.Second, "a client of the new authority: "+name, func() bool { return r.serial(t, addr, newcomer) != "" })
		if r.serial(t, addr, r.client) != "" {
			t.Errorf("%s: a client of the authority before is let in", name)
		}
	}
	if err := before.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(before, "GET /authenticate HTTP/1.0\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if said, err := io.ReadAll(before.reader); err != nil || !bytes.Contains(said, []byte(" 401 ")) {
		t.Errorf("a connection from before: %q, %v", said, err)
	}
}

// TestHealthcheckOverTLS: the command reaches the admin listener, whose clients need certificates, without one of the authority's.
func TestHealthcheckOverTLS(t *testing.T) {
	for _, mutual := range []bool{false, true} {
		t.Run(fmt.Sprint(mutual), func(t *testing.T) {
			r := newTLSRig(t, mutual)
			t.Setenv("SIDECAR_ADMIN_LISTEN", r.at.Admin.Addr().String())
			if code, said := command(t, "", "healthcheck"); code != exitYes || said != "ready\n" {
				t.Errorf("exit code %d, %q", code, said)
			}
		})
	}
}

// TestCheckCertificates: check says when a certificate ends, warns two weeks before, and fails when it has ended.
func TestCheckCertificates(t *testing.T) {
	dir, authority := t.TempDir(), djangotest.NewAuthority(t)
	settings := map[string]string{"SIDECAR_TLS_CERT_FILE": filepath.Join(dir, "server.crt"), "SIDECAR_TLS_KEY_FILE": filepath.Join(dir, "server.key")}
	authority.Write(t, dir, "server", x509.ExtKeyUsageServerAuth, time.Hour)
	newUploadSite(t, t.TempDir(), settings)
	for ends, want := range map[time.Duration]string{
		-time.Minute: "FAIL  tls", 13 * 24 * time.Hour: "warn  tls", 15 * 24 * time.Hour: "ok    tls",
	} {
		authority.Write(t, dir, "server", x509.ExtKeyUsageServerAuth, ends)
		code, said := command(t, "", "check")
		if (code != 0) != (ends < 0) || !strings.Contains(said, want) || !strings.Contains(said, "the certificate of SIDECAR_TLS_CERT_FILE") {
			t.Errorf("a certificate that ends in %s: exit code %d\n%s", ends, code, said)
		}
	}
}
