package djangotest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority makes certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	PEM         string // its own certificate
}

// NewAuthority returns an authority that nobody knows yet.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of " + tb.Name() + " " + rand.Text()[:6]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return &Authority{certificate, key, pemOf("CERTIFICATE", der)}
}

// Issue makes a certificate for 127.0.0.1 and localhost, of a server or of a client, that ends after a while.
func (a *Authority) Issue(tb testing.TB, usage x509.ExtKeyUsage, ends time.Duration) (certificate, key string) {
	tb.Helper()
	return a.issue(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, ends)
}

// IssueNamed makes a certificate for another name, and no address.
func (a *Authority) IssueNamed(tb testing.TB, name string, usage x509.ExtKeyUsage) (certificate, key string) {
	tb.Helper()
	return a.issue(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, time.Hour)
}

func (a *Authority) issue(tb testing.TB, template *x509.Certificate, ends time.Duration) (certificate, key string) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template.SerialNumber, template.KeyUsage = serial, x509.KeyUsageDigitalSignature
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(ends)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	return pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", keyDER)
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Pair is a certificate and its key in files.
type Pair struct{ Certificate, Key string }

// Write puts a certificate of the authority, and its key, into files of a folder.
func (a *Authority) Write(tb testing.TB, dir, name string, usage x509.ExtKeyUsage, ends time.Duration) Pair {
	tb.Helper()
	p := Pair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	certificate, key := a.Issue(tb, usage, ends)
	for path, text := range map[string]string{p.Certificate: certificate, p.Key: key} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return p
}

// WriteAuthority puts the authority's own certificate into a file of a folder.
func (a *Authority) WriteAuthority(tb testing.TB, dir, name string) string {
	tb.Helper()
	path := filepath.Join(dir, name+".crt")
	if err := os.WriteFile(path, []byte(a.PEM), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
