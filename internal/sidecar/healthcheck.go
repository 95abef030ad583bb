package sidecar

import (
	"context"
	"net"
	"net/http"
	"strings"
)

// AskReady asks /readyz of the admin listener at an address of the settings.
func AskReady(ctx context.Context, address string) (status int, err error) {
	network, dial := "tcp", localAddress(address)
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, dial = "unix", path
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, dial)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sidecar/readyz", http.NoBody)
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
