package database

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// The modes of ssl_mode, as MySQL names them, from the weakest.
const (
	tlsDisabled       = "DISABLED"
	tlsPreferred      = "PREFERRED"       // TLS where the server has it
	tlsRequired       = "REQUIRED"        // TLS with anybody
	tlsVerifyCA       = "VERIFY_CA"       // with a server whose certificate is of the authority
	tlsVerifyIdentity = "VERIFY_IDENTITY" // and names the host
)

var tlsModes = []string{"", tlsDisabled, tlsPreferred, tlsRequired, tlsVerifyCA, tlsVerifyIdentity}

// strongerTLS returns the mode that asks for more.
func strongerTLS(a, b string) string {
	if slices.Index(tlsModes, a) > slices.Index(tlsModes, b) {
		return a
	}
	return b
}

// mysqlTLS says how a connection is encrypted.
type mysqlTLS struct {
	mode                 string
	ca, certificate, key string // files
	only13               bool
}

// check chooses the mode where none is named, as MySQL's clients do, and refuses what contradicts itself.
func (t *mysqlTLS) check() error {
	switch {
	case t.mode == "" && t.ca != "":
		t.mode = tlsVerifyCA
	case t.mode == "" && (t.certificate != "" || t.only13):
		t.mode = tlsRequired
	}
	t.mode = cmp.Or(t.mode, tlsPreferred)
	switch {
	case t.mode == tlsVerifyCA && t.ca == "":
		// The system's authorities would do for nobody: everybody has a certificate of one of them.
		return errors.New("option ssl_mode=VERIFY_CA needs ssl_ca, the file of the authority's certificate")
	case t.ca != "" && t.mode != tlsVerifyCA && t.mode != tlsVerifyIdentity:
		return errors.New("option ssl_ca needs ssl_mode=VERIFY_CA or VERIFY_IDENTITY: with another mode no " +
			"certificate is checked")
	case (t.certificate == "") != (t.key == ""):
		return errors.New("options ssl_cert and ssl_key need each other")
	}
	_, err := t.config("")
	return err
}

// config reads the files, so that a connection finds those that have been renewed. It is nil without TLS.
func (t *mysqlTLS) config(host string) (*tls.Config, error) {
	if t.mode == tlsDisabled {
		return nil, nil //nolint:nilnil // as the driver wants it
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if t.only13 {
		c.MinVersion = tls.VersionTLS13
	}
	if t.certificate != "" {
		certificate, err := tls.LoadX509KeyPair(t.certificate, t.key)
		if err != nil {
			return nil, fmt.Errorf("reading the files of options ssl_cert and ssl_key: %w", withoutPath(err))
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("reading the file of option ssl_ca: %w", withoutPath(err))
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the file of option ssl_ca holds no certificate in PEM form")
		}
	}
	if t.mode != tlsVerifyIdentity {
		c.InsecureSkipVerify = true
		if t.mode == tlsVerifyCA {
			c.VerifyConnection = verifyAuthority(c.RootCAs)
		}
	}
	return c, nil
}

// verifyAuthority checks all of a certificate but whom it names.
func verifyAuthority(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] { // a server has at least one, or the handshake fails
			intermediates.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}

// withoutPath leaves out the name of a file: what looks like one may belong to a password that is not encoded.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
