package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// TLS is what a listener shows to its clients, and what it asks of them. Nothing of it can be printed.
type TLS struct {
	certificate *tls.Certificate
	clientCAs   *x509.CertPool
	clients     int
}

// Certificate is the listener's own, with its chain and its key. Its Leaf is set.
func (t *TLS) Certificate() *tls.Certificate { return t.certificate }

// ClientCAs are the authorities of clients, one at least; nil: clients need no certificate.
func (t *TLS) ClientCAs() *x509.CertPool { return t.clientCAs }

// Authorities is how many certificates ClientCAs has.
func (t *TLS) Authorities() int { return t.clients }

// readTLS reads the certificates of all listeners.
func (c *Config) readTLS(r *reader) {
	c.TLS = r.tls("SIDECAR_TLS_")
	c.AdminTLS = r.tls("SIDECAR_ADMIN_TLS_")
	if c.TLS != nil && IsSocket(c.Listen) && (c.GRPCListen == "" || IsSocket(c.GRPCListen)) {
		r.fault("SIDECAR_TLS_CERT_FILE", "is set, and SIDECAR_LISTEN is a unix socket, which has no TLS: unset "+
			"SIDECAR_TLS_CERT_FILE and what belongs to it, or listen on host:port")
	}
	if c.AdminTLS != nil && IsSocket(c.AdminListen) {
		r.fault("SIDECAR_ADMIN_TLS_CERT_FILE", "is set, and SIDECAR_ADMIN_LISTEN is a unix socket, which has no "+
			"TLS: unset SIDECAR_ADMIN_TLS_CERT_FILE and what belongs to it, or listen on host:port")
	}
}

// IsSocket reports whether a listener of the settings is a unix socket.
func IsSocket(address string) bool { return strings.HasPrefix(address, "unix:") }

// tls reads the three settings that begin with prefix; nil where they are not set, or wrong.
func (r *reader) tls(prefix string) *TLS {
	certFile, keyFile, caFile := prefix+"CERT_FILE", prefix+"KEY_FILE", prefix+"CLIENT_CA_FILE"
	faults := len(r.faults)
	certificates, haveCert := r.file(certFile)
	key, haveKey := r.file(keyFile)
	authorities, haveCA := r.file(caFile)
	switch {
	case haveCert && !haveKey:
		r.fault(certFile, "is set without "+keyFile+": set both")
	case haveKey && !haveCert:
		r.fault(keyFile, "is set without "+certFile+": set both")
	}
	if haveCA && !haveCert {
		r.fault(caFile, "is set without "+certFile+": without TLS, no client shows a certificate; set "+certFile+
			" and "+keyFile+" too")
	}
	t := &TLS{}
	if certificates != "" {
		if _, problem := parseCertificates(certificates); problem != "" {
			r.fault(certFile, "names "+quote(r.text(certFile), quotedPath)+", "+problem)
			key = "" // there is nothing to compare it with
		}
	}
	if certificates != "" && key != "" {
		pair, err := tls.X509KeyPair([]byte(certificates), []byte(key))
		switch {
		case err == nil:
			t.certificate = &pair
		case strings.Contains(key, "ENCRYPTED"):
			r.fault(keyFile, "names "+quote(r.text(keyFile), quotedPath)+", which is encrypted: write it without "+
				"its passphrase (openssl pkey)")
		default:
			r.fault(keyFile, "names "+quote(r.text(keyFile), quotedPath)+", which is not the key of the first "+
				"certificate of "+certFile+": "+err.Error())
		}
	}
	if authorities != "" {
		t.clientCAs = r.authorities(caFile, authorities, t)
	}
	if len(r.faults) > faults || t.certificate == nil {
		return nil
	}
	return t
}

// authorities are the certificates of a file, each of which vouches for clients.
func (r *reader) authorities(name, text string, t *TLS) *x509.CertPool {
	list, problem := parseCertificates(text)
	if problem != "" {
		r.fault(name, "names "+quote(r.text(name), quotedPath)+", "+problem)
		return nil
	}
	pool := x509.NewCertPool()
	for _, c := range list {
		pool.AddCert(c)
	}
	t.clients = len(list)
	return pool
}

// parseCertificates reads the certificates of a PEM file. The problem continues "names <path>, " in a Fault.
func parseCertificates(text string) (list []*x509.Certificate, problem string) {
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" { // a key may be in the same file
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, "which has a certificate that cannot be read: " + err.Error()
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, "which holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
	}
	return list, ""
}

// file is what the file of a setting holds, which is watched like that of a secret; "" and false where the setting is
// not set, "" and true after a fault.
func (r *reader) file(name string) (content string, given bool) {
	v := r.value(name)
	if !v.given {
		return "", false
	}
	return r.content(name, v), true
}
