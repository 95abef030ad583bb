package serving

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
)

// tlsOf is how a listener finds its certificates in the settings that are in force.
type tlsOf func(*config.Config) *config.TLS

func publicTLS(c *config.Config) *config.TLS { return c.TLS }
func adminTLS(c *config.Config) *config.TLS  { return c.AdminTLS }

// encrypt has a server speak TLS, if the settings have certificates for its listener and that is no unix socket. Each
// handshake goes by the certificates that are in force then. Protocol is "http/1.1" or "h2": what answers early, and
// what bounds connections, is made for the one that a server speaks.
func (sv *server) encrypt(s *http.Server, address string, of tlsOf, protocol string) {
	if of(sv.Config) == nil || config.IsSocket(address) {
		return
	}
	s.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := sv.Current().Config()
			t := of(c)
			return serverTLS(t, protocol, t == c.AdminTLS), nil
		},
	}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(protocol != "h2")
	s.Protocols.SetHTTP2(protocol == "h2")
}

// serverTLS lets the listener's own certificate in where ownToo says so: `healthcheck` has no other. Elsewhere, the
// certificate may be one that others have as well, such as one for all services of a domain.
func serverTLS(t *config.TLS, protocol string, ownToo bool) *tls.Config {
	own := *t.Certificate()
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, NextProtos: []string{protocol}}
	if t.ClientCAs() == nil {
		return c
	}
	c.ClientCAs = t.ClientCAs() // which tells clients whose certificates to show
	c.ClientAuth = tls.RequireAnyClientCert
	c.SessionTicketsDisabled = true // who resumes a session is not asked for a certificate again
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if ownToo && len(s.PeerCertificates) > 0 && s.PeerCertificates[0].Equal(own.Leaf) {
			return nil
		}
		return verifyClient(s.PeerCertificates, t.ClientCAs())
	}
	return c
}

// verifyClient lets in whom one of the authorities vouches for, as tls.RequireAndVerifyClientCert does.
func verifyClient(chain []*x509.Certificate, authorities *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the client has shown no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// certificateFindings are what check and the start say of each certificate that is in use.
func certificateFindings(c *config.Config, now time.Time) (findings []checkup.Finding) {
	for _, l := range []struct {
		setting string
		tls     *config.TLS
	}{{"SIDECAR_TLS_CERT_FILE", c.TLS}, {"SIDECAR_ADMIN_TLS_CERT_FILE", c.AdminTLS}} {
		if l.tls != nil {
			findings = append(findings, certificateFinding(l.setting, l.tls, now))
		}
	}
	return findings
}

func certificateFinding(setting string, t *config.TLS, now time.Time) checkup.Finding {
	leaf, at := t.Certificate().Leaf, func(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }
	f := checkup.Finding{Grade: checkup.OK, Name: "tls", Remedy: "put a new certificate and its key into the files; the " +
		"sidecar reads them again by itself"}
	switch {
	case now.After(leaf.NotAfter):
		f.Grade, f.Found = checkup.Fail, "has ended on "+at(leaf.NotAfter)+": clients refuse it"
	case now.Before(leaf.NotBefore):
		f.Grade, f.Found = checkup.Fail, "begins on "+at(leaf.NotBefore)+": clients refuse it until then"
	case now.After(leaf.NotAfter.Add(-soon)):
		f.Grade, f.Found = checkup.Warn, "ends on "+at(leaf.NotAfter)
	default:
		f.Remedy, f.Found = "", "ends on "+at(leaf.NotAfter)
	}
	clients := "clients need no certificate"
	if n := t.Authorities(); n == 1 {
		clients = "clients need a certificate of the one authority"
	} else if n > 1 {
		clients = fmt.Sprintf("clients need a certificate of one of %d authorities", n)
	}
	f.Found = "the certificate of " + setting + " " + f.Found + "; " + clients
	return f
}

// tellCertificates logs what there is to say of certificates, and lets the metrics know when they end.
func (sv *server) tellCertificates(ctx context.Context, c *config.Config) {
	for _, f := range certificateFindings(c, time.Now()) {
		if f.Grade != checkup.OK {
			sv.Logger.WarnContext(ctx, "tls", "warning", f.Found+"; "+f.Remedy)
		}
	}
	for _, l := range []struct {
		name string
		tls  *config.TLS
	}{{"public", c.TLS}, {"admin", c.AdminTLS}} {
		if l.tls != nil {
			sv.Metrics.CertificateEnds(l.name, l.tls.Certificate().Leaf.NotAfter)
		}
	}
}
