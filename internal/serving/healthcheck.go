package serving

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"

	"django-sidecar/internal/config"
)

// AskAdmin asks the admin listener at an address of the settings for a path, such as /readyz; own is nil where it
// speaks plain HTTP.
// Nothing secret is asked, so that it need not be known who answers: the certificate may be for other names, and be
// replaced at any time. To a listener that asks for a certificate it shows the listener's own.
func AskAdmin(ctx context.Context, address string, own *config.TLS, path string) (status int, err error) {
	network, dial := "tcp", localAddress(address)
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		network, dial = "unix", socket
	}
	scheme, settings := "http", (*tls.Config)(nil)
	if own != nil {
		scheme, settings = "https", &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // see above
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return own.Certificate(), nil
			},
		}
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: settings,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, dial)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://sidecar"+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// localAddress is where to reach a listener on this machine: one on all addresses is reached through loopback. It is
// not called localhost, which is a name that an image without /etc/hosts does not know.
func localAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host = "127.0.0.1"; ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
