package djangocache

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// tlsConfig makes of redis-py's options what they mean: redis/connection.py, 8.1, SSLConnection. It is nil without TLS.
//
// The names in certificates are checked unless ssl_check_hostname says no; redis-py does so only since 6.0.
func tlsConfig(secure bool, s *settings) (*tls.Config, error) {
	if !secure {
		for _, name := range []string{
			"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile",
			"ssl_check_hostname",
		} {
			if _, ok := s.values[name]; ok {
				return nil, fmt.Errorf("option %s needs a rediss:// URL", name)
			}
		}
		return nil, nil //nolint:nilnil // go-redis takes nil for "no TLS"
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := s.values["ssl_ca_certs"]; path != "" {
		pem, err := os.ReadFile(path) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("option ssl_ca_certs: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("option ssl_ca_certs: the file holds no certificates")
		}
	}
	if path := s.values["ssl_certfile"]; path != "" {
		key := s.values["ssl_keyfile"]
		if key == "" {
			key = path
		}
		certificate, err := tls.LoadX509KeyPair(path, key)
		if err != nil {
			return nil, fmt.Errorf("option ssl_certfile: %w", err)
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	switch s.values["ssl_cert_reqs"] {
	case "", "required", "optional": // a server always shows a certificate, so that the two are one
		if !s.truth("ssl_check_hostname", true) {
			checkChainOnly(c)
		}
	case "none":
		c.InsecureSkipVerify = true // asked for by name
	default:
		return nil, errors.New("option ssl_cert_reqs is none of required, optional and none")
	}
	return c, nil
}

// checkChainOnly has any certificate of the authorities do, whatever name is in it.
func checkChainOnly(c *tls.Config) {
	c.InsecureSkipVerify = true // for VerifyConnection does it
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server shows no certificate")
		}
		intermediates := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			intermediates.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs, Intermediates: intermediates})
		return err
	}
}
