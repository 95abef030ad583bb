//go:build live

package database

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// selfSigned makes a certificate for 127.0.0.1 and localhost that is its own authority.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}))
}

// encryptedServer is a cluster with TLS, and the file that holds its certificate.
type encryptedServer struct {
	*djangotest.PrivateServer
	certificate string
}

func tlsServer(t *testing.T) *encryptedServer {
	t.Helper()
	server := djangotest.PrivatePostgres(t)
	certificate, key := selfSigned(t)
	admin := server.Database(t)
	for name, text := range map[string]string{"server.crt": certificate, "server.key": key} {
		// The server's own files, in its data directory: only the server may read its key.
		admin.ExecAsSuperuser(t, fmt.Sprintf(
			`COPY (SELECT unnest(string_to_array($$%s$$, E'\n'))) TO PROGRAM 'umask 077; cat > %s'`, strings.TrimSpace(text), name))
	}
	admin.ExecAsSuperuser(t, "ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf();")
	d := mustOpen(t, strings.Replace(admin.URL(), "sslmode=disable", "sslmode=require", 1), Options{Timeout: liveTimeout, Conns: 1})
	if err := eventually(t, liveTimeout, func() error { return d.PingContext(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	return &encryptedServer{server, fileOf(t, certificate)}
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a certificate.pem")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	server := tlsServer(t)
	db := server.Database(t)
	p := partsOf(t, db)
	stranger, _ := selfSigned(t)
	root := "&sslrootcert=" + strings.ReplaceAll(server.certificate, " ", "%20")
	otherRoot := "&sslrootcert=" + strings.ReplaceAll(fileOf(t, stranger), " ", "%20")
	for _, tt := range []struct {
		name, host, options string
		want                string // whether the connection is encrypted, or a part of the error
	}{
		{"prefer is the default", "127.0.0.1", "", "true"},
		{"disable", "127.0.0.1", "sslmode=disable", "false"},
		{"require", "127.0.0.1", "sslmode=require", "true"},
		{"ssl_require", "127.0.0.1", "ssl_require=true", "true"},
		{"require with the wrong authority", "127.0.0.1", "sslmode=require" + otherRoot, "certificate"},
		{"verify-ca", "127.0.0.1", "sslmode=verify-ca" + root, "true"},
		{"verify-ca, the wrong authority", "127.0.0.1", "sslmode=verify-ca" + otherRoot, "certificate"},
		{"verify-full", "127.0.0.1", "sslmode=verify-full" + root, "true"},
		{"verify-full by name", "localhost", "sslmode=verify-full" + root, "true"},
		{"verify-full, the wrong authority", "127.0.0.1", "sslmode=verify-full" + otherRoot, "certificate"},
		{"verify-full, the system's authorities", "127.0.0.1", "sslmode=verify-full", "certificate"},
		{"verify-full, another name", "other.example", "sslmode=verify-full&hostaddr=127.0.0.1" + root, "other.example"},
		{"verify-ca, another name", "other.example", "sslmode=verify-ca&hostaddr=127.0.0.1" + root, "true"},
		{"at most a version that is not spoken any more", "127.0.0.1", "sslmode=require&ssl_max_protocol_version=TLSv1", "supported versions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, port, err := net.SplitHostPort(p.address)
			if err != nil {
				t.Fatal(err)
			}
			d := mustOpen(t, fmt.Sprintf("postgres://%s@%s:%s/%s?%s", p.user, tt.host, port, p.name, tt.options), Options{Timeout: liveTimeout, Conns: 1})
			var got string
			err = d.QueryRowContext(t.Context(), "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&got)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) || err != nil && (tt.want == "true" || tt.want == "false") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
